//! State across restarts: a snapshot in FILE, and in FILE.log every input since.
//!
//! The emulator is a function of its inputs, so an input is written down before it is handled and a restart handles
//! the log again: nothing that was answered is lost to a kill -9, and a payment costs one small write. (A power cut
//! may lose what the kernel had not written; this is a test tool.) Snapshot and log carry a generation: a log that
//! is older than its snapshot has been taken into it and is ignored.

use gyesan_emulator::{Emulator, Request, Settings};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A log of this many bytes is taken into a new snapshot.
const LOG_MAX: u64 = 64 << 20;

/// The headers that an answer can depend on; no others are written down.
const HEADERS: [&str; 4] = ["authorization", "idempotency-key", "tosspayments-test-code", "accept-language"];

#[derive(Serialize, Deserialize)]
struct Snapshot<E> {
    generation: u64,
    emulator: E,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    Generation(u64),
    Request { at_ms: i64, request: Request },
    Finish { at_ms: i64, ticket: u64 },
}

/// The open log.
pub struct StateFile {
    path: PathBuf,
    log: File,
    generation: u64,
    written: u64,
}

/// Reads the state that this file and its log hold, under these settings, and starts a new log. A file that does not
/// exist is begun.
pub fn open(path: &Path, settings: Settings) -> io::Result<(Emulator, StateFile)> {
    let (generation, mut emulator) = match fs::read(path) {
        Ok(bytes) => {
            let snapshot: Snapshot<Emulator> = serde_json::from_slice(&bytes)?;
            (snapshot.generation, snapshot.emulator)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => (0, Emulator::new(settings.clone())),
        Err(error) => return Err(error),
    };
    replay(&log_path(path), generation, &mut emulator)?;
    let emulator = emulator.with_settings(settings);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = begin(path, generation + 1, &emulator)?;
    Ok((emulator, file))
}

fn log_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".log");
    PathBuf::from(name)
}

/// Handles the log's inputs again. A last line that was cut off was never answered.
fn replay(path: &Path, generation: u64, emulator: &mut Emulator) -> io::Result<()> {
    let text = match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut lines = text.lines().map_while(|line| serde_json::from_str::<Line>(line).ok());
    if !matches!(lines.next(), Some(Line::Generation(logged)) if logged == generation) {
        return Ok(());
    }
    for line in lines {
        match line {
            Line::Generation(_) => {}
            Line::Request { at_ms, request } => {
                emulator.handle(at_ms, &request);
            }
            Line::Finish { at_ms, ticket } => {
                emulator.finish(at_ms, ticket);
            }
        }
    }
    Ok(())
}

/// Writes the snapshot of a new generation beside the old one, puts it in its place, and begins its log.
fn begin(path: &Path, generation: u64, emulator: &Emulator) -> io::Result<StateFile> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let mut snapshot = File::create(&temporary)?;
    snapshot.write_all(&serde_json::to_vec(&Snapshot { generation, emulator })?)?;
    snapshot.sync_all()?;
    fs::rename(&temporary, path)?;
    let mut file =
        StateFile { path: path.into(), log: File::create(log_path(path))?, generation, written: 0 };
    file.append(&Line::Generation(generation))?;
    Ok(file)
}

impl StateFile {
    /// Writes a request down, if it can change anything. `emulator` is the state before it, for a new snapshot.
    pub fn record_request(&mut self, emulator: &Emulator, at_ms: i64, request: &Request) {
        if request.method == "GET" && !request.path.starts_with("/v1/") {
            return;
        }
        if self.written > LOG_MAX {
            self.keep(begin(&self.path, self.generation + 1, emulator));
        }
        let relevant = |name: &str| HEADERS.iter().any(|header| name.eq_ignore_ascii_case(header));
        let headers = request.headers.iter().filter(|(name, _)| relevant(name)).cloned().collect();
        let request = Request { headers, ..request.clone() };
        let written = self.append(&Line::Request { at_ms, request });
        complain(&self.path, written);
    }

    /// Writes down that a delayed call was finished.
    pub fn record_finish(&mut self, at_ms: i64, ticket: u64) {
        let written = self.append(&Line::Finish { at_ms, ticket });
        complain(&self.path, written);
    }

    fn keep(&mut self, begun: io::Result<StateFile>) {
        match begun {
            Ok(file) => *self = file,
            Err(error) => complain(&self.path, Err(error)),
        }
    }

    /// One write call a line: what the kernel has taken outlives this process.
    fn append(&mut self, line: &Line) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.log.write_all(&bytes)?;
        self.written += u64::try_from(bytes.len()).unwrap_or(0);
        Ok(())
    }
}

/// A test tool goes on when its disk is full, but not silently.
fn complain(path: &Path, result: io::Result<()>) {
    if let Err(error) = result {
        eprintln!("gyesan-emulator: cannot write {}.log: {error}", path.display());
    }
}

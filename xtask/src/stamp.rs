//! Incremental work: a step is skipped when a fingerprint of its inputs equals the one that was written after it
//! last succeeded. The fingerprint is over each input file's path, length and modification time.

use std::collections::hash_map::DefaultHasher;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace;

/// A step's inputs, outputs and the place of its stamp.
pub struct Stamp {
    file: PathBuf,
    fingerprint: String,
    outputs: Vec<PathBuf>,
}

impl Stamp {
    /// `inputs` are files or folders of the workspace; `salt` is whatever else the result depends on.
    pub fn new(name: &str, inputs: &[&str], salt: &str, outputs: Vec<PathBuf>) -> Self {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        for input in inputs {
            hash_path(&workspace::path(input), &mut hasher);
        }
        let fingerprint = format!("{:016x}", hasher.finish());
        Self { file: workspace::path("build/stamps").join(name), fingerprint, outputs }
    }

    /// Whether the step's result is there and of these inputs.
    fn is_fresh(&self) -> bool {
        let stored = std::fs::read_to_string(&self.file).unwrap_or_default();
        stored == self.fingerprint && self.outputs.iter().all(|output| output.exists())
    }

    /// Runs the step unless its result is there. Two runs in one clone do not do it at the same time: the second
    /// waits, and finds it done.
    pub fn or_else(&self, step: impl FnOnce() -> Result<()>) -> Result<()> {
        if self.is_fresh() {
            return Ok(());
        }
        let lock = self.file.with_extension("lock");
        write_file(&lock, b"")?;
        let lock = File::open(&lock).context("a step's lock cannot be opened")?;
        lock.lock().context("a step's lock cannot be taken")?;
        if self.is_fresh() {
            return Ok(());
        }
        step()?;
        self.write()
    }

    fn write(&self) -> Result<()> {
        write_file(&self.file, self.fingerprint.as_bytes())
    }
}

fn hash_path(path: &Path, hasher: &mut DefaultHasher) {
    path.hash(hasher);
    let Ok(meta) = std::fs::metadata(path) else { return };
    if !meta.is_dir() {
        meta.len().hash(hasher);
        meta.modified().ok().hash(hasher);
        return;
    }
    let Ok(entries) = std::fs::read_dir(path) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for entry in paths {
        let hidden = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden {
            hash_path(&entry, hasher);
        }
    }
}

/// Writes a file and the folders above it.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    std::fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))
}

/// A short name for a file's content, for addresses that may be cached for ever.
pub fn content_hash(bytes: &[u8]) -> String {
    // FNV-1a is enough: it names a build's own files and guards nothing.
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}").chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_has_one_name_and_another_content_another() {
        assert_eq!(content_hash(b"a"), content_hash(b"a"));
        assert_ne!(content_hash(b"a"), content_hash(b"b"));
        assert_eq!(content_hash(b"").len(), 12);
    }

    #[test]
    fn a_step_that_never_ran_is_not_fresh() {
        let stamp = Stamp::new("never", &["Cargo.toml"], "", vec![]);
        assert!(!stamp.is_fresh());
    }

    #[test]
    fn the_fingerprint_follows_the_salt() {
        let one = Stamp::new("x", &["Cargo.toml"], "1", vec![]);
        let two = Stamp::new("x", &["Cargo.toml"], "2", vec![]);
        assert_ne!(one.fingerprint, two.fingerprint);
    }
}

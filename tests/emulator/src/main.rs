//! `gyesan-emulator`: the stand-in for Toss Payments as a server on this machine.

mod flags;
mod server;
mod state_file;

use gyesan_emulator::{Emulator, Settings};
use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;

fn main() -> ExitCode {
    let flags = match flags::read(std::env::args().skip(1)) {
        Ok(Some(flags)) => flags,
        Ok(None) => {
            println!("{}", flags::HELP);
            return ExitCode::SUCCESS;
        }
        Err(message) => return fail(&message),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start: {error}")),
    };
    match tokio::task::LocalSet::new().block_on(&runtime, run(flags)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(&message),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("gyesan-emulator: {message}");
    ExitCode::FAILURE
}

async fn run(flags: flags::Flags) -> Result<(), String> {
    let port = flags.port;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => format!("port {port} is in use; choose another with --port"),
        _ => format!("cannot listen on port {port}: {error}"),
    })?;
    let port = listener.local_addr().map_err(|error| error.to_string())?.port();
    let origin = format!("http://127.0.0.1:{port}");
    let defaults = Settings::default();
    let settings = Settings {
        public_origin: flags.public_origin.unwrap_or_else(|| origin.clone()),
        client_key: flags.client_key.unwrap_or(defaults.client_key),
        secret_key: flags.secret_key.unwrap_or(defaults.secret_key),
        shop_origin: flags.shop_origin.unwrap_or(defaults.shop_origin),
        allow_origin: flags.allow_origin.unwrap_or(defaults.allow_origin),
        seed: fresh_seed(),
        journal_limit: defaults.journal_limit,
    };
    let (emulator, state_file) = match flags.state {
        Some(path) => {
            let (emulator, file) = state_file::open(&path, settings)
                .map_err(|error| format!("cannot use the state file {}: {error}", path.display()))?;
            (emulator, Some(file))
        }
        None => (Emulator::new(settings), None),
    };
    let shared = Rc::new(RefCell::new(server::Shared { emulator, state_file }));
    println!("emulator ready {origin}");
    server::serve(listener, shared).await;
    Ok(())
}

/// Keys of two runs must differ, also when neither keeps its state.
fn fresh_seed() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(since_epoch.subsec_nanos()) << 32 ^ since_epoch.as_secs() ^ u64::from(std::process::id()) << 16
}

//! The command line.

use std::path::PathBuf;

/// What `--help` prints.
pub const HELP: &str = "\
A stateful, offline stand-in for Toss Payments.

  --port PORT             port on 127.0.0.1 (8788)
  --public-origin URL     where browsers reach it (http://127.0.0.1:PORT)
  --shop-origin URL       the shop that buyers without a browser return to (http://127.0.0.1:8787)
  --state FILE            keep state here (and in FILE.log) across restarts
  --client-key KEY        the SDK's key (test_gck_demo)
  --secret-key KEY        the API's key (test_gsk_demo)
  --allow-origin ORIGIN   which shop may use the SDK (*)";

/// The flags as given.
#[derive(Debug, Default)]
pub struct Flags {
    pub port: u16,
    pub public_origin: Option<String>,
    pub shop_origin: Option<String>,
    pub state: Option<PathBuf>,
    pub client_key: Option<String>,
    pub secret_key: Option<String>,
    pub allow_origin: Option<String>,
}

/// Reads `--flag value` and `--flag=value`; `None` when help was asked for.
pub fn read(arguments: impl Iterator<Item = String>) -> Result<Option<Flags>, String> {
    let mut flags = Flags { port: 8788, ..Flags::default() };
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        if matches!(argument.as_str(), "--help" | "-h") {
            return Ok(None);
        }
        let (name, inline) = match argument.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (argument, None),
        };
        let mut value =
            || inline.clone().or_else(|| arguments.next()).ok_or_else(|| format!("{name} needs a value"));
        let origin = |text: String| text.trim_end_matches('/').to_owned();
        match name.as_str() {
            "--port" => {
                let text = value()?;
                flags.port = text.parse().map_err(|_| format!("--port {text}: not a port (0–65535)"))?;
            }
            "--public-origin" => flags.public_origin = Some(origin(value()?)),
            "--shop-origin" => flags.shop_origin = Some(origin(value()?)),
            "--state" => flags.state = Some(PathBuf::from(value()?)),
            "--client-key" => flags.client_key = Some(value()?),
            "--secret-key" => flags.secret_key = Some(value()?),
            "--allow-origin" => flags.allow_origin = Some(value()?),
            _ => return Err(format!("unknown argument {name}; --help lists them")),
        }
    }
    Ok(Some(flags))
}

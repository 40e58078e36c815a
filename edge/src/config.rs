//! The deployment's configuration , parsed once from the Worker's variables and secrets.
//!
//! Every value that is missing or malformed is one clear error at start; nothing later reads a raw variable.

use crate::topology::{Bus, Topology};
use gyesan_core::id::{self, MerchantId};
use gyesan_kafka::sasl::{Credentials, Mechanism};
use gyesan_kafka::socket::Address;
pub use schema_registry::SchemaRegistry;

mod schema_registry;

/// Shards that one deployment can have; beyond it a fan-out over all of them takes too many calls.
const SHARDS_MAX: u32 = 1_024;
/// Bytes that `TOKEN_KEY` must have at least: the strength of HMAC-SHA256.
const TOKEN_KEY_MIN_BYTES: usize = 32;
/// Requests a second of one API key when `RATE_LIMIT_PER_KEY` is absent.
const RATE_LIMIT_PER_KEY: u32 = 1_000;
/// Requests a second of one address when `RATE_LIMIT_PER_ADDRESS` is absent.
const RATE_LIMIT_PER_ADDRESS: u32 = 50;

/// `OUTBOX_RETENTION_DAYS` when it is absent, and at most.
const OUTBOX_RETENTION_DAYS: u32 = 7;
const OUTBOX_RETENTION_DAYS_MAX: u32 = 36_500;
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// The parsed configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    /// `ORDER_SHARDS`, `LEDGER_SHARDS`.
    pub topology: Topology,
    /// `PUBLIC_ORIGIN`: where the Worker is reached, `https://pay.example`, without a path.
    pub public_origin: String,
    /// `DEFAULT_MERCHANT`: whose the `TOSS_*` values and the URLs without a merchant are.
    pub default_merchant: MerchantId,
    /// The default merchant's account at Toss.
    pub toss: Toss,
    /// How Kafka is reached; `None` when `EVENT_BUS` is `embedded`.
    pub kafka: Option<Kafka>,
    /// `TOKEN_KEY`: signs status tokens and customer keys.
    pub token_key: Vec<u8>,
    /// `RATE_LIMIT_PER_KEY`, `RATE_LIMIT_PER_ADDRESS`.
    pub rate_limits: RateLimits,
}

/// An account at Toss, and where Toss is.
#[derive(Clone, PartialEq, Eq)]
pub struct Toss {
    /// `TOSS_API_BASE`, without a trailing slash.
    pub api_base: String,
    /// `TOSS_SDK_URL`.
    pub sdk_url: String,
    /// `TOSS_CLIENT_KEY`: public.
    pub client_key: String,
    /// `TOSS_SECRET_KEY`: secret.
    pub secret_key: String,
}

/// How Kafka and the schema registry are reached.
#[derive(Clone, PartialEq, Eq)]
pub struct Kafka {
    /// `KAFKA_BROKERS`: addresses to begin with, at least one.
    pub brokers: Vec<Address>,
    /// Whether `KAFKA_SECURITY` asks for TLS.
    pub tls: bool,
    /// `KAFKA_SASL_MECHANISM`, `KAFKA_USERNAME`, `KAFKA_PASSWORD`, when `KAFKA_SECURITY` asks for SASL.
    pub credentials: Option<Credentials>,
    /// Without one, the schema ids of the repository are used.
    pub schema_registry: Option<SchemaRegistry>,
    /// `OUTBOX_RETENTION_DAYS`, in milliseconds: how long published events stay in the shards' outboxes; `None` = for ever.
    pub outbox_keep_ms: Option<i64>,
}

/// Requests a second; 0 = not limited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateLimits {
    /// Of one API key.
    pub per_key: u32,
    /// Of one address, for callers without a secret key.
    pub per_address: u32,
}

/// What is wrong with the configuration, naming the variable and the cure.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct ConfigFault {
    /// The variable.
    pub name: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl Config {
    /// Reads the configuration through `lookup`, which knows the value of a name or that there is none.
    ///
    /// # Errors
    /// The first value that is missing, malformed or at odds with another.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigFault> {
        let vars = Vars { lookup };
        let public_origin = vars.url("PUBLIC_ORIGIN", None)?;
        if origin_of(&public_origin).as_deref() != Some(public_origin.as_str()) {
            return fault("PUBLIC_ORIGIN", "must be an origin alone, such as https://pay.example");
        }
        let default_merchant = vars.text("DEFAULT_MERCHANT").unwrap_or_else(|| "demo".to_owned());
        if !id::is_name(&default_merchant) {
            return fault("DEFAULT_MERCHANT", "must be 1 to 64 of A-Z, a-z, 0-9, - and _");
        }
        let token_key = vars.required("TOKEN_KEY")?.into_bytes();
        if token_key.len() < TOKEN_KEY_MIN_BYTES {
            return fault("TOKEN_KEY", format!("must have at least {TOKEN_KEY_MIN_BYTES} bytes"));
        }
        Ok(Config {
            topology: Topology {
                order_shards: vars.count("ORDER_SHARDS", None, 1..=SHARDS_MAX)?,
                ledger_shards: vars.count("LEDGER_SHARDS", None, 1..=SHARDS_MAX)?,
                bus: vars.bus()?,
            },
            kafka: vars.kafka()?,
            toss: vars.toss(&public_origin)?,
            public_origin,
            default_merchant: MerchantId(default_merchant),
            token_key,
            rate_limits: RateLimits {
                per_key: vars.count("RATE_LIMIT_PER_KEY", Some(RATE_LIMIT_PER_KEY), 0..=1_000_000)?,
                per_address: vars.count(
                    "RATE_LIMIT_PER_ADDRESS",
                    Some(RATE_LIMIT_PER_ADDRESS),
                    0..=1_000_000,
                )?,
            },
        })
    }

    /// The merchant's account at its PSP. Only the default merchant has one: charging a buyer through another merchant's
    /// account would pay the wrong shop.
    pub fn psp_of(&self, merchant: &MerchantId) -> Option<&Toss> {
        (*merchant == self.default_merchant).then_some(&self.toss)
    }

    /// Whether the origin is the deployment's own: our pages, also when a developer writes `localhost` for `127.0.0.1`.
    pub fn is_own_origin(&self, origin: &str) -> bool {
        let other_name = self
            .public_origin
            .strip_prefix("http://127.0.0.1:")
            .map(|port| format!("http://localhost:{port}"))
            .or_else(|| {
                self.public_origin
                    .strip_prefix("http://localhost:")
                    .map(|port| format!("http://127.0.0.1:{port}"))
            });
        origin == self.public_origin || other_name.as_deref() == Some(origin)
    }
}

/// The origin of an absolute http(s) URL, in lower case: scheme, host, and the port unless it is the scheme's own.
/// `None` for anything else, also for URLs with a user name, which are written to deceive.
pub fn origin_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "http" => "80",
        "https" => "443",
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?.to_ascii_lowercase();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host.to_owned(), Some(port)),
        _ => (authority.clone(), None),
    };
    let plain_host = !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    let ipv6 = host.starts_with('[')
        && host.ends_with(']')
        && host.bytes().all(|b| b.is_ascii_hexdigit() || b"[:.]".contains(&b));
    if !plain_host && !ipv6 {
        return None;
    }
    match port {
        None => Some(format!("{scheme}://{host}")),
        Some(port) if port == default_port => Some(format!("{scheme}://{host}")),
        Some(port) => port.parse::<u16>().ok().map(|port| format!("{scheme}://{host}:{port}")),
    }
}

struct Vars<F> {
    lookup: F,
}

impl<F: Fn(&str) -> Option<String>> Vars<F> {
    fn text(&self, name: &'static str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &'static str) -> Result<String, ConfigFault> {
        self.text(name).ok_or_else(|| ConfigFault { name, problem: "is not set".to_owned() })
    }

    fn url(&self, name: &'static str, default: Option<&str>) -> Result<String, ConfigFault> {
        let url = match (self.text(name), default) {
            (Some(url), _) => url,
            (None, Some(default)) => default.to_owned(),
            (None, None) => self.required(name)?,
        };
        match origin_of(&url) {
            Some(_) if url.parse::<http::Uri>().is_ok() => Ok(url.trim_end_matches('/').to_owned()),
            _ => fault(name, format!("`{url}` is not an http or https URL")),
        }
    }

    fn bus(&self) -> Result<Bus, ConfigFault> {
        match self.text("EVENT_BUS").as_deref() {
            None | Some("embedded") => Ok(Bus::Embedded),
            Some("kafka") => Ok(Bus::Kafka {
                relays: self.count("RELAYS", Some(1), 1..=SHARDS_MAX)?,
                orders_partitions: self.count("ORDERS_PARTITIONS", None, 1..=SHARDS_MAX)?,
                ledger_partitions: self.count("LEDGER_PARTITIONS", None, 1..=SHARDS_MAX)?,
            }),
            Some(other) => fault("EVENT_BUS", format!("`{other}` is not one of embedded, kafka")),
        }
    }

    fn kafka(&self) -> Result<Option<Kafka>, ConfigFault> {
        if self.bus()? == Bus::Embedded {
            return Ok(None);
        }
        let brokers = self.required("KAFKA_BROKERS")?;
        let brokers = brokers.split(',').map(|text| address(text.trim())).collect::<Result<Vec<_>, _>>()?;
        let (tls, sasl) = match self.text("KAFKA_SECURITY").as_deref() {
            None | Some("PLAINTEXT") => (false, false),
            Some("SSL") => (true, false),
            Some("SASL_PLAINTEXT") => (false, true),
            Some("SASL_SSL") => (true, true),
            Some(other) => {
                let known = "PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL";
                return fault("KAFKA_SECURITY", format!("`{other}` is not one of {known}"));
            }
        };
        let credentials = if sasl { Some(self.credentials()?) } else { None };
        let days =
            self.count("OUTBOX_RETENTION_DAYS", Some(OUTBOX_RETENTION_DAYS), 0..=OUTBOX_RETENTION_DAYS_MAX)?;
        let outbox_keep_ms = (days > 0).then(|| i64::from(days) * DAY_MS);
        let schema_registry = self.schema_registry()?;
        Ok(Some(Kafka { brokers, tls, credentials, schema_registry, outbox_keep_ms }))
    }

    fn credentials(&self) -> Result<Credentials, ConfigFault> {
        let name = self.required("KAFKA_SASL_MECHANISM")?;
        let Some(mechanism) = Mechanism::from_name(&name) else {
            let known = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512";
            return fault("KAFKA_SASL_MECHANISM", format!("`{name}` is not one of {known}"));
        };
        let username = self.required("KAFKA_USERNAME")?;
        Ok(Credentials { mechanism, username, password: self.required("KAFKA_PASSWORD")? })
    }

    fn count(
        &self,
        name: &'static str,
        default: Option<u32>,
        range: std::ops::RangeInclusive<u32>,
    ) -> Result<u32, ConfigFault> {
        let text = match (self.text(name), default) {
            (Some(text), _) => text,
            (None, Some(default)) => return Ok(default),
            (None, None) => self.required(name)?,
        };
        match text.parse::<u32>() {
            Ok(count) if range.contains(&count) => Ok(count),
            _ => fault(
                name,
                format!("`{text}` is not a whole number from {} to {}", range.start(), range.end()),
            ),
        }
    }

    fn toss(&self, public_origin: &str) -> Result<Toss, ConfigFault> {
        let toss = Toss {
            api_base: self.url("TOSS_API_BASE", Some("https://api.tosspayments.com"))?,
            sdk_url: self.url("TOSS_SDK_URL", Some("https://js.tosspayments.com/v2/standard"))?,
            client_key: self.required("TOSS_CLIENT_KEY")?,
            secret_key: self.required("TOSS_SECRET_KEY")?,
        };
        let (client_env, client_kind) = key_parts("TOSS_CLIENT_KEY", &toss.client_key, &["gck", "ck"])?;
        let (secret_env, secret_kind) = key_parts("TOSS_SECRET_KEY", &toss.secret_key, &["gsk", "sk"])?;
        if client_env != secret_env {
            return fault(
                "TOSS_SECRET_KEY",
                format!("is a {secret_env} key beside a {client_env} TOSS_CLIENT_KEY"),
            );
        }
        // gck goes with gsk and ck with sk: Toss refuses a mixed pair with INVALID_API_KEY (`toss.md` §9 row 11).
        if client_kind.strip_suffix("ck") != secret_kind.strip_suffix("sk") {
            return fault(
                "TOSS_SECRET_KEY",
                format!("is a {secret_kind} key, which is not a pair with a {client_kind} TOSS_CLIENT_KEY"),
            );
        }
        if client_env == "live" && !public_origin.starts_with("https://") {
            return fault("TOSS_CLIENT_KEY", "is a live key, and PUBLIC_ORIGIN is not https");
        }
        Ok(toss)
    }
}

/// `host:port`, or `[address]:port` for IPv6.
fn address(text: &str) -> Result<Address, ConfigFault> {
    let malformed = || ConfigFault {
        name: "KAFKA_BROKERS",
        problem: format!("`{text}` is not a host and a port, such as kafka.example:9092"),
    };
    let (host, port) = text.rsplit_once(':').ok_or_else(malformed)?;
    let port = port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(malformed)?;
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let well_formed = match bracketed {
        Some(host) => host.contains(':') && host.bytes().all(|b| b.is_ascii_hexdigit() || b":.".contains(&b)),
        None => !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b)),
    };
    if !well_formed {
        return Err(malformed());
    }
    Ok(Address { host: bracketed.unwrap_or(host).to_owned(), port })
}

/// The environment (`test`, `live`) and the kind (`gck`, `sk` …) of a key of Toss.
fn key_parts<'k>(
    name: &'static str,
    key: &'k str,
    kinds: &[&'static str],
) -> Result<(&'k str, &'static str), ConfigFault> {
    let mut parts = key.splitn(3, '_');
    let (env, kind, rest) = (parts.next(), parts.next(), parts.next());
    let kind = kinds.iter().find(|known| kind == Some(**known));
    match (env, kind, rest) {
        (Some(env @ ("test" | "live")), Some(kind), Some(rest)) if !rest.is_empty() => Ok((env, *kind)),
        // The value is not repeated: it may be a secret.
        _ => fault(name, format!("must look like test_{0}_… or live_{0}_…", kinds.join("_… / test_"))),
    }
}

fn fault<T>(name: &'static str, problem: impl Into<String>) -> Result<T, ConfigFault> {
    Err(ConfigFault { name, problem: problem.into() })
}

#[cfg(test)]
#[path = "config/tests.rs"]
mod tests;

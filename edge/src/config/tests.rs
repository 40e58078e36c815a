#![allow(clippy::unwrap_used)]

use super::{Config, origin_of};
use crate::topology::{Subscription, Target};

fn with(changes: &[(&str, &str)]) -> Result<Config, String> {
    let changes: Vec<(String, String)> =
        changes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let base = |name: &str| {
        Some(match name {
            "PUBLIC_ORIGIN" => "http://127.0.0.1:8787",
            "TOSS_CLIENT_KEY" => "test_gck_demo",
            "TOSS_SECRET_KEY" => "test_gsk_demo",
            "TOKEN_KEY" => "0123456789abcdef0123456789abcdef",
            "ORDER_SHARDS" | "LEDGER_SHARDS" => "2",
            _ => return None,
        })
    };
    let lookup = move |name: &str| {
        let changed = changes.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        changed.or_else(|| base(name).map(str::to_owned))
    };
    Config::from_lookup(lookup).map_err(|fault| fault.to_string())
}

#[test]
fn a_complete_configuration_is_read() {
    let config = with(&[]).unwrap();
    assert_eq!(config.topology.order_shards, 2);
    assert_eq!(config.default_merchant.as_str(), "demo");
    assert_eq!(config.toss.api_base, "https://api.tosspayments.com");
    assert!(config.is_own_origin("http://localhost:8787") && !config.is_own_origin("http://localhost:8788"));
}

#[test]
fn each_fault_names_its_variable() {
    let faults = [
        (("PUBLIC_ORIGIN", ""), "PUBLIC_ORIGIN: is not set"),
        (("PUBLIC_ORIGIN", "pay.example"), "PUBLIC_ORIGIN: `pay.example` is not an http or https URL"),
        (("PUBLIC_ORIGIN", "https://pay.example/x"), "PUBLIC_ORIGIN: must be an origin alone"),
        (("EVENT_BUS", "kafka"), "ORDERS_PARTITIONS: is not set"),
        (("EVENT_BUS", "rabbit"), "EVENT_BUS: `rabbit` is not one of"),
        (("TOKEN_KEY", "short"), "TOKEN_KEY: must have at least 32 bytes"),
        (("ORDER_SHARDS", "0"), "ORDER_SHARDS: `0` is not a whole number from 1"),
        (("LEDGER_SHARDS", "two"), "LEDGER_SHARDS: `two` is not a whole number"),
        (("RATE_LIMIT_PER_KEY", "-1"), "RATE_LIMIT_PER_KEY: `-1`"),
        (("DEFAULT_MERCHANT", "a b"), "DEFAULT_MERCHANT: must be"),
        (("TOSS_CLIENT_KEY", "gck_demo"), "TOSS_CLIENT_KEY: must look like"),
        (("TOSS_SECRET_KEY", "test_sk_demo"), "TOSS_SECRET_KEY: is a sk key, which is not a pair"),
        (("TOSS_SECRET_KEY", "live_gsk_demo"), "TOSS_SECRET_KEY: is a live key beside a test"),
    ];
    for ((name, value), expected) in faults {
        let fault = with(&[(name, value)]).err().unwrap();
        assert!(fault.starts_with(expected), "{name}={value}: {fault}");
    }
}

#[test]
fn published_events_are_kept_for_the_days_that_are_wanted() {
    let keep_ms = |changes: &[(&str, &str)]| {
        let config = with(&[&KAFKA[..], changes].concat());
        config.map(|config| config.kafka.unwrap().outbox_keep_ms)
    };
    assert_eq!(keep_ms(&[]).unwrap(), Some(7 * 86_400_000));
    assert_eq!(keep_ms(&[("OUTBOX_RETENTION_DAYS", "30")]).unwrap(), Some(30 * 86_400_000));
    assert_eq!(keep_ms(&[("OUTBOX_RETENTION_DAYS", "0")]).unwrap(), None, "for ever");
    for wrong in ["-1", "7d", "1.5", "36501"] {
        let fault = keep_ms(&[("OUTBOX_RETENTION_DAYS", wrong)]).unwrap_err();
        let expected = format!("OUTBOX_RETENTION_DAYS: `{wrong}` is not a whole number from 0 to 36500");
        assert_eq!(fault, expected);
    }
}

const KAFKA: [(&str, &str); 4] = [
    ("EVENT_BUS", "kafka"),
    ("ORDERS_PARTITIONS", "8"),
    ("LEDGER_PARTITIONS", "4"),
    ("KAFKA_BROKERS", "kafka-1.example:9092, [::1]:19092"),
];

#[test]
fn kafka_is_read_with_its_partitions_and_brokers() {
    let config = with(&KAFKA).unwrap();
    assert_eq!(config.topology.partitions(Subscription::Wallets), 8);
    assert_eq!(config.topology.relays().collect::<Vec<_>>(), [Target::Relay(0)]);
    let kafka = config.kafka.unwrap();
    let brokers: Vec<String> =
        kafka.brokers.iter().map(|broker| format!("{} {}", broker.host, broker.port)).collect();
    assert_eq!(brokers, ["kafka-1.example 9092", "::1 19092"]);
    assert!(!kafka.tls && kafka.credentials.is_none() && kafka.schema_registry.is_none());
}

#[test]
fn each_fault_of_kafka_names_its_variable() {
    let faults = [
        (vec![("KAFKA_BROKERS", "")], "KAFKA_BROKERS: is not set"),
        (vec![("KAFKA_BROKERS", "kafka.example")], "KAFKA_BROKERS: `kafka.example` is not a host and a port"),
        (vec![("KAFKA_BROKERS", "kafka:0")], "KAFKA_BROKERS: `kafka:0`"),
        (vec![("KAFKA_BROKERS", "a:9092;b:9092")], "KAFKA_BROKERS: `a:9092;b:9092` is not a host and a port"),
        (vec![("KAFKA_BROKERS", "::1")], "KAFKA_BROKERS: `::1` is not a host and a port"),
        (vec![("KAFKA_BROKERS", "[::1:9092")], "KAFKA_BROKERS: `[::1:9092` is not a host and a port"),
        (vec![("RELAYS", "0")], "RELAYS: `0` is not a whole number from 1"),
        (vec![("KAFKA_SECURITY", "TLS")], "KAFKA_SECURITY: `TLS` is not one of PLAINTEXT"),
        (vec![("KAFKA_SECURITY", "SASL_SSL")], "KAFKA_SASL_MECHANISM: is not set"),
        (
            vec![("KAFKA_SECURITY", "SASL_SSL"), ("KAFKA_SASL_MECHANISM", "GSSAPI")],
            "KAFKA_SASL_MECHANISM: `GSSAPI`",
        ),
        (
            vec![("KAFKA_SECURITY", "SASL_SSL"), ("KAFKA_SASL_MECHANISM", "PLAIN")],
            "KAFKA_USERNAME: is not set",
        ),
        (vec![("SCHEMA_REGISTRY_URL", "registry")], "SCHEMA_REGISTRY_URL: `registry` is not an http"),
        (
            vec![("SCHEMA_REGISTRY_URL", "https://app:hunter2@registry")],
            "SCHEMA_REGISTRY_URL: must not hold a user or a password: set SCHEMA_REGISTRY_USERNAME",
        ),
        (
            vec![("SCHEMA_REGISTRY_URL", "https://registry"), ("SCHEMA_REGISTRY_USERNAME", "app")],
            "SCHEMA_REGISTRY_PASSWORD: is not set, but SCHEMA_REGISTRY_USERNAME is",
        ),
        (
            vec![("SCHEMA_REGISTRY_URL", "https://registry"), ("SCHEMA_REGISTRY_PASSWORD", "hunter2")],
            "SCHEMA_REGISTRY_USERNAME: is not set, but SCHEMA_REGISTRY_PASSWORD is",
        ),
        (
            vec![
                ("SCHEMA_REGISTRY_URL", "https://registry"),
                ("SCHEMA_REGISTRY_USERNAME", "a:b"),
                ("SCHEMA_REGISTRY_PASSWORD", "hunter2"),
            ],
            "SCHEMA_REGISTRY_USERNAME: must not contain a colon",
        ),
        (vec![("SCHEMA_REGISTRY_URL", "http://r/a b")], "SCHEMA_REGISTRY_URL: `http://r/a b` is not an http"),
    ];
    for (changes, expected) in faults {
        let all: Vec<(&str, &str)> = changes.iter().chain(&KAFKA).copied().collect();
        let fault = with(&all).err().unwrap();
        assert!(fault.starts_with(expected), "{changes:?}: {fault}");
        assert!(!fault.contains("hunter2"), "{fault}");
    }
}

#[test]
fn a_registry_is_read_with_its_user_and_password() {
    let registry = |more: &[(&str, &str)]| {
        let url = [("SCHEMA_REGISTRY_URL", "https://registry.example/v7/")];
        let all: Vec<(&str, &str)> = more.iter().chain(&url).chain(&KAFKA).copied().collect();
        with(&all).unwrap().kafka.unwrap().schema_registry.unwrap()
    };
    assert_eq!(registry(&[]).url, "https://registry.example/v7");
    assert!(registry(&[]).credentials.is_none());
    let both = [("SCHEMA_REGISTRY_USERNAME", "app"), ("SCHEMA_REGISTRY_PASSWORD", "pa:ss@1")];
    assert_eq!(registry(&both).credentials, Some(("app".to_owned(), "pa:ss@1".to_owned())));
}

#[test]
fn a_live_key_needs_an_https_origin() {
    let live = [("TOSS_CLIENT_KEY", "live_gck_a"), ("TOSS_SECRET_KEY", "live_gsk_a")];
    assert!(with(&live).err().unwrap().contains("PUBLIC_ORIGIN is not https"));
    let https = [live[0], live[1], ("PUBLIC_ORIGIN", "https://pay.example")];
    assert!(with(&https).is_ok());
}

#[test]
fn a_fault_never_shows_a_secret() {
    let fault = with(&[("TOSS_SECRET_KEY", "hunter2")]).err().unwrap();
    assert!(!fault.contains("hunter2"), "{fault}");
}

#[test]
fn origins_are_compared_in_one_form() {
    let cases = [
        ("https://Shop.example/thanks?a=1", Some("https://shop.example")),
        ("https://shop.example:443/", Some("https://shop.example")),
        ("http://[::1]:8787/x", Some("http://[::1]:8787")),
        ("http://127.0.0.1:8787", Some("http://127.0.0.1:8787")),
        ("https://shop.example:99999/", None),
        ("https://shop.example@evil.example/", None),
        ("https://shop.example\\@evil.example/", None),
        ("https:///x", None),
        ("//shop.example", None),
        ("javascript://shop.example/%0aalert(1)", None),
        ("null", None),
    ];
    for (url, origin) in cases {
        assert_eq!(origin_of(url).as_deref(), origin, "{url}");
    }
}

//! Every request against a frame that is kept.

use super::*;

/// Every request in every version in which it is sent.
fn requests() -> Vec<(i16, Request)> {
    let topic = || TOPIC.to_owned();
    let group = || "wallets".to_owned();
    let versions =
        || api_versions::Request { software_name: "gyesan".into(), software_version: "0.1".into() };
    let produce = || produce::Request {
        topic: topic(),
        partition: 3,
        timeout_ms: 10_000,
        batch: Bytes::from_static(b"a batch"),
    };
    let fetch = |isolation| fetch::Request {
        topic: topic(),
        partition: 3,
        offset: 1 << 40,
        max_wait_ms: 500,
        max_bytes: 1 << 20,
        isolation,
    };
    let list = |place| list_offsets::Request { topic: topic(), partition: 1, place };
    let create = create_topics::Request {
        topic: topic(),
        partitions: 8,
        replication_factor: -1,
        configs: vec![("retention.ms".into(), "1000".into()), ("cleanup.policy".into(), "delete".into())],
        timeout_ms: 5_000,
    };
    let names = vec!["min.insync.replicas".into(), "retention.ms".into()];
    vec![
        (3, versions().into()),
        (0, versions().into()),
        (7, create.into()),
        (4, describe_configs::Request { topic: topic(), names }.into()),
        (0, describe_producers::Request { topic: topic(), partition: 1 }.into()),
        (12, fetch(fetch::Isolation::ReadCommitted).into()),
        (12, fetch(fetch::Isolation::ReadUncommitted).into()),
        (4, find_coordinator::Request { group: group() }.into()),
        (3, init_producer_id::Request.into()),
        (4, init_producer_id::Request.into()),
        (6, list(list_offsets::Place::Earliest).into()),
        (7, list(list_offsets::Place::Latest).into()),
        (12, metadata::Request { topics: vec![topic(), "gyesan.wallets".into()] }.into()),
        (12, metadata::Request { topics: Vec::new() }.into()),
        (8, offset_commit::Request { group: group(), topic: topic(), partition: 2, offset: 300 }.into()),
        (8, offset_fetch::Request { group: group(), topic: topic(), partition: 2 }.into()),
        (9, produce().into()),
        (10, produce().into()),
        (11, produce().into()),
        (2, sasl_authenticate::Request { message: Bytes::from_static(b"\0user\0secret") }.into()),
        (1, sasl_handshake::Request { mechanism: "SCRAM-SHA-512".into() }.into()),
    ]
}

/// What is sent for them, after the four bytes of the length: the request's code and version, the correlation id and the
/// client's name, then the body. Kept from an encoder that was written by hand, and read by Kafka 3.9.2 and 4.3.1.
const FRAMES: [&[u8]; 21] = [
    b"\x00\x12\x00\x03\x01\x02\x03\x04\x00\x06gyesan\x00\x07gyesan\x040.1\x00",
    b"\x00\x12\x00\x00\x01\x02\x03\x04\x00\x06gyesan",
    b"\x00\x13\x00\x07\x01\x02\x03\x04\x00\x06gyesan\x00\x02\x0egyesan.orders\x00\x00\x00\x08\xff\xff\x01\x03\rretention.ms\x051000\x00\x0fcleanup.policy\x07delete\x00\x00\x00\x00\x13\x88\x00\x00",
    b"\x00 \x00\x04\x01\x02\x03\x04\x00\x06gyesan\x00\x02\x02\x0egyesan.orders\x03\x14min.insync.replicas\rretention.ms\x00\x00\x00\x00",
    b"\x00=\x00\x00\x01\x02\x03\x04\x00\x06gyesan\x00\x02\x0egyesan.orders\x02\x00\x00\x00\x01\x00\x00",
    b"\x00\x01\x00\x0c\x01\x02\x03\x04\x00\x06gyesan\x00\xff\xff\xff\xff\x00\x00\x01\xf4\x00\x00\x00\x01\x00\x10\x00\x00\x01\x00\x00\x00\x00\xff\xff\xff\xff\x02\x0egyesan.orders\x02\x00\x00\x00\x03\xff\xff\xff\xff\x00\x00\x01\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x10\x00\x00\x00\x00\x01\x01\x00",
    b"\x00\x01\x00\x0c\x01\x02\x03\x04\x00\x06gyesan\x00\xff\xff\xff\xff\x00\x00\x01\xf4\x00\x00\x00\x01\x00\x10\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\x02\x0egyesan.orders\x02\x00\x00\x00\x03\xff\xff\xff\xff\x00\x00\x01\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x10\x00\x00\x00\x00\x01\x01\x00",
    b"\x00\n\x00\x04\x01\x02\x03\x04\x00\x06gyesan\x00\x00\x02\x08wallets\x00",
    b"\x00\x16\x00\x03\x01\x02\x03\x04\x00\x06gyesan\x00\x00\x00\x00\xea`\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00",
    b"\x00\x16\x00\x04\x01\x02\x03\x04\x00\x06gyesan\x00\x00\x00\x00\xea`\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00",
    b"\x00\x02\x00\x06\x01\x02\x03\x04\x00\x06gyesan\x00\xff\xff\xff\xff\x00\x02\x0egyesan.orders\x02\x00\x00\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\x00\x00\x00",
    b"\x00\x02\x00\x07\x01\x02\x03\x04\x00\x06gyesan\x00\xff\xff\xff\xff\x00\x02\x0egyesan.orders\x02\x00\x00\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00",
    b"\x00\x03\x00\x0c\x01\x02\x03\x04\x00\x06gyesan\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0egyesan.orders\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0fgyesan.wallets\x00\x00\x00\x00",
    b"\x00\x03\x00\x0c\x01\x02\x03\x04\x00\x06gyesan\x00\x01\x00\x00\x00",
    b"\x00\x08\x00\x08\x01\x02\x03\x04\x00\x06gyesan\x00\x08wallets\xff\xff\xff\xff\x01\x00\x02\x0egyesan.orders\x02\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x01,\xff\xff\xff\xff\x00\x00\x00\x00",
    b"\x00\t\x00\x08\x01\x02\x03\x04\x00\x06gyesan\x00\x02\x08wallets\x02\x0egyesan.orders\x02\x00\x00\x00\x02\x00\x00\x00\x00",
    b"\x00\x00\x00\t\x01\x02\x03\x04\x00\x06gyesan\x00\x00\xff\xff\x00\x00'\x10\x02\x0egyesan.orders\x02\x00\x00\x00\x03\x08a batch\x00\x00\x00",
    b"\x00\x00\x00\n\x01\x02\x03\x04\x00\x06gyesan\x00\x00\xff\xff\x00\x00'\x10\x02\x0egyesan.orders\x02\x00\x00\x00\x03\x08a batch\x00\x00\x00",
    b"\x00\x00\x00\x0b\x01\x02\x03\x04\x00\x06gyesan\x00\x00\xff\xff\x00\x00'\x10\x02\x0egyesan.orders\x02\x00\x00\x00\x03\x08a batch\x00\x00\x00",
    b"\x00$\x00\x02\x01\x02\x03\x04\x00\x06gyesan\x00\r\x00user\x00secret\x00",
    b"\x00\x11\x00\x01\x01\x02\x03\x04\x00\x06gyesan\x00\rSCRAM-SHA-512",
];

#[test]
fn requests_format_unchanged() {
    let requests = requests();
    assert_eq!(requests.len(), FRAMES.len());
    for ((version, request), wanted) in requests.iter().zip(FRAMES) {
        let frame = request.encode(*version, 0x0102_0304, "gyesan").unwrap();
        let (length, frame) = frame.split_at(4);
        assert_eq!(length, (wanted.len() as u32).to_be_bytes());
        assert_eq!(frame.escape_ascii().to_string(), wanted.escape_ascii().to_string(), "{request:?}");
    }
}

#[test]
fn each_request_is_kept_in_each_version_that_may_be_sent() {
    let kept: Vec<(i16, i16)> =
        FRAMES.iter().map(|frame| (i16::from_be_bytes([frame[0], frame[1]]), frame[3].into())).collect();
    for api in APIS {
        // Of ApiVersions only the first and the last are sent.
        let versions = api.versions().filter(|version| api != Api::ApiVersions || [0, 3].contains(version));
        for version in versions {
            assert!(kept.contains(&(api.key(), version)), "{api:?} {version}");
        }
    }
}

#[test]
fn a_name_too_long_for_its_field_is_an_error() {
    let request: Request = metadata::Request { topics: Vec::new() }.into();
    assert!(request.encode(12, 1, &"c".repeat(32_767)).is_ok());
    assert!(request.encode(12, 1, &"c".repeat(32_768)).is_err());
}

#[test]
fn the_password_is_not_shown() {
    let request = sasl_authenticate::Request { message: Bytes::from_static(b"\0user\0secret") };
    assert!(!format!("{request:?}").contains("secret"));
}

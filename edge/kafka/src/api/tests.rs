#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod answers;
mod requests;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{self as kafka, BrokerId, ProducerId, ResponseHeader, TopicName};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};

use super::*;
use crate::error_code::ErrorCode;

const TOPIC: &str = "gyesan.orders";

const APIS: [Api; 14] = [
    Api::ApiVersions,
    Api::CreateTopics,
    Api::DescribeConfigs,
    Api::DescribeProducers,
    Api::Fetch,
    Api::FindCoordinator,
    Api::InitProducerId,
    Api::ListOffsets,
    Api::Metadata,
    Api::OffsetCommit,
    Api::OffsetFetch,
    Api::Produce,
    Api::SaslAuthenticate,
    Api::SaslHandshake,
];

/// The frame of an answer, as a broker writes it, without its length.
fn written<A: Encodable + HeaderVersion>(version: i16, answer: A) -> Bytes {
    let mut frame = BytesMut::new();
    ResponseHeader::default().with_correlation_id(77).encode(&mut frame, A::header_version(version)).unwrap();
    answer.encode(&mut frame, version).unwrap();
    frame.freeze()
}

/// Writes an answer as a broker does and reads it here.
fn answered<A: Encodable + HeaderVersion>(api: Api, version: i16, answer: A) -> Answer {
    let frame = written(version, answer);
    for cut in 0..frame.len() {
        assert!(api.decode(version, frame.slice(..cut)).is_err(), "cut at {cut}");
    }
    api.decode(version, frame).unwrap()
}

fn topic() -> TopicName {
    TopicName(StrBytes::from_static_str(TOPIC))
}

//! Every request is read, and every answer written, by the `kafka-protocol` crate, which is generated from Kafka's own
//! message definitions.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{
    self as judge, BrokerId, GroupId, ProducerId, RequestHeader, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use proptest::prelude::*;

use super::*;
use crate::error_code::ErrorCode;

const TOPIC: &str = "gyesan.orders";

/// Reads our frame with the judge; everything must be consumed.
fn judged<R: Decodable + HeaderVersion>(request: impl Into<Request>, version: i16) -> R {
    let frame = request.into().encode(version, 77, "gyesan");
    assert_eq!(i32::from_be_bytes(frame[..4].try_into().unwrap()) as usize, frame.len() - 4);
    let mut body = frame.slice(4..);
    let header = RequestHeader::decode(&mut body, R::header_version(version)).unwrap();
    assert_eq!((header.correlation_id, header.request_api_version), (77, version));
    assert_eq!(header.client_id.as_deref(), Some("gyesan"));
    let request = R::decode(&mut body, version).unwrap();
    assert!(body.is_empty(), "{} bytes are left", body.len());
    request
}

/// Writes an answer with the judge and reads it here.
fn answered<A: Encodable + HeaderVersion>(api: Api, version: i16, answer: A) -> Answer {
    let mut frame = BytesMut::new();
    ResponseHeader::default().with_correlation_id(77).encode(&mut frame, A::header_version(version)).unwrap();
    answer.encode(&mut frame, version).unwrap();
    let body = frame.freeze().slice(4..);
    for cut in 0..body.len() {
        // Cut short it is an error or a shorter truth, never a panic.
        let _ = api.decode(version, body.slice(..cut));
    }
    api.decode(version, body).unwrap()
}

fn topic() -> TopicName {
    TopicName(StrBytes::from_static_str(TOPIC))
}

#[test]
fn api_versions() {
    let request = api_versions::Request { software_name: "gyesan".into(), software_version: "0.1".into() };
    let seen: judge::ApiVersionsRequest = judged(request.clone(), 3);
    assert_eq!(seen.client_software_name.as_str(), "gyesan");
    let _: judge::ApiVersionsRequest = judged(request, 0);
    let row = judge::api_versions_response::ApiVersion::default().with_api_key(1).with_max_version(18);
    let answer = judge::ApiVersionsResponse::default().with_api_keys(vec![row]);
    let wanted = Answer::ApiVersions(api_versions::Answer { error: ErrorCode::NONE, apis: vec![(1, 0, 18)] });
    assert_eq!(answered(Api::ApiVersions, 3, answer.clone()), wanted);
    assert_eq!(answered(Api::ApiVersions, 0, answer), wanted);
    // The refusal is in version 0, whatever was asked for.
    let refusal = Api::ApiVersions.decode(3, Bytes::from_static(&[0, 35, 0, 0, 0, 0]));
    assert!(
        matches!(refusal, Ok(Answer::ApiVersions(answer)) if answer.error == ErrorCode::UNSUPPORTED_VERSION)
    );
}

#[test]
fn metadata() {
    let seen: judge::MetadataRequest = judged(metadata::Request { topics: vec![TOPIC.into()] }, 12);
    assert_eq!(seen.topics.unwrap()[0].name, Some(topic()));
    assert!(!seen.allow_auto_topic_creation);
    let partition = judge::metadata_response::MetadataResponsePartition::default()
        .with_partition_index(4)
        .with_leader_id(BrokerId(2))
        .with_replica_nodes(vec![BrokerId(1), BrokerId(2), BrokerId(3)])
        .with_isr_nodes(vec![BrokerId(2)]);
    let row = judge::metadata_response::MetadataResponseTopic::default()
        .with_name(Some(topic()))
        .with_topic_id("00000000-0000-0000-0000-000000000005".parse().unwrap())
        .with_partitions(vec![partition]);
    let broker = judge::metadata_response::MetadataResponseBroker::default()
        .with_node_id(BrokerId(2))
        .with_host(StrBytes::from_static_str("b2"))
        .with_port(9092);
    let answer = judge::MetadataResponse::default().with_brokers(vec![broker]).with_topics(vec![row]);
    let partition =
        metadata::Partition { error: ErrorCode::NONE, index: 4, leader: 2, replicas: 3, in_sync: 1 };
    let wanted = metadata::Answer {
        brokers: vec![metadata::Broker { node: 2, host: "b2".into(), port: 9092 }],
        topics: vec![metadata::Topic {
            error: ErrorCode::NONE,
            name: TOPIC.into(),
            id: 5,
            partitions: vec![partition],
        }],
    };
    assert_eq!(answered(Api::Metadata, 12, answer), Answer::Metadata(wanted));
}

#[test]
fn init_producer_id() {
    let seen: judge::InitProducerIdRequest = judged(init_producer_id::Request, 4);
    assert_eq!((seen.producer_id.0, seen.producer_epoch, seen.transactional_id), (-1, -1, None));
    let answer =
        judge::InitProducerIdResponse::default().with_producer_id(ProducerId(9)).with_producer_epoch(0);
    let wanted = init_producer_id::Answer { error: ErrorCode::NONE, producer_id: 9, epoch: 0 };
    assert_eq!(answered(Api::InitProducerId, 4, answer), Answer::InitProducerId(wanted));
}

#[test]
fn produce() {
    let batch = Bytes::from_static(b"a batch");
    for version in produce::VERSIONS {
        let request =
            produce::Request { topic: TOPIC.into(), partition: 3, timeout_ms: 10_000, batch: batch.clone() };
        let seen: judge::ProduceRequest = judged(request, version);
        assert_eq!((seen.acks, seen.timeout_ms, &seen.topic_data[0].name), (-1, 10_000, &topic()));
        let data = &seen.topic_data[0].partition_data[0];
        assert_eq!((data.index, data.records.as_ref()), (3, Some(&batch)));
        let partition = judge::produce_response::PartitionProduceResponse::default()
            .with_index(3)
            .with_error_code(45)
            .with_base_offset(-1)
            .with_log_append_time_ms(12)
            .with_error_message(Some(StrBytes::from_static_str("gap")));
        let row = judge::produce_response::TopicProduceResponse::default()
            .with_name(topic())
            .with_partition_responses(vec![partition]);
        let answer = judge::ProduceResponse::default().with_responses(vec![row]);
        let wanted = produce::Answer {
            error: ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
            base_offset: -1,
            log_append_time_ms: 12,
            message: Some("gap".into()),
        };
        assert_eq!(answered(Api::Produce, version, answer), Answer::Produce(wanted));
    }
}

#[test]
fn fetch() {
    let request = fetch::Request {
        topic: TOPIC.into(),
        partition: 3,
        offset: 1 << 40,
        max_wait_ms: 500,
        max_bytes: 1 << 20,
        isolation: fetch::Isolation::ReadCommitted,
    };
    let seen: judge::FetchRequest = judged(request, 12);
    assert_eq!(
        (seen.replica_id.0, seen.isolation_level, seen.session_id, seen.session_epoch),
        (-1, 1, 0, -1)
    );
    let partition = &seen.topics[0].partitions[0];
    assert_eq!(
        (partition.partition, partition.fetch_offset, partition.partition_max_bytes),
        (3, 1 << 40, 1 << 20)
    );
    let aborted = judge::fetch_response::AbortedTransaction::default()
        .with_producer_id(ProducerId(7))
        .with_first_offset(3);
    let data = judge::fetch_response::PartitionData::default()
        .with_high_watermark(90)
        .with_last_stable_offset(80)
        .with_log_start_offset(10)
        .with_aborted_transactions(Some(vec![aborted]))
        .with_records(Some(Bytes::from_static(b"batches")));
    let row = judge::fetch_response::FetchableTopicResponse::default()
        .with_topic(topic())
        .with_partitions(vec![data]);
    let answer = judge::FetchResponse::default().with_responses(vec![row]);
    let wanted = fetch::Answer {
        error: ErrorCode::NONE,
        high_watermark: 90,
        last_stable_offset: 80,
        log_start_offset: 10,
        aborted: vec![(7, 3)],
        records: Bytes::from_static(b"batches"),
    };
    assert_eq!(answered(Api::Fetch, 12, answer), Answer::Fetch(wanted));
}

#[test]
fn list_offsets() {
    for version in list_offsets::VERSIONS {
        let request =
            list_offsets::Request { topic: TOPIC.into(), partition: 1, place: list_offsets::Place::Earliest };
        let seen: judge::ListOffsetsRequest = judged(request, version);
        assert_eq!(seen.topics[0].partitions[0].timestamp, -2);
        let partition = judge::list_offsets_response::ListOffsetsPartitionResponse::default()
            .with_offset(33)
            .with_error_code(78);
        let row = judge::list_offsets_response::ListOffsetsTopicResponse::default()
            .with_partitions(vec![partition]);
        let answer = judge::ListOffsetsResponse::default().with_topics(vec![row]);
        let wanted = list_offsets::Answer { error: ErrorCode(78), offset: 33 };
        assert_eq!(answered(Api::ListOffsets, version, answer), Answer::ListOffsets(wanted));
    }
}

#[test]
fn describe_producers() {
    let request = describe_producers::Request { topic: TOPIC.into(), partition: 1 };
    let seen: judge::DescribeProducersRequest = judged(request, 0);
    assert_eq!(seen.topics[0].partition_indexes, [1]);
    let state = judge::describe_producers_response::ProducerState::default()
        .with_producer_id(ProducerId(4))
        .with_producer_epoch(2)
        .with_last_sequence(99);
    let partition =
        judge::describe_producers_response::PartitionResponse::default().with_active_producers(vec![state]);
    let row = judge::describe_producers_response::TopicResponse::default().with_partitions(vec![partition]);
    let answer = judge::DescribeProducersResponse::default().with_topics(vec![row]);
    let producer = describe_producers::Producer { producer_id: 4, epoch: 2, last_sequence: 99 };
    let wanted = describe_producers::Answer { error: ErrorCode::NONE, producers: vec![producer] };
    assert_eq!(answered(Api::DescribeProducers, 0, answer), Answer::DescribeProducers(wanted));
}

#[test]
fn find_coordinator() {
    let seen: judge::FindCoordinatorRequest = judged(find_coordinator::Request { group: "g".into() }, 4);
    assert_eq!((seen.key_type, seen.coordinator_keys[0].as_str()), (0, "g"));
    let row = judge::find_coordinator_response::Coordinator::default()
        .with_node_id(BrokerId(3))
        .with_host(StrBytes::from_static_str("b3"))
        .with_port(-1)
        .with_error_code(15);
    let answer = judge::FindCoordinatorResponse::default().with_coordinators(vec![row]);
    let broker = metadata::Broker { node: 3, host: "b3".into(), port: 0 };
    let wanted = find_coordinator::Answer { error: ErrorCode(15), broker };
    assert_eq!(answered(Api::FindCoordinator, 4, answer), Answer::FindCoordinator(wanted));
}

#[test]
fn offset_commit_and_fetch() {
    let request = offset_commit::Request { group: "g".into(), topic: TOPIC.into(), partition: 2, offset: 5 };
    let seen: judge::OffsetCommitRequest = judged(request, 8);
    assert_eq!((seen.generation_id_or_member_epoch, seen.member_id.as_str()), (-1, ""));
    assert_eq!(seen.topics[0].partitions[0].committed_offset, 5);
    let partition =
        judge::offset_commit_response::OffsetCommitResponsePartition::default().with_error_code(25);
    let row =
        judge::offset_commit_response::OffsetCommitResponseTopic::default().with_partitions(vec![partition]);
    let answer = judge::OffsetCommitResponse::default().with_topics(vec![row]);
    let wanted = offset_commit::Answer { error: ErrorCode(25) };
    assert_eq!(answered(Api::OffsetCommit, 8, answer), Answer::OffsetCommit(wanted));

    let request = offset_fetch::Request { group: "g".into(), topic: TOPIC.into(), partition: 2 };
    let seen: judge::OffsetFetchRequest = judged(request, 8);
    assert_eq!(seen.groups[0].group_id, GroupId(StrBytes::from_static_str("g")));
    let partition =
        judge::offset_fetch_response::OffsetFetchResponsePartitions::default().with_committed_offset(5);
    let row =
        judge::offset_fetch_response::OffsetFetchResponseTopics::default().with_partitions(vec![partition]);
    let group = judge::offset_fetch_response::OffsetFetchResponseGroup::default().with_topics(vec![row]);
    let answer = judge::OffsetFetchResponse::default().with_groups(vec![group]);
    let wanted = offset_fetch::Answer { error: ErrorCode::NONE, offset: 5 };
    assert_eq!(answered(Api::OffsetFetch, 8, answer), Answer::OffsetFetch(wanted));
}

#[test]
fn sasl() {
    let seen: judge::SaslHandshakeRequest = judged(sasl_handshake::Request { mechanism: "PLAIN".into() }, 1);
    assert_eq!(seen.mechanism.as_str(), "PLAIN");
    let answer = judge::SaslHandshakeResponse::default()
        .with_error_code(33)
        .with_mechanisms(vec![StrBytes::from_static_str("SCRAM-SHA-512")]);
    let wanted = sasl_handshake::Answer { error: ErrorCode(33), mechanisms: vec!["SCRAM-SHA-512".into()] };
    assert_eq!(answered(Api::SaslHandshake, 1, answer), Answer::SaslHandshake(wanted));

    let request = sasl_authenticate::Request { message: Bytes::from_static(b"\0user\0secret") };
    assert!(!format!("{request:?}").contains("secret"));
    let seen: judge::SaslAuthenticateRequest = judged(request, 2);
    assert_eq!(&seen.auth_bytes[..], b"\0user\0secret");
    let answer = judge::SaslAuthenticateResponse::default().with_session_lifetime_ms(5).with_error_code(58);
    let wanted = sasl_authenticate::Answer {
        error: ErrorCode::SASL_AUTHENTICATION_FAILED,
        reason: None,
        message: Bytes::new(),
        session_lifetime_ms: 5,
    };
    // The judge writes an absent reason as null only when told to.
    let answer = answer.with_error_message(None);
    assert_eq!(answered(Api::SaslAuthenticate, 2, answer), Answer::SaslAuthenticate(wanted));
}

#[test]
fn topics_and_their_configuration() {
    let request = create_topics::Request {
        topic: TOPIC.into(),
        partitions: 8,
        replication_factor: -1,
        configs: vec![("retention.ms".into(), "1000".into())],
        timeout_ms: 5_000,
    };
    let seen: judge::CreateTopicsRequest = judged(request, 7);
    let row = &seen.topics[0];
    assert_eq!((row.num_partitions, row.replication_factor, row.configs.len()), (8, -1, 1));
    let row = judge::create_topics_response::CreatableTopicResult::default().with_error_code(36);
    let answer = judge::CreateTopicsResponse::default().with_topics(vec![row.with_error_message(None)]);
    let wanted = create_topics::Answer { error: ErrorCode::TOPIC_ALREADY_EXISTS, message: None };
    assert_eq!(answered(Api::CreateTopics, 7, answer), Answer::CreateTopics(wanted));

    let request =
        describe_configs::Request { topic: TOPIC.into(), names: vec!["min.insync.replicas".into()] };
    let seen: judge::DescribeConfigsRequest = judged(request, 4);
    assert_eq!((seen.resources[0].resource_type, seen.resources[0].resource_name.as_str()), (2, TOPIC));
    let config = judge::describe_configs_response::DescribeConfigsResourceResult::default()
        .with_name(StrBytes::from_static_str("min.insync.replicas"))
        .with_value(Some(StrBytes::from_static_str("2")));
    let row = judge::describe_configs_response::DescribeConfigsResult::default().with_configs(vec![config]);
    let answer = judge::DescribeConfigsResponse::default().with_results(vec![row]);
    let values = vec![("min.insync.replicas".into(), Some("2".into()))];
    let wanted = describe_configs::Answer { error: ErrorCode::NONE, values };
    assert_eq!(answered(Api::DescribeConfigs, 4, answer), Answer::DescribeConfigs(wanted));
}

#[test]
fn unknown_tagged_fields_of_newer_brokers_are_skipped() {
    let mut body = BytesMut::new();
    // Tagged fields in the header, then throttle, error, id, epoch and a tagged field at the end.
    body.put_slice(&[1, 9, 2, 0xaa, 0xbb]);
    body.put_slice(&[0; 6]);
    body.put_i64(9);
    body.put_i16(0);
    body.put_slice(&[1, 0, 1, 0xcc]);
    let wanted = init_producer_id::Answer { error: ErrorCode::NONE, producer_id: 9, epoch: 0 };
    assert_eq!(Api::InitProducerId.decode(4, body.freeze()), Ok(Answer::InitProducerId(wanted)));
}

proptest! {
    #[test]
    fn garbage_is_an_error_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let apis = [
            Api::ApiVersions, Api::Metadata, Api::InitProducerId, Api::Produce, Api::Fetch, Api::ListOffsets,
            Api::DescribeProducers, Api::FindCoordinator, Api::OffsetCommit, Api::OffsetFetch, Api::SaslHandshake,
            Api::SaslAuthenticate, Api::CreateTopics, Api::DescribeConfigs,
        ];
        for api in apis {
            let _ = api.decode(*api.versions().end(), Bytes::from(bytes.clone()));
        }
    }
}

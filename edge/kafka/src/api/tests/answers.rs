//! Every answer, as a broker writes it, and cut short.

use super::*;

#[test]
fn api_versions() {
    let row = kafka::api_versions_response::ApiVersion::default().with_api_key(1).with_max_version(18);
    let answer = kafka::ApiVersionsResponse::default().with_api_keys(vec![row]);
    let wanted = Answer::ApiVersions(api_versions::Answer { error: ErrorCode::NONE, apis: vec![(1, 0, 18)] });
    assert_eq!(answered(Api::ApiVersions, 3, answer.clone()), wanted);
    assert_eq!(answered(Api::ApiVersions, 0, answer), wanted);
    // The refusal is in version 0, whatever was asked for.
    let refusal = Api::ApiVersions.decode(3, Bytes::from_static(&[0, 0, 0, 77, 0, 35, 0, 0, 0, 0]));
    assert!(
        matches!(refusal, Ok(Answer::ApiVersions(answer)) if answer.error == ErrorCode::UNSUPPORTED_VERSION)
    );
}

#[test]
fn metadata() {
    let partition = kafka::metadata_response::MetadataResponsePartition::default()
        .with_partition_index(4)
        .with_leader_id(BrokerId(2))
        .with_replica_nodes(vec![BrokerId(1), BrokerId(2), BrokerId(3)])
        .with_isr_nodes(vec![BrokerId(2)]);
    let row = kafka::metadata_response::MetadataResponseTopic::default()
        .with_name(Some(topic()))
        .with_topic_id("00000000-0000-0000-0000-000000000005".parse().unwrap())
        .with_partitions(vec![partition]);
    let broker = kafka::metadata_response::MetadataResponseBroker::default()
        .with_node_id(BrokerId(2))
        .with_host(StrBytes::from_static_str("b2"))
        .with_port(9092);
    let answer = kafka::MetadataResponse::default().with_brokers(vec![broker]).with_topics(vec![row]);
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
    let answer =
        kafka::InitProducerIdResponse::default().with_producer_id(ProducerId(9)).with_producer_epoch(0);
    let wanted = init_producer_id::Answer { error: ErrorCode::NONE, producer_id: 9, epoch: 0 };
    assert_eq!(answered(Api::InitProducerId, 4, answer), Answer::InitProducerId(wanted));
}

#[test]
fn produce() {
    for version in produce::VERSIONS {
        let partition = kafka::produce_response::PartitionProduceResponse::default()
            .with_index(3)
            .with_error_code(45)
            .with_base_offset(-1)
            .with_log_append_time_ms(12)
            .with_error_message(Some(StrBytes::from_static_str("gap")));
        let row = kafka::produce_response::TopicProduceResponse::default()
            .with_name(topic())
            .with_partition_responses(vec![partition]);
        let answer = kafka::ProduceResponse::default().with_responses(vec![row]);
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
    let aborted = kafka::fetch_response::AbortedTransaction::default()
        .with_producer_id(ProducerId(7))
        .with_first_offset(3);
    let data = kafka::fetch_response::PartitionData::default()
        .with_high_watermark(90)
        .with_last_stable_offset(80)
        .with_log_start_offset(10)
        .with_aborted_transactions(Some(vec![aborted]))
        .with_records(Some(Bytes::from_static(b"batches")));
    let row = kafka::fetch_response::FetchableTopicResponse::default()
        .with_topic(topic())
        .with_partitions(vec![data]);
    let answer = kafka::FetchResponse::default().with_responses(vec![row]);
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
        let partition = kafka::list_offsets_response::ListOffsetsPartitionResponse::default()
            .with_offset(33)
            .with_error_code(78);
        let row = kafka::list_offsets_response::ListOffsetsTopicResponse::default()
            .with_partitions(vec![partition]);
        let answer = kafka::ListOffsetsResponse::default().with_topics(vec![row]);
        let wanted = list_offsets::Answer { error: ErrorCode(78), offset: 33 };
        assert_eq!(answered(Api::ListOffsets, version, answer), Answer::ListOffsets(wanted));
    }
}

#[test]
fn describe_producers() {
    let state = kafka::describe_producers_response::ProducerState::default()
        .with_producer_id(ProducerId(4))
        .with_producer_epoch(2)
        .with_last_sequence(99);
    let partition =
        kafka::describe_producers_response::PartitionResponse::default().with_active_producers(vec![state]);
    let row = kafka::describe_producers_response::TopicResponse::default().with_partitions(vec![partition]);
    let answer = kafka::DescribeProducersResponse::default().with_topics(vec![row]);
    let producer = describe_producers::Producer { producer_id: 4, epoch: 2, last_sequence: 99 };
    let wanted = describe_producers::Answer { error: ErrorCode::NONE, producers: vec![producer] };
    assert_eq!(answered(Api::DescribeProducers, 0, answer), Answer::DescribeProducers(wanted));
}

#[test]
fn find_coordinator() {
    let row = kafka::find_coordinator_response::Coordinator::default()
        .with_node_id(BrokerId(3))
        .with_host(StrBytes::from_static_str("b3"))
        .with_port(-1)
        .with_error_code(15);
    let answer = kafka::FindCoordinatorResponse::default().with_coordinators(vec![row]);
    let broker = metadata::Broker { node: 3, host: "b3".into(), port: 0 };
    let wanted = find_coordinator::Answer { error: ErrorCode(15), broker };
    assert_eq!(answered(Api::FindCoordinator, 4, answer), Answer::FindCoordinator(wanted));
}

#[test]
fn offset_commit_and_fetch() {
    let partition =
        kafka::offset_commit_response::OffsetCommitResponsePartition::default().with_error_code(25);
    let row =
        kafka::offset_commit_response::OffsetCommitResponseTopic::default().with_partitions(vec![partition]);
    let answer = kafka::OffsetCommitResponse::default().with_topics(vec![row]);
    let wanted = offset_commit::Answer { error: ErrorCode(25) };
    assert_eq!(answered(Api::OffsetCommit, 8, answer), Answer::OffsetCommit(wanted));

    let partition =
        kafka::offset_fetch_response::OffsetFetchResponsePartitions::default().with_committed_offset(5);
    let row =
        kafka::offset_fetch_response::OffsetFetchResponseTopics::default().with_partitions(vec![partition]);
    let group = kafka::offset_fetch_response::OffsetFetchResponseGroup::default().with_topics(vec![row]);
    let answer = kafka::OffsetFetchResponse::default().with_groups(vec![group]);
    let wanted = offset_fetch::Answer { error: ErrorCode::NONE, offset: 5 };
    assert_eq!(answered(Api::OffsetFetch, 8, answer), Answer::OffsetFetch(wanted));
}

#[test]
fn sasl() {
    let answer = kafka::SaslHandshakeResponse::default()
        .with_error_code(33)
        .with_mechanisms(vec![StrBytes::from_static_str("SCRAM-SHA-512")]);
    let wanted = sasl_handshake::Answer { error: ErrorCode(33), mechanisms: vec!["SCRAM-SHA-512".into()] };
    assert_eq!(answered(Api::SaslHandshake, 1, answer), Answer::SaslHandshake(wanted));

    let answer = kafka::SaslAuthenticateResponse::default().with_session_lifetime_ms(5).with_error_code(58);
    let wanted = sasl_authenticate::Answer {
        error: ErrorCode::SASL_AUTHENTICATION_FAILED,
        reason: None,
        message: Bytes::new(),
        session_lifetime_ms: 5,
    };
    // The crate writes an absent reason as null only when told to.
    let answer = answer.with_error_message(None);
    assert_eq!(answered(Api::SaslAuthenticate, 2, answer), Answer::SaslAuthenticate(wanted));
}

#[test]
fn topics_and_their_configuration() {
    let row = kafka::create_topics_response::CreatableTopicResult::default().with_error_code(36);
    let answer = kafka::CreateTopicsResponse::default().with_topics(vec![row.with_error_message(None)]);
    let wanted = create_topics::Answer { error: ErrorCode::TOPIC_ALREADY_EXISTS, message: None };
    assert_eq!(answered(Api::CreateTopics, 7, answer), Answer::CreateTopics(wanted));

    let config = kafka::describe_configs_response::DescribeConfigsResourceResult::default()
        .with_name(StrBytes::from_static_str("min.insync.replicas"))
        .with_value(Some(StrBytes::from_static_str("2")));
    let row = kafka::describe_configs_response::DescribeConfigsResult::default().with_configs(vec![config]);
    let answer = kafka::DescribeConfigsResponse::default().with_results(vec![row]);
    let values = vec![("min.insync.replicas".into(), Some("2".into()))];
    let wanted = describe_configs::Answer { error: ErrorCode::NONE, values };
    assert_eq!(answered(Api::DescribeConfigs, 4, answer), Answer::DescribeConfigs(wanted));
}

#[test]
fn unknown_tagged_fields_of_newer_brokers_are_skipped() {
    let mut frame = BytesMut::new();
    // Correlation id and tagged fields in the header, then throttle, error, id, epoch and a tagged field at the end.
    frame.put_i32(77);
    frame.put_slice(&[1, 9, 2, 0xaa, 0xbb]);
    frame.put_slice(&[0; 6]);
    frame.put_i64(9);
    frame.put_i16(0);
    frame.put_slice(&[1, 0, 1, 0xcc]);
    let wanted = init_producer_id::Answer { error: ErrorCode::NONE, producer_id: 9, epoch: 0 };
    assert_eq!(Api::InitProducerId.decode(4, frame.freeze()), Ok(Answer::InitProducerId(wanted)));
}

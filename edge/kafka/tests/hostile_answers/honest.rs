//! Answers as brokers write them: one of each kind, with something in each of its lists, and large ones.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use gyesan_kafka::api::{Answer, Api};
use kafka_protocol::messages::{self as kafka, BrokerId, ResponseHeader, TopicName};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};

/// An answer of a large cluster, and what must be found in it.
pub struct Large {
    pub api: Api,
    pub version: i16,
    pub frame: Bytes,
    pub check: fn(&Answer) -> bool,
}

fn written<A: Encodable + HeaderVersion>(version: i16, answer: A) -> Bytes {
    let mut frame = BytesMut::new();
    ResponseHeader::default().with_correlation_id(77).encode(&mut frame, A::header_version(version)).unwrap();
    answer.encode(&mut frame, version).unwrap();
    frame.freeze()
}

fn text(value: &'static str) -> StrBytes {
    StrBytes::from_static_str(value)
}

fn topic() -> TopicName {
    TopicName(text("gyesan.orders"))
}

/// Tagged fields that only a later broker knows.
fn tags() -> BTreeMap<i32, Bytes> {
    [(9, Bytes::from_static(b"new")), (10, Bytes::new())].into()
}

/// Each kind of answer in each version that is asked for.
pub fn honest_answers() -> Vec<(Api, i16, Bytes)> {
    let versions = |version| (Api::ApiVersions, version, written(version, versions(version)));
    let list_offsets = |version| (Api::ListOffsets, version, written(version, list_offsets()));
    let init = |version| {
        let answer = kafka::InitProducerIdResponse::default().with_unknown_tagged_fields(tags());
        (Api::InitProducerId, version, written(version, answer))
    };
    let produced = |version| (Api::Produce, version, written(version, produced()));
    let handshake = kafka::SaslHandshakeResponse::default().with_mechanisms(vec![
        text("PLAIN"),
        text("SCRAM-SHA-256"),
        text("SCRAM-SHA-512"),
    ]);
    let authenticated = kafka::SaslAuthenticateResponse::default()
        .with_auth_bytes(Bytes::from_static(b"r=nonce,s=salt,i=4096"));
    vec![
        versions(0),
        versions(3),
        (Api::CreateTopics, 7, written(7, created())),
        (Api::DescribeConfigs, 4, written(4, configured())),
        (Api::DescribeProducers, 0, written(0, producers(2))),
        (Api::Fetch, 12, fetched(Bytes::from_static(b"batches"))),
        (Api::FindCoordinator, 4, written(4, coordinator())),
        init(3),
        init(4),
        list_offsets(6),
        list_offsets(7),
        (Api::Metadata, 12, written(12, metadata(2, 2))),
        (Api::OffsetCommit, 8, written(8, committed())),
        (Api::OffsetFetch, 8, written(8, offsets())),
        produced(9),
        produced(10),
        produced(11),
        (Api::SaslAuthenticate, 2, written(2, authenticated.with_unknown_tagged_fields(tags()))),
        (Api::SaslHandshake, 1, written(1, handshake)),
    ]
}

/// Answers of clusters that few have.
pub fn large_answers() -> Vec<Large> {
    let cluster = Large {
        api: Api::Metadata,
        version: 12,
        frame: written(12, metadata(1_000, 20_000)),
        check: |answer| matches!(answer, Answer::Metadata(found) if found.topics[0].partitions.len() == 20_000),
    };
    let partition = Large {
        api: Api::DescribeProducers,
        version: 0,
        frame: many_producers(28_000),
        check: |answer| matches!(answer, Answer::DescribeProducers(found) if found.producers.len() == 28_000),
    };
    vec![cluster, partition]
}

/// A DescribeProducers answer with so many producers.
pub fn many_producers(count: usize) -> Bytes {
    written(0, producers(count))
}

/// A Fetch answer with these records.
pub fn fetched(records: Bytes) -> Bytes {
    use kafka::fetch_response as row;
    let aborted = row::AbortedTransaction::default().with_unknown_tagged_fields(tags());
    let leader = row::LeaderIdAndEpoch::default().with_leader_id(BrokerId(2));
    let data = row::PartitionData::default()
        .with_aborted_transactions(Some(vec![aborted; 2]))
        .with_current_leader(leader)
        .with_records(Some(records))
        .with_unknown_tagged_fields(tags());
    let topic = row::FetchableTopicResponse::default().with_topic(topic()).with_partitions(vec![data]);
    let answer = kafka::FetchResponse::default().with_responses(vec![topic]);
    written(12, answer.with_unknown_tagged_fields(tags()))
}

fn versions(version: i16) -> kafka::ApiVersionsResponse {
    use kafka::api_versions_response as row;
    let api = row::ApiVersion::default().with_api_key(1).with_max_version(18);
    let answer = kafka::ApiVersionsResponse::default().with_api_keys(vec![api; 3]);
    if version < 3 {
        return answer;
    }
    let supported = row::SupportedFeatureKey::default().with_name(text("metadata.version"));
    let finalized = row::FinalizedFeatureKey::default().with_name(text("metadata.version"));
    answer
        .with_supported_features(vec![supported; 2])
        .with_finalized_features_epoch(7)
        .with_finalized_features(vec![finalized; 2])
        .with_zk_migration_ready(true)
        .with_unknown_tagged_fields(tags())
}

fn created() -> kafka::CreateTopicsResponse {
    use kafka::create_topics_response as row;
    let config = row::CreatableTopicConfigs::default()
        .with_name(text("retention.ms"))
        .with_value(Some(text("1000")))
        .with_read_only(true)
        .with_is_sensitive(true);
    let topic = row::CreatableTopicResult::default().with_name(topic()).with_configs(Some(vec![config; 2]));
    kafka::CreateTopicsResponse::default().with_topics(vec![topic]).with_unknown_tagged_fields(tags())
}

fn configured() -> kafka::DescribeConfigsResponse {
    use kafka::describe_configs_response as row;
    let synonym = row::DescribeConfigsSynonym::default()
        .with_name(text("min.insync.replicas"))
        .with_value(Some(text("1")))
        .with_unknown_tagged_fields(tags());
    let config = row::DescribeConfigsResourceResult::default()
        .with_name(text("min.insync.replicas"))
        .with_value(Some(text("2")))
        .with_synonyms(vec![synonym; 2])
        .with_documentation(Some(text("how many must be in step")));
    let topic = row::DescribeConfigsResult::default().with_configs(vec![config; 2]);
    kafka::DescribeConfigsResponse::default().with_results(vec![topic])
}

fn producers(count: usize) -> kafka::DescribeProducersResponse {
    use kafka::describe_producers_response as row;
    let states = vec![row::ProducerState::default(); count];
    let partition = row::PartitionResponse::default().with_active_producers(states);
    let topic = row::TopicResponse::default().with_name(topic()).with_partitions(vec![partition]);
    kafka::DescribeProducersResponse::default().with_topics(vec![topic])
}

fn coordinator() -> kafka::FindCoordinatorResponse {
    let row = kafka::find_coordinator_response::Coordinator::default()
        .with_key(text("wallets"))
        .with_host(text("b3.kafka.example"))
        .with_error_message(Some(text("not yet")))
        .with_unknown_tagged_fields(tags());
    kafka::FindCoordinatorResponse::default().with_coordinators(vec![row])
}

fn list_offsets() -> kafka::ListOffsetsResponse {
    use kafka::list_offsets_response as row;
    let partition = row::ListOffsetsPartitionResponse::default().with_unknown_tagged_fields(tags());
    let topic = row::ListOffsetsTopicResponse::default().with_name(topic()).with_partitions(vec![partition]);
    kafka::ListOffsetsResponse::default().with_topics(vec![topic])
}

fn metadata(brokers: i32, partitions: i32) -> kafka::MetadataResponse {
    use kafka::metadata_response as row;
    let broker = |node| {
        row::MetadataResponseBroker::default()
            .with_node_id(BrokerId(node))
            .with_host(StrBytes::from_string(format!("broker-{node}.kafka.example")))
            .with_port(9_092)
            .with_rack(Some(text("zone-a")))
    };
    let partition = |index| {
        row::MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_replica_nodes(vec![BrokerId(1), BrokerId(2), BrokerId(3)])
            .with_isr_nodes(vec![BrokerId(1), BrokerId(2), BrokerId(3)])
    };
    let topic = row::MetadataResponseTopic::default()
        .with_name(Some(topic()))
        .with_is_internal(true)
        .with_partitions((0..partitions).map(partition).collect());
    kafka::MetadataResponse::default()
        .with_brokers((0..brokers).map(broker).collect())
        .with_topics(vec![topic])
}

fn committed() -> kafka::OffsetCommitResponse {
    use kafka::offset_commit_response as row;
    let partition = row::OffsetCommitResponsePartition::default().with_unknown_tagged_fields(tags());
    let topic = row::OffsetCommitResponseTopic::default().with_name(topic()).with_partitions(vec![partition]);
    kafka::OffsetCommitResponse::default().with_topics(vec![topic])
}

fn offsets() -> kafka::OffsetFetchResponse {
    use kafka::offset_fetch_response as row;
    let partition = row::OffsetFetchResponsePartitions::default().with_metadata(Some(text("note")));
    let topic = row::OffsetFetchResponseTopics::default().with_name(topic()).with_partitions(vec![partition]);
    let group = row::OffsetFetchResponseGroup::default().with_topics(vec![topic]);
    kafka::OffsetFetchResponse::default().with_groups(vec![group])
}

fn produced() -> kafka::ProduceResponse {
    use kafka::produce_response as row;
    let refused = row::BatchIndexAndErrorMessage::default()
        .with_batch_index_error_message(Some(text("no key")))
        .with_unknown_tagged_fields(tags());
    let partition = row::PartitionProduceResponse::default()
        .with_record_errors(vec![refused; 2])
        .with_error_message(Some(text("refused")));
    let topic =
        row::TopicProduceResponse::default().with_name(topic()).with_partition_responses(vec![partition]);
    kafka::ProduceResponse::default().with_responses(vec![topic]).with_unknown_tagged_fields(tags())
}

//! What a simulated broker answers.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{self as kafka, ApiKey, BrokerId, ProducerId, ResponseHeader, TopicName};
use kafka_protocol::protocol::{
    Decodable, Encodable, HeaderVersion, StrBytes, decode_request_header_from_buffer,
};

use super::{SimCluster, SimPartition};
use crate::TopicPartition;

const NOT_LEADER: i16 = 6;
const UNKNOWN_TOPIC: i16 = 3;
const OUT_OF_RANGE: i16 = 1;

impl SimCluster {
    /// The answer of broker `node` to one request frame (without its length), as a frame with its length. `None` when the
    /// broker would close the connection instead.
    pub fn answer(&mut self, node: i32, frame: Bytes) -> Option<Bytes> {
        let mut frame = frame;
        let header = decode_request_header_from_buffer(&mut frame).ok()?;
        let version = header.request_api_version;
        let reply = Reply { correlation: header.correlation_id, version };
        match ApiKey::try_from(header.request_api_key).ok()? {
            ApiKey::ApiVersions => reply.with(&api_versions()),
            ApiKey::Metadata => {
                let request = kafka::MetadataRequest::decode(&mut frame, version).ok()?;
                reply.with(&self.metadata(request))
            }
            ApiKey::InitProducerId => {
                self.producer_next += 1;
                let id = ProducerId(self.producer_next);
                reply.with(
                    &kafka::InitProducerIdResponse::default().with_producer_id(id).with_producer_epoch(0),
                )
            }
            ApiKey::Produce => {
                let request = kafka::ProduceRequest::decode(&mut frame, version).ok()?;
                reply.with(&self.produce(node, &request)?)
            }
            ApiKey::Fetch => {
                let request = kafka::FetchRequest::decode(&mut frame, version).ok()?;
                reply.with(&self.fetch(node, &request)?)
            }
            ApiKey::ListOffsets => {
                let request = kafka::ListOffsetsRequest::decode(&mut frame, version).ok()?;
                reply.with(&self.list_offsets(node, &request)?)
            }
            ApiKey::DescribeProducers => {
                let request = kafka::DescribeProducersRequest::decode(&mut frame, version).ok()?;
                reply.with(&self.describe_producers(node, &request)?)
            }
            ApiKey::FindCoordinator => {
                let request = kafka::FindCoordinatorRequest::decode(&mut frame, version).ok()?;
                reply.with(&coordinator(&request))
            }
            ApiKey::OffsetCommit => {
                let request = kafka::OffsetCommitRequest::decode(&mut frame, version).ok()?;
                reply.with(&self.offset_commit(&request)?)
            }
            ApiKey::OffsetFetch => {
                let request = kafka::OffsetFetchRequest::decode(&mut frame, version).ok()?;
                reply.with(&self.offset_fetch(&request)?)
            }
            ApiKey::DescribeConfigs => {
                let row = kafka::describe_configs_response::DescribeConfigsResourceResult::default()
                    .with_name(StrBytes::from_static_str("min.insync.replicas"))
                    .with_value(Some(StrBytes::from_static_str("1")));
                let result = kafka::describe_configs_response::DescribeConfigsResult::default()
                    .with_configs(vec![row]);
                reply.with(&kafka::DescribeConfigsResponse::default().with_results(vec![result]))
            }
            _ => None,
        }
    }

    /// How long a broker holds this request: a Fetch that finds nothing waits until something comes, at most so long.
    pub(super) fn holds_ms(&self, frame: &Bytes) -> Option<u64> {
        let mut frame = frame.clone();
        let header = decode_request_header_from_buffer(&mut frame).ok()?;
        if header.request_api_key != ApiKey::Fetch as i16 {
            return None;
        }
        let request = kafka::FetchRequest::decode(&mut frame, header.request_api_version).ok()?;
        let topic = request.topics.first()?;
        let partition = topic.partitions.first()?;
        let place = TopicPartition { topic: topic.topic.to_string(), partition: partition.partition };
        let at_end = self.partition(&place).is_some_and(|found| found.log.end() == partition.fetch_offset);
        u64::try_from(request.max_wait_ms).ok().filter(|wait_ms| at_end && *wait_ms > 0)
    }

    fn metadata(&self, request: kafka::MetadataRequest) -> kafka::MetadataResponse {
        use kafka::metadata_response as row;
        let up = self.nodes.iter().filter(|(_, up)| **up).map(|(node, _)| *node);
        let broker = |node| {
            let address = Self::address(node);
            row::MetadataResponseBroker::default()
                .with_node_id(BrokerId(node))
                .with_host(StrBytes::from_string(address.host))
                .with_port(i32::from(address.port))
        };
        let partition = |(index, partition): (usize, &SimPartition)| {
            let leader = if self.is_up(partition.leader) { partition.leader } else { -1 };
            row::MetadataResponsePartition::default()
                .with_partition_index(index as i32)
                .with_leader_id(BrokerId(leader))
                .with_replica_nodes(vec![BrokerId(partition.leader)])
                .with_error_code(if leader < 0 { 5 } else { 0 })
        };
        let topic = |name: TopicName| {
            let answer = row::MetadataResponseTopic::default();
            match self.topics.get(name.as_str()) {
                Some(topic) => answer
                    .with_topic_id(format!("{:032x}", topic.id).parse().unwrap_or_default())
                    .with_partitions(topic.partitions.iter().enumerate().map(partition).collect()),
                None => answer.with_error_code(UNKNOWN_TOPIC),
            }
            .with_name(Some(name))
        };
        let names = request.topics.unwrap_or_default().into_iter().filter_map(|topic| topic.name);
        kafka::MetadataResponse::default()
            .with_brokers(up.map(broker).collect())
            .with_topics(names.map(topic).collect())
    }

    /// The partition, if `node` leads it; otherwise the error.
    fn led(&mut self, node: i32, topic: &str, partition: i32) -> Result<&mut SimPartition, i16> {
        let place = TopicPartition { topic: topic.to_owned(), partition };
        let found = self.partition_mut(&place).ok_or(UNKNOWN_TOPIC)?;
        if found.leader == node { Ok(found) } else { Err(NOT_LEADER) }
    }

    fn produce(&mut self, node: i32, request: &kafka::ProduceRequest) -> Option<kafka::ProduceResponse> {
        use kafka::produce_response as row;
        let topic = request.topic_data.first()?;
        let data = topic.partition_data.first()?;
        let batch = data.records.clone().unwrap_or_default();
        let (error, base_offset, log_append_time_ms) = match self.led(node, topic.name.as_str(), data.index) {
            Err(error) => (error, -1, -1),
            Ok(partition) => match partition.refusals.pop() {
                Some((error, written)) => {
                    if written {
                        partition.log.append(&batch);
                    }
                    (error, -1, -1)
                }
                None => partition.log.append(&batch),
            },
        };
        let answer = row::PartitionProduceResponse::default()
            .with_index(data.index)
            .with_error_code(error)
            .with_base_offset(base_offset)
            .with_log_append_time_ms(log_append_time_ms);
        let topic = row::TopicProduceResponse::default().with_name(topic.name.clone());
        let topic = topic.with_partition_responses(vec![answer]);
        Some(kafka::ProduceResponse::default().with_responses(vec![topic]))
    }

    fn fetch(&mut self, node: i32, request: &kafka::FetchRequest) -> Option<kafka::FetchResponse> {
        use kafka::fetch_response as row;
        let topic = request.topics.first()?;
        let wanted = topic.partitions.first()?;
        let answer = row::PartitionData::default().with_partition_index(wanted.partition);
        let answer = match self.led(node, topic.topic.as_str(), wanted.partition) {
            Err(error) => answer.with_error_code(error),
            Ok(partition) => {
                let log = &partition.log;
                let bytes_max = usize::try_from(wanted.partition_max_bytes).unwrap_or(0);
                match log.read(wanted.fetch_offset, bytes_max) {
                    None => {
                        answer.with_error_code(OUT_OF_RANGE).with_high_watermark(-1).with_log_start_offset(-1)
                    }
                    Some(records) => answer
                        .with_high_watermark(log.end())
                        .with_last_stable_offset(log.end())
                        .with_log_start_offset(log.start())
                        .with_records(Some(records)),
                }
            }
        };
        let topic = row::FetchableTopicResponse::default().with_topic(topic.topic.clone());
        Some(kafka::FetchResponse::default().with_responses(vec![topic.with_partitions(vec![answer])]))
    }

    fn list_offsets(
        &mut self,
        node: i32,
        request: &kafka::ListOffsetsRequest,
    ) -> Option<kafka::ListOffsetsResponse> {
        use kafka::list_offsets_response as row;
        let topic = request.topics.first()?;
        let wanted = topic.partitions.first()?;
        let answer =
            row::ListOffsetsPartitionResponse::default().with_partition_index(wanted.partition_index);
        let answer = match self.led(node, topic.name.as_str(), wanted.partition_index) {
            Err(error) => answer.with_error_code(error),
            Ok(partition) if wanted.timestamp == -2 => answer.with_offset(partition.log.start()),
            Ok(partition) => answer.with_offset(partition.log.end()),
        };
        let topic = row::ListOffsetsTopicResponse::default().with_name(topic.name.clone());
        Some(kafka::ListOffsetsResponse::default().with_topics(vec![topic.with_partitions(vec![answer])]))
    }

    fn describe_producers(
        &mut self,
        node: i32,
        request: &kafka::DescribeProducersRequest,
    ) -> Option<kafka::DescribeProducersResponse> {
        use kafka::describe_producers_response as row;
        let topic = request.topics.first()?;
        let index = *topic.partition_indexes.first()?;
        let answer = row::PartitionResponse::default().with_partition_index(index);
        let answer = match self.led(node, topic.name.as_str(), index) {
            Err(error) => answer.with_error_code(error),
            Ok(partition) => {
                let producer = |(id, epoch, last): (i64, i16, i32)| {
                    row::ProducerState::default()
                        .with_producer_id(ProducerId(id))
                        .with_producer_epoch(i32::from(epoch))
                        .with_last_sequence(last)
                };
                answer.with_active_producers(partition.log.producers().map(producer).collect())
            }
        };
        let topic = row::TopicResponse::default().with_name(topic.name.clone());
        Some(
            kafka::DescribeProducersResponse::default()
                .with_topics(vec![topic.with_partitions(vec![answer])]),
        )
    }

    fn offset_commit(&mut self, request: &kafka::OffsetCommitRequest) -> Option<kafka::OffsetCommitResponse> {
        use kafka::offset_commit_response as row;
        let topic = request.topics.first()?;
        let partition = topic.partitions.first()?;
        let place = TopicPartition { topic: topic.name.to_string(), partition: partition.partition_index };
        self.offsets.insert((request.group_id.to_string(), place), partition.committed_offset);
        let answer =
            row::OffsetCommitResponsePartition::default().with_partition_index(partition.partition_index);
        let topic = row::OffsetCommitResponseTopic::default().with_name(topic.name.clone());
        Some(kafka::OffsetCommitResponse::default().with_topics(vec![topic.with_partitions(vec![answer])]))
    }

    fn offset_fetch(&self, request: &kafka::OffsetFetchRequest) -> Option<kafka::OffsetFetchResponse> {
        use kafka::offset_fetch_response as row;
        let group = request.groups.first()?;
        let topic = group.topics.as_ref()?.first()?;
        let partition = *topic.partition_indexes.first()?;
        let place = TopicPartition { topic: topic.name.to_string(), partition };
        let offset = self.offsets.get(&(group.group_id.to_string(), place)).copied().unwrap_or(-1);
        let answer = row::OffsetFetchResponsePartitions::default()
            .with_partition_index(partition)
            .with_committed_offset(offset);
        let topic = row::OffsetFetchResponseTopics::default().with_name(topic.name.clone());
        let group = row::OffsetFetchResponseGroup::default().with_group_id(group.group_id.clone());
        let group = group.with_topics(vec![topic.with_partitions(vec![answer])]);
        Some(kafka::OffsetFetchResponse::default().with_groups(vec![group]))
    }
}

struct Reply {
    correlation: i32,
    version: i16,
}

impl Reply {
    fn with<A: Encodable + HeaderVersion>(&self, answer: &A) -> Option<Bytes> {
        let mut body = BytesMut::new();
        let header = ResponseHeader::default().with_correlation_id(self.correlation);
        header.encode(&mut body, A::header_version(self.version)).ok()?;
        answer.encode(&mut body, self.version).ok()?;
        let mut frame = BytesMut::with_capacity(body.len() + 4);
        frame.put_i32(i32::try_from(body.len()).ok()?);
        frame.extend_from_slice(&body);
        Some(frame.freeze())
    }
}

/// The ranges of Kafka 3.9.2, as far as the simulated broker has the requests.
fn api_versions() -> kafka::ApiVersionsResponse {
    let rows = [
        (0, 0, 11),
        (1, 0, 17),
        (2, 0, 9),
        (3, 0, 12),
        (8, 0, 9),
        (9, 0, 9),
        (10, 0, 6),
        (18, 0, 4),
        (22, 0, 5),
        (32, 1, 4),
        (61, 0, 0),
    ];
    let row = |(key, lowest, highest): (i16, i16, i16)| {
        kafka::api_versions_response::ApiVersion::default()
            .with_api_key(key)
            .with_min_version(lowest)
            .with_max_version(highest)
    };
    kafka::ApiVersionsResponse::default().with_api_keys(rows.into_iter().map(row).collect())
}

fn coordinator(request: &kafka::FindCoordinatorRequest) -> kafka::FindCoordinatorResponse {
    let address = SimCluster::address(1);
    let row = kafka::find_coordinator_response::Coordinator::default()
        .with_key(request.coordinator_keys.first().cloned().unwrap_or_default())
        .with_node_id(BrokerId(1))
        .with_host(StrBytes::from_string(address.host))
        .with_port(i32::from(address.port));
    kafka::FindCoordinatorResponse::default().with_coordinators(vec![row])
}

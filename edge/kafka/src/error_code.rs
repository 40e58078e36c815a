//! The error codes a broker answers with, and what each means for the one who asked.
//!
//! Source: `org.apache.kafka.common.protocol.Errors` of Kafka 4.x. The classes are this client's: where the Java client
//! would retry what can only be a fault of the sender (CORRUPT_MESSAGE), it is fatal here.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What to do after an answer with an error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// No error.
    Accepted,
    /// Ask again after a pause; the same broker may then answer otherwise.
    Retriable,
    /// The broker is not, or no longer, the one to ask: read the metadata, then ask again.
    ReloadMetadata,
    /// The group's coordinator has moved: find it, then ask again.
    ReloadCoordinator,
    /// Asking again will not help: a configuration, a permission or a program is wrong.
    Fatal,
}

use Class::{Accepted, Fatal, ReloadCoordinator, ReloadMetadata, Retriable};

/// A broker's error code; 0 is success.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ErrorCode(pub i16);

impl ErrorCode {
    /// Success.
    pub const NONE: Self = Self(0);
    /// The offset is below the log's start or beyond its end.
    pub const OFFSET_OUT_OF_RANGE: Self = Self(1);
    /// The topic or the partition does not exist, or is not visible to this user.
    pub const UNKNOWN_TOPIC_OR_PARTITION: Self = Self(3);
    /// The request's version is not spoken; ApiVersions is then answered in version 0.
    pub const UNSUPPORTED_VERSION: Self = Self(35);
    /// CreateTopics: there is one of that name.
    pub const TOPIC_ALREADY_EXISTS: Self = Self(36);
    /// A gap in the producer's sequence, or a repeat that is too old to be recognised.
    pub const OUT_OF_ORDER_SEQUENCE_NUMBER: Self = Self(45);
    /// A repeat that was recognised.
    pub const DUPLICATE_SEQUENCE_NUMBER: Self = Self(46);
    /// A newer epoch of the producer has written.
    pub const INVALID_PRODUCER_EPOCH: Self = Self(47);
    /// The broker cannot use the disk of that log.
    pub const KAFKA_STORAGE_ERROR: Self = Self(56);
    /// SASL: wrong name, password or token.
    pub const SASL_AUTHENTICATION_FAILED: Self = Self(58);
    /// Another instance of the producer has taken over.
    pub const PRODUCER_FENCED: Self = Self(90);

    /// True for 0.
    pub fn is_ok(self) -> bool {
        self == Self::NONE
    }

    /// What to do about it. A code unknown here is of a newer broker and is retried: its outcome is not known.
    pub fn class(self) -> Class {
        self.row().map_or(Retriable, |(_, _, class)| *class)
    }

    /// The name Kafka gives it.
    pub fn name(self) -> &'static str {
        self.row().map_or("UNKNOWN_CODE", |(_, name, _)| name)
    }

    fn row(self) -> Option<&'static (i16, &'static str, Class)> {
        TABLE.binary_search_by_key(&self.0, |row| row.0).ok().and_then(|at| TABLE.get(at))
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.name(), self.0)
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Every code, ascending.
const TABLE: &[(i16, &str, Class)] = &[
    (-1, "UNKNOWN_SERVER_ERROR", Retriable),
    (0, "NONE", Accepted),
    (1, "OFFSET_OUT_OF_RANGE", Fatal),
    (2, "CORRUPT_MESSAGE", Fatal),
    (3, "UNKNOWN_TOPIC_OR_PARTITION", ReloadMetadata),
    (4, "INVALID_FETCH_SIZE", Fatal),
    (5, "LEADER_NOT_AVAILABLE", ReloadMetadata),
    (6, "NOT_LEADER_OR_FOLLOWER", ReloadMetadata),
    (7, "REQUEST_TIMED_OUT", Retriable),
    (8, "BROKER_NOT_AVAILABLE", ReloadMetadata),
    (9, "REPLICA_NOT_AVAILABLE", ReloadMetadata),
    (10, "MESSAGE_TOO_LARGE", Fatal),
    (11, "STALE_CONTROLLER_EPOCH", Fatal),
    (12, "OFFSET_METADATA_TOO_LARGE", Fatal),
    (13, "NETWORK_EXCEPTION", Retriable),
    (14, "COORDINATOR_LOAD_IN_PROGRESS", Retriable),
    (15, "COORDINATOR_NOT_AVAILABLE", ReloadCoordinator),
    (16, "NOT_COORDINATOR", ReloadCoordinator),
    (17, "INVALID_TOPIC_EXCEPTION", Fatal),
    (18, "RECORD_LIST_TOO_LARGE", Fatal),
    (19, "NOT_ENOUGH_REPLICAS", Retriable),
    (20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", Retriable),
    (21, "INVALID_REQUIRED_ACKS", Fatal),
    (22, "ILLEGAL_GENERATION", Fatal),
    (23, "INCONSISTENT_GROUP_PROTOCOL", Fatal),
    (24, "INVALID_GROUP_ID", Fatal),
    (25, "UNKNOWN_MEMBER_ID", Fatal),
    (26, "INVALID_SESSION_TIMEOUT", Fatal),
    (27, "REBALANCE_IN_PROGRESS", Fatal),
    (28, "INVALID_COMMIT_OFFSET_SIZE", Fatal),
    (29, "TOPIC_AUTHORIZATION_FAILED", Fatal),
    (30, "GROUP_AUTHORIZATION_FAILED", Fatal),
    (31, "CLUSTER_AUTHORIZATION_FAILED", Fatal),
    (32, "INVALID_TIMESTAMP", Fatal),
    (33, "UNSUPPORTED_SASL_MECHANISM", Fatal),
    (34, "ILLEGAL_SASL_STATE", Fatal),
    (35, "UNSUPPORTED_VERSION", Fatal),
    (36, "TOPIC_ALREADY_EXISTS", Fatal),
    (37, "INVALID_PARTITIONS", Fatal),
    (38, "INVALID_REPLICATION_FACTOR", Fatal),
    (39, "INVALID_REPLICA_ASSIGNMENT", Fatal),
    (40, "INVALID_CONFIG", Fatal),
    (41, "NOT_CONTROLLER", Retriable),
    (42, "INVALID_REQUEST", Fatal),
    (43, "UNSUPPORTED_FOR_MESSAGE_FORMAT", Fatal),
    (44, "POLICY_VIOLATION", Fatal),
    (45, "OUT_OF_ORDER_SEQUENCE_NUMBER", Fatal),
    (46, "DUPLICATE_SEQUENCE_NUMBER", Fatal),
    (47, "INVALID_PRODUCER_EPOCH", Fatal),
    (48, "INVALID_TXN_STATE", Fatal),
    (49, "INVALID_PRODUCER_ID_MAPPING", Fatal),
    (50, "INVALID_TRANSACTION_TIMEOUT", Fatal),
    (51, "CONCURRENT_TRANSACTIONS", Retriable),
    (52, "TRANSACTION_COORDINATOR_FENCED", Fatal),
    (53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", Fatal),
    (54, "SECURITY_DISABLED", Fatal),
    (55, "OPERATION_NOT_ATTEMPTED", Fatal),
    (56, "KAFKA_STORAGE_ERROR", ReloadMetadata),
    (57, "LOG_DIR_NOT_FOUND", Fatal),
    (58, "SASL_AUTHENTICATION_FAILED", Fatal),
    (59, "UNKNOWN_PRODUCER_ID", Fatal),
    (60, "REASSIGNMENT_IN_PROGRESS", Fatal),
    (61, "DELEGATION_TOKEN_AUTH_DISABLED", Fatal),
    (62, "DELEGATION_TOKEN_NOT_FOUND", Fatal),
    (63, "DELEGATION_TOKEN_OWNER_MISMATCH", Fatal),
    (64, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", Fatal),
    (65, "DELEGATION_TOKEN_AUTHORIZATION_FAILED", Fatal),
    (66, "DELEGATION_TOKEN_EXPIRED", Fatal),
    (67, "INVALID_PRINCIPAL_TYPE", Fatal),
    (68, "NON_EMPTY_GROUP", Fatal),
    (69, "GROUP_ID_NOT_FOUND", Fatal),
    (70, "FETCH_SESSION_ID_NOT_FOUND", Retriable),
    (71, "INVALID_FETCH_SESSION_EPOCH", Retriable),
    (72, "LISTENER_NOT_FOUND", ReloadMetadata),
    (73, "TOPIC_DELETION_DISABLED", Fatal),
    (74, "FENCED_LEADER_EPOCH", ReloadMetadata),
    (75, "UNKNOWN_LEADER_EPOCH", ReloadMetadata),
    (76, "UNSUPPORTED_COMPRESSION_TYPE", Fatal),
    (77, "STALE_BROKER_EPOCH", Fatal),
    (78, "OFFSET_NOT_AVAILABLE", Retriable),
    (79, "MEMBER_ID_REQUIRED", Fatal),
    (80, "PREFERRED_LEADER_NOT_AVAILABLE", Retriable),
    (81, "GROUP_MAX_SIZE_REACHED", Fatal),
    (82, "FENCED_INSTANCE_ID", Fatal),
    (83, "ELIGIBLE_LEADERS_NOT_AVAILABLE", Retriable),
    (84, "ELECTION_NOT_NEEDED", Retriable),
    (85, "NO_REASSIGNMENT_IN_PROGRESS", Fatal),
    (86, "GROUP_SUBSCRIBED_TO_TOPIC", Fatal),
    (87, "INVALID_RECORD", Fatal),
    (88, "UNSTABLE_OFFSET_COMMIT", Retriable),
    (89, "THROTTLING_QUOTA_EXCEEDED", Retriable),
    (90, "PRODUCER_FENCED", Fatal),
    (91, "RESOURCE_NOT_FOUND", Fatal),
    (92, "DUPLICATE_RESOURCE", Fatal),
    (93, "UNACCEPTABLE_CREDENTIAL", Fatal),
    (94, "INCONSISTENT_VOTER_SET", Fatal),
    (95, "INVALID_UPDATE_VERSION", Fatal),
    (96, "FEATURE_UPDATE_FAILED", Fatal),
    (97, "PRINCIPAL_DESERIALIZATION_FAILURE", Fatal),
    (98, "SNAPSHOT_NOT_FOUND", Fatal),
    (99, "POSITION_OUT_OF_RANGE", Fatal),
    (100, "UNKNOWN_TOPIC_ID", ReloadMetadata),
    (101, "DUPLICATE_BROKER_REGISTRATION", Fatal),
    (102, "BROKER_ID_NOT_REGISTERED", Fatal),
    (103, "INCONSISTENT_TOPIC_ID", ReloadMetadata),
    (104, "INCONSISTENT_CLUSTER_ID", Fatal),
    (105, "TRANSACTIONAL_ID_NOT_FOUND", Fatal),
    (106, "FETCH_SESSION_TOPIC_ID_ERROR", Retriable),
    (107, "INELIGIBLE_REPLICA", Fatal),
    (108, "NEW_LEADER_ELECTED", Fatal),
    (109, "OFFSET_MOVED_TO_TIERED_STORAGE", Fatal),
    (110, "FENCED_MEMBER_EPOCH", Fatal),
    (111, "UNRELEASED_INSTANCE_ID", Fatal),
    (112, "UNSUPPORTED_ASSIGNOR", Fatal),
    (113, "STALE_MEMBER_EPOCH", Fatal),
    (114, "MISMATCHED_ENDPOINT_TYPE", Fatal),
    (115, "UNSUPPORTED_ENDPOINT_TYPE", Fatal),
    (116, "UNKNOWN_CONTROLLER_ID", Fatal),
    (117, "UNKNOWN_SUBSCRIPTION_ID", Fatal),
    (118, "TELEMETRY_TOO_LARGE", Fatal),
    (119, "INVALID_REGISTRATION", Fatal),
    (120, "TRANSACTION_ABORTABLE", Fatal),
    (121, "INVALID_RECORD_STATE", Fatal),
    (122, "SHARE_SESSION_NOT_FOUND", Retriable),
    (123, "INVALID_SHARE_SESSION_EPOCH", Retriable),
    (124, "FENCED_STATE_EPOCH", Fatal),
    (125, "INVALID_VOTER_KEY", Fatal),
    (126, "DUPLICATE_VOTER", Fatal),
    (127, "VOTER_NOT_FOUND", Fatal),
    (128, "INVALID_REGULAR_EXPRESSION", Fatal),
    (129, "REBOOTSTRAP_REQUIRED", Fatal),
    (130, "STREAMS_INVALID_TOPOLOGY", Fatal),
    (131, "STREAMS_INVALID_TOPOLOGY_EPOCH", Fatal),
    (132, "STREAMS_TOPOLOGY_FENCED", Fatal),
    (133, "SHARE_SESSION_LIMIT_REACHED", Retriable),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_ascending_so_that_it_can_be_searched() {
        assert!(TABLE.windows(2).all(|pair| matches!(pair, [left, right] if left.0 < right.0)));
    }

    #[test]
    fn every_code_known_to_the_reference_crate_is_classed() {
        use kafka_protocol::error::ParseResponseErrorCode;
        for code in -1..=133 {
            if !matches!(code.err(), Some(kafka_protocol::ResponseError::Unknown(_))) {
                assert_ne!(ErrorCode(code).name(), "UNKNOWN_CODE", "{code}");
            }
        }
    }

    #[test]
    fn a_moved_leader_reloads_and_a_full_disk_is_tried_again_elsewhere() {
        assert_eq!(ErrorCode(6).class(), ReloadMetadata);
        assert_eq!(ErrorCode(56).class(), ReloadMetadata);
        assert_eq!(ErrorCode(19).class(), Retriable);
        assert_eq!(ErrorCode(10).class(), Fatal);
        assert_eq!(ErrorCode(9_999).class(), Retriable);
    }
}

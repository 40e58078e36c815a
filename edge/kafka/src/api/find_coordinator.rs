//! FindCoordinator (10): the broker that keeps a group's offsets.

use std::ops::RangeInclusive;

use kafka_protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse};

use super::bounded::Bounded;
use super::metadata::Broker;
use super::text;
use crate::error_code::ErrorCode;
use crate::wire::Malformed;

/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 4..=4;

/// Kafka's number of the kind of key that names a group.
const GROUP: i8 = 0;

/// Asks for a group's coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The consumer group.
    pub group: String,
}

/// The coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// COORDINATOR_NOT_AVAILABLE while the first call creates the internal topic.
    pub error: ErrorCode,
    /// The broker.
    pub broker: Broker,
}

pub(super) fn message(request: &Request) -> FindCoordinatorRequest {
    FindCoordinatorRequest::default().with_key_type(GROUP).with_coordinator_keys(vec![text(&request.group)])
}

pub(super) fn decode(version: i16, body: &mut Bounded) -> Result<Answer, Malformed> {
    let message: FindCoordinatorResponse = body.message(version)?;
    let coordinator = message.coordinators.into_iter().next().ok_or(Malformed::Length)?;
    let broker = Broker {
        node: coordinator.node_id.0,
        host: coordinator.host.to_string(),
        // It is −1 beside an error.
        port: u16::try_from(coordinator.port).unwrap_or(0),
    };
    Ok(Answer { error: ErrorCode(coordinator.error_code), broker })
}

//! InitProducerId (22): a producer id of one's own.
//!
//! Without a transactional id the broker gives out a new id with epoch 0 at each call, whatever was sent (measured).

use std::ops::RangeInclusive;

use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse};

use super::bounded::Bounded;
use crate::error_code::ErrorCode;
use crate::wire::Malformed;

/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 3..=4;

/// The time-out of transactions, of which there are none; brokers refuse 0.
const TIMEOUT_MS: i32 = 60_000;

/// Asks for a new id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request;

/// The id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// COORDINATOR_LOAD_IN_PROGRESS for a while after a broker has started.
    pub error: ErrorCode,
    /// The new id.
    pub producer_id: i64,
    /// Its epoch: 0.
    pub epoch: i16,
}

pub(super) fn message(_request: &Request) -> InitProducerIdRequest {
    InitProducerIdRequest::default().with_transactional_id(None).with_transaction_timeout_ms(TIMEOUT_MS)
}

pub(super) fn decode(version: i16, body: &mut Bounded) -> Result<Answer, Malformed> {
    let message: InitProducerIdResponse = body.message(version)?;
    Ok(Answer {
        error: ErrorCode(message.error_code),
        producer_id: message.producer_id.0,
        epoch: message.producer_epoch,
    })
}

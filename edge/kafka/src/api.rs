//! The requests that are used here, one file each, and the closed sets of them.
//!
//! Requests speak of one topic-partition, because the callers do: each relay lane and each reader waits for its own
//! answer. Each file maps such a request to the message of the `kafka-protocol` crate, which is generated from Kafka's
//! own definitions, and the message of the answer back; `bounded` stands between the crate and what a socket brings. The
//! versions are those that Kafka 3.9 and all of 4.x speak.

pub mod api_versions;
mod bounded;
pub mod create_topics;
pub mod describe_configs;
pub mod describe_producers;
pub mod fetch;
pub mod find_coordinator;
pub mod init_producer_id;
pub mod list_offsets;
pub mod metadata;
pub mod offset_commit;
pub mod offset_fetch;
pub mod produce;
pub mod sasl_authenticate;
pub mod sasl_handshake;

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};

use self::bounded::Bounded;
use crate::wire::Malformed;

macro_rules! apis {
    ($($variant:ident => $module:ident),* $(,)?) => {
        /// A request.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Request {
            $(#[doc = concat!("See [`", stringify!($module), "`].")] $variant($module::Request),)*
        }

        /// An answer.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Answer {
            $(#[doc = concat!("See [`", stringify!($module), "`].")] $variant($module::Answer),)*
        }

        /// The kinds of requests.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Api {
            $(#[doc = concat!("See [`", stringify!($module), "`].")] $variant,)*
        }

        impl Api {
            /// Kafka's code of the request.
            pub fn key(self) -> i16 {
                self.in_kafka() as i16
            }

            fn in_kafka(self) -> ApiKey {
                match self { $(Self::$variant => ApiKey::$variant,)* }
            }

            /// Versions that are written and read here.
            pub fn versions(self) -> RangeInclusive<i16> {
                match self { $(Self::$variant => $module::VERSIONS,)* }
            }

            /// Reads an answer: a whole frame without its length.
            pub fn decode(self, version: i16, frame: Bytes) -> Result<Answer, Malformed> {
                let mut body = Bounded::body(self.in_kafka(), version, frame)?;
                match self { $(Self::$variant => $module::decode(version, &mut body).map(Answer::$variant),)* }
            }
        }

        impl Request {
            /// Which kind it is.
            pub fn api(&self) -> Api {
                match self { $(Self::$variant(_) => Api::$variant,)* }
            }

            /// Writes the whole frame: length, header and body. `correlation` comes back with the answer.
            pub fn encode(&self, version: i16, correlation: i32, client_id: &str) -> Result<Bytes, Unwritable> {
                let header = RequestHeader::default()
                    .with_request_api_key(self.api().key())
                    .with_request_api_version(version)
                    .with_correlation_id(correlation)
                    .with_client_id(Some(text(client_id)));
                match self { $(Self::$variant(request) => {
                    frame(&header, &$module::message(request), self.room())
                })* }
            }
        }

        $(impl From<$module::Request> for Request {
            fn from(request: $module::Request) -> Self {
                Self::$variant(request)
            }
        })*
    };
}

apis! {
    ApiVersions => api_versions,
    CreateTopics => create_topics,
    DescribeConfigs => describe_configs,
    DescribeProducers => describe_producers,
    Fetch => fetch,
    FindCoordinator => find_coordinator,
    InitProducerId => init_producer_id,
    ListOffsets => list_offsets,
    Metadata => metadata,
    OffsetCommit => offset_commit,
    OffsetFetch => offset_fetch,
    Produce => produce,
    SaslAuthenticate => sasl_authenticate,
    SaslHandshake => sasl_handshake,
}

/// A request that cannot be written: a name is too long for its field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unwritable(String);

impl Request {
    /// Bytes that the frame needs, or a few more: so a batch is copied only once. A topic's name has at most 249.
    fn room(&self) -> usize {
        match self {
            Self::Produce(request) => request.batch.len() + 512,
            _ => 512,
        }
    }
}

fn frame<M>(header: &RequestHeader, message: &M, room: usize) -> Result<Bytes, Unwritable>
where
    M: Encodable + HeaderVersion,
{
    let version = header.request_api_version;
    let mut frame = BytesMut::with_capacity(room);
    frame.put_i32(0);
    let written = header.encode(&mut frame, M::header_version(version));
    let written = written.and_then(|()| message.encode(&mut frame, version));
    written.map_err(|error| Unwritable(error.to_string()))?;
    let length = i32::try_from(frame.len() - 4).map_err(|error| Unwritable(error.to_string()))?;
    if let Some(place) = frame.first_chunk_mut::<4>() {
        *place = length.to_be_bytes();
    }
    Ok(frame.freeze())
}

fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

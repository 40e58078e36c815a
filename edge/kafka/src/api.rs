//! The requests that are used here, one file each, and the closed sets of them.
//!
//! Requests speak of one topic-partition, because the callers do: each relay lane and each reader waits for its own
//! answer. The codecs are written by hand against Kafka's message definitions, and judged in the tests by the
//! `kafka-protocol` crate, which is generated from them. The versions are those that Kafka 3.9 and all of 4.x speak.

pub mod api_versions;
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

use bytes::Bytes;

use crate::wire::{Malformed, Reader, Writer};

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
                match self { $(Self::$variant => $module::KEY,)* }
            }

            /// Versions that are written and read here.
            pub fn versions(self) -> RangeInclusive<i16> {
                match self { $(Self::$variant => $module::VERSIONS,)* }
            }

            fn flexible_from(self) -> i16 {
                match self { $(Self::$variant => $module::FLEXIBLE_FROM,)* }
            }

            /// Reads the body of an answer, behind its header.
            pub fn decode(self, version: i16, body: Bytes) -> Result<Answer, Malformed> {
                let mut reader = Reader::new(body);
                self.read_header(version, &mut reader)?;
                match self { $(Self::$variant => $module::decode(version, &mut reader).map(Answer::$variant),)* }
            }
        }

        impl Request {
            /// Which kind it is.
            pub fn api(&self) -> Api {
                match self { $(Self::$variant(_) => Api::$variant,)* }
            }

            fn encode_body(&self, version: i16, writer: &mut Writer) {
                match self { $(Self::$variant(request) => $module::encode(request, version, writer),)* }
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

impl Api {
    /// What the answer has between correlation id and body: tagged fields in the flexible versions, except for
    /// ApiVersions, whose answer must be readable by a client that does not know the version yet.
    fn read_header(self, version: i16, reader: &mut Reader) -> Result<(), Malformed> {
        if version >= self.flexible_from() && self != Self::ApiVersions { reader.skip_tags() } else { Ok(()) }
    }
}

impl Request {
    /// The whole frame: length, header and body.
    pub fn encode(&self, version: i16, correlation: i32, client_id: &str) -> Bytes {
        let room = match self {
            Self::Produce(request) => request.batch.len() + 256,
            _ => 256,
        };
        let mut writer = Writer::with_capacity(room);
        writer.i32(0);
        writer.i16(self.api().key());
        writer.i16(version);
        writer.i32(correlation);
        writer.string(client_id);
        if version >= self.api().flexible_from() {
            writer.no_tags();
        }
        self.encode_body(version, &mut writer);
        let length = i32::try_from(writer.bytes.len().saturating_sub(4)).unwrap_or(i32::MAX);
        if let Some(place) = writer.bytes.get_mut(..4) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        writer.bytes.freeze()
    }
}

/// Writes the nesting "one topic, one partition" that most requests have.
fn of_one(writer: &mut Writer, topic: &str, partition: impl Fn(&mut Writer)) {
    writer.compact_array(&[topic], |writer, topic| {
        writer.compact_string(topic);
        writer.compact_array(&[()], |writer, ()| partition(writer));
        writer.no_tags();
    });
}

/// Reads that nesting, of any number of topics and partitions.
fn each<T>(
    reader: &mut Reader,
    mut partition: impl FnMut(&mut Reader) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let topics = reader.compact_array(|reader| {
        let _topic = reader.compact_string()?;
        let partitions = reader.compact_array(&mut partition)?;
        reader.skip_tags()?;
        Ok(partitions)
    })?;
    Ok(topics.into_iter().flatten().collect())
}

/// Reads the one partition that was asked for.
fn one<T>(
    reader: &mut Reader,
    partition: impl FnMut(&mut Reader) -> Result<T, Malformed>,
) -> Result<T, Malformed> {
    each(reader, partition)?.into_iter().next().ok_or(Malformed::Length)
}

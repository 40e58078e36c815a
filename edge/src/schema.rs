//! The events as other departments read them from Kafka: Avro in the Confluent wire format, CloudEvents in the headers.
//!
//! A value is `0`, the schema's id as four big-endian bytes, and the datum. The schemas are the files in `edge/schemas`: a
//! released version is never edited, its id is given out once and for ever, and the next version of a type must be
//! BACKWARD compatible (`cargo xtask check`, against `edge/schemas/released.json`). To change an event: add the file
//! of its next version, its entry in `released.json` and in the table here, write that version in `write.rs`, let
//! `read.rs` read all versions of it, and add a sample's line to `tests/interop/values.txt`.
//!
//! Codes with a closed set of values in Rust (currency, who funds a discount, out of which money) are strings in Avro, not enums: a
//! reader with an older schema fails on an enum's new symbol or takes the enum's default for it, and either is worse
//! than the new word itself: an amount in another currency must not be read as won.
//!
//! Nothing here does I/O; [`registry`] builds requests and reads answers for whoever does.

mod cloud_events;
mod read;
pub mod registry;
mod write;

pub use cloud_events::headers;
pub use read::{Undecodable, decode};
pub use write::encode;

/// The largest encoded event, in bytes: a quarter of what a broker takes by default (`message.max.bytes`, 1 MiB), so
/// that an event that fits here fits there with its key and its headers.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;

/// Bytes before the datum: the magic byte and the schema's id.
/// <https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format>
const PREFIX_BYTES: usize = 5;
const MAGIC: u8 = 0;

/// An event is larger than [`EVENT_BYTES_MAX`]; its command is to be rolled back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the event has {bytes} bytes, more than {EVENT_BYTES_MAX}")]
pub struct TooLarge {
    /// How many bytes it would have.
    pub bytes: usize,
}

/// A released version of an event's schema.
#[derive(Debug)]
pub struct Schema {
    /// Positive, given out once and for ever. What a value carries unless a registry has ids of its own.
    pub id: u32,
    /// As in [`gyesan_core::event::EventData::name`].
    pub event_type: &'static str,
    /// From 1.
    pub version: u32,
    /// The topic that the type is published to.
    pub topic: &'static str,
    /// Where a registry keeps the versions of it: TopicRecordNameStrategy, because a topic carries several types.
    pub subject: &'static str,
    /// The schema, as JSON.
    pub text: &'static str,
}

macro_rules! schemas {
    ($($id:ident = $number:literal, $topic:literal, $event_type:literal $version:literal, $record:literal;)*) => {
        /// The ids, so that writer and reader can match on them.
        mod id {
            $(pub const $id: u32 = $number;)*
        }

        static SCHEMAS: &[Schema] = &[$(Schema {
            id: id::$id,
            event_type: $event_type,
            version: $version,
            topic: $topic,
            subject: concat!($topic, "-com.gyesan.", $record),
            text: include_str!(concat!("../schemas/", $event_type, ".", $version, ".avsc")),
        }),*];
    };
}

schemas! {
    ORDER_PLACED_1 = 1, "gyesan.orders", "order.placed" 1, "OrderPlaced";
    ORDER_EXPIRED_1 = 2, "gyesan.orders", "order.expired" 1, "OrderExpired";
    ORDER_CANCELED_1 = 3, "gyesan.orders", "order.canceled" 1, "OrderCanceled";
    PAYMENT_CONFIRMED_1 = 4, "gyesan.orders", "payment.confirmed" 1, "PaymentConfirmed";
    PAYMENT_FAILED_1 = 5, "gyesan.orders", "payment.failed" 1, "PaymentFailed";
    PAYMENT_UNKNOWN_1 = 6, "gyesan.orders", "payment.unknown" 1, "PaymentUnknown";
    PAYMENT_UNRESOLVED_1 = 7, "gyesan.orders", "payment.unresolved" 1, "PaymentUnresolved";
    PAYMENT_DUPLICATE_REFUNDED_1 = 8, "gyesan.orders", "payment.duplicate-refunded" 1, "PaymentDuplicateRefunded";
    WALLET_CREDITED_1 = 9, "gyesan.ledger", "wallet.credited" 1, "WalletCredited";
}

/// Every released version of every type, the versions of a type in ascending order.
pub fn schemas() -> &'static [Schema] {
    SCHEMAS
}

/// The released schema with this id.
pub fn by_id(id: u32) -> Option<&'static Schema> {
    SCHEMAS.iter().find(|schema| schema.id == id)
}

/// The schema id that an encoded value carries: ours, or a registry's after [`with_id`].
///
/// # Errors
/// When the value does not begin as the wire format does.
pub fn id_of(value: &[u8]) -> Result<u32, Undecodable> {
    match value {
        [MAGIC, a, b, c, d, ..] => Ok(u32::from_be_bytes([*a, *b, *c, *d])),
        [MAGIC, ..] | [] => Err(Undecodable::Cut),
        [_, ..] => Err(Undecodable::NotWireFormat),
    }
}

/// Replaces the schema id of an encoded value: a registry gives out ids of its own. What is shorter than the wire format's
/// prefix is left as it is.
pub fn with_id(value: &mut [u8], id: u32) {
    if let Some(place) = value.get_mut(1..PREFIX_BYTES) {
        place.copy_from_slice(&id.to_be_bytes());
    }
}

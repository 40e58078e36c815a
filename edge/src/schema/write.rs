//! Writing events: the newest version of each type, field by field in the order of its schema.
//!
//! Avro's binary encoding (<https://avro.apache.org/docs/1.12.0/specification/#binary-encoding>): zig-zag varints, texts with their
//! length before them, a union's branch before its value, arrays in blocks.

use super::{EVENT_BYTES_MAX, MAGIC, TooLarge, id};
use gyesan_core::event::{Event, EventData, Fund, PaymentOrder};
use gyesan_core::pricing::Funder;

/// What an order of a few lines needs, so that the buffer grows rarely.
const USUAL_BYTES: usize = 512;

/// An event in the Confluent wire format, by the newest schema of its type.
///
/// # Errors
/// When it is larger than [`EVENT_BYTES_MAX`].
pub fn encode(event: &Event) -> Result<Vec<u8>, TooLarge> {
    let mut writer = Writer { bytes: Vec::with_capacity(USUAL_BYTES) };
    writer.bytes.push(MAGIC);
    writer.bytes.extend_from_slice(&newest(&event.data).to_be_bytes());
    writer.text(&event.event_id);
    writer.text(event.merchant_id.as_str());
    writer.text(event.currency.code());
    writer.long(event.occurred_at.0);
    writer.data(&event.data);
    let bytes = writer.bytes.len();
    if bytes > EVENT_BYTES_MAX { Err(TooLarge { bytes }) } else { Ok(writer.bytes) }
}

fn newest(data: &EventData) -> u32 {
    match data {
        EventData::OrderPlaced { .. } => id::ORDER_PLACED_1,
        EventData::OrderExpired { .. } => id::ORDER_EXPIRED_1,
        EventData::OrderCanceled { .. } => id::ORDER_CANCELED_1,
        EventData::PaymentConfirmed { .. } => id::PAYMENT_CONFIRMED_1,
        EventData::PaymentFailed { .. } => id::PAYMENT_FAILED_1,
        EventData::PaymentUnknown { .. } => id::PAYMENT_UNKNOWN_1,
        EventData::PaymentUnresolved { .. } => id::PAYMENT_UNRESOLVED_1,
        EventData::DuplicateRefunded { .. } => id::PAYMENT_DUPLICATE_REFUNDED_1,
        EventData::WalletCredited { .. } => id::WALLET_CREDITED_1,
    }
}

struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn data(&mut self, data: &EventData) {
        match data {
            EventData::OrderPlaced { order_id, order_version, amount, member_id, payment_orders } => {
                self.order(order_id.as_str(), *order_version);
                self.long(amount.minor());
                self.text_or_null(member_id.as_deref());
                self.payment_orders(payment_orders);
            }
            EventData::OrderExpired { order_id, order_version } => {
                self.order(order_id.as_str(), *order_version);
            }
            EventData::OrderCanceled { order_id, order_version, replaced_by } => {
                self.order(order_id.as_str(), *order_version);
                self.text_or_null(replaced_by.as_ref().map(|order_id| order_id.as_str()));
            }
            EventData::PaymentConfirmed {
                order_id,
                order_version,
                payment_key,
                amount,
                method,
                approved_at,
                member_id,
                region,
                late,
                payment_orders,
            } => {
                self.order(order_id.as_str(), *order_version);
                self.text(payment_key);
                self.long(amount.minor());
                if let Some(method) = self.branch(method.as_ref()) {
                    self.text(&method.code);
                    self.text(&method.label);
                }
                if let Some(approved_at) = self.branch(approved_at.as_ref()) {
                    self.long(approved_at.0);
                }
                self.text_or_null(member_id.as_deref());
                self.text_or_null(region.as_deref());
                self.bytes.push(u8::from(*late));
                self.payment_orders(payment_orders);
            }
            EventData::PaymentFailed { order_id, order_version, payment_key, psp_code } => {
                self.order(order_id.as_str(), *order_version);
                self.text(payment_key);
                self.text(psp_code);
            }
            EventData::PaymentUnknown { order_id, order_version, payment_key } => {
                self.order(order_id.as_str(), *order_version);
                self.text(payment_key);
            }
            EventData::PaymentUnresolved { order_id, order_version, payment_key, reason } => {
                self.order(order_id.as_str(), *order_version);
                self.text(payment_key);
                self.text(reason);
            }
            EventData::DuplicateRefunded { order_id, order_version, payment_key, amount } => {
                self.order(order_id.as_str(), *order_version);
                self.text(payment_key);
                self.long(amount.minor());
            }
            EventData::WalletCredited {
                seller_id,
                account_version,
                transaction_id,
                amount,
                balance,
                order_id,
                payment_order_id,
                fund,
            } => {
                self.text(seller_id.as_str());
                // A version counts rows of a database whose integers end at i64::MAX.
                self.long(i64::try_from(*account_version).unwrap_or(i64::MAX));
                self.text(transaction_id);
                self.long(amount.minor());
                self.long(*balance);
                self.text(order_id.as_str());
                self.text(payment_order_id);
                self.text(match fund {
                    Fund::Payment => "PAYMENT",
                    Fund::Promotion => "PROMOTION",
                });
            }
        }
    }

    fn order(&mut self, order_id: &str, order_version: u32) {
        self.text(order_id);
        self.long(i64::from(order_version));
    }

    /// One block with all lines, and the empty block that ends an array.
    fn payment_orders(&mut self, payment_orders: &[PaymentOrder]) {
        if !payment_orders.is_empty() {
            self.length(payment_orders.len());
        }
        for line in payment_orders {
            self.text(&line.payment_order_id);
            self.text(line.seller_id.as_str());
            self.long(line.gross_amount.minor());
            self.long(line.discount.minor());
            self.long(line.amount.minor());
            self.text(match line.funded_by {
                Funder::Seller => "SELLER",
                Funder::Merchant => "MERCHANT",
            });
        }
        self.length(0);
    }

    /// The branch of a union of null and something; the caller writes the something.
    fn branch<T>(&mut self, value: Option<T>) -> Option<T> {
        self.long(i64::from(value.is_some()));
        value
    }

    fn text_or_null(&mut self, text: Option<&str>) {
        if let Some(text) = self.branch(text) {
            self.text(text);
        }
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn length(&mut self, length: usize) {
        // No buffer is longer than isize::MAX.
        self.long(i64::try_from(length).unwrap_or(i64::MAX));
    }

    fn long(&mut self, value: i64) {
        let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
        while rest >= 0x80 {
            self.bytes.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest as u8);
    }
}

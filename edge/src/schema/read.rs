//! Reading events: any released version of any type, from bytes that anybody may have written.
//!
//! Nothing is believed: a length is compared with what is left before it is used, and an array grows with the items that
//! are really there.

use super::{PREFIX_BYTES, id, id_of};
use gyesan_core::api::Method;
use gyesan_core::event::{Event, EventData, Fund, PaymentOrder};
use gyesan_core::id::{MerchantId, OrderId, SellerId};
use gyesan_core::money::{Amount, Currency};
use gyesan_core::pricing::Funder;
use gyesan_core::time::Timestamp;

/// Why bytes are no event of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Undecodable {
    /// The first byte is not 0.
    #[error("not in the Confluent wire format")]
    NotWireFormat,
    /// By a schema that this version does not know.
    #[error("unknown schema id {id}")]
    UnknownSchema {
        /// What the value names.
        id: u32,
    },
    /// The value ends within a field, or a length goes beyond its end.
    #[error("the value ends too early")]
    Cut,
    /// Something follows the last field.
    #[error("{bytes} bytes follow the last field")]
    TooLong {
        /// How many.
        bytes: usize,
    },
    /// A number with more than 64 bits, or a negative length.
    #[error("a number or length out of range")]
    Number,
    /// A field's value is none that it can have.
    #[error("{field} is out of range or unknown")]
    Field {
        /// As in the schema.
        field: &'static str,
    },
}

/// The event of a value in the Confluent wire format. The id must be one of ours: with a registry, [`super::with_id`] first.
///
/// # Errors
/// When it is no event of ours, with the reason; it never panics, and allocates in proportion to the bytes that are there.
pub fn decode(value: &[u8]) -> Result<Event, Undecodable> {
    let id = id_of(value)?;
    let mut reader = Reader::after_prefix(value);
    let event = Event {
        event_id: reader.text("eventId")?.to_owned(),
        merchant_id: MerchantId(reader.text("merchantId")?.to_owned()),
        currency: match reader.text("currency")? {
            "KRW" => Currency::Krw,
            _ => return Err(Undecodable::Field { field: "currency" }),
        },
        occurred_at: Timestamp(reader.long()?),
        data: reader.data(id)?,
    };
    match reader.rest.len() {
        0 => Ok(event),
        bytes => Err(Undecodable::TooLong { bytes }),
    }
}

/// What is left of a value.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn after_prefix(value: &'a [u8]) -> Reader<'a> {
        Reader { rest: value.get(PREFIX_BYTES..).unwrap_or_default() }
    }

    /// The type's own fields, by the schema with this id.
    fn data(&mut self, id: u32) -> Result<EventData, Undecodable> {
        Ok(match id {
            id::ORDER_PLACED_1 => EventData::OrderPlaced {
                order_id: self.order_id()?,
                order_version: self.order_version()?,
                amount: self.amount("amount")?,
                member_id: self.text_or_null("memberId")?,
                payment_orders: self.payment_orders()?,
            },
            id::ORDER_EXPIRED_1 => {
                EventData::OrderExpired { order_id: self.order_id()?, order_version: self.order_version()? }
            }
            id::ORDER_CANCELED_1 => EventData::OrderCanceled {
                order_id: self.order_id()?,
                order_version: self.order_version()?,
                replaced_by: self.text_or_null("replacedBy")?.map(OrderId),
            },
            id::PAYMENT_CONFIRMED_1 => EventData::PaymentConfirmed {
                order_id: self.order_id()?,
                order_version: self.order_version()?,
                payment_key: self.owned("paymentKey")?,
                amount: self.amount("amount")?,
                method: match self.branch("method")? {
                    true => {
                        Some(Method { code: self.owned("method.code")?, label: self.owned("method.label")? })
                    }
                    false => None,
                },
                approved_at: match self.branch("approvedAt")? {
                    true => Some(Timestamp(self.long()?)),
                    false => None,
                },
                member_id: self.text_or_null("memberId")?,
                region: self.text_or_null("region")?,
                late: match self.take(1)? {
                    [0] => false,
                    [1] => true,
                    _ => return Err(Undecodable::Field { field: "late" }),
                },
                payment_orders: self.payment_orders()?,
            },
            id::PAYMENT_FAILED_1 => EventData::PaymentFailed {
                order_id: self.order_id()?,
                order_version: self.order_version()?,
                payment_key: self.owned("paymentKey")?,
                psp_code: self.owned("pspCode")?,
            },
            id::PAYMENT_UNKNOWN_1 => EventData::PaymentUnknown {
                order_id: self.order_id()?,
                order_version: self.order_version()?,
                payment_key: self.owned("paymentKey")?,
            },
            id::PAYMENT_UNRESOLVED_1 => EventData::PaymentUnresolved {
                order_id: self.order_id()?,
                order_version: self.order_version()?,
                payment_key: self.owned("paymentKey")?,
                reason: self.owned("reason")?,
            },
            id::PAYMENT_DUPLICATE_REFUNDED_1 => EventData::DuplicateRefunded {
                order_id: self.order_id()?,
                order_version: self.order_version()?,
                payment_key: self.owned("paymentKey")?,
                amount: self.amount("amount")?,
            },
            id::WALLET_CREDITED_1 => EventData::WalletCredited {
                seller_id: SellerId(self.owned("sellerId")?),
                account_version: self.number("accountVersion")?,
                transaction_id: self.owned("transactionId")?,
                amount: self.amount("amount")?,
                balance: self.long()?,
                order_id: self.order_id()?,
                payment_order_id: self.owned("paymentOrderId")?,
                fund: match self.text("fund")? {
                    "PAYMENT" => Fund::Payment,
                    "PROMOTION" => Fund::Promotion,
                    _ => return Err(Undecodable::Field { field: "fund" }),
                },
            },
            id => return Err(Undecodable::UnknownSchema { id }),
        })
    }

    fn order_id(&mut self) -> Result<OrderId, Undecodable> {
        self.owned("orderId").map(OrderId)
    }

    fn order_version(&mut self) -> Result<u32, Undecodable> {
        self.number("orderVersion")
    }

    /// An array's blocks: a count and so many items, until a count of 0. Other writers may give a block's size in bytes
    /// too, and say so by a negative count.
    fn payment_orders(&mut self) -> Result<Vec<PaymentOrder>, Undecodable> {
        let mut lines = Vec::new();
        loop {
            let count = self.long()?;
            if count == 0 {
                return Ok(lines);
            }
            if count < 0 {
                self.long()?;
            }
            for _ in 0..count.unsigned_abs() {
                lines.push(self.payment_order()?);
            }
        }
    }

    fn payment_order(&mut self) -> Result<PaymentOrder, Undecodable> {
        Ok(PaymentOrder {
            payment_order_id: self.owned("paymentOrderId")?,
            seller_id: SellerId(self.owned("sellerId")?),
            gross_amount: self.amount("grossAmount")?,
            discount: self.amount("discount")?,
            amount: self.amount("amount")?,
            funded_by: match self.text("fundedBy")? {
                "SELLER" => Funder::Seller,
                "MERCHANT" => Funder::Merchant,
                _ => return Err(Undecodable::Field { field: "fundedBy" }),
            },
        })
    }

    fn amount(&mut self, field: &'static str) -> Result<Amount, Undecodable> {
        Amount::new(self.long()?).ok_or(Undecodable::Field { field })
    }

    fn number<T: TryFrom<i64>>(&mut self, field: &'static str) -> Result<T, Undecodable> {
        T::try_from(self.long()?).map_err(|_| Undecodable::Field { field })
    }

    fn owned(&mut self, field: &'static str) -> Result<String, Undecodable> {
        self.text(field).map(str::to_owned)
    }

    fn text_or_null(&mut self, field: &'static str) -> Result<Option<String>, Undecodable> {
        match self.branch(field)? {
            true => self.owned(field).map(Some),
            false => Ok(None),
        }
    }

    /// Which branch of a union of null and something: whether there is something.
    fn branch(&mut self, field: &'static str) -> Result<bool, Undecodable> {
        match self.long()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Undecodable::Field { field }),
        }
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<&'a str, Undecodable> {
        let length = usize::try_from(self.long()?).map_err(|_| Undecodable::Number)?;
        std::str::from_utf8(self.take(length)?).map_err(|_| Undecodable::Field { field })
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Undecodable> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Undecodable::Cut)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn long(&mut self) -> Result<i64, Undecodable> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.rest.split_first().ok_or(Undecodable::Cut)?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                return Err(Undecodable::Number);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        Err(Undecodable::Number)
    }
}

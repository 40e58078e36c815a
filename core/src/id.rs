//! Identifiers: a prefix and a ULID for what we name, a checked text for what the caller names.

use serde::{Deserialize, Serialize};
use std::fmt;

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A prefix and a 26-character ULID (48 bits of time, 80 of randomness), sortable by time:
/// `ord_01JD…`. `random` is the caller's: only its lower 80 bits are used.
pub fn ulid(prefix: &str, now_ms: i64, random: u128) -> String {
    let time = u128::from(now_ms.unsigned_abs()) & ((1 << 48) - 1);
    let value = (time << 80) | (random & ((1 << 80) - 1));
    let mut id = String::with_capacity(prefix.len() + 26);
    id.push_str(prefix);
    for place in (0..26).rev() {
        let digit = usize::try_from((value >> (place * 5)) & 31).unwrap_or(0);
        id.push(char::from(*CROCKFORD.get(digit).unwrap_or(&b'0')));
    }
    id
}

/// Whether a text can be an order id: 6 to 64 of `[A-Za-z0-9_-]`, which is what Toss takes
/// over REST (`toss.md` §1.2).
pub fn is_order_id(text: &str) -> bool {
    (6..=64).contains(&text.len()) && is_plain(text)
}

/// Whether a text can be a merchant's, seller's, member's or product's id: 1 to 64 of `[A-Za-z0-9_-]`.
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && is_plain(text)
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

text_id! {
    /// A merchant: the owner of keys, orders, sellers and everything else.
    MerchantId
}
text_id! {
    /// An order, unique per merchant; also what Toss knows the payment by.
    OrderId
}
text_id! {
    /// A seller of a merchant: whose wallet is credited.
    SellerId
}

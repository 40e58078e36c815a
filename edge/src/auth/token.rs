//! Status tokens: `st_<key id>.<merchant>.<order>.<expiry in seconds>.<HMAC-SHA256 of it, base64url>`.
//!
//! They let a browser that holds no key read and confirm one order: the widget after placing it, the result page, a tag that
//! opens an order made by the merchant's server. Nothing is stored for them.

use super::{hmac, sign};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use gyesan_core::id::{MerchantId, OrderId};
use gyesan_core::time::Timestamp;
use hmac::Mac;
use sha2::{Digest, Sha256};

/// How long a token is good for, in milliseconds: a day, so that a result page left open goes on working.
pub const TOKEN_LIFE_MS: i64 = 24 * 3_600_000;

const PREFIX: &str = "st_";

/// A verified token, or one to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatusToken {
    /// Whose order.
    pub merchant_id: MerchantId,
    /// Which order.
    pub order_id: OrderId,
    /// Good until then, to the second.
    pub expires_at: Timestamp,
}

impl StatusToken {
    /// Whether a credential is meant to be a token.
    pub fn is_one(credential: &str) -> bool {
        credential.starts_with(PREFIX)
    }

    /// The token's text.
    pub fn write(&self, token_key: &[u8]) -> String {
        // Merchant and order ids have no dots in them, so the parts cannot run into each other.
        let expiry_s = self.expires_at.0 / 1_000;
        let claims =
            format!("{PREFIX}{}.{}.{}.{expiry_s}", key_id(token_key), self.merchant_id, self.order_id);
        let mac = BASE64_URL_SAFE_NO_PAD.encode(sign(token_key, &claims));
        format!("{claims}.{mac}")
    }

    /// The token that a text is, when it was written with this key and has not expired. The comparison takes the same time
    /// wherever the texts differ.
    pub fn read(text: &str, token_key: &[u8], now: Timestamp) -> Option<StatusToken> {
        let (claims, mac) = text.rsplit_once('.')?;
        let mac = BASE64_URL_SAFE_NO_PAD.decode(mac).ok()?;
        hmac(token_key, claims)?.verify_slice(&mac).ok()?;
        let mut parts = claims.strip_prefix(PREFIX)?.split('.');
        let (key, merchant, order) = (parts.next()?, parts.next()?, parts.next()?);
        let expires_at = Timestamp(parts.next()?.parse::<i64>().ok()?.checked_mul(1_000)?);
        let whole = parts.next().is_none() && key == key_id(token_key);
        (whole && now < expires_at).then(|| StatusToken {
            merchant_id: MerchantId::from(merchant),
            order_id: OrderId::from(order),
            expires_at,
        })
    }
}

/// Tells keys apart after a rotation without saying anything about them.
fn key_id(token_key: &[u8]) -> String {
    let digest = Sha256::new().chain_update("key id").chain_update(token_key).finalize();
    digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::StatusToken;
    use gyesan_core::id::{MerchantId, OrderId};
    use gyesan_core::time::Timestamp;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn token() -> StatusToken {
        StatusToken {
            merchant_id: MerchantId::from("demo"),
            order_id: OrderId::from("ord_1-a"),
            expires_at: Timestamp(2_000_000),
        }
    }

    #[test]
    fn a_token_is_read_back_until_it_expires() {
        let text = token().write(KEY);
        assert_eq!(StatusToken::read(&text, KEY, Timestamp(1_999_999)).unwrap(), token());
        assert_eq!(StatusToken::read(&text, KEY, Timestamp(2_000_000)), None);
    }

    #[test]
    fn every_changed_character_spoils_it() {
        let text = token().write(KEY);
        for i in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[i] = if bytes[i] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(StatusToken::read(&changed, KEY, Timestamp(0)), None, "{changed}");
        }
    }

    #[test]
    fn a_token_of_another_key_is_none() {
        let text = token().write(b"another key of thirty-two bytes!");
        assert_eq!(StatusToken::read(&text, KEY, Timestamp(0)), None);
        for nonsense in ["", "st_", "st_a.b.c.d", "st_....", "pk_test_demo"] {
            assert_eq!(StatusToken::read(nonsense, KEY, Timestamp(0)), None);
        }
    }

    #[test]
    fn status_token_format_unchanged() {
        assert_eq!(
            token().write(KEY),
            "st_2ea8c600.demo.ord_1-a.2000.dnyOfHxMkxcLz3Zm5OVTCC_93V5dkFJHLfCgPThZnSM"
        );
    }
}

//! Who is asking: API keys, stored as digests, and the status tokens of single orders.
//!
//! A key or token answers two questions: whose data it may touch, and (for those that live in browsers) from which
//! origins. What each route accepts stands in the router.

mod token;

pub use token::{StatusToken, TOKEN_LIFE_MS};

use crate::catalogue::{Kind, Merchant};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use gyesan_core::id::{MerchantId, OrderId};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use std::rc::Rc;

/// Kinds of callers that a route accepts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access(u8);

impl Access {
    /// Anybody; nothing is looked at.
    pub const OPEN: Access = Access(0);
    /// The publishable key.
    pub const PUBLISHABLE: Access = Access(1);
    /// The secret key.
    pub const SECRET: Access = Access(2);
    /// An order's status token.
    pub const TOKEN: Access = Access(4);
    /// The operator's key.
    pub const OPERATOR: Access = Access(8);

    /// Either.
    pub const fn or(self, other: Access) -> Access {
        Access(self.0 | other.0)
    }

    /// Whether callers of that kind are accepted.
    pub const fn allows(self, kind: Access) -> bool {
        self.0 & kind.0 != 0
    }
}

/// A caller whose credentials are good.
#[derive(Clone, Debug)]
pub enum Caller {
    /// A merchant's page.
    Publishable {
        /// Whose.
        merchant: Rc<Merchant>,
        /// The key's digest, shortened: safe to log.
        holder: String,
    },
    /// A merchant's server.
    Secret {
        /// Whose.
        merchant: Rc<Merchant>,
        /// The key's digest, shortened: safe to log.
        holder: String,
    },
    /// The owner of one order's link.
    Token {
        /// Whose order.
        merchant_id: MerchantId,
        /// Which order.
        order_id: OrderId,
    },
    /// The deployment's operator.
    Operator {
        /// The key's digest, shortened: safe to log.
        holder: String,
    },
}

impl Caller {
    /// Which kind it is.
    pub const fn kind(&self) -> Access {
        match self {
            Caller::Publishable { .. } => Access::PUBLISHABLE,
            Caller::Secret { .. } => Access::SECRET,
            Caller::Token { .. } => Access::TOKEN,
            Caller::Operator { .. } => Access::OPERATOR,
        }
    }

    /// Whose data it may touch; an operator is nobody's.
    pub fn merchant_id(&self) -> Option<&MerchantId> {
        match self {
            Caller::Publishable { merchant, .. } | Caller::Secret { merchant, .. } => Some(&merchant.id),
            Caller::Token { merchant_id, .. } => Some(merchant_id),
            Caller::Operator { .. } => None,
        }
    }

    /// Who holds the key, as text for scopes and logs.
    pub fn holder(&self) -> String {
        match self {
            Caller::Publishable { holder, .. }
            | Caller::Secret { holder, .. }
            | Caller::Operator { holder } => holder.clone(),
            Caller::Token { merchant_id, order_id } => format!("token:{merchant_id}:{order_id}"),
        }
    }

    /// Whether the caller may touch this order at all: a token is good for its own.
    pub fn covers(&self, order_id: &OrderId) -> bool {
        match self {
            Caller::Token { order_id: own, .. } => own == order_id,
            _ => true,
        }
    }
}

/// The kind of an API key's row as a kind of caller.
pub const fn access_of(kind: Kind) -> Access {
    match kind {
        Kind::Publishable => Access::PUBLISHABLE,
        Kind::Secret => Access::SECRET,
        Kind::Operator => Access::OPERATOR,
    }
}

/// SHA-256 in hex. API keys carry 128 bits of randomness or more, so their digest needs no salt and no stretching.
pub fn digest(text: &str) -> String {
    format!("{:x}", Sha256::digest(text.as_bytes()))
}

/// The name of a key in scopes and logs: the first 16 characters of its digest.
pub fn holder_name(digest: &str) -> String {
    digest.chars().take(16).collect()
}

/// Who a member is to the PSP: the same for the same member, and unguessable (`toss.md` §1.2: 2 to 50 characters, never an
/// e-mail address, phone number or user id).
pub fn customer_key(token_key: &[u8], merchant: &MerchantId, member_id: &str) -> String {
    let mac = sign(token_key, &format!("customer\n{merchant}\n{member_id}"));
    format!("cus_{}", BASE64_URL_SAFE_NO_PAD.encode(mac.get(..24).unwrap_or_default()))
}

fn hmac(token_key: &[u8], text: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(token_key).ok()?;
    mac.update(text.as_bytes());
    Some(mac)
}

/// HMAC-SHA256 takes keys of every length, so the empty case cannot come up.
fn sign(token_key: &[u8], text: &str) -> Vec<u8> {
    hmac(token_key, text).map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default()
}

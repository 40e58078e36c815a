//! The catalogue: merchants and their keys, products, coupons, sellers; read through the catalogue port and kept for seconds.
//!
//! Each isolate keeps what it has read, so that an order costs no query in the common case. Only what exists is kept: a
//! product or key that was just made works at once, one that was withdrawn or revoked stops within the time to live.

mod cache;

use crate::params;
use crate::ports::Ports;
use crate::sql::{Row, SqlError, to_json};
use cache::Cache;
use gyesan_core::id::{MerchantId, SellerId};
use gyesan_core::money::{Amount, Percent};
use gyesan_core::pricing::{Coupon, Discount, Funder};
use gyesan_core::time::Timestamp;
use std::rc::Rc;

/// How long keys, merchants and origins are kept, in milliseconds: a revoked key stops within this time.
const KEYS_LIFE_MS: i64 = 30_000;
/// How long products, coupons and sellers are kept, in milliseconds: a new price is charged within this time.
const GOODS_LIFE_MS: i64 = 5_000;

/// A merchant, with what every request of its pages needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Merchant {
    /// Its id.
    pub id: MerchantId,
    /// The shop's name.
    pub name: String,
    /// Where its pages live.
    pub origins: Vec<String>,
}

/// What an API key is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `pk_…`
    Publishable,
    /// `sk_…`
    Secret,
    /// `op_…`
    Operator,
}

/// An API key's row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiKey {
    /// What it is for.
    pub kind: Kind,
    /// Whose it is; an operator's is nobody's.
    pub merchant: Option<Rc<Merchant>>,
    /// From when on it is refused.
    pub revoked_at: Option<Timestamp>,
}

/// A product as it is sold now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Product {
    /// The merchant's id for it.
    pub product_id: String,
    /// What it is called.
    pub name: String,
    /// Price of one.
    pub unit_price: Amount,
    /// Who is credited for it.
    pub seller_id: SellerId,
}

/// What this isolate has read.
#[derive(Default)]
pub struct Catalogue {
    keys: Cache<ApiKey>,
    merchants: Cache<Merchant>,
    origins: Cache<()>,
    products: Cache<Product>,
    coupons: Cache<Coupon>,
    sellers: Cache<()>,
    wallets: Cache<()>,
}

impl Catalogue {
    /// The key with this digest.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn key<P: Ports>(&self, ports: &P, digest: &str) -> Result<Option<Rc<ApiKey>>, SqlError> {
        let now = ports.now();
        if let Some(key) = self.keys.get(digest, now) {
            return Ok(Some(key));
        }
        let rows = ports
            .catalogue(
                "SELECT k.kind, k.revoked_at, m.merchant_id, m.name,
                        (SELECT json_group_array(o.origin) FROM origins o WHERE o.merchant_id = m.merchant_id)
                 FROM api_keys k LEFT JOIN merchants m ON m.merchant_id = k.merchant_id WHERE k.hash = ?",
                params![digest],
            )
            .await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let key = ApiKey {
            kind: match row.text(0)? {
                "pk" => Kind::Publishable,
                "sk" => Kind::Secret,
                "op" => Kind::Operator,
                other => return Err(SqlError(format!("a key of kind {other}"))),
            },
            revoked_at: match row.0.get(1) {
                Some(crate::sql::Value::Null) => None,
                _ => Some(row.time(1)?),
            },
            merchant: match row.text_or_null(2)? {
                Some(_) => Some(Rc::new(merchant(row, 2)?)),
                None => None,
            },
        };
        Ok(Some(self.keys.put(digest, key, now.plus_ms(KEYS_LIFE_MS), now)))
    }

    /// The merchant with this id.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn merchant<P: Ports>(
        &self,
        ports: &P,
        id: &MerchantId,
    ) -> Result<Option<Rc<Merchant>>, SqlError> {
        let now = ports.now();
        if let Some(found) = self.merchants.get(id.as_str(), now) {
            return Ok(Some(found));
        }
        let rows = ports
            .catalogue(
                "SELECT m.merchant_id, m.name,
                        (SELECT json_group_array(o.origin) FROM origins o WHERE o.merchant_id = m.merchant_id)
                 FROM merchants m WHERE m.merchant_id = ?",
                params![id.as_str()],
            )
            .await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(self.merchants.put(id.as_str(), merchant(row, 0)?, now.plus_ms(KEYS_LIFE_MS), now)))
    }

    /// Whether an origin is known to be a merchant's without asking the database.
    pub fn remembers_origin(&self, origin: &str, now: Timestamp) -> bool {
        self.origins.get(origin, now).is_some()
    }

    /// Whether an origin is any merchant's: what a preflight, which carries no key, can be asked.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn is_known_origin<P: Ports>(&self, ports: &P, origin: &str) -> Result<bool, SqlError> {
        let now = ports.now();
        if self.origins.get(origin, now).is_some() {
            return Ok(true);
        }
        let rows = ports.catalogue("SELECT 1 FROM origins WHERE origin = ? LIMIT 1", params![origin]).await?;
        if rows.is_empty() {
            return Ok(false);
        }
        self.origins.put(origin, (), now.plus_ms(KEYS_LIFE_MS), now);
        Ok(true)
    }

    /// The products with these ids, in this order; `None` where there is none that is sold. One query for all that are
    /// not at hand.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn products<P: Ports>(
        &self,
        ports: &P,
        merchant: &MerchantId,
        ids: &[&str],
    ) -> Result<Vec<Option<Rc<Product>>>, SqlError> {
        let now = ports.now();
        let mut found: Vec<_> = ids.iter().map(|id| self.products.get(&scoped(merchant, id), now)).collect();
        let missing: Vec<&str> =
            ids.iter().zip(&found).filter(|(_, hit)| hit.is_none()).map(|(id, _)| *id).collect();
        if missing.is_empty() {
            return Ok(found);
        }
        let rows = ports
            .catalogue(
                "SELECT product_id, name, unit_price, seller_id FROM products
                 WHERE merchant_id = ? AND product_id IN (SELECT value FROM json_each(?)) AND active = 1",
                params![merchant.as_str(), to_json(&missing)?],
            )
            .await?;
        for row in &rows {
            let product = Product {
                product_id: row.text(0)?.to_owned(),
                name: row.text(1)?.to_owned(),
                unit_price: row.amount(2)?,
                seller_id: row.text(3)?.into(),
            };
            let key = scoped(merchant, &product.product_id);
            let id = product.product_id.clone();
            let product = self.products.put(&key, product, now.plus_ms(GOODS_LIFE_MS), now);
            for (place, _) in found.iter_mut().zip(ids).filter(|(_, wanted)| **wanted == id) {
                *place = Some(Rc::clone(&product));
            }
        }
        Ok(found)
    }

    /// Which of these sellers take new lines.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn sellers<P: Ports>(
        &self,
        ports: &P,
        merchant: &MerchantId,
        ids: &[&str],
    ) -> Result<Vec<bool>, SqlError> {
        let now = ports.now();
        let mut found: Vec<_> =
            ids.iter().map(|id| self.sellers.get(&scoped(merchant, id), now).is_some()).collect();
        if found.iter().all(|hit| *hit) {
            return Ok(found);
        }
        let rows = ports
            .catalogue(
                "SELECT seller_id FROM sellers
                 WHERE merchant_id = ? AND seller_id IN (SELECT value FROM json_each(?)) AND active = 1",
                params![merchant.as_str(), to_json(&ids)?],
            )
            .await?;
        for row in &rows {
            let id = row.text(0)?;
            self.sellers.put(&scoped(merchant, id), (), now.plus_ms(GOODS_LIFE_MS), now);
            for (place, _) in found.iter_mut().zip(ids).filter(|(_, wanted)| **wanted == id) {
                *place = true;
            }
        }
        Ok(found)
    }

    /// Whether the merchant has or had this seller.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn has_seller<P: Ports>(
        &self,
        ports: &P,
        merchant: &MerchantId,
        id: &str,
    ) -> Result<bool, SqlError> {
        let now = ports.now();
        let key = scoped(merchant, id);
        if self.wallets.get(&key, now).is_some() {
            return Ok(true);
        }
        let statement = "SELECT 1 FROM sellers WHERE merchant_id = ? AND seller_id = ?";
        if ports.catalogue(statement, params![merchant.as_str(), id]).await?.is_empty() {
            return Ok(false);
        }
        self.wallets.put(&key, (), now.plus_ms(GOODS_LIFE_MS), now);
        Ok(true)
    }

    /// The coupon with this code.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn coupon<P: Ports>(
        &self,
        ports: &P,
        merchant: &MerchantId,
        code: &str,
    ) -> Result<Option<Rc<Coupon>>, SqlError> {
        let now = ports.now();
        let key = scoped(merchant, code);
        if let Some(found) = self.coupons.get(&key, now) {
            return Ok(Some(found));
        }
        let rows = ports
            .catalogue(
                "SELECT code, kind, amount, percent, max_amount, minimum_amount, valid_from, valid_until, funded_by
                 FROM coupons WHERE merchant_id = ? AND code = ? AND active = 1",
                params![merchant.as_str(), code],
            )
            .await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(self.coupons.put(&key, coupon(row)?, now.plus_ms(GOODS_LIFE_MS), now)))
    }
}

/// Merchant ids have no blank in them, so two merchants' keys never meet.
fn scoped(merchant: &MerchantId, id: &str) -> String {
    format!("{merchant} {id}")
}

fn merchant(row: &Row, first_column: usize) -> Result<Merchant, SqlError> {
    Ok(Merchant {
        id: row.text(first_column)?.into(),
        name: row.text(first_column + 1)?.to_owned(),
        origins: row.json(first_column + 2)?,
    })
}

fn coupon(row: &Row) -> Result<Coupon, SqlError> {
    let optional = |column: usize| match row.0.get(column) {
        Some(crate::sql::Value::Null) | None => Ok(None),
        Some(_) => row.int(column).map(Some),
    };
    let amount = |value: i64| Amount::new(value).ok_or_else(|| SqlError(format!("a coupon of {value}")));
    let discount = match row.text(1)? {
        "FIXED" => Discount::Fixed { amount: row.amount(2)? },
        _ => Discount::Percent {
            percent: Percent::parse(row.text(3)?)
                .ok_or_else(|| SqlError("a coupon without a percentage".to_owned()))?,
            max_amount: optional(4)?.map(amount).transpose()?,
        },
    };
    Ok(Coupon {
        code: row.text(0)?.to_owned(),
        discount,
        minimum_amount: row.amount(5)?,
        valid_from: optional(6)?.map(Timestamp),
        valid_until: optional(7)?.map(Timestamp),
        funded_by: match row.text(8)? {
            "MERCHANT" => Funder::Merchant,
            _ => Funder::Seller,
        },
    })
}

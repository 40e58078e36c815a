//! Amounts of money: integers in the minor unit of a currency.
//!
//! Decimals appear only where they come in or go out: percentages, and amounts as people write them.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// The largest amount the contract allows: 2^53 − 1, the last integer a JavaScript number holds exactly.
pub const AMOUNT_MAX: i64 = 9_007_199_254_740_991;

/// A non-negative amount in the minor unit of its currency, 0 to [`AMOUNT_MAX`].
///
/// The won has no minor unit, so for KRW this is won.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Amount(i64);

impl Amount {
    /// No money.
    pub const ZERO: Amount = Amount(0);

    /// An amount, or `None` outside 0 to [`AMOUNT_MAX`].
    pub const fn new(minor: i64) -> Option<Amount> {
        if minor >= 0 && minor <= AMOUNT_MAX { Some(Amount(minor)) } else { None }
    }

    /// The integer, in the minor unit.
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// Whether there is no money in it.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or `None` above [`AMOUNT_MAX`].
    pub fn checked_add(self, other: Amount) -> Option<Amount> {
        self.0.checked_add(other.0).and_then(Amount::new)
    }

    /// The difference, or `None` below zero.
    pub fn checked_sub(self, other: Amount) -> Option<Amount> {
        self.0.checked_sub(other.0).and_then(Amount::new)
    }

    /// The difference, or zero.
    pub fn saturating_sub(self, other: Amount) -> Amount {
        self.checked_sub(other).unwrap_or(Amount::ZERO)
    }

    /// So many times the amount, or `None` above [`AMOUNT_MAX`].
    pub fn checked_mul(self, times: u32) -> Option<Amount> {
        self.0.checked_mul(i64::from(times)).and_then(Amount::new)
    }

    /// The sum of all, or `None` above [`AMOUNT_MAX`].
    pub fn checked_sum(amounts: impl IntoIterator<Item = Amount>) -> Option<Amount> {
        amounts.into_iter().try_fold(Amount::ZERO, Amount::checked_add)
    }

    /// `self × part ÷ whole`, rounded down; zero when `whole` is zero.
    pub fn share(self, part: Amount, whole: Amount) -> Amount {
        if whole.is_zero() {
            return Amount::ZERO;
        }
        let exact = i128::from(self.0) * i128::from(part.0) / i128::from(whole.0);
        i64::try_from(exact).ok().and_then(Amount::new).unwrap_or(Amount::ZERO)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        let minor = i64::deserialize(deserializer)?;
        Amount::new(minor).ok_or_else(|| de::Error::custom("an amount is 0 to 9007199254740991"))
    }
}

/// The currencies that orders can be in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Currency {
    /// South Korean won; no minor unit (ISO 4217 exponent 0).
    #[default]
    #[serde(rename = "KRW")]
    Krw,
}

impl Currency {
    /// The ISO 4217 code.
    pub const fn code(self) -> &'static str {
        match self {
            Currency::Krw => "KRW",
        }
    }

    /// Digits after the decimal point (ISO 4217 exponent).
    pub const fn exponent(self) -> u32 {
        match self {
            Currency::Krw => 0,
        }
    }

    /// The amount as a decimal in the currency's major unit.
    pub fn to_decimal(self, amount: Amount) -> Decimal {
        Decimal::new(amount.minor(), self.exponent())
    }

    /// Reads an amount as a person or a file writes it: `"6500"`, `"6,500"`, `"6500.00"`.
    ///
    /// # Errors
    /// When it is no decimal, negative, too large, or finer than the minor unit.
    pub fn parse(self, text: &str) -> Result<Amount, AmountFault> {
        let plain: String = text.trim().chars().filter(|c| *c != ',').collect();
        let value = exact(&plain).ok_or(AmountFault::NotANumber)?;
        let minor = value
            .checked_mul(Decimal::from(10_u64.pow(self.exponent())))
            .ok_or(AmountFault::OutOfRange)?
            .normalize();
        if minor.scale() > 0 {
            return Err(AmountFault::TooFine);
        }
        minor.to_i64().and_then(Amount::new).ok_or(AmountFault::OutOfRange)
    }
}

/// A plain decimal, with as many digits as it was written with: never rounded.
fn exact(text: &str) -> Option<Decimal> {
    let plain = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'));
    if plain { Decimal::from_str_exact(text).ok() } else { None }
}

/// Why a text is no amount.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AmountFault {
    /// Not a decimal number.
    #[error("not a number")]
    NotANumber,
    /// Negative, or above [`AMOUNT_MAX`].
    #[error("out of range")]
    OutOfRange,
    /// A fraction of the minor unit.
    #[error("finer than the currency's smallest unit")]
    TooFine,
}

/// An amount with thousands separators, as `6,500`; the caller adds the currency's sign.
pub struct Grouped(pub Amount);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.minor().to_string();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// A percentage above 0 and up to 100, with at most four decimals; written as a string in JSON (`"12.5"`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Percent(Decimal);

impl Percent {
    /// Reads `"12.5"`; `None` unless 0 < p ≤ 100 with at most four decimals.
    pub fn parse(text: &str) -> Option<Percent> {
        let value = exact(text)?;
        let in_range = value > Decimal::ZERO && value <= Decimal::ONE_HUNDRED && value.scale() <= 4;
        in_range.then_some(Percent(value))
    }

    /// That part of an amount, rounded down to the minor unit.
    pub fn of(self, amount: Amount) -> Amount {
        Decimal::from(amount.minor())
            .checked_mul(self.0)
            .map(|hundredfold| (hundredfold / Decimal::ONE_HUNDRED).trunc())
            .and_then(|part| part.to_i64())
            .and_then(Amount::new)
            .unwrap_or(Amount::ZERO)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Percent, D::Error> {
        let text = String::deserialize(deserializer)?;
        Percent::parse(&text).ok_or_else(|| de::Error::custom("a percentage is above 0 and up to 100"))
    }
}

//! Amounts, as they come in, go out and are divided.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use gyesan_core::money::AmountFault::{NotANumber, OutOfRange, TooFine};
use gyesan_core::money::{AMOUNT_MAX, Amount, Currency, Grouped, Percent};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn won(amount: i64) -> Amount {
    Amount::new(amount).unwrap()
}

#[test]
fn an_amount_is_zero_to_two_to_the_53_less_one() {
    assert_eq!(Amount::new(0), Some(Amount::ZERO));
    assert_eq!(Amount::new(AMOUNT_MAX).map(Amount::minor), Some((1 << 53) - 1));
    for outside in [-1, i64::MIN, AMOUNT_MAX + 1, i64::MAX] {
        assert_eq!(Amount::new(outside), None);
    }
}

#[test]
fn arithmetic_leaves_the_range_as_none() {
    assert_eq!(won(AMOUNT_MAX).checked_add(won(1)), None);
    assert_eq!(won(1).checked_sub(won(2)), None);
    assert_eq!(won(1).saturating_sub(won(2)), Amount::ZERO);
    assert_eq!(won(AMOUNT_MAX).checked_mul(2), None);
    assert_eq!(won(2_000).checked_mul(999), Some(won(1_998_000)));
    assert_eq!(Amount::checked_sum([won(1), won(2), won(3)]), Some(won(6)));
    assert_eq!(Amount::checked_sum([won(AMOUNT_MAX), won(1)]), None);
}

#[test]
fn a_share_rounds_down_and_never_overflows() {
    for (whole, part, of, share) in [
        (1_000, 1, 3, 333),
        (1_000, 2, 3, 666),
        (1_000, 0, 3, 0),
        (1_000, 3, 3, 1_000),
        (1_000, 1, 0, 0),
        (AMOUNT_MAX, AMOUNT_MAX, AMOUNT_MAX, AMOUNT_MAX),
        (AMOUNT_MAX, 1, 2, AMOUNT_MAX / 2),
    ] {
        assert_eq!(won(whole).share(won(part), won(of)), won(share));
    }
}

#[test]
fn amounts_are_read_as_people_write_them() {
    for (text, amount) in [
        ("6500", 6_500),
        (" 6,500 ", 6_500),
        ("6500.00", 6_500),
        ("0", 0),
        ("9007199254740991", AMOUNT_MAX),
        ("9,007,199,254,740,991", AMOUNT_MAX),
    ] {
        assert_eq!(Currency::Krw.parse(text), Ok(won(amount)), "{text}");
    }
    for (text, fault) in [
        ("", NotANumber),
        (",", NotANumber),
        ("천원", NotANumber),
        ("６５００", NotANumber),
        ("1_000", NotANumber),
        ("1e3", NotANumber),
        ("0x10", NotANumber),
        ("+5", NotANumber),
        ("NaN", NotANumber),
        ("1.2.3", NotANumber),
        ("-1", OutOfRange),
        ("9007199254740992", OutOfRange),
        ("6500.5", TooFine),
        ("0.1", TooFine),
    ] {
        assert_eq!(Currency::Krw.parse(text), Err(fault), "{text}");
    }
    // More digits than a decimal holds are refused, not rounded to one won.
    assert!(Currency::Krw.parse("0.99999999999999999999999999999999").is_err());
}

#[test]
fn amounts_are_written_in_groups_of_three() {
    for (amount, text) in [
        (0, "0"),
        (999, "999"),
        (1_000, "1,000"),
        (123_456, "123,456"),
        (AMOUNT_MAX, "9,007,199,254,740,991"),
    ] {
        assert_eq!(Grouped(won(amount)).to_string(), text);
        assert_eq!(Currency::Krw.parse(text), Ok(won(amount)));
    }
}

#[test]
fn a_percentage_is_above_zero_and_up_to_a_hundred() {
    for text in ["0.0001", "12.5", "100", "33.3333"] {
        assert_eq!(Percent::parse(text).unwrap().to_string(), text);
    }
    for text in ["0", "-1", "100.0001", "0.00001", "", "%", "12,5", "1e1", "NaN"] {
        assert_eq!(Percent::parse(text), None, "{text}");
    }
}

#[test]
fn a_percentage_of_an_amount_rounds_down() {
    for (percent, amount, part) in [
        ("12.5", 10_001, 1_250),
        ("33.3333", 10_000, 3_333),
        ("100", AMOUNT_MAX, AMOUNT_MAX),
        ("0.0001", 999_999, 0),
        ("0.0001", 1_000_000, 1),
        ("99.9999", AMOUNT_MAX, 9_007_190_247_541_736),
    ] {
        assert_eq!(Percent::parse(percent).unwrap().of(won(amount)), won(part), "{percent} % of {amount}");
    }
}

#[test]
fn json_holds_integers_and_decimal_strings_only() {
    assert_eq!(serde_json::to_string(&won(6_500)).unwrap(), "6500");
    assert_eq!(serde_json::from_str::<Amount>("6500").unwrap(), won(6_500));
    for text in ["-1", "6500.0", "6.5e3", "\"6500\"", "9007199254740992", "null", "1e400"] {
        assert!(serde_json::from_str::<Amount>(text).is_err(), "{text}");
    }
    assert_eq!(serde_json::to_string(&Percent::parse("12.5").unwrap()).unwrap(), "\"12.5\"");
    assert!(serde_json::from_str::<Percent>("12.5").is_err());
    assert!(serde_json::from_str::<Percent>("\"101\"").is_err());
    assert_eq!(serde_json::to_string(&Currency::Krw).unwrap(), "\"KRW\"");
}

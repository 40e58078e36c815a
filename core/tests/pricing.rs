//! What orders cost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use gyesan_core::api::Quote;
use gyesan_core::money::{AMOUNT_MAX, Amount, Percent};
use gyesan_core::pricing::{Coupon, Discount, Fault, Funder, Item, price};
use gyesan_core::problem::Code;
use gyesan_core::time::Timestamp;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn won(amount: i64) -> Amount {
    Amount::new(amount).unwrap()
}

fn item(product: &str, unit_price: i64, quantity: u32) -> Item {
    Item {
        product_id: Some(product.into()),
        name: format!("상품{product}"),
        unit_price: won(unit_price),
        quantity,
        seller_id: "A".into(),
    }
}

fn coupon(discount: Discount, minimum: i64) -> Coupon {
    Coupon {
        code: "C".into(),
        discount,
        minimum_amount: won(minimum),
        valid_from: None,
        valid_until: None,
        funded_by: Funder::Seller,
    }
}

fn fixed(amount: i64) -> Coupon {
    coupon(Discount::Fixed { amount: won(amount) }, 0)
}

fn percent(text: &str, max_amount: Option<i64>) -> Coupon {
    let percent = Percent::parse(text).unwrap();
    coupon(Discount::Percent { percent, max_amount: max_amount.map(won) }, 0)
}

/// Gross, discount and amount of the order, and the discount of each line.
fn figures(quote: &Quote) -> (i64, i64, i64, Vec<i64>) {
    let lines = quote.lines.iter().map(|line| line.discount.minor()).collect();
    (quote.gross_amount.minor(), quote.discount.minor(), quote.amount.minor(), lines)
}

#[test]
fn the_price_is_quantities_times_prices_less_the_coupon() {
    let two = [item("A", 1_000, 2), item("D", 4_500, 1)];
    let three = [item("A", 1_000, 1), item("B", 1_000, 1), item("C", 1_000, 1)];
    for (items, coupon, then) in [
        (&two[..], None, (6_500, 0, 6_500, vec![0, 0])),
        (&two[..], Some(fixed(1_000)), (6_500, 1_000, 5_500, vec![307, 693])),
        (&three[..], Some(fixed(1_000)), (3_000, 1_000, 2_000, vec![333, 333, 334])),
        (&two[..], Some(percent("12.5", None)), (6_500, 812, 5_688, vec![249, 563])),
        (&two[..], Some(percent("12.5", Some(500))), (6_500, 500, 6_000, vec![153, 347])),
        (&two[..], Some(percent("12.5", Some(5_000))), (6_500, 812, 5_688, vec![249, 563])),
        (&two[..], Some(coupon_from(6_500)), (6_500, 1_000, 5_500, vec![307, 693])),
    ] {
        assert_eq!(figures(&price(items, coupon.as_ref(), NOW).unwrap()), then);
    }
}

fn coupon_from(minimum: i64) -> Coupon {
    coupon(Discount::Fixed { amount: won(1_000) }, minimum)
}

#[test]
fn each_fault_has_its_code_and_pointer() {
    let mut early = fixed(100);
    early.valid_from = Some(NOW.plus_ms(1));
    let mut late = fixed(100);
    late.valid_until = Some(NOW);
    let a = || item("A", 1_000, 1);
    for (items, coupon, code, pointer) in [
        (vec![], None, Code::OrderEmpty, "/items"),
        (vec![a(); 101], None, Code::TooManyItems, "/items"),
        (vec![a(), item("B", 1_000, 0)], None, Code::QuantityOutOfRange, "/items/1/quantity"),
        (vec![item("A", 1_000, 1_000)], None, Code::QuantityOutOfRange, "/items/0/quantity"),
        (vec![a(), item("B", 1, 1), a()], None, Code::DuplicateOrderItem, "/items/2/productId"),
        (vec![item("A", 99, 1)], None, Code::AmountTooSmall, "/items"),
        (vec![a()], Some(fixed(901)), Code::AmountTooSmall, "/items"),
        (vec![a()], Some(fixed(5_000)), Code::AmountTooSmall, "/items"),
        (vec![item("A", 100_000_001, 1)], None, Code::AmountTooLarge, "/items"),
        (vec![item("A", AMOUNT_MAX, 2)], None, Code::AmountTooLarge, "/items/0"),
        (vec![item("A", AMOUNT_MAX, 1), item("B", 1, 1)], None, Code::AmountTooLarge, "/items"),
        (vec![a()], Some(early), Code::CouponExpired, "/couponCode"),
        (vec![a()], Some(late), Code::CouponExpired, "/couponCode"),
        (vec![a()], Some(coupon_from(1_001)), Code::CouponMinimumNotMet, "/couponCode"),
    ] {
        assert_eq!(price(&items, coupon.as_ref(), NOW), Err(Fault { code, pointer: pointer.into() }));
    }
}

#[test]
fn the_bounds_themselves_are_allowed() {
    for items in [vec![item("A", 100, 1)], vec![item("A", 100_000_000, 1)], vec![item("A", 100, 999)]] {
        assert!(price(&items, None, NOW).is_ok());
    }
    let mut timed = fixed(100);
    timed.valid_from = Some(NOW);
    timed.valid_until = Some(NOW.plus_ms(1));
    assert!(price(&[item("A", 1_000, 1)], Some(&timed), NOW).is_ok());
}

#[test]
fn lines_that_the_merchant_priced_may_be_alike() {
    let own = Item { product_id: None, ..item("A", 1_000, 1) };
    assert_eq!(price(&[own.clone(), own], None, NOW).unwrap().amount, won(2_000));
}

#[test]
fn a_free_line_carries_no_discount() {
    let quote = price(&[item("A", 0, 1), item("B", 1_000, 1)], Some(&fixed(900)), NOW).unwrap();
    assert_eq!(figures(&quote), (1_000, 900, 100, vec![0, 900]));
}

#[test]
fn the_order_name_says_how_many_more_and_fits_toss() {
    let names = |items: &[Item]| price(items, None, NOW).unwrap().order_name;
    assert_eq!(names(&[item("A", 1_000, 3)]), "상품A");
    assert_eq!(names(&[item("A", 1_000, 1), item("B", 1_000, 1)]), "상품A 외 1건");
    let long = Item { name: "가".repeat(150), ..item("A", 1_000, 1) };
    let alone = names(std::slice::from_ref(&long));
    assert_eq!(alone.chars().count(), 100);
    assert!(alone.ends_with('…'));
    let first_of_many: Vec<Item> =
        [long].into_iter().chain((0..99).map(|n| item(&n.to_string(), 100, 1))).collect();
    let name = names(&first_of_many);
    assert_eq!(name.chars().count(), 100);
    assert!(name.ends_with("… 외 99건"));
    let exact = Item { name: "가".repeat(100), ..item("A", 1_000, 1) };
    assert_eq!(names(&[exact]), "가".repeat(100));
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use super::*;
    use proptest::prelude::*;

    fn a_coupon() -> impl Strategy<Value = Option<Coupon>> {
        prop_oneof![
            Just(None),
            (0_i64..2_000_000).prop_map(|amount| Some(fixed(amount))),
            (1_i64..=1_000_000, proptest::option::of(0_i64..100_000)).prop_map(|(ten_thousandths, cap)| {
                let text = format!("{}.{:04}", ten_thousandths / 10_000, ten_thousandths % 10_000);
                Some(percent(&text, cap))
            }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_discount_is_shared_out_to_the_won(
            prices in proptest::collection::vec((0_i64..2_000_000, 1_u32..=999), 1..40),
            coupon in a_coupon(),
        ) {
            let items: Vec<Item> =
                prices.iter().enumerate().map(|(n, (unit, times))| item(&n.to_string(), *unit, *times)).collect();
            let Ok(quote) = price(&items, coupon.as_ref(), NOW) else { return Ok(()) };
            let sum = |of: fn(&gyesan_core::api::Line) -> Amount| Amount::checked_sum(quote.lines.iter().map(of)).unwrap();
            prop_assert_eq!(sum(|line| line.discount), quote.discount);
            prop_assert_eq!(sum(|line| line.amount), quote.amount);
            prop_assert_eq!(sum(|line| line.gross_amount), quote.gross_amount);
            prop_assert_eq!(quote.amount.checked_add(quote.discount).unwrap(), quote.gross_amount);
            for line in &quote.lines {
                prop_assert_eq!(line.amount.checked_add(line.discount).unwrap(), line.gross_amount);
                let exact = i128::from(quote.discount.minor()) * i128::from(line.gross_amount.minor());
                let fair = exact / i128::from(quote.gross_amount.minor().max(1));
                let off = i128::from(line.discount.minor()) - fair;
                prop_assert!((0..=40).contains(&off), "a line is {off} won off its share");
            }
            prop_assert!(quote.order_name.chars().count() <= 100);
            prop_assert!((100..=100_000_000).contains(&quote.amount.minor()));
        }
    }
}

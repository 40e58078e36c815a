//! Who may buy: names, e-mail addresses and phones, good and bad.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use gyesan_core::api::Buyer;
use gyesan_core::buyer::{faults, is_email, is_name, is_phone, normalized};
use gyesan_core::problem::{Code, FieldFault};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn names_are_what_people_are_called() {
    let fifty = "가".repeat(50);
    for name in [
        "김토스",
        "Kim Toss",
        "Ólafur Þór",
        "José-María O'Neill",
        "李小龍",
        "ㄱ",
        "金🙂",
        fifty.as_str(),
        " 김 ",
    ] {
        assert!(is_name(name), "{name:?}");
    }
}

#[test]
fn names_hide_nothing() {
    let long = "가".repeat(51);
    for name in [
        "",
        " ",
        "\t\n",
        "김\u{0000}토스",
        "김\n토스",
        "김\u{200B}토스",
        "김\u{200D}토스",
        "\u{202E}스토김",
        "김\u{2066}토스",
        "\u{FEFF}김",
        "\u{3164}",
        "\u{FFA0}",
        "\u{115F}\u{1160}",
        "\u{2800}",
        "김\u{00AD}토스",
        "김\u{E0041}",
        "김\u{FE0F}",
        "김\u{0085}토",
        long.as_str(),
    ] {
        assert!(!is_name(name), "{name:?}");
    }
}

#[test]
fn addresses_are_plain() {
    let longest = format!("{}@{}.kr", "a".repeat(64), "b".repeat(32));
    for email in [
        "toss@example.com",
        " a@b.kr ",
        "a.b+c@sub.example.co.kr",
        "x_y-z@ex-ample.io",
        "1@2.kr",
        longest.as_str(),
    ] {
        assert!(is_email(email), "{email:?}");
    }
    let too_long = format!("{}@{}.kr", "a".repeat(64), "b".repeat(33));
    let local = format!("{}@b.kr", "a".repeat(65));
    for email in [
        "",
        "@",
        "a@",
        "@b.kr",
        "a@b",
        "a@b.k",
        "a@@b.kr",
        "a@b@c.kr",
        "a b@c.kr",
        "a@b c.kr",
        ".a@b.kr",
        "a.@b.kr",
        "a..b@c.kr",
        "a@.kr",
        "a@b..kr",
        "a@-b.kr",
        "a@b-.kr",
        "a@b.kr.",
        "김@b.kr",
        "a@김.kr",
        "a\u{0000}@b.kr",
        "a@b.kr\nBcc: c@d.kr",
        "<a@b.kr>",
        "\"a b\"@c.kr",
        "a@b\u{3002}kr",
        "\u{FF41}@b.kr",
        too_long.as_str(),
        local.as_str(),
    ] {
        assert!(!is_email(email), "{email:?}");
    }
}

#[test]
fn phones_are_korean() {
    for phone in [
        "01012345678",
        "010-1234-5678",
        "010 1234 5678",
        "+82 10-1234-5678",
        "+821012345678",
        "+8201012345678",
        "0111234567",
        "011-123-4567",
        "0212345678",
        "02-123-4567",
        "031-123-4567",
        "03112345678",
        "07012345678",
    ] {
        assert!(is_phone(phone), "{phone:?}");
    }
    for phone in [
        "",
        "010",
        "0101234567",
        "010123456789",
        "1012345678",
        "821012345678",
        "+1 415 555 2671",
        "00112345678",
        "010-1234-567a",
        "０１０１２３４５６７８",
        "٠١٠١٢٣٤٥٦٧٨",
        "010.1234.5678",
        "010+12345678",
        "++821012345678",
        "021234567890",
        "02123456789",
        "12345678",
        "-----------",
        "010\u{200B}12345678",
        "010\n12345678",
    ] {
        assert!(!is_phone(phone), "{phone:?}");
    }
}

#[test]
fn what_is_kept_is_trimmed_and_the_phone_is_digits() {
    let buyer = |name: &str, email: &str, phone: &str| Buyer {
        name: Some(name.into()),
        email: Some(email.into()),
        phone: Some(phone.into()),
    };
    assert_eq!(
        normalized(&buyer(" 김토스 ", " a@b.kr", "+82 10-1234-5678")),
        buyer("김토스", "a@b.kr", "01012345678")
    );
    assert_eq!(normalized(&buyer("", "  ", "")), Buyer::default());
    let once = normalized(&buyer("김", "a@b.kr", "02-123-4567"));
    assert_eq!(normalized(&once), once);
}

#[test]
fn every_fault_is_reported_with_its_field() {
    assert_eq!(faults(&Buyer::default()), vec![]);
    let bad = Buyer { name: Some("\u{200B}".into()), email: Some("a".into()), phone: Some("1".into()) };
    let then = [
        FieldFault::new("/name", Code::InvalidBuyerName),
        FieldFault::new("/email", Code::InvalidBuyerEmail),
        FieldFault::new("/phone", Code::InvalidBuyerPhone),
    ];
    assert_eq!(faults(&bad), then);
    assert_eq!(then[0].clone().below("/buyer").pointer, "/buyer/name");
}

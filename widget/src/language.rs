//! The page's two languages, and amounts as people write them.

use crate::erased::ReadWord;
use gyesan_core::money::{Amount, Grouped};
use gyesan_core::problem::{Code, Language};
use leptos::prelude::*;

/// A text in both languages, Korean first.
pub type Text = (&'static str, &'static str);

/// The text in a language.
pub const fn pick(language: Language, text: Text) -> &'static str {
    match language {
        Language::Ko => text.0,
        Language::En => text.1,
    }
}

/// The page's language: a handle that views copy.
#[derive(Clone, Copy)]
pub struct Tongue(pub RwSignal<Language>);

impl Tongue {
    /// A text that follows the language.
    pub fn say(self, ko: &'static str, en: &'static str) -> ReadWord {
        self.tell((ko, en))
    }

    /// A text that follows the language.
    pub fn tell(self, text: Text) -> ReadWord {
        Box::new(move || pick(self.0.get(), text))
    }

    /// `ko` or `en`, for `lang` attributes.
    pub fn tag(self) -> ReadWord {
        Box::new(move || self.0.get().tag())
    }

    /// A text in the language of the moment; follows it inside a view.
    pub fn of(self, text: Text) -> &'static str {
        pick(self.0.get(), text)
    }

    /// An amount in won: `6,500원`, `₩6,500`.
    pub fn won(self, amount: Amount) -> String {
        won(self.0.get(), amount)
    }
}

/// An amount in won: `6,500원` in Korean, `₩6,500` in English.
pub fn won(language: Language, amount: Amount) -> String {
    match language {
        Language::Ko => format!("{}원", Grouped(amount)),
        Language::En => format!("₩{}", Grouped(amount)),
    }
}

/// The sentences for the codes that the page shows in its own words, as constants: the table of all codes would be in the
/// download otherwise. `None` for the others, whose sentence comes with the server's answer.
pub const fn fault_text(code: Code) -> Option<Text> {
    const fn both(code: Code) -> Text {
        (code.title(Language::Ko), code.title(Language::En))
    }
    const NAME: Text = both(Code::InvalidBuyerName);
    const EMAIL: Text = both(Code::InvalidBuyerEmail);
    const PHONE: Text = both(Code::InvalidBuyerPhone);
    const NO_COUPON: Text = both(Code::CouponNotFound);
    const COUPON_EXPIRED: Text = both(Code::CouponExpired);
    const COUPON_MINIMUM: Text = both(Code::CouponMinimumNotMet);
    const AMOUNT: Text = both(Code::AmountMismatch);
    const NO_ORDER: Text = both(Code::OrderNotFound);
    const NOT_PAYABLE: Text = both(Code::OrderNotPayable);
    const EXPIRED: Text = both(Code::OrderExpired);
    const TOO_MANY: Text = both(Code::TooManyAttempts);
    const UNAVAILABLE: Text = both(Code::ServiceUnavailable);
    const LIMITED: Text = both(Code::RateLimited);
    match code {
        Code::InvalidBuyerName => Some(NAME),
        Code::InvalidBuyerEmail => Some(EMAIL),
        Code::InvalidBuyerPhone => Some(PHONE),
        Code::CouponNotFound => Some(NO_COUPON),
        Code::CouponExpired => Some(COUPON_EXPIRED),
        Code::CouponMinimumNotMet => Some(COUPON_MINIMUM),
        Code::AmountMismatch => Some(AMOUNT),
        Code::OrderNotFound => Some(NO_ORDER),
        Code::OrderNotPayable => Some(NOT_PAYABLE),
        Code::OrderExpired => Some(EXPIRED),
        Code::TooManyAttempts => Some(TOO_MANY),
        Code::ServiceUnavailable => Some(UNAVAILABLE),
        Code::RateLimited => Some(LIMITED),
        _ => None,
    }
}

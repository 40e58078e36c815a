//! The page's two languages, and amounts as people write them.

use gyesan_core::money::{Amount, Grouped};
use gyesan_core::problem::Language;
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
    pub fn say(self, ko: &'static str, en: &'static str) -> Signal<&'static str> {
        self.tell((ko, en))
    }

    /// A text that follows the language.
    pub fn tell(self, text: Text) -> Signal<&'static str> {
        Signal::derive(move || pick(self.0.get(), text))
    }

    /// `ko` or `en`, for `lang` attributes.
    pub fn tag(self) -> Signal<&'static str> {
        Signal::derive(move || self.0.get().tag())
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

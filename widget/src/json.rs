//! JSON by the browser's own parser: a few readers and a writer over plain JavaScript objects.
//!
//! serde_json would cost 20 KB of brotli in the page (`JSON.parse` is there already), so answers are read
//! field by field. Unknown fields and enum values are ignored, as the contract asks of clients.

use gyesan_core::money::Amount;
use js_sys::{Array, JSON, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// A value of a JSON document; reading what is not there gives `undefined`, never an error.
#[derive(Clone)]
pub struct Json(pub JsValue);

impl Json {
    /// Reads a document; `None` when it is not JSON.
    pub fn parse(text: &str) -> Option<Json> {
        JSON::parse(text).ok().map(Json)
    }

    /// The member of that name.
    pub fn get(&self, name: &str) -> Json {
        Json(Reflect::get(&self.0, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED))
    }

    /// The text, when it is one.
    pub fn text(&self) -> Option<String> {
        self.0.as_string()
    }

    /// The text of a member, empty when there is none.
    pub fn text_of(&self, name: &str) -> String {
        self.get(name).text().unwrap_or_default()
    }

    /// Whether it is `true`.
    pub fn is_true(&self) -> bool {
        self.0.as_bool() == Some(true)
    }

    /// The amount, when it is an integer in range. The float is only how JavaScript holds integers up to 2^53.
    pub fn amount(&self) -> Option<Amount> {
        let number = self.0.as_f64()?;
        let minor = number as i64;
        if minor as f64 == number { Amount::new(minor) } else { None }
    }

    /// The count, when it is a small non-negative integer.
    pub fn count(&self) -> Option<u32> {
        self.amount().and_then(|amount| u32::try_from(amount.minor()).ok())
    }

    /// The members of an array, none when it is no array.
    pub fn items(&self) -> Vec<Json> {
        self.0.dyn_ref::<Array>().map(|array| array.iter().map(Json).collect()).unwrap_or_default()
    }
}

/// A JSON object being written.
#[derive(Default)]
pub struct Writer(Object);

impl Writer {
    /// Sets a member.
    #[must_use]
    pub fn set(self, name: &str, value: impl Into<JsValue>) -> Writer {
        // Setting a member of a fresh plain object cannot fail.
        let _ = Reflect::set(&self.0, &JsValue::from_str(name), &value.into());
        self
    }

    /// Sets a member when there is a value.
    #[must_use]
    pub fn set_some(self, name: &str, value: Option<impl Into<JsValue>>) -> Writer {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    /// The object.
    pub fn value(self) -> JsValue {
        self.0.into()
    }

    /// The document.
    pub fn text(self) -> String {
        JSON::stringify(&self.0).ok().and_then(|text| text.as_string()).unwrap_or_default()
    }
}

/// An array of values.
pub fn array(values: impl IntoIterator<Item = JsValue>) -> JsValue {
    values.into_iter().collect::<Array>().into()
}

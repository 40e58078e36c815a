//! Reads a JSON body field by field and collects every fault with its pointer, so that a caller learns of all of them at
//! once. Unknown fields are refused by name; whole numbers are never taken from strings or fractions.

use gyesan_core::buyer::is_visible;
use gyesan_core::money::{AMOUNT_MAX, Amount};
use gyesan_core::problem::{Code, FieldFault};
use serde_json::{Map, Value};
use std::cell::RefCell;

/// The faults found so far in one body.
#[derive(Default)]
pub struct Faults(RefCell<Vec<FieldFault>>);

impl Faults {
    /// Notes a fault.
    pub fn add(&self, pointer: String, code: Code) {
        self.0.borrow_mut().push(FieldFault { pointer, code });
    }

    /// What was read, unless something was wrong.
    ///
    /// # Errors
    /// All faults, in the order they were found.
    pub fn or<T>(self, value: Option<T>) -> Result<T, Vec<FieldFault>> {
        let faults = self.0.into_inner();
        match value {
            Some(value) if faults.is_empty() => Ok(value),
            _ => Err(faults),
        }
    }
}

/// A JSON object being read.
pub struct Fields<'v> {
    map: &'v Map<String, Value>,
    pointer: String,
    faults: &'v Faults,
}

impl<'v> Fields<'v> {
    /// Opens an object at a pointer (empty for the body itself) and notes every field that is not known.
    pub fn open(value: &'v Value, pointer: String, known: &[&str], faults: &'v Faults) -> Option<Fields<'v>> {
        let Value::Object(map) = value else {
            faults.add(pointer, Code::InvalidType);
            return None;
        };
        for name in map.keys().filter(|name| !known.contains(&name.as_str())) {
            faults.add(below(&pointer, name), Code::UnknownField);
        }
        Some(Fields { map, pointer, faults })
    }

    /// Where a field of this object is.
    pub fn pointer(&self, name: &str) -> String {
        below(&self.pointer, name)
    }

    /// Notes a fault of a field.
    pub fn fault(&self, name: &str, code: Code) {
        self.faults.add(self.pointer(name), code);
    }

    /// The names and values of the object, in the order of their names.
    pub fn entries(&self) -> impl Iterator<Item = (&'v String, &'v Value)> {
        self.map.iter()
    }

    /// The value; `null` counts as absent.
    pub fn value(&self, name: &str) -> Option<&'v Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// Whether the field is there.
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Notes when the field is absent.
    pub fn require(&self, name: &str) -> &Fields<'v> {
        if !self.has(name) {
            self.fault(name, Code::Required);
        }
        self
    }

    /// Any text.
    pub fn text(&self, name: &str) -> Option<&'v str> {
        match self.value(name)? {
            Value::String(text) => Some(text),
            _ => {
                self.fault(name, Code::InvalidType);
                None
            }
        }
    }

    /// Text of 1 to `max` characters that can all be seen.
    pub fn visible_text(&self, name: &str, max: usize) -> Option<&'v str> {
        self.checked(name, |text| (1..=max).contains(&text.chars().count()) && text.chars().all(is_visible))
    }

    /// Text that passes a check; otherwise `INVALID_VALUE`.
    pub fn checked(&self, name: &str, check: impl Fn(&str) -> bool) -> Option<&'v str> {
        let text = self.text(name)?;
        if check(text) {
            return Some(text);
        }
        self.fault(name, Code::InvalidValue);
        None
    }

    /// `true` or `false`.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        let value = self.value(name)?.as_bool();
        if value.is_none() {
            self.fault(name, Code::InvalidType);
        }
        value
    }

    /// A whole number of any size; too large for 64 bits is noted as `INVALID_VALUE`, a fraction as `INVALID_TYPE`.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            Value::Number(number) => {
                let whole = number.as_i64().or_else(|| number.as_u64().map(|_| i64::MAX));
                if whole.is_none() {
                    self.fault(name, Code::InvalidType);
                }
                whole
            }
            _ => {
                self.fault(name, Code::InvalidType);
                None
            }
        }
    }

    /// An amount of money: 0 to 2^53 − 1.
    pub fn amount(&self, name: &str) -> Option<Amount> {
        let minor = self.integer(name)?;
        if !(0..=AMOUNT_MAX).contains(&minor) {
            self.fault(name, Code::InvalidValue);
        }
        Amount::new(minor)
    }

    /// The elements of a list.
    pub fn list(&self, name: &str) -> Option<&'v [Value]> {
        match self.value(name)? {
            Value::Array(elements) => Some(elements),
            _ => {
                self.fault(name, Code::InvalidType);
                None
            }
        }
    }

    /// An object within this one.
    pub fn object(&self, name: &str, known: &[&str]) -> Option<Fields<'v>> {
        Fields::open(self.value(name)?, self.pointer(name), known, self.faults)
    }
}

/// A JSON pointer one step deeper (RFC 6901 §3).
pub fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Faults, Fields};
    use gyesan_core::problem::Code;
    use serde_json::{Value, json};

    fn faults(body: Value, read: impl Fn(&Fields<'_>)) -> Vec<(String, Code)> {
        let faults = Faults::default();
        if let Some(fields) = Fields::open(&body, String::new(), &["a"], &faults) {
            read(&fields);
        }
        faults.0.into_inner().into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn unknown_fields_are_named_with_escaped_pointers() {
        let found = faults(json!({"a": 1, "b/c~d": 2}), |_| {});
        assert_eq!(found, [("/b~1c~0d".to_owned(), Code::UnknownField)]);
        assert_eq!(faults(json!([1]), |_| {}), [(String::new(), Code::InvalidType)]);
    }

    #[test]
    fn amounts_are_whole_and_in_range() {
        let cases = [
            (json!(0), None),
            (json!(9_007_199_254_740_991_i64), None),
            (json!(9_007_199_254_740_992_i64), Some(Code::InvalidValue)),
            (json!(18_446_744_073_709_551_615_u64), Some(Code::InvalidValue)),
            (json!(-1), Some(Code::InvalidValue)),
            (json!(1.5), Some(Code::InvalidType)),
            (json!(1.0), Some(Code::InvalidType)),
            (json!(1e300), Some(Code::InvalidType)),
            (json!("1"), Some(Code::InvalidType)),
            (json!(true), Some(Code::InvalidType)),
            (json!([1]), Some(Code::InvalidType)),
        ];
        for (value, code) in cases {
            let found = faults(json!({"a": value}), |fields| {
                let _ = fields.amount("a");
            });
            assert_eq!(found.first().map(|(_, code)| *code), code, "{value}");
        }
    }

    #[test]
    fn a_missing_field_and_null_are_the_same() {
        for body in [json!({}), json!({"a": null})] {
            let found = faults(body, |fields| {
                let _ = fields.require("a").text("a");
            });
            assert_eq!(found, [("/a".to_owned(), Code::Required)]);
        }
    }

    #[test]
    fn text_that_cannot_be_seen_is_refused() {
        for text in ["", "a\u{202e}b", "a\u{200b}b", "a\nb", "a\0b", "abcdef"] {
            let found = faults(json!({"a": text}), |fields| {
                let _ = fields.visible_text("a", 5);
            });
            assert_eq!(found, [("/a".to_owned(), Code::InvalidValue)], "{text:?}");
        }
        assert!(
            faults(json!({"a": "김토스 é"}), |fields| {
                let _ = fields.visible_text("a", 5);
            })
            .is_empty()
        );
    }
}

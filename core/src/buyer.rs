//! What a buyer may be: name, e-mail and Korean phone, checked the same way in the form and on the server.

use crate::api::Buyer;
use crate::problem::{Code, FieldFault};

/// Checks what is there (every field is optional in the contract) and returns the faults, pointers
/// relative to the buyer (`/name`, `/email`, `/phone`).
pub fn faults(buyer: &Buyer) -> Vec<FieldFault> {
    let wrong =
        |value: &Option<String>, valid: fn(&str) -> bool| value.as_deref().is_some_and(|text| !valid(text));
    [
        ("/name", wrong(&buyer.name, is_name), Code::InvalidBuyerName),
        ("/email", wrong(&buyer.email, is_email), Code::InvalidBuyerEmail),
        ("/phone", wrong(&buyer.phone, is_phone), Code::InvalidBuyerPhone),
    ]
    .into_iter()
    .filter(|(_, wrong, _)| *wrong)
    .map(|(pointer, _, code)| FieldFault::new(pointer, code))
    .collect()
}

/// The buyer with surrounding blanks removed and the phone reduced to its digits, which is what Toss
/// takes (`toss.md` §1.2). Empty fields become absent.
pub fn normalized(buyer: &Buyer) -> Buyer {
    let clean = |value: &Option<String>| {
        value.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    Buyer {
        name: clean(&buyer.name),
        email: clean(&buyer.email),
        phone: clean(&buyer.phone).map(|phone| digits(&phone)),
    }
}

/// 1 to 50 characters that can be seen: no control, no invisible, no direction-changing characters.
pub fn is_name(text: &str) -> bool {
    let text = text.trim();
    (1..=50).contains(&text.chars().count()) && text.chars().all(is_visible)
}

/// A plain address, at most 100 characters (Toss's limit): one `@`, a local part, a domain with a dot.
pub fn is_email(text: &str) -> bool {
    let text = text.trim();
    let Some((local, domain)) = text.split_once('@') else { return false };
    let local_fits = (1..=64).contains(&local.len())
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~.-".contains(&b))
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..");
    let labels: Vec<&str> = domain.split('.').collect();
    let domain_fits = labels.len() >= 2
        && labels.last().is_some_and(|top| top.len() >= 2)
        && labels.iter().all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        });
    text.len() <= 100 && local_fits && domain_fits
}

/// A Korean phone: a mobile (`010…`, 10 or 11 digits) or a land line or internet phone (`02`, `031`, `070` …, 9 to 11),
/// with or without hyphens, blanks or the country code `+82`.
pub fn is_phone(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_digit() || matches!(c, '-' | ' ' | '+');
    if !text.trim().chars().all(allowed) || text.trim().chars().skip(1).any(|c| c == '+') {
        return false;
    }
    let digits = digits(text);
    let mobile = ["010", "011", "016", "017", "018", "019"].iter().any(|p| digits.starts_with(p));
    match digits.len() {
        11 if mobile || digits.starts_with('0') && !digits.starts_with("00") && !digits.starts_with("02") => {
            true
        }
        10 => digits.starts_with('0') && !digits.starts_with("00") && !digits.starts_with("010"),
        9 => digits.starts_with("02"),
        _ => false,
    }
}

/// The digits alone, `+82 10…` turned into `010…`.
fn digits(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    match digits.strip_prefix("82") {
        Some(rest) if phone.trim().starts_with('+') => format!("0{}", rest.trim_start_matches('0')),
        _ => digits,
    }
}

/// Whether a character shows: names with control, zero-width or bidirectional characters are used to
/// fool people who read them in a console.
pub fn is_visible(c: char) -> bool {
    let hidden = matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}');
    !c.is_control() && !hidden
}

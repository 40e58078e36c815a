//! Enough of BACKWARD for flat records: whether a schema reads what the last one wrote.

use serde_json::Value;

/// The first difference that a reader would stumble over, in a registry's words.
pub fn difference(reader: &Value, writer: &Value) -> Option<String> {
    let name = |schema: &Value| schema.get("name").cloned();
    if name(reader) != name(writer) {
        return Some(format!("NAME_MISMATCH: {:?}", name(reader)));
    }
    let fields = |schema: &Value| schema.get("fields").and_then(Value::as_array).cloned().unwrap_or_default();
    let written = fields(writer);
    fields(reader).iter().find_map(|field| {
        let there = written.iter().find(|known| known.get("name") == field.get("name"));
        let name = field.get("name").and_then(Value::as_str).unwrap_or_default();
        match there {
            None if field.get("default").is_none() => {
                Some(format!("READER_FIELD_MISSING_DEFAULT_VALUE: {name}"))
            }
            Some(known) if known.get("type") != field.get("type") => Some(format!("TYPE_MISMATCH: {name}")),
            _ => None,
        }
    })
}

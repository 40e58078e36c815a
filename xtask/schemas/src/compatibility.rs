//! Whether a reader's schema can read all that a writer's schema wrote: Apache's library decides, this names the field.

use apache_avro::Schema;
use apache_avro::schema::{RecordField, UnionSchema};
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};

/// Each field that stands in the way, with the reason; none when every value of the writer can be read.
///
/// Two changes that Avro allows are refused too: another logical type over the same number (milliseconds read as
/// microseconds are another time), and an amount as a float (by [`fractions`]).
pub fn faults(writer: &Schema, reader: &Schema) -> Vec<String> {
    let mut faults = Vec::new();
    compare("", writer, reader, &mut faults);
    // The library's judgement on the whole, should the walk through its parts have missed something.
    let whole = SchemaCompatibility::can_read(writer, reader);
    if faults.is_empty() && whole != Ok(Compatibility::Full) {
        faults.push(
            whole.err().map_or_else(|| "some values cannot be read".to_owned(), |fault| fault.to_string()),
        );
    }
    faults
}

fn compare(path: &str, writer: &Schema, reader: &Schema, faults: &mut Vec<String>) {
    match (writer, reader) {
        (Schema::Record(old), Schema::Record(new)) if old.name == new.name => {
            for field in &new.fields {
                let path = below(path, &field.name);
                match written(field, &old.fields) {
                    Some(written) => compare(&path, &written.schema, &field.schema, faults),
                    None if field.default.is_none() => {
                        faults.push(format!("{path} is new and has no default"));
                    }
                    None => (),
                }
            }
        }
        (Schema::Array(old), Schema::Array(new)) => compare(path, &old.items, &new.items, faults),
        (Schema::Union(old), Schema::Union(new)) if something(old).is_some() && something(new).is_some() => {
            if let (Some(old), Some(new)) = (something(old), something(new)) {
                compare(path, old, new, faults);
            }
        }
        // What was required has become optional: read as before.
        (_, Schema::Union(new)) if !matches!(writer, Schema::Union(_)) && something(new).is_some() => {
            if let Some(new) = something(new) {
                compare(path, writer, new, faults);
            }
        }
        (Schema::Ref { name: old }, Schema::Ref { name: new }) if old == new => (),
        _ => faults.extend(
            changed(writer, reader)
                .map(|why| format!("{path} was {} and is {}: {why}", text(writer), text(reader))),
        ),
    }
}

/// Why values of one type cannot be read as another.
fn changed(writer: &Schema, reader: &Schema) -> Option<String> {
    match SchemaCompatibility::can_read(writer, reader) {
        Err(_) => Some("none of its values can be read".to_owned()),
        Ok(Compatibility::Partial) => Some("not all of its values can be read".to_owned()),
        Ok(Compatibility::Full) if logical(writer) != logical(reader) => {
            Some("its values would be read as something else".to_owned())
        }
        Ok(Compatibility::Full) => None,
    }
}

/// The field that was written for a reader's field: of its name, or of one of its aliases.
fn written<'a>(field: &RecordField, written: &'a [RecordField]) -> Option<&'a RecordField> {
    let mut names = std::iter::once(&field.name).chain(&field.aliases);
    names.find_map(|name| written.iter().find(|written| written.name == *name))
}

/// The other branch of a union of null and one more.
fn something(union: &UnionSchema) -> Option<&Schema> {
    match union.variants() {
        [Schema::Null, something] | [something, Schema::Null] => Some(something),
        _ => None,
    }
}

/// The logical type's name, as the schema has it.
fn logical(schema: &Schema) -> Option<String> {
    let document = serde_json::to_value(schema).ok()?;
    document.get("logicalType")?.as_str().map(str::to_owned)
}

fn text(schema: &Schema) -> String {
    match schema {
        Schema::Record(record) => format!("record {}", record.name.name()),
        _ => serde_json::to_string(schema).unwrap_or_default().replace('"', ""),
    }
}

fn below(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

/// The fields of floating-point types, at any depth.
pub fn fractions(schema: &Schema) -> Vec<String> {
    let mut found = Vec::new();
    collect_fractions("", schema, &mut found);
    found
}

fn collect_fractions(path: &str, schema: &Schema, found: &mut Vec<String>) {
    match schema {
        Schema::Float | Schema::Double => found.push(path.to_owned()),
        Schema::Record(record) => {
            for field in &record.fields {
                collect_fractions(&below(path, &field.name), &field.schema, found);
            }
        }
        Schema::Array(array) => collect_fractions(path, &array.items, found),
        Schema::Map(map) => collect_fractions(path, &map.types, found),
        Schema::Union(union) => {
            for branch in union.variants() {
                collect_fractions(path, branch, found);
            }
        }
        _ => (),
    }
}

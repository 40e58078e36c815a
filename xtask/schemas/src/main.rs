//! The released event schemas: never edited, never without an entry, and each version able to read what the earlier
//! ones wrote. Called by `cargo xtask check` as `gyesan-schemas FOLDER`; prints each fault on a line and ends with 1.
//!
//! `edge/schemas/released.json` lists id, type, version and the SHA-256 of the schema's canonical text: its JSON with sorted keys
//! and without white space, so that only its layout may change. An id is given out once and for ever: values in Kafka
//! carry it. The bytes that each version stands for are pinned by the tests of `edge`.

mod compatibility;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use apache_avro::Schema;
use serde_json::Value;
use sha2::{Digest, Sha256};

const RELEASED: &str = "released.json";
const NAMESPACE: &str = "com.gyesan";
/// What every event begins with: headers are made of these without reading the rest.
const FIRST_FIELDS: [(&str, &str); 4] = [
    ("eventId", r#""string""#),
    ("merchantId", r#""string""#),
    ("currency", r#""string""#),
    ("occurredAt", r#"{"type":"long","logicalType":"timestamp-millis"}"#),
];

/// A line of `released.json`.
#[derive(Clone, PartialEq, Debug)]
struct Entry {
    id: u64,
    event_type: String,
    version: u64,
    sha256: String,
}

fn main() -> Result<ExitCode> {
    let folder = std::env::args_os().nth(1).context("usage: gyesan-schemas FOLDER")?;
    let faults = faults(Path::new(&folder))?;
    for fault in &faults {
        println!("{fault}");
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every rule that a schema of the folder breaks.
fn faults(folder: &Path) -> Result<Vec<String>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {name}"))?;
        files.insert(name, text);
    }
    let released = files.remove(RELEASED).with_context(|| format!("{RELEASED} is missing"))?;
    broken(&files, &released)
}

/// The faults of schema files (text by name) against the list of what was released.
fn broken(files: &BTreeMap<String, String>, released: &str) -> Result<Vec<String>> {
    let entries = entries(released)?;
    let mut faults = numbering(&entries);
    for (name, text) in files {
        if !entries.iter().any(|entry| entry.file() == *name) {
            faults.push(unlisted(name, text, &entries));
        }
    }
    let mut types: BTreeMap<&str, Vec<(u64, Schema)>> = BTreeMap::new();
    for entry in &entries {
        let Some(text) = files.get(&entry.file()) else {
            faults.push(format!("{entry} is released and its file {} is gone: put it back", entry.file()));
            continue;
        };
        match (digest(text), Schema::parse_str(text)) {
            (Ok(digest), Ok(schema)) => {
                if digest != entry.sha256 {
                    let next = entry.version + 1;
                    faults.push(format!(
                        "{entry} was edited after its release: undo it and add version {next}"
                    ));
                }
                faults.extend(shape(entry, &schema));
                types.entry(&entry.event_type).or_default().push((entry.version, schema));
            }
            (Err(fault), _) => faults.push(format!("{entry} is no JSON: {fault}")),
            (_, Err(fault)) => faults.push(format!("{entry} is no Avro schema: {fault}")),
        }
    }
    for (event_type, mut versions) in types {
        versions.sort_by_key(|(version, _)| *version);
        faults.extend(incompatible(event_type, &versions));
    }
    Ok(faults)
}

impl Entry {
    fn file(&self) -> String {
        format!("{}.{}.avsc", self.event_type, self.version)
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} version {}", self.event_type, self.version)
    }
}

fn entries(released: &str) -> Result<Vec<Entry>> {
    let document: Vec<Value> =
        serde_json::from_str(released).with_context(|| format!("{RELEASED} is no list"))?;
    let entry = |value: &Value| {
        Some(Entry {
            id: value.get("id")?.as_u64()?,
            event_type: value.get("type")?.as_str()?.to_owned(),
            version: value.get("version")?.as_u64()?,
            sha256: value.get("sha256")?.as_str()?.to_owned(),
        })
    };
    document
        .iter()
        .map(|value| {
            entry(value).with_context(|| format!("{RELEASED}: {value} lacks id, type, version or sha256"))
        })
        .collect()
}

/// Ids are positive and unique, as a reader takes them (a signed 32-bit integer in Java); versions go 1, 2, 3.
fn numbering(entries: &[Entry]) -> Vec<String> {
    let mut faults = Vec::new();
    for (i, entry) in entries.iter().enumerate() {
        if entry.id == 0 || entry.id > i32::MAX.unsigned_abs().into() {
            faults.push(format!("{entry} has id {}, which is not 1 to {}", entry.id, i32::MAX));
        }
        for earlier in entries.iter().take(i) {
            if earlier.id == entry.id {
                faults.push(format!("{entry} has id {}, which is {earlier}'s", entry.id));
            }
            if earlier.file() == entry.file() {
                faults.push(format!("{entry} is listed twice"));
            }
        }
        let of_type = entries.iter().filter(|other| other.event_type == entry.event_type);
        if entry.version != 1 && !of_type.into_iter().any(|other| other.version + 1 == entry.version) {
            faults.push(format!("{entry} has no version before it"));
        }
    }
    faults
}

/// What to add for a file without an entry.
fn unlisted(name: &str, text: &str, entries: &[Entry]) -> String {
    let id = entries.iter().map(|entry| entry.id).max().unwrap_or(0) + 1;
    let parts = name.strip_suffix(".avsc").and_then(|stem| stem.rsplit_once('.'));
    let version = parts.and_then(|(_, version)| version.parse::<u64>().ok());
    match (parts, version, digest(text)) {
        (Some((event_type, _)), Some(version), Ok(sha256)) => {
            let entry = format!(
                r#"{{"id": {id}, "type": "{event_type}", "version": {version}, "sha256": "{sha256}"}}"#
            );
            format!("{name} has no entry in {RELEASED}; if it is final, add {entry}")
        }
        (_, _, Err(fault)) => format!("{name} is no JSON: {fault}"),
        _ => format!("{name} is not named <type>.<version>.avsc"),
    }
}

/// SHA-256 of the canonical text, in hex.
fn digest(text: &str) -> Result<String> {
    let mut canonical = String::new();
    write_canonical(&serde_json::from_str(text)?, &mut canonical)?;
    let mut hex = String::new();
    for byte in Sha256::digest(canonical.as_bytes()) {
        write!(hex, "{byte:02x}")?;
    }
    Ok(hex)
}

/// JSON with sorted keys and without white space; written out, because the order of a map's keys hangs on a feature that
/// any crate may switch on.
fn write_canonical(value: &Value, text: &mut String) -> std::fmt::Result {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields.iter().collect();
            text.write_char('{')?;
            for (i, (name, value)) in fields.into_iter().enumerate() {
                write!(text, "{}{}:", if i == 0 { "" } else { "," }, Value::from(name.as_str()))?;
                write_canonical(value, text)?;
            }
            text.write_char('}')
        }
        Value::Array(items) => {
            text.write_char('[')?;
            for (i, item) in items.iter().enumerate() {
                text.write_str(if i == 0 { "" } else { "," })?;
                write_canonical(item, text)?;
            }
            text.write_char(']')
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => write!(text, "{value}"),
    }
}

/// A schema's name follows from its type, and it begins as every event does.
fn shape(entry: &Entry, schema: &Schema) -> Vec<String> {
    let mut faults = Vec::new();
    let Schema::Record(record) = schema else { return vec![format!("{entry} is no record")] };
    let words = entry.event_type.split(['.', '-']);
    let capital = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{rest}", first.to_uppercase())
    };
    let name = format!("{NAMESPACE}.{}", words.map(capital).collect::<String>());
    if record.name.fullname(None) != name {
        faults.push(format!("{entry} is called {}, not {name}", record.name.fullname(None)));
    }
    for (i, (name, kind)) in FIRST_FIELDS.iter().enumerate() {
        let wanted = Schema::parse_str(kind).ok();
        let found = record.fields.get(i);
        if found.map(|field| (&*field.name, Some(&field.schema))) != Some((name, wanted.as_ref())) {
            faults.push(format!("{entry}: field {} must be {name} of type {kind}", i + 1));
        }
    }
    faults.extend(compatibility::fractions(schema).into_iter().map(|field| {
        format!("{entry}, {field}: a float is exact for no amount; use a long in the minor unit or a string")
    }));
    faults
}

/// A reader with a later version must read whatever an earlier one wrote: a topic keeps them all.
fn incompatible(event_type: &str, versions: &[(u64, Schema)]) -> Vec<String> {
    let mut faults = Vec::new();
    for (i, (later, reader)) in versions.iter().enumerate() {
        for (earlier, writer) in versions.iter().take(i) {
            faults.extend(compatibility::faults(writer, reader).into_iter().map(|fault| {
                format!("{event_type} version {later} cannot read what version {earlier} wrote: {fault}")
            }));
        }
    }
    faults
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests;

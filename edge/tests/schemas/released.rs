//! The table in the code is the table in `edge/schemas/released.json`, which `cargo xtask check` watches over.

use crate::samples;
use gyesan_edge::schema::{by_id, encode, id_of, schemas};
use serde_json::Value;

#[test]
fn every_released_schema_is_in_the_code_and_no_other() {
    let released: Value = serde_json::from_str(include_str!("../../schemas/released.json")).unwrap();
    let mut released: Vec<(u64, String, u64)> = released
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let number = |name: &str| entry[name].as_u64().unwrap();
            (number("id"), entry["type"].as_str().unwrap().to_owned(), number("version"))
        })
        .collect();
    let coded = schemas().iter();
    let mut coded: Vec<(u64, String, u64)> =
        coded.map(|s| (s.id.into(), s.event_type.to_owned(), s.version.into())).collect();
    released.sort();
    coded.sort();
    assert_eq!(coded, released);
}

#[test]
fn subjects_are_topic_and_record_name() {
    for schema in schemas() {
        let parsed: Value = serde_json::from_str(schema.text).unwrap();
        let name = format!("{}.{}", parsed["namespace"].as_str().unwrap(), parsed["name"].as_str().unwrap());
        assert_eq!(schema.subject, format!("{}-{name}", schema.topic));
    }
}

#[test]
fn every_event_is_written_by_the_newest_schema_of_its_type() {
    for event in samples::fixed() {
        let schema = by_id(id_of(&encode(&event).unwrap()).unwrap()).unwrap();
        assert_eq!(schema.event_type, event.data.name());
        assert_eq!(schema.topic, event.data.topic_and_key().0);
        let versions = schemas().iter().filter(|other| other.event_type == schema.event_type);
        assert_eq!(Some(schema.version), versions.map(|other| other.version).max());
    }
}

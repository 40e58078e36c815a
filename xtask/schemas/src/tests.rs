use super::*;
use serde_json::json;

/// The first version that the tests change.
const FIRST: &str = r#"{"type":"record","name":"OrderShipped","namespace":"com.gyesan","doc":"d","fields":[
    {"name":"eventId","type":"string"},
    {"name":"merchantId","type":"string"},
    {"name":"currency","type":"string"},
    {"name":"occurredAt","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"amount","type":"long"},
    {"name":"memberId","type":["null","string"],"default":null},
    {"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[
        {"name":"gross","type":"long"},
        {"name":"status","type":{"type":"enum","name":"Status","symbols":["A","B"]}}
    ]}}}
]}"#;

/// The faults of versions 1, 2 … of `order.shipped`, each released properly.
fn of_versions(texts: &[&str]) -> Vec<String> {
    let mut files = BTreeMap::new();
    let mut released = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        let version = i + 1;
        let sha256 = digest(text).unwrap();
        released.push(
            json!({ "id": 40 + version, "type": "order.shipped", "version": version, "sha256": sha256 }),
        );
        files.insert(format!("order.shipped.{version}.avsc"), (*text).to_owned());
    }
    broken(&files, &Value::from(released).to_string()).unwrap()
}

/// The faults of a second version that differs by one replacement.
#[track_caller]
fn of_change(old: &str, new: &str) -> Vec<String> {
    let second = FIRST.replacen(old, new, 1);
    assert_ne!(second, FIRST);
    of_versions(&[FIRST, &second])
}

#[track_caller]
fn refused(old: &str, new: &str, fault: &str) {
    let expected = format!("order.shipped version 2 cannot read what version 1 wrote: {fault}");
    assert_eq!(of_change(old, new), [expected]);
}

#[track_caller]
fn allowed(old: &str, new: &str) {
    assert_eq!(of_change(old, new), Vec::<String>::new());
}

const AMOUNT: &str = r#"{"name":"amount","type":"long"}"#;
const GROSS: &str = r#"{"name":"gross","type":"long"}"#;

#[test]
fn the_released_schemas_have_no_fault() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../edge/schemas");
    assert_eq!(faults(&folder).unwrap(), Vec::<String>::new());
}

#[test]
fn a_new_field_needs_a_default() {
    let with = |field: &str| format!("{AMOUNT},{field}");
    refused(AMOUNT, &with(r#"{"name":"fee","type":"long"}"#), "fee is new and has no default");
    allowed(AMOUNT, &with(r#"{"name":"fee","type":"long","default":0}"#));
    allowed(AMOUNT, &with(r#"{"name":"fee","type":["null","long"],"default":null}"#));
    let nested = format!(r#"{GROSS},{{"name":"net","type":"long"}}"#);
    refused(GROSS, &nested, "lines.net is new and has no default");
}

#[test]
fn a_default_must_be_of_the_fields_type() {
    let faults = of_change(AMOUNT, &format!(r#"{AMOUNT},{{"name":"fee","type":"long","default":"none"}}"#));
    assert!(faults[0].starts_with("order.shipped version 2 is no Avro schema: "), "{faults:?}");
}

#[test]
fn a_field_may_be_removed_or_renamed_with_an_alias() {
    allowed(&format!("{AMOUNT},"), "");
    allowed(AMOUNT, r#"{"name":"total","aliases":["amount"],"type":"long"}"#);
    refused(AMOUNT, r#"{"name":"total","type":"long"}"#, "total is new and has no default");
}

#[test]
fn a_fields_type_may_not_change() {
    let none = "none of its values can be read";
    refused(
        AMOUNT,
        r#"{"name":"amount","type":"string"}"#,
        &format!("amount was long and is string: {none}"),
    );
    refused(AMOUNT, r#"{"name":"amount","type":"int"}"#, &format!("amount was long and is int: {none}"));
    refused(
        GROSS,
        r#"{"name":"gross","type":"string"}"#,
        &format!("lines.gross was long and is string: {none}"),
    );
    refused(
        r#"["null","string"],"default":null"#,
        r#"["null","long"],"default":null"#,
        &format!("memberId was string and is long: {none}"),
    );
}

#[test]
fn what_was_optional_may_not_become_required_but_the_reverse_may() {
    refused(
        r#"["null","string"],"default":null"#,
        r#""string""#,
        "memberId was [null,string] and is string: not all of its values can be read",
    );
    allowed(AMOUNT, r#"{"name":"amount","type":["null","long"],"default":null}"#);
}

#[test]
fn a_symbol_may_be_added_and_not_removed() {
    allowed(r#"["A","B"]"#, r#"["A","B","C"]"#);
    let faults = of_change(r#"["A","B"]"#, r#"["A"]"#);
    assert!(faults[0].contains("lines.status was "), "{faults:?}");
    assert!(faults[0].ends_with("not all of its values can be read"), "{faults:?}");
}

#[test]
fn a_number_may_not_get_another_meaning() {
    let fault = "amount was long and is {type:long,logicalType:timestamp-millis}: \
                 its values would be read as something else";
    let changed = r#"{"name":"amount","type":{"type":"long","logicalType":"timestamp-millis"}}"#;
    refused(AMOUNT, changed, fault);
    let faults = of_change(AMOUNT, r#"{"name":"amount","type":"double"}"#);
    assert!(
        faults[0].starts_with("order.shipped version 2, amount: a float is exact for no amount"),
        "{faults:?}"
    );
}

#[test]
fn a_version_must_read_all_earlier_ones() {
    let second = FIRST.replacen(
        AMOUNT,
        r#"{"name":"amount","type":"long"},{"name":"fee","type":"long","default":0}"#,
        1,
    );
    let third = second.replacen(r#","default":0"#, "", 1);
    let fault = "order.shipped version 3 cannot read what version 1 wrote: fee is new and has no default";
    assert_eq!(of_versions(&[FIRST, &second, &third]), [fault]);
}

#[test]
fn an_event_keeps_its_name_and_its_first_fields() {
    let faults = of_change("OrderShipped", "OrderSent");
    let name = "order.shipped version 2 is called com.gyesan.OrderSent, not com.gyesan.OrderShipped";
    assert!(faults.contains(&name.to_owned()), "{faults:?}");
    let swapped = FIRST.replacen("eventId", "x", 1).replacen("merchantId", "eventId", 1).replacen(
        "\"x\"",
        "\"merchantId\"",
        1,
    );
    let faults = of_versions(&[&swapped]);
    assert_eq!(faults[0], r#"order.shipped version 1: field 1 must be eventId of type "string""#);
}

fn one(text: &str, entry: Value) -> Vec<String> {
    let files = BTreeMap::from([("order.shipped.1.avsc".to_owned(), text.to_owned())]);
    broken(&files, &json!([entry]).to_string()).unwrap()
}

fn entry(id: u64, sha256: &str) -> Value {
    json!({ "id": id, "type": "order.shipped", "version": 1, "sha256": sha256 })
}

#[test]
fn a_released_file_may_be_laid_out_anew_and_not_edited() {
    let sha256 = digest(FIRST).unwrap();
    let spaced = FIRST.replace(':', " :\n ");
    assert_eq!(one(&spaced, entry(1, &sha256)), Vec::<String>::new());
    let edited = FIRST.replace(r#""doc":"d""#, r#""doc":"e""#);
    let fault = "order.shipped version 1 was edited after its release: undo it and add version 2";
    assert_eq!(one(&edited, entry(1, &sha256)), [fault]);
}

#[test]
fn a_file_and_its_entry_belong_together() {
    let sha256 = digest(FIRST).unwrap();
    let files = BTreeMap::from([("order.shipped.1.avsc".to_owned(), FIRST.to_owned())]);
    let faults = broken(&files, "[]").unwrap();
    let line = format!(r#"{{"id": 1, "type": "order.shipped", "version": 1, "sha256": "{sha256}"}}"#);
    let fault = format!("order.shipped.1.avsc has no entry in released.json; if it is final, add {line}");
    assert_eq!(faults, [fault]);
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line, entry(1, &sha256));
    let faults = broken(&BTreeMap::new(), &json!([line]).to_string()).unwrap();
    assert_eq!(
        faults,
        ["order.shipped version 1 is released and its file order.shipped.1.avsc is gone: put it back"]
    );
    let files = BTreeMap::from([("notes.txt".to_owned(), "{}".to_owned())]);
    assert_eq!(broken(&files, "[]").unwrap(), ["notes.txt is not named <type>.<version>.avsc"]);
    assert!(broken(&BTreeMap::new(), "{}").is_err());
    assert!(broken(&BTreeMap::new(), r#"[{"id":"1"}]"#).is_err());
}

#[test]
fn ids_are_positive_and_given_out_once_and_versions_have_no_gap() {
    let sha256 = digest(FIRST).unwrap();
    assert_eq!(
        one(FIRST, entry(0, &sha256)),
        ["order.shipped version 1 has id 0, which is not 1 to 2147483647"]
    );
    let entry = |event_type: &str, version: u64| Entry {
        id: 7,
        event_type: event_type.to_owned(),
        version,
        sha256: String::new(),
    };
    assert_eq!(
        numbering(&[entry("order.a", 1), entry("order.b", 1)]),
        ["order.b version 1 has id 7, which is order.a version 1's"]
    );
    assert_eq!(numbering(&[entry("order.a", 3)]), ["order.a version 3 has no version before it"]);
}

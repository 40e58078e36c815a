//! What a schema registry is asked, and what its answers mean.

use gyesan_edge::schema::registry::{
    RegistryFault, backward_required, register, registered, require_backward,
};
use gyesan_edge::schema::{Schema, by_id};
use serde_json::{Value, json};

fn confirmed() -> &'static Schema {
    by_id(4).unwrap()
}

#[test]
fn register_posts_the_schema_to_its_subject() {
    for base in ["http://127.0.0.1:8081/apis/ccompat/v7", "http://127.0.0.1:8081/apis/ccompat/v7/"] {
        let request = register(base, confirmed()).unwrap();
        assert_eq!(request.method(), "POST");
        assert_eq!(
            request.uri(),
            "http://127.0.0.1:8081/apis/ccompat/v7/subjects/gyesan.orders-com.gyesan.PaymentConfirmed/versions"
        );
        assert_eq!(request.headers()["content-type"], "application/vnd.schemaregistry.v1+json");
        let body: Value = serde_json::from_str(request.body()).unwrap();
        assert_eq!(body, json!({ "schema": confirmed().text, "schemaType": "AVRO" }));
    }
    assert!(register("not a url", confirmed()).is_err());
}

#[test]
fn require_backward_configures_the_subject() {
    let request = require_backward("http://registry", confirmed().subject).unwrap();
    assert_eq!(request.method(), "PUT");
    assert_eq!(request.uri(), "http://registry/config/gyesan.orders-com.gyesan.PaymentConfirmed");
    assert_eq!(request.body(), r#"{"compatibility":"BACKWARD"}"#);
}

#[test]
fn an_id_is_a_positive_integer() {
    assert_eq!(registered(confirmed(), 200, r#"{"id":7}"#), Ok(7));
    for body in [r#"{"id":0}"#, r#"{"id":-1}"#, r#"{"id":4294967296}"#, r#"{"id":"7"}"#, "{}", "<html>", ""] {
        let fault = registered(confirmed(), 200, body).unwrap_err();
        assert!(matches!(fault, RegistryFault::Unavailable { .. }), "{body}");
    }
}

#[test]
fn a_refusal_says_whether_to_ask_again() {
    let conflict = r#"{"error_code":409,"message":"READER_FIELD_MISSING_DEFAULT_VALUE: x"}"#;
    assert_eq!(
        registered(confirmed(), 409, conflict).unwrap_err().to_string(),
        "the registry holds the schema of gyesan.orders-com.gyesan.PaymentConfirmed to be incompatible with the last one: \
         READER_FIELD_MISSING_DEFAULT_VALUE: x"
    );
    let fault =
        registered(confirmed(), 401, r#"{"message":"Basic YXBwOnNlY3JldA== is unknown"}"#).unwrap_err();
    assert_eq!(fault, RegistryFault::Unauthorized);
    assert!(fault.to_string().contains("SCHEMA_REGISTRY_PASSWORD") && !fault.to_string().contains("YXBw"));
    for status in [403, 404, 422] {
        let fault = registered(confirmed(), status, "no").unwrap_err();
        assert!(matches!(fault, RegistryFault::Refused { http_status, .. } if http_status == status));
    }
    for status in [408, 429, 500, 503, 302, 999, 0] {
        let fault = registered(confirmed(), status, "later").unwrap_err();
        assert!(matches!(fault, RegistryFault::Unavailable { .. }), "{status}");
    }
    let subject = confirmed().subject;
    assert_eq!(backward_required(subject, 200, r#"{"compatibility":"BACKWARD"}"#), Ok(()));
    assert!(backward_required(subject, 500, "").is_err());
}

#[test]
fn a_registry_cannot_fill_the_log() {
    let fault = registered(confirmed(), 400, &"가".repeat(100_000)).unwrap_err();
    assert!(fault.to_string().chars().count() < 1_000);
}

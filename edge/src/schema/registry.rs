//! A schema registry by the REST API that Confluent's began and Apicurio, Karapace and Redpanda speak too: requests built, answers read,
//! nothing sent.
//!
//! At start, for each subject: [`require_backward`] (compatibility is off by default in some registries), then
//! [`register`] for each of its versions in order. Registering what is there already answers its id, so repeats do no harm.
//! <https://docs.confluent.io/platform/current/schema-registry/develop/api.html>

use super::Schema;
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";
/// Of a registry's words, in characters: they go to the log.
const MESSAGE_MAX: usize = 500;

/// Why a registry did not do what it was asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RegistryFault {
    /// The schema cannot follow the subject's last one: somebody else registered another, or the rules differ.
    #[error("the registry holds the schema of {subject} to be incompatible with the last one: {message}")]
    Incompatible {
        /// Which.
        subject: &'static str,
        /// The registry's words.
        message: String,
    },
    /// It will not do it: wrong address, no permission for this subject, invalid schema. Asking again brings nothing.
    #[error("the registry refused {subject} with HTTP {http_status}: {message}")]
    Refused {
        /// Which.
        subject: &'static str,
        /// Its answer.
        http_status: u16,
        /// The registry's words.
        message: String,
    },
    /// It does not let us in. Its words are left out: they might repeat what it was sent.
    #[error(
        "the schema registry does not let us in (HTTP 401): SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD are wrong or missing"
    )]
    Unauthorized,
    /// It did not answer, is overloaded or broken; ask again later.
    #[error("the schema registry is unavailable: {why}")]
    Unavailable {
        /// What was seen.
        why: String,
    },
}

/// Puts a schema into its subject; answered by its id, also when it is there already. `base` is the configured
/// address, with or without a path (`http://127.0.0.1:8081/apis/ccompat/v7`).
///
/// # Errors
/// When `base` is no URL.
pub fn register(base: &str, schema: &Schema) -> Result<Request<String>, http::Error> {
    let path = format!("/subjects/{}/versions", schema.subject);
    request(base, Method::POST, &path, &json!({ "schema": schema.text, "schemaType": "AVRO" }))
}

/// The id that the registry has given the schema: what its values are to carry ([`super::with_id`]).
///
/// # Errors
/// When the registry did not take it.
pub fn registered(schema: &Schema, http_status: u16, body: &str) -> Result<u32, RegistryFault> {
    let document = answer(schema.subject, http_status, body)?;
    // An id is a positive 32-bit integer in Java, and 0 is nobody's.
    let id = document.get("id").and_then(Value::as_i64).and_then(|id| i32::try_from(id).ok());
    match id.and_then(|id| u32::try_from(id).ok()).filter(|id| *id > 0) {
        Some(id) => Ok(id),
        None => Err(RegistryFault::Unavailable { why: format!("HTTP {http_status} without an id") }),
    }
}

/// Lets a subject take only versions that can read what the last one wrote.
///
/// # Errors
/// When `base` is no URL.
pub fn require_backward(base: &str, subject: &str) -> Result<Request<String>, http::Error> {
    request(base, Method::PUT, &format!("/config/{subject}"), &json!({ "compatibility": "BACKWARD" }))
}

/// Whether the registry follows the rule from now on.
///
/// # Errors
/// When it does not say so.
pub fn backward_required(subject: &'static str, http_status: u16, body: &str) -> Result<(), RegistryFault> {
    answer(subject, http_status, body).map(|_| ())
}

fn request(base: &str, method: Method, path: &str, body: &Value) -> Result<Request<String>, http::Error> {
    Request::builder()
        .method(method)
        .uri(format!("{}{path}", base.trim_end_matches('/')))
        .header(header::CONTENT_TYPE, MEDIA_TYPE)
        .header(header::ACCEPT, format!("{MEDIA_TYPE}, application/json"))
        .body(body.to_string())
}

fn answer(subject: &'static str, http_status: u16, body: &str) -> Result<Value, RegistryFault> {
    let document = serde_json::from_str::<Value>(body).ok();
    let message = || {
        let message = document.as_ref().and_then(|document| document.get("message")).and_then(Value::as_str);
        message.unwrap_or(body).chars().take(MESSAGE_MAX).collect::<String>()
    };
    match StatusCode::from_u16(http_status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR) {
        status if status.is_success() => document.ok_or_else(|| RegistryFault::Unavailable {
            why: format!("HTTP {http_status} with a body that is not JSON"),
        }),
        StatusCode::UNAUTHORIZED => Err(RegistryFault::Unauthorized),
        StatusCode::CONFLICT => Err(RegistryFault::Incompatible { subject, message: message() }),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Err(RegistryFault::Unavailable { why: format!("HTTP {http_status}: {}", message()) })
        }
        status if status.is_client_error() => {
            Err(RegistryFault::Refused { subject, http_status, message: message() })
        }
        _ => Err(RegistryFault::Unavailable { why: format!("HTTP {http_status}: {}", message()) }),
    }
}

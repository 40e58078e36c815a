//! Problem documents (RFC 9457): what every refused request is answered with, on every route.

use crate::actor::CallFault;
use crate::command::Rejection;
use crate::sql::SqlError;
use gyesan_core::pricing;
use gyesan_core::problem::{Code, FieldFault, Language};
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value, json};

/// Why a request was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The stable code; the HTTP status and the title follow from it.
    pub code: Code,
    /// What exactly, in English, for whoever reads a log.
    pub detail: Option<String>,
    /// Faults of single fields.
    pub errors: Vec<FieldFault>,
    /// Members beside the standard ones, such as `pspCode`.
    pub more: Vec<(&'static str, String)>,
    /// For 405: what is allowed.
    pub allow: Option<String>,
    /// For 429 and 503: when to come again, in seconds.
    pub retry_after_s: Option<u32>,
}

impl Problem {
    /// A problem that its code says all of.
    pub const fn new(code: Code) -> Problem {
        Problem { code, detail: None, errors: Vec::new(), more: Vec::new(), allow: None, retry_after_s: None }
    }

    /// With details.
    pub fn with(code: Code, detail: impl Into<String>) -> Problem {
        Problem { detail: Some(detail.into()), ..Problem::new(code) }
    }

    /// Of one field.
    pub fn at(pointer: impl Into<String>, code: Code) -> Problem {
        Problem { errors: vec![FieldFault::new(pointer, code)], ..Problem::new(code) }
    }

    /// Of several fields: the first one's code is the problem's.
    pub fn of_fields(errors: Vec<FieldFault>) -> Problem {
        let code = errors.first().map_or(Code::InvalidValue, |fault| fault.code);
        Problem { errors, ..Problem::new(code) }
    }

    /// We cannot do it now; it may be asked again shortly.
    pub fn unavailable(detail: impl Into<String>) -> Problem {
        Problem { retry_after_s: Some(1), ..Problem::with(Code::ServiceUnavailable, detail) }
    }

    /// The document as JSON.
    pub fn document(&self, language: Language, trace_id: &str) -> Value {
        let mut document = Map::new();
        document.insert("type".into(), json!(format!("urn:gyesan:problem:{}", self.code.as_str())));
        document.insert("title".into(), json!(self.code.title(language)));
        document.insert("status".into(), json!(self.code.status()));
        document.insert("detail".into(), json!(self.detail.as_deref().unwrap_or(self.code.title(language))));
        document.insert("code".into(), json!(self.code.as_str()));
        document.insert("traceId".into(), json!(trace_id));
        for (name, value) in &self.more {
            document.insert((*name).into(), json!(value));
        }
        if !self.errors.is_empty() {
            let errors = self.errors.iter().map(|fault| {
                json!({ "pointer": fault.pointer, "code": fault.code.as_str(), "detail": fault.code.title(language) })
            });
            document.insert("errors".into(), errors.collect());
        }
        Value::Object(document)
    }

    /// The response.
    pub fn response(&self, language: Language, trace_id: &str) -> Response<Vec<u8>> {
        let mut response = Response::new(self.document(language, trace_id).to_string().into_bytes());
        *response.status_mut() =
            StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(allow) = self.allow.as_deref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Problem {
        let retry_after_s =
            matches!(rejection.code, Code::ServiceUnavailable | Code::IdempotencyKeyInUse).then_some(1);
        Problem { detail: rejection.detail, retry_after_s, ..Problem::new(rejection.code) }
    }
}

impl From<CallFault> for Problem {
    fn from(fault: CallFault) -> Problem {
        match fault {
            CallFault::Rejected(rejection) => rejection.into(),
            CallFault::Lost => {
                Problem::unavailable("no answer from the shard in time; it may or may not have happened")
            }
        }
    }
}

impl From<SqlError> for Problem {
    /// What the database said stays in the log: it may name things that the caller must not know.
    fn from(_: SqlError) -> Problem {
        Problem::unavailable("the catalogue cannot be read")
    }
}

impl From<pricing::Fault> for Problem {
    fn from(fault: pricing::Fault) -> Problem {
        Problem::at(fault.pointer, fault.code)
    }
}

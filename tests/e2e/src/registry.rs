//! A schema registry with a memory, and no more of the REST API than its users here ask for. It can be away, as the real one
//! can, and hold schemas that somebody else has put there. Apicurio, in the same scenarios, is the judge of it.

mod compatibility;

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longer bodies are not read: a schema has a few thousand bytes.
const BODY_MAX: u64 = 1024 * 1024;
const IDLE: Duration = Duration::from_secs(5);

/// A registry that runs until it is dropped.
pub struct Registry {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    away: AtomicBool,
    ended: AtomicBool,
    asked: AtomicU64,
    held: Mutex<Held>,
    /// The `Authorization` that it demands.
    demanded: Mutex<Option<String>>,
}

#[derive(Default)]
struct Held {
    first_id: u32,
    /// Schemas by their ids, counted from the first.
    schemas: Vec<String>,
    /// The ids of each subject's versions.
    subjects: BTreeMap<String, Vec<u32>>,
    compatibility: BTreeMap<String, String>,
}

impl Registry {
    /// An empty registry on 127.0.0.1 that counts its ids from `first_id`.
    ///
    /// # Errors
    /// When there is no port to listen on.
    pub fn start(first_id: u32) -> Result<Registry> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            away: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            held: Mutex::new(Held { first_id, ..Held::default() }),
            demanded: Mutex::new(None),
        });
        let of_listener = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if of_listener.ended.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&of_listener);
                // Whoever hangs up in the middle has told what there is to tell.
                std::thread::spawn(move || drop(serve(&shared, client)));
            }
        });
        Ok(Registry { port, shared })
    }

    /// Its address, for `SCHEMA_REGISTRY_URL`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Away: whoever asks is cut off.
    pub fn set_away(&self, away: bool) {
        self.shared.away.store(away, Ordering::Relaxed);
    }

    /// From now on it answers only who is let in by Basic authentication.
    pub fn demand(&self, username: &str, password: &str) {
        let authorization = format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}")));
        *demanded(&self.shared) = Some(authorization);
    }

    /// How often it has been asked, also while it was away.
    pub fn times_asked(&self) -> u64 {
        self.shared.asked.load(Ordering::Relaxed)
    }

    /// The compatibility that each subject has been given.
    pub fn compatibility(&self) -> BTreeMap<String, String> {
        held(&self.shared).compatibility.clone()
    }

    /// What another department registers.
    ///
    /// # Errors
    /// When it is refused.
    pub fn register(&self, subject: &str, schema: &str) -> Result<u64> {
        let (_, answer) = held(&self.shared).register(subject, &json!({ "schema": schema }));
        answer.get("id").and_then(Value::as_u64).with_context(|| format!("refused: {answer}"))
    }

    /// It loses all that it holds, and counts its ids from `first_id` on.
    pub fn empty(&self, first_id: u32) {
        *held(&self.shared) = Held { first_id, ..Held::default() };
    }

    /// An administrator deletes a subject.
    pub fn delete(&self, subject: &str) {
        held(&self.shared).subjects.remove(subject);
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // Wakes the listener, so that it sees the end.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn held(shared: &Shared) -> MutexGuard<'_, Held> {
    shared.held.lock().unwrap_or_else(PoisonError::into_inner)
}

fn demanded(shared: &Shared) -> MutexGuard<'_, Option<String>> {
    shared.demanded.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Held {
    fn answer(&mut self, method: &str, path: &[&str], body: &Value) -> (u16, Value) {
        match (method, path) {
            ("GET", ["subjects"]) => (200, json!(self.subjects.keys().collect::<Vec<_>>())),
            ("POST", ["subjects", subject, "versions"]) => self.register(subject, body),
            ("GET", ["subjects", subject, "versions", "latest"]) => self.latest(subject),
            ("GET", ["schemas", "ids", id]) => match self.schema(id.parse().unwrap_or(0)) {
                Some(schema) => (200, json!({ "schema": schema })),
                None => refusal(404, 40403, "Schema not found"),
            },
            ("PUT", ["config", subject]) => {
                let level = body.get("compatibility").and_then(Value::as_str).unwrap_or_default();
                self.compatibility.insert((*subject).to_owned(), level.to_owned());
                (200, json!({ "compatibility": level }))
            }
            _ => refusal(404, 404, "HTTP 404 Not Found"),
        }
    }

    fn schema(&self, id: u32) -> Option<&String> {
        self.schemas.get(usize::try_from(id.checked_sub(self.first_id)?).ok()?)
    }

    fn latest(&self, subject: &str) -> (u16, Value) {
        let versions = self.subjects.get(subject).map_or(&[][..], Vec::as_slice);
        match versions.last() {
            Some(id) => {
                let schema = self.schema(*id);
                (200, json!({"subject": subject, "version": versions.len(), "id": id, "schema": schema}))
            }
            None => refusal(404, 40401, "Subject not found"),
        }
    }

    fn register(&mut self, subject: &str, body: &Value) -> (u16, Value) {
        let text = body.get("schema").and_then(Value::as_str).unwrap_or_default();
        let Ok(schema) = serde_json::from_str::<Value>(text) else {
            return refusal(422, 42201, "Invalid schema");
        };
        let versions = self.subjects.get(subject).map_or(&[][..], Vec::as_slice);
        let same = |id: &&u32| self.schema(**id).is_some_and(|known| known == text);
        if let Some(id) = versions.iter().find(same) {
            return (200, json!({ "id": id }));
        }
        let checked = self.compatibility.get(subject).is_some_and(|level| level.starts_with("BACKWARD"));
        if let (true, Some(last)) = (checked, versions.last().and_then(|id| self.schema(*id))) {
            let last = serde_json::from_str(last).unwrap_or_default();
            if let Some(difference) = compatibility::difference(&schema, &last) {
                return refusal(409, 409, &difference);
            }
        }
        let at = self.schemas.iter().position(|known| known == text).unwrap_or_else(|| {
            self.schemas.push(text.to_owned());
            self.schemas.len() - 1
        });
        let id = self.first_id.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
        self.subjects.entry(subject.to_owned()).or_default().push(id);
        (200, json!({ "id": id }))
    }
}

fn refusal(http_status: u16, error_code: u32, message: &str) -> (u16, Value) {
    (http_status, json!({ "error_code": error_code, "message": message }))
}

/// One request, one answer, and the end of the connection.
fn serve(shared: &Shared, client: TcpStream) -> Result<()> {
    shared.asked.fetch_add(1, Ordering::Relaxed);
    if shared.away.load(Ordering::Relaxed) {
        return Ok(());
    }
    client.set_read_timeout(Some(IDLE))?;
    let mut reader = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    let (mut length, mut authorization) = (0_u64, None);
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        match header.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim())) {
            Some((name, value)) if name == "content-length" => length = value.parse().unwrap_or(0),
            Some((name, value)) if name == "authorization" => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = Vec::new();
    reader.take(length.min(BODY_MAX)).read_to_end(&mut body)?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let path: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let is_let_in = demanded(shared).as_ref().is_none_or(|demanded| authorization.as_ref() == Some(demanded));
    let (status, answer) =
        if is_let_in { held(shared).answer(method, &path, &body) } else { refusal(401, 401, "Unauthorized") };
    let answer = answer.to_string();
    let head = format!(
        "HTTP/1.1 {status} {}\r\nContent-Type: application/vnd.schemaregistry.v1+json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        if status == 200 { "OK" } else { "Refused" },
        answer.len()
    );
    let mut client = client;
    client.write_all(&[head.as_bytes(), answer.as_bytes()].concat())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::client::Client;

    const FIRST: &str = r#"{"type":"record","name":"A","fields":[{"name":"x","type":"long"}]}"#;
    const MORE: &str =
        r#"{"type":"record","name":"A","fields":[{"name":"x","type":"long"},{"name":"y","type":"string"}]}"#;

    fn ask(registry: &Registry, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
        let body = body.to_string();
        let answer = Client::new(&registry.url()).send(method, path, &[], Some(body.as_bytes())).ok()?;
        Some((answer.status, answer.json().unwrap()))
    }

    #[test]
    fn schemas_are_kept_under_their_ids_and_incompatible_ones_refused() {
        let registry = Registry::start(100).unwrap();
        let post = |schema: &str| {
            ask(&registry, "POST", "/subjects/t-A/versions", &json!({ "schema": schema })).unwrap()
        };
        assert_eq!(
            ask(&registry, "PUT", "/config/t-A", &json!({"compatibility": "BACKWARD"})).unwrap().0,
            200
        );
        assert_eq!(post(FIRST), (200, json!({ "id": 100 })));
        assert_eq!(post(FIRST), (200, json!({ "id": 100 })));
        let (status, refusal) = post(MORE);
        assert_eq!(status, 409);
        assert!(refusal.to_string().contains('y'), "{refusal}");
        let with_default = MORE.replace(r#""string"}"#, r#""string","default":""}"#);
        assert_eq!(post(&with_default), (200, json!({ "id": 101 })));
        let get = |path: &str| ask(&registry, "GET", path, &Value::Null).unwrap();
        assert_eq!(get("/schemas/ids/101"), (200, json!({ "schema": with_default })));
        assert_eq!(get("/schemas/ids/7").0, 404);
        assert_eq!(get("/subjects"), (200, json!(["t-A"])));
        assert_eq!(get("/subjects/t-A/versions/latest").1.get("version"), Some(&json!(2)));
        registry.delete("t-A");
        assert_eq!(get("/subjects/t-A/versions/latest").0, 404);
    }

    #[test]
    fn whoever_is_not_let_in_is_told_so_and_changes_nothing() {
        let registry = Registry::start(1).unwrap();
        registry.demand("app", "right");
        let post = |password: &str| {
            let authorization = format!("Basic {}", BASE64_STANDARD.encode(format!("app:{password}")));
            let body = json!({ "schema": FIRST }).to_string();
            let headers = [("authorization", authorization.as_str())];
            let mut client = Client::new(&registry.url());
            client.send("POST", "/subjects/t-A/versions", &headers, Some(body.as_bytes())).unwrap().status
        };
        assert_eq!(ask(&registry, "GET", "/subjects", &Value::Null).unwrap().0, 401);
        assert_eq!(post("wrong"), 401);
        assert!(held(&registry.shared).subjects.is_empty());
        assert_eq!(post("right"), 200);
    }

    #[test]
    fn while_it_is_away_nobody_is_answered() {
        let registry = Registry::start(1).unwrap();
        registry.set_away(true);
        assert_eq!(ask(&registry, "GET", "/subjects", &Value::Null), None);
        registry.set_away(false);
        assert_eq!(ask(&registry, "GET", "/subjects", &Value::Null), Some((200, json!([]))));
        assert_eq!(registry.times_asked(), 2);
    }
}

//! Makes the committed schemas known to the schema registry, and translates between its ids and ours. Without a registry the ids
//! are the same, and it is ready at once.
//!
//! The ids are stored with the address of their registry, and used at once after a start: a registry that is down stops
//! only what has a schema that it has never seen. It is asked again all the same, because one that has lost its
//! contents gives out new ids; those before stay readable.

mod store;

use crate::actor::{CallId, Effect};
use crate::config::SchemaRegistry;
use crate::schema::registry::{self, RegistryFault};
use crate::schema::{self, Schema};
use crate::sql::{Sql, SqlError};
use crate::throttle::Throttle;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gyesan_core::time::Timestamp;
use http::header::{AUTHORIZATION, HeaderValue};

/// The first pause after a failure; doubled each time up to [`PAUSE_MAX_MS`].
const PAUSE_MS: i64 = 1_000;
const PAUSE_MAX_MS: i64 = 15_000;

/// It does not answer.
const UNAVAILABLE: &str = "registry.unavailable";
/// It has another schema, and a person must say which is right.
const INCOMPATIBLE: &str = "alert.registry-incompatible";
/// It will not do it, and a person must let it.
const REFUSED: &str = "alert.registry-refused";
/// It has lost what it held.
const IDS_CHANGED: &str = "alert.registry-ids-changed";
const FAULTS: [&str; 3] = [UNAVAILABLE, INCOMPATIBLE, REFUSED];

/// Asks one thing after the other: for each subject that is new, that it takes only compatible versions; for each
/// schema, its id.
pub struct Registrar {
    base: Option<String>,
    /// What lets us in there. Never stored and never logged.
    authorization: Option<HeaderValue>,
    /// Our ids with the registry's. The last one of a schema is in use, those before it can still be read.
    ids: Vec<(u32, u32)>,
    /// The same of registries that were used before this one, or before there was none.
    former: Vec<(u32, u32)>,
    steps: std::vec::IntoIter<Step>,
    current: Option<Step>,
    asked: Option<CallId>,
    next_call: CallId,
    not_before: Timestamp,
    failures: u32,
    throttle: Throttle,
}

#[derive(Clone, Copy)]
enum Step {
    RequireBackward(&'static Schema),
    Register(&'static Schema),
}

/// What an operator should know of the registry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// `info`, `warn`, `error`.
    pub level: &'static str,
    /// As in [`crate::actor::LogLine::fact`].
    pub fact: &'static str,
    /// A sentence.
    pub detail: String,
}

impl Registrar {
    /// Of a registry, or of none, with the ids that are stored.
    ///
    /// # Errors
    /// A failure of the database.
    pub fn open(sql: &dyn Sql, registry: Option<SchemaRegistry>) -> Result<Registrar, SqlError> {
        let authorization = registry.as_ref().and_then(authorization);
        let base = registry.map(|registry| registry.url);
        let (ids, former) = store::load(sql, base.as_deref().unwrap_or_default())?;
        let known = |id: u32| ids.iter().any(|(ours, _)| *ours == id);
        let mut steps = Vec::new();
        if base.is_some() {
            for schema in schema::schemas() {
                // Somebody may have made the rule of a subject that is there already a stricter one.
                if !known(schema.id) {
                    steps.push(Step::RequireBackward(schema));
                }
                steps.push(Step::Register(schema));
            }
        }
        let mut steps = steps.into_iter();
        let current = steps.next();
        Ok(Registrar {
            base,
            authorization,
            ids,
            former,
            steps,
            current,
            asked: None,
            next_call: 1,
            not_before: Timestamp(0),
            failures: 0,
            throttle: Throttle::default(),
        })
    }

    /// Whether every schema has its id.
    pub fn is_ready(&self) -> bool {
        self.base.is_none() || schema::schemas().iter().all(|schema| self.in_use(schema.id).is_some())
    }

    /// What the registry calls our schema; ours when there is no registry.
    pub fn registry_id(&self, ours: u32) -> u32 {
        self.in_use(ours).unwrap_or(ours)
    }

    /// Which of our schemas may be meant by an id in a value, the likeliest first: by the registry, or without one by
    /// ourselves, then by registries that were used before.
    pub fn our_ids(&self, id: u32) -> impl Iterator<Item = u32> {
        let own = self.base.is_none().then_some(id);
        let known = self.ids.iter().rev().chain(self.former.iter().rev());
        own.into_iter().chain(known.filter(move |(_, theirs)| *theirs == id).map(|(ours, _)| *ours))
    }

    fn in_use(&self, ours: u32) -> Option<u32> {
        self.ids.iter().rev().find(|(schema, _)| *schema == ours).map(|(_, id)| *id)
    }

    /// The next question, unless one is under way or it is too early after a failure.
    pub fn ask(&mut self, now: Timestamp) -> Option<Effect> {
        let (step, base) = (self.current?, self.base.as_deref()?);
        // A clock that was set back must not make the pause longer than it can be.
        if self.asked.is_some() || (1..=PAUSE_MAX_MS).contains(&self.not_before.ms_since(now)) {
            return None;
        }
        let request = match step {
            Step::RequireBackward(schema) => registry::require_backward(base, schema.subject),
            Step::Register(schema) => registry::register(base, schema),
        };
        let id = self.next_call;
        self.next_call = self.next_call.wrapping_add(1);
        // The configuration has refused every address that makes no request.
        let mut request = request.ok()?;
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        self.asked = Some(id);
        Some(Effect::Http { id, request })
    }

    /// When to ask again after a failure.
    pub fn retry_at(&self) -> Option<Timestamp> {
        (self.current.is_some() && self.asked.is_none()).then_some(self.not_before)
    }

    /// The registry has answered, or not: then it is asked again after a pause, and the log hears of it once a minute.
    ///
    /// # Errors
    /// A failure of the database: what the registry has said is asked again at the next start.
    pub fn answered(
        &mut self,
        sql: &dyn Sql,
        id: CallId,
        answer: Result<(u16, Vec<u8>), String>,
        now: Timestamp,
    ) -> Result<Option<Notice>, SqlError> {
        let Some(step) = self.current.filter(|_| self.asked == Some(id)) else { return Ok(None) };
        self.asked = None;
        let answer = answer.map_err(|why| RegistryFault::Unavailable { why });
        match answer.and_then(|(status, body)| understand(step, status, &String::from_utf8_lossy(&body))) {
            Ok(given) => {
                let mut notice = None;
                if let (Step::Register(schema), Some(id)) = (step, given) {
                    notice = self.take(sql, schema, id, now)?;
                }
                // Only what is stored is done; otherwise it is asked again.
                self.failures = 0;
                self.current = self.steps.next();
                if self.current.is_none() && self.is_over() {
                    notice = notice.or_else(|| Some(restored()));
                }
                Ok(notice)
            }
            Err(fault) => {
                self.failures = self.failures.saturating_add(1);
                self.not_before = now.plus_ms((PAUSE_MS << self.failures.min(8)).min(PAUSE_MAX_MS));
                Ok(self.complaint(&fault, now))
            }
        }
    }

    /// A schema's id, as the registry says it now.
    fn take(
        &mut self,
        sql: &dyn Sql,
        schema: &Schema,
        id: u32,
        now: Timestamp,
    ) -> Result<Option<Notice>, SqlError> {
        let (Some(base), before) = (&self.base, self.in_use(schema.id)) else { return Ok(None) };
        if before == Some(id) {
            return Ok(None);
        }
        store::add(sql, base, schema.id, id)?;
        self.ids.push((schema.id, id));
        // It is the same with all schemas; one line tells it.
        Ok(before.filter(|_| self.throttle.allows(IDS_CHANGED, now)).map(|before| Notice {
            level: "error",
            fact: IDS_CHANGED,
            detail: format!(
                "the schema registry calls {} version {} {id} and no longer {before}: it has lost what it held, and \
                 what was published until now can be read only with the old ids",
                schema.subject, schema.version
            ),
        }))
    }

    /// Forgets what the log has heard; whether it had heard anything.
    fn is_over(&mut self) -> bool {
        let over = FAULTS.map(|fact| self.throttle.over(fact));
        over.contains(&true)
    }

    fn complaint(&mut self, fault: &RegistryFault, now: Timestamp) -> Option<Notice> {
        let (level, fact) = match fault {
            RegistryFault::Unavailable { .. } => ("warn", UNAVAILABLE),
            RegistryFault::Incompatible { .. } => ("error", INCOMPATIBLE),
            RegistryFault::Refused { .. } | RegistryFault::Unauthorized => ("error", REFUSED),
        };
        if !self.throttle.allows(fact, now) {
            return None;
        }
        let consequence = if self.is_ready() {
            "the ids that it gave out before are used"
        } else {
            "events wait until it knows every schema"
        };
        Some(Notice { level, fact, detail: format!("{fault}; {consequence}") })
    }
}

/// Basic authentication (RFC 7617).
fn authorization(registry: &SchemaRegistry) -> Option<HeaderValue> {
    let (username, password) = registry.credentials.as_ref()?;
    let encoded = BASE64_STANDARD.encode(format!("{username}:{password}"));
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn restored() -> Notice {
    let detail = "the schema registry knows every schema".to_owned();
    Notice { level: "info", fact: "registry.restored", detail }
}

/// What an answer gives: an id, when one was asked for.
fn understand(step: Step, http_status: u16, body: &str) -> Result<Option<u32>, RegistryFault> {
    match step {
        Step::RequireBackward(schema) => {
            registry::backward_required(schema.subject, http_status, body).map(|()| None)
        }
        Step::Register(schema) => registry::registered(schema, http_status, body).map(Some),
    }
}

#[cfg(test)]
mod tests;

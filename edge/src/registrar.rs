//! Makes the committed schemas known to the schema registry, and translates between its ids and ours. Without a registry the ids
//! are the same, and it is ready at once.

use crate::actor::{CallId, Effect};
use crate::schema::registry::{self, RegistryFault};
use crate::schema::{self, Schema};
use gyesan_core::time::Timestamp;
use std::collections::BTreeMap;

/// The first pause after a failure; doubled each time up to [`PAUSE_MAX_MS`].
const PAUSE_MS: i64 = 1_000;
const PAUSE_MAX_MS: i64 = 60_000;

/// Asks one thing after the other: for each schema, that its subject takes only compatible versions, then its id.
pub struct Registrar {
    base: Option<String>,
    /// The registry's ids by ours.
    ids: BTreeMap<u32, u32>,
    steps: std::vec::IntoIter<Step>,
    current: Option<Step>,
    asked: Option<CallId>,
    next_call: CallId,
    not_before: Timestamp,
    failures: u32,
}

#[derive(Clone, Copy)]
enum Step {
    RequireBackward(&'static Schema),
    Register(&'static Schema),
}

impl Registrar {
    /// Of the registry at `base`, or of none.
    pub fn new(base: Option<String>) -> Registrar {
        let schemas = schema::schemas();
        let steps = schemas.iter().flat_map(|s| [Step::RequireBackward(s), Step::Register(s)]);
        let mut steps = match base {
            Some(_) => steps.collect::<Vec<_>>(),
            None => Vec::new(),
        }
        .into_iter();
        let current = steps.next();
        Registrar {
            base,
            ids: BTreeMap::new(),
            steps,
            current,
            asked: None,
            next_call: 1,
            not_before: Timestamp(0),
            failures: 0,
        }
    }

    /// Whether every schema has its id.
    pub fn is_ready(&self) -> bool {
        self.current.is_none()
    }

    /// What the registry calls our schema; ours when there is no registry.
    pub fn registry_id(&self, ours: u32) -> u32 {
        self.ids.get(&ours).copied().unwrap_or(ours)
    }

    /// Which of our schemas the registry calls so; the id itself when there is no registry.
    pub fn our_id(&self, registry_id: u32) -> Option<u32> {
        if self.base.is_none() {
            return Some(registry_id);
        }
        self.ids.iter().find(|(_, id)| **id == registry_id).map(|(ours, _)| *ours)
    }

    /// The next question, unless one is under way or it is too early after a failure.
    pub fn ask(&mut self, now: Timestamp) -> Option<Effect> {
        let (step, base) = (self.current?, self.base.as_deref()?);
        if self.asked.is_some() || now < self.not_before {
            return None;
        }
        let request = match step {
            Step::RequireBackward(schema) => registry::require_backward(base, schema.subject),
            Step::Register(schema) => registry::register(base, schema),
        };
        let id = self.next_call;
        self.next_call = self.next_call.wrapping_add(1);
        self.asked = Some(id);
        Some(Effect::Http { id, request: request.ok()? })
    }

    /// When to ask again after a failure.
    pub fn retry_at(&self) -> Option<Timestamp> {
        (self.current.is_some() && self.asked.is_none()).then_some(self.not_before)
    }

    /// The registry has answered, or not.
    ///
    /// # Errors
    /// Why it did not do what it was asked; it will be asked again after a pause.
    pub fn answered(
        &mut self,
        id: CallId,
        answer: Result<(u16, Vec<u8>), String>,
        now: Timestamp,
    ) -> Result<(), RegistryFault> {
        let Some(step) = self.current.filter(|_| self.asked == Some(id)) else { return Ok(()) };
        self.asked = None;
        let result = answer.map_err(|why| RegistryFault::Unavailable { why }).and_then(|(status, body)| {
            let body = String::from_utf8_lossy(&body);
            match step {
                Step::RequireBackward(schema) => registry::backward_required(schema.subject, status, &body),
                Step::Register(schema) => {
                    self.ids.insert(schema.id, registry::registered(schema, status, &body)?);
                    Ok(())
                }
            }
        });
        match &result {
            Ok(()) => {
                self.failures = 0;
                self.current = self.steps.next();
            }
            Err(_) => {
                self.failures = self.failures.saturating_add(1);
                self.not_before = now.plus_ms((PAUSE_MS << self.failures.min(8)).min(PAUSE_MAX_MS));
            }
        }
        result
    }
}

//! An object's one alarm: kept at the earliest time that anything is due.

use crate::actor::{Effect, Turn};
use gyesan_core::time::Timestamp;

/// An alarm that should have gone off so long ago was lost, in milliseconds.
const LATE_MS: i64 = 5_000;

/// The alarm as far as is known; after a restart nothing is, and the next wish sets it.
#[derive(Default)]
pub struct Alarm {
    set_to: Option<Timestamp>,
}

impl Alarm {
    /// It went off: none is set any more.
    pub fn went_off(&mut self) {
        self.set_to = None;
    }

    /// Whether it is set, as far as is known, and not lost.
    pub fn is_set(&self, now: Timestamp) -> bool {
        self.set_to.is_some_and(|set| now.ms_since(set) < LATE_MS)
    }

    /// Sets it to `wish` unless it goes off earlier anyway. One that is too early finds nothing due and is set again; one that
    /// was lost is set again.
    pub fn wish(&mut self, turn: &mut Turn<'_>, wish: Option<Timestamp>) {
        let Some(at) = wish else { return };
        if !self.is_set(turn.now) || self.set_to.is_some_and(|set| at < set) {
            self.set_to = Some(at);
            turn.push(Effect::Alarm(at));
        }
    }
}

//! Faults: what an admin wants to go wrong, with which calls, and how often.

use crate::code;
use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The call takes effect and is answered after `delayMs`; until then its idempotency key is "processing".
    Delay,
    /// Nothing happens, and the connection is closed without a byte.
    DropBefore,
    /// The call takes effect, and the connection is closed without a byte.
    DropAfter,
    /// The call is answered with `status` and `code`, by default without effect.
    Status,
    /// The call takes effect unless `effect` is false; the body is half a JSON document.
    Garbage,
    /// The call takes effect unless `effect` is false; the body takes `delayMs` (90,000 by default).
    SlowBody,
}

/// One fault, as the admin API takes it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Calls whose path starts with this (`/v1/payments/confirm`; `/v1/payments/` for all of them).
    pub path: String,
    /// What goes wrong.
    pub mode: Mode,
    /// How many calls it hits; 0 or less means until it is removed.
    #[serde(default = "once")]
    pub times: i64,
    /// The same as `times: -1`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forever: bool,
    /// How many matching calls it lets pass first.
    #[serde(default)]
    pub after: u64,
    /// Only calls with this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only calls about this order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// Only calls about this payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_key: Option<String>,
    /// Milliseconds before the call is worked on; with [`Mode::SlowBody`], how long the body takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// With [`Mode::Status`]: the HTTP status, by default the code's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// With [`Mode::Status`]: the code in the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// With [`Mode::Status`]: the message in the body, by default the code's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// With [`Mode::Status`]: the whole body, instead of code and message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Whether the call takes effect all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<bool>,
}

fn once() -> i64 {
    1
}

impl Fault {
    /// A fault that hits one call on this path.
    pub fn new(path: &str, mode: Mode) -> Fault {
        Fault {
            path: path.into(),
            mode,
            times: 1,
            forever: false,
            after: 0,
            method: None,
            order_id: None,
            payment_key: None,
            delay_ms: None,
            status: None,
            code: None,
            message: None,
            body: None,
            effect: None,
        }
    }

    /// The answer of this code, with the status that the code has.
    pub fn code(path: &str, code: &str) -> Fault {
        Fault { code: Some(code.into()), ..Fault::new(path, Mode::Status) }
    }

    /// What is wrong with it, in a sentence.
    pub(crate) fn check(&self) -> Result<(), String> {
        let status_only = [
            ("status", self.status.is_some()),
            ("code", self.code.is_some()),
            ("message", self.message.is_some()),
            ("body", self.body.is_some()),
        ];
        if !self.path.starts_with('/') {
            return Err("path must start with '/', e.g. \"/v1/payments/confirm\"".into());
        }
        if let (true, Some((name, _))) =
            (self.mode != Mode::Status, status_only.iter().find(|(_, given)| *given))
        {
            return Err(format!("{name} belongs to mode \"status\""));
        }
        if self.effect.is_some() && !matches!(self.mode, Mode::Status | Mode::Garbage | Mode::SlowBody) {
            return Err("effect belongs to the modes \"status\", \"garbage\" and \"slow_body\"".into());
        }
        match self.mode {
            Mode::Delay if self.delay_ms.is_none() => Err("mode \"delay\" needs delayMs".into()),
            Mode::Status if self.http_status().is_none() => {
                Err("mode \"status\" needs a status (200–599) or a code that Toss documents".into())
            }
            _ => Ok(()),
        }
    }

    /// The status of the forced answer.
    pub(crate) fn http_status(&self) -> Option<u16> {
        let of_code = || self.code.as_deref().and_then(code::lookup).map(|row| row.status);
        self.status.or_else(of_code).filter(|status| (200..600).contains(status))
    }

    /// Whether the call does what it was sent for.
    pub(crate) fn takes_effect(&self) -> bool {
        match self.mode {
            Mode::Delay | Mode::DropAfter => true,
            Mode::DropBefore => false,
            Mode::Status => self.effect.unwrap_or(false),
            Mode::Garbage | Mode::SlowBody => self.effect.unwrap_or(true),
        }
    }

    /// Milliseconds that pass before the call is worked on.
    pub(crate) fn waits_ms(&self) -> u64 {
        if self.mode == Mode::SlowBody { 0 } else { self.delay_ms.unwrap_or(0) }
    }

    fn matches(&self, call: &Subject<'_>) -> bool {
        let is = |wanted: &Option<String>, got: Option<&str>| wanted.is_none() || wanted.as_deref() == got;
        call.path.starts_with(&self.path)
            && self.method.as_deref().is_none_or(|method| method.eq_ignore_ascii_case(call.method))
            && is(&self.order_id, call.order_id)
            && is(&self.payment_key, call.payment_key)
    }
}

/// What a call is about, for matching.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its path, without the query.
    pub path: &'a str,
    /// The order it is about, when that is known.
    pub order_id: Option<&'a str>,
    /// The payment it is about, when that is known.
    pub payment_key: Option<&'a str>,
}

/// A fault that is waiting for calls.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Armed {
    /// Its number.
    pub id: u64,
    /// Calls it has hit.
    pub hits: u64,
    /// Calls it has still to let pass.
    skips: u64,
    /// What it does.
    pub fault: Fault,
}

impl Armed {
    fn is_spent(&self) -> bool {
        !self.fault.forever
            && self.fault.times > 0
            && i64::try_from(self.hits).is_ok_and(|hits| hits >= self.fault.times)
    }
}

/// The faults that are waiting, oldest first.
#[derive(Default, Debug, Serialize, Deserialize)]
pub struct Faults {
    armed: Vec<Armed>,
    added: u64,
}

impl Faults {
    /// Adds a fault behind the others and answers its number.
    pub fn add(&mut self, fault: Fault) -> u64 {
        self.added += 1;
        self.armed.push(Armed { id: self.added, hits: 0, skips: fault.after, fault });
        self.added
    }

    /// All that are waiting.
    pub fn armed(&self) -> &[Armed] {
        &self.armed
    }

    /// Removes all of them.
    pub fn clear(&mut self) {
        self.armed.clear();
    }

    /// The first fault that hits this call; one that has hit often enough is gone. `replays`: the call's idempotency
    /// key has an answer already, which a forced 4xx does not displace.
    pub fn strike(&mut self, call: &Subject<'_>, replays: bool) -> Option<Fault> {
        let fits = |armed: &Armed| {
            let displaced = replays
                && armed.fault.mode == Mode::Status
                && armed.fault.http_status().is_some_and(|status| status < 500);
            armed.fault.matches(call) && !displaced
        };
        let mut struck = None;
        for armed in self.armed.iter_mut().filter(|armed| fits(armed)) {
            if armed.skips > 0 {
                armed.skips -= 1;
            } else {
                armed.hits += 1;
                struck = Some(armed.fault.clone());
                break;
            }
        }
        if struck.is_some() {
            self.armed.retain(|armed| !armed.is_spent());
        }
        struck
    }
}

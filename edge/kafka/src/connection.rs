//! One connection to one broker: version negotiation, authentication, then requests and answers in flight side by side.
//!
//! Not the socket: the shell opens, reads, writes and closes it, and says so. Every wait has a deadline, because a broker
//! that has been stopped never errors by itself; a connection on which one answer is late is given up as a whole, since
//! all later answers stand behind that one. After [`Output::Broken`] the connection takes no further input.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use crate::Millis;
use crate::api::{Answer, Api, Request, Unwritable, api_versions, sasl_authenticate, sasl_handshake};
use crate::error_code::ErrorCode;
use crate::frame::{BadFrame, Frames};
use crate::sasl::{Credentials, Dialogue, ScramFault};
use crate::wire::Malformed;

/// What all connections of a client share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Named in the broker's logs and quotas.
    pub client_id: String,
    /// `None` where the broker asks for none.
    pub credentials: Option<Credentials>,
    /// Largest answer accepted, in bytes; above the largest Fetch asked for.
    pub frame_bytes_max: usize,
    /// Bound of opening, negotiation and authentication together.
    pub handshake_timeout_ms: Millis,
}

impl Default for Settings {
    fn default() -> Self {
        let client_id = "gyesan".to_owned();
        Self { client_id, credentials: None, frame_bytes_max: 32 << 20, handshake_timeout_ms: 3_000 }
    }
}

/// What happens to a connection.
#[derive(Debug)]
pub enum Input {
    /// The socket is open, as far as the platform can tell. `nonce` is fresh randomness, for SCRAM.
    Opened {
        /// 16 unpredictable bytes.
        nonce: [u8; 16],
    },
    /// Bytes have come.
    Received(Bytes),
    /// The socket has ended or failed; the platforms do not tell which.
    Closed,
    /// A request to send. Before the connection is ready it waits; its time runs all the same.
    Call {
        /// The caller's number for it.
        ticket: u64,
        /// What to ask.
        request: Request,
        /// Bound of the wait for the answer.
        timeout_ms: Millis,
    },
    /// A deadline may have passed.
    Tick,
}

/// What a connection wants done, or tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Write these bytes, in this order.
    Send(Bytes),
    /// Negotiation and authentication are done.
    Ready,
    /// An answer.
    Answered {
        /// The caller's number.
        ticket: u64,
        /// What the broker said.
        answer: Answer,
    },
    /// The end: close the socket. What was asked may or may not have been done.
    Broken {
        /// Why.
        fault: Fault,
        /// Requests that got no answer, in order.
        unanswered: Vec<u64>,
    },
}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The socket ended.
    #[error("the connection was closed")]
    Closed,
    /// The socket did not open. The platforms do not tell why.
    #[error(
        "the connection does not open: nothing listens there, or TLS fails (the certificate is not trusted, does not name \
         this host, or the broker speaks no TLS on this port)"
    )]
    NotOpened,
    /// The socket did not open, or the broker did not finish the handshake in time.
    #[error("the broker did not finish the handshake in time")]
    HandshakeTimeout,
    /// An answer did not come in time.
    #[error("no answer to {0:?} in time")]
    AnswerTimeout(Api),
    /// The frame's length is impossible: not Kafka, or not this port.
    #[error("this is not a Kafka broker, or one that needs TLS: {0}")]
    Frame(#[from] BadFrame),
    /// A request whose fields do not fit their message.
    #[error("the request {0:?} cannot be written: {1}")]
    Unwritable(Api, Unwritable),
    /// An answer to nothing that was asked.
    #[error("an answer came to a request that was not sent")]
    Correlation,
    /// An answer that does not follow its schema.
    #[error("the answer to {0:?} is malformed: {1}")]
    Malformed(Api, Malformed),
    /// The broker refused the negotiation.
    #[error("the broker refused ApiVersions: {0}")]
    Negotiation(ErrorCode),
    /// The broker is older or newer than 3.9 to 4.x.
    #[error("the broker speaks no version of {api:?} that is spoken here; Kafka 3.9 to 4.x is needed")]
    Version {
        /// The request.
        api: Api,
    },
    /// The mechanism is not offered.
    #[error("the SASL mechanism is not offered; the broker offers {}", offered.join(", "))]
    Mechanism {
        /// What is.
        offered: Vec<String>,
    },
    /// Wrong name or password.
    #[error("the broker refused the credentials: {reason}")]
    Credentials {
        /// The broker's words.
        reason: String,
    },
    /// The server's part of SCRAM is wrong.
    #[error("SCRAM: {0}")]
    Scram(#[from] ScramFault),
    /// The broker's session ends soon; a new connection authenticates again (KIP-368).
    #[error("the session's lifetime is over")]
    SessionOver,
}

#[derive(Debug)]
enum Stage {
    Opening,
    Negotiating { nonce: [u8; 16] },
    ChoosingMechanism { nonce: [u8; 16] },
    Authenticating(Dialogue),
    Ready,
    Broken,
}

#[derive(Debug)]
struct Pending {
    correlation: i32,
    api: Api,
    version: i16,
    deadline: Millis,
    /// `None` for the handshake's own requests.
    ticket: Option<u64>,
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    settings: Arc<Settings>,
    stage: Stage,
    frames: Frames,
    next_correlation: i32,
    handshake_deadline: Millis,
    session_deadline: Option<Millis>,
    /// Code of a request to lowest and highest version the broker speaks.
    spoken: BTreeMap<i16, (i16, i16)>,
    pending: VecDeque<Pending>,
    queued: VecDeque<(u64, Request, Millis)>,
}

impl Connection {
    /// A connection whose socket is being opened since `now`.
    pub fn new(now: Millis, settings: Arc<Settings>) -> Self {
        Self {
            stage: Stage::Opening,
            frames: Frames::new(settings.frame_bytes_max),
            next_correlation: 0,
            handshake_deadline: now + settings.handshake_timeout_ms,
            session_deadline: None,
            spoken: BTreeMap::new(),
            pending: VecDeque::new(),
            queued: VecDeque::new(),
            settings,
        }
    }

    /// True once requests are sent at once.
    pub fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Ready)
    }

    /// When [`Input::Tick`] is due at the latest.
    pub fn deadline(&self) -> Option<Millis> {
        let handshake = match self.stage {
            Stage::Broken => return None,
            Stage::Ready => self.session_deadline,
            _ => Some(self.handshake_deadline),
        };
        let pending = self.pending.iter().map(|pending| pending.deadline);
        let queued = self.queued.iter().map(|(_, _, deadline)| *deadline);
        handshake.into_iter().chain(pending).chain(queued).min()
    }

    /// Takes one input and says what follows.
    pub fn handle(&mut self, now: Millis, input: Input) -> Vec<Output> {
        let mut outputs = Vec::new();
        if matches!(self.stage, Stage::Broken) {
            if let Input::Call { ticket, .. } = input {
                outputs.push(Output::Broken { fault: Fault::Closed, unanswered: vec![ticket] });
            }
            return outputs;
        }
        let outcome = match input {
            Input::Opened { nonce } => self.open(now, nonce, &mut outputs),
            Input::Received(bytes) => self.receive(now, &bytes, &mut outputs),
            Input::Closed if matches!(self.stage, Stage::Opening) => Err(Fault::NotOpened),
            Input::Closed => Err(Fault::Closed),
            Input::Call { ticket, request, timeout_ms } => {
                self.queued.push_back((ticket, request, now + timeout_ms));
                self.send_queued(&mut outputs)
            }
            Input::Tick => Ok(()),
        };
        if let Err(fault) = outcome.and_then(|()| self.check_deadlines(now)) {
            outputs.push(self.break_off(fault));
        }
        outputs
    }

    fn break_off(&mut self, fault: Fault) -> Output {
        self.stage = Stage::Broken;
        let sent = self.pending.drain(..).filter_map(|pending| pending.ticket);
        let unanswered = sent.chain(self.queued.drain(..).map(|(ticket, _, _)| ticket)).collect();
        Output::Broken { fault, unanswered }
    }

    fn check_deadlines(&self, now: Millis) -> Result<(), Fault> {
        if !self.is_ready() && now >= self.handshake_deadline {
            return Err(Fault::HandshakeTimeout);
        }
        if let Some(late) = self.pending.iter().find(|pending| now >= pending.deadline) {
            return Err(Fault::AnswerTimeout(late.api));
        }
        if let Some((_, request, _)) = self.queued.iter().find(|(_, _, deadline)| now >= *deadline) {
            return Err(Fault::AnswerTimeout(request.api()));
        }
        match self.session_deadline {
            Some(end) if now >= end => Err(Fault::SessionOver),
            _ => Ok(()),
        }
    }

    fn open(&mut self, now: Millis, nonce: [u8; 16], outputs: &mut Vec<Output>) -> Result<(), Fault> {
        if matches!(self.stage, Stage::Opening) {
            self.stage = Stage::Negotiating { nonce };
            self.ask_versions(now, *api_versions::VERSIONS.end(), outputs)?;
        }
        Ok(())
    }

    fn ask_versions(&mut self, now: Millis, version: i16, outputs: &mut Vec<Output>) -> Result<(), Fault> {
        let software_name = "gyesan".to_owned();
        let request: Request =
            api_versions::Request { software_name, software_version: env!("CARGO_PKG_VERSION").to_owned() }
                .into();
        self.send(&request, version, now + self.settings.handshake_timeout_ms, None, outputs)
    }

    fn send(
        &mut self,
        request: &Request,
        version: i16,
        deadline: Millis,
        ticket: Option<u64>,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Fault> {
        let api = request.api();
        let correlation = self.next_correlation;
        let frame = request.encode(version, correlation, &self.settings.client_id);
        let frame = frame.map_err(|unwritable| Fault::Unwritable(api, unwritable))?;
        self.next_correlation = correlation.wrapping_add(1) & i32::MAX;
        self.pending.push_back(Pending { correlation, api, version, deadline, ticket });
        outputs.push(Output::Send(frame));
        Ok(())
    }

    /// The highest version both sides speak.
    fn version_of(&self, api: Api) -> Result<i16, Fault> {
        let (lowest, highest) = self.spoken.get(&api.key()).copied().ok_or(Fault::Version { api })?;
        let ours = api.versions();
        let version = highest.min(*ours.end());
        if version < lowest.max(*ours.start()) { Err(Fault::Version { api }) } else { Ok(version) }
    }

    fn send_queued(&mut self, outputs: &mut Vec<Output>) -> Result<(), Fault> {
        if !self.is_ready() {
            return Ok(());
        }
        while let Some((ticket, request, deadline)) = self.queued.pop_front() {
            let version = self.version_of(request.api());
            let sent =
                version.and_then(|version| self.send(&request, version, deadline, Some(ticket), outputs));
            if let Err(fault) = sent {
                self.queued.push_front((ticket, request, deadline));
                return Err(fault);
            }
        }
        Ok(())
    }

    fn receive(&mut self, now: Millis, bytes: &[u8], outputs: &mut Vec<Output>) -> Result<(), Fault> {
        self.frames.push(bytes);
        while let Some(frame) = self.frames.next_frame()? {
            let correlation = frame.first_chunk::<4>().copied().map(i32::from_be_bytes);
            let correlation = correlation.ok_or(Fault::Correlation)?;
            let position = self.pending.iter().position(|pending| pending.correlation == correlation);
            let pending = position.and_then(|at| self.pending.remove(at)).ok_or(Fault::Correlation)?;
            let answer = pending.api.decode(pending.version, frame);
            let answer = answer.map_err(|malformed| Fault::Malformed(pending.api, malformed))?;
            match pending.ticket {
                Some(ticket) => outputs.push(Output::Answered { ticket, answer }),
                None => self.shake_hands(now, pending.version, answer, outputs)?,
            }
        }
        Ok(())
    }

    fn shake_hands(
        &mut self,
        now: Millis,
        version: i16,
        answer: Answer,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Fault> {
        match (std::mem::replace(&mut self.stage, Stage::Opening), answer) {
            (Stage::Negotiating { nonce }, Answer::ApiVersions(answer)) => {
                if answer.error == ErrorCode::UNSUPPORTED_VERSION && version > 0 {
                    self.stage = Stage::Negotiating { nonce };
                    return self.ask_versions(now, 0, outputs);
                }
                if !answer.error.is_ok() {
                    return Err(Fault::Negotiation(answer.error));
                }
                let rows = answer.apis.into_iter();
                self.spoken = rows.map(|(key, lowest, highest)| (key, (lowest, highest))).collect();
                self.choose_mechanism(nonce, outputs)
            }
            (Stage::ChoosingMechanism { nonce }, Answer::SaslHandshake(answer)) => {
                let Some(credentials) = self.settings.credentials.clone().filter(|_| answer.error.is_ok())
                else {
                    return Err(Fault::Mechanism { offered: answer.mechanisms });
                };
                let (dialogue, first) = Dialogue::begin(&credentials, nonce);
                self.stage = Stage::Authenticating(dialogue);
                self.authenticate(first, outputs)
            }
            (Stage::Authenticating(mut dialogue), Answer::SaslAuthenticate(answer)) => {
                if !answer.error.is_ok() {
                    let reason = answer.reason.unwrap_or_else(|| answer.error.to_string());
                    return Err(Fault::Credentials { reason });
                }
                match dialogue.answer(&answer.message)? {
                    Some(next) => {
                        self.stage = Stage::Authenticating(dialogue);
                        self.authenticate(next, outputs)
                    }
                    None => {
                        // A broker closes a session that outlives its lifetime; leave at nine tenths of it.
                        let lifetime = Millis::try_from(answer.session_lifetime_ms).unwrap_or(0);
                        self.session_deadline = (lifetime > 0).then(|| now + lifetime / 10 * 9);
                        self.be_ready(outputs)
                    }
                }
            }
            _ => Err(Fault::Correlation),
        }
    }

    fn choose_mechanism(&mut self, nonce: [u8; 16], outputs: &mut Vec<Output>) -> Result<(), Fault> {
        let Some(credentials) = &self.settings.credentials else { return self.be_ready(outputs) };
        let request: Request =
            sasl_handshake::Request { mechanism: credentials.mechanism.name().to_owned() }.into();
        let version = self.version_of(request.api())?;
        self.stage = Stage::ChoosingMechanism { nonce };
        self.send(&request, version, self.handshake_deadline, None, outputs)
    }

    fn authenticate(&mut self, message: Bytes, outputs: &mut Vec<Output>) -> Result<(), Fault> {
        let request: Request = sasl_authenticate::Request { message }.into();
        let version = self.version_of(request.api())?;
        self.send(&request, version, self.handshake_deadline, None, outputs)
    }

    fn be_ready(&mut self, outputs: &mut Vec<Output>) -> Result<(), Fault> {
        self.stage = Stage::Ready;
        outputs.push(Output::Ready);
        self.send_queued(outputs)
    }
}

//! Many connections as one cluster: finds the leader of a partition and the coordinator of a group, opens connections
//! when there is something to ask, and follows leaders that move.
//!
//! It repeats nothing but its own questions: a request that fails is given back, because only the caller knows whether
//! asking again is right.

mod metadata;
mod routes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::Millis;
use crate::api::metadata::Topic;
use crate::api::{Answer, Request};
use crate::backoff::Backoff;
use crate::connection::{self, Connection, Fault, Settings};
use crate::error_code::ErrorCode;
use crate::socket::{Address, Link, SocketNews, SocketOrder};

/// Which broker a request is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Whichever.
    Any,
    /// The leader of a partition.
    Leader {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
    },
    /// The coordinator of a group.
    Coordinator {
        /// The group.
        group: String,
    },
}

/// Which of a broker's connections a request takes: a Fetch that waits would block all behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// For what is answered at once.
    Prompt,
    /// For Fetches that wait.
    Waiting,
}

/// What happens.
#[derive(Debug)]
pub enum Input {
    /// A request.
    Call {
        /// The caller's number for it, unique among those not answered.
        ticket: u64,
        /// Whom to ask.
        target: Target,
        /// On which connection.
        channel: Channel,
        /// What to ask.
        request: Request,
        /// Bound of everything: finding the broker, connecting, the answer.
        timeout_ms: Millis,
    },
    /// A socket has news.
    Socket(SocketNews),
    /// A deadline may have passed.
    Tick,
}

/// What to do, or to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Do something with a socket.
    Socket(SocketOrder),
    /// An answer.
    Answered {
        /// The caller's number.
        ticket: u64,
        /// The answer.
        answer: Answer,
    },
    /// No answer.
    Failed {
        /// The caller's number.
        ticket: u64,
        /// Why.
        failure: Failure,
    },
    /// A watched topic as the cluster has just described it.
    TopicSeen(Topic),
    /// A connection has broken: for the log.
    LinkBroken {
        /// Where to.
        address: Address,
        /// Why.
        fault: Fault,
        /// How often in a row, from 1: log the first and then ever fewer.
        times: u32,
    },
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The connection broke after the request was given to it: it may have been carried out.
    #[error("{0}")]
    Broken(Fault),
    /// The broker to ask was not found in time: the request was not sent.
    #[error("no broker to ask was found in time ({0})")]
    Unreachable(ErrorCode),
    /// The cluster refuses the topic: the request was not sent.
    #[error("the cluster refuses the topic: {0}")]
    Refused(ErrorCode),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Bootstrap(usize),
    Node(i32, Channel),
}

#[derive(Debug)]
struct Socket {
    place: Place,
    address: Address,
    connection: Connection,
}

/// What a connection's ticket stands for.
#[derive(Debug)]
enum Asked {
    Outer { ticket: u64, line: Line, link: Link },
    Metadata,
    Coordinator(String),
}

/// What is asked of one target on one channel stays in order: nothing overtakes, and what comes after a failure fails with it.
/// A batch whose predecessor is not in the log must not be sent: a broker that has forgotten the producer would take it.
type Line = (Target, Channel);

#[derive(Debug)]
struct Waiting {
    ticket: u64,
    line: Line,
    request: Request,
    deadline: Millis,
}

#[derive(Debug, Default)]
struct Retry {
    not_before: Millis,
    backoff: Backoff,
}

/// The cluster, as far as it is known.
#[derive(Debug)]
pub struct Cluster {
    settings: Arc<Settings>,
    bootstrap: Vec<Address>,
    bootstrap_next: usize,
    link_next: Link,
    sockets: BTreeMap<Link, Socket>,
    retries: BTreeMap<Place, Retry>,
    brokers: BTreeMap<i32, Address>,
    topics: BTreeMap<String, metadata::Watched>,
    refresh: metadata::Refresh,
    coordinators: BTreeMap<String, routes::Coordinator>,
    waiting: VecDeque<Waiting>,
    /// Lines of which a request has failed since the waiting ones were last looked at.
    failed: BTreeSet<Line>,
    asked: BTreeMap<u64, Asked>,
    asked_next: u64,
    outputs: Vec<Output>,
    /// Time of the last input: nothing that was due by then is still to be done.
    handled_at: Millis,
}

impl Cluster {
    /// A cluster known by `bootstrap` addresses (at least one).
    pub fn new(settings: Settings, bootstrap: Vec<Address>) -> Self {
        Self {
            settings: Arc::new(settings),
            bootstrap,
            bootstrap_next: 0,
            link_next: 1,
            sockets: BTreeMap::new(),
            retries: BTreeMap::new(),
            brokers: BTreeMap::new(),
            topics: BTreeMap::new(),
            refresh: metadata::Refresh::default(),
            coordinators: BTreeMap::new(),
            waiting: VecDeque::new(),
            failed: BTreeSet::new(),
            asked: BTreeMap::new(),
            asked_next: 0,
            outputs: Vec::new(),
            handled_at: 0,
        }
    }

    /// Takes one input and says what follows.
    pub fn handle(&mut self, now: Millis, input: Input) -> Vec<Output> {
        self.handled_at = now;
        match input {
            Input::Call { ticket, target, channel, request, timeout_ms } => {
                let (line, deadline) = ((target, channel), now + timeout_ms);
                self.waiting.push_back(Waiting { ticket, line, request, deadline });
            }
            Input::Socket(SocketNews::Opened(link, nonce)) => {
                self.feed(now, link, connection::Input::Opened { nonce });
            }
            Input::Socket(SocketNews::Received(link, bytes)) => {
                self.feed(now, link, connection::Input::Received(bytes));
            }
            Input::Socket(SocketNews::Closed(link)) => self.feed(now, link, connection::Input::Closed),
            Input::Tick => {
                let late = |(link, socket): (&Link, &Socket)| {
                    socket.connection.deadline().filter(|deadline| now >= *deadline).map(|_| *link)
                };
                let links: Vec<Link> = self.sockets.iter().filter_map(late).collect();
                for link in links {
                    self.feed(now, link, connection::Input::Tick);
                }
            }
        }
        self.route_waiting(now);
        self.refresh_metadata(now);
        std::mem::take(&mut self.outputs)
    }

    /// When [`Input::Tick`] is due at the latest.
    pub fn deadline(&self) -> Option<Millis> {
        let connections = self.sockets.values().filter_map(|socket| socket.connection.deadline());
        let waiting = self.waiting.iter().map(|waiting| waiting.deadline);
        let own = self.retry_times().chain(self.refresh_time()).filter(|at| *at > self.handled_at);
        connections.chain(waiting).chain(own).min()
    }

    fn order(&mut self, order: SocketOrder) {
        self.outputs.push(Output::Socket(order));
    }

    fn feed(&mut self, now: Millis, link: Link, input: connection::Input) {
        let Some(socket) = self.sockets.get_mut(&link) else { return };
        for output in socket.connection.handle(now, input) {
            self.take(now, link, output);
        }
    }

    fn take(&mut self, now: Millis, link: Link, output: connection::Output) {
        match output {
            connection::Output::Send(bytes) => self.order(SocketOrder::Send(link, bytes)),
            connection::Output::Ready => {
                let place = self.sockets.get(&link).map(|socket| socket.place.clone());
                if let Some(place) = place {
                    self.retries.remove(&place);
                }
            }
            connection::Output::Answered { ticket, answer } => match self.asked.remove(&ticket) {
                Some(Asked::Outer { ticket, .. }) => self.outputs.push(Output::Answered { ticket, answer }),
                Some(Asked::Metadata) => self.take_metadata(now, answer),
                Some(Asked::Coordinator(group)) => self.take_coordinator(now, group, answer),
                None => {}
            },
            connection::Output::Broken { fault, unanswered } => self.lose(now, link, &fault, unanswered),
        }
    }

    fn lose(&mut self, now: Millis, link: Link, fault: &Fault, unanswered: Vec<u64>) {
        if let Some(socket) = self.sockets.remove(&link) {
            let retry = self.retries.entry(socket.place).or_default();
            retry.not_before = now + retry.backoff.next_ms();
            let times = retry.backoff.tries();
            self.order(SocketOrder::Close(link));
            self.outputs.push(Output::LinkBroken { address: socket.address, fault: fault.clone(), times });
        }
        // A broker that is gone may no longer lead what it led.
        self.refresh.want(now);
        for ticket in unanswered {
            match self.asked.remove(&ticket) {
                Some(Asked::Outer { ticket, line, .. }) => {
                    self.fail(ticket, line, Failure::Broken(fault.clone()));
                }
                Some(Asked::Metadata) => self.refresh.lost(now),
                Some(Asked::Coordinator(group)) => self.coordinator_lost(now, &group),
                None => {}
            }
        }
    }
}

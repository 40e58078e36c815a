//! What the cluster says of brokers and topics, and when it is asked again.

use super::{Asked, Cluster, Output};
use crate::Millis;
use crate::api::Answer;
use crate::api::metadata::{Request, Topic};
use crate::backoff::Backoff;
use crate::connection;
use crate::error_code::ErrorCode;
use crate::socket::Address;

/// Leaders are looked at this often even when nothing is wrong, so that a changed topic is noticed.
const REFRESH_EVERY_MS: Millis = 300_000;
const ANSWER_TIMEOUT_MS: Millis = 5_000;

/// A topic somebody is interested in.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// As last described without an error.
    pub(super) topic: Option<Topic>,
    /// A broker has said since that it is not the leader.
    pub(super) stale: bool,
    /// What the last description said instead of describing it.
    pub(super) error: Option<ErrorCode>,
}

/// When to ask.
#[derive(Debug, Default)]
pub(super) struct Refresh {
    due: Option<Millis>,
    in_flight: bool,
    backoff: Backoff,
    not_before: Millis,
}

impl Refresh {
    /// Asks as soon as the pause since the last question allows.
    pub(super) fn want(&mut self, now: Millis) {
        let at = now.max(self.not_before);
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// The question was lost with its connection.
    pub(super) fn lost(&mut self, now: Millis) {
        self.in_flight = false;
        self.not_before = now + self.backoff.next_ms();
        self.due = Some(self.not_before);
    }
}

impl Cluster {
    /// Begins to watch a topic: its leaders are kept known and [`Output::TopicSeen`] tells of it.
    pub fn watch(&mut self, now: Millis, topic: &str) {
        if !self.topics.contains_key(topic) {
            self.topics.insert(topic.to_owned(), Watched::default());
            self.refresh.want(now);
        }
    }

    /// A broker has said that it is not, or no longer, the leader of a partition of `topic`.
    pub fn distrust(&mut self, now: Millis, topic: &str) {
        if let Some(watched) = self.topics.get_mut(topic) {
            watched.stale = true;
            self.refresh.want(now);
        }
    }

    /// The topic as last described.
    pub fn topic(&self, topic: &str) -> Option<&Topic> {
        self.topics.get(topic).and_then(|watched| watched.topic.as_ref())
    }

    pub(super) fn refresh_time(&self) -> Option<Millis> {
        self.refresh.due.filter(|_| !self.refresh.in_flight)
    }

    pub(super) fn refresh_metadata(&mut self, now: Millis) {
        let nothing_to_know = self.topics.is_empty() && self.waiting.is_empty();
        if self.refresh.in_flight || nothing_to_know || self.refresh.due.is_none_or(|due| now < due) {
            return;
        }
        let Some(link) = self.any_link(now) else {
            // Every address is resting after a failure: ask when the first may be tried again.
            self.refresh.due = self.retry_times().filter(|at| *at > now).min();
            return;
        };
        let request = Request { topics: self.topics.keys().cloned().collect() }.into();
        let ticket = self.ticket_for(Asked::Metadata);
        self.refresh.in_flight = true;
        self.feed(now, link, connection::Input::Call { ticket, request, timeout_ms: ANSWER_TIMEOUT_MS });
    }

    pub(super) fn take_metadata(&mut self, now: Millis, answer: Answer) {
        let Answer::Metadata(answer) = answer else { return self.refresh.lost(now) };
        self.refresh.in_flight = false;
        self.refresh.not_before = now + self.refresh.backoff.next_ms();
        self.refresh.due = Some(now + REFRESH_EVERY_MS);
        if !answer.brokers.is_empty() {
            let address =
                |broker: crate::api::metadata::Broker| Address { host: broker.host, port: broker.port };
            self.brokers = answer.brokers.into_iter().map(|broker| (broker.node, address(broker))).collect();
        }
        let mut all_led = true;
        for topic in answer.topics {
            let Some(watched) = self.topics.get_mut(&topic.name) else { continue };
            all_led &= topic.error.is_ok() && topic.partitions.iter().all(|partition| partition.leader >= 0);
            if topic.error.is_ok() {
                *watched = Watched { topic: Some(topic.clone()), stale: false, error: None };
            } else {
                watched.error = Some(topic.error);
            }
            self.outputs.push(Output::TopicSeen(topic));
        }
        if all_led {
            self.refresh.backoff.reset();
        } else {
            self.refresh.want(now);
        }
        self.route_waiting(now);
    }
}

//! From a request to the connection that takes it.

use super::{Asked, Cluster, Failure, Line, Output, Place, Retry, Socket, Target, Waiting};
use crate::Millis;
use crate::api::{Answer, find_coordinator};
use crate::backoff::Backoff;
use crate::connection::{self, Connection};
use crate::error_code::{Class, ErrorCode};
use crate::socket::{Address, Link, SocketOrder};

const COORDINATOR_TIMEOUT_MS: Millis = 5_000;

/// What is known of a group's coordinator.
#[derive(Debug, Default)]
pub(super) struct Coordinator {
    node: Option<i32>,
    in_flight: bool,
    not_before: Millis,
    backoff: Backoff,
    error: Option<ErrorCode>,
}

/// Where a request can go now.
enum Way {
    To(Place),
    NotYet,
    Never(ErrorCode),
}

impl Cluster {
    /// The group's coordinator has said that it is not, or no longer, it.
    pub fn distrust_coordinator(&mut self, group: &str) {
        if let Some(coordinator) = self.coordinators.get_mut(group) {
            coordinator.node = None;
        }
    }

    pub(super) fn retry_times(&self) -> impl Iterator<Item = Millis> {
        let resting = self.retries.values().map(|retry| retry.not_before);
        let unknown = self.coordinators.values().filter(|coordinator| coordinator.node.is_none());
        resting.chain(unknown.map(|coordinator| coordinator.not_before))
    }

    pub(super) fn route_waiting(&mut self, now: Millis) {
        for waiting in std::mem::take(&mut self.waiting) {
            match self.way(now, &waiting) {
                Way::Never(error) => self.fail(waiting.ticket, waiting.line, Failure::Refused(error)),
                _ if now >= waiting.deadline || self.failed.contains(&waiting.line) => {
                    self.fail_unreachable(waiting);
                }
                Way::NotYet => self.waiting.push_back(waiting),
                Way::To(place) => match self.link_to(now, &place) {
                    Some(link) if !self.is_elsewhere(&waiting.line, link) => {
                        self.hand_over(now, link, waiting);
                    }
                    _ => self.waiting.push_back(waiting),
                },
            }
        }
        // What was passed over before a later one of its line failed.
        if !self.failed.is_empty() {
            for waiting in std::mem::take(&mut self.waiting) {
                if self.failed.contains(&waiting.line) {
                    self.fail_unreachable(waiting);
                } else {
                    self.waiting.push_back(waiting);
                }
            }
            self.failed.clear();
        }
    }

    /// Whether requests of the line are under way on another connection: the leader has moved.
    fn is_elsewhere(&self, line: &Line, link: Link) -> bool {
        let elsewhere = |asked: &Asked| match asked {
            Asked::Outer { line: other, link: on, .. } => other == line && *on != link,
            Asked::Metadata | Asked::Coordinator(_) => false,
        };
        line.0 != Target::Any && self.asked.values().any(elsewhere)
    }

    fn fail_unreachable(&mut self, waiting: Waiting) {
        let error = self.reason(&waiting.line.0);
        self.fail(waiting.ticket, waiting.line, Failure::Unreachable(error));
    }

    fn hand_over(&mut self, now: Millis, link: Link, waiting: Waiting) {
        let ticket = self.ticket_for(Asked::Outer { ticket: waiting.ticket, line: waiting.line, link });
        let timeout_ms = waiting.deadline.saturating_sub(now);
        self.feed(now, link, connection::Input::Call { ticket, request: waiting.request, timeout_ms });
    }

    pub(super) fn fail(&mut self, ticket: u64, line: Line, failure: Failure) {
        if line.0 != Target::Any {
            self.failed.insert(line);
        }
        self.outputs.push(Output::Failed { ticket, failure });
    }

    pub(super) fn ticket_for(&mut self, asked: Asked) -> u64 {
        let ticket = self.asked_next;
        self.asked_next += 1;
        self.asked.insert(ticket, asked);
        ticket
    }

    fn way(&mut self, now: Millis, waiting: &Waiting) -> Way {
        match &waiting.line.0 {
            Target::Any => self.any_place(now).map_or(Way::NotYet, Way::To),
            Target::Leader { topic, partition } => {
                self.watch(now, topic);
                let Some(watched) = self.topics.get(topic) else { return Way::NotYet };
                if let Some(error) = watched.error.filter(|error| error.class() == Class::Fatal) {
                    return Way::Never(error);
                }
                let found = watched.topic.as_ref().filter(|_| !watched.stale);
                let leader =
                    found.and_then(|topic| topic.partitions.iter().find(|row| row.index == *partition));
                match leader.filter(|row| self.brokers.contains_key(&row.leader)) {
                    Some(row) => Way::To(Place::Node(row.leader, waiting.line.1)),
                    None => {
                        self.refresh.want(now);
                        Way::NotYet
                    }
                }
            }
            Target::Coordinator { group } => self.way_to_coordinator(now, group, waiting.line.1),
        }
    }

    fn way_to_coordinator(&mut self, now: Millis, group: &str, channel: super::Channel) -> Way {
        let known = self.coordinators.entry(group.to_owned()).or_default();
        if let Some(node) = known.node {
            return Way::To(Place::Node(node, channel));
        }
        if let Some(error) = known.error.filter(|error| error.class() == Class::Fatal) {
            known.error = None;
            return Way::Never(error);
        }
        if known.in_flight || now < known.not_before {
            return Way::NotYet;
        }
        let Some(link) = self.any_link(now) else { return Way::NotYet };
        if let Some(known) = self.coordinators.get_mut(group) {
            known.in_flight = true;
        }
        let request = find_coordinator::Request { group: group.to_owned() }.into();
        let ticket = self.ticket_for(Asked::Coordinator(group.to_owned()));
        self.feed(now, link, connection::Input::Call { ticket, request, timeout_ms: COORDINATOR_TIMEOUT_MS });
        Way::NotYet
    }

    pub(super) fn take_coordinator(&mut self, now: Millis, group: String, answer: Answer) {
        let Answer::FindCoordinator(answer) = answer else { return self.coordinator_lost(now, &group) };
        if !answer.error.is_ok() {
            self.coordinator_lost(now, &group);
            if let Some(known) = self.coordinators.get_mut(&group) {
                known.error = Some(answer.error);
            }
            return;
        }
        let address = Address { host: answer.broker.host, port: answer.broker.port };
        self.brokers.insert(answer.broker.node, address);
        self.coordinators
            .insert(group, Coordinator { node: Some(answer.broker.node), ..Coordinator::default() });
    }

    pub(super) fn coordinator_lost(&mut self, now: Millis, group: &str) {
        if let Some(known) = self.coordinators.get_mut(group) {
            known.in_flight = false;
            known.node = None;
            known.not_before = now + known.backoff.next_ms();
        }
    }

    fn reason(&self, target: &Target) -> ErrorCode {
        match target {
            Target::Any => None,
            Target::Leader { topic, .. } => self.topics.get(topic).and_then(|watched| watched.error),
            Target::Coordinator { group } => self.coordinators.get(group).and_then(|known| known.error),
        }
        // BROKER_NOT_AVAILABLE: nobody was there to say more.
        .unwrap_or(ErrorCode(8))
    }

    /// A connection that is open or opening, to whichever broker; a new one when none is.
    pub(super) fn any_link(&mut self, now: Millis) -> Option<Link> {
        let place = self.any_place(now)?;
        self.link_to(now, &place)
    }

    fn any_place(&mut self, now: Millis) -> Option<Place> {
        let prompt = |socket: &&Socket| !matches!(socket.place, Place::Node(_, super::Channel::Waiting));
        if let Some(socket) =
            self.sockets.values().filter(prompt).max_by_key(|socket| socket.connection.is_ready())
        {
            return Some(socket.place.clone());
        }
        let rested = |place: &Place| self.retries.get(place).is_none_or(|retry| now >= retry.not_before);
        let nodes = self.brokers.keys().map(|node| Place::Node(*node, super::Channel::Prompt));
        let count = self.bootstrap.len();
        let from = self.bootstrap_next;
        let bootstrap = (0..count).map(|step| Place::Bootstrap((from + step) % count));
        // Known brokers and configured addresses take turns: either list may be the outdated one.
        let place = if from.is_multiple_of(2) {
            bootstrap.chain(nodes).find(rested)
        } else {
            nodes.chain(bootstrap).find(rested)
        };
        if place.is_some() {
            self.bootstrap_next = from.wrapping_add(1);
        }
        place
    }

    fn link_to(&mut self, now: Millis, place: &Place) -> Option<Link> {
        let address = match place {
            Place::Bootstrap(index) => self.bootstrap.get(*index).cloned(),
            Place::Node(node, _) => self.brokers.get(node).cloned(),
        }?;
        let open =
            self.sockets.iter().find(|(_, socket)| socket.place == *place && socket.address == address);
        if let Some((link, _)) = open {
            return Some(*link);
        }
        let rested = |retry: &Retry| now >= retry.not_before;
        if !self.retries.get(place).is_none_or(rested) {
            return None;
        }
        let link = self.link_next;
        self.link_next += 1;
        let connection = Connection::new(now, self.settings.clone());
        self.sockets.insert(link, Socket { place: place.clone(), address: address.clone(), connection });
        self.order(SocketOrder::Open(link, address));
        Some(link)
    }
}

//! What operators see of a relay, and what they can tell it.

use super::source::Source;
use super::{Relay, republications, store};
use crate::actor::{Fault, Turn};
use crate::command::{
    Rejection, RelaySource, RelayStatus, Reply, Resumed, Stopped, StoppedPartition, StoppedSource,
};
use crate::sql::{Sql, SqlError};
use crate::topology::Target;
use gyesan_core::problem::Code;
use gyesan_kafka::TopicPartition;
use gyesan_kafka::relay::{self as protocol, Producer, StopReason};

impl Relay {
    /// How far it is.
    pub(super) fn status(&self, sql: &dyn Sql) -> Result<RelayStatus, SqlError> {
        let source = |(whose, source): (&Target, &Source)| {
            Ok(RelaySource {
                source: *whose,
                taken_over: source.taken_over,
                published: self.published(*whose, source),
                released: store::released(sql, *whose)?,
                stopped: source.stopped().map(str::to_owned),
            })
        };
        Ok(RelayStatus {
            sources: self.sources.iter().map(source).collect::<Result<_, SqlError>>()?,
            in_flight_batches: u64::try_from(self.open.len()).unwrap_or(u64::MAX),
            stopped: self.stopped.iter().map(|(place, reason)| stopped(place, reason)).collect(),
            republications: republications::newest(sql)?,
        })
    }

    /// The last position up to which everything has been acknowledged. What is published once more is not counted back.
    pub(super) fn published(&self, whose: Target, source: &Source) -> u64 {
        let of_it =
            self.open.values().filter(|origin| origin.source == whose && origin.republication.is_none());
        of_it.map(|origin| origin.first_seq.saturating_sub(1)).min().unwrap_or(source.taken_over)
    }

    /// Goes on where it has stopped. Where the cause is still there it stops again.
    pub(super) fn resume(
        &mut self,
        turn: &mut Turn<'_>,
        what: &Stopped,
        accept_loss: bool,
    ) -> Result<Reply, Fault> {
        let is_place = |place: &TopicPartition| match what {
            Stopped::Everything => true,
            Stopped::Partition(name) => place.to_string() == *name,
            Stopped::Source(_) => false,
        };
        let is_source = |whose: &Target| match what {
            Stopped::Everything => true,
            Stopped::Partition(_) => false,
            Stopped::Source(source) => whose == source,
        };
        let places = self.stopped.iter().filter(|(place, _)| is_place(place));
        let sources = self.sources.iter().filter(|(whose, _)| is_source(whose));
        let resumed = Resumed {
            partitions: places.map(|(place, reason)| stopped(place, reason)).collect(),
            sources: sources.filter_map(|(whose, source)| stopped_source(*whose, source)).collect(),
        };
        let reasons = resumed.partitions.iter().map(|partition| (partition.lost, &partition.reason));
        let reasons = reasons.chain(resumed.sources.iter().map(|source| (source.lost, &source.reason)));
        if *what != Stopped::Everything && reasons.clone().next().is_none() {
            return Err(Rejection::with(Code::NotFound, "it has not stopped").into());
        }
        if let Some((_, reason)) = reasons.clone().find(|(lost, _)| accept_loss && !lost) {
            let detail = format!("it has not stopped because something is lost, but because: {reason}");
            return Err(Rejection::with(Code::InvalidValue, detail).into());
        }
        for source in resumed.sources.iter().filter(|_| accept_loss) {
            if let Some(position) = self.sources.get(&source.source).and_then(Source::skip_to) {
                store::take_over(turn.sql, source.source, position)?;
            }
        }
        // After this it must succeed.
        let places: Vec<_> = self.stopped.extract_if(.., |place, _| is_place(place)).collect();
        for (place, _) in places {
            turn.push(self.line("info", "relay.resumed", place.to_string()));
            self.tell(protocol::Input::Resume { place, accept_loss });
        }
        for StoppedSource { source: whose, .. } in &resumed.sources {
            let Some(source) = self.sources.get_mut(whose) else { continue };
            let skip_to = source.skip_to().filter(|_| accept_loss);
            source.resume(skip_to);
            if let Some(position) = skip_to {
                let detail = format!(
                    "{}: goes on behind position {position} without those that are missing, because an operator has accepted that",
                    whose.name()
                );
                turn.push(self.line("warn", "relay.loss-accepted", detail));
            }
            turn.push(self.line("info", "relay.resumed", whose.name()));
        }
        Ok(Reply::Resumed(resumed))
    }

    /// A partition goes on without what was lost, and that is stored: its open batches have new names.
    pub(super) fn move_on(
        &mut self,
        turn: &mut Turn<'_>,
        place: &TopicPartition,
        producer: Producer,
        scan_from: i64,
        renamed: &[(i32, i32)],
    ) {
        let detail = format!(
            "{place}: goes on at offset {scan_from} under epoch {} without the acknowledged records that are lost, because an operator \
             has accepted that",
            producer.epoch
        );
        turn.push(self.line("warn", "relay.loss-accepted", detail));
        let open: Vec<_> = renamed
            .iter()
            .filter_map(|(before, after)| Some((*after, self.open.remove(&(place.clone(), *before))?)))
            .collect();
        self.sources.values_mut().for_each(|source| source.rename(place, renamed));
        for (base_sequence, origin) in open {
            self.open.insert((place.clone(), base_sequence), origin);
            self.tell(protocol::Input::Stored { place: place.clone(), base_sequence });
        }
    }

    /// Says once of each log that has stopped why.
    pub(super) fn tell_stopped_sources(&mut self, turn: &mut Turn<'_>) {
        let alert = |(whose, source): (&Target, &mut Source)| {
            source.take_alert().map(|why| format!("{}: {why}", whose.name()))
        };
        let alerts: Vec<String> = self.sources.iter_mut().filter_map(alert).collect();
        for alert in alerts {
            turn.push(self.line("error", "alert.relay-source-stopped", alert));
        }
    }
}

fn is_lost(reason: &StopReason) -> bool {
    matches!(reason, StopReason::AcknowledgedLost { .. })
}

fn stopped(place: &TopicPartition, reason: &StopReason) -> StoppedPartition {
    StoppedPartition { partition: place.to_string(), reason: reason.to_string(), lost: is_lost(reason) }
}

fn stopped_source(whose: Target, source: &Source) -> Option<StoppedSource> {
    let reason = source.stopped()?.to_owned();
    Some(StoppedSource { source: whose, reason, lost: source.skip_to().is_some() })
}

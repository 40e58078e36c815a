//! Topics: their partitions become lanes, and a topic that changes stops them.

use super::{Asked, Output, Publisher, QUESTION_TIMEOUT_MS};
use crate::api::metadata::Topic;
use crate::api::{Answer, describe_configs};
use crate::cluster::{Failure, Target};
use crate::error_code::Class;
use crate::relay::lane::{self, Lane, StopReason};
use crate::relay::{PartitionState, StoredTopic};
use crate::{Millis, TopicPartition};

const MIN_IN_SYNC_REPLICAS: &str = "min.insync.replicas";

impl Publisher {
    pub(super) fn see_topic(&mut self, now: Millis, topic: &Topic) {
        if !topic.error.is_ok() {
            if topic.error.class() == Class::Fatal {
                self.stop_topic(now, &topic.name, &StopReason::Refused(topic.error), false);
            }
            let unavailable = Output::TopicUnavailable { topic: topic.name.clone(), error: topic.error };
            return self.outputs.push(unavailable);
        }
        let seen = StoredTopic::of(topic);
        match self.topics.get(&topic.name) {
            None => {
                self.topics.insert(topic.name.clone(), seen.clone());
                self.outputs.push(Output::TopicSeen(seen));
            }
            Some(known) if *known != seen => {
                let reason = StopReason::TopicChanged(known.difference(&seen));
                let anew = known.id != seen.id;
                self.changed.insert(topic.name.clone(), seen);
                return self.stop_topic(now, &topic.name, &reason, anew);
            }
            Some(_) => {}
        }
        self.make_lanes(now);
        self.ask_durability(now, topic);
    }

    /// A lane for every partition of every topic that is known, once there is a producer.
    pub(super) fn make_lanes(&mut self, now: Millis) {
        let Some(producer) = self.producer else { return };
        for topic in self.topics.values().filter(|topic| self.settings.topics.contains(&topic.topic)) {
            for partition in 0..i32::try_from(topic.partitions).unwrap_or(i32::MAX) {
                let place = TopicPartition { topic: topic.topic.clone(), partition };
                self.lanes
                    .entry(place.clone())
                    .or_insert_with(|| Lane::restore(now, PartitionState::new(place, producer)));
            }
        }
    }

    /// A person has looked at a topic that had changed: it is the right one from now on.
    pub(super) fn adopt(&mut self, now: Millis, topic: &str) {
        if let Some(seen) = self.changed.remove(topic) {
            self.topics.insert(topic.to_owned(), seen.clone());
            self.outputs.push(Output::TopicSeen(seen));
            self.make_lanes(now);
        }
    }

    fn stop_topic(&mut self, now: Millis, topic: &str, reason: &StopReason, anew: bool) {
        for (_, lane) in self.lanes.iter_mut().filter(|(place, _)| place.topic == topic) {
            lane.handle(now, lane::Input::Stop { reason: reason.clone(), anew });
        }
    }

    fn ask_durability(&mut self, now: Millis, topic: &Topic) {
        if self.durability_asked.contains(&topic.name) {
            return;
        }
        self.durability_asked.push(topic.name.clone());
        let replicas = topic.partitions.iter().map(|partition| partition.replicas).min().unwrap_or(0);
        let names = vec![MIN_IN_SYNC_REPLICAS.to_owned()];
        let request = describe_configs::Request { topic: topic.name.clone(), names }.into();
        let asked = Asked::Durability { topic: topic.name.clone(), replicas };
        self.ask(now, asked, Target::Any, request, QUESTION_TIMEOUT_MS);
    }

    pub(super) fn take_durability(
        &mut self,
        topic: String,
        replicas: usize,
        outcome: Result<Answer, Failure>,
    ) {
        let min_in_sync_replicas = match outcome {
            Ok(Answer::DescribeConfigs(answer)) => {
                let value = answer.values.into_iter().find(|(name, _)| name == MIN_IN_SYNC_REPLICAS);
                value.and_then(|(_, value)| value).and_then(|value| value.parse().ok())
            }
            _ => None,
        };
        self.outputs.push(Output::Durability { topic, replicas, min_in_sync_replicas });
    }
}

//! Records, and those that are handled together.

use crate::actor::CallId;
use crate::command::{Rejection, Reply, TransferResult};
use bytes::Bytes;
use gyesan_core::event::Event;

/// One record.
pub struct Item {
    /// Where it lies in the partition.
    pub place: u64,
    /// The position once it is handled.
    pub after: u64,
    /// What it says.
    pub content: Content,
    /// Of a topic: the record as it was read, for its dead letters.
    pub record: Option<gyesan_kafka::batch::Record>,
}

/// What a record says.
pub enum Content {
    /// An event.
    Event(Box<Event>),
    /// It is no event.
    Undecodable {
        /// Its value.
        value: Bytes,
        /// Why.
        reason: String,
    },
}

/// Records whose calls are under way.
pub struct Batch {
    /// Consecutive, as far as the consumer acts on them.
    pub items: Vec<Item>,
    /// Calls without an answer yet.
    pub open: Vec<CallId>,
    /// For each call, which record each part of it comes from.
    pub(super) origins: Vec<(CallId, Vec<u64>)>,
    /// Records that cannot be handled, and why.
    pub refused: Vec<(u64, String)>,
}

/// A refusal in words.
pub(super) fn words(rejection: &Rejection) -> String {
    match &rejection.detail {
        Some(detail) => format!("{}: {detail}", rejection.code.as_str()),
        None => rejection.code.as_str().to_owned(),
    }
}

impl Batch {
    /// Records whose calls are to be made; what is no event is refused.
    pub(super) fn of(items: Vec<Item>) -> Batch {
        let refused = items.iter().filter_map(|item| match &item.content {
            Content::Undecodable { reason, .. } => Some((item.place, reason.clone())),
            Content::Event(_) => None,
        });
        let refused = refused.collect();
        Batch { items, open: Vec::new(), origins: Vec::new(), refused }
    }

    /// Takes note of a reply: transfers that the ledger will never book are refused, with the reason.
    pub(super) fn note(&mut self, id: CallId, reply: &Reply) {
        self.open.retain(|open| *open != id);
        let Reply::Applied(results) = reply else { return };
        let Some((_, origins)) = self.origins.iter().find(|(call, _)| *call == id) else { return };
        for (place, result) in origins.iter().zip(results) {
            let reason = match result {
                TransferResult::Booked | TransferResult::Exists => continue,
                TransferResult::Differs(field) => format!("booked before with another {field}"),
                TransferResult::Overflow => "the balance would leave its range".to_owned(),
            };
            self.refused.push((*place, reason));
        }
    }
}

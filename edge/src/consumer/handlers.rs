//! What each subscription does with events: which calls follow from a batch of records. Calls carry ids that come from the
//! events, so that a repeat does nothing; one call per target.

use super::handling::{Content, Item};
use crate::command::{Account, Command, CreditedFact, LedgerCommand, OrderCommand, Transfer};
use crate::topology::{Subscription, Target, Topology};
use gyesan_core::event::{Event, EventData, Fund};
use std::collections::BTreeMap;

/// One call that a batch leads to.
pub struct Call {
    /// Whom.
    pub target: Target,
    /// What.
    pub command: Command,
    /// For each part of the command, the record it comes from.
    pub origins: Vec<u64>,
}

/// The calls of a batch.
pub fn calls(subscription: Subscription, topology: Topology, items: &[Item]) -> Vec<Call> {
    let events = items.iter().filter_map(|item| match &item.content {
        Content::Event(event) => Some((item.place, event.as_ref())),
        Content::Undecodable { .. } => None,
    });
    match subscription {
        Subscription::Wallets => {
            let transfers =
                events.flat_map(|(place, event)| transfers(event).map(move |transfer| (place, transfer)));
            let place = |transfer: &Transfer| match &transfer.credit {
                Account::Seller(seller) => topology.ledger_shard(&transfer.merchant_id, seller.as_str()),
                Account::PspClearing | Account::Promotions => Target::Ledger(0),
            };
            grouped(transfers, place, |transfers| Command::Ledger(LedgerCommand::Apply(transfers)))
        }
        Subscription::Completion => {
            let facts = events.filter_map(|(place, event)| Some((place, credited(event)?)));
            let place = |fact: &CreditedFact| topology.order_shard(&fact.merchant_id, &fact.order_id);
            grouped(facts, place, |facts| Command::Order(OrderCommand::Credited(facts)))
        }
        // A projection calls nobody: see `crate::projection`.
        Subscription::OrderList => Vec::new(),
    }
}

fn grouped<T>(
    parts: impl Iterator<Item = (u64, T)>,
    place: impl Fn(&T) -> Target,
    command: impl Fn(Vec<T>) -> Command,
) -> Vec<Call> {
    let mut groups: BTreeMap<Target, (Vec<u64>, Vec<T>)> = BTreeMap::new();
    for (origin, part) in parts {
        let (origins, group) = groups.entry(place(&part)).or_default();
        origins.push(origin);
        group.push(part);
    }
    groups
        .into_iter()
        .map(|(target, (origins, group))| Call { target, command: command(group), origins })
        .collect()
}

/// A confirmed payment credits each line's seller with its net amount, out of what the PSP holds, and with the discount that
/// the merchant funds, out of its promotions.
fn transfers(event: &Event) -> impl Iterator<Item = Transfer> {
    let confirmed = match &event.data {
        EventData::PaymentConfirmed { order_id, payment_orders, .. } => Some((order_id, payment_orders)),
        _ => None,
    };
    confirmed.into_iter().flat_map(move |(order_id, lines)| {
        lines.iter().flat_map(move |line| {
            line.credits().map(move |(fund, amount)| {
                let (debit, kind) = match fund {
                    Fund::Payment => (Account::PspClearing, "payment"),
                    Fund::Promotion => (Account::Promotions, "promotion"),
                };
                Transfer {
                    id: format!("{}:{kind}", line.payment_order_id),
                    merchant_id: event.merchant_id.clone(),
                    debit,
                    credit: Account::Seller(line.seller_id.clone()),
                    amount,
                    order_id: order_id.clone(),
                    payment_order_id: line.payment_order_id.clone(),
                    fund,
                    event_id: event.event_id.clone(),
                }
            })
        })
    })
}

fn credited(event: &Event) -> Option<CreditedFact> {
    match &event.data {
        EventData::WalletCredited { order_id, payment_order_id, fund, .. } => Some(CreditedFact {
            merchant_id: event.merchant_id.clone(),
            order_id: order_id.clone(),
            payment_order_id: payment_order_id.clone(),
            fund: *fund,
        }),
        _ => None,
    }
}

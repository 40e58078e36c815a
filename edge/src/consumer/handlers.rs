//! What each subscription does with events: which calls follow from a batch of records. Calls carry ids that come from the
//! events, so that a repeat does nothing; one call per target.

use crate::command::{Account, Command, CreditedFact, LedgerCommand, OrderCommand, Record, Transfer};
use crate::topology::{Subscription, Target, Topology};
use gyesan_core::event::{EventData, Fund};
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
pub fn calls(subscription: Subscription, topology: Topology, records: &[Record]) -> Vec<Call> {
    match subscription {
        Subscription::Wallets => {
            let transfers =
                records.iter().flat_map(|record| transfers(record).map(|transfer| (record.seq, transfer)));
            let place = |transfer: &Transfer| match &transfer.credit {
                Account::Seller(seller) => topology.ledger_shard(&transfer.merchant_id, seller.as_str()),
                Account::PspClearing | Account::Promotions => Target::Ledger(0),
            };
            grouped(transfers, place, |transfers| Command::Ledger(LedgerCommand::Apply(transfers)))
        }
        Subscription::Completion => {
            let facts = records.iter().filter_map(|record| Some((record.seq, credited(record)?)));
            let place = |fact: &CreditedFact| topology.order_shard(&fact.merchant_id, &fact.order_id);
            grouped(facts, place, |facts| Command::Order(OrderCommand::Credited(facts)))
        }
    }
}

fn grouped<T>(
    parts: impl Iterator<Item = (u64, T)>,
    place: impl Fn(&T) -> Target,
    command: impl Fn(Vec<T>) -> Command,
) -> Vec<Call> {
    let mut groups: BTreeMap<Target, (Vec<u64>, Vec<T>)> = BTreeMap::new();
    for (seq, part) in parts {
        let (origins, group) = groups.entry(place(&part)).or_default();
        origins.push(seq);
        group.push(part);
    }
    groups
        .into_iter()
        .map(|(target, (origins, group))| Call { target, command: command(group), origins })
        .collect()
}

/// A confirmed payment credits each line's seller with its net amount, out of what the PSP holds, and with the discount that
/// the merchant funds, out of its promotions.
fn transfers(record: &Record) -> impl Iterator<Item = Transfer> {
    let confirmed = match &record.event.data {
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
                    merchant_id: record.event.merchant_id.clone(),
                    debit,
                    credit: Account::Seller(line.seller_id.clone()),
                    amount,
                    order_id: order_id.clone(),
                    payment_order_id: line.payment_order_id.clone(),
                    fund,
                    event_id: record.event.event_id.clone(),
                }
            })
        })
    })
}

fn credited(record: &Record) -> Option<CreditedFact> {
    match &record.event.data {
        EventData::WalletCredited { order_id, payment_order_id, fund, .. } => Some(CreditedFact {
            merchant_id: record.event.merchant_id.clone(),
            order_id: order_id.clone(),
            payment_order_id: payment_order_id.clone(),
            fund: *fund,
        }),
        _ => None,
    }
}

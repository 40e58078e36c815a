//! What actors can be asked, and what they answer. These cross object borders as JSON, so nothing here holds a secret.

mod consumer;
mod ledger;
mod log;
mod order;
mod relay;

pub use consumer::{ConsumerCommand, ConsumerPosition, DeadLetter, Halt};
pub use ledger::{Account, Balances, LedgerCommand, Transfer, TransferResult};
pub use log::{LogCommand, LogStatus, Record, Wake};
pub use order::{
    Claimed, ConfirmOutcome, CreditedFact, IdempotencyCommand, NewOrder, OrderCommand, OrderTotals, Placed,
    StoredOrder, UnresolvedRow,
};
pub use relay::{
    RelayCommand, RelaySource, RelayStatus, Republication, Resumed, Stopped, StoppedPartition, StoppedSource,
};

use crate::outbox::LogPage;
use crate::topology::Target;
use gyesan_core::api::{OrderView, Page, Wallet, WalletTransaction};
use gyesan_core::problem::Code;
use gyesan_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What an actor is asked.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Command {
    /// Of an order shard.
    Order(OrderCommand),
    /// Of a ledger shard.
    Ledger(LedgerCommand),
    /// Of any shard: its outbox.
    Log(LogCommand),
    /// Of an order shard: remembering answers by idempotency key.
    Idempotency(IdempotencyCommand),
    /// Of a consumer: there are new records in its partition.
    Wake(Wake),
    /// Of a relay: a shard's log has grown. It sees to it from now on.
    Appended {
        /// Whose log.
        source: Target,
        /// Its end now.
        end: u64,
        /// What has been appended, when it is little: it need not be read then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        page: Option<LogPage>,
    },
    /// Of a relay: how far it is.
    RelayStatus,
    /// Of a relay: an operator's order.
    Relay(RelayCommand),
    /// Of anybody: see to what is due. Sent by the cron, in case an alarm was lost.
    Poke,
    /// Of a consumer: where it stands.
    Position,
    /// Of a consumer: an operator's order.
    Consumer(ConsumerCommand),
}

/// What an actor answers.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// Done; nothing to say.
    Done,
    /// To [`OrderCommand::Place`].
    Placed(Placed),
    /// To [`OrderCommand::Confirm`].
    Confirmed(ConfirmOutcome),
    /// To [`OrderCommand::View`].
    Order(Box<OrderView>),
    /// To [`OrderCommand::Unresolved`].
    Unresolved(Vec<UnresolvedRow>),
    /// To [`OrderCommand::Totals`].
    Totals(OrderTotals),
    /// To [`LedgerCommand::Apply`].
    Applied(Vec<TransferResult>),
    /// To [`LedgerCommand::Wallet`].
    Wallet(Wallet),
    /// To [`LedgerCommand::WalletTransactions`].
    Transactions(Page<WalletTransaction>),
    /// To [`LedgerCommand::TrialBalance`].
    Balances(Balances),
    /// To [`LogCommand::Read`].
    Records {
        /// In the order of the log.
        records: Vec<Record>,
        /// The end of the log.
        end: u64,
    },
    /// To [`LogCommand::Of`].
    History {
        /// In the order of the log.
        records: Vec<Record>,
        /// Positions of records of this key that cannot be read, of whatever merchant.
        unreadable: Vec<u64>,
        /// The first position whose record is still there.
        first: u64,
    },
    /// To [`LogCommand::CommittedAfter`], if there is a record.
    CommittedAfter(Option<Timestamp>),
    /// To [`LogCommand::Status`].
    LogStatus(LogStatus),
    /// To [`Command::RelayStatus`].
    Relay(RelayStatus),
    /// To [`RelayCommand::Resume`].
    Resumed(Resumed),
    /// To [`RelayCommand::Republish`]; to a repeat, as it is now.
    Republishing(Republication),
    /// To [`IdempotencyCommand::Claim`].
    Claimed(Claimed),
    /// To [`Command::Wake`], once its records are dealt with, to [`Command::Position`], and to an operator's pausing and resuming.
    Position(ConsumerPosition),
    /// To [`ConsumerCommand::DeadLetters`]: those that still wait first, then newest first.
    DeadLetters(Vec<DeadLetter>),
    /// To [`ConsumerCommand::Replay`]: as it is after it was handled.
    Replayed(Box<DeadLetter>),
}

/// Why a command changed nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Rejection {
    /// The stable code.
    pub code: Code,
    /// What exactly, in English, when the code does not say it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Rejection {
    /// A rejection that its code says all of.
    pub const fn new(code: Code) -> Rejection {
        Rejection { code, detail: None }
    }

    /// A rejection with details.
    pub fn with(code: Code, detail: impl Into<String>) -> Rejection {
        Rejection { code, detail: Some(detail.into()) }
    }
}

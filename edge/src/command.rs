//! What actors can be asked, and what they answer. These cross object borders as JSON, so nothing here holds a secret.

use crate::outbox::LogPage;
use crate::topology::Target;
use gyesan_core::api::{Buyer, Line, OrderView, Page, Wallet, WalletTransaction};
use gyesan_core::event::{Event, Fund};
use gyesan_core::id::{MerchantId, OrderId, SellerId};
use gyesan_core::money::Amount;
use gyesan_core::pricing::Funder;
use gyesan_core::problem::Code;
use gyesan_core::time::Timestamp;
use gyesan_core::toss::Refusal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// Of a relay: an operator has seen to the partitions it has stopped, and it is to go on.
    ResumeRelay,
    /// Of anybody: see to what is due. Sent by the cron, in case an alarm was lost.
    Poke,
    /// Of a consumer: where it stands.
    Position,
    /// Of a consumer: an operator's order.
    Consumer(ConsumerCommand),
}

/// Of a consumer: an operator's order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ConsumerCommand {
    /// Handle nothing until further notice.
    Pause {
        /// Why, for other operators.
        reason: String,
    },
    /// Go on after a pause or a stop.
    Resume {
        /// Of a topic: read on from here instead of the stored position.
        position: Option<u64>,
    },
    /// The records put aside.
    DeadLetters,
    /// Handle a record that was put aside.
    Replay {
        /// Its position in the partition.
        position: u64,
    },
}

/// Of an order shard.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum OrderCommand {
    /// Store a priced order.
    Place(Box<NewOrder>),
    /// Call an unpaid order off because another takes its place.
    Close {
        /// Whose.
        merchant_id: MerchantId,
        /// Which.
        order_id: OrderId,
        /// The order that takes its place.
        replaced_by: OrderId,
    },
    /// The buyer came back from the PSP's window, or the merchant's server says so. The reply comes when the outcome is known:
    /// the caller must be ready to give up waiting.
    Confirm {
        /// Whose.
        merchant_id: MerchantId,
        /// Which.
        order_id: OrderId,
        /// The PSP's key of this authentication.
        payment_key: String,
        /// What the caller believes to be the amount; must be the order's.
        amount: Amount,
    },
    /// The buyer came back to the fail URL: noted, nothing else, because anybody can open that URL.
    NoteFailure {
        /// Whose.
        merchant_id: MerchantId,
        /// Which.
        order_id: OrderId,
        /// The PSP's code, as the URL has it.
        code: String,
    },
    /// The order as its owner sees it.
    View {
        /// Whose.
        merchant_id: MerchantId,
        /// Which.
        order_id: OrderId,
    },
    /// An operator wants the PSP asked now.
    Recheck {
        /// Whose.
        merchant_id: MerchantId,
        /// Which.
        order_id: OrderId,
    },
    /// Sellers were credited: facts from the ledger.
    Credited(Vec<CreditedFact>),
    /// What a person has to look at.
    Unresolved,
    /// What was charged and refunded, and what of it is not credited yet.
    Totals,
}

/// A priced order to be stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewOrder {
    /// Whose.
    pub merchant_id: MerchantId,
    /// The caller's id.
    pub order_id: OrderId,
    /// As on the buyer's card statement.
    pub order_name: String,
    /// The priced lines.
    pub lines: Vec<Line>,
    /// Sum of the lines before the coupon.
    pub gross_amount: Amount,
    /// What the coupon takes off.
    pub discount: Amount,
    /// What the buyer pays.
    pub amount: Amount,
    /// The coupon used.
    pub coupon_code: Option<String>,
    /// Who pays for the discount.
    pub funded_by: Funder,
    /// What the caller asked for, in one canonical text: a repeat of the same is the same order. Prices are not in it.
    pub content: String,
    /// Who buys, if the merchant says.
    pub member_id: Option<String>,
    /// Who buys; may be corrected while unpaid.
    pub buyer: Buyer,
    /// Where the merchant wants the buyer back; may be corrected while unpaid.
    pub return_url: Option<String>,
    /// The merchant's notes; may be corrected while unpaid.
    pub metadata: BTreeMap<String, String>,
    /// Who places it: `buyer` (publishable key) or `merchant` (secret key).
    pub placed_by: String,
}

/// What became of [`OrderCommand::Place`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Placed {
    /// It was new, and is stored as it was asked for.
    Created {
        /// How long it can be paid.
        expires_at: Timestamp,
    },
    /// The same order was there already.
    Found(Box<StoredOrder>),
}

/// An order as stored, for the answer to placing it again.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StoredOrder {
    /// The order.
    pub view: OrderView,
    /// Its lines as priced when it was placed.
    pub lines: Vec<Line>,
}

/// One credit of one line, from the ledger.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CreditedFact {
    /// Whose.
    pub merchant_id: MerchantId,
    /// For which order.
    pub order_id: OrderId,
    /// For which line.
    pub payment_order_id: String,
    /// Out of which money.
    pub fund: Fund,
}

/// How a confirmation ended, and no more than a buyer on the way back needs: this is on the path of every payment.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum ConfirmOutcome {
    /// The order is paid (by this or another attempt).
    Paid {
        /// Where the merchant wants the buyer back.
        return_url: Option<String>,
    },
    /// This attempt was refused by the PSP.
    Rejected {
        /// The PSP's code and words.
        refusal: Refusal,
        /// Where the merchant wants the buyer back.
        return_url: Option<String>,
    },
}

/// Of a ledger shard.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum LedgerCommand {
    /// Book transfers; each is booked once however often it is asked for. One result per transfer, in order.
    Apply(Vec<Transfer>),
    /// One seller's wallet.
    Wallet {
        /// Whose seller.
        merchant_id: MerchantId,
        /// Which seller.
        seller_id: SellerId,
    },
    /// One seller's transactions, newest first.
    WalletTransactions {
        /// Whose seller.
        merchant_id: MerchantId,
        /// Which seller.
        seller_id: SellerId,
        /// Only rows before this one (a `nextCursor`).
        before: Option<u64>,
        /// At most so many.
        limit: u32,
    },
    /// The sums over all accounts.
    TrialBalance,
}

/// Money moved from one account to another, within one shard.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Transfer {
    /// Chosen by the caller; the same for every repeat.
    pub id: String,
    /// Whose books.
    pub merchant_id: MerchantId,
    /// Where it comes from.
    pub debit: Account,
    /// Where it goes.
    pub credit: Account,
    /// How much, above zero.
    pub amount: Amount,
    /// For which order.
    pub order_id: OrderId,
    /// For which line.
    pub payment_order_id: String,
    /// Out of which money.
    pub fund: Fund,
    /// The event that caused it.
    pub event_id: String,
}

/// An account of a merchant's books.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// What the PSP holds of the buyers' payments; its debit balance is charges less refunds less payouts.
    PspClearing,
    /// What the merchant spends on discounts that sellers do not bear.
    Promotions,
    /// What a seller is owed.
    Seller(SellerId),
}

/// What became of a transfer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum TransferResult {
    /// Booked now.
    Booked,
    /// Was booked before, with the same content.
    Exists,
    /// Was booked before with other content: nothing was changed. Names the field that differs.
    Differs(String),
    /// Would leave an account outside ±2^53; nothing was changed.
    Overflow,
}

/// Of any shard: its outbox.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum LogCommand {
    /// Records after a position.
    Read {
        /// The last position read.
        after: u64,
        /// At most so many.
        limit: u32,
    },
    /// How far the log goes, and how far its readers are.
    Status,
    /// Everything that happened to one key.
    Of {
        /// Whose.
        merchant_id: MerchantId,
        /// The order id.
        key: String,
    },
}

/// One row of an outbox.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Position in the shard's log, from 1, without gaps.
    pub seq: u64,
    /// What happened.
    pub event: Event,
    /// W3C trace context of the request that caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// New records of a partition, handed over with the wake so that the common case needs no read.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Wake {
    /// Consecutive records; they may begin before or after the consumer's position.
    pub records: Vec<Record>,
    /// The end of the log.
    pub end: u64,
}

/// Of an order shard: remembering answers by idempotency key.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum IdempotencyCommand {
    /// May this request run?
    Claim {
        /// Key holder, route, resource and key.
        scope: String,
        /// Digest of the request's content.
        request: String,
    },
    /// It ran; remember its answer for 24 hours.
    Settle {
        /// As claimed.
        scope: String,
        /// HTTP status.
        status: u16,
        /// The body's text.
        body: String,
    },
    /// It failed on our side; forget the claim, so that a repeat runs.
    Release {
        /// As claimed.
        scope: String,
    },
}

/// The answer to a claim.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Claimed {
    /// Run it.
    New,
    /// It ran before: answer this.
    Replay {
        /// HTTP status.
        status: u16,
        /// The body's text.
        body: String,
    },
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
    /// To [`LogCommand::Read`] and [`LogCommand::Of`].
    Records {
        /// In the order of the log.
        records: Vec<Record>,
        /// The end of the log.
        end: u64,
    },
    /// To [`LogCommand::Status`].
    LogStatus(LogStatus),
    /// To [`Command::RelayStatus`].
    Relay(RelayStatus),
    /// To [`IdempotencyCommand::Claim`].
    Claimed(Claimed),
    /// To [`Command::Wake`], once its records are dealt with, to [`Command::Position`], and to an operator's pausing and resuming.
    Position(ConsumerPosition),
    /// To [`ConsumerCommand::DeadLetters`]: those that still wait first, then newest first.
    DeadLetters(Vec<DeadLetter>),
    /// To [`ConsumerCommand::Replay`]: as it is after it was handled.
    Replayed(Box<DeadLetter>),
}

/// A row for a person to look at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnresolvedRow {
    /// `PAYMENT_UNRESOLVED` or `DUPLICATE_REFUNDED` or `PSP_CONFIGURATION`.
    pub kind: String,
    /// Whose.
    pub merchant_id: MerchantId,
    /// Which order.
    pub order_id: OrderId,
    /// The PSP's key.
    pub payment_key: String,
    /// Why, as a code.
    pub reason: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Whether it still waits for somebody.
    pub open: bool,
}

/// Sums over a shard's orders, in won.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct OrderTotals {
    /// Orders in the shard.
    pub orders: u64,
    /// Everything that the PSP charged for orders that are paid.
    pub charges: i64,
    /// Everything given back of it.
    pub refunds: i64,
    /// What of the charges is on its way to the ledger: sold, and not yet reported as credited.
    pub uncredited: i64,
    /// Attempts whose outcome is not known yet, in won.
    pub in_doubt: i64,
}

/// Sums over a ledger shard's accounts, credit balances positive, in won.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Balances {
    /// Accounts in the shard.
    pub accounts: u64,
    /// Sum of all balances: zero, or the books are wrong.
    pub sum: i64,
    /// Debit balance of PSP clearing.
    pub psp_clearing: i64,
    /// Debit balance of promotions.
    pub promotions: i64,
    /// Credit balance of all sellers.
    pub sellers: i64,
    /// What the transfers in the shard's history add up to per account, less its stored balance: zero, or the books are wrong.
    pub drift: i64,
}

/// How far a log goes, and how far its readers are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogStatus {
    /// The last position.
    pub end: u64,
    /// When the oldest record was committed that a reader has not taken over.
    pub oldest_pending: Option<Timestamp>,
    /// Records that a reader has not taken over.
    pub pending: u64,
}

/// How far a relay is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelayStatus {
    /// For each log that it publishes.
    pub sources: Vec<RelaySource>,
    /// Frozen batches that the brokers have not acknowledged yet.
    pub in_flight_batches: u64,
    /// Partitions that nothing is published to until a person has looked at them, and why.
    pub stopped: Vec<StoppedPartition>,
}

/// How far a relay is in one log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelaySource {
    /// Whose log.
    pub source: Target,
    /// The last position that is frozen: whatever happens, the relay publishes it.
    pub taken_over: u64,
    /// The last position up to which everything is acknowledged by the brokers.
    pub published: u64,
}

/// A partition that a relay has stopped.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoppedPartition {
    /// `topic/partition`.
    pub partition: String,
    /// Why, as a sentence.
    pub reason: String,
}

/// Where a consumer stands in its partition.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerPosition {
    /// The last position whose effects are done; of a topic, the next one to be read. Either way that many records are
    /// behind it, if none were deleted.
    pub position: u64,
    /// Records that could not be handled and wait for an operator.
    pub dead_letters: u64,
    /// Of a topic: its high watermark when it was last read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// Whether an operator has paused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Halt>,
    /// Whether it has stopped by itself, because going on would be guessing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Halt>,
}

/// Why a consumer handles nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Halt {
    /// Since when.
    pub since: Timestamp,
    /// Why, as a sentence.
    pub reason: String,
}

/// A record that could not be handled.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Where it lies in the partition.
    pub position: u64,
    /// What it says, if that could be read.
    pub event: Option<Event>,
    /// Its value in base64, if it could not; what is beyond 256 KiB is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_base64: Option<String>,
    /// Why it could not be handled, the last time.
    pub reason: String,
    /// How often it was tried.
    pub tries: u32,
    /// When it was put aside.
    pub created_at: Timestamp,
    /// When it was handled after all.
    pub replayed_at: Option<Timestamp>,
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

//! The ledger shard: accounts, transfers between them, and the sellers' wallets.
//!
//! It is called by the wallets consumer (apply) and by routes (wallets, trial balance). A transfer is booked within one
//! shard: the seller's shard has its own PSP clearing and promotions accounts, and the sums over all shards are the books.

mod books;

use crate::actor::{Actor, Fault, Input, Turn};
use crate::alarm::Alarm;
use crate::command::{Command, LedgerCommand, Rejection, Reply, TransferResult};
use crate::migration;
use crate::outbox::Outbox;
use crate::sql::{Sql, SqlError};
use crate::topology::Target;
use gyesan_core::problem::Code;

/// One ledger shard.
pub struct LedgerShard {
    outbox: Outbox,
    alarm: Alarm,
}

impl LedgerShard {
    /// The shard as stored. `keep_ms` is how long published events are kept.
    ///
    /// # Errors
    /// A failure of the database.
    pub fn open(
        index: u32,
        readers: Vec<Target>,
        keep_ms: Option<i64>,
        sql: &dyn Sql,
    ) -> Result<LedgerShard, SqlError> {
        migration::apply(sql, migration::LEDGER_SHARD)?;
        let outbox = Outbox::open(sql, Target::Ledger(index), readers, keep_ms)?;
        Ok(LedgerShard { outbox, alarm: Alarm::default() })
    }

    fn apply(&mut self, turn: &mut Turn<'_>, input: Input) -> Result<(), Fault> {
        match input {
            Input::Command { token, command, trace } => {
                let reply = self.command(turn, command, trace.as_deref())?;
                turn.reply(token, reply);
            }
            Input::CallAnswered { id, result } => self.outbox.answered(turn, id, result)?,
            Input::Alarm => self.alarm.went_off(),
            Input::PspAnswered { .. }
            | Input::Due(_)
            | Input::Socket(_)
            | Input::Tick
            | Input::LogRead { .. }
            | Input::HttpAnswered { .. }
            | Input::QueryAnswered { .. } => {}
        }
        Ok(())
    }

    fn command(
        &mut self,
        turn: &mut Turn<'_>,
        command: Command,
        trace: Option<&str>,
    ) -> Result<Reply, Fault> {
        match command {
            Command::Ledger(LedgerCommand::Apply(transfers)) => {
                let mut results = Vec::with_capacity(transfers.len());
                for transfer in &transfers {
                    results.push(match books::check(turn.sql, transfer)? {
                        Some(result) => result,
                        None => {
                            let posted = books::book(turn, transfer)?;
                            if let Some(event) = posted {
                                self.outbox.append(turn, &transfer.merchant_id, event, trace)?;
                            }
                            TransferResult::Booked
                        }
                    });
                }
                Ok(Reply::Applied(results))
            }
            Command::Ledger(LedgerCommand::Wallet { merchant_id, seller_id }) => {
                Ok(Reply::Wallet(books::wallet(turn.sql, &merchant_id, &seller_id)?))
            }
            Command::Ledger(LedgerCommand::WalletTransactions { merchant_id, seller_id, before, limit }) => {
                Ok(Reply::Transactions(books::transactions(
                    turn.sql,
                    &merchant_id,
                    &seller_id,
                    before,
                    limit,
                )?))
            }
            Command::Ledger(LedgerCommand::TrialBalance) => Ok(Reply::Balances(books::balances(turn.sql)?)),
            Command::Log(command) => self.outbox.answer(turn.sql, &command),
            Command::Poke => Ok(Reply::Done),
            Command::Order(_)
            | Command::Idempotency(_)
            | Command::Wake(_)
            | Command::Position
            | Command::Appended { .. }
            | Command::Consumer(_)
            | Command::RelayStatus
            | Command::Relay(_) => {
                Err(Rejection::with(Code::Internal, "not a command for a ledger shard").into())
            }
        }
    }
}

impl Actor for LedgerShard {
    fn handle(&mut self, turn: &mut Turn<'_>, input: Input) -> Result<(), Fault> {
        let mark = self.outbox.mark();
        let result = self.apply(turn, input);
        if result.is_err() {
            self.outbox.go_back(mark);
        }
        result
    }

    fn finish(&mut self, turn: &mut Turn<'_>) -> Result<(), Fault> {
        self.outbox.finish(turn)?;
        let due = self.outbox.next_due(turn.now);
        self.alarm.wish(turn, due);
        Ok(())
    }
}

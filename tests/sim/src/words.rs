//! Inputs, commands and answers in a few words, for the timeline.

use gyesan_core::toss::Answer;
use gyesan_edge::actor::{CallFault, Input};
use gyesan_edge::command::{Command, ConfirmOutcome, LedgerCommand, LogCommand, OrderCommand, Reply};

/// An input; a poke is not worth a line.
pub fn input(input: &Input) -> Option<String> {
    Some(match input {
        Input::Command { command: Command::Poke, .. } => return None,
        Input::Command { token, command, .. } => format!("#{token} {}", self::command(command)),
        Input::PspAnswered { id, answer } => {
            let said = match answer {
                Answer::Payment(payment) => format!("{:?}", payment.status),
                Answer::Error { http_status, refusal } => format!("{http_status} {}", refusal.code),
                Answer::Nothing { why } => format!("nothing ({why})"),
            };
            format!("PSP on {} attempt {} call {}: {said}", id.order_id, id.attempt, id.call)
        }
        Input::CallAnswered { id, result } => format!("answer to its call {id}: {}", answer(result)),
        Input::Alarm => "its alarm".into(),
        Input::Socket(_) | Input::Tick | Input::LogRead { .. } | Input::HttpAnswered { .. } => return None,
        Input::Due(work) => format!("{} rows are due", work.len()),
    })
}

/// A command.
pub fn command(command: &Command) -> String {
    match command {
        Command::Order(OrderCommand::Place(order)) => {
            format!("place {} of {} won", order.order_id, order.amount.minor())
        }
        Command::Order(OrderCommand::Confirm { order_id, payment_key, amount, .. }) => {
            format!("confirm {order_id} by {payment_key} with {} won", amount.minor())
        }
        Command::Order(OrderCommand::Close { order_id, .. }) => format!("close {order_id}"),
        Command::Order(OrderCommand::Recheck { order_id, .. }) => format!("recheck {order_id}"),
        Command::Order(OrderCommand::View { order_id, .. }) => format!("view {order_id}"),
        Command::Order(OrderCommand::NoteFailure { order_id, .. }) => format!("note a failure of {order_id}"),
        Command::Order(OrderCommand::Credited(facts)) => format!("{} credits were booked", facts.len()),
        Command::Ledger(LedgerCommand::Apply(transfers)) => {
            let won: i64 = transfers.iter().map(|transfer| transfer.amount.minor()).sum();
            format!("book {} transfers of {won} won", transfers.len())
        }
        Command::Wake(wake) => format!("wake: {} records, the end is {}", wake.records.len(), wake.end),
        Command::Log(LogCommand::Read { after, .. }) => format!("read the log after {after}"),
        Command::Poke => "poke".into(),
        other => format!("{other:?}").chars().take(100).collect(),
    }
}

/// What came of a call.
fn answer(result: &Result<Reply, CallFault>) -> String {
    match result {
        Ok(Reply::Position(place)) => format!("position {}", place.position),
        Ok(Reply::Records { records, end }) => format!("{} records, the end is {end}", records.len()),
        Ok(Reply::Applied(results)) => format!("{results:?}"),
        Ok(Reply::Confirmed(ConfirmOutcome::Paid { .. })) => "paid".into(),
        Ok(reply) => format!("{reply:?}").chars().take(100).collect(),
        Err(CallFault::Lost) => "lost".into(),
        Err(CallFault::Rejected(rejection)) => format!("rejected, {}", rejection.code.as_str()),
    }
}

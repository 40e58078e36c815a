//! Inputs, commands and answers in a few words, for the timeline.

use gyesan_core::toss::Answer;
use gyesan_edge::actor::{CallFault, Input};
use gyesan_edge::command::{Command, ConfirmOutcome, LedgerCommand, LogCommand, OrderCommand, Reply};
use gyesan_edge::native::Database;
use gyesan_edge::sql::{Row, Sql};
use gyesan_edge::topology::Target;

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
        Input::LogRead { source, page, .. } => match page {
            Some(page) => format!("{} records of {}", page.entries().count(), source.name()),
            None => format!("no page of {}", source.name()),
        },
        Input::Socket(_) | Input::Tick | Input::HttpAnswered { .. } => return None,
        Input::QueryAnswered { result: Ok(rows), .. } => format!("the query database answers: {rows:?}"),
        Input::QueryAnswered { result: Err(error), .. } => format!("the query database: {error}"),
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
        Command::Appended { source, end, .. } => format!("{} ends at {end}", source.name()),
        Command::Poke => "poke".into(),
        other => format!("{other:?}").chars().take(100).collect(),
    }
}

/// A request to a broker, if it is worth a line: a frozen batch, a question about what is written, a position.
pub fn request(from: Target, frame: &[u8], database: &Database) -> Option<String> {
    let key = i16::from_be_bytes(*frame.get(4..6)?.first_chunk::<2>()?);
    Some(match (key, from) {
        (PRODUCE, _) => batch_in(frame, database),
        (FETCH, Target::Relay(_)) => "reads back what is written".into(),
        (INIT_PRODUCER_ID, _) => "asks for a producer id".into(),
        (DESCRIBE_PRODUCERS, _) => "asks what is remembered of it".into(),
        (LIST_OFFSETS, _) => "asks where a partition begins or ends".into(),
        (OFFSET_COMMIT, _) => "tells its group's position".into(),
        _ => return None,
    })
}

/// Numbers of requests in Kafka's protocol.
const PRODUCE: i16 = 0;
const FETCH: i16 = 1;
const LIST_OFFSETS: i16 = 2;
const OFFSET_COMMIT: i16 = 8;
const INIT_PRODUCER_ID: i16 = 22;
const DESCRIBE_PRODUCERS: i16 = 61;

/// The frozen batch that is sent, as the relay's database has it.
fn batch_in(frame: &[u8], database: &Database) -> String {
    let frozen = database.query("SELECT topic, partition, base_sequence, count, bytes FROM frozen", &[]);
    let is_in = |row: &&Row| {
        let batch = row.blob(4).unwrap();
        frame.windows(batch.len()).any(|window| window == batch)
    };
    match frozen.unwrap_or_default().iter().find(is_in) {
        Some(row) => {
            let (topic, partition) = (row.text(0).unwrap(), row.int(1).unwrap());
            let (number, count) = (row.int(2).unwrap(), row.int(3).unwrap());
            format!("sends {topic}/{partition} #{number}, {count} records")
        }
        None => "sends a batch that is not stored".into(),
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

//! Handling a record that was put aside once more, because an operator asks for it. The record keeps its place in the list,
//! marked with the time, so that it can still be explained later.

use super::batch::words;
use super::handling::{Batch, Content, Handling, Item};
use super::store;
use crate::actor::{CallFault, CallId, Effect, Fault, Token, Turn};
use crate::command::{Rejection, Reply};
use crate::query;
use crate::sql::{Row, SqlError};
use bytes::Bytes;
use gyesan_core::problem::Code;

/// A replay whose calls are under way.
pub struct Replay {
    token: Token,
    position: u64,
    batch: Batch,
}

impl Handling {
    /// Handles a record that was put aside once more, and answers when it is known what became of it. `decode` reads a value that was
    /// no event then; `None`: it is one now, and this consumer has nothing to do with it.
    ///
    /// # Errors
    /// `NOT_FOUND`; a failure of the database.
    pub fn replay(
        &mut self,
        turn: &mut Turn<'_>,
        token: Token,
        position: u64,
        decode: impl FnOnce(Bytes) -> Option<Content>,
    ) -> Result<(), Fault> {
        let Some((letter, value)) = store::dead_letter(turn.sql, position)? else {
            return Err(Rejection::with(Code::NotFound, "there is no such dead letter").into());
        };
        if letter.replayed_at.is_some() {
            turn.reply(token, Reply::Replayed(Box::new(letter)));
            return Ok(());
        }
        let content = match letter.event {
            Some(event) => Some(Content::Event(Box::new(event))),
            None => decode(value.unwrap_or_default()),
        };
        let items = content.map(|content| Item { place: position, after: position, content, record: None });
        let items = items.into_iter().collect();
        let batch = match self.projecting {
            Some(_) => self.project_again(turn, items)?,
            None => self.begin(turn, items),
        };
        let replay = Replay { token, position, batch };
        match replay.batch.open.is_empty() {
            true => self.finish_replay(turn, &replay)?,
            false => self.replays.push(replay),
        }
        Ok(())
    }

    /// Takes an answer to a call of a replay. False when it is not one.
    pub(super) fn replay_answered(
        &mut self,
        turn: &mut Turn<'_>,
        id: CallId,
        result: &Result<Reply, CallFault>,
    ) -> Result<bool, SqlError> {
        let Some(at) = self.replays.iter().position(|replay| replay.batch.open.contains(&id)) else {
            return Ok(false);
        };
        let mut replay = self.replays.swap_remove(at);
        match result {
            Ok(reply) => replay.batch.note(id, reply),
            Err(CallFault::Rejected(refusal)) if refusal.code != Code::ServiceUnavailable => {
                replay.batch.refused.push((replay.position, words(refusal)));
                replay.batch.open.clear();
            }
            Err(_) => {
                // Whether it happened is not known: the record waits on, and a repeat does no harm.
                let rejection =
                    Rejection::with(Code::ServiceUnavailable, "no answer from where its effects are");
                turn.push(Effect::Reply { token: replay.token, result: Err(rejection) });
                return Ok(true);
            }
        }
        match replay.batch.open.is_empty() {
            true => self.finish_replay(turn, &replay)?,
            false => self.replays.push(replay),
        }
        Ok(true)
    }

    /// The same for an answer of the query database.
    pub(super) fn replay_queried(
        &mut self,
        turn: &mut Turn<'_>,
        id: CallId,
        result: &Result<Vec<Row>, SqlError>,
    ) -> Result<bool, SqlError> {
        let result = match result {
            Ok(_) => Ok(Reply::Done),
            Err(error) if query::is_refusal(error) => {
                Err(CallFault::Rejected(Rejection::with(Code::Internal, error.to_string())))
            }
            Err(_) => Err(CallFault::Lost),
        };
        self.replay_answered(turn, id, &result)
    }

    fn finish_replay(&mut self, turn: &mut Turn<'_>, replay: &Replay) -> Result<(), SqlError> {
        let result = match replay.batch.refused.first() {
            Some((_, reason)) => {
                store::refused_again(turn.sql, replay.position, reason)?;
                Err(Rejection::with(Code::ReplayFailed, reason.clone()))
            }
            None => {
                store::replayed(turn.sql, replay.position, turn.now)?;
                let letter = store::dead_letter(turn.sql, replay.position)?;
                letter
                    .map(|(letter, _)| Reply::Replayed(Box::new(letter)))
                    .ok_or_else(|| Rejection::new(Code::NotFound))
            }
        };
        self.dead_letters = store::count_waiting(turn.sql)?;
        turn.push(Effect::Reply { token: replay.token, result });
        Ok(())
    }
}

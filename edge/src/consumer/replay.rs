//! Handling a record that was put aside once more, because an operator asks for it. The record keeps its place in the list,
//! marked with the time, so that it can still be explained later.

use super::handling::{Batch, Content, Handling, Item, words};
use super::store;
use crate::actor::{CallFault, CallId, Effect, Fault, Token, Turn};
use crate::command::{Rejection, Reply};
use crate::sql::SqlError;
use gyesan_core::problem::Code;

/// A replay whose calls are under way.
pub struct Replay {
    token: Token,
    batch: Batch,
}

impl Handling {
    /// Handles a record again, and answers when it is known what became of it.
    ///
    /// # Errors
    /// A failure of the database.
    pub fn replay(&mut self, turn: &mut Turn<'_>, token: Token, item: Item) -> Result<(), SqlError> {
        let replay = Replay { token, batch: self.begin(turn, vec![item]) };
        if replay.batch.open.is_empty() {
            return self.finish_replay(turn, &replay);
        }
        self.replays.push(replay);
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
                let reason = words(refusal);
                replay
                    .batch
                    .refused
                    .extend(replay.batch.items.iter().map(|item| (item.place, reason.clone())));
                replay.batch.open.clear();
            }
            Err(_) => {
                // Whether it happened is not known: the record waits on, and a repeat does no harm.
                let rejection = Rejection::with(Code::ServiceUnavailable, "no answer from a shard");
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

    fn finish_replay(&mut self, turn: &mut Turn<'_>, replay: &Replay) -> Result<(), SqlError> {
        let Some(place) = replay.batch.items.first().map(|item| item.place) else { return Ok(()) };
        if let Some((_, reason)) = replay.batch.refused.first() {
            store::refused_again(turn.sql, place, reason)?;
            let rejection = Rejection::with(Code::ReplayFailed, reason.clone());
            turn.push(Effect::Reply { token: replay.token, result: Err(rejection) });
            return Ok(());
        }
        store::replayed(turn.sql, place, turn.now)?;
        self.dead_letters = store::count_waiting(turn.sql)?;
        if let Some((letter, _)) = store::dead_letter(turn.sql, place)? {
            turn.reply(replay.token, Reply::Replayed(Box::new(letter)));
        }
        Ok(())
    }

    /// Begins the replay of a record put aside; `decode` reads a value that was no event then.
    ///
    /// # Errors
    /// `NOT_FOUND`; a failure of the database.
    pub fn replay_stored(
        &mut self,
        turn: &mut Turn<'_>,
        token: Token,
        position: u64,
        decode: impl FnOnce(bytes::Bytes) -> Content,
    ) -> Result<(), Fault> {
        let Some((letter, value)) = store::dead_letter(turn.sql, position)? else {
            return Err(Rejection::with(Code::NotFound, "there is no such dead letter").into());
        };
        if letter.replayed_at.is_some() {
            turn.reply(token, Reply::Replayed(Box::new(letter)));
            return Ok(());
        }
        let content = match (letter.event, value) {
            (Some(event), _) => Content::Event(Box::new(event)),
            (None, value) => decode(value.unwrap_or_default()),
        };
        Ok(self.replay(turn, token, Item { place: position, after: position, content })?)
    }
}

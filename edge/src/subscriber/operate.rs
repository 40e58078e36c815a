//! What an operator can tell a consumer of a topic.

use super::{Subscriber, decoding};
use crate::actor::{Fault, Token, Turn};
use crate::command::{ConsumerCommand, Rejection, Reply};
use crate::consumer::store;
use gyesan_core::problem::Code;

impl Subscriber {
    /// Does what an operator orders.
    pub(super) fn order(
        &mut self,
        turn: &mut Turn<'_>,
        token: Token,
        order: ConsumerCommand,
    ) -> Result<(), Fault> {
        match order {
            ConsumerCommand::Pause { reason } => {
                if self.handling.paused.is_none() {
                    self.handling.pause(turn, reason)?;
                    self.give_up(turn.now);
                }
                turn.reply(token, Reply::Position(self.place()));
            }
            ConsumerCommand::Resume { position } => {
                self.resume(turn, position)?;
                turn.reply(token, Reply::Position(self.place()));
            }
            ConsumerCommand::Rebuild => {
                self.rebuild(turn)?;
                turn.reply(token, Reply::Position(self.place()));
            }
            ConsumerCommand::DeadLetters => {
                turn.reply(token, Reply::DeadLetters(store::dead_letters(turn.sql)?));
            }
            ConsumerCommand::Replay { position } => {
                let (subscription, registrar) = (self.handling.subscription, &self.registrar);
                let decode = |value| decoding::content(subscription, registrar, None, value);
                self.handling.replay(turn, token, position, decode)?;
            }
        }
        Ok(())
    }

    /// Goes on after a pause or a stop. Where the position means nothing any more, an operator must say where.
    fn resume(&mut self, turn: &mut Turn<'_>, position: Option<u64>) -> Result<(), Fault> {
        if !self.handling.is_halted() {
            return match position {
                None => Ok(()),
                Some(_) => {
                    let why = "it is neither paused nor stopped: pause it before moving its position";
                    Err(Rejection::with(Code::InvalidValue, why).into())
                }
            };
        }
        if self.position_in_doubt && position.is_none() {
            let reason = self.handling.stopped.as_ref().map_or("", |stopped| stopped.reason.as_str());
            let why = format!("`position`: where to read on, because it has stopped: {reason}");
            return Err(Rejection::with(Code::Required, why).into());
        }
        let was_stopped = self.handling.stopped.is_some();
        if was_stopped {
            // An operator has looked at the topic: it is the right one from now on.
            store::save_topic(turn.sql, None)?;
        }
        self.handling.resume(turn, position)?;
        self.topic = self.topic.take().filter(|_| !was_stopped);
        self.position_in_doubt = false;
        self.end = self.end.max(self.handling.position.unwrap_or(0));
        self.give_up(turn.now);
        self.look_after(turn)
    }

    /// Its read model was emptied: it reads the topic that there is now from its beginning, unless an operator has paused it.
    fn rebuild(&mut self, turn: &mut Turn<'_>) -> Result<(), Fault> {
        let was_stopped = self.handling.stopped.is_some();
        if was_stopped {
            store::save_topic(turn.sql, None)?;
            store::save_stop(turn.sql, None, false)?;
        }
        self.handling.begin_anew(turn)?;
        self.handling.stopped = None;
        self.topic = self.topic.take().filter(|_| !was_stopped);
        self.position_in_doubt = false;
        self.give_up(turn.now);
        self.look_after(turn)
    }
}

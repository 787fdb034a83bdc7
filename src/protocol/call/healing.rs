//! How a call resumes a broken stream: by another attempt with another body.

use bytes::Bytes;

use super::items::Items;
use super::machine::{Machine, State};
use crate::base::{Error, ErrorCode, ErrorKind, Text, Time};
use crate::protocol::resume::joint::{Ask, Break, Decision, Joint, reason};
use crate::protocol::resume::{Resume, ResumeAction, ResumeEvent};

/// A stream that can be resumed.
pub(super) struct Healing {
    joint: Joint,
    /// The body of the request as it was first sent.
    body: Option<Bytes>,
    /// The error of the last break, until the stream has been resumed.
    broke: Option<Error>,
}

impl Healing {
    /// The request must not have been sent.
    pub(super) fn new(resume: Resume, body: Option<Bytes>) -> Self {
        Healing { joint: Joint::new(resume), body, broke: None }
    }

    fn ask(&self, items: &dyn Items) -> Result<Ask, ErrorCode> {
        self.body.as_ref().map_or(Err(ErrorCode::NotResumable), |body| items.ask(body))
    }
}

/// The relation of an item to the joined stream.
pub(super) enum Joined {
    Item,
    Nothing,
    /// It does not belong to the earlier parts.
    Apart(ErrorCode),
}

impl Machine {
    /// Adds the item in its place to the joined stream.
    pub(super) fn join(&mut self, items: &mut dyn Items) -> Joined {
        let Some(Healing { joint, broke, .. }) = self.healing.as_deref_mut() else { return Joined::Item };
        let Some(piece) = items.piece() else { return Joined::Item };
        if let Err(code) = joint.see(&piece) {
            return Joined::Apart(code);
        }
        *broke = None;
        if !joint.is_resumed() {
            items.taken();
            return Joined::Item;
        }
        if items.join() { Joined::Item } else { Joined::Nothing }
    }

    /// Drops a part that does not belong to the earlier ones.
    pub(super) fn part(&mut self, now: Time, code: ErrorCode, items: &mut dyn Items) {
        let words = reason(&code);
        let error = Error::new(ErrorKind::Decode, code.clone(), words.strip_prefix("not resumed: ").unwrap_or(words));
        let error = self.cleaned(self.answered(error));
        self.release(now, None);
        items.dropped();
        let decision = match &self.healing {
            Some(healing) => healing.joint.decide_apart(code, self.broke(now, &error), || healing.ask(items)),
            None => Decision::Pass,
        };
        self.carry_out(now, error, decision, items);
    }

    /// An attempt failed finally: resumes the stream, or ends the call.
    pub(super) fn heal_or_end(&mut self, now: Time, error: Error, items: &mut dyn Items) {
        let decision = match &self.healing {
            Some(healing) => healing.joint.decide(self.broke(now, &error), || healing.ask(items)),
            None => Decision::Pass,
        };
        self.carry_out(now, error, decision, items);
    }

    /// A policy rejected the next attempt.
    pub(super) fn note_refusal(&mut self, refusal: &Error) {
        if self.record.resumes > 0 {
            self.record.not_resumed = Some(Text::from(refusal.code().as_str()));
        }
    }

    fn broke<'a>(&self, now: Time, error: &'a Error) -> Break<'a> {
        Break {
            error,
            answered: self.answer.as_ref().is_some_and(|(status, _)| status.is_success()),
            elsewhere: self.shared.elsewhere(&self.want, now),
            random: self.shared.random(),
        }
    }

    fn carry_out(&mut self, now: Time, error: Error, decision: Decision, items: &mut dyn Items) {
        let Some(Healing { joint, body, broke }) = self.healing.as_deref_mut() else {
            return self.end(now, Err(error));
        };
        if !items.can_join() {
            return match decision {
                Decision::Pass => self.end(now, Err(error)),
                _ => self.refuse(now, error, ErrorCode::NotResumable),
            };
        }
        match decision {
            Decision::Pass => self.end(now, Err(error)),
            Decision::Refuse(code) => self.refuse(now, error, code),
            Decision::Complete => {
                self.report(&error, ResumeAction::Completed);
                self.end(now, Ok(()));
            }
            Decision::Length => {
                self.report(&error, ResumeAction::Length);
                let result = match items.part() {
                    Some(item) => self.hook_item(now, item),
                    None => Ok(()),
                };
                match result {
                    Ok(()) => self.record.items += 1,
                    Err(_) => items.drop_parting(),
                }
                self.end(now, result);
            }
            Decision::Again { wait, rest } => {
                if self.deadline.is_some_and(|deadline| now + wait >= deadline)
                    || self.first_by.is_some_and(|by| now + wait >= by)
                {
                    return self.refuse(now, error, ErrorCode::TimeoutTotal);
                }
                let rest = match (rest, &*body) {
                    (Some(way), Some(body)) => items.rest(body, joint.tokens(), way).map(Some),
                    (_, body) => Ok(body.clone()),
                };
                match rest {
                    Ok(_) if !self.shared.take_retry() => {
                        self.refuse(now, error, ErrorCode::RetryBudgetUsedUp);
                    }
                    Ok(rest) => {
                        joint.next_part();
                        items.next_part();
                        broke.get_or_insert_with(|| error.clone());
                        self.operation.body = rest;
                        self.go_on(now, error, wait);
                    }
                    Err(code) => self.refuse(now, error, code),
                }
            }
        }
    }

    /// Starts the next part.
    fn go_on(&mut self, now: Time, error: Error, wait: std::time::Duration) {
        if !self.shared.elsewhere(&self.want, now) {
            // All have been tried: allows any but the one that failed last.
            self.want.tried = 1 << self.at;
        }
        let closed = self.close_attempt(now, Some(error.code().as_str()), Some(wait), Some(&error));
        self.record.resumes += 1;
        self.report(&error, ResumeAction::Resumed { wait });
        self.rekeyed = false;
        match closed {
            Ok(()) => self.state = State::Ready { not_before: Some(now + wait) },
            Err(veto) => self.end(now, Err(veto)),
        }
        self.last = Some(error);
    }

    /// Ends with the error of the break, and the reason why it was not resumed.
    fn refuse(&mut self, now: Time, error: Error, code: ErrorCode) {
        self.report(&error, ResumeAction::Refused { code: code.clone() });
        self.record.not_resumed = Some(Text::from(code.as_str()));
        // The break is the error, not a server that cannot be reached, rejects the rest, or has another model.
        let broke = self.healing.as_mut().and_then(|healing| healing.broke.take());
        if let Err(veto) = self.close_attempt(now, Some(error.code().as_str()), None, Some(&error)) {
            return self.end(now, Err(veto));
        }
        let error = match error.kind() {
            ErrorKind::Connect | ErrorKind::Server | ErrorKind::Decode => broke.unwrap_or(error),
            _ => error,
        };
        self.end(now, Err(error.with_remark(reason(&code))));
    }

    fn report(&self, error: &Error, action: ResumeAction) {
        if let Some(healing) = &self.healing {
            let (items, resumes) = (self.record.items, healing.joint.resumes());
            healing.joint.resume().report(&ResumeEvent { error, action, items, resumes });
        }
    }
}

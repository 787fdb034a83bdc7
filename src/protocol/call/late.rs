//! The deadlines of a whole call, and the errors of those that pass.

use super::items::Items;
use super::machine::{Machine, earlier};
use crate::base::{Advice, Error, ErrorCode, ErrorKind, Phase, Remedy, Time};

impl Machine {
    /// Sets the deadlines of the whole call.
    pub(super) fn start_clock(&mut self, now: Time) {
        self.deadline = self.operation.timeouts.total.map(|total| now + total);
        self.first_by = self.operation.timeout.map(|limit| now + limit);
    }

    /// The latest time until which the call waits.
    pub(super) fn end_by(&self) -> Option<Time> {
        earlier(self.deadline, self.first_by)
    }

    /// The phase whose deadline has passed while nothing was in flight.
    pub(super) fn late_before(&self, now: Time, items: &dyn Items) -> Option<Phase> {
        let passed = |at: Option<Time>| at.is_some_and(|at| now >= at);
        match passed(self.deadline) {
            true => Some(Phase::Total),
            false => passed(self.first_by).then(|| first_phase(items)),
        }
    }

    /// The error of a deadline that passed. The hint names the setting that set the deadline.
    pub(super) fn late(&self, now: Time, phase: Phase) -> Error {
        macro_rules! raise {
            ($setting:literal, $end:literal) => {
                concat!("raise {setting:", $setting, "} if ", $end)
            };
        }
        macro_rules! hints {
            ($setting:literal, $end:literal) => {
                [raise!($setting, $end), raise!("options.timeout", $end)]
            };
        }
        let of_total = phase == Phase::Total && self.deadline.is_some_and(|at| now >= at);
        let timeout = self.operation.timeout.filter(|_| !of_total);
        let timeouts = &self.operation.timeouts;
        let (code, limit, what, [hint, hint_of_timeout]) = match phase {
            Phase::Head => (
                ErrorCode::TimeoutHead,
                timeouts.head,
                "no response",
                hints!("timeouts.head", "such waits are expected"),
            ),
            Phase::FirstItem => (
                ErrorCode::TimeoutFirstItem,
                timeouts.first_item,
                "no first item",
                hints!("timeouts.first_item", "prompts take that long"),
            ),
            Phase::Idle => (
                ErrorCode::TimeoutIdle,
                timeouts.idle,
                "no data (keep-alive comments do not count)",
                [
                    concat!(
                        "the server may have lost the generation, as when its model is unloaded; ",
                        raise!("timeouts.idle", "such silences are expected")
                    ),
                    concat!(
                        "the server may have lost the generation, as when its model is unloaded; ",
                        raise!("options.timeout", "such silences are expected")
                    ),
                ],
            ),
            Phase::Total if self.operation.has_total => (
                ErrorCode::TimeoutTotal,
                timeouts.total,
                "the call did not finish",
                hints!("options.total", "such calls are expected"),
            ),
            Phase::Total => (
                ErrorCode::TimeoutTotal,
                timeouts.total,
                "the call did not finish",
                hints!("timeouts.total", "such calls are expected"),
            ),
        };
        let hint = if timeout.is_some() { hint_of_timeout } else { hint };
        let limit = timeout.or(limit).unwrap_or_default();
        Error::new(ErrorKind::Timeout, code, [what, " within ", &super::failures::span(limit)].concat())
            .with_phase(phase)
            .with_advice(Advice::new(Remedy::Raise, hint))
    }
}

/// The phase until the first item. A whole response is one item.
pub(super) fn first_phase(items: &dyn Items) -> Phase {
    if items.is_whole() { Phase::Total } else { Phase::FirstItem }
}

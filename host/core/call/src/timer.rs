//! Time: what is due when.

use std::time::Instant;

use crate::{Call, Cause, Effect, Side, limit};

impl Call {
    /// When [`Call::handle_timeout`] is to be called next; none when the call waits for inputs only.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.is_finished() {
            return None;
        }
        let requests = self.pending.iter().filter_map(|pending| pending.deadline);
        let dials = self.dials.iter().filter_map(|dial| dial.deadline());
        let unanswered = self.legs.iter().filter_map(unanswered_until);
        let whole = self.legs.iter().any(|leg| leg.is_live()).then(|| self.ends_at());
        let runs = self.legless.map(|since| since + limit::RUN_AFTER_LEGS);
        requests.chain(dials).chain(unanswered).chain(whole).chain(runs).min()
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.is_finished() {
            return;
        }
        while let Some(at) = self.pending.iter().position(|pending| pending.deadline.is_some_and(|at| at <= now)) {
            self.pending_due(now, at);
        }
        while let Some(id) =
            self.dials.iter().find(|dial| dial.deadline().is_some_and(|at| at <= now)).map(|dial| dial.id)
        {
            self.dial_due(now, id);
        }
        while let Some(id) =
            self.legs.iter().find(|leg| unanswered_until(leg).is_some_and(|at| at <= now)).map(|leg| leg.id)
        {
            self.release(now, id, Cause::NO_ANSWER, Side::Host);
        }
        if self.ends_at() <= now {
            let live: Vec<_> = self.legs.iter().filter(|leg| leg.is_live()).map(|leg| leg.id).collect();
            for id in live {
                self.release(now, id, Cause::NORMAL_UNSPECIFIED, Side::Host);
            }
        }
        if self.legless.is_some_and(|since| since + limit::RUN_AFTER_LEGS <= now) {
            self.end_runs();
        }
        self.settle(now);
    }

    /// The runs had their time after the last leg.
    fn end_runs(&mut self) {
        for at in 0..self.legs.len() {
            let leg = &mut self.legs[at];
            if leg.run == crate::leg::Run::Running {
                let leg = leg.id;
                self.emit(Effect::EndRoute { leg });
            }
        }
    }

    fn ends_at(&self) -> Instant {
        self.began + self.config.max_duration.unwrap_or(limit::CALL).min(limit::CALL)
    }
}

/// Until when an inbound leg may stay unanswered (C3).
fn unanswered_until(leg: &crate::leg::Leg) -> Option<Instant> {
    let waits = leg.is_live() && leg.direction == crate::Direction::Inbound && leg.answered.is_none();
    waits.then(|| leg.began + limit::UNANSWERED)
}

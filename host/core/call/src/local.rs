//! Extensions that are dialled like parties (`Local/exten@context`).
//!
//! A local leg has nobody at it. Once something real answers behind it, it steps aside: a leg that its run dialled takes its
//! place in the outer dial; if its run itself answered (an application), the outer caller hears what is played to it.

use std::time::Instant;

use crate::dial::{Phase, Purpose};
use crate::{Call, Cause, DialId, DialStatus, LegId, Side, limit};

impl Call {
    /// The leg whose party hears what is done to a leg: itself, or who dialled an answered local leg; none before that.
    pub(crate) fn ear(&self, id: LegId) -> Option<LegId> {
        let leg = self.leg(id)?;
        if leg.is_local() { leg.alias.filter(|alias| self.live(*alias).is_some()) } else { Some(id) }
    }

    /// A leg answered that the run of the local leg `local` dialled: it takes that one's place in the outer dial.
    pub(crate) fn answer_through(&mut self, now: Instant, inner: DialId, local: LegId, leg: LegId) {
        if let Some(dial) = self.dial_mut(inner) {
            dial.phase = Phase::Talking { with: leg, since: now, until: None };
        }
        let Some(inner) = self.abandon_dial(now, inner) else { return };
        let Some(outer) = self.dials.iter_mut().find(|dial| dial.rings(local) || dial.talks_with() == Some(local))
        else {
            return self.release(now, leg, Cause::NORMAL_CLEARING, Side::Host);
        };
        let caller = outer.caller;
        let mut cut = None;
        if let (Purpose::Connect(outer), Purpose::Connect(inner)) = (&mut outer.purpose, &inner.purpose) {
            outer.callee_may_hang_up |= inner.callee_may_hang_up;
            outer.limit = [outer.limit, inner.limit].into_iter().flatten().min();
            cut = inner.limit.map(|limit| now + limit.min(limit::CALL));
        }
        let talks = match &mut outer.phase {
            Phase::Ringing { .. } => false,
            Phase::Talking { with, until, .. } => {
                *with = leg;
                *until = [*until, cut].into_iter().flatten().min();
                true
            }
        };
        if talks {
            self.release(now, local, Cause::NORMAL_CLEARING, Side::Host);
            if let Some(caller) = caller {
                self.attach(caller, leg);
            }
            return;
        }
        outer.branches.retain(|branch| branch.leg != local);
        outer.branches.extend(inner.branches);
        self.release(now, local, Cause::NORMAL_CLEARING, Side::Host);
        self.branch_answered(now, leg);
    }

    /// Cancels the dials of the API that were made for a run that is over.
    pub(crate) fn cancel_owned_dials(&mut self, now: Instant, owner: LegId) {
        while let Some(id) = self.dials.iter().find(|dial| dial.owner == Some(owner)).map(|dial| dial.id) {
            self.finish_dial(now, id, DialStatus::Cancel, Cause::NORMAL_CLEARING, Side::Host);
        }
    }
}

//! Transfers: a leg goes on in the dialplan, takes another's place, or moves to another call.
//!
//! An attended transfer joins legs of two calls, each with its own task. The transferor's first call gives the transferee away
//! ([`Effect::Handover`]); the second takes it ([`Input::LegAdopted`](crate::Input::LegAdopted)), puts it in the place of the
//! transferor's other leg and says so ([`Effect::Adopted`]); that comes back as [`Input::HandedOver`](crate::Input::HandedOver). The
//! leg is numbered anew where it arrives, so numbers stay unique inside each call.

use std::time::Instant;

use crate::dial::Phase;
use crate::leg::{Leg, Run, Signal, State};
use crate::{
    AdoptedLeg, Call, CallId, Cause, Direction, Effect, Hops, Input, LegEventKind, LegId, Party, Route, Side, Transfer,
    TransferResult, limit,
};

/// A leg on its way to another call.
#[derive(Debug)]
pub(crate) struct Move {
    pub(crate) leg: LegId,
    pub(crate) transferor: LegId,
}

impl Call {
    /// A leg asks for a transfer (REFER).
    pub(crate) fn transfer(&mut self, now: Instant, id: LegId, transfer: Transfer) {
        let result = match self.transferee(id) {
            None => Err(Cause::CALL_REJECTED),
            Some(transferee) => match transfer {
                Transfer::Blind { target } => self.blind(now, id, transferee, target),
                Transfer::Attended { replaces, .. } => self.attended(now, id, transferee, replaces),
            },
        };
        if let Err(cause) = result {
            self.emit(Effect::TransferResult { leg: id, result: TransferResult::Failed(cause) });
        }
    }

    /// The other party of a conversation, if it can be transferred.
    fn transferee(&self, transferor: LegId) -> Option<LegId> {
        let settled = |leg: &&Leg| leg.state() == State::Up;
        self.live(transferor).filter(settled)?;
        let partner = self.partner(transferor)?;
        self.live(partner).filter(settled).map(|leg| leg.id)
    }

    fn blind(&mut self, now: Instant, id: LegId, transferee: LegId, target: String) -> Result<(), Cause> {
        if target.is_empty() || target.len() > limit::TEXT_BYTES {
            return Err(Cause::INVALID_NUMBER);
        }
        let by = self.leg(id).and_then(|leg| leg.endpoint.clone());
        self.check_diversion(transferee)?;
        self.accept(now, id, transferee);
        self.divert(transferee, Route::Transferred { target, by });
        self.conclude(now, id);
        Ok(())
    }

    fn attended(&mut self, now: Instant, id: LegId, transferee: LegId, replaces: (CallId, LegId)) -> Result<(), Cause> {
        let (to, other) = replaces;
        if to != self.id {
            self.accept(now, id, transferee);
            self.run_next(transferee, None);
            self.hand_over(now, id, transferee, to, other);
            return Ok(());
        }
        let same_device = self.leg(id).map(|leg| &leg.endpoint) == self.leg(other).map(|leg| &leg.endpoint);
        if !same_device || other == id || other == transferee || !self.can_be_joined(other) {
            return Err(Cause::CALL_REJECTED);
        }
        self.accept(now, id, transferee);
        self.run_next(transferee, None);
        self.replace(now, other, transferee);
        self.conclude(now, id);
        Ok(())
    }

    /// The transfer is under way: the conversation and what ran for the transferee end, both legs stay.
    fn accept(&mut self, now: Instant, id: LegId, transferee: LegId) {
        self.emit(Effect::TransferResult { leg: id, result: TransferResult::Accepted });
        self.event(id, LegEventKind::Transferred);
        let shared =
            |dial: &crate::dial::Dial| dial.talks_with().is_some() && dial.involves(id) && dial.involves(transferee);
        if let Some(dial) = self.dials.iter().find(|dial| shared(dial)).map(|dial| dial.id) {
            self.abandon_dial(now, dial);
        }
        self.part(id);
        self.drop_requests(transferee);
    }

    fn conclude(&mut self, now: Instant, id: LegId) {
        self.emit(Effect::TransferResult { leg: id, result: TransferResult::Done });
        self.release(now, id, Cause::NORMAL_CLEARING, Side::Host);
    }

    /// A10: a call that is passed on and on ends.
    pub(crate) fn check_diversion(&self, id: LegId) -> Result<(), Cause> {
        match self.leg(id) {
            Some(leg) if leg.hops.diversions < limit::DIVERSIONS => Ok(()),
            _ => Err(Cause::EXCHANGE_ROUTING_ERROR),
        }
    }

    /// Sends a leg on in the dialplan. The diversion was checked.
    pub(crate) fn divert(&mut self, id: LegId, route: Route) {
        if let Some(leg) = self.leg_mut(id) {
            leg.hops.diversions += 1;
            leg.fall_through = None;
        }
        self.run_next(id, Some(route));
    }

    // === Between two calls ===

    fn hand_over(&mut self, now: Instant, transferor: LegId, id: LegId, to: CallId, replaces: LegId) {
        if !self.step(now, id, Signal::Move) {
            return;
        }
        self.silence(id);
        let by = self.leg(transferor).and_then(|leg| leg.endpoint.clone());
        let Some(leg) = self.leg_mut(id) else { return };
        leg.went_to = Some(to);
        let adopted = AdoptedLeg {
            endpoint: leg.endpoint.clone(),
            transferor: by,
            party: leg.party.clone(),
            inbound: leg.direction == Direction::Inbound,
            held: leg.held,
            hops: leg.hops,
            codec: leg.codec.clone(),
            attributes: leg.attributes.clone(),
        };
        self.moves.push(Move { leg: id, transferor });
        self.emit(Effect::Handover { leg: id, to, replaces, adopted });
    }

    /// The other call took the leg, or not.
    pub(crate) fn handed_over(&mut self, now: Instant, id: LegId, as_leg: Option<LegId>) {
        let Some(at) = self.moves.iter().position(|moving| moving.leg == id) else {
            return as_leg.map_or((), |as_leg| self.forward_end(id, as_leg));
        };
        let Move { transferor, .. } = self.moves.remove(at);
        let Some(as_leg) = as_leg else { return self.take_back(now, id, transferor) };
        if !self.step(now, id, Signal::Take) {
            // It ended on the way.
            self.forward_end(id, as_leg);
        } else if let Some(leg) = self.leg_mut(id) {
            let end = crate::leg::End { at: now, cause: Cause::NORMAL_CLEARING, side: Side::Host };
            leg.end = Some(end);
            self.leg_gone(now, id);
        }
        if self.live(transferor).is_some() {
            self.conclude(now, transferor);
        }
    }

    fn take_back(&mut self, now: Instant, id: LegId, transferor: LegId) {
        let stayed = self.step(now, id, Signal::Refuse);
        if let Some(leg) = self.leg_mut(id) {
            leg.went_to = None;
        }
        if self.live(transferor).is_none() {
            return;
        }
        self.emit(Effect::TransferResult { leg: transferor, result: TransferResult::Failed(Cause::CALL_REJECTED) });
        // The transferor may have begun something else meanwhile; then the transferee has nobody to come back to.
        let free = self.leg(transferor).is_some_and(Leg::talks)
            && self.peer(transferor).is_none()
            && !self.dials.iter().any(|dial| dial.involves(transferor));
        if stayed && free {
            self.join(transferor, id);
        }
    }

    /// Tells the new call that this one ended a leg while it moved. (What its phone says meanwhile goes to the new call, which
    /// hears it when it has the leg.)
    pub(crate) fn forward_end(&mut self, id: LegId, as_leg: LegId) {
        let Some(leg) = self.leg(id).filter(|leg| leg.state() == State::Over) else { return };
        if let (Some(to), Some(end)) = (leg.went_to, leg.end) {
            let input = Box::new(Input::LegEnded { leg: as_leg, cause: end.cause });
            self.emit(Effect::Forward { to, input });
        }
    }

    /// A leg of another call comes here in the place of `replaced`.
    pub(crate) fn adopt(
        &mut self,
        now: Instant,
        id: LegId,
        from: (CallId, LegId),
        replaced: LegId,
        adopted: AdoptedLeg,
    ) {
        // Only the device that holds both conversations may join them: otherwise a REFER could break into any call.
        let same_device = self.leg(replaced).is_some_and(|leg| leg.endpoint == adopted.transferor);
        if !same_device || self.leg(id).is_some() || !self.has_room() || !self.can_be_joined(replaced) {
            return self.emit(Effect::Adopted { from, as_leg: None });
        }
        let AdoptedLeg { endpoint, party, inbound, held, hops, codec, attributes, .. } = adopted;
        let direction = if inbound { Direction::Inbound } else { Direction::Outbound };
        let dialed = self.leg(replaced).map(|leg| leg.dialed.clone()).unwrap_or_default();
        let mut leg = Leg::new(now, id, direction, party, dialed, hops);
        leg.set_up(now);
        leg.endpoint = endpoint;
        leg.held = held;
        leg.codec = codec;
        leg.attributes = attributes;
        leg.came_from = Some(from.0);
        self.add(leg);
        self.emit(Effect::Adopted { from, as_leg: Some(id) });
        self.replace(now, replaced, id);
    }

    /// An INVITE with Replaces takes the place of a leg (RFC 3891).
    pub(crate) fn replace_by_invite(
        &mut self,
        now: Instant,
        replaced: LegId,
        id: LegId,
        endpoint: Option<String>,
        caller: Party,
    ) {
        let dialed = self.leg(replaced).map(|leg| leg.dialed.clone()).unwrap_or_default();
        let hops = self.leg(replaced).map_or_else(Hops::default, |leg| leg.hops);
        if !self.offer(now, id, endpoint, caller, &dialed, hops) {
            return;
        }
        if !self.can_be_replaced(replaced) {
            return self.release(now, id, Cause::CALL_REJECTED, Side::Host);
        }
        self.replace(now, replaced, id);
    }

    // === Taking a place ===

    /// Whether a leg has a place that another could take: a conversation, a dial, or a run that can be begun anew.
    fn can_be_replaced(&self, id: LegId) -> bool {
        let Some(leg) = self.live(id) else { return false };
        let placed = self.partner(id).is_some()
            || self.dials.iter().any(|dial| dial.involves(id))
            || (leg.direction == Direction::Inbound && leg.run == Run::Running);
        placed && leg.state() != State::Moving && !leg.is_local()
    }

    /// Whether a transfer may put another in the place of a leg: not where the transferor itself has not answered.
    fn can_be_joined(&self, id: LegId) -> bool {
        self.can_be_replaced(id) && !self.dials.iter().any(|dial| dial.rings(id))
    }

    /// Puts `new` in the place of `old` and releases that one.
    fn replace(&mut self, now: Instant, old: LegId, new: LegId) {
        let partner = self.partner(old);
        let heard = self.peer(old).filter(|_| partner.is_none());
        if let Some(at) = self.dials.iter().position(|dial| dial.caller == Some(old)) {
            self.release_dial_request(now, at);
            self.dials[at].caller = Some(new);
            if self.rings_somewhere(&self.dials[at]) {
                self.show_ringing(now, new);
            }
            if let Some(heard) = heard {
                self.part(old);
                self.show_progress(now, new);
                self.join_early(new, heard);
            }
        } else if let Some(dial) = self.dials.iter_mut().find(|dial| dial.rings(old) || dial.talks_with() == Some(old))
        {
            if let Phase::Talking { with, .. } = &mut dial.phase {
                *with = new;
            }
            for branch in dial.branches.iter_mut().filter(|branch| branch.leg == old) {
                branch.leg = new;
            }
            self.answer(now, new);
            self.branch_answered(now, new);
        } else if partner.is_none() {
            let old = self.leg(old);
            let (target, by) = old.map(|leg| (leg.dialed.clone(), leg.endpoint.clone())).unwrap_or_default();
            self.run_next(new, Some(Route::Transferred { target, by }));
        }
        if let Some(partner) = partner {
            self.part(old);
            self.answer(now, new);
            self.join(new, partner);
        }
        self.release(now, old, Cause::NORMAL_CLEARING, Side::Host);
    }
}

//! Transfers: which leg a REFER means, and how a leg moves from one call of this host to another (RFC 5589).

use call::{AdoptedLeg, CallId, Input, LegId, Transfer};
use sip::endpoint::Replaces;
use sip::message::NameAddr;

use super::leg::Leg;
use super::message::{Adoption, Message};
use super::{CallTask, call_key};

impl CallTask {
    /// What a REFER asks for, or none when it names a place that is not this tenant's.
    pub(super) fn transfer_of(&self, refer_to: &NameAddr, replaces: Option<&Replaces>) -> Option<Transfer> {
        let target = crate::address::dialed(refer_to.uri())?;
        match replaces {
            None => {
                let ours = self.tenant.definition().is_own_host(refer_to.uri(), &self.shared.hosts);
                ours.then_some(Transfer::Blind { target })
            }
            Some(replaces) => {
                // Only a dialog of this tenant can be named (hostile E2).
                let (call, leg) = self.shared.dialogs.find(replaces.call_id.as_bytes(), self.tenant.id())?;
                Some(Transfer::Attended { target, replaces: (call, leg) })
            }
        }
    }

    pub(super) fn hand_over(&mut self, leg: LegId, to: CallId, replaces: LegId, adopted: AdoptedLeg) {
        let refused = Input::HandedOver { leg, as_leg: None };
        let Some((_, tenant, inbox)) = self.shared.calls.get(call_key(to)) else { return self.input(refused) };
        if tenant != *self.tenant.id() {
            return self.input(refused);
        }
        let Some(state) = self.legs.remove(&leg) else { return self.input(refused) };
        let adoption = Adoption { from: (self.id, leg), replaces, adopted, leg: state, back: self.sender.clone() };
        if let Err(error) = inbox.try_send(Message::Adopt(Box::new(adoption))) {
            if let Message::Adopt(adoption) = error.into_inner() {
                self.legs.insert(leg, adoption.leg);
            }
            self.input(refused);
        }
    }

    pub(super) fn begin_adoption(&mut self, adoption: Adoption) {
        let leg = self.call.allocate_leg();
        let input = Input::LegAdopted {
            leg,
            from: adoption.from,
            replaces: adoption.replaces,
            adopted: adoption.adopted.clone(),
        };
        self.adopting.insert(adoption.from, (leg, adoption.back));
        self.take_in(leg, adoption.leg);
        self.input(input);
    }

    /// Makes a leg this call's: its session and its media speak to this inbox from now on.
    fn take_in(&mut self, leg: LegId, state: Leg) {
        if let Some(media) = &state.media {
            media.hears.move_to(self.sender.clone());
        }
        self.shared.sessions.insert(state.session.as_u64(), self.sender.clone());
        if let Some(dialog) = &state.dialog {
            self.shared.dialogs.insert(dialog, self.tenant.id(), self.id, leg);
        }
        self.legs.insert(leg, state);
    }

    /// This call has decided about a leg that was offered to it.
    pub(super) fn adopted(&mut self, from: (CallId, LegId), as_leg: Option<LegId>) {
        let Some((leg, back)) = self.adopting.remove(&from) else { return };
        let returned = match as_leg {
            Some(_) => None,
            None => self.legs.remove(&leg).map(Box::new),
        };
        let answer = Message::HandedOver { leg: from.1, as_leg, returned };
        if let Err(error) = back.try_send(answer) {
            // The other call is over or cannot listen: a leg that nobody owns is ended.
            if let Message::HandedOver { returned: Some(orphan), .. } = error.into_inner() {
                self.shared.forget_leg(&orphan, self.tenant.id(), self.id);
                self.sip(super::effect::hang_up(orphan.session, call::Cause::NORMAL_TEMPORARY_FAILURE));
            }
        }
    }

    pub(super) fn handed_over(&mut self, leg: LegId, as_leg: Option<LegId>, returned: Option<Box<Leg>>) {
        if let Some(state) = returned {
            self.take_in(leg, *state);
        }
        self.input(Input::HandedOver { leg, as_leg });
    }
}

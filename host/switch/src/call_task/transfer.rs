//! Transfers: which leg a REFER means, and how a leg moves from one call of this host to another (RFC 5589).

use call::{AdoptedLeg, CallId, Input, LegId, Transfer};
use sip::endpoint::Replaces;
use sip::message::NameAddr;

use super::message::{Adoption, Inbox, Message, Moving};
use super::{CallTask, call_key};

/// A leg that this call has not decided about, and who is to be told.
pub(super) struct Adopting {
    pub(super) moving: Moving,
    pub(super) back: Inbox,
}

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
        let Some(moving) = self.let_go(leg) else { return self.input(refused) };
        let adoption = Adoption { from: (self.id, leg), replaces, adopted, moving, back: self.sender.clone() };
        if let Err(error) = inbox.try_send(Message::Adopt(Box::new(adoption))) {
            if let Message::Adopt(adoption) = error.into_inner() {
                self.take_in(leg, adoption.moving);
            }
            self.input(refused);
        }
    }

    /// Takes a leg out of this call with all that was said to it and not heard yet; what it says from now on waits outside.
    fn let_go(&mut self, leg: LegId) -> Option<Moving> {
        let leg = self.legs.remove(&leg)?;
        self.shared.sessions.hold(leg.session);
        let media = leg.media.as_ref().map(|media| {
            media.hears.hold();
            media.key()
        });
        // Nothing for it comes to the inbox after this point, and what is in it is taken along.
        while let Ok(message) = self.inbox.try_recv() {
            self.backlog.push_back(message);
        }
        let about = |message: &Message| match message {
            Message::Sip(event) => event.session() == Some(leg.session),
            Message::Media(event) => Some(event.leg()) == media,
            _ => false,
        };
        let waiting = std::mem::take(&mut self.backlog).into_iter();
        let (late, rest): (Vec<Message>, Vec<Message>) = waiting.partition(about);
        self.backlog = rest.into();
        Some(Moving { leg, late })
    }

    pub(super) fn begin_adoption(&mut self, adoption: Adoption) {
        let leg = self.call.allocate_leg();
        let Adoption { from, replaces, adopted, moving, back } = adoption;
        // The leg is this call's when the call says so.
        self.adopting.insert(from, Adopting { moving, back });
        self.input(Input::LegAdopted { leg, from, replaces, adopted });
    }

    /// Makes a leg this call's: its session and its media speak to this inbox from now on, and what they said before is
    /// heard first.
    fn take_in(&mut self, leg: LegId, moving: Moving) {
        let Moving { leg: state, late } = moving;
        if let Some(media) = &state.media {
            media.hears.move_to(self.sender.clone());
        }
        let kept = self.shared.sessions.take(state.session, self.sender.clone());
        self.backlog.extend(late.into_iter().chain(kept.into_iter().map(|event| Message::Sip(Box::new(event)))));
        if let Some(dialog) = &state.dialog {
            self.shared.dialogs.insert(dialog, self.tenant.id(), self.id, leg);
        }
        self.legs.insert(leg, state);
    }

    /// This call has decided about a leg that was offered to it.
    pub(super) fn adopted(&mut self, from: (CallId, LegId), as_leg: Option<LegId>) {
        let Some(Adopting { moving, back }) = self.adopting.remove(&from) else { return };
        let returned = match as_leg {
            Some(leg) => {
                self.take_in(leg, moving);
                None
            }
            None => Some(Box::new(moving)),
        };
        self.shared.answer_adoption(self.tenant.id(), from, back, (as_leg, returned));
    }

    pub(super) fn handed_over(&mut self, leg: LegId, as_leg: Option<LegId>, returned: Option<Box<Moving>>) {
        if let Some(moving) = returned {
            self.take_in(leg, *moving);
        }
        self.input(Input::HandedOver { leg, as_leg });
    }
}

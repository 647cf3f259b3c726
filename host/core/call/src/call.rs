//! The call: its state, the one door for inputs, and the rules that hold after each.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::bridge::Bridge;
use crate::dial::Dial;
use crate::leg::{End, Leg, Run, Signal, State};
use crate::pending::Pending;
use crate::transfer::Move;
use crate::{
    CallId, Cause, Direction, Effect, Hops, Input, LegEventKind, LegId, Outcome, Party, Request, RequestError,
    RequestId, Route, Side, TenantId, limit,
};

/// One call: the legs that a dialplan run, an application or the API is responsible for.
#[derive(Debug)]
pub struct Call {
    pub(crate) id: CallId,
    pub(crate) tenant: TenantId,
    pub(crate) config: Config,
    pub(crate) began: Instant,
    /// Whether there ever was a leg or a dial: a call without any is not over but new.
    begun: bool,
    finished: bool,
    next_leg: u32,
    pub(crate) next_play: u32,
    pub(crate) next_dial: u32,
    /// All legs there ever were, in the order they came (the record needs them).
    pub(crate) legs: Vec<Leg>,
    pub(crate) bridges: Vec<Bridge>,
    pub(crate) dials: Vec<Dial>,
    pub(crate) moves: Vec<Move>,
    pub(crate) pending: Vec<Pending>,
    /// Who appears to call in a call that began with a dial.
    pub(crate) originator: Party,
    /// How the last dial that nobody answered ended.
    pub(crate) unanswered: Option<crate::DialStatus>,
    /// Since when no leg is live, while runs still go on.
    pub(crate) legless: Option<Instant>,
    effects: VecDeque<Effect>,
}

/// What is the same for the calls of a tenant.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// What a held party hears, again and again; empty for silence.
    pub hold_music: Vec<String>,
    /// The longest a call may last; [`limit::CALL`] if none.
    pub max_duration: Option<Duration>,
}

impl Call {
    /// A call without legs.
    pub fn new(now: Instant, id: CallId, tenant: TenantId, config: Config) -> Self {
        Self {
            id,
            tenant,
            config,
            began: now,
            begun: false,
            finished: false,
            next_leg: 0,
            next_play: 0,
            next_dial: 0,
            legs: Vec::new(),
            bridges: Vec::new(),
            dials: Vec::new(),
            moves: Vec::new(),
            pending: Vec::new(),
            originator: Party::default(),
            unanswered: None,
            legless: None,
            effects: VecDeque::new(),
        }
    }

    /// The call's name.
    pub fn id(&self) -> CallId {
        self.id
    }

    /// Whose call it is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Reserves the number of a leg that is about to be offered, to replace another or to be adopted.
    pub fn allocate_leg(&mut self) -> LegId {
        let leg = LegId(self.next_leg);
        self.next_leg += 1;
        leg
    }

    /// Takes an input. Any input is legal at any time.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        if self.finished {
            return self.refuse_late(input);
        }
        match input {
            Input::LegOffered { leg, endpoint, caller, dialed, hops } => {
                if self.offer(now, leg, endpoint, caller, &dialed, hops) {
                    self.run(leg, Route::Dialed(dialed));
                }
            }
            Input::LegProgress { leg, early_media } => self.branch_progress(now, leg, early_media),
            Input::LegAnswered { leg } => self.answered_by_party(now, leg),
            Input::LegEnded { leg, cause } => self.release(now, leg, cause, Side::Party),
            Input::LegRedirected { leg, targets } => self.branch_redirected(now, leg, targets),
            Input::LegHeld { leg, held } => self.hold(leg, held),
            Input::LegTransfer { leg, transfer } => self.transfer(now, leg, transfer),
            Input::LegReplaced { replaced, leg, endpoint, caller } => {
                self.replace_by_invite(now, replaced, leg, endpoint, caller)
            }
            Input::LegAdopted { leg, from, replaces, adopted } => self.adopt(now, leg, from, replaces, adopted),
            Input::HandedOver { leg, as_leg } => self.handed_over(now, leg, as_leg),
            Input::LegCodec { leg, codec } => {
                if let Some(leg) = self.leg_mut(leg) {
                    leg.codec = codec;
                }
            }
            Input::Dtmf { leg, digit, duration_ms, carrier } => self.dtmf(now, leg, (digit, duration_ms), carrier),
            Input::PlayEnded { leg, play } => self.play_ended(now, leg, play),
            Input::PlayFailed { leg, play, prompt } => self.play_failed(now, leg, play, &prompt),
            Input::DigitsSent { leg } => self.digits_sent(leg),
            Input::RecordEnded { leg, blob, stored, silence } => self.record_ended(leg, &blob, stored, silence),
            Input::MediaTimeout { leg } => self.media_timeout(now, leg),
            Input::Located { dial, target, contacts } => self.located(now, dial, target, contacts),
            Input::Request { id, request } => self.request(now, id, request),
            Input::Withdraw { id } => self.withdraw(now, id),
            Input::RouteEnded { leg, cause } => self.run_ended(now, leg, cause),
            Input::Abort { cause } => self.abort(now, cause),
        }
        self.settle(now);
    }

    /// The next effect; take them all after each `handle_*`.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Whether [`Effect::Finished`] was said.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    // === What the other files of this crate stand on ===

    pub(crate) fn emit(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    pub(crate) fn reply(&mut self, id: RequestId, result: Result<Outcome, RequestError>) {
        self.emit(Effect::Reply { id, result });
    }

    pub(crate) fn leg(&self, id: LegId) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.id == id)
    }

    pub(crate) fn leg_mut(&mut self, id: LegId) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.id == id)
    }

    pub(crate) fn live(&self, id: LegId) -> Option<&Leg> {
        self.leg(id).filter(|leg| leg.is_live())
    }

    pub(crate) fn live_mut(&mut self, id: LegId) -> Option<&mut Leg> {
        self.leg_mut(id).filter(|leg| leg.is_live())
    }

    /// Moves a leg on by a signal; false where it means nothing.
    pub(crate) fn step(&mut self, now: Instant, id: LegId, signal: Signal) -> bool {
        self.leg_mut(id).is_some_and(|leg| leg.step(now, signal))
    }

    /// Whether one more leg fits.
    pub(crate) fn has_room(&self) -> bool {
        self.legs.len() < limit::LEGS_TOTAL && self.legs.iter().filter(|leg| leg.is_live()).count() < limit::LEGS_LIVE
    }

    /// Adds a leg.
    pub(crate) fn add(&mut self, leg: Leg) {
        self.begun = true;
        self.legless = None;
        self.next_leg = self.next_leg.max(leg.id.0 + 1);
        self.legs.push(leg);
    }

    /// Says that the call has begun with something that is not a leg.
    pub(crate) fn begin(&mut self) {
        self.begun = true;
    }

    /// Adds the leg of a caller; false when it had to be refused.
    pub(crate) fn offer(
        &mut self,
        now: Instant,
        id: LegId,
        endpoint: Option<String>,
        caller: Party,
        dialed: &str,
        hops: Hops,
    ) -> bool {
        if self.leg(id).is_some() {
            return false;
        }
        if !self.has_room() {
            self.begun = true;
            self.emit(Effect::Release { leg: id, cause: Cause::CONGESTION });
            return false;
        }
        let mut leg = Leg::new(now, id, Direction::Inbound, caller, dialed.to_owned(), hops);
        leg.endpoint = endpoint;
        self.add(leg);
        true
    }

    /// Starts a run for a leg that has none.
    pub(crate) fn run(&mut self, id: LegId, route: Route) {
        if let Some(leg) = self.leg_mut(id) {
            leg.run = Run::Running;
            self.emit(Effect::Route { leg: id, route });
        }
    }

    /// Sends a leg elsewhere: ends the run it is in, and starts the other one once that is over.
    pub(crate) fn run_next(&mut self, id: LegId, route: Option<Route>) {
        let Some(leg) = self.leg_mut(id) else { return };
        match (&leg.run, route) {
            (Run::Idle, Some(route)) => self.run(id, route),
            (Run::Idle, None) => {}
            (Run::Running, route) => {
                leg.run = Run::Leaving(route);
                self.emit(Effect::EndRoute { leg: id });
            }
            (Run::Leaving(_), route) => leg.run = Run::Leaving(route),
        }
    }

    /// Tells whoever listens that something happened to a leg.
    pub(crate) fn event(&mut self, id: LegId, kind: LegEventKind) {
        let Some(leg) = self.leg_mut(id) else { return };
        let event = leg.events.number(kind);
        if let Some(request) = self.take_event_waiter(id) {
            self.reply(request, Ok(Outcome::Event(Some(event))));
        } else if let Some(leg) = self.leg_mut(id) {
            leg.events.keep(event);
        }
    }

    /// Ends a leg, whoever wanted it, and all that hung on it. The one place that says [`Effect::Release`] of a known leg.
    pub(crate) fn release(&mut self, now: Instant, id: LegId, cause: Cause, side: Side) {
        if !self.step(now, id, Signal::End) {
            return;
        }
        if let Some(leg) = self.leg_mut(id) {
            leg.end = Some(End { at: now, cause, side });
            leg.background = crate::hold::Background::Silence;
        }
        self.event(id, LegEventKind::HungUp(cause));
        self.leg_gone(now, id);
        let peer = self.part(id);
        self.emit(Effect::Release { leg: id, cause });
        self.dials_lose(now, id, cause, side);
        if let Some(peer) = peer.and_then(|peer| self.live_mut(peer)) {
            peer.fall_through = Some((cause, other_side(side)));
            peer.kept = false;
        }
    }

    // === Runs, aborting, late inputs ===

    fn run_ended(&mut self, now: Instant, id: LegId, cause: Option<Cause>) {
        let Some(leg) = self.leg_mut(id) else { return };
        match std::mem::replace(&mut leg.run, Run::Idle) {
            Run::Idle => return,
            Run::Leaving(Some(route)) if leg.is_live() => self.run(id, route),
            Run::Leaving(_) => {}
            Run::Running => {
                // A local leg is nothing but its run.
                let local = leg.is_local().then(|| leg.fall_through.map_or(Cause::NORMAL_CLEARING, |(cause, _)| cause));
                if let Some(cause) = cause.or(local) {
                    self.release(now, id, cause, Side::Host);
                }
            }
        }
        self.cancel_owned_dials(now, id);
    }

    fn abort(&mut self, now: Instant, cause: Cause) {
        self.begun = true;
        for dial in std::mem::take(&mut self.dials) {
            if let Some(request) = dial.request {
                self.reply(request, Err(RequestError::Gone));
            }
        }
        let legs: Vec<LegId> = self.legs.iter().map(|leg| leg.id).collect();
        for id in legs {
            self.release(now, id, cause, Side::Host);
            if self.leg(id).is_some_and(|leg| leg.run == Run::Running) {
                self.emit(Effect::EndRoute { leg: id });
            }
            if let Some(leg) = self.leg_mut(id) {
                leg.run = Run::Idle;
            }
        }
        for pending in std::mem::take(&mut self.pending) {
            self.reply(pending.id, Err(RequestError::Gone));
        }
        self.moves.clear();
    }

    /// After the end only what must be answered is answered.
    fn refuse_late(&mut self, input: Input) {
        match input {
            Input::LegOffered { leg, .. } | Input::LegReplaced { leg, .. } if self.leg(leg).is_none() => {
                self.emit(Effect::Release { leg, cause: Cause::NORMAL_CLEARING });
            }
            Input::LegAdopted { from, .. } => self.emit(Effect::Adopted { from, as_leg: None }),
            Input::LegTransfer { leg, .. } => {
                let result = crate::TransferResult::Failed(Cause::NORMAL_CLEARING);
                self.emit(Effect::TransferResult { leg, result });
            }
            Input::HandedOver { leg, as_leg: Some(as_leg) } => self.forward_end(leg, as_leg),
            Input::Request { id, request: Request::HangUp { .. } } => self.reply(id, Ok(Outcome::Done)),
            Input::Request { id, .. } => self.reply(id, Err(RequestError::Gone)),
            _ => {}
        }
    }

    // === The rules that hold after each input ===

    pub(crate) fn settle(&mut self, now: Instant) {
        self.release_unheld(now);
        self.tune(now);
        self.finish_if_over(now);
    }

    /// Releases the legs that nothing holds up. Each release may take the hold from others, hence the loop; it ends because a
    /// released leg stays so.
    fn release_unheld(&mut self, now: Instant) {
        while let Some(leg) = self.legs.iter().find(|leg| leg.is_live() && !self.is_held_up(leg)) {
            let (cause, side) = leg.fall_through.unwrap_or((Cause::NORMAL_CLEARING, Side::Host));
            let id = leg.id;
            self.release(now, id, cause, side);
        }
    }

    fn is_held_up(&self, leg: &Leg) -> bool {
        leg.kept
            || leg.run != Run::Idle
            || leg.state() == State::Moving
            || self.moves.iter().any(|moving| moving.transferor == leg.id)
            || self.peer(leg.id).is_some()
            || self.dials.iter().any(|dial| dial.involves(leg.id))
            || leg.owner.and_then(|owner| self.leg(owner)).is_some_and(|owner| owner.run == Run::Running)
    }

    fn finish_if_over(&mut self, now: Instant) {
        let legs_over = self.begun && self.dials.is_empty() && self.legs.iter().all(|leg| !leg.is_live());
        if !legs_over {
            self.legless = None;
            return;
        }
        let since = *self.legless.get_or_insert(now);
        let quiet =
            self.pending.is_empty() && self.moves.is_empty() && self.legs.iter().all(|leg| leg.run == Run::Idle);
        if !quiet && now < since + limit::RUN_AFTER_LEGS {
            return;
        }
        for pending in std::mem::take(&mut self.pending) {
            self.reply(pending.id, Err(RequestError::Gone));
        }
        self.finished = true;
        let cdr = Box::new(self.cdr(now));
        self.emit(Effect::Cdr(cdr));
        self.emit(Effect::Finished);
    }
}

/// Who ended it, seen from the other leg of a conversation.
pub(crate) fn other_side(side: Side) -> Side {
    match side {
        Side::Party => Side::Other,
        Side::Other => Side::Party,
        Side::Host => Side::Host,
    }
}

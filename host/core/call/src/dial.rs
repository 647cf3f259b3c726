//! Ringing targets: all contacts of all targets at once, the first that answers wins.

use std::time::{Duration, Instant};

use crate::leg::{Leg, Signal, State};
use crate::{
    Call, Cause, Contact, DialId, DialOptions, DialStatus, Direction, Effect, Hops, LegEventKind, LegId, Outcome,
    Party, RequestError, RequestId, Ringback, Route, Side, Target, Then, limit,
};

/// A dial under way, from the first ringing to the end of the conversation.
#[derive(Debug)]
pub(crate) struct Dial {
    pub(crate) id: DialId,
    /// Who waits for the outcome; none once it was answered otherwise.
    pub(crate) request: Option<RequestId>,
    /// The leg that dials; none for the API's.
    pub(crate) caller: Option<LegId>,
    /// The leg for which a leg without caller is dialled.
    pub(crate) owner: Option<LegId>,
    /// Who appears to call.
    party: Party,
    pub(crate) purpose: Purpose,
    began: Instant,
    aims: Vec<Aim>,
    pub(crate) branches: Vec<Branch>,
    tally: Tally,
    pub(crate) phase: Phase,
}

/// What happens with the leg that answers.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// It is connected with the caller.
    Connect(DialOptions),
    /// It was called for its own sake.
    Originate(Then),
}

/// How far a dial is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    /// Nobody answered yet.
    Ringing {
        /// When it gives up.
        until: Instant,
    },
    /// The caller talks with a leg.
    Talking {
        /// The leg.
        with: LegId,
        /// Since when.
        since: Instant,
        /// Option `L`: when it is cut.
        until: Option<Instant>,
    },
}

/// A target of a dial.
#[derive(Debug)]
struct Aim {
    target: Target,
    hops: Hops,
    /// Its contacts are asked for.
    locating: bool,
}

/// A leg that rings for a dial.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) leg: LegId,
    pub(crate) hops: Hops,
}

/// How branches failed.
#[derive(Debug, Default)]
struct Tally {
    busy: Option<Cause>,
    congested: Option<Cause>,
    unreachable: Option<Cause>,
    silent: Option<Cause>,
}

impl Tally {
    /// Counts a failure, in the groups of Asterisk's `Dial`: it counts busy, congestion and unreachable branches and leaves
    /// out those that merely gave no answer.
    fn count(&mut self, cause: Cause) {
        let group = match cause.number() {
            // A decline is busy for the dialplan, as chan_sip had it (603): it goes on to the voicemail of a busy one.
            17 | 21 => &mut self.busy,
            // "Usually a sign that the dialled number is not recognised."
            1 | 22 | 25 | 28 | 34 | 38 | 41 | 42 | 47 => &mut self.congested,
            16 | 18 | 19 | 26 | 31 => &mut self.silent,
            _ => &mut self.unreachable,
        };
        group.get_or_insert(cause);
    }

    /// The status of a dial of which every branch failed.
    fn verdict(&self) -> (DialStatus, Cause) {
        if let Some(cause) = self.silent {
            (DialStatus::NoAnswer, cause)
        } else if let Some(cause) = self.busy {
            (DialStatus::Busy, cause)
        } else if let Some(cause) = self.congested {
            (DialStatus::Congestion, cause)
        } else {
            (DialStatus::ChanUnavail, self.unreachable.unwrap_or(Cause::SUBSCRIBER_ABSENT))
        }
    }
}

impl Dial {
    /// Whether a leg dials here, rings here or talks here.
    pub(crate) fn involves(&self, leg: LegId) -> bool {
        self.caller == Some(leg) || self.rings(leg) || self.talks_with() == Some(leg)
    }

    /// Whether a leg is one of those that ring.
    pub(crate) fn rings(&self, leg: LegId) -> bool {
        self.branches.iter().any(|branch| branch.leg == leg)
    }

    /// The leg that answered.
    pub(crate) fn talks_with(&self) -> Option<LegId> {
        match self.phase {
            Phase::Ringing { .. } => None,
            Phase::Talking { with, .. } => Some(with),
        }
    }

    /// When it gives up ringing or cuts the conversation.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Ringing { until } => Some(until),
            Phase::Talking { until, .. } => until,
        }
    }

    /// What the caller is to hear.
    pub(crate) fn ringback(&self) -> &Ringback {
        match &self.purpose {
            Purpose::Connect(options) => &options.ringback,
            Purpose::Originate(_) => &Ringback::Network,
        }
    }

    fn is_hopeless(&self) -> bool {
        matches!(self.phase, Phase::Ringing { .. })
            && self.branches.is_empty()
            && !self.aims.iter().any(|aim| aim.locating)
    }
}

/// What a dial begins with.
pub(crate) struct Start {
    pub(crate) request: RequestId,
    pub(crate) caller: Option<LegId>,
    pub(crate) owner: Option<LegId>,
    pub(crate) party: Party,
    pub(crate) hops: Hops,
    pub(crate) targets: Vec<Target>,
    pub(crate) timeout: Duration,
    pub(crate) purpose: Purpose,
}

impl Call {
    pub(crate) fn dial_mut(&mut self, id: DialId) -> Option<&mut Dial> {
        self.dials.iter_mut().find(|dial| dial.id == id)
    }

    /// Begins to ring targets. The request was checked.
    pub(crate) fn start_dial(&mut self, now: Instant, start: Start) {
        self.begin();
        let id = DialId(self.next_dial);
        self.next_dial += 1;
        let Start { request, caller, owner, party, hops, targets, timeout, purpose } = start;
        self.dials.push(Dial {
            id,
            request: Some(request),
            caller,
            owner,
            party,
            purpose,
            began: now,
            aims: Vec::with_capacity(targets.len()),
            branches: Vec::new(),
            tally: Tally::default(),
            phase: Phase::Ringing { until: now + timeout.min(limit::RINGING) },
        });
        self.aim(now, id, targets, hops);
        if let Some(caller) = caller {
            match self.dial_mut(id).map(|dial| dial.ringback().clone()) {
                Some(Ringback::Tone) => self.show_ringing(now, caller),
                Some(Ringback::Music(_)) => self.show_progress(now, caller),
                Some(Ringback::Network) | None => {}
            }
        }
        self.give_up_if_hopeless(now, id);
    }

    /// Adds targets to a dial and sets out for them.
    fn aim(&mut self, now: Instant, id: DialId, targets: Vec<Target>, hops: Hops) {
        for target in targets {
            let Some(dial) = self.dial_mut(id) else { return };
            let at = dial.aims.len();
            if at >= limit::TARGETS {
                dial.tally.count(Cause::CONGESTION);
                return;
            }
            let locating = matches!(target, Target::Endpoint(_));
            dial.aims.push(Aim { target: target.clone(), hops, locating });
            match target {
                Target::Endpoint(endpoint) => self.emit(Effect::Locate { dial: id, target: at, endpoint }),
                Target::Uri(uri) => self.call_contact(now, id, None, Contact { uri, key: 0 }, hops),
                Target::Local { exten, context } => self.call_local(now, id, exten, context, hops),
            }
        }
    }

    /// The contacts of a target are known.
    pub(crate) fn located(&mut self, now: Instant, id: DialId, target: usize, contacts: Vec<Contact>) {
        let Some(dial) = self.dial_mut(id) else { return };
        let ringing = matches!(dial.phase, Phase::Ringing { .. });
        let Some(aim) = dial.aims.get_mut(target).filter(|aim| aim.locating && ringing) else { return };
        aim.locating = false;
        let hops = aim.hops;
        let endpoint = match &aim.target {
            Target::Endpoint(name) => Some(name.clone()),
            Target::Uri(_) | Target::Local { .. } => None,
        };
        if contacts.is_empty() {
            dial.tally.count(Cause::SUBSCRIBER_ABSENT);
        }
        for contact in contacts.into_iter().take(limit::CONTACTS) {
            self.call_contact(now, id, endpoint.clone(), contact, hops);
        }
        self.give_up_if_hopeless(now, id);
    }

    fn call_contact(&mut self, now: Instant, id: DialId, endpoint: Option<String>, contact: Contact, hops: Hops) {
        // RFC 7332: a back-to-back agent counts Max-Forwards down, or a loop through trunks has no end (A10).
        let left = hops.max_forwards.checked_sub(1);
        let number = endpoint.clone().unwrap_or_else(|| contact.uri.clone());
        let Some(leg) = self.add_branch(now, id, Direction::Outbound, number, left, hops) else { return };
        if let Some(leg) = self.leg_mut(leg) {
            leg.endpoint.clone_from(&endpoint);
        }
        let hops = Hops { max_forwards: left.unwrap_or(0), ..hops };
        let Some(dial) = self.dial_mut(id) else { return };
        let (caller, on_behalf_of) = (dial.party.clone(), dial.caller.or(dial.owner));
        let on_behalf_of = on_behalf_of.and_then(|leg| self.ear(leg));
        self.emit(Effect::Originate { leg, dial: id, endpoint, contact, caller, on_behalf_of, hops });
    }

    fn call_local(&mut self, now: Instant, id: DialId, exten: String, context: String, hops: Hops) {
        let hops = Hops { diversions: hops.diversions.saturating_add(1), ..hops };
        let left = (hops.diversions <= limit::DIVERSIONS).then_some(hops.max_forwards);
        let Some(leg) = self.add_branch(now, id, Direction::Local, exten.clone(), left, hops) else { return };
        let party = self.dial_mut(id).map(|dial| dial.party.clone()).unwrap_or_default();
        if let Some(leg) = self.leg_mut(leg) {
            leg.party = party;
        }
        self.run(leg, Route::Dialplan { exten, context: Some(context) });
    }

    /// Makes the leg of a branch, or counts why there is none.
    fn add_branch(
        &mut self,
        now: Instant,
        id: DialId,
        direction: Direction,
        number: String,
        left: Option<u8>,
        hops: Hops,
    ) -> Option<LegId> {
        let room = self.has_room();
        let failure = match left {
            None => Some(Cause::EXCHANGE_ROUTING_ERROR),
            Some(_) if !room => Some(Cause::CONGESTION),
            Some(_) => None,
        };
        if let Some(cause) = failure {
            self.dial_mut(id)?.tally.count(cause);
            return None;
        }
        let leg = self.allocate_leg();
        let party = Party::new("", number.clone());
        self.add(Leg::new(now, leg, direction, party, number, hops));
        self.dial_mut(id)?.branches.push(Branch { leg, hops });
        Some(leg)
    }

    /// A branch rings or is heard.
    pub(crate) fn branch_progress(&mut self, now: Instant, id: LegId, early_media: bool) {
        if !self.leg(id).is_some_and(|leg| leg.direction == Direction::Outbound) {
            return;
        }
        let signal = if early_media { Signal::Sounds } else { Signal::Rings };
        if !self.step(now, id, signal) {
            return;
        }
        if !early_media {
            self.event(id, LegEventKind::Ringing);
        }
        self.pass_on(now, id, early_media.then_some(id));
    }

    /// Passes on to the caller that a branch rings, or is heard through `source`.
    pub(crate) fn pass_on(&mut self, now: Instant, branch: LegId, source: Option<LegId>) {
        let Some(dial) = self.dials.iter().find(|dial| dial.rings(branch)) else { return };
        let (Some(caller), network) = (dial.caller, *dial.ringback() == Ringback::Network) else { return };
        match source {
            Some(source) if network => self.pass_early_media(now, caller, source),
            _ => self.show_ringing(now, caller),
        }
    }

    fn pass_early_media(&mut self, now: Instant, caller: LegId, source: LegId) {
        let Some(leg) = self.leg(caller) else { return };
        if leg.is_local() && leg.alias.is_none() {
            // The dialler of the local leg is who listens.
            self.step(now, caller, Signal::Progress);
            return self.pass_on(now, caller, Some(source));
        }
        let Some(ear) = self.ear(caller) else { return };
        self.show_progress(now, ear);
        self.join_early(ear, source);
    }

    /// Shows a leg that dials that it rings.
    pub(crate) fn show_ringing(&mut self, now: Instant, id: LegId) {
        if !self.step(now, id, Signal::Ring) {
            return;
        }
        match self.leg(id).map(|leg| leg.direction) {
            Some(Direction::Inbound) => self.emit(Effect::Ring { leg: id }),
            Some(Direction::Local) => self.pass_on(now, id, None),
            Some(Direction::Outbound) | None => {}
        }
    }

    /// Begins early media with a leg that dials or is played to.
    pub(crate) fn show_progress(&mut self, now: Instant, id: LegId) {
        if !self.step(now, id, Signal::Progress) {
            return;
        }
        match self.leg(id).map(|leg| leg.direction) {
            Some(Direction::Inbound) => self.emit(Effect::Progress { leg: id }),
            Some(Direction::Local) => self.pass_on(now, id, None),
            Some(Direction::Outbound) | None => {}
        }
    }

    /// Answers a leg; what is answered already stays so.
    pub(crate) fn answer(&mut self, now: Instant, id: LegId) {
        if !self.step(now, id, Signal::Answer) {
            return;
        }
        if let Some(leg) = self.leg_mut(id) {
            leg.fall_through = None;
        }
        self.event(id, LegEventKind::Answered);
        match self.leg(id).map(|leg| leg.direction) {
            Some(Direction::Inbound) => self.emit(Effect::Answer { leg: id }),
            Some(Direction::Local) => self.branch_answered(now, id),
            Some(Direction::Outbound) | None => {}
        }
    }

    /// The party of a leg answered us, or confirmed our answer.
    pub(crate) fn answered_by_party(&mut self, now: Instant, id: LegId) {
        if !self.step(now, id, Signal::Answers) {
            return;
        }
        if self.leg(id).is_some_and(|leg| leg.direction == Direction::Outbound) {
            self.event(id, LegEventKind::Answered);
            self.branch_answered(now, id);
        }
    }

    /// A branch answered: it wins.
    pub(crate) fn branch_answered(&mut self, now: Instant, leg: LegId) {
        let Some(dial) = self.dials.iter_mut().find(|dial| dial.rings(leg)) else { return };
        let (id, caller) = (dial.id, dial.caller);
        let losers = std::mem::take(&mut dial.branches);
        // The winner stays a branch until it has its place, so that something holds it.
        dial.branches
            .extend(losers.iter().position(|branch| branch.leg == leg).map(|at| Branch { leg, hops: losers[at].hops }));
        for loser in losers.iter().filter(|branch| branch.leg != leg) {
            self.release(now, loser.leg, Cause::NON_SELECTED_USER, Side::Host);
        }
        match caller {
            None => self.originated(now, id, leg),
            Some(caller) if self.leg(caller).is_some_and(Leg::is_local) => self.answer_through(now, id, caller, leg),
            Some(caller) => self.connect(now, id, caller, leg),
        }
    }

    /// Connects the caller of a dial with the leg that answered.
    pub(crate) fn connect(&mut self, now: Instant, id: DialId, caller: LegId, leg: LegId) {
        let Some(dial) = self.dial_mut(id) else { return };
        dial.branches.clear();
        let limit = match &dial.purpose {
            Purpose::Connect(options) => options.limit,
            Purpose::Originate(_) => None,
        };
        let until = limit.map(|limit| now + limit.min(limit::CALL));
        dial.phase = Phase::Talking { with: leg, since: now, until };
        self.answer(now, caller);
        self.attach(caller, leg);
    }

    /// Lets a caller hear the leg that answered: by a bridge, or by taking over the run of a local leg.
    pub(crate) fn attach(&mut self, caller: LegId, leg: LegId) {
        if !self.leg(leg).is_some_and(Leg::is_local) {
            return self.join(caller, leg);
        }
        self.part(caller);
        if let Some(local) = self.leg_mut(leg) {
            local.alias = Some(caller);
        }
    }

    fn originated(&mut self, now: Instant, id: DialId, leg: LegId) {
        let Some(at) = self.dials.iter().position(|dial| dial.id == id) else { return };
        let dial = self.dials.remove(at);
        if let Some(request) = dial.request {
            self.reply(request, Ok(Outcome::Originated { leg }));
        }
        let Some(answered) = self.leg_mut(leg) else { return };
        answered.owner = dial.owner;
        let route = match dial.purpose {
            Purpose::Originate(Then::Dialplan { exten, context }) => Some(Route::Dialplan { exten, context }),
            Purpose::Originate(Then::App { name, arguments }) => Some(Route::App { name, arguments }),
            Purpose::Originate(Then::Nothing) | Purpose::Connect(_) => None,
        };
        match route {
            // A local leg that answered is in its own run and has nobody at it: nothing is left to do with it.
            Some(_) if answered.is_local() => self.release(now, leg, Cause::NORMAL_CLEARING, Side::Host),
            Some(route) => self.run(leg, route),
            None => answered.kept = dial.owner.is_none(),
        }
    }

    /// A branch asks to be called elsewhere.
    pub(crate) fn branch_redirected(&mut self, now: Instant, leg: LegId, targets: Vec<Target>) {
        let Some(dial) = self.dials.iter_mut().find(|dial| dial.rings(leg)) else {
            return self.release(now, leg, Cause::NUMBER_CHANGED, Side::Party);
        };
        let Some(at) = dial.branches.iter().position(|branch| branch.leg == leg) else { return };
        let hops = dial.branches[at].hops;
        if hops.diversions >= limit::DIVERSIONS || targets.is_empty() {
            // A10: two phones that forward to each other end here.
            let cause = if targets.is_empty() { Cause::NUMBER_CHANGED } else { Cause::EXCHANGE_ROUTING_ERROR };
            return self.release(now, leg, cause, Side::Party);
        }
        let id = dial.id;
        dial.branches.remove(at);
        self.aim(now, id, targets, Hops { diversions: hops.diversions + 1, ..hops });
        self.release(now, leg, Cause::NUMBER_CHANGED, Side::Party);
        self.give_up_if_hopeless(now, id);
    }

    /// A leg was released: what does that mean for the dials it was in?
    pub(crate) fn dials_lose(&mut self, now: Instant, leg: LegId, cause: Cause, side: Side) {
        while let Some(dial) = self.dials.iter().find(|dial| dial.caller == Some(leg) || dial.owner == Some(leg)) {
            let status = if dial.talks_with().is_some() { DialStatus::Answer } else { DialStatus::Cancel };
            self.finish_dial(now, dial.id, status, cause, crate::call::other_side(side));
        }
        let Some(dial) = self.dials.iter_mut().find(|dial| dial.rings(leg) || dial.talks_with() == Some(leg)) else {
            return;
        };
        let id = dial.id;
        if dial.talks_with() == Some(leg) {
            return self.finish_dial(now, id, DialStatus::Answer, cause, crate::call::other_side(side));
        }
        dial.branches.retain(|branch| branch.leg != leg);
        dial.tally.count(cause);
        self.give_up_if_hopeless(now, id);
    }

    pub(crate) fn give_up_if_hopeless(&mut self, now: Instant, id: DialId) {
        if let Some(dial) = self.dial_mut(id).filter(|dial| dial.is_hopeless()) {
            let (status, cause) = dial.tally.verdict();
            self.finish_dial(now, id, status, cause, Side::Host);
        }
    }

    /// The time of a dial is over: it rang long enough, or the conversation reached its limit.
    pub(crate) fn dial_due(&mut self, now: Instant, id: DialId) {
        match self.dial_mut(id).map(|dial| dial.phase) {
            Some(Phase::Ringing { .. }) => {
                self.finish_dial(now, id, DialStatus::NoAnswer, Cause::NO_ANSWER, Side::Host)
            }
            Some(Phase::Talking { .. }) => {
                self.finish_dial(now, id, DialStatus::Answer, Cause::NORMAL_CLEARING, Side::Host)
            }
            None => {}
        }
    }

    /// Ends a dial with all that still belongs to it, and tells who asked.
    pub(crate) fn finish_dial(&mut self, now: Instant, id: DialId, status: DialStatus, cause: Cause, side: Side) {
        let Some(at) = self.dials.iter().position(|dial| dial.id == id) else { return };
        let mut dial = self.dials.remove(at);
        let branch_cause = if status == DialStatus::NoAnswer { Cause::NO_ANSWER } else { Cause::NORMAL_CLEARING };
        for branch in std::mem::take(&mut dial.branches) {
            self.release(now, branch.leg, branch_cause, Side::Host);
        }
        if let Some(with) = dial.talks_with() {
            self.release(now, with, cause, side);
        }
        let go_on = match &dial.purpose {
            Purpose::Connect(options) => options.go_on || status != DialStatus::Answer,
            Purpose::Originate(_) => true,
        };
        if status != DialStatus::Answer {
            self.unanswered = Some(status);
        }
        let caller = dial.caller.and_then(|caller| self.live_mut(caller));
        let go_on = go_on && (dial.caller.is_none() || caller.is_some());
        if let Some(caller) = caller.filter(|caller| caller.answered.is_none()) {
            caller.fall_through = Some((cause, Side::Host));
        }
        self.reply_dialed(now, &mut dial, status, cause, go_on);
        if let (Some(caller), false) = (dial.caller, go_on) {
            self.release(now, caller, cause, side);
        }
    }

    /// Answers who asked for a dial whose caller is replaced; the dial goes on.
    pub(crate) fn release_dial_request(&mut self, now: Instant, at: usize) {
        let mut dial = self.dials.remove(at);
        let status = if dial.talks_with().is_some() { DialStatus::Answer } else { DialStatus::Cancel };
        self.reply_dialed(now, &mut dial, status, Cause::NORMAL_CLEARING, false);
        self.dials.insert(at, dial);
    }

    /// Takes a dial apart without touching its legs: they go on otherwise. Who asked is told that its leg does not go on.
    pub(crate) fn abandon_dial(&mut self, now: Instant, id: DialId) -> Option<Dial> {
        let at = self.dials.iter().position(|dial| dial.id == id)?;
        let mut dial = self.dials.remove(at);
        self.reply_dialed(now, &mut dial, DialStatus::Answer, Cause::NORMAL_CLEARING, false);
        Some(dial)
    }

    fn reply_dialed(&mut self, now: Instant, dial: &mut Dial, status: DialStatus, cause: Cause, go_on: bool) {
        let Some(request) = dial.request.take() else { return };
        let ms = |from: Instant| u64::try_from(now.saturating_duration_since(from).as_millis()).unwrap_or(u64::MAX);
        let (answered_by, answered_ms) = match dial.phase {
            Phase::Ringing { .. } => (None, 0),
            Phase::Talking { with, since, .. } => (Some(with), ms(since)),
        };
        let dialed_ms = ms(dial.began);
        self.reply(request, Ok(Outcome::Dialed { status, cause, answered_by, answered_ms, dialed_ms, go_on }));
    }

    /// Ends a dial because who asked lost interest: what rings or talks for it is released, the caller stays.
    pub(crate) fn withdraw_dial(&mut self, now: Instant, at: usize) {
        let mut dial = self.dials.remove(at);
        if let Some(request) = dial.request.take() {
            self.reply(request, Err(RequestError::Failed("withdrawn".to_owned())));
        }
        for leg in dial.branches.iter().map(|branch| branch.leg).chain(dial.talks_with()) {
            self.release(now, leg, Cause::NORMAL_CLEARING, Side::Host);
        }
    }

    /// Whether any leg of a dial rings; one that is heard counts too when its audio is not passed on.
    pub(crate) fn rings_somewhere(&self, dial: &Dial) -> bool {
        dial.branches
            .iter()
            .filter_map(|branch| self.leg(branch.leg))
            .any(|leg| matches!(leg.state(), State::Ringing | State::Early))
    }

    /// Option `H` and `h`: a party of a dialled conversation may end it with `*`. True if it did.
    pub(crate) fn star_ends_conversation(&mut self, now: Instant, leg: LegId) -> bool {
        let ended = self.dials.iter().find_map(|dial| {
            let Purpose::Connect(options) = &dial.purpose else { return None };
            let with = dial.talks_with()?;
            if options.callee_may_hang_up && with == leg {
                Some((with, Side::Party))
            } else if options.caller_may_hang_up && dial.caller == Some(leg) {
                Some((with, Side::Other))
            } else {
                None
            }
        });
        let Some((with, side)) = ended else { return false };
        self.release(now, with, Cause::NORMAL_CLEARING, side);
        true
    }
}

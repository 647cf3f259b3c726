//! Requests: what is checked before each is granted, and how it begins.

use std::time::{Duration, Instant};

use crate::dial::{Purpose, Start};
use crate::leg::Run;
use crate::pending::{Kind, Pending, Read, Record, Stage};
use crate::{
    Call, Cause, DialOptions, Effect, Hops, LegId, Outcome, Party, Request, RequestError, RequestId, Route, Side,
    Target, Then, limit,
};

/// An answer for now, or none when it comes later.
type Granted = Result<Option<Outcome>, RequestError>;

const DONE: Granted = Ok(Some(Outcome::Done));

impl Call {
    /// Somebody asks for something.
    pub(crate) fn request(&mut self, now: Instant, id: RequestId, request: Request) {
        match self.grant(now, id, request) {
            Ok(Some(outcome)) => self.reply(id, Ok(outcome)),
            Ok(None) => {}
            Err(error) => self.reply(id, Err(error)),
        }
    }

    fn grant(&mut self, now: Instant, id: RequestId, request: Request) -> Granted {
        match request {
            Request::HangUp { leg, cause } => self.hang_up(now, leg, cause),
            Request::NextEvent { leg, timeout } => self.next_event(now, id, leg, timeout),
            Request::Attribute { leg, name } => self.read_attribute(leg, &name),
            Request::SetAttribute { leg, name, value } => self.set_attribute(leg, name, value),
            Request::Originate { on_behalf_of, targets, caller, timeout, then } => {
                self.originate(now, id, on_behalf_of, targets, caller, timeout, then)
            }
            Request::Bridge { a, b } => self.bridge(a, b),
            other => {
                let leg = self.reachable(other.leg().ok_or(RequestError::Unsupported)?)?;
                self.grant_on_leg(now, id, leg, other)
            }
        }
    }

    fn grant_on_leg(&mut self, now: Instant, id: RequestId, leg: LegId, request: Request) -> Granted {
        match request {
            Request::Ring { .. } => {
                self.show_ringing(now, leg);
                DONE
            }
            Request::Progress { .. } => {
                self.show_progress(now, leg);
                DONE
            }
            Request::Answer { .. } => self.answer_request(now, leg),
            Request::Wait { duration, .. } => {
                self.defer(id, leg, leg, Kind::Wait, Some(now + duration.min(limit::CALL)))
            }
            Request::Play { prompts, interrupt, .. } => self.play_request(now, id, leg, prompts, interrupt),
            Request::ReadDigits { max, timeout, inter_digit, terminators, prompts, .. } => {
                check_count(max as usize, limit::DIGITS)?;
                let read = Read {
                    play: None,
                    max: max as usize,
                    timeout: timeout.min(limit::CALL),
                    inter_digit: inter_digit.min(limit::CALL),
                    terminators: terminators.to_ascii_uppercase(),
                    digits: String::new(),
                };
                self.read_digits(now, id, leg, read, prompts)
            }
            Request::SendDigits { digits, .. } => self.send_digits(now, id, leg, digits),
            Request::Record { blob, quota, max, silence, terminators, beep, .. } => {
                let record = Record {
                    blob,
                    quota,
                    max: max.min(limit::CALL),
                    silence,
                    terminators: terminators.to_ascii_uppercase(),
                    stage: Stage::Recording,
                    ended: None,
                };
                self.record(now, id, leg, record, beep)
            }
            Request::Echo { stop, .. } => {
                let ear = self.media_leg(now, leg)?;
                self.supersede(ear);
                self.defer(id, ear, leg, Kind::Echo { stop: stop.to_ascii_uppercase() }, None)?;
                self.emit(Effect::Echo { leg: ear, on: true });
                Ok(None)
            }
            Request::Dial { targets, timeout, options, .. } => self.dial(now, id, leg, targets, timeout, options),
            Request::Unbridge { .. } => match self.partner(leg) {
                Some(_) if self.dials.iter().any(|dial| dial.involves(leg)) => Err(RequestError::Busy),
                Some(_) => {
                    self.part(leg);
                    DONE
                }
                None => Err(RequestError::Invalid("the leg is not in a bridge".to_owned())),
            },
            Request::Transfer { target, .. } => self.transfer_request(now, leg, target),
            _ => Err(RequestError::Unsupported),
        }
    }

    // === What a request may be made of ===

    /// The leg, if it is up and not on its way elsewhere.
    fn reachable(&self, id: LegId) -> Result<LegId, RequestError> {
        match self.live(id) {
            // While a leg is sent elsewhere the run it leaves may still ask: that run is over for it.
            Some(leg) if !matches!(leg.run, Run::Leaving(_)) && leg.state() != crate::leg::State::Moving => Ok(id),
            _ => Err(RequestError::Gone),
        }
    }

    /// The leg whose media does what is asked of `id`; it gets early media first if it is not answered.
    fn media_leg(&mut self, now: Instant, id: LegId) -> Result<LegId, RequestError> {
        let ear = self
            .ear(id)
            .ok_or_else(|| RequestError::Failed("nobody hears this leg before it is answered".to_owned()))?;
        if self.live(ear).is_none() {
            return Err(RequestError::Gone);
        }
        self.show_progress(now, ear);
        Ok(ear)
    }

    /// Keeps a request until it can be answered.
    fn defer(&mut self, id: RequestId, leg: LegId, asker: LegId, kind: Kind, deadline: Option<Instant>) -> Granted {
        self.check_pending()?;
        self.pending.push(Pending { id, leg, asker, kind, deadline });
        Ok(None)
    }

    fn check_pending(&self) -> Result<(), RequestError> {
        if self.pending.len() < limit::REQUESTS { Ok(()) } else { Err(RequestError::Limit) }
    }

    // === The requests ===

    fn hang_up(&mut self, now: Instant, id: LegId, cause: Cause) -> Granted {
        let leg = self.leg(id).ok_or(RequestError::Gone)?;
        if matches!(leg.run, Run::Leaving(_)) {
            return Err(RequestError::Gone);
        }
        self.release(now, id, cause, Side::Host);
        DONE
    }

    fn answer_request(&mut self, now: Instant, id: LegId) -> Granted {
        self.answer(now, id);
        match self.leg(id) {
            Some(leg) if leg.is_live() && !leg.talks() => {
                Err(RequestError::Invalid("this leg is answered by its own party".to_owned()))
            }
            _ => DONE,
        }
    }

    fn play_request(
        &mut self,
        now: Instant,
        id: RequestId,
        leg: LegId,
        prompts: Vec<String>,
        interrupt: String,
    ) -> Granted {
        check_prompts(&prompts)?;
        self.check_pending()?;
        let ear = self.media_leg(now, leg)?;
        self.supersede(ear);
        let interrupt = interrupt.to_ascii_uppercase();
        // A key pressed ahead of the prompt ends it before it began.
        let ahead = self.leg_mut(ear).and_then(|leg| leg.events.take_digit(Some(&interrupt)));
        if ahead.is_some() || prompts.is_empty() {
            return Ok(Some(Outcome::Played { digit: ahead }));
        }
        let play = self.play(ear, prompts);
        self.defer(id, ear, leg, Kind::Play { play, interrupt }, None)
    }

    fn read_digits(
        &mut self,
        now: Instant,
        id: RequestId,
        leg: LegId,
        mut read: Read,
        prompts: Vec<String>,
    ) -> Granted {
        check_prompts(&prompts)?;
        self.check_pending()?;
        let ear = self.media_leg(now, leg)?;
        self.supersede(ear);
        while let Some(digit) = self.leg_mut(ear).and_then(|leg| leg.events.take_digit(None)) {
            if let Some(outcome) = read.press(digit) {
                return Ok(Some(outcome));
            }
        }
        let deadline = if !read.digits.is_empty() {
            Some(now + read.inter_digit)
        } else if prompts.is_empty() {
            Some(now + read.timeout)
        } else {
            read.play = Some(self.play(ear, prompts));
            None
        };
        self.defer(id, ear, leg, Kind::Read(read), deadline)
    }

    fn send_digits(&mut self, now: Instant, id: RequestId, leg: LegId, digits: String) -> Granted {
        check_count(digits.len(), limit::DIGITS)?;
        let digits = digits.to_ascii_uppercase();
        if let Some(other) = digits.chars().find(|digit| !matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D' | 'W')) {
            return Err(RequestError::Invalid(format!("{other:?} cannot be sent as a key: 0-9, *, #, A-D and w can")));
        }
        let ear = self.media_leg(now, leg)?;
        if self.pending.iter().any(|pending| pending.leg == ear && matches!(pending.kind, Kind::SendDigits)) {
            return Err(RequestError::Busy);
        }
        self.defer(id, ear, leg, Kind::SendDigits, Some(now + limit::SENDING))?;
        self.emit(Effect::SendDigits { leg: ear, digits: digits.replace('W', "w") });
        Ok(None)
    }

    fn record(&mut self, now: Instant, id: RequestId, leg: LegId, mut record: Record, beep: bool) -> Granted {
        check_text("a blob's name", &record.blob)?;
        self.check_pending()?;
        let ear = self.media_leg(now, leg)?;
        self.supersede(ear);
        if beep {
            record.stage = Stage::Beep(self.play(ear, vec!["tone:1000/200".to_owned()]));
        }
        self.defer(id, ear, leg, Kind::Record(record), None)?;
        if !beep {
            self.start_recording(now, self.pending.len() - 1);
        }
        Ok(None)
    }

    fn next_event(&mut self, now: Instant, id: RequestId, leg: LegId, timeout: Duration) -> Granted {
        let at = self.ear(leg).unwrap_or(leg);
        let queue = self.leg_mut(at).ok_or(RequestError::Gone)?;
        if let Some(event) = queue.events.take() {
            return Ok(Some(Outcome::Event(Some(event))));
        }
        self.reachable(leg)?;
        if self.live(at).is_none() {
            return Err(RequestError::Gone);
        }
        if timeout.is_zero() {
            return Ok(Some(Outcome::Event(None)));
        }
        self.defer(id, at, leg, Kind::NextEvent, Some(now + timeout.min(limit::CALL)))
    }

    fn dial(
        &mut self,
        now: Instant,
        id: RequestId,
        leg: LegId,
        targets: Vec<Target>,
        timeout: Duration,
        options: DialOptions,
    ) -> Granted {
        check_targets(&targets)?;
        if self.dials.len() >= limit::DIALS {
            return Err(RequestError::Limit);
        }
        let caller = self.leg(leg).ok_or(RequestError::Gone)?;
        let rings_itself = caller.direction == crate::Direction::Outbound && !caller.talks();
        if rings_itself {
            return Err(RequestError::Invalid("a leg that has not answered cannot dial".to_owned()));
        }
        let talks_as_branch = !caller.is_local() && self.dials.iter().any(|dial| dial.talks_with() == Some(leg));
        if talks_as_branch || self.peer(leg).is_some() || self.dials.iter().any(|dial| dial.caller == Some(leg)) {
            return Err(RequestError::Busy);
        }
        let (party, hops) = (caller.party.clone(), caller.hops);
        let ear = self.ear(leg);
        if let Some(ear) = ear {
            self.supersede(ear);
        }
        let purpose = Purpose::Connect(options);
        let start = Start { request: id, caller: Some(leg), owner: None, party, hops, targets, timeout, purpose };
        self.start_dial(now, start);
        Ok(None)
    }

    #[expect(clippy::too_many_arguments, reason = "they are the fields of Request::Originate")]
    fn originate(
        &mut self,
        now: Instant,
        id: RequestId,
        owner: Option<LegId>,
        targets: Vec<Target>,
        party: Party,
        timeout: Duration,
        then: Then,
    ) -> Granted {
        // A call made for this alone is over when it cannot be granted.
        self.begin();
        check_targets(&targets)?;
        if self.dials.len() >= limit::DIALS {
            return Err(RequestError::Limit);
        }
        let owner = owner.map(|owner| self.reachable(owner)).transpose()?;
        let hops = owner.and_then(|owner| self.leg(owner)).map_or_else(Hops::default, |leg| leg.hops);
        if self.legs.is_empty() {
            self.originator = party.clone();
        }
        let purpose = Purpose::Originate(then);
        self.start_dial(now, Start { request: id, caller: None, owner, party, hops, targets, timeout, purpose });
        Ok(None)
    }

    fn bridge(&mut self, a: LegId, b: LegId) -> Granted {
        if a == b {
            return Err(RequestError::Invalid("a leg cannot be joined with itself".to_owned()));
        }
        for id in [a, b] {
            self.reachable(id)?;
            let leg = self.leg(id).ok_or(RequestError::Gone)?;
            if !leg.talks() || leg.is_local() {
                return Err(RequestError::Invalid("only answered legs can be joined".to_owned()));
            }
            if self.partner(id).is_some() || self.dials.iter().any(|dial| dial.involves(id)) {
                return Err(RequestError::Busy);
            }
        }
        self.join(a, b);
        DONE
    }

    fn transfer_request(&mut self, now: Instant, leg: LegId, target: String) -> Granted {
        check_text("an extension", &target)?;
        let talks = self.leg(leg).is_some_and(|leg| leg.talks() || leg.direction == crate::Direction::Inbound);
        if !talks || self.leg(leg).is_some_and(|leg| leg.is_local()) {
            return Err(RequestError::Invalid("only the leg of a caller or an answered one can be sent on".to_owned()));
        }
        self.check_diversion(leg).map_err(|_| RequestError::Limit)?;
        let by = self.leg(leg).and_then(|leg| leg.endpoint.clone());
        while let Some(dial) = self.dials.iter().find(|dial| dial.involves(leg)).map(|dial| dial.id) {
            if let Some(mut dial) = self.abandon_dial(now, dial) {
                let local = dial.talks_with().filter(|with| self.leg(*with).is_some_and(|leg| leg.is_local()));
                for leg in dial.branches.drain(..).map(|branch| branch.leg).chain(local) {
                    self.release(now, leg, Cause::NORMAL_CLEARING, Side::Host);
                }
            }
        }
        self.part(leg);
        self.drop_requests(leg);
        self.divert(leg, Route::Transferred { target, by });
        DONE
    }
}

fn check_targets(targets: &[Target]) -> Result<(), RequestError> {
    if targets.is_empty() {
        return Err(RequestError::Invalid("there is nobody to dial".to_owned()));
    }
    check_count(targets.len(), limit::TARGETS)?;
    for target in targets {
        match target {
            Target::Endpoint(text) | Target::Uri(text) => check_text("a target", text)?,
            Target::Local { exten, context } => {
                check_text("an extension", exten)?;
                check_text("a context", context)?;
            }
        }
    }
    Ok(())
}

fn check_prompts(prompts: &[String]) -> Result<(), RequestError> {
    if prompts.len() > limit::PROMPTS || prompts.iter().any(|prompt| prompt.len() > limit::TEXT_BYTES) {
        return Err(RequestError::Limit);
    }
    Ok(())
}

/// A count from 1 to a limit.
fn check_count(count: usize, most: usize) -> Result<(), RequestError> {
    match count {
        0 => Err(RequestError::Invalid("none is asked for".to_owned())),
        count if count > most => Err(RequestError::Limit),
        _ => Ok(()),
    }
}

/// A text that is there, not too long and without control characters (A9).
fn check_text(what: &str, text: &str) -> Result<(), RequestError> {
    if text.is_empty() {
        return Err(RequestError::Invalid(format!("{what} is empty")));
    }
    if text.len() > limit::TEXT_BYTES {
        return Err(RequestError::Limit);
    }
    if text.chars().any(char::is_control) {
        return Err(RequestError::Invalid(format!("{what} has a control character")));
    }
    Ok(())
}

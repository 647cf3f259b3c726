//! Requests that wait: for time, for keys, for media, for events.

use std::time::{Duration, Instant};

use crate::{
    Call, Carrier, Effect, LegEventKind, LegId, Outcome, PlayId, RecordingEnd, RequestError, RequestId, Side, limit,
};

/// A request that is not answered yet. (Dials wait in their [`Dial`](crate::dial::Dial).)
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) id: RequestId,
    /// The leg at which it happens.
    pub(crate) leg: LegId,
    /// The leg that was named: another one if that is a local leg.
    pub(crate) asker: LegId,
    pub(crate) kind: Kind,
    /// When it is answered at the latest.
    pub(crate) deadline: Option<Instant>,
}

/// What a request waits for.
#[derive(Debug)]
pub(crate) enum Kind {
    Wait,
    Play { play: PlayId, interrupt: String },
    Read(Read),
    Record(Record),
    Echo { stop: String },
    SendDigits,
    NextEvent,
}

/// A reading of digits.
#[derive(Debug)]
pub(crate) struct Read {
    /// The prompts, while they play.
    pub(crate) play: Option<PlayId>,
    pub(crate) max: usize,
    pub(crate) timeout: Duration,
    pub(crate) inter_digit: Duration,
    pub(crate) terminators: String,
    pub(crate) digits: String,
}

/// A recording.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) blob: String,
    pub(crate) quota: Option<u64>,
    pub(crate) max: Duration,
    pub(crate) silence: Option<Duration>,
    pub(crate) terminators: String,
    pub(crate) stage: Stage,
    /// Why it was stopped, if this call stopped it.
    pub(crate) ended: Option<RecordingEnd>,
}

/// How far a recording is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Beep(PlayId),
    Recording,
    Storing,
}

impl Kind {
    /// Whether it occupies the leg's media; one of these runs at a time.
    fn is_media(&self) -> bool {
        match self {
            Self::Play { .. } | Self::Read(_) | Self::Echo { .. } => true,
            Self::Record(record) => record.stage != Stage::Storing,
            Self::Wait | Self::SendDigits | Self::NextEvent => false,
        }
    }

    fn is_storing(&self) -> bool {
        matches!(self, Self::Record(Record { stage: Stage::Storing, .. }))
    }
}

/// What a key did to a request.
enum Pressed {
    Ignored,
    Taken,
    Answered(Outcome),
}

impl Call {
    /// Whether a media request occupies a leg.
    pub(crate) fn has_media_request(&self, leg: LegId) -> bool {
        self.pending.iter().any(|pending| pending.leg == leg && pending.kind.is_media())
    }

    /// Stops the media request of a leg; a new one takes its place.
    pub(crate) fn supersede(&mut self, leg: LegId) {
        self.silence(leg);
        while let Some(at) = self.pending.iter().position(|pending| pending.leg == leg && pending.kind.is_media()) {
            let pending = self.pending.remove(at);
            self.stop(&pending);
            self.reply(pending.id, Err(RequestError::Failed("a newer request took the leg's media".to_owned())));
        }
    }

    /// Ends what a request does with media.
    fn stop(&mut self, pending: &Pending) {
        let leg = pending.leg;
        match &pending.kind {
            Kind::Play { play, .. } | Kind::Read(Read { play: Some(play), .. }) => {
                self.emit(Effect::StopPlay { leg, play: *play })
            }
            Kind::Record(record) => match record.stage {
                Stage::Beep(play) => self.emit(Effect::StopPlay { leg, play }),
                Stage::Recording => self.emit(Effect::StopRecord { leg }),
                Stage::Storing => {}
            },
            Kind::Echo { .. } => self.emit(Effect::Echo { leg, on: false }),
            Kind::Wait | Kind::Read(_) | Kind::SendDigits | Kind::NextEvent => {}
        }
    }

    /// The request that waits for a leg's next event, if one does; it is to be answered.
    pub(crate) fn take_event_waiter(&mut self, leg: LegId) -> Option<RequestId> {
        let waits = |pending: &Pending| pending.leg == leg && matches!(pending.kind, Kind::NextEvent);
        let at = self.pending.iter().position(waits)?;
        Some(self.pending.remove(at).id)
    }

    /// Answers the requests of a leg that goes elsewhere or ended with `gone`.
    ///
    /// A recording is the exception: what was said before the hang-up, be it nothing, is stored first, and whoever asked learns
    /// its name.
    pub(crate) fn leg_gone(&mut self, now: Instant, leg: LegId) {
        let mut at = 0;
        while at < self.pending.len() {
            let pending = &self.pending[at];
            if (pending.leg != leg && pending.asker != leg) || pending.kind.is_storing() {
                at += 1;
                continue;
            }
            if matches!(pending.kind, Kind::Record(_)) {
                self.stop_recording(now, at, RecordingEnd::Gone);
                at += 1;
                continue;
            }
            let pending = self.pending.remove(at);
            if pending.leg != leg {
                // A local leg ended: who hears for it goes on, so what sounds there must stop.
                self.stop(&pending);
            }
            self.reply(pending.id, Err(RequestError::Gone));
        }
    }

    /// Answers all requests of a leg that stays up but goes elsewhere.
    pub(crate) fn drop_requests(&mut self, leg: LegId) {
        while let Some(at) = self.pending.iter().position(|pending| pending.leg == leg) {
            let pending = self.pending.remove(at);
            self.stop(&pending);
            self.reply(pending.id, Err(RequestError::Gone));
        }
    }

    /// Whoever asked has lost interest.
    pub(crate) fn withdraw(&mut self, now: Instant, id: RequestId) {
        if let Some(at) = self.pending.iter().position(|pending| pending.id == id) {
            let pending = self.pending.remove(at);
            self.stop(&pending);
            self.reply(id, Err(RequestError::Failed("withdrawn".to_owned())));
        } else if let Some(at) = self.dials.iter().position(|dial| dial.request == Some(id)) {
            self.withdraw_dial(now, at);
        }
    }

    // === What happens on the leg ===

    /// A key was pressed.
    pub(crate) fn dtmf(&mut self, now: Instant, leg: LegId, (digit, duration_ms): (char, u32), carrier: Carrier) {
        let digit = digit.to_ascii_uppercase();
        if self.live(leg).is_none() || !matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D') {
            return;
        }
        if let Some(at) = self.pending.iter().position(|pending| pending.leg == leg && pending.kind.is_media()) {
            match self.press(now, at, digit) {
                Pressed::Ignored => {}
                Pressed::Taken => return,
                Pressed::Answered(outcome) => return self.answer_media(at, outcome),
            }
        } else if digit == '*' && self.star_ends_conversation(now, leg) {
            return;
        }
        if let Some(leg) = self.listener(leg) {
            self.emit(Effect::RelayDigit { leg, digit, duration_ms, carrier });
        }
        self.event(leg, LegEventKind::Dtmf { digit, duration_ms });
    }

    fn answer_media(&mut self, at: usize, outcome: Outcome) {
        let pending = self.pending.remove(at);
        self.stop(&pending);
        self.reply(pending.id, Ok(outcome));
    }

    fn press(&mut self, now: Instant, at: usize, digit: char) -> Pressed {
        let pending = &mut self.pending[at];
        let leg = pending.leg;
        match &mut pending.kind {
            Kind::Play { interrupt, .. } if interrupt.contains(digit) => {
                Pressed::Answered(Outcome::Played { digit: Some(digit) })
            }
            Kind::Echo { stop } if stop.contains(digit) => Pressed::Answered(Outcome::Played { digit: Some(digit) }),
            Kind::Read(read) => {
                let outcome = read.press(digit);
                pending.deadline = Some(now + read.inter_digit);
                let play = if outcome.is_none() { read.play.take() } else { None };
                if let Some(play) = play {
                    self.emit(Effect::StopPlay { leg, play });
                }
                outcome.map_or(Pressed::Taken, Pressed::Answered)
            }
            Kind::Record(record) if record.terminators.contains(digit) => {
                self.stop_recording(now, at, RecordingEnd::Digit(digit));
                Pressed::Taken
            }
            _ => Pressed::Ignored,
        }
    }

    /// A playback is over.
    pub(crate) fn play_ended(&mut self, now: Instant, leg: LegId, ended: PlayId) {
        if self.music_ended(now, leg, ended) {
            return;
        }
        let Some(at) = self.pending.iter().position(|pending| pending.leg == leg && pending.kind.is_media()) else {
            return;
        };
        let pending = &mut self.pending[at];
        match &mut pending.kind {
            Kind::Play { play, .. } if *play == ended => {
                let pending = self.pending.remove(at);
                self.reply(pending.id, Ok(Outcome::Played { digit: None }));
            }
            Kind::Read(read) if read.play == Some(ended) => {
                read.play = None;
                pending.deadline = Some(now + read.timeout);
            }
            Kind::Record(record) if record.stage == Stage::Beep(ended) => self.start_recording(now, at),
            _ => {}
        }
    }

    /// A prompt does not exist: whoever asked for it is told. What plays for its own sake (music, a beep) goes on without.
    pub(crate) fn play_failed(&mut self, now: Instant, leg: LegId, failed: PlayId, prompt: &str) {
        let asked = |pending: &Pending| match &pending.kind {
            Kind::Play { play, .. } => *play == failed,
            Kind::Read(read) => read.play == Some(failed),
            _ => false,
        };
        match self.pending.iter().position(|pending| pending.leg == leg && asked(pending)) {
            Some(at) => {
                let pending = self.pending.remove(at);
                self.reply(pending.id, Err(RequestError::Invalid(format!("there is no sound {prompt:?}"))));
            }
            None => self.play_ended(now, leg, failed),
        }
    }

    /// The digits are sent.
    pub(crate) fn digits_sent(&mut self, leg: LegId) {
        let sends = |pending: &Pending| pending.leg == leg && matches!(pending.kind, Kind::SendDigits);
        if let Some(at) = self.pending.iter().position(sends) {
            let pending = self.pending.remove(at);
            self.reply(pending.id, Ok(Outcome::Done));
        }
    }

    /// Begins to record, after the beep.
    pub(crate) fn start_recording(&mut self, now: Instant, at: usize) {
        let pending = &mut self.pending[at];
        let Kind::Record(record) = &mut pending.kind else { return };
        record.stage = Stage::Recording;
        pending.deadline = Some(now + record.max);
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let effect = Effect::StartRecord {
            leg: pending.leg,
            blob: record.blob.clone(),
            quota: record.quota,
            max_ms: ms(record.max),
            silence_ms: record.silence.map(ms),
        };
        self.emit(effect);
    }

    /// Ends a recording and waits until it is stored.
    fn stop_recording(&mut self, now: Instant, at: usize, ended: RecordingEnd) {
        let pending = &mut self.pending[at];
        let leg = pending.leg;
        let Kind::Record(record) = &mut pending.kind else { return };
        match record.stage {
            // Before the beep is over: a recording of nothing, which takes the place of the former one like any other.
            Stage::Beep(play) => {
                self.emit(Effect::StopPlay { leg, play });
                self.start_recording(now, at);
                self.stop_recording(now, at, ended);
            }
            Stage::Recording => {
                record.stage = Stage::Storing;
                record.ended = Some(ended);
                pending.deadline = Some(now + limit::STORING);
                self.emit(Effect::StopRecord { leg });
            }
            Stage::Storing => {}
        }
    }

    /// A recording is stored, or not.
    pub(crate) fn record_ended(&mut self, leg: LegId, blob: &str, stored: Result<u64, RequestError>, silence: bool) {
        let records = |pending: &Pending| {
            pending.leg == leg
                && matches!(&pending.kind, Kind::Record(record) if record.blob == blob && !matches!(record.stage, Stage::Beep(_)))
        };
        let Some(at) = self.pending.iter().position(records) else { return };
        let pending = self.pending.remove(at);
        let Kind::Record(record) = pending.kind else { return };
        let by_itself = if silence { RecordingEnd::Silence } else { RecordingEnd::Limit };
        let ended = record.ended.unwrap_or(by_itself);
        let recorded = |duration_ms| Outcome::Recorded { blob: record.blob, duration_ms, ended };
        self.reply(pending.id, stored.map(recorded));
    }

    /// Nothing was heard of a leg for too long. Who holds need not send (RFC 3264 §8.4): if it is gone, its session timer finds out. Who
    /// is held was told nothing of that and sends on, so that its silence is that of a phone that is gone.
    pub(crate) fn media_timeout(&mut self, now: Instant, leg: LegId) {
        if self.live(leg).is_some_and(|leg| leg.talks() && !leg.held) {
            self.release(now, leg, crate::Cause::DESTINATION_OUT_OF_ORDER, Side::Host);
        }
    }

    /// The time of a request is over.
    pub(crate) fn pending_due(&mut self, now: Instant, at: usize) {
        let pending = &mut self.pending[at];
        pending.deadline = None;
        let result = match &mut pending.kind {
            Kind::Wait => Ok(Outcome::Done),
            Kind::NextEvent => Ok(Outcome::Event(None)),
            Kind::Read(read) => Ok(Outcome::Digits { digits: std::mem::take(&mut read.digits), terminator: None }),
            Kind::SendDigits => Err(RequestError::Timeout),
            Kind::Record(record) if record.stage == Stage::Storing => Err(RequestError::Timeout),
            Kind::Record(_) => return self.stop_recording(now, at, RecordingEnd::Limit),
            // These have no deadline.
            Kind::Play { .. } | Kind::Echo { .. } => return,
        };
        let pending = self.pending.remove(at);
        self.reply(pending.id, result);
    }
}

impl Read {
    /// Takes a key; the outcome if it was the last.
    pub(crate) fn press(&mut self, digit: char) -> Option<Outcome> {
        let terminator = self.terminators.contains(digit).then_some(digit);
        if terminator.is_none() {
            self.digits.push(digit);
        }
        (terminator.is_some() || self.digits.len() >= self.max)
            .then(|| Outcome::Digits { digits: std::mem::take(&mut self.digits), terminator })
    }
}

//! A leg's media: sockets, offer and answer, playback. Packets never come here, only what they amount to.

use std::sync::Arc;

use bytes::Bytes;
use call::{Carrier, Cause, Input, LegId, PlayId};
use codec::Codec;
use media::engine::{Command, Event, LegKey, LegOptions, Source};
use media::negotiation::{Direction, Negotiation};
use sip::endpoint::SessionId;

use super::leg::{Hears, LegMedia, Role, local_media};
use super::message::Message;
use super::{CallTask, call_key};
use crate::sound::Resolved;
use crate::tenant::definition::Endpoint;

impl CallTask {
    /// Opens a leg's sockets with the codecs of its endpoint, if that has not been done. On failure the leg is ended.
    pub(super) fn open_media(&mut self, leg: LegId) -> bool {
        let Some(state) = self.legs.get(&leg) else { return false };
        if state.media.is_some() {
            return true;
        }
        let codecs = codecs_of(state.endpoint.as_deref());
        self.open_media_with(leg, codecs)
    }

    pub(super) fn open_media_with(&mut self, leg: LegId, codecs: Vec<Codec>) -> bool {
        let hears = Hears::new(self.sender.clone());
        let sink = hears.clone();
        let options = LegOptions { media_timeout: self.shared.media_timeout };
        let port = self.shared.media.allocate(call_key(self.id), options, Arc::new(move |event| sink.deliver(event)));
        let Some(state) = self.legs.get_mut(&leg) else { return false };
        match port {
            Ok(port) => {
                let negotiation = Negotiation::new(local_media(port.address(), self.shared.random_u64(), codecs));
                state.media = Some(LegMedia { port, negotiation, hears, held: false });
                true
            }
            Err(error) => {
                tracing::error!(call = %self.id, %leg, %error, "no media for a leg");
                self.fail_leg(leg, Cause::CONGESTION);
                false
            }
        }
    }

    /// The codecs to offer to `endpoint`, the caller's codec first: what need not be transcoded should not be.
    pub(super) fn codecs_towards(&mut self, endpoint: Option<&Endpoint>, caller: Option<LegId>) -> Vec<Codec> {
        let mut codecs = codecs_of(endpoint);
        let heard = caller.and_then(|leg| {
            if !self.open_media(leg) {
                return None;
            }
            let state = self.legs.get_mut(&leg)?;
            let made = state.answer_sdp().ok().is_some_and(|(_, fresh)| fresh);
            if made {
                self.update_stream(leg);
            }
            self.legs.get(&leg)?.media.as_ref()?.codec()
        });
        if let Some(heard) = heard.filter(|heard| codecs.contains(heard)) {
            codecs.retain(|codec| *codec != heard);
            codecs.insert(0, heard);
        }
        codecs
    }

    /// Our offer, or none for a leg without media.
    pub(super) fn offer(&mut self, leg: LegId, direction: Direction) -> Option<Bytes> {
        let media = self.legs.get_mut(&leg)?.media.as_mut()?;
        Some(media.negotiation.offer(direction).into())
    }

    /// Takes the peer's answer. False when nothing in it can be used.
    pub(super) fn accept_answer(&mut self, leg: LegId, answer: &Bytes) -> bool {
        let Some(media) = self.legs.get_mut(&leg).and_then(|leg| leg.media.as_mut()) else { return false };
        match media.negotiation.accept_answer(answer) {
            Ok(()) => {
                self.update_stream(leg);
                true
            }
            Err(error) => {
                tracing::info!(call = %self.id, %leg, %error, "the peer's SDP answer is not usable");
                false
            }
        }
    }

    /// Answers a re-INVITE's offer, or makes one when it has none.
    pub(super) fn answer_reoffer(&mut self, leg: LegId, offer: Option<&Bytes>) -> Option<Bytes> {
        let Some(offer) = offer else { return self.offer(leg, Direction::SendRecv) };
        let media = self.legs.get_mut(&leg)?.media.as_mut()?;
        match media.negotiation.answer(offer) {
            Ok(answer) => {
                self.update_stream(leg);
                Some(answer.into())
            }
            Err(error) => {
                tracing::info!(call = %self.id, %leg, %error, "a re-INVITE's offer is not acceptable");
                None
            }
        }
    }

    pub(super) fn media_of(&mut self, session: SessionId) -> Option<&mut LegMedia> {
        let leg = self.leg_of(session)?;
        self.legs.get_mut(&leg)?.media.as_mut()
    }

    /// Tells the media thread what is agreed now.
    pub(super) fn update_stream(&mut self, leg: LegId) {
        let Some(media) = self.legs.get(&leg).and_then(|leg| leg.media.as_ref()) else { return };
        if let Some(stream) = media.negotiation.stream() {
            self.shared.media.command(Command::Update { leg: media.key(), stream: stream.clone() });
        }
    }

    /// Sends a command about a leg's media. False when the leg has none.
    pub(super) fn media_command(&mut self, leg: LegId, command: impl FnOnce(LegKey) -> Command) -> bool {
        let key = self.legs.get(&leg).and_then(|leg| leg.media.as_ref()).map(LegMedia::key);
        match key {
            Some(key) => {
                self.shared.media.command(command(key));
                true
            }
            None => false,
        }
    }

    pub(super) fn bridge(&mut self, a: LegId, b: LegId, on: bool) {
        let key = |leg: LegId| self.legs.get(&leg).and_then(|leg| leg.media.as_ref()).map(LegMedia::key);
        let (Some(a), Some(b)) = (key(a), key(b)) else { return };
        self.shared.media.command(if on { Command::Bridge { a, b } } else { Command::Unbridge { a, b } });
    }

    /// A held party hears what the call plays to it; its phone is not re-invited, because it holds nothing itself.
    pub(super) fn hold(&mut self, leg: LegId, held: bool) {
        tracing::debug!(call = %self.id, %leg, held, "the other side changed hold");
    }

    pub(super) fn play(&mut self, leg: LegId, play: PlayId, prompts: &[String]) {
        if !self.ready_to_play(leg) {
            return self.input(Input::PlayEnded { leg, play });
        }
        let codec = self.legs.get(&leg).and_then(|leg| leg.media.as_ref()).and_then(LegMedia::codec);
        match self.tenant.sounds.resolve(prompts, codec.unwrap_or(Codec::Pcmu)) {
            Resolved::Ready(sources) => self.start_play(leg, play, sources),
            Resolved::Missing(prompt) => self.no_sound(leg, play, prompt),
            Resolved::Load(load) => {
                self.loading.insert((leg, play));
                let inbox = self.sender.clone();
                self.shared.tasks.spawn(async move {
                    let sources = load.await;
                    // The call may have ended meanwhile.
                    drop(inbox.send(Message::PromptsReady { leg, play, sources }).await);
                });
            }
        }
    }

    /// A caller hears prompts from 183 or 200 on; an offer must have been answered for that.
    fn ready_to_play(&self, leg: LegId) -> bool {
        let Some(state) = self.legs.get(&leg) else { return false };
        state.media.as_ref().is_some_and(|media| media.negotiation.stream().is_some())
            && !matches!(state.role, Role::Calling { answered: false, .. })
    }

    fn no_sound(&mut self, leg: LegId, play: PlayId, prompt: String) {
        tracing::warn!(call = %self.id, tenant = %self.tenant.id(), prompt, "no such sound");
        self.input(Input::PlayFailed { leg, play, prompt });
    }

    pub(super) fn prompts_ready(&mut self, leg: LegId, play: PlayId, sources: Result<Vec<Source>, String>) {
        // Stopped while it was read: another prompt may be playing by now.
        if !self.loading.remove(&(leg, play)) {
            return;
        }
        match sources {
            Ok(sources) => self.start_play(leg, play, sources),
            Err(missing) => self.no_sound(leg, play, missing),
        }
    }

    fn start_play(&mut self, leg: LegId, play: PlayId, sources: Vec<Source>) {
        if !self.media_command(leg, |leg| Command::Play { leg, play: play.0, sources }) {
            self.input(Input::PlayEnded { leg, play });
        }
    }

    pub(super) fn hear_media(&mut self, event: Event) {
        let key = match &event {
            Event::Dtmf { leg, .. }
            | Event::PlayEnded { leg, .. }
            | Event::DigitsSent { leg }
            | Event::Recorded { leg, .. }
            | Event::RecordEnded { leg, .. }
            | Event::Timeout { leg }
            | Event::Latched { leg, .. }
            | Event::Closed { leg, .. } => *leg,
        };
        let named = |state: &super::Leg| state.media.as_ref().is_some_and(|media| media.key() == key);
        let Some(leg) = self.legs.iter().find(|(_, state)| named(state)).map(|(leg, _)| *leg) else { return };
        match event {
            Event::Dtmf { digit, duration_ms, .. } => {
                self.input(Input::Dtmf { leg, digit, duration_ms, carrier: Carrier::Media });
            }
            Event::PlayEnded { play, .. } => self.input(Input::PlayEnded { leg, play: PlayId(play) }),
            Event::DigitsSent { .. } => self.media_sent_digits(leg),
            Event::Recorded { record, samples, .. } => self.recorded(leg, record, samples),
            Event::RecordEnded { record, reason, .. } => self.record_ended(leg, record, reason),
            Event::Timeout { .. } => self.input(Input::MediaTimeout { leg }),
            Event::Latched { remote, .. } => tracing::debug!(call = %self.id, %leg, %remote, "media latched"),
            Event::Closed { statistics, .. } => tracing::debug!(call = %self.id, %leg, ?statistics, "media closed"),
        }
    }
}

fn codecs_of(endpoint: Option<&Endpoint>) -> Vec<Codec> {
    endpoint.map_or_else(|| Codec::ALL.to_vec(), |endpoint| endpoint.codecs.clone())
}

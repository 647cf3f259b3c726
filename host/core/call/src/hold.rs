//! Holding, and what a waiting party hears: music, the ring tone, silence.

use std::time::Instant;

use crate::dial::Phase;
use crate::leg::{Leg, State};
use crate::{Call, Direction, Effect, LegEventKind, LegId, PlayId, Ringback, limit};

/// What sounds at a leg while it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Background {
    /// Nothing.
    Silence,
    /// The ring tone.
    RingTone,
    /// Music, over and over.
    Music {
        /// The playback.
        play: PlayId,
        /// Since when.
        since: Instant,
        /// What is played; none once it turned out to be empty.
        prompts: Vec<String>,
    },
}

/// What ought to sound.
enum Wanted {
    Silence,
    RingTone,
    Music(Vec<String>),
}

impl Call {
    /// A re-INVITE of a leg held the other side, or took it back. Storms are harmless: what changes nothing does nothing (A11).
    pub(crate) fn hold(&mut self, id: LegId, held: bool) {
        match self.live_mut(id) {
            Some(leg) if leg.held != held => leg.held = held,
            _ => return,
        }
        self.event(id, LegEventKind::Held(held));
        if let Some(peer) = self.partner(id) {
            self.emit(Effect::Hold { leg: peer, held });
        }
        self.remix(id);
    }

    /// Lets every leg hear what it ought to hear while it waits.
    pub(crate) fn tune(&mut self, now: Instant) {
        for at in 0..self.legs.len() {
            let leg = &self.legs[at];
            if leg.background == Background::Silence && !leg.is_live() {
                continue;
            }
            let id = leg.id;
            let wanted = self.wanted(leg);
            match (&self.legs[at].background, wanted) {
                (Background::Silence, Wanted::Silence)
                | (Background::RingTone, Wanted::RingTone)
                | (Background::Music { .. }, Wanted::Music(_)) => {}
                (_, Wanted::Silence) => self.silence(id),
                (_, Wanted::RingTone) => {
                    self.silence(id);
                    self.legs[at].background = Background::RingTone;
                    self.emit(Effect::RingTone { leg: id, on: true });
                }
                (_, Wanted::Music(prompts)) => {
                    self.silence(id);
                    let play = self.play(id, prompts.clone());
                    self.legs[at].background = Background::Music { play, since: now, prompts };
                }
            }
        }
    }

    /// Ends what sounds at a leg while it waits.
    pub(crate) fn silence(&mut self, id: LegId) {
        let Some(leg) = self.leg_mut(id) else { return };
        match std::mem::replace(&mut leg.background, Background::Silence) {
            Background::Silence => {}
            Background::RingTone => self.emit(Effect::RingTone { leg: id, on: false }),
            Background::Music { play, .. } => self.emit(Effect::StopPlay { leg: id, play }),
        }
    }

    /// Plays music on when it is over; true if the playback was music.
    pub(crate) fn music_ended(&mut self, now: Instant, id: LegId, ended: PlayId) -> bool {
        let Some(Background::Music { play, since, prompts }) = self.leg(id).map(|leg| leg.background.clone()) else {
            return false;
        };
        if play != ended {
            return false;
        }
        // What ends at once is empty: asking for it again would be an endless loop.
        let empty = now.saturating_duration_since(since) < limit::MUSIC_LOOP;
        let play = if empty { play } else { self.play(id, prompts.clone()) };
        if let Some(leg) = self.leg_mut(id) {
            leg.background = Background::Music { play, since: now, prompts };
        }
        true
    }

    /// Starts a playback.
    pub(crate) fn play(&mut self, leg: LegId, prompts: Vec<String>) -> PlayId {
        let play = PlayId(self.next_play);
        self.next_play += 1;
        self.emit(Effect::Play { leg, play, prompts });
        play
    }

    fn wanted(&self, leg: &Leg) -> Wanted {
        let silent = matches!(leg.state(), State::Moving | State::Offered | State::Over | State::Moved);
        if silent || leg.is_local() || leg.held || self.has_media_request(leg.id) {
            return Wanted::Silence;
        }
        if let Some(peer) = self.partner(leg.id).and_then(|peer| self.leg(peer)) {
            return if peer.held { self.music(None) } else { Wanted::Silence };
        }
        if self.peer(leg.id).is_some() {
            return Wanted::Silence;
        }
        self.ringback(leg)
    }

    /// What a leg that dials hears until somebody answers.
    fn ringback(&self, leg: &Leg) -> Wanted {
        let Some(dial) = self.dials.iter().find(|dial| {
            dial.caller.is_some_and(|caller| self.ear(caller) == Some(leg.id))
                && matches!(dial.phase, Phase::Ringing { .. })
        }) else {
            return Wanted::Silence;
        };
        // Without early media of ours nothing can be heard: then the phone itself makes the tone when it is told 180.
        let audible = leg.talks() || leg.state() == State::Early;
        if !audible || (leg.direction == Direction::Outbound && !leg.talks()) {
            return Wanted::Silence;
        }
        match dial.ringback() {
            Ringback::Music(class) => self.music(class.as_deref()),
            Ringback::Tone => Wanted::RingTone,
            Ringback::Network if self.rings_somewhere(dial) => Wanted::RingTone,
            Ringback::Network => Wanted::Silence,
        }
    }

    fn music(&self, class: Option<&str>) -> Wanted {
        match class {
            Some(class) => Wanted::Music(vec![format!("music:{class}")]),
            None if self.config.hold_music.is_empty() => Wanted::Silence,
            None => Wanted::Music(self.config.hold_music.clone()),
        }
    }
}

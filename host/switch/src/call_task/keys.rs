//! Keys that go to a party, in the way that its phone has for them (F21): as events (RFC 4733) where that is agreed, by INFO where the
//! phone takes it, else as sound.

use std::collections::VecDeque;

use bytes::Bytes;
use call::{Carrier, Input, LegId};
use media::engine::Command as MediaCommand;
use sip::endpoint::{Command, SessionId};

use super::CallTask;
use crate::address::KEY_MS;
use crate::limit;

/// The pause among digits to send.
const PAUSE: char = 'w';

/// Whether a phone takes keys by INFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Info {
    /// It never said so.
    Unknown,
    /// It allows INFO, or sent keys so itself.
    Taken,
    /// It refused one, whatever it had said.
    Refused,
}

/// A key, or a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    digit: char,
    duration_ms: u32,
}

/// What a leg's phone takes, and the keys on their way to it by INFO: one after the other, as requests may overtake each other.
#[derive(Debug)]
pub(crate) struct Keys {
    info: Info,
    /// The first is on its way.
    queue: VecDeque<Key>,
    /// Somebody wants to know when all are sent.
    is_awaited: bool,
}

impl Keys {
    /// No keys for a phone that allows INFO or not, as far as it has said.
    pub(crate) fn new(takes_info: bool) -> Self {
        let info = if takes_info { Info::Taken } else { Info::Unknown };
        Self { info, queue: VecDeque::new(), is_awaited: false }
    }

    /// The phone said or showed that it takes INFO.
    pub(crate) fn takes_info(&mut self) {
        if self.info == Info::Unknown {
            self.info = Info::Taken;
        }
    }

    /// Queues keys; true when the first of them is to be sent now. Those beyond [`limit::KEYS`] are lost.
    fn push(&mut self, keys: impl Iterator<Item = Key>) -> bool {
        let is_idle = self.queue.is_empty();
        self.queue.extend(keys.take(limit::KEYS.saturating_sub(self.queue.len())));
        is_idle
    }
}

impl CallTask {
    /// Passes on a key that another party pressed. What came as an event and goes on as one is relayed on the media thread, packet by
    /// packet.
    pub(super) fn relay_digit(&mut self, leg: LegId, (digit, duration_ms): (char, u32), carrier: Carrier) {
        if carrier == Carrier::Media && self.takes_events(leg) {
            return;
        }
        if self.goes_by_info(leg) {
            self.queue_keys(leg, std::iter::once(Key { digit, duration_ms }));
        } else {
            self.media_command(leg, |leg| MediaCommand::PassDigit { leg, digit });
        }
    }

    /// Sends digits that an application wants sent, and tells when that is done.
    pub(super) fn send_digits(&mut self, leg: LegId, digits: String) {
        if self.goes_by_info(leg) {
            if let Some(state) = self.legs.get_mut(&leg) {
                state.keys.is_awaited = true;
            }
            self.queue_keys(leg, digits.chars().map(|digit| Key { digit, duration_ms: KEY_MS }));
        } else if !self.media_command(leg, |leg| MediaCommand::SendDigits { leg, digits }) {
            self.input(Input::DigitsSent { leg });
        }
    }

    /// The media thread has sent digits: all that were asked for, or a pause among those that go by INFO.
    pub(super) fn media_sent_digits(&mut self, leg: LegId) {
        let pauses = |state: &super::Leg| state.keys.queue.front().is_some_and(|key| key.digit == PAUSE);
        match self.legs.get(&leg).is_some_and(pauses) {
            true => self.key_sent(leg),
            false => self.input(Input::DigitsSent { leg }),
        }
    }

    /// A phone answered our INFO. One that refuses it gets that key, and all that follow, in its media.
    pub(super) fn heard_info_answer(&mut self, session: SessionId, status: u16) {
        let Some(leg) = self.leg_of(session) else { return };
        let Some(state) = self.legs.get_mut(&leg).filter(|state| !state.keys.queue.is_empty()) else { return };
        if (200..300).contains(&status) {
            return self.key_sent(leg);
        }
        tracing::info!(call = %self.id, %leg, status, "a peer refuses keys by INFO: it gets them in its media");
        let keys = &mut state.keys;
        keys.info = Info::Refused;
        let digits: String = std::mem::take(&mut keys.queue).into_iter().map(|key| key.digit).collect();
        if std::mem::take(&mut keys.is_awaited) {
            return self.send_digits(leg, digits);
        }
        for digit in digits.chars() {
            self.media_command(leg, |leg| MediaCommand::PassDigit { leg, digit });
        }
    }

    fn takes_events(&self, leg: LegId) -> bool {
        let stream = self.legs.get(&leg).and_then(|state| state.media.as_ref()?.negotiation.stream());
        stream.is_some_and(|stream| stream.dtmf_send.is_some())
    }

    fn goes_by_info(&self, leg: LegId) -> bool {
        let takes = |state: &super::Leg| state.keys.info == Info::Taken && state.answered() && !state.over;
        self.legs.get(&leg).is_some_and(takes) && !self.takes_events(leg)
    }

    fn queue_keys(&mut self, leg: LegId, keys: impl Iterator<Item = Key>) {
        let Some(state) = self.legs.get_mut(&leg) else { return };
        if state.keys.push(keys) {
            self.send_key(leg);
        }
    }

    fn key_sent(&mut self, leg: LegId) {
        if let Some(state) = self.legs.get_mut(&leg) {
            state.keys.queue.pop_front();
        }
        self.send_key(leg);
    }

    /// Sends the first key, or waits in its place; without any left that is told to who waits for it.
    fn send_key(&mut self, leg: LegId) {
        let Some(state) = self.legs.get_mut(&leg) else { return };
        let session = state.session;
        match state.keys.queue.front().copied() {
            None if std::mem::take(&mut state.keys.is_awaited) => self.input(Input::DigitsSent { leg }),
            None => {}
            Some(Key { digit: PAUSE, .. }) => {
                let digits = PAUSE.to_string();
                if !self.media_command(leg, |leg| MediaCommand::SendDigits { leg, digits }) {
                    self.key_sent(leg);
                }
            }
            Some(Key { digit, duration_ms }) => {
                let body = format!("Signal={digit}\r\nDuration={duration_ms}\r\n").into();
                let content_type = Bytes::from_static(b"application/dtmf-relay");
                self.sip(Command::Info { session, content_type, body });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(count: usize) -> impl Iterator<Item = Key> {
        std::iter::repeat_n(Key { digit: '5', duration_ms: KEY_MS }, count)
    }

    #[test]
    fn keys_wait_up_to_a_bound() {
        let mut waiting = Keys::new(true);
        assert!(waiting.push(keys(1)), "the first is sent at once");
        assert!(!waiting.push(keys(limit::KEYS - 2)));
        assert!(!waiting.push(keys(limit::KEYS)));
        assert_eq!(waiting.queue.len(), limit::KEYS);
        assert!(!waiting.push(keys(1)));
        assert_eq!(waiting.queue.len(), limit::KEYS);
    }

    #[test]
    fn who_refused_once_is_not_asked_again() {
        let mut keys = Keys::new(false);
        assert_eq!(keys.info, Info::Unknown);
        keys.takes_info();
        assert_eq!(keys.info, Info::Taken);
        keys.info = Info::Refused;
        keys.takes_info();
        assert_eq!(keys.info, Info::Refused);
    }
}

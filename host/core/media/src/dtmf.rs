//! Telephone events (RFC 4733): digits out of a stream of redundant packets, and into one (F21).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::rtp::timestamp_distance;

/// A digit that was pressed and released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digit {
    /// `0`-`9`, `*`, `#`, `A`-`D`.
    pub digit: char,
    /// How long it was down.
    pub duration_ms: u32,
}

/// The digits of one source.
///
/// Each event is told once, at its end: when an end packet says so, when the next event begins, when its packets stop
/// (all three end packets can be lost), or when it has lasted `EVENT_MAX`.
#[derive(Clone, Debug, Default)]
pub struct Receiver {
    current: Option<Current>,
    /// Timestamp of the last event that was told.
    told: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Current {
    event: u8,
    timestamp: u32,
    /// Ticks of segments before this one (§2.5.1.3).
    earlier: u32,
    duration: u16,
    began: Instant,
    last: Instant,
}

impl Receiver {
    /// Takes an event packet; calls `tell` for what ended by it.
    pub fn packet(&mut self, now: Instant, timestamp: u32, payload: &[u8], mut tell: impl FnMut(Digit)) {
        let Some(&[event, flags, high, low]) = payload.first_chunk() else { return };
        let duration = u16::from_be_bytes([high, low]);
        if usize::from(event) >= DIGITS.len() || self.is_old(timestamp) {
            return;
        }
        match &mut self.current {
            Some(current) if current.timestamp == timestamp => {
                // An event cannot turn into another one.
                if current.event != event {
                    return;
                }
                current.duration = current.duration.max(duration);
                current.last = now;
            }
            Some(current) if current.continues_with(event, timestamp) => {
                current.earlier = current.earlier.saturating_add(current.duration.into());
                (current.timestamp, current.duration, current.last) = (timestamp, duration, now);
            }
            Some(current) if timestamp_distance(current.timestamp, timestamp) < 0 => return,
            _ => {
                self.finish(&mut tell);
                self.current = Some(Current { event, timestamp, earlier: 0, duration, began: now, last: now });
            }
        }
        let is_end = flags & 0x80 != 0;
        if is_end || self.deadline().is_some_and(|deadline| deadline <= now) {
            self.finish(&mut tell);
        }
    }

    /// Ends an event whose packets stopped, or that never ends.
    pub fn handle_timeout(&mut self, now: Instant, mut tell: impl FnMut(Digit)) {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.finish(&mut tell);
        }
    }

    /// When `handle_timeout` wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline()
    }

    /// A new source began: its timestamps have nothing to do with the old ones.
    pub fn reset(&mut self, mut tell: impl FnMut(Digit)) {
        self.finish(&mut tell);
        self.told = None;
    }

    fn deadline(&self) -> Option<Instant> {
        self.current.map(|current| (current.last + SILENCE_MAX).min(current.began + EVENT_MAX))
    }

    /// Retransmissions, and packets that come after the next event began.
    fn is_old(&self, timestamp: u32) -> bool {
        self.told.is_some_and(|told| (-OLD_MAX..=0).contains(&timestamp_distance(told, timestamp)))
    }

    fn finish(&mut self, tell: &mut impl FnMut(Digit)) {
        if let Some(current) = self.current.take() {
            self.told = Some(current.timestamp);
            let ticks = current.earlier.saturating_add(current.duration.into());
            tell(Digit { digit: char::from(DIGITS[usize::from(current.event)]), duration_ms: ticks / TICKS_PER_MS });
        }
    }
}

impl Current {
    /// §2.5.1.3: an event longer than the duration field goes on in a new segment.
    fn continues_with(&self, event: u8, timestamp: u32) -> bool {
        self.event == event && self.duration == u16::MAX && timestamp == self.timestamp.wrapping_add(u16::MAX.into())
    }
}

/// Digits being sent: one step at a time, in the rhythm of the leg's packets.
#[derive(Clone, Debug, Default)]
pub struct Sender {
    queue: VecDeque<u8>,
    elapsed_ms: u32,
}

/// What goes out in one packet time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The event lasts.
    Event {
        /// Its payload.
        payload: [u8; 4],
        /// Its digit.
        digit: char,
        /// It begins here: marker, and the timestamp of all its packets.
        is_first: bool,
    },
    /// The end is said again; in-band it is silence.
    EndAgain {
        /// Its payload.
        payload: [u8; 4],
    },
    /// Nothing: between digits, or a pause.
    Gap,
}

impl Sender {
    /// Queues digits; `w` is half a second of pause, other characters are left out. At most `QUEUE_MAX` wait.
    pub fn push(&mut self, digits: &str) {
        let known = digits.bytes().map(|byte| byte.to_ascii_uppercase());
        let known = known.filter(|byte| *byte == PAUSE || DIGITS.contains(byte));
        self.queue.extend(known.take(QUEUE_MAX.saturating_sub(self.queue.len())));
    }

    /// Nothing is being sent.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// The next step, of the given packet time; `None` when all is sent.
    pub fn step(&mut self, ptime_ms: u32) -> Option<Step> {
        let digit = *self.queue.front()?;
        let before = self.elapsed_ms;
        self.elapsed_ms += ptime_ms;
        let is_pause = digit == PAUSE;
        let (event, total_ms) = match DIGITS.iter().position(|&other| other == digit) {
            Some(event) => (event as u8, DIGIT_MS + GAP_MS),
            None => (0, PAUSE_MS),
        };
        let payload = |ms: u32| {
            let [high, low] = ((ms * TICKS_PER_MS) as u16).to_be_bytes();
            [event, if ms >= DIGIT_MS { 0x80 | VOLUME } else { VOLUME }, high, low]
        };
        let step = match before {
            _ if is_pause => Step::Gap,
            0..DIGIT_MS => {
                Step::Event { payload: payload(self.elapsed_ms), digit: char::from(digit), is_first: before == 0 }
            }
            // §2.5.1.4: the end is sent three times.
            _ if before < DIGIT_MS.next_multiple_of(ptime_ms) + 2 * ptime_ms => {
                Step::EndAgain { payload: payload(DIGIT_MS.next_multiple_of(ptime_ms)) }
            }
            _ => Step::Gap,
        };
        // The end is said three times even where packets are longer than the gap.
        let least_ms = if is_pause { 0 } else { DIGIT_MS.next_multiple_of(ptime_ms) + 2 * ptime_ms };
        if self.elapsed_ms >= total_ms.max(least_ms) {
            self.queue.pop_front();
            self.elapsed_ms = 0;
        }
        Some(step)
    }
}

/// §3.2, table 3: events 0 to 15.
const DIGITS: [u8; 16] = *b"0123456789*#ABCD";
const PAUSE: u8 = b'W';
const TICKS_PER_MS: u32 = 8;
/// -10 dBm0.
const VOLUME: u8 = 10;
const DIGIT_MS: u32 = 100;
const GAP_MS: u32 = 100;
const PAUSE_MS: u32 = 500;
/// Most digits waiting to be sent: those of a request, and some that are passed on meanwhile.
pub const QUEUE_MAX: usize = 320;
/// Longest event; what goes on longer is a stuck key or an attack.
pub const EVENT_MAX: Duration = Duration::from_secs(10);
/// An event without packets for so long has ended: senders repeat it every 20 to 50 ms.
const SILENCE_MAX: Duration = Duration::from_millis(200);
/// An event this far back is not a retransmission: the source's clock was set anew.
const OLD_MAX: i32 = 20 * 8000;

#[cfg(test)]
mod tests;

//! The one RTP stream a leg hears, made of whatever it is given: a bridge, prompts, tones, digits.
//!
//! Its sequence numbers and timestamps go on without a break when the origin changes (RFC 3550 §5.1): the receiver sees
//! one source. Losses and the order of a relayed stream stay visible, so that its jitter buffer can do its work.

use std::time::Instant;

use super::LegKey;
use super::random::Random;
use crate::rtp::{Header, sequence_distance, timestamp_distance};
use crate::statistics::fixed_point;

/// The state of a leg's outgoing stream.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) ssrc: u32,
    /// Highest sequence number sent.
    sequence: u16,
    /// A timestamp and when it was now.
    clock: (u32, Option<Instant>),
    /// How the relayed stream's numbers become ours; `None` while the stream is generated.
    mapping: Option<Mapping>,
    pub(super) packets: u64,
    pub(super) octets: u64,
    pub(super) has_sent_since_report: bool,
    pub(super) has_reported: bool,
}

#[derive(Clone, Copy, Debug)]
struct Mapping {
    from: LegKey,
    ssrc: u32,
    /// The numbers of the first packet relayed: what is older belongs to the time before.
    first_sequence: u16,
    highest_sequence: u16,
    highest_timestamp: u32,
    sequence_offset: u16,
    timestamp_offset: u32,
}

impl Outgoing {
    pub(super) fn new(random: &mut Random) -> Self {
        Self {
            ssrc: random.next() as u32,
            // Far from a wrap, so that the first losses cannot confuse anybody (RFC 3711 §3.3.1 asks for the same).
            sequence: random.next() as u16 & 0x7fff,
            clock: (random.next() as u32, None),
            mapping: None,
            packets: 0,
            octets: 0,
            has_sent_since_report: false,
            has_reported: false,
        }
    }

    /// The header for a relayed packet, but for its payload type; `None` if it is too old to be placed.
    pub(super) fn relayed(&mut self, now: Instant, from: LegKey, header: &Header) -> Option<Header> {
        let mapping = match self.mapping {
            Some(mapping) if mapping.continues_with(from, header) => mapping,
            _ => return Some(self.begin_relay(now, from, header)),
        };
        // Older than what was relayed first, or the same again.
        let is_before = sequence_distance(mapping.first_sequence, header.sequence) < 0;
        let ahead = sequence_distance(mapping.highest_sequence, header.sequence);
        if is_before || ahead == 0 {
            return None;
        }
        let sequence = header.sequence.wrapping_add(mapping.sequence_offset);
        let timestamp = header.timestamp.wrapping_add(mapping.timestamp_offset);
        if ahead > 0 {
            self.sequence = sequence;
            self.clock = (timestamp, Some(now));
            self.mapping = Some(Mapping {
                highest_sequence: header.sequence,
                highest_timestamp: header.timestamp,
                // The "first" follows at half the number space, or old numbers would seem new after a wrap.
                first_sequence: mapping.first_sequence.max_distance(header.sequence),
                ..mapping
            });
        }
        Some(Header { sequence, timestamp, ssrc: self.ssrc, ..*header })
    }

    /// Leaves a packet of the relayed stream out so that the listener does not take it for a loss.
    pub(super) fn swallow(&mut self, from: LegKey, header: &Header) {
        if let Some(mapping) = &mut self.mapping
            && mapping.continues_with(from, header)
            && sequence_distance(mapping.highest_sequence, header.sequence) > 0
        {
            mapping.highest_sequence = header.sequence;
            mapping.highest_timestamp = header.timestamp;
            mapping.sequence_offset = mapping.sequence_offset.wrapping_sub(1);
        }
    }

    /// The header for generated audio that belongs to the instant `at`.
    pub(super) fn generated(&mut self, at: Instant, ptime_ms: u32) -> Header {
        let is_new = self.clock.1.is_none_or(|sent| {
            self.mapping.is_some() || at.saturating_duration_since(sent).as_millis() > u128::from(ptime_ms) * 3
        });
        let timestamp = self.timestamp_at(at, ptime_ms * TICKS_PER_MS);
        self.mapping = None;
        self.sequence = self.sequence.wrapping_add(1);
        self.clock = (timestamp, Some(at));
        Header { marker: is_new, payload_type: 0, sequence: self.sequence, timestamp, ssrc: self.ssrc }
    }

    /// The header for another packet of the event that began at `timestamp`; time does not pass (RFC 4733 §2.2.1).
    pub(super) fn event(&mut self, timestamp: u32) -> Header {
        self.sequence = self.sequence.wrapping_add(1);
        Header { marker: false, payload_type: 0, sequence: self.sequence, timestamp, ssrc: self.ssrc }
    }

    /// Counts a packet sent.
    pub(super) fn count(&mut self, payload_len: usize) {
        self.packets += 1;
        self.octets += payload_len as u64;
        self.has_sent_since_report = true;
    }

    /// The timestamp of now, for a sender report.
    pub(super) fn timestamp_now(&self, now: Instant) -> u32 {
        self.timestamp_at(now, 0)
    }

    fn begin_relay(&mut self, now: Instant, from: LegKey, header: &Header) -> Header {
        self.sequence = self.sequence.wrapping_add(1);
        let timestamp = self.timestamp_at(now, 20 * TICKS_PER_MS);
        self.clock = (timestamp, Some(now));
        self.mapping = Some(Mapping {
            from,
            ssrc: header.ssrc,
            first_sequence: header.sequence,
            highest_sequence: header.sequence,
            highest_timestamp: header.timestamp,
            sequence_offset: self.sequence.wrapping_sub(header.sequence),
            timestamp_offset: timestamp.wrapping_sub(header.timestamp),
        });
        Header { marker: true, sequence: self.sequence, timestamp, ssrc: self.ssrc, ..*header }
    }

    /// The timestamp of an instant: the last one and the time since, but at least `least` ticks more.
    fn timestamp_at(&self, at: Instant, least: u32) -> u32 {
        let (timestamp, Some(then)) = self.clock else { return self.clock.0 };
        let elapsed_ms = at.saturating_duration_since(then).as_micros() * u128::from(TICKS_PER_MS) / 1000;
        timestamp.wrapping_add((elapsed_ms as u32).max(least))
    }
}

impl Mapping {
    /// The packet belongs to the stream as it went on so far; otherwise (another source, a jump) a new mapping is due.
    fn continues_with(&self, from: LegKey, header: &Header) -> bool {
        let ahead = sequence_distance(self.highest_sequence, header.sequence);
        let ticks = timestamp_distance(self.highest_timestamp, header.timestamp);
        self.from == from
            && self.ssrc == header.ssrc
            && (MISORDER_MIN..=DROPOUT_MAX).contains(&ahead)
            && ticks.unsigned_abs() < JUMP_MAX
    }
}

trait MaxDistance {
    /// `self`, or a number 16384 before `highest` if `self` is farther back.
    fn max_distance(self, highest: Self) -> Self;
}

impl MaxDistance for u16 {
    fn max_distance(self, highest: Self) -> Self {
        if highest.wrapping_sub(self) > 16_384 { highest.wrapping_sub(16_384) } else { self }
    }
}

/// NTP-like time since an epoch of ours (RFC 3550 §6.4.1 allows it where there is no wall clock).
pub(super) fn ntp(now: Instant, epoch: Instant) -> u64 {
    let elapsed = now.saturating_duration_since(epoch);
    let low = fixed_point(std::time::Duration::from_nanos(elapsed.subsec_nanos().into()));
    (elapsed.as_secs() + 1) << 32 | u64::from(low) << 16
}

const TICKS_PER_MS: u32 = 8;
const DROPOUT_MAX: i16 = 3000;
const MISORDER_MIN: i16 = -100;
/// Half a minute: a longer jump of the timestamp is a clock set anew, not a pause.
const JUMP_MAX: u32 = 30 * 8000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const A: LegKey = LegKey(1);

    fn header(sequence: u16, timestamp: u32, ssrc: u32) -> Header {
        Header { marker: false, payload_type: 0, sequence, timestamp, ssrc }
    }

    #[test]
    fn losses_and_order_of_a_relayed_stream_stay_as_they_are() {
        let now = crate::tests::some_instant();
        let mut outgoing = Outgoing::new(&mut Random::new(1));
        let mut relay = |n: u16| {
            let timestamp = u32::from(n.wrapping_sub(60_000)) * 160;
            outgoing.relayed(now, A, &header(n, timestamp, 9)).map(|header| header.sequence)
        };
        let first = relay(65_530).unwrap();
        assert_eq!(relay(65_532), Some(first.wrapping_add(2)));
        assert_eq!(relay(65_531), Some(first.wrapping_add(1)));
        assert_eq!(relay(65_532), None, "the same again");
        assert_eq!(relay(65_529), None, "before the first");
        assert_eq!(relay(3), Some(first.wrapping_add(9)));
        for n in 4..40_000 {
            assert_eq!(relay(n), Some(first.wrapping_add(n + 6)));
        }
    }

    #[test]
    fn origins_follow_each_other_without_a_break() {
        let start = crate::tests::some_instant();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut outgoing = Outgoing::new(&mut Random::new(1));
        let first = outgoing.generated(at(0), 20);
        let second = outgoing.generated(at(20), 20);
        assert!(first.marker && !second.marker);
        assert_eq!(second.timestamp, first.timestamp.wrapping_add(160));
        let relayed = outgoing.relayed(at(47), A, &header(7000, 1, 9)).unwrap();
        assert!(relayed.marker);
        assert_eq!((relayed.sequence, relayed.timestamp), (second.sequence + 1, second.timestamp.wrapping_add(27 * 8)));
        let source_changed = outgoing.relayed(at(67), A, &header(1, 5_000_000, 10)).unwrap();
        assert_eq!(source_changed.sequence, relayed.sequence + 1);
        assert_eq!(source_changed.timestamp, relayed.timestamp.wrapping_add(160));
        let generated = outgoing.generated(at(87), 20);
        assert!(generated.marker);
        assert_eq!(generated.sequence, relayed.sequence + 2);
    }

    /// D8: a timestamp jumping by 2^31 becomes a pause of the length it really had.
    #[test]
    fn jumps_do_not_reach_the_listener() {
        let start = crate::tests::some_instant();
        let mut outgoing = Outgoing::new(&mut Random::new(1));
        let mut last = outgoing.relayed(start, A, &header(0, 0, 9)).unwrap();
        for n in 1..100_u16 {
            let now = start + Duration::from_millis(20) * n.into();
            let timestamp = if n % 2 == 0 { 0 } else { 1 << 31 };
            let next = outgoing.relayed(now, A, &header(n, timestamp, 9)).unwrap();
            assert_eq!(next.timestamp, last.timestamp.wrapping_add(160));
            assert_eq!(next.sequence, last.sequence + 1);
            last = next;
        }
    }

    #[test]
    fn swallowed_packets_are_no_loss() {
        let now = crate::tests::some_instant();
        let mut outgoing = Outgoing::new(&mut Random::new(1));
        let first = outgoing.relayed(now, A, &header(10, 0, 9)).unwrap();
        outgoing.swallow(A, &header(11, 160, 9));
        outgoing.swallow(A, &header(12, 160, 9));
        assert_eq!(outgoing.relayed(now, A, &header(13, 480, 9)).unwrap().sequence, first.sequence + 1);
    }
}

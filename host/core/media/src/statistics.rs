//! What arrived of a stream and how well (RFC 3550 §6.4.1, appendix A).

use std::time::{Duration, Instant};

use crate::rtp::{Header, sequence_distance};

/// Figures of one source.
#[derive(Clone, Debug)]
pub struct Reception {
    ssrc: u32,
    base: u32,
    /// Highest sequence number, with the number of wraps above it.
    highest: u32,
    received: u32,
    /// Figures at the previous report (A.3).
    expected_prior: u32,
    received_prior: u32,
    /// A jump is believed when the next packet continues it (A.1).
    bad_sequence: Option<u16>,
    transit: u32,
    /// Interarrival jitter times 16, so that the filter of A.8 loses nothing.
    jitter: u32,
    last_sender_report: Option<(u32, Instant)>,
    epoch: Instant,
}

/// A reception report block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source it is about.
    pub ssrc: u32,
    /// Share lost since the previous report, of 256.
    pub fraction_lost: u8,
    /// All lost, as a 24-bit signed number.
    pub lost: i32,
    /// Highest sequence number with wraps.
    pub highest: u32,
    /// Jitter in timestamp ticks.
    pub jitter: u32,
    /// Middle of the NTP time of the last sender report.
    pub last_sender_report: u32,
    /// Time since that, in 1/65536 s.
    pub delay: u32,
}

impl Reception {
    /// Figures of a source whose first packet this is.
    pub fn new(now: Instant, header: &Header) -> Self {
        let base = u32::from(header.sequence);
        let mut reception = Self {
            ssrc: header.ssrc,
            base,
            highest: base,
            received: 1,
            expected_prior: 0,
            received_prior: 0,
            bad_sequence: None,
            transit: 0,
            jitter: 0,
            last_sender_report: None,
            epoch: now,
        };
        reception.transit = reception.transit_of(now, header);
        reception
    }

    /// The source.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Counts a packet of this source.
    pub fn packet(&mut self, now: Instant, header: &Header) {
        let ahead = i32::from(sequence_distance(self.highest as u16, header.sequence));
        match ahead {
            1..=DROPOUT_MAX => self.highest = self.highest.wrapping_add(ahead as u32),
            MISORDER_MIN..=0 => {}
            _ if self.bad_sequence == Some(header.sequence) => {
                // Two in a row: the sender restarted.
                let last_sender_report = self.last_sender_report;
                *self = Self { last_sender_report, ..Self::new(now, header) };
                return;
            }
            _ => {
                self.bad_sequence = Some(header.sequence.wrapping_add(1));
                return;
            }
        }
        self.bad_sequence = None;
        self.received = self.received.wrapping_add(1);
        let transit = self.transit_of(now, header);
        let difference = (transit.wrapping_sub(self.transit) as i32).unsigned_abs();
        self.transit = transit;
        // A timestamp that jumps says nothing about the network.
        if difference < TRANSIT_JUMP_MAX {
            self.jitter = (self.jitter + difference).saturating_sub((self.jitter + 8) >> 4);
        }
    }

    /// Notes a sender report of this source.
    pub fn sender_report(&mut self, now: Instant, ntp_middle: u32) {
        self.last_sender_report = Some((ntp_middle, now));
    }

    /// The block for our next report; begins a new interval.
    pub fn report(&mut self, now: Instant) -> ReportBlock {
        let expected = self.expected();
        let expected_interval = expected.wrapping_sub(self.expected_prior);
        let lost_interval = i64::from(expected_interval) - i64::from(self.received.wrapping_sub(self.received_prior));
        let fraction = if lost_interval <= 0 { 0 } else { (lost_interval << 8) / i64::from(expected_interval.max(1)) };
        self.expected_prior = expected;
        self.received_prior = self.received;
        let (last_sender_report, delay) = self
            .last_sender_report
            .map_or((0, 0), |(middle, at)| (middle, fixed_point(now.saturating_duration_since(at))));
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: fraction.min(255) as u8,
            lost: self.lost(),
            highest: self.highest,
            jitter: self.jitter(),
            last_sender_report,
            delay,
        }
    }

    /// Packets lost so far; negative when duplicates outnumber the losses.
    pub fn lost(&self) -> i32 {
        (i64::from(self.expected()) - i64::from(self.received)).clamp(-0x80_0000, 0x7f_ffff) as i32
    }

    /// Interarrival jitter in timestamp ticks.
    pub fn jitter(&self) -> u32 {
        self.jitter >> 4
    }

    fn expected(&self) -> u32 {
        self.highest.wrapping_sub(self.base).wrapping_add(1)
    }

    /// Arrival minus timestamp, in ticks; only differences of it mean anything.
    fn transit_of(&self, now: Instant, header: &Header) -> u32 {
        let arrival = now.saturating_duration_since(self.epoch).as_micros() * u128::from(CLOCK) / 1_000_000;
        (arrival as u32).wrapping_sub(header.timestamp)
    }
}

/// Time in 1/65536 s, as report blocks have it.
pub(crate) fn fixed_point(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros().saturating_mul(65_536) / 1_000_000).unwrap_or(u32::MAX)
}

/// Every codec of ours has this clock.
const CLOCK: u32 = 8000;
/// MAX_DROPOUT and (negative) MAX_MISORDER of appendix A.1.
const DROPOUT_MAX: i32 = 3000;
const MISORDER_MIN: i32 = -100;
/// Ten seconds.
const TRANSIT_JUMP_MAX: u32 = 10 * CLOCK;

#[cfg(test)]
mod tests {
    use super::*;

    fn header(sequence: u16, timestamp: u32) -> Header {
        Header { marker: false, payload_type: 0, sequence, timestamp, ssrc: 1 }
    }

    #[test]
    fn losses_are_counted_over_the_wrap() {
        let start = crate::tests::some_instant();
        let mut reception = Reception::new(start, &header(65_530, 0));
        for n in 1..20_u16 {
            if n % 5 != 0 {
                let at = start + Duration::from_millis(20) * n.into();
                reception.packet(at, &header(65_530_u16.wrapping_add(n), u32::from(n) * 160));
            }
        }
        let report = reception.report(start);
        assert_eq!((report.lost, report.highest, report.jitter), (3, 65_536 + 13, 0));
        assert_eq!(report.fraction_lost, (3 * 256 / 20) as u8);
        assert_eq!(reception.report(start).fraction_lost, 0);
    }

    #[test]
    fn jitter_follows_the_arrivals() {
        let start = crate::tests::some_instant();
        let mut reception = Reception::new(start, &header(0, 0));
        for n in 1..500_u16 {
            let late = if n % 2 == 0 { 5 } else { 0 };
            reception.packet(start + Duration::from_millis(u64::from(n) * 20 + late), &header(n, u32::from(n) * 160));
        }
        assert!((38..=41).contains(&reception.jitter()), "5 ms are 40 ticks: {}", reception.jitter());
    }

    /// D8: timestamps and sequence numbers that jump do not disturb for long, and overflow nothing.
    #[test]
    fn jumps_are_survived() {
        let start = crate::tests::some_instant();
        let mut reception = Reception::new(start, &header(0, 0));
        let mut state = 1_u32;
        for _ in 0..10_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            reception.packet(start, &header((state >> 16) as u16, state));
            reception.report(start + Duration::from_secs(u64::from(state)));
        }
        reception.packet(start, &header(100, 0));
        reception.packet(start, &header(101, 0));
        assert_eq!(reception.report(start).highest as u16, 101);
    }

    #[test]
    fn duplicates_make_loss_negative_within_24_bits() {
        let start = crate::tests::some_instant();
        let mut reception = Reception::new(start, &header(0, 0));
        for _ in 0..5 {
            reception.packet(start, &header(0, 0));
        }
        assert_eq!(reception.report(start).lost, -5);
    }
}

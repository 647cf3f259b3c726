//! Where a leg's media really comes from (symmetric RTP, F26), learned strictly (D1).
//!
//! A phone behind a NAT writes an address into its SDP that is not the one its packets come from. Believing the first
//! packet would let anyone take over the stream ("RTP bleed"), so:
//!
//! - only the signalled address, and other ports of its IP or of the IP its signalling comes from, are listened to;
//! - packets from the signalled address itself are good at once; others must first be `LOCK_AFTER` in a row that continue
//!   each other, and are neither heard nor answered until then;
//! - once locked, another port is believed only if the old one fell silent and the new one continues the same SSRC where
//!   it stopped, and never another IP than those.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::rtp::{Header, sequence_distance};

/// Packets in a row that lock.
pub const LOCK_AFTER: u32 = 3;
/// How long the locked source must be silent before another port may take over.
pub const RELATCH_SILENCE: Duration = Duration::from_millis(500);
/// How far ahead of the last packet a continuation may be: 20 s of speech lost on the way.
const CONTINUATION_MAX: i16 = 1000;

/// The learning of one leg.
#[derive(Clone, Debug)]
pub struct Latch {
    signalled: SocketAddr,
    signalling_source: Option<IpAddr>,
    locked: Option<Locked>,
    candidate: Option<Candidate>,
}

#[derive(Clone, Copy, Debug)]
struct Locked {
    from: SocketAddr,
    last: Instant,
    ssrc: u32,
    highest: u16,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    sequence: u16,
    packets: u32,
}

/// What to do with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the peer's.
    Accept,
    /// It is the peer's, and now we know where the peer is.
    Latched,
    /// Nothing may come of it.
    Drop,
}

impl Latch {
    /// Learning begins with what was signalled.
    pub fn new(signalled: SocketAddr, signalling_source: Option<IpAddr>) -> Self {
        Self { signalled, signalling_source, locked: None, candidate: None }
    }

    /// Takes what was signalled later. A new media address means the peer moved: learning begins anew.
    pub fn update(&mut self, signalled: SocketAddr, signalling_source: Option<IpAddr>) {
        // An address to hold at is no move: the phone will be where it was.
        let is_moved = signalled != self.signalled && !signalled.ip().is_unspecified();
        if is_moved {
            *self = Self::new(signalled, signalling_source);
        }
        self.signalling_source = signalling_source;
    }

    /// Judges a packet.
    pub fn judge(&mut self, now: Instant, from: SocketAddr, header: &Header) -> Verdict {
        match self.locked {
            Some(locked) if locked.from == from => {
                let is_new_source = locked.ssrc != header.ssrc;
                let ahead = sequence_distance(locked.highest, header.sequence);
                let highest = if is_new_source || ahead > 0 { header.sequence } else { locked.highest };
                self.locked = Some(Locked { from, last: now, ssrc: header.ssrc, highest });
                self.candidate = None;
                Verdict::Accept
            }
            Some(locked) => self.judge_move(now, from, header, locked),
            None if from == self.signalled => {
                if self.count(from, header) < LOCK_AFTER {
                    return Verdict::Accept;
                }
                self.lock(now, from, header)
            }
            None if self.is_plausible(from.ip()) => {
                if self.count(from, header) < LOCK_AFTER {
                    return Verdict::Drop;
                }
                self.lock(now, from, header)
            }
            None => Verdict::Drop,
        }
    }

    /// Where media goes now: the peer's real address if known, else the signalled one.
    pub fn destination(&self) -> SocketAddr {
        self.locked.map_or(self.signalled, |locked| locked.from)
    }

    /// The peer's address, once its packets proved it.
    pub fn locked(&self) -> Option<SocketAddr> {
        self.locked.map(|locked| locked.from)
    }

    /// Whether control packets may come from this IP: the proven one, or before that any plausible one.
    pub fn is_control_source(&self, ip: IpAddr) -> bool {
        match self.locked {
            Some(locked) => locked.from.ip() == ip,
            None => self.is_plausible(ip),
        }
    }

    fn judge_move(&mut self, now: Instant, from: SocketAddr, header: &Header, locked: Locked) -> Verdict {
        let ahead = sequence_distance(locked.highest, header.sequence);
        let continues = header.ssrc == locked.ssrc && (1..=CONTINUATION_MAX).contains(&ahead);
        let is_silent = now.saturating_duration_since(locked.last) >= RELATCH_SILENCE;
        let is_plausible = self.is_plausible(from.ip()) || from.ip() == locked.from.ip();
        if continues && is_silent && is_plausible && self.count(from, header) >= LOCK_AFTER {
            return self.lock(now, from, header);
        }
        Verdict::Drop
    }

    fn is_plausible(&self, ip: IpAddr) -> bool {
        ip == self.signalled.ip() || self.signalling_source == Some(ip)
    }

    fn lock(&mut self, now: Instant, from: SocketAddr, header: &Header) -> Verdict {
        self.locked = Some(Locked { from, last: now, ssrc: header.ssrc, highest: header.sequence });
        self.candidate = None;
        Verdict::Latched
    }

    /// How many packets in a row of one source this one makes. The signalled address is not pushed aside by others.
    fn count(&mut self, from: SocketAddr, header: &Header) -> u32 {
        let Header { ssrc, sequence, .. } = *header;
        let packets = match self.candidate {
            Some(candidate) if candidate.from == from && candidate.ssrc == ssrc => {
                match sequence_distance(candidate.sequence, sequence) {
                    // A few may be lost or late on the way.
                    1..=20 => candidate.packets + 1,
                    -20..=0 => return candidate.packets,
                    _ => 1,
                }
            }
            Some(candidate) if candidate.from == self.signalled && from != self.signalled => return 0,
            _ => 1,
        };
        self.candidate = Some(Candidate { from, ssrc, sequence, packets });
        packets
    }
}

#[cfg(test)]
mod tests;

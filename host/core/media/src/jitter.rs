//! A small jitter buffer, for streams that are decoded on a clock of ours (recordings; relayed packets pass at once).
//!
//! It holds packets, not audio, and at most `SLOTS` of them. Its depth grows when packets come too late and shrinks
//! when they have been on time for a while.

use codec::Codec;

use crate::rtp::sequence_distance;

/// Most packets held.
pub const SLOTS: usize = 32;
/// Longest payload held: 120 ms at 64 kbit/s.
pub const PAYLOAD_MAX: usize = 960;
const DEPTH_MIN: usize = 2;
const DEPTH_MAX: usize = 10;
/// Packets in time before the depth shrinks again.
const GOOD_RUN: u32 = 500;

/// The buffer of one source.
#[derive(Clone, Debug)]
pub struct Jitter {
    slots: Box<[Slot]>,
    held: usize,
    depth: usize,
    /// The sequence number to be taken next.
    next: Option<u16>,
    is_playing: bool,
    good: u32,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    /// What is in the slot, if anything: its sequence number and codec (`None`: no audio, as for events).
    content: Option<(u16, Option<Codec>)>,
    payload: Vec<u8>,
}

/// What comes out in its turn.
#[derive(Debug, PartialEq, Eq)]
pub enum Popped<'a> {
    /// A packet.
    Packet(Codec, &'a [u8]),
    /// A packet that was no audio.
    Blank,
    /// A packet is missing while later ones are there.
    Lost,
    /// Nothing is there, or not enough yet.
    Empty,
}

impl Default for Jitter {
    fn default() -> Self {
        let slots = vec![Slot::default(); SLOTS].into_boxed_slice();
        Self { slots, held: 0, depth: DEPTH_MIN, next: None, is_playing: false, good: 0 }
    }
}

impl Jitter {
    /// Puts a packet in; `codec` is `None` if it only takes up a sequence number.
    pub fn push(&mut self, sequence: u16, codec: Option<Codec>, payload: &[u8]) {
        if payload.len() > PAYLOAD_MAX {
            return;
        }
        let ahead = self.next.map_or(0, |next| i32::from(sequence_distance(next, sequence)));
        if ahead >= SLOTS as i32 || ahead < -(SLOTS as i32) {
            // A jump: whatever is held belongs to the past.
            self.clear();
        } else if ahead < 0 && self.is_playing {
            self.depth = (self.depth + 1).min(DEPTH_MAX);
            self.good = 0;
            return;
        } else if ahead < 0 && self.span_from(sequence) >= SLOTS {
            return;
        }
        if self.next.is_none_or(|next| sequence_distance(next, sequence) < 0) {
            self.next = Some(sequence);
        }
        let slot = &mut self.slots[usize::from(sequence) % SLOTS];
        if slot.content.is_none() {
            slot.content = Some((sequence, codec));
            slot.payload.clear();
            slot.payload.extend_from_slice(payload);
            self.held += 1;
        }
    }

    /// Takes what is next in turn.
    pub fn pop(&mut self) -> Popped<'_> {
        self.is_playing |= self.held >= self.depth;
        let Some(next) = self.next.filter(|_| self.is_playing) else { return Popped::Empty };
        if self.held == 0 {
            // Whoever falls silent begins again with a full depth.
            self.is_playing = false;
            self.next = None;
            return Popped::Empty;
        }
        self.next = Some(next.wrapping_add(1));
        let slot = &mut self.slots[usize::from(next) % SLOTS];
        let Some((_, codec)) = slot.content.take() else { return Popped::Lost };
        self.held -= 1;
        self.good += 1;
        if self.good >= GOOD_RUN {
            self.good = 0;
            self.depth = (self.depth - 1).max(DEPTH_MIN);
        }
        match codec {
            Some(codec) => Popped::Packet(codec, &slot.payload),
            None => Popped::Blank,
        }
    }

    /// More is held than the depth asks for: the sender's clock is faster, or a burst came.
    pub fn is_overfull(&self) -> bool {
        self.held > self.depth + DEPTH_MAX
    }

    fn clear(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.content = None);
        (self.held, self.next, self.is_playing) = (0, None, false);
    }

    /// Sequence numbers from this one to the highest held.
    fn span_from(&self, sequence: u16) -> usize {
        let held = self.slots.iter().filter_map(|slot| slot.content);
        held.map(|(other, _)| sequence_distance(sequence, other).unsigned_abs().into()).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(jitter: &mut Jitter, sequence: u16) {
        jitter.push(sequence, Some(Codec::Pcmu), &sequence.to_be_bytes());
    }

    fn pop(jitter: &mut Jitter) -> Option<u16> {
        match jitter.pop() {
            Popped::Packet(_, payload) => Some(u16::from_be_bytes([payload[0], payload[1]])),
            _ => None,
        }
    }

    #[test]
    fn packets_come_out_in_order_over_the_wrap() {
        let mut jitter = Jitter::default();
        let mut out = Vec::new();
        for base in (0..200_u16).step_by(2) {
            push(&mut jitter, 65_400_u16.wrapping_add(base + 1));
            push(&mut jitter, 65_400_u16.wrapping_add(base));
            out.extend([pop(&mut jitter), pop(&mut jitter)]);
        }
        let expected: Vec<_> = (0..200).map(|n| Some(65_400_u16.wrapping_add(n))).collect();
        assert_eq!(out, expected);
    }

    #[test]
    fn a_hole_is_lost_and_the_end_is_empty() {
        let mut jitter = Jitter::default();
        push(&mut jitter, 5);
        push(&mut jitter, 7);
        assert_eq!(pop(&mut jitter), Some(5));
        assert_eq!(jitter.pop(), Popped::Lost);
        assert_eq!(pop(&mut jitter), Some(7));
        assert_eq!(jitter.pop(), Popped::Empty);
        push(&mut jitter, 8);
        assert_eq!(jitter.pop(), Popped::Empty, "the depth must fill again");
        jitter.push(9, None, b"");
        assert_eq!((pop(&mut jitter), jitter.pop()), (Some(8), Popped::Blank));
    }

    #[test]
    fn late_packets_make_it_deeper_and_good_times_shallower() {
        let mut jitter = Jitter::default();
        (0..4).for_each(|sequence| push(&mut jitter, sequence));
        assert_eq!([(); 3].map(|()| pop(&mut jitter)), [Some(0), Some(1), Some(2)]);
        push(&mut jitter, 1);
        assert_eq!(jitter.depth, 3);
        for sequence in 4..600 {
            push(&mut jitter, sequence);
            pop(&mut jitter);
        }
        assert_eq!(jitter.depth, 2);
    }

    /// D8: jumps, duplicates and floods stay inside the slots.
    #[test]
    fn memory_is_bounded_whatever_arrives() {
        let mut jitter = Jitter::default();
        let mut state = 1_u32;
        for n in 0..100_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let sequence = if n % 3 == 0 { (state >> 16) as u16 } else { n as u16 };
            jitter.push(
                sequence,
                Some(Codec::G722),
                &[0; PAYLOAD_MAX + 1][..(state % 1000) as usize % (PAYLOAD_MAX + 2)],
            );
            assert!(jitter.held <= SLOTS);
            assert_eq!(jitter.held, jitter.slots.iter().filter(|slot| slot.content.is_some()).count());
            if n % 2 == 0 {
                jitter.pop();
            }
        }
    }
}

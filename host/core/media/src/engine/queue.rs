//! Packets waiting to be taken by `poll_transmit`: one buffer for all of them, reused, so that relaying allocates nothing.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::Range;

use super::{Channel, LegKey, Transmit};

/// Most packets waiting. A driver takes them after each call; this only bounds one that does not.
const PACKETS_MAX: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(super) struct Queue {
    bytes: Vec<u8>,
    packets: VecDeque<Entry>,
}

#[derive(Debug)]
struct Entry {
    leg: LegKey,
    channel: Channel,
    to: SocketAddr,
    range: Range<usize>,
}

impl Queue {
    /// Adds a packet that `write` appends to the buffer; beyond the bound it is dropped, as a full socket would do.
    pub(super) fn push(&mut self, leg: LegKey, channel: Channel, to: SocketAddr, write: impl FnOnce(&mut Vec<u8>)) {
        if self.packets.is_empty() {
            self.bytes.clear();
        }
        if self.packets.len() < PACKETS_MAX {
            let start = self.bytes.len();
            write(&mut self.bytes);
            self.packets.push_back(Entry { leg, channel, to, range: start..self.bytes.len() });
        }
    }

    pub(super) fn pop(&mut self) -> Option<Transmit<'_>> {
        let Entry { leg, channel, to, range } = self.packets.pop_front()?;
        Some(Transmit { leg, channel, to, bytes: &self.bytes[range] })
    }
}

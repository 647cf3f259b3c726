//! The network between the switch and the phones: datagrams that are late, lost, doubled and out of order, by a seed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip::endpoint::{Destination, Input, Transport};

use super::streams::Streams;

/// Where the switch and the phones speak SIP.
pub(crate) const SIP_PORT: u16 = 5060;

/// What the network does to datagrams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// The shortest way takes this long.
    pub(crate) delay: Duration,
    /// Up to this is added, for each datagram anew: so they overtake each other.
    pub(crate) jitter: Duration,
    /// How many of 1000 are lost.
    pub(crate) lost_per_mille: u32,
    /// How many of 1000 arrive twice.
    pub(crate) doubled_per_mille: u32,
}

impl Weather {
    /// Five milliseconds, and nothing goes wrong.
    pub(crate) const FAIR: Self =
        Self { delay: Duration::from_millis(5), jitter: Duration::ZERO, lost_per_mille: 0, doubled_per_mille: 0 };

    /// Nothing arrives any more.
    pub(crate) const DEAD: Self = Self { lost_per_mille: 1000, ..Self::FAIR };

    /// A bad line: 10 to 90 ms, every fifth datagram is lost, every tenth arrives twice.
    pub(crate) const STORM: Self = Self {
        delay: Duration::from_millis(10),
        jitter: Duration::from_millis(80),
        lost_per_mille: 200,
        doubled_per_mille: 100,
    };
}

/// A datagram under way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Datagram {
    at: Instant,
    number: u64,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Bytes,
}

/// All datagrams under way.
pub(crate) struct Network {
    pub(crate) weather: Weather,
    random: Random,
    number: u64,
    under_way: BinaryHeap<Reverse<Datagram>>,
    streams: Streams,
    /// Whose plug is pulled.
    unplugged: HashSet<IpAddr>,
    /// Every SIP message that was sent, in order.
    letters: Vec<Letter>,
}

/// A SIP message that was sent.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    bytes: Bytes,
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            weather: Weather::FAIR,
            random: Random::new(seed),
            number: 0,
            under_way: BinaryHeap::new(),
            streams: Streams::new(seed),
            unplugged: HashSet::new(),
            letters: Vec::new(),
        }
    }

    /// Sends a message of a host that speaks SIP at this address.
    pub(crate) fn transmit(&mut self, now: Instant, host: SocketAddr, destination: Destination, bytes: Bytes) {
        if destination.transport() == Transport::Udp {
            return self.send(now, host, destination.remote(), bytes);
        }
        if self.unplugged.contains(&host.ip()) || self.unplugged.contains(&destination.remote().ip()) {
            return;
        }
        if let Some(to) = self.streams.send((now, &self.weather), host, destination, &bytes) {
            self.letters.push(Letter { from: host, to, bytes });
        }
    }

    /// From now on a host accepts connections.
    pub(crate) fn listen(&mut self, host: SocketAddr) {
        self.streams.listen(host);
    }

    /// Ends all connections of a host.
    pub(crate) fn cut(&mut self, now: Instant, host: SocketAddr) {
        self.streams.cut((now, &self.weather), host);
    }

    /// Connections of a host that are up.
    pub(crate) fn connections(&self, host: SocketAddr) -> usize {
        self.streams.count(host)
    }

    /// The next thing that has come by a stream, and to which host.
    pub(crate) fn streamed(&mut self, now: Instant) -> Option<(SocketAddr, Input)> {
        self.streams.arrived(now)
    }

    /// Sends a datagram into the weather.
    pub(crate) fn send(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, bytes: Bytes) {
        if to.port() == SIP_PORT {
            self.letters.push(Letter { from, to, bytes: bytes.clone() });
        }
        if [from, to].iter().any(|end| self.unplugged.contains(&end.ip())) {
            return;
        }
        if self.random.per_mille() < self.weather.lost_per_mille {
            return;
        }
        let copies = if self.random.per_mille() < self.weather.doubled_per_mille { 2 } else { 1 };
        for _ in 0..copies {
            let jitter = u32::try_from(self.random.next() % 1000).expect("less than a thousand");
            let at = now + self.weather.delay + self.weather.jitter * jitter / 1000;
            self.number += 1;
            let datagram = Datagram { at, number: self.number, from, to, bytes: bytes.clone() };
            self.under_way.push(Reverse(datagram));
        }
    }

    /// From now on nothing reaches this address, and nothing comes from it.
    pub(crate) fn unplug(&mut self, address: IpAddr) {
        self.unplugged.insert(address);
    }

    /// The next datagram that has arrived.
    pub(crate) fn arrived(&mut self, now: Instant) -> Option<Datagram> {
        let Reverse(next) = self.under_way.peek()?;
        if next.at > now {
            return None;
        }
        self.under_way.pop().map(|Reverse(datagram)| datagram)
    }

    /// The messages sent so far, lost ones too, that begin like this.
    pub(crate) fn letters(&self, start: &str, which: impl Fn(&Letter) -> bool) -> Vec<String> {
        let wanted = |letter: &&Letter| letter.bytes.starts_with(start.as_bytes()) && which(letter);
        self.letters.iter().filter(wanted).map(|letter| String::from_utf8_lossy(&letter.bytes).into_owned()).collect()
    }

    /// When the next one arrives.
    pub(crate) fn next(&self) -> Option<Instant> {
        let datagram = self.under_way.peek().map(|Reverse(datagram)| datagram.at);
        [datagram, self.streams.next()].into_iter().flatten().min()
    }
}

/// SplitMix64: the same numbers for the same seed, on every machine.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    pub(super) fn per_mille(&mut self) -> u32 {
        u32::try_from(self.next() % 1000).expect("less than a thousand")
    }
}

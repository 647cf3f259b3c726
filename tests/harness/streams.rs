//! Streams between the switch and phones: bytes in order, cut anywhere by a seed, until somebody cuts the connection.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip::endpoint::{Destination, Flow, Input, Transport};
use sip::message::{Frame, Framer};

use super::network::{Random, Weather};

/// The first port of whoever opens connections.
const FIRST_PORT: u16 = 49_152;
/// The most bytes of a segment: few enough that every message is cut.
const SEGMENT_BYTES: u64 = 150;
/// How far segments are apart at most.
const GAP: Duration = Duration::from_millis(3);
/// When a lost segment is sent again.
const AGAIN: Duration = Duration::from_millis(200);

/// All connections, and what is under way on them.
pub(super) struct Streams {
    random: Random,
    listening: HashSet<SocketAddr>,
    connections: BTreeMap<u64, Connection>,
    opened: u64,
    /// By the time at which they arrive, and in the order in which they were sent.
    under_way: BTreeMap<(Instant, u64), (SocketAddr, Arrival)>,
    number: u64,
    ready: VecDeque<(SocketAddr, Input)>,
}

/// What arrives at a host.
enum Arrival {
    Segment { connection: u64, bytes: Vec<u8> },
    Input(Input),
}

/// A connection; who opened it comes first.
struct Connection {
    ends: [End; 2],
}

/// One end of a connection.
struct End {
    /// Where its host speaks SIP.
    host: SocketAddr,
    address: SocketAddr,
    framer: Framer,
    /// When the last segment arrives that was sent to it: none overtakes another.
    last: Instant,
}

impl Connection {
    /// The end of a host.
    fn end_of(&self, host: SocketAddr) -> Option<usize> {
        self.ends.iter().position(|end| end.host == host)
    }

    fn flow(&self, end: usize, connection: u64) -> Flow {
        let (local, remote) = (self.ends[end].address, self.ends[1 - end].address);
        Flow { transport: Transport::Tcp, local, remote, connection }
    }
}

impl Streams {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            listening: HashSet::new(),
            connections: BTreeMap::new(),
            opened: 0,
            under_way: BTreeMap::new(),
            number: 0,
            ready: VecDeque::new(),
        }
    }

    /// From now on a host accepts connections.
    pub(super) fn listen(&mut self, host: SocketAddr) {
        self.listening.insert(host);
    }

    /// Whether connections to a host, or those it has opened, are up.
    pub(super) fn count(&self, host: SocketAddr) -> usize {
        self.connections.values().filter(|connection| connection.end_of(host).is_some()).count()
    }

    /// Sends a message of a host over the connection that is meant, over any to the same address, or over a new one, as the real driver
    /// does; the host at the other end. Without a connection the host is told.
    pub(super) fn send(
        &mut self,
        (now, weather): (Instant, &Weather),
        host: SocketAddr,
        destination: Destination,
        bytes: &Bytes,
    ) -> Option<SocketAddr> {
        let Some((number, end)) = self.connection(now, weather, host, destination) else {
            let failed = Arrival::Input(Input::TransmitFailed { destination });
            self.arrive(now + weather.delay * 2, host, failed);
            return None;
        };
        let peer = self.connections[&number].ends[1 - end].host;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let length = 1 + usize::try_from(self.random.next() % SEGMENT_BYTES).expect("a few bytes");
            let (segment, after) = rest.split_at(length.min(rest.len()));
            rest = after;
            let at = self.time(now, weather);
            let last = &mut self.connections.get_mut(&number).expect("it is up").ends[1 - end].last;
            *last = at.max(*last);
            let at = *last;
            self.arrive(at, peer, Arrival::Segment { connection: number, bytes: segment.to_vec() });
        }
        Some(peer)
    }

    /// Ends all connections of a host; both sides learn of it.
    pub(super) fn cut(&mut self, (now, weather): (Instant, &Weather), host: SocketAddr) {
        let cut: Vec<u64> =
            self.connections.iter().filter(|(_, one)| one.end_of(host).is_some()).map(|(n, _)| *n).collect();
        for number in cut {
            self.close(now + weather.delay, number);
        }
    }

    /// The next thing that has arrived, and where.
    pub(super) fn arrived(&mut self, now: Instant) -> Option<(SocketAddr, Input)> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready);
            }
            let first = self.under_way.first_entry().filter(|entry| entry.key().0 <= now)?;
            match first.remove() {
                (host, Arrival::Input(input)) => return Some((host, input)),
                (host, Arrival::Segment { connection, bytes }) => self.take(now, host, connection, &bytes),
            }
        }
    }

    /// When the next thing arrives.
    pub(super) fn next(&self) -> Option<Instant> {
        self.under_way.keys().next().map(|(at, _)| *at)
    }

    fn take(&mut self, now: Instant, host: SocketAddr, number: u64, bytes: &[u8]) {
        // What was under way when the connection was cut is lost.
        let Some(connection) = self.connections.get_mut(&number) else { return };
        let end = connection.end_of(host).expect("it was sent there");
        let flow = connection.flow(end, number);
        let framer = &mut connection.ends[end].framer;
        framer.push(bytes);
        while let Some(frame) = framer.poll_frame() {
            match frame {
                Ok(Frame::Message(bytes)) => self.ready.push_back((host, Input::Message { flow, bytes })),
                Ok(Frame::Ping | Frame::Pong) => {}
                Err(_) => return self.close(now, number),
            }
        }
    }

    /// The connection that is meant, and the end of it that the host has.
    fn connection(
        &mut self,
        now: Instant,
        weather: &Weather,
        host: SocketAddr,
        destination: Destination,
    ) -> Option<(u64, usize)> {
        if let Some(flow) = destination.flow()
            && let Some(connection) = self.connections.get(&flow.connection)
        {
            return Some((flow.connection, connection.end_of(host)?));
        }
        let remote = destination.listener();
        for (number, connection) in &self.connections {
            if let Some(end) = connection.end_of(host).filter(|end| connection.ends[1 - end].address == remote) {
                return Some((*number, end));
            }
        }
        if !self.listening.contains(&remote) {
            return None;
        }
        self.opened += 1;
        let port = FIRST_PORT + u16::try_from(self.opened).expect("a test opens a few");
        // A round trip goes by until the first segment is on its way.
        let last = now + weather.delay * 3;
        let end = |host: SocketAddr, address| End { host, address, framer: Framer::new(), last };
        let ends = [end(host, SocketAddr::new(host.ip(), port)), end(remote, remote)];
        self.connections.insert(self.opened, Connection { ends });
        Some((self.opened, 0))
    }

    fn close(&mut self, at: Instant, number: u64) {
        let Some(connection) = self.connections.remove(&number) else { return };
        for (end, one) in connection.ends.iter().enumerate() {
            let flow = connection.flow(end, number);
            self.arrive(at, one.host, Arrival::Input(Input::FlowClosed { flow }));
        }
    }

    fn time(&mut self, now: Instant, weather: &Weather) -> Instant {
        let mut at = now + weather.delay + GAP * u32::try_from(self.random.next() % 1000).expect("small") / 1000;
        // Where everything is lost nothing arrives however often it is sent.
        for _ in 0..100 {
            if self.random.per_mille() >= weather.lost_per_mille {
                break;
            }
            at += AGAIN;
        }
        at
    }

    fn arrive(&mut self, at: Instant, host: SocketAddr, arrival: Arrival) {
        self.number += 1;
        self.under_way.insert((at, self.number), (host, arrival));
    }
}

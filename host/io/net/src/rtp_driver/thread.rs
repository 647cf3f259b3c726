//! One media thread: an engine, the sockets of its legs, and a clock.
//!
//! It works in batches at most every `TICK`: after a batch it sleeps until the tick is over, so that under load many
//! packets share one wake-up (the kernel's UDP path is nine tenths of the cost; wake-ups are most of what can be saved).
//! When nothing goes on it blocks until something does. A packet waits 2.5 ms in the mean, 5 ms at most.
//!
//! Where the kernel allows io_uring, the packets of a batch share a system call, too (`Ring`).

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::engine::{Channel, Command, Engine, Event, LegKey};
use rustc_hash::FxHashMap;

use super::EventSink;
use super::epoll::Epoll;
use super::inbox::{Inbox, Message, NewLeg};
use super::ports::Lease;
use super::ring::Ring;

/// How far media threads go before the others (the nice value of `setpriority(2)`).
const MEDIA_NICE: i32 = -10;
/// How often packets are handled at most.
const TICK: Duration = Duration::from_millis(5);
/// Packets taken from one socket before the others have their turn. The rest waits for the next tick.
const PACKETS_MAX: usize = 32;
/// An RTP socket that had a packet so short a time ago probably has more than one now: a burst, or packets of 5 ms.
const BURST: Duration = Duration::from_millis(10);
/// Every so many packets a socket is read until it is empty, so that none falls behind on a machine that is too busy.
const EMPTY_EVERY: u32 = 16;
/// Events of one leg that wait for a slow receiver; what comes after is lost and logged.
const EVENTS_MAX: usize = 256;
/// Times that the last events of a finished leg are offered, one tick apart: two seconds.
const FAREWELLS_MAX: u32 = 400;

/// The thread's state.
pub(super) struct Thread {
    epoll: Epoll,
    /// None where packets are moved one by one.
    ring: Option<Ring>,
    inbox: Arc<Inbox>,
    engine: Engine,
    legs: FxHashMap<LegKey, Body>,
    /// Messages not yet done, because a leg of another thread is still on its way.
    backlog: VecDeque<Message>,
    expected: Vec<LegKey>,
    /// Legs with events waiting, and finished legs with theirs.
    stalled: Vec<LegKey>,
    farewells: Vec<Farewell>,
    buffer: Box<[u8]>,
}

/// What the thread knows of a leg besides the engine.
pub(super) struct Body {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    hears: Hearing,
    sink: EventSink,
    waiting: VecDeque<Event>,
    /// Last: the port is given back after the sockets are closed.
    _lease: Lease,
}

struct Farewell {
    sink: EventSink,
    waiting: VecDeque<Event>,
    tries: u32,
}

/// Audio that comes late is lost: where the kernel allows it (root, CAP_SYS_NICE or RLIMIT_NICE), this thread need not wait for those
/// that compute. It is as good without, on a machine that has a core to spare.
fn go_first() {
    if let Err(error) = rustix::process::setpriority_process(None, MEDIA_NICE) {
        tracing::info!(%error, "media threads have the priority of all others");
    }
}

impl Thread {
    pub(super) fn new(epoll: Epoll, inbox: Arc<Inbox>, seed: u64) -> Self {
        Self {
            epoll,
            ring: None,
            inbox,
            engine: Engine::new(seed),
            legs: FxHashMap::default(),
            backlog: VecDeque::new(),
            expected: Vec::new(),
            stalled: Vec::new(),
            farewells: Vec::new(),
            // One byte more than the engine takes, so that a longer packet is seen to be one.
            buffer: vec![0; media::rtp::PACKET_MAX + 1].into(),
        }
    }

    /// Works until stopped.
    pub(super) fn run(mut self, io_uring: bool) {
        go_first();
        if io_uring {
            self.open_ring();
        }
        loop {
            let timeout = self.timeout(Instant::now());
            if let Err(error) = self.epoll.wait(timeout)
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "a media thread cannot wait for packets");
                self.inbox.stop();
                return;
            }
            let now = Instant::now();
            if self.inbox.take(&mut self.backlog) {
                return;
            }
            self.handle_backlog(now);
            self.hear(now);
            self.engine.handle_timeout(now);
            self.transmit();
            self.deliver();
            std::thread::sleep(TICK.saturating_sub(now.elapsed()));
        }
    }

    /// On this thread: closing a ring interrupts system calls of the one that opened it.
    fn open_ring(&mut self) {
        match Ring::new() {
            Ok(ring) => self.ring = Some(ring),
            Err(error) => tracing::info!(%error, "no io_uring here: packets are moved one by one"),
        }
    }

    fn timeout(&self, now: Instant) -> Option<Duration> {
        let has_waiting = !self.stalled.is_empty() || !self.farewells.is_empty();
        let timer = self.engine.poll_timeout().map(|at| at.saturating_duration_since(now));
        timer.into_iter().chain(has_waiting.then_some(TICK)).min()
    }

    // === Messages ===

    fn handle_backlog(&mut self, now: Instant) {
        self.handle_moves(now);
        while self.expected.is_empty()
            && let Some(message) = self.backlog.pop_front()
        {
            self.handle_message(now, message);
        }
    }

    /// While a leg is expected everything waits except moves, or two threads could wait for each other.
    fn handle_moves(&mut self, now: Instant) {
        let mut index = 0;
        while !self.expected.is_empty() && index < self.backlog.len() {
            match &self.backlog[index] {
                Message::Arrive { .. } => {
                    let message = self.backlog.remove(index).expect("the index is below the length");
                    self.handle_message(now, message);
                }
                Message::Migrate { leg, .. } => {
                    let leg = *leg;
                    let message = self.backlog.remove(index).expect("the index is below the length");
                    index -= self.hurry(now, leg, index);
                    self.handle_message(now, message);
                }
                _ => index += 1,
            }
        }
    }

    /// Does what waits for a leg alone before it leaves; returns how many messages that were.
    fn hurry(&mut self, now: Instant, leg: LegKey, end: usize) -> usize {
        let is_for_leg = |message: &Message| match message {
            Message::Command(command) => command.legs() == (leg, None),
            Message::Attach(new) => new.key == leg,
            _ => false,
        };
        let mut done = 0;
        for _ in 0..end {
            let message = self.backlog.pop_front().expect("`end` messages are there");
            if is_for_leg(&message) {
                self.handle_message(now, message);
                done += 1;
            } else {
                self.backlog.push_back(message);
            }
        }
        // What was not touched stood behind: back into the old order.
        self.backlog.rotate_right(end - done);
        done
    }

    fn handle_message(&mut self, now: Instant, message: Message) {
        match message {
            Message::Attach(new) => self.attach(now, *new),
            Message::Command(command) => self.engine.handle_command(now, command),
            Message::Release(leg) => self.release(now, leg),
            Message::Expect(leg) => self.expected.push(leg),
            Message::Migrate { leg, to } => self.migrate(leg, &to),
            Message::Arrive { leg, moved } => {
                self.expected.retain(|&expected| expected != leg);
                if let Some(moved) = moved {
                    let (detached, body) = *moved;
                    self.engine.attach(detached);
                    self.register(leg, body);
                }
            }
        }
    }

    fn attach(&mut self, now: Instant, new: NewLeg) {
        let NewLeg { key, options, rtp, rtcp, sink, lease } = new;
        self.engine.handle_command(now, Command::Add { leg: key, options });
        self.register(
            key,
            Body { rtp, rtcp, hears: Hearing::default(), sink, waiting: VecDeque::new(), _lease: lease },
        );
    }

    fn register(&mut self, key: LegKey, body: Body) {
        for (socket, channel) in [(&body.rtp, Channel::Rtp), (&body.rtcp, Channel::Rtcp)] {
            if let Err(error) = self.epoll.add(socket, mark(key, channel)) {
                tracing::error!(%error, leg = key.0, "cannot listen to an RTP socket");
            }
        }
        if !body.waiting.is_empty() {
            self.stalled.push(key);
        }
        self.legs.insert(key, body);
    }

    fn release(&mut self, now: Instant, leg: LegKey) {
        self.engine.handle_command(now, Command::Remove { leg });
        // The RTCP BYE, and the last events.
        self.transmit();
        self.deliver();
        if let Some(body) = self.legs.remove(&leg)
            && !body.waiting.is_empty()
        {
            self.farewells.push(Farewell { sink: body.sink, waiting: body.waiting, tries: 0 });
        }
    }

    fn migrate(&mut self, leg: LegKey, to: &Inbox) {
        // What the engine still wants to say goes through the sockets and the sink that are about to leave.
        self.transmit();
        self.deliver();
        let moved = self.engine.detach(leg).zip(self.legs.remove(&leg)).map(|(detached, body)| {
            for socket in [&body.rtp, &body.rtcp] {
                if let Err(error) = self.epoll.remove(socket) {
                    tracing::error!(%error, leg = leg.0, "cannot give an RTP socket away");
                }
            }
            Box::new((detached, body))
        });
        if to.push(Message::Arrive { leg, moved }).is_err() {
            tracing::debug!(leg = leg.0, "the leg's new thread has ended");
        }
    }

    // === Packets ===

    /// Takes what the sockets have that were told ready.
    fn hear(&mut self, now: Instant) {
        for index in 0..self.epoll.told() {
            let Some(mark) = self.epoll.ready(index) else { continue };
            let (key, channel) = leg_of(mark);
            let Some(body) = self.legs.get(&key) else { continue };
            match &mut self.ring {
                Some(ring) => ring.receive(body.socket(channel), mark),
                None => self.receive(now, mark, 0),
            }
            if self.ring.as_ref().is_some_and(Ring::is_full) {
                self.take_received(now);
            }
        }
        self.take_received(now);
    }

    /// Takes the packets that the ring was asked to receive.
    fn take_received(&mut self, now: Instant) {
        for index in 0..self.run_ring() {
            let Some(packet) = self.ring.as_ref().and_then(|ring| ring.received(index)) else { continue };
            let (mark, from) = (packet.mark, canonical(packet.from));
            let (key, channel) = leg_of(mark);
            self.engine.handle_packet(now, key, channel, from, packet.bytes);
            self.receive(now, mark, 1);
        }
    }

    /// How many packets the ring has moved. One that fails is given up for ever: packets are moved one by one then.
    fn run_ring(&mut self) -> usize {
        match self.ring.as_mut().map(Ring::run) {
            None => 0,
            Some(Ok(packets)) => packets,
            Some(Err(error)) => {
                tracing::warn!(%error, "io_uring failed: this media thread goes on without it");
                self.ring = None;
                0
            }
        }
    }

    /// Takes what a socket has in a tick, of which `taken` packets were taken already: mostly one, as the attempt to take one that is
    /// not there costs a system call. What is left is told again.
    fn receive(&mut self, now: Instant, mark: u64, taken: usize) {
        let (key, channel) = leg_of(mark);
        let Some(body) = self.legs.get_mut(&key) else { return };
        let packets = if channel == Channel::Rtp { body.hears.packets(now) } else { 1 };
        let socket = body.socket(channel);
        for _ in taken..packets {
            match socket.recv_from(&mut self.buffer) {
                Ok((len, from)) => {
                    self.engine.handle_packet(now, key, channel, canonical(from), &self.buffer[..len]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // The peer's host said "nobody listens there" about something we sent: no reason to stop listening.
                Err(error) => tracing::trace!(%error, leg = key.0, "an RTP socket reported an error"),
            }
        }
    }

    fn transmit(&mut self) {
        while let Some(transmit) = self.engine.poll_transmit() {
            let Some(body) = self.legs.get(&transmit.leg) else { continue };
            let socket = body.socket(transmit.channel);
            let Some(ring) = &mut self.ring else {
                // A packet that cannot be sent is lost, as packets are; RTCP will tell.
                if let Err(error) = socket.send_to(transmit.bytes, transmit.to) {
                    tracing::trace!(%error, leg = transmit.leg.0, "an RTP packet was not sent");
                }
                continue;
            };
            ring.send(socket, transmit.to, transmit.bytes);
            if ring.is_full() {
                self.finish_sending();
            }
        }
        self.finish_sending();
    }

    /// Has the ring send what it was asked to.
    fn finish_sending(&mut self) {
        for index in 0..self.run_ring() {
            if let Some(error) = self.ring.as_ref().and_then(|ring| ring.refused(index)) {
                tracing::trace!(%error, "an RTP packet was not sent");
            }
        }
    }

    // === Events ===

    fn deliver(&mut self) {
        for key in std::mem::take(&mut self.stalled) {
            if let Some(body) = self.legs.get_mut(&key)
                && !offer(&body.sink, &mut body.waiting)
            {
                self.stalled.push(key);
            }
        }
        self.farewells.retain_mut(|farewell| {
            farewell.tries += 1;
            !offer(&farewell.sink, &mut farewell.waiting) && farewell.tries < FAREWELLS_MAX
        });
        while let Some(event) = self.engine.poll_event() {
            let key = event.leg();
            let Some(body) = self.legs.get_mut(&key) else { continue };
            if body.waiting.len() == EVENTS_MAX {
                tracing::warn!(leg = key.0, ?event, "nobody takes the media events of a leg: one is lost");
                continue;
            }
            let is_first = body.waiting.is_empty();
            body.waiting.push_back(event);
            if is_first && !offer(&body.sink, &mut body.waiting) {
                self.stalled.push(key);
            }
        }
    }
}

impl Body {
    fn socket(&self, channel: Channel) -> &UdpSocket {
        match channel {
            Channel::Rtp => &self.rtp,
            Channel::Rtcp => &self.rtcp,
        }
    }
}

/// When an RTP socket was last read.
#[derive(Default)]
struct Hearing {
    last: Option<Instant>,
    count: u32,
}

impl Hearing {
    /// How many packets to take from a socket that has some.
    fn packets(&mut self, now: Instant) -> usize {
        let last = self.last.replace(now);
        self.count = self.count.wrapping_add(1);
        let is_burst = last.is_some_and(|last| now.saturating_duration_since(last) < BURST);
        if is_burst || self.count.is_multiple_of(EMPTY_EVERY) { PACKETS_MAX } else { 1 }
    }
}

/// However the thread ends: no other thread may wait for a leg that was to come from here.
impl Drop for Thread {
    fn drop(&mut self) {
        self.inbox.stop();
        self.inbox.take(&mut self.backlog);
        for message in self.backlog.drain(..) {
            if let Message::Migrate { leg, to } = message
                && to.push(Message::Arrive { leg, moved: None }).is_err()
            {
                tracing::debug!(leg = leg.0, "both threads of a move have ended");
            }
        }
    }
}

/// Hands out events in order; returns whether all were taken.
fn offer(sink: &EventSink, waiting: &mut VecDeque<Event>) -> bool {
    while let Some(event) = waiting.pop_front() {
        if let Err(event) = sink(event) {
            waiting.push_front(event);
            return false;
        }
    }
    true
}

/// The address as it is compared: an IPv4 one also where the socket is of IPv6.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn mark(LegKey(key): LegKey, channel: Channel) -> u64 {
    key << 1 | u64::from(channel == Channel::Rtcp)
}

fn leg_of(mark: u64) -> (LegKey, Channel) {
    (LegKey(mark >> 1), if mark & 1 == 0 { Channel::Rtp } else { Channel::Rtcp })
}

//! The switch's ports on the virtual network: its SIP endpoint and its media engine as values.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use media::engine::{Channel, Command as MediaCommand, Engine, Event as MediaEvent, LegKey, LegOptions};
use sip::endpoint::{Advertised, Command, Config, Endpoint, Flow, Input, Limits, Output, SessionId, Transport};
use switch::{MediaLeg, MediaPort, MediaSink, NoMedia, Overloaded, SipPort, Switch};

use super::network::{Datagram, Network, SIP_PORT};

/// Where the switch is.
pub(crate) const HOST: &str = "192.0.2.1";
const FIRST_MEDIA_PORT: u16 = 10_000;

/// What the switch's tasks ask of the network, until the world does it.
#[derive(Default)]
pub(crate) struct Ports {
    sessions: AtomicU64,
    legs: AtomicU64,
    commands: Mutex<VecDeque<Command>>,
    media: Arc<Mutex<MediaQueue>>,
    /// The next call task that has a word with its media panics.
    trap: AtomicBool,
}

impl Ports {
    /// Lets the next call task that has a word with its media panic.
    pub(crate) fn set_trap(&self) {
        self.trap.store(true, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct MediaQueue {
    commands: VecDeque<MediaCommand>,
    sinks: HashMap<LegKey, MediaSink>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SipPort for Ports {
    fn new_session(&self) -> SessionId {
        SessionId::originated(0, self.sessions.fetch_add(1, Ordering::Relaxed))
    }

    fn command(&self, command: Command) -> Result<(), Overloaded> {
        lock(&self.commands).push_back(command);
        Ok(())
    }

    fn trust(&self, _flow: &Flow) {}
}

impl MediaPort for Ports {
    fn allocate(&self, _affinity: u64, options: LegOptions, sink: MediaSink) -> Result<Box<dyn MediaLeg>, NoMedia> {
        let leg = LegKey(self.legs.fetch_add(1, Ordering::Relaxed));
        let mut queue = lock(&self.media);
        queue.sinks.insert(leg, sink);
        queue.commands.push_back(MediaCommand::Add { leg, options });
        Ok(Box::new(VirtualLeg { leg, media: Arc::clone(&self.media) }))
    }

    fn command(&self, command: MediaCommand) {
        assert!(!self.trap.swap(false, Ordering::Relaxed), "a test wants this call to panic");
        lock(&self.media).commands.push_back(command);
    }
}

struct VirtualLeg {
    leg: LegKey,
    media: Arc<Mutex<MediaQueue>>,
}

impl MediaLeg for VirtualLeg {
    fn key(&self) -> LegKey {
        self.leg
    }

    fn address(&self) -> SocketAddr {
        media_address(self.leg)
    }
}

impl Drop for VirtualLeg {
    fn drop(&mut self) {
        lock(&self.media).commands.push_back(MediaCommand::Remove { leg: self.leg });
    }
}

fn host() -> IpAddr {
    HOST.parse().expect("an address")
}

/// Where the switch receives SIP.
pub(crate) fn sip_address() -> SocketAddr {
    SocketAddr::new(host(), SIP_PORT)
}

fn media_address(leg: LegKey) -> SocketAddr {
    // Ports come round again only when a test has more than 25,000 legs.
    let offset = u16::try_from(leg.0 % 25_000).expect("small") * 2;
    SocketAddr::new(host(), FIRST_MEDIA_PORT + offset)
}

/// The two drivers of a server, without threads and sockets.
pub(crate) struct Server {
    pub(crate) ports: Arc<Ports>,
    endpoint: Endpoint,
    engine: Engine,
    /// Media events that a busy call did not take yet.
    late: VecDeque<MediaEvent>,
}

impl Server {
    pub(crate) fn new(seed: u64, limits: Limits) -> Self {
        let config = Config {
            user_agent: "Jackfield".to_owned(),
            addresses: [Transport::Udp, Transport::Tcp].map(|one| Advertised::address(one, sip_address())).to_vec(),
            timings: switch::sip_timings(),
            limits,
            ..Config::default()
        };
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self {
            ports: Arc::new(Ports::default()),
            endpoint: Endpoint::new(config, bytes),
            engine: Engine::new(seed),
            late: VecDeque::new(),
        }
    }

    /// Takes a datagram that arrived at the server.
    pub(crate) fn receive(&mut self, now: Instant, datagram: Datagram) {
        let Datagram { from, to, bytes, .. } = datagram;
        if to == sip_address() {
            let flow = Flow { transport: Transport::Udp, local: to, remote: from, connection: 0 };
            return self.endpoint.handle_input(now, Input::Message { flow, bytes });
        }
        let offset = to.port().wrapping_sub(FIRST_MEDIA_PORT);
        let channel = if offset % 2 == 0 { Channel::Rtp } else { Channel::Rtcp };
        self.engine.handle_packet(now, LegKey(u64::from(offset / 2)), channel, from, &bytes);
    }

    /// Takes what came by a stream.
    pub(crate) fn hear(&mut self, now: Instant, input: Input) {
        self.endpoint.handle_input(now, input);
    }

    /// Does all that is due and asked for; true if there was anything.
    pub(crate) fn work(&mut self, now: Instant, switch: &Switch, network: &mut Network) -> bool {
        let mut worked = false;
        if self.endpoint.poll_timeout().is_some_and(|at| at <= now) {
            self.endpoint.handle_timeout(now);
            worked = true;
        }
        if self.engine.poll_timeout().is_some_and(|at| at <= now) {
            self.engine.handle_timeout(now);
        }
        loop {
            let command = lock(&self.ports.commands).pop_front();
            let Some(command) = command else { break };
            worked = true;
            self.obey(now, command);
        }
        while let Some(output) = self.endpoint.poll_output() {
            worked = true;
            match output {
                Output::Transmit { destination, bytes } => {
                    network.transmit(now, sip_address(), destination, bytes);
                }
                Output::Event(event) => {
                    let mut commands = Vec::new();
                    switch.handle_event(now, event, &mut commands);
                    for command in commands {
                        self.obey(now, command);
                    }
                }
            }
        }
        self.work_media(now, network) || worked
    }

    fn obey(&mut self, now: Instant, command: Command) {
        // A command that came too late is refused; the switch does not mind and neither does a test.
        if let Err(error) = self.endpoint.handle_command(now, command) {
            tracing::debug!(%error, "refused");
        }
    }

    fn work_media(&mut self, now: Instant, network: &mut Network) -> bool {
        let mut worked = false;
        loop {
            let command = lock(&self.ports.media).commands.pop_front();
            let Some(command) = command else { break };
            worked = true;
            self.engine.handle_command(now, command);
        }
        while let Some(transmit) = self.engine.poll_transmit() {
            let mut from = media_address(transmit.leg);
            if transmit.channel == Channel::Rtcp {
                from.set_port(from.port() + 1);
            }
            network.send(now, from, transmit.to, Bytes::copy_from_slice(transmit.bytes));
        }
        while let Some(event) = self.engine.poll_event() {
            self.late.push_back(event);
        }
        for _ in 0..self.late.len() {
            let Some(event) = self.late.pop_front() else { break };
            worked |= self.tell(event);
        }
        worked
    }

    /// Gives a media event to its call; true if it was taken.
    fn tell(&mut self, event: MediaEvent) -> bool {
        let leg = event.leg();
        let last = matches!(event, MediaEvent::Closed { .. });
        let sink = lock(&self.ports.media).sinks.get(&leg).cloned();
        let Some(sink) = sink else { return false };
        if let Err(event) = sink(event) {
            self.late.push_back(event);
            return false;
        }
        if last {
            lock(&self.ports.media).sinks.remove(&leg);
        }
        true
    }

    /// When something is due next.
    pub(crate) fn next(&self) -> Option<Instant> {
        [self.endpoint.poll_timeout(), self.engine.poll_timeout()].into_iter().flatten().min()
    }

    /// Sessions and transactions that are alive: nothing may be left after a test.
    pub(crate) fn left_over(&self) -> (usize, usize) {
        (self.endpoint.sessions(), lock(&self.ports.media).sinks.len())
    }
}

//! Two endpoints and a wire between them that delays, loses, repeats and reorders by a seed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::endpoint::*;
use crate::message::{HeaderName, NameAddr, Request, Uri, parse};
use crate::transaction::timer::test_clock;

pub(super) const OFFER: &[u8] = b"v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\n";
pub(super) const ANSWER: &[u8] = b"v=0\r\no=b 1 1 IN IP4 192.0.2.2\r\ns=-\r\n";

/// Which endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    A,
    B,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    pub(super) fn address(self) -> SocketAddr {
        match self {
            Self::A => ([192, 0, 2, 1], 5060).into(),
            Self::B => ([192, 0, 2, 2], 5060).into(),
        }
    }
}

/// What the wire does to messages; chances in percent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    pub(super) loss: u32,
    pub(super) repeat: u32,
    pub(super) delay_ms: (u64, u64),
}

pub(super) const FAIR: Weather = Weather { loss: 0, repeat: 0, delay_ms: (5, 5) };

pub(super) struct World {
    pub(super) now: Instant,
    pub(super) start: Instant,
    pub(super) transport: Transport,
    pub(super) weather: Weather,
    random: StdRng,
    endpoints: [Endpoint; 2],
    flying: BTreeMap<(Instant, u64), (Side, Flow, Bytes)>,
    sent: u64,
    /// Every message in the order it was sent: start lines only.
    pub(super) log: Vec<(Side, String)>,
    /// Every message in the order it was sent, whole.
    pub(super) messages: Vec<(Side, Bytes)>,
    pub(super) keep: bool,
    events: Vec<(Side, Event)>,
    numbers: u64,
}

impl World {
    pub(super) fn new(weather: Weather, seed: u64) -> Self {
        Self::with(Config::default(), weather, Transport::Udp, seed)
    }

    pub(super) fn with(config: Config, weather: Weather, transport: Transport, seed: u64) -> Self {
        let now = test_clock();
        let mut random = StdRng::seed_from_u64(seed);
        let endpoints = [(); 2].map(|()| Endpoint::new(config.clone(), random.random()));
        Self {
            now,
            start: now,
            transport,
            weather,
            random,
            endpoints,
            flying: BTreeMap::new(),
            sent: 0,
            log: Vec::new(),
            messages: Vec::new(),
            keep: true,
            events: Vec::new(),
            numbers: 0,
        }
    }

    pub(super) fn flow(&self, side: Side) -> Flow {
        let connection = u64::from(self.transport.is_reliable());
        Flow { transport: self.transport, local: side.address(), remote: side.other().address(), connection }
    }

    pub(super) fn endpoint(&mut self, side: Side) -> &mut Endpoint {
        &mut self.endpoints[side as usize]
    }

    pub(super) fn command(&mut self, side: Side, command: Command) -> Result<(), CommandError> {
        let now = self.now;
        let result = self.endpoint(side).handle_command(now, command);
        self.drain(side);
        result
    }

    /// A session of ours towards the other side.
    pub(super) fn originate(&mut self, side: Side) -> Originate {
        self.numbers += 1;
        let session = SessionId::originated(0, self.numbers);
        let uri: Uri = format!("sip:bob@{}", side.other().address()).parse().unwrap();
        let from = NameAddr::new("sip:alice@atlanta.example.com".parse().unwrap());
        let to = NameAddr::new("sip:bob@biloxi.example.com".parse().unwrap());
        let mut originate = Originate::new(session, Destination::Flow(self.flow(side)), uri, from, to);
        originate.contact_user = "alice".to_owned();
        originate.body = Some(Bytes::from_static(OFFER));
        originate
    }

    /// Gives every side what is due at this instant.
    fn drain(&mut self, side: Side) {
        while let Some(output) = self.endpoint(side).poll_output() {
            match output {
                Output::Event(event) => self.events.push((side, event)),
                Output::Transmit { destination, bytes } => self.transmit(side, destination, bytes),
            }
        }
    }

    fn transmit(&mut self, side: Side, destination: Destination, bytes: Bytes) {
        let line = bytes.split(|byte| *byte == b'\r').next().unwrap();
        if self.keep {
            self.log.push((side, String::from_utf8_lossy(line).into_owned()));
            self.messages.push((side, bytes.clone()));
        }
        parse(bytes.clone()).expect("what we send can be read");
        assert_eq!(destination.remote(), side.other().address(), "{}", String::from_utf8_lossy(&bytes));
        let copies = 1 + u32::from(self.random.random_range(0..100) < self.weather.repeat);
        for _ in 0..copies {
            if self.random.random_range(0..100) < self.weather.loss {
                continue;
            }
            let (least, most) = self.weather.delay_ms;
            let at = self.now + Duration::from_millis(self.random.random_range(least..=most));
            self.sent += 1;
            let to = side.other();
            self.flying.insert((at, self.sent), (to, self.flow(to), bytes.clone()));
        }
    }

    /// The next instant at which something happens.
    fn next(&self) -> Option<Instant> {
        let arrival = self.flying.keys().next().map(|(at, _)| *at);
        let timers = self.endpoints.iter().filter_map(Endpoint::poll_timeout);
        timers.chain(arrival).min()
    }

    /// Moves to the next instant and lets everything happen that happens then.
    fn step(&mut self) {
        let at = self.next().expect("the caller looked");
        assert!(at >= self.now, "time goes forward");
        self.now = at;
        while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= at) {
            let (to, flow, bytes) = entry.remove();
            self.endpoint(to).handle_input(at, Input::Message { flow, bytes });
            self.drain(to);
        }
        for side in [Side::A, Side::B] {
            self.endpoint(side).handle_timeout(at);
            assert!(self.endpoint(side).poll_timeout().is_none_or(|next| next > at), "poll_timeout is exact");
            self.drain(side);
        }
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, duration: Duration) {
        let until = self.now + duration;
        while self.next().is_some_and(|at| at <= until) {
            self.step();
        }
        self.now = until;
    }

    pub(super) fn pass_ms(&mut self, ms: u64) {
        self.pass(Duration::from_millis(ms));
    }

    /// Lets time pass until an event of one side comes that `pick` wants; that side's events before it are dropped.
    #[track_caller]
    pub(super) fn until<T>(&mut self, side: Side, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
        loop {
            let found = self.events.iter().enumerate().find_map(|(index, (from, event))| {
                if *from == side { pick(event).map(|found| (index, found)) } else { None }
            });
            if let Some((index, found)) = found {
                let mut position = 0;
                self.events.retain(|(from, _)| {
                    position += 1;
                    *from != side || position > index + 1
                });
                return found;
            }
            assert!(self.next().is_some(), "the event never came; log: {:#?}", self.log);
            self.step();
        }
    }

    /// The events of one side that nobody took yet.
    pub(super) fn events_of(&self, side: Side) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |(own, _)| *own == side).map(|(_, event)| event)
    }

    /// The events that came since they were last taken.
    pub(super) fn events(&mut self) -> Vec<(Side, Event)> {
        std::mem::take(&mut self.events)
    }

    /// Lets everything run out: afterwards nothing may be left anywhere.
    #[track_caller]
    pub(super) fn run_out(&mut self) {
        while self.next().is_some() {
            self.step();
        }
        self.assert_empty();
    }

    #[track_caller]
    pub(super) fn assert_empty(&mut self) {
        for side in [Side::A, Side::B] {
            let endpoint = self.endpoint(side);
            assert_eq!(endpoint.sessions(), 0, "{side:?} sessions");
            assert_eq!(endpoint.transactions(), 0, "{side:?} transactions");
            assert_eq!(endpoint.core.tags.len(), 0, "{side:?} tags");
            assert_eq!(endpoint.core.server.merges(), 0, "{side:?} merges");
            assert_eq!(endpoint.core.io.timers.len(), 0, "{side:?} timers");
            assert_eq!(endpoint.requests.len(), 0, "{side:?} requests");
        }
    }

    /// The start lines that were sent, by side.
    pub(super) fn lines(&self) -> Vec<String> {
        self.log.iter().map(|(side, line)| format!("{side:?} {}", short(line))).collect()
    }

    /// The last message a side sent whose start line begins so.
    #[track_caller]
    pub(super) fn message(&self, side: Side, start: &str) -> String {
        let found =
            self.messages.iter().rev().find(|(from, bytes)| *from == side && bytes.starts_with(start.as_bytes()));
        String::from_utf8(found.unwrap_or_else(|| panic!("{start} in {:?}", self.lines())).1.to_vec()).unwrap()
    }

    /// Calls from A and lets B answer; the sessions of A and B.
    #[track_caller]
    pub(super) fn call(&mut self) -> (SessionId, SessionId) {
        let originate = self.originate(Side::A);
        self.call_with(originate)
    }

    #[track_caller]
    pub(super) fn call_with(&mut self, originate: Originate) -> (SessionId, SessionId) {
        let a = originate.session;
        self.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
        let b = self.until(Side::B, invite);
        self.command(Side::B, answer(b)).unwrap();
        self.until(Side::A, |event| matches!(event, Event::Answered { session, .. } if *session == a).then_some(()));
        self.until(Side::B, |event| matches!(event, Event::Confirmed { session, .. } if *session == b).then_some(()));
        (a, b)
    }
}

/// `INVITE` for a request line, `180 INVITE`-less `180` for a status line.
fn short(line: &str) -> String {
    let mut words = line.split(' ');
    match words.next().unwrap() {
        "SIP/2.0" => words.next().unwrap().to_owned(),
        method => method.to_owned(),
    }
}

pub(super) fn invite(event: &Event) -> Option<SessionId> {
    match event {
        Event::Invite { session, .. } => Some(*session),
        _ => None,
    }
}

pub(super) fn ended(event: &Event) -> Option<EndReason> {
    match event {
        Event::Ended { reason, .. } => Some(reason.clone()),
        _ => None,
    }
}

pub(super) fn rejected(event: &Event) -> Option<u16> {
    match event {
        Event::Rejected { status, .. } => Some(*status),
        _ => None,
    }
}

pub(super) fn reoffer(event: &Event) -> Option<Option<Bytes>> {
    match event {
        Event::Reoffer { body, .. } => Some(body.clone()),
        _ => None,
    }
}

pub(super) fn answer(session: SessionId) -> Command {
    Command::Answer { session, body: Bytes::from_static(ANSWER), headers: Vec::new() }
}

pub(super) fn progress(session: SessionId, status: u16, body: &'static [u8], reliable: Reliability) -> Command {
    Command::Progress { session, status, body: Bytes::from_static(body), reliable, headers: Vec::new() }
}

pub(super) fn hang_up(session: SessionId) -> Command {
    Command::HangUp { session, status: 486, reason: None }
}

pub(super) fn header<'a>(request: &'a Request, name: &HeaderName) -> &'a str {
    request.headers.get_str(name).unwrap_or_default()
}

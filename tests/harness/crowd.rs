//! Many calls of one phone at once on real sockets, with audio that is timed packet by packet.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip::auth::Credentials;
use sip::endpoint::{
    Advertised, Command, Config, Destination, Endpoint, Event, Flow, Input, Originate, Output, SessionId, Transport,
};
use sip::message::{NameAddr, Uri};

/// The time of a packet of audio.
const PACKET: Duration = Duration::from_millis(20);
/// Bytes of a packet in G.711.
const PAYLOAD: usize = 160;
/// An RTP header without extensions (RFC 3550 §5.1).
const HEADER: usize = 12;
/// The payload type of G.711 A-law.
const PCMA: u8 = 8;
/// Packets before the server surely knows where a phone is.
const BEFORE_KNOWN: u32 = 50;
/// How long an echo may be on its way when nobody speaks any more.
const LAST_ECHO: Duration = Duration::from_millis(500);
/// How long a call may take to be answered.
const PATIENCE: Duration = Duration::from_secs(60);

/// The rest between two calls of one who tries.
const BETWEEN_TRIALS: Duration = Duration::from_millis(20);
/// The time between two calls of one who pesters.
const BETWEEN_ATTACKS: Duration = Duration::from_millis(100);
/// The time between two packets of one who murmurs.
const MURMUR: Duration = Duration::from_secs(2);

/// Whose phone it is.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) server: SocketAddr,
    pub(crate) domain: String,
    pub(crate) name: String,
    pub(crate) secret: String,
}

/// A phone with many lines.
pub(crate) struct Crowd {
    account: Account,
    sip: UdpSocket,
    endpoint: Endpoint,
    lines: Vec<Line>,
    begun: u32,
    /// How long calls waited for their answer, from the first INVITE to the 200, challenge included.
    pub(crate) answered_after: Vec<Duration>,
}

struct Line {
    number: String,
    session: SessionId,
    media: Arc<UdpSocket>,
    state: State,
    asked: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Asked,
    Up(SocketAddr),
    /// Refused with this status, or hung up.
    Over(Option<u16>),
}

/// What was heard of an echo.
#[derive(Default)]
pub(crate) struct Heard {
    /// Packets that were said.
    pub(crate) said: u32,
    /// Packets of those that never came back.
    pub(crate) lost: u32,
    /// How far each time between two packets was from 20 ms, sorted. The speaker's own lateness is in it.
    pub(crate) jitter: Vec<Duration>,
}

/// The time that so many of a thousand do not exceed; they are sorted.
pub(crate) fn permille(times: &[Duration], permille: usize) -> Duration {
    let index = (times.len() * permille).div_ceil(1_000).saturating_sub(1);
    times.get(index).copied().unwrap_or_default()
}

impl Heard {
    fn add(&mut self, other: Self) {
        self.said += other.said;
        self.lost += other.lost;
        self.jitter.extend(other.jitter);
    }
}

impl Line {
    fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }
}

impl Crowd {
    /// A phone without calls; it is not registered.
    pub(crate) fn new(account: Account) -> Self {
        let sip = UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
        sip.set_nonblocking(true).expect("a socket can");
        let own = sip.local_addr().expect("it is bound");
        let config = Config { addresses: vec![Advertised::address(Transport::Udp, own)], ..Config::default() };
        // Two phones that made the same Call-IDs would be loops to the server (RFC 3261 §8.2.2.2).
        let mut seed = [0; 32];
        seed[..2].copy_from_slice(&own.port().to_be_bytes());
        Self {
            account,
            sip,
            endpoint: Endpoint::new(config, seed),
            lines: Vec::new(),
            begun: 0,
            answered_after: Vec::new(),
        }
    }

    /// Calls a number.
    pub(crate) fn call(&mut self, number: &str) {
        self.begun += 1;
        let media = UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
        let port = media.local_addr().expect("it is bound").port();
        let session = SessionId::originated(0, self.begun.into());
        let Account { server, domain, name, secret } = &self.account;
        let target = uri(&format!("sip:{number}@{domain}"));
        let own = NameAddr::new(uri(&format!("sip:{name}@{domain}")));
        let to = NameAddr::new(target.clone());
        let server = Destination::Address { transport: Transport::Udp, remote: *server };
        let originate = Originate {
            body: Some(offer(port)),
            contact_user: name.clone(),
            credentials: Some(Credentials::new(name, secret)),
            ..Originate::new(session, server, target, own, to)
        };
        self.lines.push(Line {
            number: number.to_owned(),
            session,
            media: Arc::new(media),
            state: State::Asked,
            asked: Instant::now(),
        });
        self.command(Command::Originate(Box::new(originate)));
    }

    /// Waits until all calls are answered.
    #[track_caller]
    pub(crate) fn until_up(&mut self) {
        let end = Instant::now() + PATIENCE;
        while self.lines.iter().any(|line| !matches!(line.state, State::Up(_))) {
            let refused = self.lines.iter().find(|line| line.is_over());
            assert!(refused.is_none(), "refused with {} up: {:?}", self.up(), refused.map(|line| line.state));
            assert!(Instant::now() < end, "a call is not answered");
            self.work();
            thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// How many calls are up.
    pub(crate) fn up(&self) -> usize {
        self.lines.iter().filter(|line| matches!(line.state, State::Up(_))).count()
    }

    /// Says something in all calls and hears how it comes back.
    pub(crate) fn talk(&mut self, time: Duration) -> Heard {
        let over = AtomicBool::new(false);
        let packets = BEFORE_KNOWN + u32::try_from(time.as_millis() / PACKET.as_millis()).expect("minutes at most");
        let mut heard = thread::scope(|scope| {
            let listen = |line: &Line| {
                let (media, over) = (Arc::clone(&line.media), &over);
                scope.spawn(move || listen(&media, packets, over))
            };
            let listeners: Vec<_> = self.lines.iter().map(listen).collect();
            self.speak(packets);
            let end = Instant::now() + LAST_ECHO;
            while Instant::now() < end {
                self.work();
                thread::park_timeout(Duration::from_millis(10));
            }
            over.store(true, Ordering::Relaxed);
            let mut heard = Heard::default();
            listeners.into_iter().for_each(|one| heard.add(one.join().expect("it does not panic")));
            heard
        });
        heard.jitter.sort();
        heard
    }

    /// One packet each 20 ms in each call; the calls are spread over the 20 ms.
    fn speak(&mut self, packets: u32) {
        let begun = Instant::now();
        let lines = u32::try_from(self.lines.len()).expect("few");
        for number in 0..packets {
            for index in 0..lines {
                let due = begun + PACKET * number + PACKET * index / lines;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                let line = &self.lines[index as usize];
                if let State::Up(remote) = line.state {
                    // A port that was closed is a call that ended: the losses tell.
                    line.media.send_to(&packet(number), remote).unwrap_or_default();
                }
            }
            self.work();
        }
    }

    /// Calls these numbers until it is told to stop: each of them again when its call is over. How many calls were begun.
    pub(crate) fn pester(&mut self, numbers: &[String], over: &AtomicBool) -> u32 {
        let before = self.begun;
        numbers.iter().for_each(|number| self.call(number));
        while !over.load(Ordering::Relaxed) {
            self.work();
            // A flood of calls is another attack than what the calls do.
            let due = |line: &Line| line.is_over() && line.asked.elapsed() > BETWEEN_ATTACKS;
            let (gone, rest) = self.lines.drain(..).partition(due);
            self.lines = rest;
            let gone: Vec<Line> = gone;
            gone.iter().for_each(|line| self.call(&line.number));
            thread::park_timeout(Duration::from_millis(5));
        }
        self.hang_up();
        self.begun - before
    }

    /// Hangs up everywhere and waits until the server knows.
    pub(crate) fn hang_up(&mut self) {
        let sessions: Vec<SessionId> = self.lines.iter().map(|line| line.session).collect();
        for session in sessions {
            // One that the server ended meanwhile needs nothing.
            self.endpoint
                .handle_command(Instant::now(), Command::HangUp { session, status: 480, reason: None })
                .unwrap_or_default();
        }
        let end = Instant::now() + PATIENCE;
        while self.lines.iter().any(|line| !line.is_over()) && Instant::now() < end {
            self.work();
            thread::park_timeout(Duration::from_millis(1));
        }
        self.lines.clear();
    }

    /// Calls a number again and again, one call at a time, until it is told to stop.
    pub(crate) fn try_out(&mut self, number: &str, over: &AtomicBool) {
        while !over.load(Ordering::Relaxed) {
            self.call(number);
            self.until_up();
            self.hang_up();
            thread::sleep(BETWEEN_TRIALS);
        }
    }

    /// Says something now and then in all calls, so that they are not taken for dead, until it is told to stop.
    pub(crate) fn murmur(&mut self, over: &AtomicBool) {
        let mut number = 0;
        while !over.load(Ordering::Relaxed) {
            for line in &self.lines {
                if let State::Up(remote) = line.state {
                    line.media.send_to(&packet(number), remote).unwrap_or_default();
                }
            }
            number += 1;
            let next = Instant::now() + MURMUR;
            while Instant::now() < next && !over.load(Ordering::Relaxed) {
                self.work();
                thread::park_timeout(Duration::from_millis(5));
            }
        }
    }

    /// Does what SIP has to do.
    pub(crate) fn work(&mut self) {
        exchange(&self.sip, &mut self.endpoint).into_iter().for_each(|event| self.hear(event));
    }

    fn hear(&mut self, event: Event) {
        let (session, state) = match event {
            Event::Answered { session, body, .. } => {
                (session, media_address(&body).map_or(State::Over(None), State::Up))
            }
            Event::Rejected { session, status, .. } => (session, State::Over(Some(status))),
            Event::Ended { session, .. } => (session, State::Over(None)),
            _ => return,
        };
        let Some(line) = self.lines.iter_mut().find(|line| line.session == session) else { return };
        line.state = state;
        if let State::Up(_) = state {
            self.answered_after.push(line.asked.elapsed());
        }
    }

    fn command(&mut self, command: Command) {
        self.endpoint.handle_command(Instant::now(), command).expect("the endpoint has room");
    }
}

/// Hears what comes back of `packets` packets.
fn listen(media: &UdpSocket, packets: u32, over: &AtomicBool) -> Heard {
    media.set_read_timeout(Some(Duration::from_millis(50))).expect("a socket can");
    let mut came = vec![false; packets as usize];
    let mut heard = Heard { said: packets - BEFORE_KNOWN, ..Heard::default() };
    let mut last: Option<(u32, Instant)> = None;
    let mut buffer = [0; 2_048];
    while !over.load(Ordering::Relaxed) {
        let Ok(length) = media.recv(&mut buffer) else { continue };
        let now = Instant::now();
        let Some(number) = said_in(&buffer[..length]).filter(|number| *number < packets) else { continue };
        came[number as usize] = true;
        if let Some((before, at)) = last
            && number == before + 1
            && number > BEFORE_KNOWN
        {
            heard.jitter.push((now - at).abs_diff(PACKET));
        }
        last = Some((number, now));
    }
    heard.lost = came[BEFORE_KNOWN as usize..].iter().filter(|came| !**came).count().try_into().expect("few");
    heard
}

/// An RTP packet whose audio tells its number.
fn packet(number: u32) -> Vec<u8> {
    let mut packet = vec![0x80, PCMA];
    packet.extend((number as u16).to_be_bytes());
    packet.extend((number * PAYLOAD as u32).to_be_bytes());
    packet.extend(7_u32.to_be_bytes());
    packet.extend(number.to_be_bytes());
    packet.resize(HEADER + PAYLOAD, 0xd5);
    packet
}

fn said_in(packet: &[u8]) -> Option<u32> {
    let audio = packet.get(HEADER..HEADER + 4)?;
    (packet[1] & 0x7f == PCMA).then(|| u32::from_be_bytes(audio.try_into().expect("four bytes")))
}

fn offer(port: u16) -> Bytes {
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP {PCMA}\r\n\
         a=rtpmap:{PCMA} PCMA/8000\r\n"
    );
    sdp.into()
}

/// What came on a socket goes to the endpoint, what the endpoint sends goes out, and what is due is done. The socket does not block.
pub(crate) fn exchange(sip: &UdpSocket, endpoint: &mut Endpoint) -> Vec<Event> {
    let now = Instant::now();
    let local = sip.local_addr().expect("it is bound");
    let mut buffer = [0; 4_096];
    while let Ok((length, remote)) = sip.recv_from(&mut buffer) {
        let flow = Flow { transport: Transport::Udp, local, remote, connection: 0 };
        let bytes = Bytes::copy_from_slice(&buffer[..length]);
        endpoint.handle_input(now, Input::Message { flow, bytes });
    }
    if endpoint.poll_timeout().is_some_and(|at| at <= now) {
        endpoint.handle_timeout(now);
    }
    let mut events = Vec::new();
    while let Some(output) = endpoint.poll_output() {
        match output {
            Output::Transmit { destination, bytes } => {
                // Lost like any other datagram.
                sip.send_to(&bytes, destination.remote()).map(drop).unwrap_or_default();
            }
            Output::Event(event) => events.push(event),
        }
    }
    events
}

/// Where an SDP of the server wants audio.
pub(crate) fn media_address(sdp: &Bytes) -> Option<SocketAddr> {
    let text = String::from_utf8_lossy(sdp);
    let field = |start: &str| text.lines().find_map(|line| line.strip_prefix(start)).map(str::to_owned);
    let port = field("m=audio ")?.split(' ').next()?.parse().ok()?;
    Some(SocketAddr::new(field("c=IN IP4 ")?.trim().parse().ok()?, port))
}

pub(crate) fn uri(text: &str) -> Uri {
    Uri::parse(&Bytes::from(text.to_owned())).expect("a URI")
}

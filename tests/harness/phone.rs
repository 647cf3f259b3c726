//! A scripted phone: a SIP endpoint and a media engine that do what the test says.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use codec::tone::Tone;
use codec::{Codec, SampleRate, goertzel};
use media::engine::{Channel, Command as MediaCommand, Engine, Event as MediaEvent, LegKey, LegOptions, RecordOptions};
use media::negotiation::{Direction, LocalMedia, Negotiation};
use media::rtp;
use sip::auth::Credentials;
use sip::endpoint::{
    Advertised, ClientRequestId, Command, Config, Destination, EndReason, Endpoint, Event, Flow, Input, Originate,
    OutboundRequest, Output, Reason, Reliability, SessionId, Transport,
};
use sip::message::{HeaderName, Headers, Method, NameAddr, Replaces, Uri};

use super::network::{Datagram, Network};
use super::server;

/// A phone of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PhoneId(pub(crate) usize);

/// A call as one phone sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) phone: PhoneId,
    pub(crate) session: SessionId,
}

/// Where a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The phone calls; nothing but 100 came.
    Calling,
    /// It hears that the other side rings.
    Ringing,
    /// It hears audio before the answer.
    Early,
    /// It is called and has not answered.
    Incoming,
    /// It talks.
    Up,
    /// The call it made was refused with this status.
    Refused(u16),
    /// The call is over.
    Ended(EndReason),
}

/// What a phone knows of a line.
#[derive(Debug)]
pub(crate) struct LineState {
    pub(crate) state: State,
    /// Every provisional status that came.
    pub(crate) progress: Vec<u16>,
    /// What the transfer it asked for came to, NOTIFY by NOTIFY.
    pub(crate) transfer: Vec<u16>,
    /// The caller's number, as shown.
    pub(crate) caller: String,
    /// The caller's name, as shown.
    pub(crate) caller_name: String,
    /// Keys that the other side pressed.
    pub(crate) keys: String,
    /// Keys that came by INFO.
    pub(crate) informed: String,
    /// Keys that came as sound.
    pub(crate) sounded: Sounded,
    /// How often the answer came: retransmissions must not be seen.
    pub(crate) answers: u32,
    key: LegKey,
    negotiation: Negotiation,
    /// The INVITE left the offer to the other side.
    offerless: bool,
    /// Our SDP for the caller, before it is sent.
    answer: Bytes,
    /// The dialog, to be named in a transfer.
    pub(crate) dialog: Option<Replaces>,
    /// The latest audio heard.
    heard: VecDeque<i16>,
}

/// Samples that are kept of what a line hears: half a second.
const HEARD_SAMPLES: usize = 4_000;
const FIRST_MEDIA_PORT: u16 = 4_000;

pub(crate) struct Phone {
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) address: SocketAddr,
    /// How it reaches the switch.
    pub(crate) transport: Transport,
    pub(crate) lines: BTreeMap<SessionId, LineState>,
    /// Answers to REGISTER and the like, by number.
    pub(crate) answers: BTreeMap<u64, u16>,
    /// What it was asked and did not understand.
    pub(crate) surprises: Vec<String>,
    /// Calls that came in and that no test has picked up.
    pub(crate) incoming: VecDeque<SessionId>,
    /// The test speaks for it.
    pub(crate) by_hand: bool,
    /// What came while the test speaks for it.
    pub(crate) letters: VecDeque<Bytes>,
    /// It sends and takes keys as events (RFC 4733).
    pub(crate) events: bool,
    /// It refuses INFO, though it allows it.
    pub(crate) refuses_info: bool,
    /// It tells by RTCP what it hears.
    pub(crate) reports: bool,
    secret: String,
    codecs: Vec<Codec>,
    endpoint: Endpoint,
    engine: Engine,
    numbers: u64,
    legs: u64,
}

impl Phone {
    pub(crate) fn new(number: u8, domain: &str, name: &str, secret: &str, seed: u64) -> Self {
        let address = SocketAddr::from(([198, 51, 100, number], 5060));
        let addresses = [Transport::Udp, Transport::Tcp].map(|one| Advertised::address(one, address)).to_vec();
        let config = Config { addresses, ..Config::default() };
        let mut bytes = [number; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self {
            name: name.to_owned(),
            domain: domain.to_owned(),
            address,
            transport: Transport::Udp,
            lines: BTreeMap::new(),
            answers: BTreeMap::new(),
            surprises: Vec::new(),
            incoming: VecDeque::new(),
            by_hand: false,
            letters: VecDeque::new(),
            events: true,
            refuses_info: false,
            reports: true,
            secret: secret.to_owned(),
            codecs: vec![Codec::Pcma, Codec::Pcmu],
            endpoint: Endpoint::new(config, bytes),
            engine: Engine::new(seed ^ u64::from(number)),
            numbers: 0,
            legs: 0,
        }
    }

    pub(crate) fn receive(&mut self, now: Instant, datagram: Datagram) {
        let Datagram { from, to, bytes, .. } = datagram;
        if to == self.address && self.by_hand {
            return self.letters.push_back(bytes);
        }
        if to == self.address {
            let flow = Flow { transport: Transport::Udp, local: to, remote: from, connection: 0 };
            return self.endpoint.handle_input(now, Input::Message { flow, bytes });
        }
        let offset = to.port().wrapping_sub(FIRST_MEDIA_PORT);
        let channel = if offset % 2 == 0 { Channel::Rtp } else { Channel::Rtcp };
        self.engine.handle_packet(now, LegKey(u64::from(offset / 2)), channel, from, &bytes);
    }

    /// Takes what came by a stream.
    pub(crate) fn hear_stream(&mut self, now: Instant, input: Input) {
        match input {
            Input::Message { bytes, .. } if self.by_hand => self.letters.push_back(bytes),
            _ if self.by_hand => {}
            input => self.endpoint.handle_input(now, input),
        }
    }

    /// Does all that is due; true if SIP was spoken.
    pub(crate) fn work(&mut self, now: Instant, network: &mut Network) -> bool {
        let worked = !self.by_hand && self.speak(now, network);
        if self.engine.poll_timeout().is_some_and(|at| at <= now) {
            self.engine.handle_timeout(now);
        }
        while let Some(transmit) = self.engine.poll_transmit() {
            let mut from = media_address(self.address, transmit.leg);
            if !self.reports && (transmit.channel == Channel::Rtcp || rtp::is_rtcp(transmit.bytes)) {
                continue;
            }
            if transmit.channel == Channel::Rtcp {
                from.set_port(from.port() + 1);
            }
            network.send(now, from, transmit.to, Bytes::copy_from_slice(transmit.bytes));
        }
        while let Some(event) = self.engine.poll_event() {
            self.hear_media(event);
        }
        worked
    }

    /// Does all SIP that is due; true if there was any.
    fn speak(&mut self, now: Instant, network: &mut Network) -> bool {
        let mut worked = false;
        if self.endpoint.poll_timeout().is_some_and(|at| at <= now) {
            self.endpoint.handle_timeout(now);
            worked = true;
        }
        while let Some(output) = self.endpoint.poll_output() {
            worked = true;
            match output {
                Output::Transmit { destination, bytes } => {
                    let bytes = if self.refuses_info { refusing_info(bytes) } else { bytes };
                    network.transmit(now, self.address, destination, bytes);
                }
                Output::Event(event) => self.hear(now, event),
            }
        }
        worked
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        let sip = self.endpoint.poll_timeout().filter(|_| !self.by_hand);
        [sip, self.engine.poll_timeout()].into_iter().flatten().min()
    }

    // === What a test tells the phone ===

    /// Sends a REGISTER; the number under which the answer comes.
    pub(crate) fn register(&mut self, now: Instant, change: impl FnOnce(&mut OutboundRequest)) -> u64 {
        self.numbers += 1;
        let own = NameAddr::new(uri(&format!("sip:{}@{}", self.name, self.domain)));
        let mut request = OutboundRequest {
            contact_user: Some(self.name.clone()),
            credentials: Some(self.credentials()),
            ..OutboundRequest::new(
                ClientRequestId(self.numbers),
                Method::Register,
                to_server(self.transport),
                uri(&format!("sip:{}", self.domain)),
                (own.clone(), own),
            )
        };
        change(&mut request);
        self.command(now, Command::SendRequest(Box::new(request)));
        self.numbers
    }

    /// Calls a number.
    pub(crate) fn call(&mut self, now: Instant, number: &str, change: impl FnOnce(&mut Originate)) -> SessionId {
        self.numbers += 1;
        let session = SessionId::originated(0, self.numbers);
        let (key, mut negotiation) = self.open(now);
        let body = Bytes::from(negotiation.offer(Direction::SendRecv));
        let target = uri(&format!("sip:{number}@{}", self.domain));
        let own = NameAddr::new(uri(&format!("sip:{}@{}", self.name, self.domain)));
        let mut originate = Originate {
            body: Some(body),
            contact_user: self.name.clone(),
            credentials: Some(self.credentials()),
            ..Originate::new(session, to_server(self.transport), target.clone(), own, NameAddr::new(target))
        };
        change(&mut originate);
        if originate.body.is_none() {
            negotiation.reject_offer();
        }
        let mut line = LineState::new(State::Calling, key, negotiation);
        line.offerless = originate.body.is_none();
        self.lines.insert(session, line);
        self.command(now, Command::Originate(Box::new(originate)));
        session
    }

    pub(crate) fn ring(&mut self, now: Instant, session: SessionId) {
        self.progress(now, session, (180, Bytes::new()), Reliability::Unreliable);
    }

    /// 183 with SDP: what the phone says is to be heard before it answers.
    pub(crate) fn early(&mut self, now: Instant, session: SessionId, reliable: Reliability) {
        let body = self.answer_body(now, session);
        self.progress(now, session, (183, body), reliable);
    }

    fn progress(&mut self, now: Instant, session: SessionId, (status, body): (u16, Bytes), reliable: Reliability) {
        self.command(now, Command::Progress { session, status, body, reliable, headers: Vec::new() });
    }

    pub(crate) fn answer(&mut self, now: Instant, session: SessionId) {
        let body = self.answer_body(now, session);
        self.command(now, Command::Answer { session, body, headers: Vec::new() });
    }

    pub(crate) fn refuse(&mut self, now: Instant, session: SessionId, status: u16) {
        self.command(now, Command::Reject { session, status, headers: Vec::new() });
        self.end(now, session, State::Refused(status));
    }

    /// 302: call somebody else.
    pub(crate) fn redirect(&mut self, now: Instant, session: SessionId, number: &str) {
        let contact = Bytes::from(format!("<sip:{number}@{}>", self.domain));
        self.command(now, Command::Reject { session, status: 302, headers: vec![(HeaderName::Contact, contact)] });
        self.end(now, session, State::Refused(302));
    }

    pub(crate) fn hang_up(&mut self, now: Instant, session: SessionId, reason: Option<Reason>) {
        self.command(now, Command::HangUp { session, status: 480, reason });
    }

    pub(crate) fn inform(&mut self, now: Instant, session: SessionId, content_type: &'static str, body: &str) {
        let (content_type, body) = (Bytes::from_static(content_type.as_bytes()), Bytes::from(body.to_owned()));
        self.command(now, Command::Info { session, content_type, body });
    }

    pub(crate) fn direct(&mut self, now: Instant, session: SessionId, direction: Direction) {
        let Some(line) = self.lines.get_mut(&session) else { return };
        let body = Some(Bytes::from(line.negotiation.offer(direction)));
        self.command(now, Command::Reoffer { session, body });
    }

    pub(crate) fn refer(&mut self, now: Instant, session: SessionId, number: &str, other: Option<SessionId>) {
        let replaces = other.and_then(|other| self.lines.get(&other)?.dialog.clone());
        let refer_to = uri(&format!("sip:{number}@{}", self.domain));
        self.command(now, Command::Refer { session, refer_to, replaces, referred_by: None });
    }

    pub(crate) fn press(&mut self, now: Instant, session: SessionId, digits: &str) {
        if let Some(leg) = self.lines.get(&session).map(|line| line.key) {
            self.engine.handle_command(now, MediaCommand::SendDigits { leg, digits: digits.to_owned() });
        }
    }

    /// Says a tone without end, or nothing more.
    pub(crate) fn say(&mut self, now: Instant, session: SessionId, hertz: Option<u16>) {
        let tone = hertz.map(|hertz| Arc::new(Tone::parse(&format!("{hertz}/1000")).expect("a tone")));
        if let Some(leg) = self.lines.get(&session).map(|line| line.key) {
            self.engine.handle_command(now, MediaCommand::RingTone { leg, tone });
        }
    }

    /// Forgets what a line has heard so far.
    pub(crate) fn listen(&mut self, session: SessionId) {
        if let Some(line) = self.lines.get_mut(&session) {
            line.heard.clear();
        }
    }

    // === What it does by itself ===

    fn hear(&mut self, now: Instant, event: Event) {
        match event {
            Event::Invite { session, request, .. } => {
                let (key, negotiation) = self.open(now);
                let mut line = LineState::new(State::Incoming, key, negotiation);
                let from = request.headers.from_();
                line.caller_name = from.as_ref().and_then(|from| from.display_name()).unwrap_or_default();
                line.caller = from.and_then(|from| from.uri().user_unescaped()).unwrap_or_default();
                line.answer_to(&request.body);
                self.lines.insert(session, line);
                self.incoming.push_back(session);
            }
            Event::Progress { session, status, body, .. } => {
                self.agree(now, session, &body);
                let Some(line) = self.lines.get_mut(&session) else { return };
                line.progress.push(status);
                line.state = if status == 183 { State::Early } else { State::Ringing };
            }
            Event::Answered { session, body, response } => {
                self.conclude(now, session, &body);
                let Some(line) = self.lines.get_mut(&session) else { return };
                line.state = State::Up;
                line.answers += 1;
                line.dialog = dialog(&response.headers);
            }
            Event::Confirmed { session, .. } => {
                if let Some(line) = self.lines.get_mut(&session) {
                    line.state = State::Up;
                }
            }
            Event::Rejected { session, status, .. } => self.end(now, session, State::Refused(status)),
            Event::Ended { session, reason } => self.end(now, session, State::Ended(reason)),
            Event::Reoffer { session, body } => self.accept_reoffer(now, session, body),
            Event::ReofferAnswered { session, body } => self.agree(now, session, &body),
            Event::Info { session, content_type, body } if content_type == "application/dtmf-relay" => {
                let text = String::from_utf8_lossy(&body).into_owned();
                let signal = text.lines().find_map(|line| line.strip_prefix("Signal="));
                if let (Some(signal), Some(line)) = (signal, self.lines.get_mut(&session)) {
                    line.informed += signal;
                }
            }
            Event::InfoAnswered { .. } => {}
            Event::ReferProgress { session, status, .. } => {
                if let Some(line) = self.lines.get_mut(&session) {
                    line.transfer.push(status);
                }
            }
            Event::Response { request, status, .. } => {
                self.answers.insert(request.0, status);
            }
            Event::Request { transaction, .. } => {
                let (headers, body) = (Vec::new(), Bytes::new());
                self.command(now, Command::Respond { transaction, status: 200, reason: None, headers, body });
            }
            other => self.surprises.push(format!("{other:?}")),
        }
    }

    fn hear_media(&mut self, event: MediaEvent) {
        let leg = event.leg();
        let Some(line) = self.lines.values_mut().find(|line| line.key == leg) else { return };
        match event {
            MediaEvent::Recorded { samples, .. } => {
                line.sounded.hear(&samples);
                line.heard.extend(samples);
                let surplus = line.heard.len().saturating_sub(HEARD_SAMPLES);
                line.heard.drain(..surplus);
            }
            MediaEvent::Dtmf { digit, .. } => line.keys.push(digit),
            _ => {}
        }
    }

    /// A leg of media for a new line, with its recorder running.
    fn open(&mut self, now: Instant) -> (LegKey, Negotiation) {
        let leg = LegKey(self.legs);
        self.legs += 1;
        let negotiation = Negotiation::new(LocalMedia {
            address: media_address(self.address, leg),
            session_id: self.legs,
            codecs: self.codecs.clone(),
            dtmf: self.events,
            ptime_ms: 20,
            trusted_addresses: Vec::new(),
        });
        self.engine.handle_command(now, MediaCommand::Add { leg, options: LegOptions::default() });
        let max = Duration::from_secs(24 * 3600);
        let options = RecordOptions { rate: SampleRate::Hz8000, max, silence: None, terminators: String::new() };
        self.engine.handle_command(now, MediaCommand::Record { leg, record: 0, options });
        (leg, negotiation)
    }

    fn answer_body(&mut self, now: Instant, session: SessionId) -> Bytes {
        let Some(line) = self.lines.get_mut(&session) else { return Bytes::new() };
        let body = line.answer.clone();
        line.update(now, &mut self.engine);
        body
    }

    fn accept_reoffer(&mut self, now: Instant, session: SessionId, body: Option<Bytes>) {
        let Some(line) = self.lines.get_mut(&session) else { return };
        let body = match body {
            Some(offer) => line.negotiation.answer(&offer).map(Bytes::from),
            None => Ok(Bytes::from(line.negotiation.offer(Direction::SendRecv))),
        };
        line.update(now, &mut self.engine);
        let command = match body {
            Ok(body) => Command::AcceptReoffer { session, body },
            Err(_) => Command::RejectReoffer { session, status: 488 },
        };
        self.command(now, command);
    }

    /// The call was answered: with an answer to our offer, or with an offer when we made none.
    fn conclude(&mut self, now: Instant, session: SessionId, body: &Bytes) {
        let Some(line) = self.lines.get_mut(&session).filter(|line| line.offerless) else {
            return self.agree(now, session, body);
        };
        let answer = line.negotiation.answer(body).map(Bytes::from).unwrap_or_default();
        line.update(now, &mut self.engine);
        self.command(now, Command::Acknowledge { session, body: answer });
    }

    fn agree(&mut self, now: Instant, session: SessionId, body: &Bytes) {
        let Some(line) = self.lines.get_mut(&session) else { return };
        if body.is_empty() {
            return;
        }
        if let Err(error) = line.negotiation.accept_answer(body) {
            return self.surprises.push(format!("an unacceptable answer: {error}"));
        }
        line.update(now, &mut self.engine);
    }

    fn end(&mut self, now: Instant, session: SessionId, state: State) {
        if let Some(line) = self.lines.get_mut(&session) {
            line.state = state;
            self.engine.handle_command(now, MediaCommand::Remove { leg: line.key });
        }
    }

    fn command(&mut self, now: Instant, command: Command) {
        let text = format!("{command:?}");
        if let Err(error) = self.endpoint.handle_command(now, command) {
            self.surprises.push(format!("{error}: {text}"));
        }
    }

    fn credentials(&self) -> Credentials {
        Credentials::new(&self.name, &self.secret)
    }
}

impl LineState {
    fn new(state: State, key: LegKey, negotiation: Negotiation) -> Self {
        Self {
            state,
            progress: Vec::new(),
            transfer: Vec::new(),
            caller: String::new(),
            caller_name: String::new(),
            keys: String::new(),
            informed: String::new(),
            sounded: Sounded::default(),
            answers: 0,
            key,
            negotiation,
            offerless: false,
            answer: Bytes::new(),
            dialog: None,
            heard: VecDeque::new(),
        }
    }

    fn answer_to(&mut self, offer: &Bytes) {
        self.answer = match offer.is_empty() {
            true => self.negotiation.offer(Direction::SendRecv).into(),
            false => self.negotiation.answer(offer).map(Bytes::from).unwrap_or_default(),
        };
    }

    fn update(&self, now: Instant, engine: &mut Engine) {
        if let Some(stream) = self.negotiation.stream() {
            engine.handle_command(now, MediaCommand::Update { leg: self.key, stream: stream.clone() });
        }
    }

    /// Whether the latest audio is mainly this tone, and a good deal of it. A tone that is there half of the time has a purity of
    /// one half.
    pub(crate) fn hears(&self, hertz: u16) -> bool {
        let samples: Vec<i16> = self.heard.iter().copied().collect();
        samples.len() >= HEARD_SAMPLES / 2
            && goertzel::purity(&samples, SampleRate::Hz8000, f64::from(hertz)) > 0.45
            && goertzel::amplitude(&samples, SampleRate::Hz8000, f64::from(hertz)) > 1_000.0
    }
}

/// Keys as sound (ITU-T Q.23).
#[derive(Debug, Default)]
pub(crate) struct Sounded {
    pub(crate) keys: String,
    sounds: Option<char>,
    rest: Vec<i16>,
}

impl Sounded {
    /// Half as long as a key lasts.
    const WINDOW: usize = 400;

    fn hear(&mut self, samples: &[i16]) {
        self.rest.extend(samples);
        while self.rest.len() >= Self::WINDOW {
            let window: Vec<i16> = self.rest.drain(..Self::WINDOW).collect();
            let sounds = goertzel::dtmf(&window, SampleRate::Hz8000);
            self.keys.extend(sounds.filter(|key| self.sounds != Some(*key)));
            self.sounds = sounds;
        }
    }
}

/// An answer to INFO as of a phone that cannot read what it says (RFC 6086 §4.2.2).
fn refusing_info(answer: Bytes) -> Bytes {
    let text = String::from_utf8_lossy(&answer);
    match text.starts_with("SIP/2.0 200 OK") && text.contains(" INFO\r\n") {
        true => text.replacen("200 OK", "415 Unsupported Media Type", 1).into(),
        false => answer,
    }
}

fn media_address(phone: SocketAddr, leg: LegKey) -> SocketAddr {
    let offset = u16::try_from(leg.0).expect("a phone has few calls in a test") * 2;
    SocketAddr::new(phone.ip(), FIRST_MEDIA_PORT + offset)
}

fn to_server(transport: Transport) -> Destination {
    Destination::Address { transport, remote: server::sip_address() }
}

fn uri(text: &str) -> Uri {
    Uri::parse(&Bytes::from(text.to_owned())).expect("a test writes proper URIs")
}

/// The dialog of a call that was answered, as its callee knows it.
fn dialog(headers: &Headers) -> Option<Replaces> {
    Some(Replaces {
        call_id: headers.call_id_text()?,
        to_tag: headers.to()?.tag_text()?,
        from_tag: headers.from_()?.tag_text()?,
        early_only: false,
    })
}

//! One endpoint against peers whose every message the test writes.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::endpoint::*;
use crate::message::{HeaderName, Message, Method, Request, Response, parse};
use crate::transaction::timer::test_clock;

pub(super) struct Script {
    pub(super) now: Instant,
    pub(super) endpoint: Endpoint,
    pub(super) flow: Flow,
    sent: Vec<(Destination, Bytes)>,
    events: Vec<Event>,
}

/// A request of the peer; `more` are header lines with their ends.
pub(super) fn request(method: &str, cseq: &str, branch: &str, more: &str) -> String {
    full_request(method, "sip:100@192.0.2.2", cseq, (branch, "<sip:100@acme.test>"), more)
}

pub(super) fn full_request(method: &str, uri: &str, cseq: &str, (branch, to): (&str, &str), more: &str) -> String {
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch={branch};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:alice@acme.test>;tag=alice\r\nTo: {to}\r\nCall-ID: script\r\nCSeq: {cseq} {method}\r\n\
         Contact: <sip:alice@192.0.2.1:5060>\r\n{more}Content-Length: 0\r\n\r\n"
    )
}

impl Script {
    pub(super) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(super) fn with(config: Config) -> Self {
        let flow = Flow {
            transport: Transport::Udp,
            local: ([192, 0, 2, 2], 5060).into(),
            remote: ([192, 0, 2, 1], 5060).into(),
            connection: 0,
        };
        let endpoint = Endpoint::new(config, [42; 32]);
        Self { now: test_clock(), endpoint, flow, sent: Vec::new(), events: Vec::new() }
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Event(event) => self.events.push(event),
                Output::Transmit { destination, bytes } => self.sent.push((destination, bytes)),
            }
        }
    }

    pub(super) fn receive(&mut self, text: &str) {
        let flow = self.flow;
        self.receive_from(flow, text);
    }

    pub(super) fn receive_from(&mut self, flow: Flow, text: &str) {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        self.endpoint.handle_input(self.now, Input::Message { flow, bytes });
        self.drain();
    }

    pub(super) fn command(&mut self, command: Command) -> Result<(), CommandError> {
        let result = self.endpoint.handle_command(self.now, command);
        self.drain();
        result
    }

    pub(super) fn pass_ms(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while let Some(at) = self.endpoint.poll_timeout().filter(|at| *at <= until) {
            self.now = at;
            self.endpoint.handle_timeout(at);
            self.drain();
        }
        self.now = until;
    }

    pub(super) fn take_sent(&mut self) -> Vec<(Destination, Bytes)> {
        std::mem::take(&mut self.sent)
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The only message that was sent since, as a response.
    #[track_caller]
    pub(super) fn response(&mut self) -> Response {
        match self.only() {
            Message::Response(response) => response,
            Message::Request(request) => panic!("{} instead of a response", request.method),
        }
    }

    /// The only message that was sent since, as a request.
    #[track_caller]
    pub(super) fn request(&mut self) -> Request {
        match self.only() {
            Message::Request(request) => request,
            Message::Response(response) => panic!("{} instead of a request", response.status),
        }
    }

    #[track_caller]
    fn only(&mut self) -> Message {
        let sent = self.take_sent();
        let [(_, bytes)] = &sent[..] else { panic!("{} messages instead of one: {sent:?}", sent.len()) };
        parse(bytes.clone()).unwrap()
    }

    /// The status of the only response sent since; `None` for silence.
    #[track_caller]
    pub(super) fn status(&mut self) -> Option<u16> {
        if self.sent.is_empty() { None } else { Some(self.response().status.code()) }
    }

    /// The only event since.
    #[track_caller]
    pub(super) fn event(&mut self) -> Event {
        let mut events = self.take_events();
        assert_eq!(events.len(), 1, "{events:?}");
        events.remove(0)
    }

    /// A call of ours to `sip:bob@192.0.2.1`; its INVITE.
    pub(super) fn originate(&mut self, change: impl FnOnce(&mut Originate)) -> (SessionId, Request) {
        let session = SessionId::originated(0, 1);
        let party = |text: &str| crate::message::NameAddr::new(text.parse().unwrap());
        let mut originate = Originate::new(
            session,
            Destination::Flow(self.flow),
            "sip:bob@192.0.2.1".parse().unwrap(),
            party("sip:pbx@acme.test"),
            party("sip:bob@acme.test"),
        );
        originate.body = Some(Bytes::from_static(b"v=0\r\n"));
        change(&mut originate);
        self.command(Command::Originate(Box::new(originate))).unwrap();
        (session, self.request())
    }

    /// A response of the peer to a request of ours.
    pub(super) fn reply(&mut self, request: &Request, status: u16, tag: &str, more: &str) {
        let text = reply(request, status, tag, more);
        self.receive(&text);
    }

    /// The ACKs and BYEs (or what else) among what was sent since, by method.
    pub(super) fn sent_methods(&mut self) -> Vec<Method> {
        let sent = self.take_sent();
        sent.into_iter()
            .filter_map(|(_, bytes)| match parse(bytes).unwrap() {
                Message::Request(request) => Some(request.method),
                Message::Response(_) => None,
            })
            .collect()
    }

    /// Answers every request that was told and lets everything run out.
    #[track_caller]
    pub(super) fn run_out_unanswered(&mut self) {
        for event in self.take_events() {
            if let Event::Request { transaction, .. } = event {
                let (headers, body) = (Vec::new(), Bytes::new());
                self.command(Command::Respond { transaction, status: 200, reason: None, headers, body }).unwrap();
            }
        }
        self.run_out();
    }

    #[track_caller]
    pub(super) fn run_out(&mut self) {
        while let Some(at) = self.endpoint.poll_timeout() {
            self.now = at;
            self.endpoint.handle_timeout(at);
            self.drain();
        }
        assert_eq!((self.endpoint.sessions(), self.endpoint.transactions()), (0, 0));
        assert_eq!(self.endpoint.core.tags.len(), 0);
        assert_eq!(self.endpoint.core.server.merges(), 0);
    }
}

pub(super) fn reply(request: &Request, status: u16, tag: &str, more: &str) -> String {
    let mut response = Response::answering(request, crate::message::StatusCode::new(status).unwrap());
    if !tag.is_empty() {
        let to = response.headers.to().unwrap().with_tag(tag);
        response.headers.set(HeaderName::To, &to);
    }
    let text = String::from_utf8(response.to_bytes().to_vec()).unwrap();
    text.replace("Content-Length: 0\r\n", &format!("{more}Content-Length: 0\r\n"))
}

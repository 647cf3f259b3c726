//! The one door to transactions, dialogs and INVITE sessions.
//!
//! The contract, for whoever owns an [`Endpoint`]:
//! - Give it every message with [`Endpoint::handle_input`], everything the switch wants with
//!   [`Endpoint::handle_command`], and call [`Endpoint::handle_timeout`] when [`Endpoint::poll_timeout`] has come.
//! - After each of these drain [`Endpoint::poll_output`] until it gives `None`: messages to send and events, in order.
//! - `now` never goes backwards. The endpoint has no clock, no socket and no randomness but its seed: the same inputs
//!   make the same outputs.
//! - Messages of one call meet one endpoint: [`shard_of`] tells which from the Call-ID, also for calls it begins.
//! - Retransmissions, 100 Trying, ACK, PRACK, CANCEL, late forks, 481, glare, digest and session timers never leave it;
//!   every table has a bound in [`Limits`], and a remote peer can make it refuse, never panic.
//!
//! ```
//! use std::time::Instant;
//!
//! use bytes::Bytes;
//! use sip::endpoint::{Command, Config, Endpoint, Event, Flow, Input, Output, Transport};
//!
//! let mut endpoint = Endpoint::new(Config::default(), [7; 32]);
//! let flow = Flow {
//!     transport: Transport::Udp,
//!     local: "192.0.2.2:5060".parse().unwrap(),
//!     remote: "192.0.2.1:5060".parse().unwrap(),
//!     connection: 0,
//! };
//! let bytes = Bytes::from_static(
//!     b"OPTIONS sip:acme.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport\r\nMax-Forwards: 70\r\n\
//!     From: <sip:a@acme.test>;tag=1\r\nTo: <sip:acme.test>\r\nCall-ID: 1@192.0.2.1\r\nCSeq: 1 OPTIONS\r\n\r\n",
//! );
//! let now = Instant::now();
//! endpoint.handle_input(now, Input::Message { flow, bytes });
//! let Some(Output::Event(Event::Request { transaction, .. })) = endpoint.poll_output() else { panic!() };
//! let (headers, body) = (Vec::new(), Bytes::new());
//! endpoint.handle_command(now, Command::Respond { transaction, status: 200, reason: None, headers, body }).unwrap();
//! let Some(Output::Transmit { bytes, .. }) = endpoint.poll_output() else { panic!() };
//! assert!(bytes.starts_with(b"SIP/2.0 200 OK\r\n"));
//! ```

use std::sync::Arc;
use std::time::Instant;

use rustc_hash::FxHashMap;

mod command;
mod config;
pub(crate) mod core;
mod event;
mod obey;
mod outbound;
mod receive;
mod types;
pub(crate) mod write;

#[cfg(test)]
mod tests;

pub use crate::message::Replaces;
pub use command::{Command, CommandError, ExtraHeaders, Originate, OutboundRequest, Reliability};
pub use config::{Advertised, Config, Limits, Timings};
pub use event::{EndReason, Event, Reason, ReasonProtocol};
pub use types::{
    ClientRequestId, Destination, Flow, Input, Output, ServerTransactionId, SessionId, Transport, shard_of,
};

use self::core::{Core, is_honest_source};
use crate::message::{HeaderName, Message, Method, ParseError, Response, parse};
use crate::session::{Purpose, Session, uac};
use crate::transaction::client::{self, Report, User};
use crate::transaction::table::TimerKey;

/// Every transaction, dialog and session of one shard.
#[derive(Debug)]
pub struct Endpoint {
    core: Core,
    sessions: FxHashMap<SessionId, Box<Session>>,
    requests: FxHashMap<ClientRequestId, outbound::Outbound>,
    refusals: receive::Refusals,
    incoming: u64,
}

impl Endpoint {
    /// An endpoint without calls. The seed feeds every tag, branch and Call-ID: take it from the system's randomness.
    ///
    /// # Panics
    /// When the shard is not one of the shards.
    pub fn new(config: Config, seed: [u8; 32]) -> Self {
        assert!(config.shard < config.shards, "a shard is one of its siblings");
        Self {
            core: Core::new(config, seed),
            sessions: FxHashMap::default(),
            requests: FxHashMap::default(),
            refusals: receive::Refusals::new(),
            incoming: 0,
        }
    }

    /// Takes what the driver has to tell.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Message { flow, bytes } => {
                let size = bytes.len();
                match parse(bytes) {
                    Ok(Message::Request(request)) => self.on_request(now, (flow, size), request),
                    Ok(Message::Response(response)) => self.on_response(now, flow, response),
                    Err(ParseError::Answer(refusal)) => self.on_malformed(now, flow, &refusal),
                    Err(ParseError::Drop(_)) => {}
                }
            }
            Input::FlowClosed { flow } => {
                let failed = self.core.client.flow_closed(now, &mut self.core.io, &flow);
                self.on_reports(now, failed);
                self.core.server.flow_closed(now, &mut self.core.io, &flow);
            }
            Input::TransmitFailed { destination } => self.on_transport_error(now, &destination),
        }
        // Deadlines of zero length (timers D, I, J, K of reliable transports) end their transactions here.
        self.handle_timeout(now);
    }

    /// Does what the switch asks for, or says why not and changes nothing.
    pub fn handle_command(&mut self, now: Instant, command: Command) -> Result<(), CommandError> {
        let result = self.obey(now, command);
        self.handle_timeout(now);
        result
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(key) = self.core.io.timers.pop(now) {
            match key {
                TimerKey::Client(key, slot) => {
                    if let Some((user, report)) = self.core.client.timer(now, &mut self.core.io, key, slot) {
                        self.on_report(now, key, user, report);
                    }
                }
                TimerKey::Server(key, slot) => self.core.server.timer(now, &mut self.core.io, key, slot),
                TimerKey::Session(id, timer) => {
                    self.with_session(id, |session, core| session.on_timer((now, core), timer));
                }
            }
        }
    }

    /// When [`Self::handle_timeout`] is to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.core.io.timers.next()
    }

    /// The next message to send or event to handle; call until `None` after every input, command and time-out.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.core.io.output.pop_front()
    }

    /// How many sessions are alive, for gauges and drain.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// How many client and server transactions run, for gauges.
    pub fn transactions(&self) -> usize {
        self.core.client.len() + self.core.server.len()
    }

    fn on_response(&mut self, now: Instant, flow: Flow, response: Response) {
        if !is_honest_source(&flow) {
            return;
        }
        // §17.1.3: the branch and the method of CSeq. §18.1.2: the Via must be ours, which a random branch proves.
        let Some(via) = response.headers.via() else { return };
        let Some(branch) = via.branch().and_then(write::branch_number) else { return };
        let Some(cseq) = response.headers.cseq() else { return };
        let key = client::Key { branch, cancel: cseq.method == Method::Cancel };
        let Some(to) = response.headers.to() else { return };
        let tag = to.tag().map(str::as_bytes);
        let to = response.headers.get(&HeaderName::To).map_or(&[][..], |value| value);
        let status = response.status.code();
        let Core { client, io, .. } = &mut self.core;
        let Some(user) = client.response(now, io, key, (status, &cseq.method), (to, tag)) else { return };
        let response = Arc::new(response);
        match user {
            User::Session(id, purpose) if self.sessions.contains_key(&id) => {
                self.with_session(id, |session, core| {
                    session.on_response((now, core), (key, purpose), (&response, flow));
                });
            }
            User::Session(..) => {
                // The session is gone, but an INVITE of it was answered: end that dialog too.
                if response.status.is_success() && cseq.method == Method::Invite {
                    uac::refuse_fork((now, &mut self.core), key, (&response, flow));
                }
            }
            User::Request(request) => self.on_outbound_response(now, (key, request), &response),
            User::Nobody => {}
        }
    }

    fn on_transport_error(&mut self, now: Instant, destination: &Destination) {
        let Core { client, io, .. } = &mut self.core;
        let failed = client.transport_error(now, io, destination);
        self.on_reports(now, failed);
    }

    fn on_reports(&mut self, now: Instant, reports: Vec<(client::Key, User, Report)>) {
        for (key, user, report) in reports {
            self.on_report(now, key, user, report);
        }
    }

    /// A request of ours got no answer.
    fn on_report(&mut self, now: Instant, key: client::Key, user: User, report: Report) {
        // §8.1.3.1.
        let status = match report {
            Report::Timeout => 408,
            Report::TransportError => 503,
            Report::Response => return,
        };
        match user {
            User::Session(id, purpose) => self.report(now, id, (key, purpose), status),
            User::Request(request) => self.on_outbound_failure(request, status),
            User::Nobody => {}
        }
    }

    fn report(&mut self, now: Instant, id: SessionId, what: (client::Key, Purpose), status: u16) {
        self.with_session(id, |session, core| session.on_failure((now, core), what, status));
    }

    /// Lets a session act and forgets it when it is over.
    fn with_session<T>(&mut self, id: SessionId, act: impl FnOnce(&mut Session, &mut Core) -> T) -> Option<T> {
        let session = self.sessions.get_mut(&id)?;
        let result = act(session, &mut self.core);
        if session.is_over() {
            self.core.tags.remove(&session.tag());
            self.sessions.remove(&id);
        }
        Some(result)
    }

    fn next_incoming(&mut self) -> SessionId {
        self.incoming += 1;
        SessionId::incoming(self.core.config.shard, self.incoming)
    }
}

//! Lines: sessions whose signalling a plugin does, a channel driver, instead of SIP.
//!
//! A call task knows one kind of session. What it asks of a line is told to the driver's service, and what the driver says comes back as the events
//! that a SIP session has, in the same order and by the same table: a leg of another network is moved, bridged, played to and recorded like any other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use call::{Cause, Hops};
use net::sip_driver::Subject;
use plugin::{Driver, LinePort, LineRefusal};
use sip::endpoint::{Command, EndReason, Event, Reason, ReasonProtocol, SessionId};
use sip::message::{Headers, Response, StatusCode};

use crate::sessions::Undelivered;
use crate::shared::Shared;
use crate::table::Table;

/// The shard of sessions that no SIP endpoint has: there are never so many of those.
const NO_SHARD: u16 = u16::MAX;

/// All lines of a host.
#[derive(Default)]
pub(crate) struct Lines {
    lines: Table<Arc<Line>>,
    count: AtomicU64,
}

/// One line: a session that a driver has.
pub(crate) struct Line {
    session: SessionId,
    driver: Driver,
    hops: Hops,
    shared: Weak<Shared>,
    /// Where calls run, as a driver acts on threads of another runtime.
    runtime: tokio::runtime::Handle,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The tenant calls the party.
    Dialed,
    /// The party calls the tenant.
    Offered,
    /// The party that was called has answered.
    Answered,
    Over,
}

/// Why a line did not begin.
pub(crate) struct NoLine;

/// Whether a session is a driver's.
pub(crate) fn is_line(session: SessionId) -> bool {
    session.as_u64() >> 48 == u64::from(NO_SHARD)
}

/// What a driver knows a line by.
pub(crate) fn id(session: SessionId) -> String {
    format!("{:x}", session.as_u64())
}

impl Lines {
    /// A session for a party that a driver shall call.
    pub(crate) fn new_session(&self) -> SessionId {
        SessionId::originated(NO_SHARD, self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// How far the call has come that a driver knows by the id of its line.
    pub(crate) fn hops(&self, driver: &Driver, id: &str) -> Option<Hops> {
        let line = self.lines.get(u64::from_str_radix(id, 16).ok()?)?;
        line.driver.is(driver).then_some(line.hops)
    }
}

impl Shared {
    /// Hands a command to whatever has the session: a SIP endpoint or a driver.
    pub(crate) fn signal(&self, command: Command) -> Result<(), crate::port::Overloaded> {
        match Subject::of(&command) {
            Subject::Session(session) if is_line(session) => {
                if let Some(line) = self.lines.lines.get(session.as_u64()) {
                    line.obey(command);
                }
                Ok(())
            }
            _ => self.sip.command(command),
        }
    }

    /// A line is its driver's from now on.
    fn begin_line(
        self: &Arc<Self>,
        session: SessionId,
        driver: &Driver,
        (state, hops): (State, Hops),
    ) -> Result<Arc<Line>, NoLine> {
        let line = Arc::new(Line {
            session,
            driver: driver.clone(),
            hops,
            shared: Arc::downgrade(self),
            runtime: tokio::runtime::Handle::current(),
            state: Mutex::new(state),
        });
        // Before the driver has it: a driver that fails at this moment ends it, and then it must be found.
        self.lines.lines.insert(session.as_u64(), Arc::clone(&line));
        driver.add(&id(session), Arc::clone(&line) as Arc<dyn LinePort>).map_err(|error| {
            tracing::warn!(driver = driver.id(), %error, "no line");
            self.lines.lines.remove(session.as_u64());
            NoLine
        })?;
        Ok(line)
    }

    /// Asks a driver to call a party; `data` is what it is told of it.
    pub(crate) fn dial_line(
        self: &Arc<Self>,
        session: SessionId,
        driver: &Driver,
        (hops, data): (Hops, Vec<(String, String)>),
    ) -> Result<(), NoLine> {
        let line = self.begin_line(session, driver, (State::Dialed, hops))?;
        driver.tell("line.dialed", &id(session), data).map_err(|error| {
            tracing::warn!(driver = driver.id(), %error, "a driver does not take a call");
            line.forget();
            NoLine
        })
    }

    /// A party of a driver's network calls.
    pub(crate) fn offer_line(self: &Arc<Self>, session: SessionId, driver: &Driver, hops: Hops) -> Result<(), NoLine> {
        self.begin_line(session, driver, (State::Offered, hops)).map(drop)
    }

    /// A line that was offered never became a call.
    pub(crate) fn forget_line(&self, session: SessionId) {
        if let Some(line) = self.lines.lines.get(session.as_u64()) {
            line.forget();
        }
    }
}

impl Line {
    /// Does what a call wants of its session.
    fn obey(&self, command: Command) {
        let told = match command {
            Command::Progress { body, .. } if body.is_empty() => self.tell("line.ringing", None),
            Command::Progress { body, .. } => self.tell("line.progress", Some(&body)),
            Command::Answer { body, .. } => {
                // There is no ACK to wait for.
                self.tell("line.answered", Some(&body))
                    && self.deliver(Event::Confirmed { session: self.session, body: Bytes::new() }).is_ok()
            }
            Command::Reject { status, .. } => return self.end(Cause::from_sip_status(status)),
            Command::HangUp { status, reason, .. } => {
                let cause = reason.map(|reason| Cause::from_number(reason.cause));
                return self.end(cause.unwrap_or_else(|| Cause::from_sip_status(status)));
            }
            // One offer and one answer is all that a line has (RFC 3264 §8 lets either side refuse a new one).
            Command::Reoffer { session, .. } => self.deliver(Event::ReofferRejected { session, status: 488 }).is_ok(),
            // Nothing that a line says is answered by anything else.
            _ => true,
        };
        if !told {
            self.lose();
        }
    }

    fn tell(&self, kind: &str, description: Option<&Bytes>) -> bool {
        let description =
            description.map(|body| ("description".to_owned(), String::from_utf8_lossy(body).into_owned()));
        let told = self.driver.tell(kind, &id(self.session), description.into_iter().collect());
        told.inspect_err(|error| tracing::warn!(driver = self.driver.id(), %error, "a driver does not keep up")).is_ok()
    }

    /// The call ends it: the driver hears of it.
    fn end(&self, cause: Cause) {
        if self.close() {
            self.driver.ended(&id(self.session), cause.number());
        }
    }

    /// The driver cannot be told: neither side goes on.
    fn lose(&self) {
        if self.close() {
            self.driver.ended(&id(self.session), Cause::NORMAL_TEMPORARY_FAILURE.number());
            self.tell_end(Cause::NORMAL_TEMPORARY_FAILURE);
        }
    }

    /// It is over, and nobody has to be told.
    fn forget(&self) {
        self.close();
        self.driver.remove(&id(self.session));
    }

    /// False if it was over already.
    fn close(&self) -> bool {
        let before = std::mem::replace(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner), State::Over);
        if let Some(shared) = self.shared.upgrade() {
            shared.lines.lines.remove(self.session.as_u64());
        }
        before != State::Over
    }

    fn deliver(&self, event: Event) -> Result<(), LineRefusal> {
        let _calls = self.runtime.enter();
        let shared = self.shared.upgrade().ok_or(LineRefusal::Gone)?;
        shared.sessions.deliver(self.session, Box::new(event)).map_err(|undelivered| {
            if matches!(undelivered, Undelivered::Behind(_)) {
                tracing::error!(session = %self.session, "a call does not keep up with its events: its line is ended");
                self.lose();
            }
            LineRefusal::Gone
        })
    }

    /// The call hears that the line is over, however much it has to hear.
    fn tell_end(&self, cause: Cause) {
        let _calls = self.runtime.enter();
        let Some(shared) = self.shared.upgrade() else { return };
        let reason = Reason { protocol: ReasonProtocol::Q850, cause: cause.number(), text: String::new() };
        let end = Box::new(Event::Ended { session: self.session, reason: EndReason::Bye { reason: Some(reason) } });
        if let Err(Undelivered::Behind(end)) = shared.sessions.deliver(self.session, end) {
            shared.sessions.deliver_end(&shared.tasks, self.session, end);
        }
    }

    /// The driver says something of a party that was called and has not answered.
    fn say(&self, next: State, event: Event) -> Result<(), LineRefusal> {
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            match *state {
                State::Dialed => *state = next,
                State::Offered => {
                    return Err(LineRefusal::Invalid("the party of this line is the one that calls".into()));
                }
                State::Answered => return Err(LineRefusal::Invalid("the line is answered".into())),
                State::Over => return Err(LineRefusal::Gone),
            }
        }
        self.deliver(event)
    }
}

impl LinePort for Line {
    fn ring(&self) -> Result<(), LineRefusal> {
        let response = nothing_more();
        self.say(State::Dialed, Event::Progress { session: self.session, status: 180, body: Bytes::new(), response })
    }

    fn progress(&self, description: String) -> Result<(), LineRefusal> {
        let (body, response) = (checked(description)?, nothing_more());
        self.say(State::Dialed, Event::Progress { session: self.session, status: 183, body, response })
    }

    fn answer(&self, description: String) -> Result<(), LineRefusal> {
        let (body, response) = (checked(description)?, nothing_more());
        self.say(State::Answered, Event::Answered { session: self.session, body, response })
    }

    fn hang_up(&self, cause: u16) {
        if self.close() {
            self.driver.remove(&id(self.session));
            self.tell_end(Cause::from_number(cause));
        }
    }
}

/// A line has no headers.
fn nothing_more() -> Arc<Response> {
    Arc::new(Response { status: StatusCode::OK, reason: Bytes::new(), headers: Headers::default(), body: Bytes::new() })
}

/// Whether it is SDP; what it comes to is the call's to see.
pub(crate) fn checked(description: String) -> Result<Bytes, LineRefusal> {
    match media::sdp::parse(description.as_bytes()) {
        Ok(_) => Ok(Bytes::from(description)),
        Err(error) => Err(LineRefusal::Invalid(format!("the description is no SDP: {error}"))),
    }
}

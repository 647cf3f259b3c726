//! What comes in from SIP: whose it is, whether it may, and to which call it belongs.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use call::{Cause, Hops, Party};
use sip::endpoint::{Command, EndReason, Event, ExtraHeaders, Flow, ServerTransactionId, SessionId};
use sip::message::{HeaderName, Headers, Method, NameAddr, Request};

use crate::authentication::Account;
use crate::call_task::{Message, Offered, Replacement, Start};
use crate::sessions::{NoPlace, Undelivered};
use crate::switch::Switch;
use crate::tenant::Tenant;
use crate::tenant::definition::Endpoint;

/// What we can do, for OPTIONS and 405.
const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, INFO, UPDATE, PRACK, REFER, NOTIFY";

/// Who calls, and where its numbers are looked up.
struct Caller {
    tenant: Arc<Tenant>,
    endpoint: Option<Arc<Endpoint>>,
    context: String,
    party: Party,
}

/// An answer other than to go on.
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) headers: ExtraHeaders,
}

impl Refusal {
    pub(crate) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new() }
    }

    fn with(mut self, name: HeaderName, value: impl Into<Bytes>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn answer(self, transaction: ServerTransactionId) -> Command {
        let Self { status, headers } = self;
        Command::Respond { transaction, status, reason: None, headers, body: Bytes::new() }
    }
}

impl Switch {
    /// Takes what a SIP endpoint tells. Never blocks; what can be answered at once is pushed to `commands`.
    pub fn handle_event(&self, now: Instant, event: Event, commands: &mut Vec<Command>) {
        match event {
            Event::Invite { session, transaction, request, flow, replaces, replaces_session } => {
                let replaced = replaces.map(|_| replaces_session);
                if let Err(refusal) = self.invite(now, session, &request, &flow, replaced) {
                    commands.push(refusal.answer(transaction));
                }
            }
            Event::Request { transaction, request, flow } => self.request(now, transaction, &request, &flow, commands),
            Event::Response { status, .. } => tracing::debug!(status, "an answer to nobody's request"),
            Event::Progress { session, .. }
            | Event::Answered { session, .. }
            | Event::Confirmed { session, .. }
            | Event::Reoffer { session, .. }
            | Event::ReofferConfirmed { session, .. }
            | Event::ReofferAnswered { session, .. }
            | Event::ReofferRejected { session, .. }
            | Event::Refer { session, .. }
            | Event::ReferProgress { session, .. }
            | Event::Info { session, .. }
            | Event::InfoAnswered { session, .. } => self.deliver(session, event, true, commands),
            Event::Rejected { session, .. } | Event::Ended { session, .. } => {
                self.deliver(session, event, false, commands);
            }
        }
    }

    /// Gives an event to its call. A session that goes on without a call, or whose call cannot keep up, is ended.
    fn deliver(&self, session: SessionId, event: Event, goes_on: bool, commands: &mut Vec<Command>) {
        let shared = &self.inner.shared;
        let Err(undelivered) = shared.sessions.deliver(session, Box::new(event)) else { return };
        let end = match undelivered {
            Undelivered::Nobody => None,
            Undelivered::Behind(end) if !goes_on => Some(end),
            Undelivered::Behind(_) => {
                tracing::error!(%session, "a call does not keep up with its events: its session is ended");
                Some(Box::new(Event::Ended { session, reason: EndReason::Status(503) }))
            }
        };
        if let Some(end) = end {
            shared.sessions.deliver_end(&shared.tasks, session, end);
        }
        if goes_on {
            let cause = Cause::NORMAL_TEMPORARY_FAILURE;
            commands.push(Command::HangUp { session, status: cause.to_sip_status(), reason: None });
        }
    }

    fn request(
        &self,
        now: Instant,
        transaction: ServerTransactionId,
        request: &Arc<Request>,
        flow: &Flow,
        commands: &mut Vec<Command>,
    ) {
        match request.method {
            Method::Register => match self.register(now, transaction, request, flow) {
                // The answer follows once the disk has it.
                Ok(()) => {}
                Err(refusal) => commands.push(refusal.answer(transaction)),
            },
            // Answered to everybody, as §11.2 wants it; it says nothing about any tenant (hostile B4).
            Method::Options => {
                let answer = Refusal::new(200)
                    .with(HeaderName::Allow, ALLOW)
                    .with(HeaderName::Accept, "application/sdp")
                    .with(HeaderName::Supported, "100rel, replaces, timer");
                commands.push(answer.answer(transaction));
            }
            _ => commands.push(Refusal::new(405).with(HeaderName::Allow, ALLOW).answer(transaction)),
        }
    }

    fn invite(
        &self,
        now: Instant,
        session: SessionId,
        request: &Arc<Request>,
        flow: &Flow,
        replaced: Option<Option<SessionId>>,
    ) -> Result<(), Refusal> {
        // Strangers hear nothing but the challenge: any other refusal of an INVITE would be repeated to whatever address
        // they named (timer G of §17.2.1, hostile C8).
        let dialed = crate::address::dialed(&request.uri);
        let Caller { tenant, endpoint, context, mut party } = match self.trunk_party(request, flow) {
            Some(party) => self.inbound(dialed.as_deref(), party)?,
            None => self.outbound(now, request, flow)?,
        };
        let dialed = dialed.ok_or(Refusal::new(404))?;
        if !request.body.is_empty()
            && !request.headers.content_type().is_some_and(|kind| kind.eq_ignore_ascii_case("application/sdp"))
        {
            // §21.4.13
            return Err(Refusal::new(415).with(HeaderName::Accept, "application/sdp"));
        }
        party.withheld |= crate::address::withholds(&request.headers);
        let offered = Offered {
            session,
            endpoint,
            context,
            caller: party,
            dialed,
            hops: hops(&request.headers),
            offer: request.body.clone(),
            source: flow.remote.ip(),
            dialog: request.headers.call_id_text().map(|id| id.as_bytes().clone()).unwrap_or_default(),
            takes_info: crate::address::takes_info(&request.headers),
        };
        match replaced {
            None => self.begin(&tenant, offered),
            Some(replaced) => self.replace(&tenant, replaced, offered),
        }
    }

    fn begin(&self, tenant: &Arc<Tenant>, offered: Offered) -> Result<(), Refusal> {
        let start = Start::Offered(Box::new(offered));
        crate::call_task::spawn(&self.inner.shared, tenant, start).map(drop).map_err(|full| {
            tracing::warn!(tenant = %tenant.id(), %full, "a call is refused");
            busy()
        })
    }

    /// An INVITE with Replaces: only a session of the same tenant can be replaced (hostile E2); any other is as unknown as
    /// one that does not exist (RFC 3891 §3).
    fn replace(&self, tenant: &Tenant, replaced: Option<SessionId>, offered: Offered) -> Result<(), Refusal> {
        let replaced = replaced.ok_or(Refusal::new(481))?;
        let sessions = &self.inner.shared.sessions;
        let inbox = sessions.inbox(replaced).ok_or(Refusal::new(481))?;
        let session = offered.session;
        let replacement = Replacement { tenant: tenant.id().clone(), replaced, offered };
        // Before the call has read it, so that a CANCEL that follows at once finds the same inbox.
        sessions.insert(session, inbox.clone()).map_err(|NoPlace| busy())?;
        inbox.try_send(Message::Replace(Box::new(replacement))).map_err(|_| {
            sessions.remove(session);
            Refusal::new(481)
        })
    }

    /// The caller's number when the request comes from a trunk's network and brings no credentials.
    fn trunk_party(&self, request: &Request, flow: &Flow) -> Option<Party> {
        if request.headers.contains(&HeaderName::Authorization) {
            return None;
        }
        let source = flow.remote.ip();
        self.inner.settings.trunks.iter().find(|network| network.contains(&source))?;
        let from = request.headers.from_();
        let number = from.as_ref().and_then(|from| crate::address::dialed(from.uri())).unwrap_or_default();
        Some(Party::new(from.and_then(|from| from.display_name()).unwrap_or_default(), number))
    }

    /// A call from a trunk goes to whose number it is (F9). The caller chooses nothing but the number (hostile E3).
    fn inbound(&self, dialed: Option<&str>, party: Party) -> Result<Caller, Refusal> {
        let directory = self.inner.directory.load();
        let (tenant, context) = dialed.and_then(|dialed| directory.by_number(dialed)).ok_or(Refusal::new(404))?;
        Ok(Caller { tenant: Arc::clone(tenant), endpoint: None, context: context.to_owned(), party })
    }

    fn outbound(&self, now: Instant, request: &Request, flow: &Flow) -> Result<Caller, Refusal> {
        let Account { tenant, endpoint } = self.authenticate(now, request, flow)?;
        if !tenant.definition().is_own_host(&request.uri, &self.inner.shared.hosts) {
            // Calls to other domains are the dialplan's decision, not the phone's (hostile F3).
            return Err(Refusal::new(404));
        }
        // What the phone says of itself in From, P-Asserted-Identity or the like is not looked at (hostile B8).
        let (context, party) = (endpoint.context.clone(), endpoint.caller.clone());
        Ok(Caller { tenant, endpoint: Some(endpoint), context, party })
    }

    fn register(
        &self,
        now: Instant,
        transaction: ServerTransactionId,
        request: &Arc<Request>,
        flow: &Flow,
    ) -> Result<(), Refusal> {
        let Account { tenant, endpoint } = self.authenticate(now, request, flow)?;
        let record = request.headers.to();
        if !record.as_ref().is_some_and(|record| is_own_record(record, &endpoint)) {
            // §10.3 step 4: a phone registers itself and nobody else (hostile B6).
            return Err(Refusal::new(403));
        }
        let shared = &self.inner.shared;
        let wallclock = shared.wallclock();
        let answer = tenant.registrations.register(wallclock, &endpoint, request, flow);
        let answer = answer.map_err(|refused| Refusal { status: refused.status, headers: refused.headers })?;
        if answer.changed {
            tenant.note_registered(&endpoint.name, answer.registered);
        }
        let command = move |status, headers| Refusal { status, headers }.answer(transaction);
        let sip = Arc::clone(&shared.sip);
        if !answer.changed {
            return self.send(command(200, answer.headers));
        }
        let waiting = shared.commits.clone().try_acquire_owned();
        let waiting = waiting.map_err(|_| busy())?;
        shared.tasks.spawn(async move {
            // 200 is a promise that a restart needs no new REGISTER: it is made when the disk has it.
            let command = match tenant.registrations.committed().await {
                Ok(()) => command(200, answer.headers),
                Err(error) => {
                    tracing::error!(tenant = %tenant.id(), %error, "a registration could not be stored");
                    command(500, Vec::new())
                }
            };
            drop(waiting);
            if sip.command(command).is_err() {
                tracing::warn!("the SIP endpoint takes no more commands: a REGISTER stays unanswered and comes again");
            }
        });
        Ok(())
    }

    fn send(&self, command: Command) -> Result<(), Refusal> {
        self.inner.shared.sip.command(command).map_err(|_| busy())
    }
}

/// Too much is going on; the peer may try again soon (RFC 3261 §21.5.4).
fn busy() -> Refusal {
    Refusal::new(503).with(HeaderName::RetryAfter, "5")
}

/// Whether an address of record is the endpoint's own: its name, or `name@domain` as the user part.
fn is_own_record(record: &NameAddr, endpoint: &Endpoint) -> bool {
    let user = crate::address::dialed(record.uri()).unwrap_or_default();
    user == endpoint.name || user.rsplit_once('@').is_some_and(|(name, _)| name == endpoint.name)
}

/// How far a call has come (hostile A10).
fn hops(headers: &Headers) -> Hops {
    let diversions = headers.get_all(&HeaderName::Diversion).count();
    Hops {
        max_forwards: headers.max_forwards().unwrap_or(Hops::default().max_forwards),
        diversions: u8::try_from(diversions).unwrap_or(u8::MAX),
    }
}

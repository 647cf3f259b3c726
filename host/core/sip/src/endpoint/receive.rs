//! What happens to a request before anybody is asked: RFC 3261 §8.2, §18.2 and the admission of hostile load.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::core::{ALLOW, Core, EXTENSIONS, is_honest_source};
use super::types::{Destination, Flow, ServerTransactionId, SessionId};
use super::write::{self, Writer};
use super::{Endpoint, Event};
use crate::limit;
use crate::message::{HeaderName, Headers, Method, Refusal, Replaces, Request, StatusCode, Via};
use crate::session::Session;
use crate::transaction::client;
use crate::transaction::server::{self, Arrival};

/// Seconds of Retry-After in a 503: long enough to let a burst pass.
const OVERLOAD_RETRY_AFTER: &[u8] = b"10";

/// How many stateless refusals may still be sent in this second (C2, C8).
#[derive(Debug)]
pub(super) struct Refusals {
    since: Option<Instant>,
    left: u32,
}

impl Refusals {
    pub(super) fn new() -> Self {
        Self { since: None, left: 0 }
    }

    fn take(&mut self, now: Instant, per_second: u32) -> bool {
        if self.since.is_none_or(|since| now >= since + Duration::from_secs(1)) {
            *self = Self { since: Some(now), left: per_second };
        }
        let granted = self.left > 0;
        self.left = self.left.saturating_sub(1);
        granted
    }
}

/// A request with what every step needs, read once.
pub(super) struct Received {
    pub(super) request: Arc<Request>,
    pub(super) flow: Flow,
    /// The size of the message that arrived.
    size: usize,
    via: Via,
    /// The number of the To tag; `Some(None)` when the tag cannot be ours.
    to_tag: Option<Option<u64>>,
    key: server::Key,
    /// The key of the INVITE that a CANCEL is for.
    invite_key: server::Key,
}

impl Received {
    /// Fixes up the Via (§18.2.1, RFC 3581 §4); `None` for a request that nothing can be done with.
    fn new(core: &Core, mut request: Request, (flow, size): (Flow, usize)) -> Option<Self> {
        let mut via = request.headers.via()?;
        // The key is made of the Via as the peer wrote it, so that it does not depend on the way the request took.
        let key = server::key(&core.secret, &request, &via, &request.method);
        let invite_key = match request.method {
            Method::Cancel => server::key(&core.secret, &request, &via, &Method::Invite),
            _ => key,
        };
        via.set_source(flow.remote.ip(), flow.remote.port());
        request.headers.set_top_via(&via);
        let to = request.headers.to()?;
        let to_tag = to.tag().map(|tag| write::tag_number(tag.as_bytes()));
        Some(Self { request: Arc::new(request), flow, size, via, to_tag, key, invite_key })
    }

    /// Where responses go (§18.2.2, RFC 3581 §4).
    ///
    /// `maddr` is not followed: it would let anybody aim our answers at a group or a third party (C8).
    fn destination(&self) -> Destination {
        response_destination(&self.via, self.flow)
    }

    /// The size that decides how much may be answered to a sender who has proved nothing (C8). Over a stream it has proved its
    /// address.
    fn claimed_bytes(&self) -> Option<usize> {
        (!self.flow.transport.is_reliable()).then_some(self.size)
    }
}

/// What can be read of a topmost Via that is malformed, to send the refusal by: of another version of SIP (RFC 4475 §3.1.2.16), or
/// with parameters that are none (§3.1.2.1).
fn readable_via(headers: &Headers) -> Option<Via> {
    let value = headers.get(&HeaderName::Via)?;
    let sent = value.splitn(3, |byte| *byte == b'/').nth(2)?;
    let value = Bytes::from([b"SIP/2.0/", sent].concat());
    let end = value.iter().position(|byte| matches!(byte, b';' | b',')).unwrap_or(value.len());
    Via::parse(&value).or_else(|_| Via::parse(&value.slice(..end))).ok()
}

fn response_destination(via: &Via, flow: Flow) -> Destination {
    let port = via.port().unwrap_or(flow.transport.default_port());
    if flow.transport.is_reliable() {
        return Destination::Reopen { flow, listener: (flow.remote.ip(), port).into() };
    }
    if via.wants_rport() {
        return Destination::Flow(flow);
    }
    Destination::Flow(Flow { remote: (flow.remote.ip(), port).into(), ..flow })
}

impl Endpoint {
    /// Answers what could not be parsed, as far as the load allows.
    pub(super) fn on_malformed(&mut self, now: Instant, flow: Flow, refusal: &Refusal) {
        let mut response = refusal.response();
        let Some(mut via) = response.headers.via().or_else(|| readable_via(&response.headers)) else { return };
        if !is_honest_source(&flow) || !self.refusals.take(now, self.core.config.limits.refusals_per_second) {
            return;
        }
        let readable = response.headers.via().is_some();
        via.set_source(flow.remote.ip(), flow.remote.port());
        match readable {
            true => response.headers.set_top_via(&via),
            false => response.headers.set(HeaderName::Via, &via),
        }
        if let Some(to) = response.headers.to().filter(|to| to.tag().is_none()) {
            // §8.2.6.2; the same for every copy.
            let tag = self.stateless_tag(self.core.secret.hash(&[&via.to_bytes()]));
            response.headers.set(HeaderName::To, &to.with_tag(&format!("{tag:016x}")));
        }
        self.core.io.transmit(response_destination(&via, flow), response.to_bytes());
    }

    /// A request that was parsed.
    pub(super) fn on_request(&mut self, now: Instant, (flow, size): (Flow, usize), request: Request) {
        if !is_honest_source(&flow) {
            return;
        }
        let Some(received) = Received::new(&self.core, request, (flow, size)) else { return };
        match received.request.method {
            Method::Ack => return self.on_ack(now, &received),
            Method::Cancel => return self.on_cancel(now, &received),
            _ => {}
        }
        if self.core.server.get(received.key).is_some() {
            return self.core.server.repeated(now, &mut self.core.io, received.key);
        }
        match received.to_tag {
            Some(tag) => self.on_request_in_dialog(now, &received, tag),
            None => self.on_new_request(now, received),
        }
    }

    /// §17.2.1 inside the transaction, §13.3.1.4 outside of it.
    fn on_ack(&mut self, now: Instant, received: &Received) {
        if let Some(transaction) = self.core.server.get(received.key) {
            // RFC 2543 branches say nothing of our To tag, which an ACK repeats (§17.2.3).
            let ours = received.to_tag.flatten();
            if received.via.transaction_branch().is_none() && transaction.tag().is_some_and(|tag| Some(tag) != ours) {
                return;
            }
            if self.core.server.acknowledged(now, &mut self.core.io, received.key).is_none() {
                return;
            }
        }
        let Some(id) = self.session_of(received.to_tag.flatten(), &received.request) else { return };
        self.with_session(id, |session, core| session.on_ack((now, core), &received.request, received.flow));
    }

    /// §9.2. The answer needs no transaction: a CANCEL that comes again gets the same answer (§8.2.7).
    fn on_cancel(&mut self, now: Instant, received: &Received) {
        let key = received.invite_key;
        let Some(transaction) = self.core.server.get(key).filter(|transaction| transaction.is_invite()) else {
            return self.refuse(now, received, StatusCode::CALL_DOES_NOT_EXIST, &[]);
        };
        let (open, session, tag) = (transaction.is_open_invite(), transaction.session(), transaction.tag());
        let tag = tag.map(|tag| format!("{tag:016x}"));
        let writer = Writer::response(&received.request, StatusCode::OK, None, tag.as_deref());
        self.core.io.transmit(received.destination(), writer.empty());
        if let Some(id) = session.filter(|_| open) {
            self.with_session(id, |session, core| {
                session.on_cancel((now, &mut *core), &received.request);
                session.on_cancel_of((now, core), key);
            });
        }
    }

    fn on_request_in_dialog(&mut self, now: Instant, received: &Received, tag: Option<u64>) {
        if self.core.server.is_full() {
            return self.refuse_overload(now, received);
        }
        let Some(id) = self.session_of(tag, &received.request) else {
            // §12.2.2.
            return self.refuse(now, received, StatusCode::CALL_DOES_NOT_EXIST, &[]);
        };
        if !self.passes_for_everybody(now, received) {
            return;
        }
        let invite = received.request.method == Method::Invite;
        self.start(now, received, (None, invite.then_some(id), None));
        let (key, flow) = (received.key, received.flow);
        self.with_session(id, |session, core| session.on_request((now, core), key, (&received.request, flow)));
    }

    fn on_new_request(&mut self, now: Instant, received: Received) {
        if self.core.server.is_reserved() {
            return self.refuse_overload(now, &received);
        }
        let Some(merge) = self.merge_key(&received.request) else { return };
        if self.core.server.is_merged(merge, received.key) {
            // §8.2.2.2: the same request by two ways.
            return self.refuse(now, &received, StatusCode::LOOP_DETECTED, &[]);
        }
        if !self.passes_for_everybody(now, &received) || !self.passes_outside(now, &received) {
            return;
        }
        match received.request.method {
            Method::Invite => self.on_new_invite(now, &received, merge),
            // §15.1.2, RFC 3262 §3, RFC 3311 §5.2, RFC 6086 §4.2.1: these live in dialogs only.
            Method::Bye | Method::Prack | Method::Update | Method::Info => {
                self.refuse(now, &received, StatusCode::CALL_DOES_NOT_EXIST, &[]);
            }
            _ => {
                let tag = self.stateless_tag(received.key);
                self.start(now, &received, (Some(tag), None, Some(merge)));
                let transaction = ServerTransactionId { shard: self.core.config.shard, key: received.key };
                let (request, flow) = (received.request, received.flow);
                self.core.io.event(Event::Request { transaction, request, flow });
            }
        }
    }

    fn on_new_invite(&mut self, now: Instant, received: &Received, merge: u64) {
        if self.sessions.len() >= self.core.config.limits.sessions {
            return self.refuse_overload(now, received);
        }
        let replaces = match received.request.headers.replaces() {
            None => None,
            Some(Ok(replaces)) if received.request.headers.get_all(&HeaderName::Replaces).count() == 1 => {
                Some(replaces)
            }
            // RFC 3891 §3: unreadable or more than one.
            Some(_) => return self.refuse(now, received, StatusCode::BAD_REQUEST, &[]),
        };
        if let Some(least) = crate::session::interval_too_small(&received.request, &self.core.config.timings) {
            let lines: [(&str, &[u8]); 1] = [("Min-SE", least.as_bytes())];
            return self.refuse(now, received, StatusCode::SESSION_INTERVAL_TOO_SMALL, &lines);
        }
        let id = self.next_incoming();
        let tag = self.core.tag(id);
        let key = received.key;
        let parts = (key, received.request.clone(), received.flow);
        let Ok(session) = Session::incoming((now, &mut self.core), (id, tag), parts) else {
            self.core.tags.remove(&tag);
            return self.refuse(now, received, StatusCode::BAD_REQUEST, &[]);
        };
        self.sessions.insert(id, Box::new(session));
        self.start(now, received, (Some(tag), Some(id), Some(merge)));
        let replaces_session = replaces.as_ref().and_then(|replaces| self.find_session(replaces));
        self.core.io.event(Event::Invite {
            session: id,
            transaction: ServerTransactionId { shard: self.core.config.shard, key },
            request: received.request.clone(),
            flow: received.flow,
            replaces,
            replaces_session,
        });
    }

    fn start(
        &mut self,
        now: Instant,
        received: &Received,
        (tag, session, merge): (Option<u64>, Option<SessionId>, Option<u64>),
    ) {
        let arrival = Arrival {
            request: received.request.clone(),
            flow: received.flow,
            destination: received.destination(),
            tag,
            session,
            merge,
            claimed_bytes: received.claimed_bytes().filter(|_| received.to_tag.is_none()),
        };
        self.core.server.start(now, &mut self.core.io, received.key, arrival);
    }

    /// The checks of §8.2 that every request has to pass; false when it was refused.
    fn passes_for_everybody(&mut self, now: Instant, received: &Received) -> bool {
        let request = &received.request;
        if matches!(request.method, Method::Other(_)) {
            // §8.2.1, §21.5.2: a method nobody here knows.
            self.refuse(now, received, StatusCode::NOT_IMPLEMENTED, &[]);
            return false;
        }
        if matches!(request.method, Method::Subscribe | Method::Publish) {
            // §8.2.1: known, but nothing here serves it.
            self.refuse(now, received, StatusCode::METHOD_NOT_ALLOWED, &[("Allow", ALLOW)]);
            return false;
        }
        if !request.uri.is_sip() {
            // §8.2.2.1.
            self.refuse(now, received, StatusCode::UNSUPPORTED_URI_SCHEME, &[]);
            return false;
        }
        let unknown: Vec<&str> = request
            .headers
            .tokens(&HeaderName::Require)
            .filter(|token| !EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(token)))
            .collect();
        if !unknown.is_empty() {
            // §8.2.2.3.
            let unsupported = unknown.join(", ");
            self.refuse(now, received, StatusCode::BAD_EXTENSION, &[("Unsupported", unsupported.as_bytes())]);
            return false;
        }
        if let Some(lines) = unsupported_body(request) {
            // §8.2.3.
            self.refuse(now, received, StatusCode::UNSUPPORTED_MEDIA_TYPE, lines);
            return false;
        }
        true
    }

    /// The checks for requests outside dialogs: loops (A10).
    fn passes_outside(&mut self, now: Instant, received: &Received) -> bool {
        let request = &received.request;
        // §20.22. OPTIONS and REGISTER end here in any case (§11), everything else may be sent on by the switch.
        let ends_here = matches!(request.method, Method::Options | Method::Register);
        if request.headers.max_forwards() == Some(0) && !ends_here {
            self.refuse(now, received, StatusCode::TOO_MANY_HOPS, &[]);
            return false;
        }
        if self.is_looped(request) {
            self.refuse(now, received, StatusCode::LOOP_DETECTED, &[]);
            return false;
        }
        true
    }

    /// Whether a request is one of ours that came back unchanged (§16.3 item 4: with another Request-URI it is a spiral).
    fn is_looped(&self, request: &Request) -> bool {
        let mut lines = request.headers.get_all(&HeaderName::Via);
        let several = lines.next().is_some_and(|first| first.contains(&b',')) || lines.next().is_some();
        if !several {
            return false;
        }
        let Ok(vias) = request.headers.vias() else { return false };
        vias.iter().filter_map(|via| write::branch_number(via.branch()?)).any(|branch| {
            self.core.client.get(client::Key { branch, cancel: false }).is_some_and(|transaction| {
                write::request_uri(transaction.request()) == request.uri.to_string().as_bytes()
            })
        })
    }

    /// Answers without a transaction (§8.2.7): the same tag for every copy of the request, and silence over the bound.
    fn refuse(&mut self, now: Instant, received: &Received, status: StatusCode, lines: &[(&str, &[u8])]) {
        let tag = received.to_tag.is_none().then(|| format!("{:016x}", self.stateless_tag(received.key)));
        let mut writer = Writer::refusal(&received.request, status, tag.as_deref());
        for (name, value) in lines {
            writer.line(name, value);
        }
        let refusal = writer.end();
        // C8: silence is better than more than was asked.
        let fits = received.claimed_bytes().is_none_or(|claimed| limit::answer_fits(claimed, refusal.len()));
        if fits && self.refusals.take(now, self.core.config.limits.refusals_per_second) {
            self.core.io.transmit(received.destination(), refusal);
        }
    }

    fn refuse_overload(&mut self, now: Instant, received: &Received) {
        self.refuse(now, received, StatusCode::SERVICE_UNAVAILABLE, &[("Retry-After", OVERLOAD_RETRY_AFTER)]);
    }

    /// A tag that every copy of a request gets (§8.2.7).
    fn stateless_tag(&self, key: server::Key) -> u64 {
        self.core.secret.hash(&[b"tag", &key.to_be_bytes()])
    }

    fn merge_key(&self, request: &Request) -> Option<u64> {
        let from = request.headers.from_()?;
        let cseq = request.headers.cseq()?;
        Some(self.core.secret.hash(&[
            b"merge",
            from.tag().unwrap_or_default().as_bytes(),
            request.headers.get(&HeaderName::CallId)?,
            &cseq.number.to_be_bytes(),
            cseq.method.as_str().as_bytes(),
        ]))
    }

    /// The session a To tag belongs to, when the Call-ID is right.
    fn session_of(&self, tag: Option<u64>, request: &Request) -> Option<SessionId> {
        let id = *self.core.tags.get(&tag?)?;
        let call_id = request.headers.get(&HeaderName::CallId)?;
        let from = request.headers.from_()?;
        let remote_tag = from.tag().unwrap_or_default();
        self.sessions.get(&id)?.has_dialog(call_id, remote_tag.as_bytes()).then_some(id)
    }

    /// The session of a dialog that a Replaces header names as this side sees it (RFC 3891 §3): alive, and still early
    /// when the header wants that.
    pub fn find_session(&self, replaces: &Replaces) -> Option<SessionId> {
        let tag = write::tag_number(replaces.to_tag.as_bytes())?;
        let id = *self.core.tags.get(&tag)?;
        let session = self.sessions.get(&id)?;
        let early = session.is_early()?;
        let matches = session.has_dialog(replaces.call_id.as_bytes(), replaces.from_tag.as_bytes());
        (matches && (early || !replaces.early_only)).then_some(id)
    }
}

/// The lines of a 415 for a body that no part of an INVITE session can read (§8.2.3); none when it is fine.
fn unsupported_body(request: &Request) -> Option<&'static [(&'static str, &'static [u8])]> {
    // Of no body it says nothing.
    if request.body.is_empty() {
        return None;
    }
    let encoding = request.headers.get(&HeaderName::ContentEncoding);
    if encoding.is_some_and(|value| !value.eq_ignore_ascii_case(b"identity")) {
        return Some(&[("Accept-Encoding", b"identity")]);
    }
    let session = matches!(request.method, Method::Invite | Method::Update | Method::Prack);
    if !session {
        return None;
    }
    // A body without a type in an INVITE can only be the usual one.
    let content_type = request.headers.content_type()?;
    let known = content_type.eq_ignore_ascii_case("application/sdp");
    (!known).then_some(&[("Accept", b"application/sdp")])
}

//! The running server transactions, by what §17.2.3 matches requests with.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::keyed::Secret;
use super::table::{Io, TimerKey};
use super::{Action, Slot, server_invite, server_non_invite};
use crate::endpoint::write::Writer;
use crate::endpoint::{Destination, Flow, SessionId, Timings};
use crate::limit;
use crate::message::{HeaderName, Method, Request, StatusCode, Via};

/// The keyed hash of what §17.2.3 matches by.
pub(crate) type Key = u64;

/// The key of a request as if its method were `method`: ACK and CANCEL look for their INVITE.
///
/// With the magic cookie: branch, sent-by and method. Without: what RFC 2543 compared. The To tag of an ACK is that of
/// our response and not in the INVITE, so that it stays out of the key.
pub(crate) fn key(secret: &Secret, request: &Request, via: &Via, method: &Method) -> Key {
    let method = if *method == Method::Ack { "INVITE" } else { method.as_str() };
    if let Some(branch) = via.transaction_branch() {
        let host = via.host().to_string().to_ascii_lowercase();
        let port = via.port().unwrap_or_default().to_be_bytes();
        return secret.hash(&[b"3261", branch.as_bytes(), host.as_bytes(), &port, method.as_bytes()]);
    }
    let from = request.headers.from_();
    let from_tag = from.as_ref().and_then(|from| from.tag()).unwrap_or_default();
    let cseq = request.headers.cseq().map_or(0, |cseq| cseq.number).to_be_bytes();
    let call_id = request.headers.get(&HeaderName::CallId).map_or(&[][..], |value| value);
    let uri = request.uri.to_string();
    let top = via.to_bytes();
    secret.hash(&[b"2543", uri.as_bytes(), from_tag.as_bytes(), call_id, &cseq, &top, method.as_bytes()])
}

/// The machine a server transaction runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    /// §17.2.1.
    Invite(server_invite::State),
    /// §17.2.2.
    NonInvite(server_non_invite::State),
}

/// A running server transaction.
#[derive(Debug)]
pub(crate) struct Transaction {
    machine: Machine,
    flow: Flow,
    /// Where responses go (§18.2.2).
    destination: Destination,
    /// The request until its final response was sent.
    request: Option<Arc<Request>>,
    /// The response to send again.
    response: Bytes,
    /// Our To tag, when the request brought none.
    tag: Option<u64>,
    /// The session of an INVITE.
    session: Option<SessionId>,
    /// The entry in the map of §8.2.2.2.
    merge: Option<u64>,
    /// Whether a refusal is sent again without being asked (not to somebody who has proved nothing, C8).
    insists: bool,
    interval: Duration,
    /// The size of the request, while its sender has proved nothing (C8).
    claimed_bytes: Option<usize>,
}

impl Transaction {
    /// Whether an answer of this size may go to who sent the request.
    pub(crate) fn may_have(&self, answer_bytes: usize) -> bool {
        self.claimed_bytes.is_none_or(|claimed| limit::answer_fits(claimed, answer_bytes))
    }

    /// The request, until its final response was sent.
    pub(crate) fn request(&self) -> Option<&Arc<Request>> {
        self.request.as_ref()
    }

    /// The session of an INVITE.
    pub(crate) fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// Our To tag.
    pub(crate) fn tag(&self) -> Option<u64> {
        self.tag
    }

    /// Whether this is an INVITE that has no final response yet.
    pub(crate) fn is_open_invite(&self) -> bool {
        self.machine == Machine::Invite(server_invite::State::Proceeding)
    }

    /// Whether this is an INVITE.
    pub(crate) fn is_invite(&self) -> bool {
        matches!(self.machine, Machine::Invite(_))
    }
}

/// The running server transactions.
#[derive(Debug)]
pub(crate) struct Table {
    timings: Timings,
    bound: usize,
    running: FxHashMap<Key, Transaction>,
    /// §8.2.2.2: From tag, Call-ID and CSeq of requests outside dialogs → their transaction.
    merges: FxHashMap<u64, Key>,
    /// The transactions of each connection, so that a closed one takes what waited for it along (C4).
    connections: BTreeSet<(u64, Key)>,
}

/// What a new transaction is made of.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// The request, Via fixed up.
    pub(crate) request: Arc<Request>,
    /// Where it came from.
    pub(crate) flow: Flow,
    /// Where responses go.
    pub(crate) destination: Destination,
    /// Our To tag, when the request has none.
    pub(crate) tag: Option<u64>,
    /// The session of an INVITE.
    pub(crate) session: Option<SessionId>,
    /// The hash of §8.2.2.2, outside dialogs.
    pub(crate) merge: Option<u64>,
    /// The size of a request whose sender has proved nothing (C8).
    pub(crate) claimed_bytes: Option<usize>,
}

impl Table {
    /// No transactions.
    pub(crate) fn new(timings: Timings, bound: usize) -> Self {
        Self {
            timings,
            bound,
            running: FxHashMap::default(),
            merges: FxHashMap::default(),
            connections: BTreeSet::new(),
        }
    }

    /// How many transactions run.
    pub(crate) fn len(&self) -> usize {
        self.running.len()
    }

    /// Whether requests inside dialogs must be refused.
    pub(crate) fn is_full(&self) -> bool {
        self.running.len() >= self.bound
    }

    /// Whether new work must be refused: the last quarter is for calls that are up.
    pub(crate) fn is_reserved(&self) -> bool {
        self.running.len() >= self.bound / 4 * 3
    }

    /// Whether challenges are to be answered without keeping anything: half of the room is in use.
    pub(crate) fn is_busy(&self) -> bool {
        self.running.len() >= self.bound / 2
    }

    /// The transaction with this key.
    pub(crate) fn get(&self, key: Key) -> Option<&Transaction> {
        self.running.get(&key)
    }

    /// Whether another transaction is at work on a copy of the same request (§8.2.2.2).
    pub(crate) fn is_merged(&self, merge: u64, key: Key) -> bool {
        self.merges.get(&merge).is_some_and(|running| *running != key)
    }

    /// Begins a transaction; the caller has made sure that the key is free and delivers the request.
    pub(crate) fn start(&mut self, now: Instant, io: &mut Io, key: Key, arrival: Arrival) {
        let (machine, start) = if arrival.request.method == Method::Invite {
            (Machine::Invite(server_invite::State::Proceeding), server_invite::START)
        } else {
            (Machine::NonInvite(server_non_invite::State::Trying), server_non_invite::START)
        };
        if let Some(merge) = arrival.merge {
            self.merges.insert(merge, key);
        }
        let transaction = Transaction {
            machine,
            flow: arrival.flow,
            destination: arrival.destination,
            request: Some(arrival.request),
            response: Bytes::new(),
            tag: arrival.tag,
            session: arrival.session,
            merge: arrival.merge,
            insists: true,
            interval: self.timings.t1,
            claimed_bytes: arrival.claimed_bytes,
        };
        if transaction.flow.connection != 0 {
            self.connections.insert((transaction.flow.connection, key));
        }
        self.running.insert(key, transaction);
        for action in start {
            self.run(now, io, key, *action);
        }
    }

    /// The same request came again: whatever was answered last is sent again.
    pub(crate) fn repeated(&mut self, now: Instant, io: &mut Io, key: Key) {
        let input = match self.running.get(&key).map(|transaction| transaction.machine) {
            Some(Machine::Invite(_)) => Step::Invite(server_invite::Input::Request),
            Some(Machine::NonInvite(_)) => Step::NonInvite(server_non_invite::Input::Request),
            None => return,
        };
        self.step(now, io, key, input);
    }

    /// An ACK came with the key of an INVITE: the session it is for, when it acknowledges a 2xx.
    pub(crate) fn acknowledged(&mut self, now: Instant, io: &mut Io, key: Key) -> Option<SessionId> {
        let session = self.running.get(&key)?.session;
        let delivered = self.step(now, io, key, Step::Invite(server_invite::Input::Ack));
        session.filter(|_| delivered)
    }

    /// A response to send, from the request of a transaction that has no final response yet.
    pub(crate) fn response(&self, key: Key, status: StatusCode, reason: Option<&[u8]>) -> Option<Writer> {
        let transaction = self.running.get(&key)?;
        let request = transaction.request.as_ref()?;
        let tag = transaction.tag.filter(|_| status != StatusCode::TRYING).map(|tag| format!("{tag:016x}"));
        Some(Writer::response(request, status, reason, tag.as_deref()))
    }

    /// Sends a response through the machine.
    pub(crate) fn respond(&mut self, now: Instant, io: &mut Io, key: Key, status: StatusCode, bytes: Bytes) {
        let Some(transaction) = self.running.get_mut(&key) else { return };
        let input = match transaction.machine {
            Machine::Invite(_) if status.is_provisional() => Step::Invite(server_invite::Input::Provisional),
            Machine::Invite(_) if status.is_success() => Step::Invite(server_invite::Input::Success),
            Machine::Invite(_) => Step::Invite(server_invite::Input::Failure),
            Machine::NonInvite(_) if status.is_provisional() => Step::NonInvite(server_non_invite::Input::Provisional),
            Machine::NonInvite(_) => Step::NonInvite(server_non_invite::Input::Final),
        };
        transaction.response = bytes;
        if status.is_final() && !status.is_success() || !transaction.is_invite() && status.is_final() {
            // Only what §17 needs from here on: the bytes and where they go.
            transaction.request = None;
        }
        self.step(now, io, key, input);
    }

    /// Sends a challenge: no retransmission to somebody who has proved nothing (C8), and no memory of it at all when
    /// half of the table is in use (§8.2.7, C2).
    pub(crate) fn challenge(&mut self, now: Instant, io: &mut Io, key: Key, status: StatusCode, bytes: Bytes) {
        if let Some(transaction) = self.running.get_mut(&key) {
            transaction.insists = false;
        }
        self.respond(now, io, key, status, bytes);
        if self.is_busy() {
            self.remove(io, key);
        }
    }

    /// A deadline came.
    pub(crate) fn timer(&mut self, now: Instant, io: &mut Io, key: Key, slot: Slot) {
        let input = match (self.running.get(&key).map(|transaction| transaction.machine), slot) {
            (Some(Machine::Invite(_)), Slot::Retransmit) => Step::Invite(server_invite::Input::Retransmit),
            (Some(Machine::Invite(_)), Slot::End) => Step::Invite(server_invite::Input::End),
            (Some(Machine::NonInvite(_)), Slot::End) => Step::NonInvite(server_non_invite::Input::End),
            (Some(Machine::NonInvite(_)), Slot::Retransmit) | (None, _) => return,
        };
        self.step(now, io, key, input);
    }

    /// A connection is gone (§17.2.4): what was answered need not wait for retransmissions.
    pub(crate) fn flow_closed(&mut self, now: Instant, io: &mut Io, flow: &Flow) {
        if flow.connection == 0 {
            return;
        }
        let range = (flow.connection, Key::MIN)..=(flow.connection, Key::MAX);
        let keys: Vec<Key> = self.connections.range(range).map(|(_, key)| *key).collect();
        for key in keys {
            let input = match self.running.get(&key).map(|transaction| transaction.machine) {
                Some(Machine::Invite(_)) => Step::Invite(server_invite::Input::TransportError),
                Some(Machine::NonInvite(_)) => Step::NonInvite(server_non_invite::Input::TransportError),
                None => continue,
            };
            self.step(now, io, key, input);
        }
    }

    /// Runs one input; true when the message at hand is for the user.
    fn step(&mut self, now: Instant, io: &mut Io, key: Key, input: Step) -> bool {
        let Some(transaction) = self.running.get_mut(&key) else { return false };
        let (actions, over) = match (transaction.machine, input) {
            (Machine::Invite(state), Step::Invite(input)) => {
                let (next, actions) = server_invite::step(state, input);
                transaction.machine = Machine::Invite(next);
                (actions, next == server_invite::State::Terminated)
            }
            (Machine::NonInvite(state), Step::NonInvite(input)) => {
                let (next, actions) = server_non_invite::step(state, input);
                transaction.machine = Machine::NonInvite(next);
                (actions, next == server_non_invite::State::Terminated)
            }
            // An ACK with the branch of a request other than INVITE.
            (Machine::NonInvite(_), Step::Invite(_)) | (Machine::Invite(_), Step::NonInvite(_)) => return false,
        };
        let mut deliver = false;
        for action in actions {
            deliver |= self.run(now, io, key, *action);
        }
        if over {
            self.remove(io, key);
        }
        deliver
    }

    fn run(&mut self, now: Instant, io: &mut Io, key: Key, action: Action) -> bool {
        let Some(transaction) = self.running.get_mut(&key) else { return false };
        match action {
            Action::Transmit if transaction.response.is_empty() => self.trying(io, key),
            Action::Transmit => io.transmit(transaction.destination, transaction.response.clone()),
            Action::Trying => self.trying(io, key),
            Action::Start(timer) => {
                let reliable = transaction.flow.transport.is_reliable();
                let pointless =
                    timer.slot() == Slot::Retransmit && timer != super::Timer::Trying && !transaction.insists;
                if let Some(duration) = timer.duration(&self.timings, reliable)
                    && !pointless
                {
                    io.timers.set(TimerKey::Server(key, timer.slot()), now + duration);
                }
            }
            Action::Backoff { .. } | Action::BackoffT2 => {
                transaction.interval = (transaction.interval * 2).min(self.timings.t2);
                io.timers.set(TimerKey::Server(key, Slot::Retransmit), now + transaction.interval);
            }
            Action::Stop(slot) => io.timers.cancel(TimerKey::Server(key, slot)),
            Action::Deliver => return true,
            // §17.2.4: the session hears of it by its own time-outs.
            Action::ReportTimeout | Action::ReportTransportError => {}
            Action::Acknowledge => unreachable!("a client transaction's action"),
        }
        false
    }

    /// §17.2.1: 100 Trying, which then is the most recent provisional response.
    fn trying(&mut self, io: &mut Io, key: Key) {
        let Some(writer) = self.response(key, StatusCode::TRYING, None) else { return };
        let bytes = writer.empty();
        if let Some(transaction) = self.running.get_mut(&key) {
            io.timers.cancel(TimerKey::Server(key, Slot::Retransmit));
            io.transmit(transaction.destination, bytes.clone());
            transaction.response = bytes;
        }
    }

    /// Forgets a transaction without an answer.
    pub(crate) fn remove(&mut self, io: &mut Io, key: Key) {
        let Some(transaction) = self.running.remove(&key) else { return };
        io.timers.cancel(TimerKey::Server(key, Slot::Retransmit));
        io.timers.cancel(TimerKey::Server(key, Slot::End));
        self.connections.remove(&(transaction.flow.connection, key));
        if let Some(merge) = transaction.merge
            && self.merges.get(&merge) == Some(&key)
        {
            self.merges.remove(&merge);
        }
    }

    /// How many entries the map of §8.2.2.2 has, for tests.
    #[cfg(test)]
    pub(crate) fn merges(&self) -> usize {
        self.merges.len()
    }
}

/// An input of either machine.
enum Step {
    Invite(server_invite::Input),
    NonInvite(server_non_invite::Input),
}

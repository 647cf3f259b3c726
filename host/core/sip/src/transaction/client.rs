//! The running client transactions, by the branch we gave them (§17.1.3).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::table::{Io, TimerKey};
use super::{Action, Slot, client_invite, client_non_invite};
use crate::endpoint::write;
use crate::endpoint::{ClientRequestId, Destination, Flow, SessionId, Timings};
use crate::message::Method;
use crate::session::Purpose;

/// A branch of ours: 64 random bits, so that no map keyed by it can be attacked, and whether it is the CANCEL that
/// shares the branch of its INVITE (§9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The random part of the branch.
    pub(crate) branch: u64,
    /// Whether this is the CANCEL.
    pub(crate) cancel: bool,
}

/// Who is told about responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// A session, and what the request was for.
    Session(SessionId, Purpose),
    /// A request outside any session.
    Request(ClientRequestId),
    /// Nobody: a CANCEL, or the BYE of an unwanted fork.
    Nobody,
}

/// What a machine reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// The response at hand is for the user.
    Response,
    /// Nobody answered.
    Timeout,
    /// The request could not be sent.
    TransportError,
}

/// The machine a client transaction runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    /// §17.1.1.
    Invite(client_invite::State),
    /// §17.1.2.
    NonInvite(client_non_invite::State),
}

/// The ACK of one fork's 2xx, sent again for each copy of the 2xx (§13.2.2.4).
#[derive(Debug)]
struct SuccessAck {
    tag: Bytes,
    destination: Destination,
    bytes: Bytes,
}

/// A running client transaction.
#[derive(Debug)]
pub(crate) struct Transaction {
    machine: Machine,
    method: Method,
    user: User,
    destination: Destination,
    /// The request, for sending it again and for the ACK, the CANCEL or the next try that is made from it.
    request: Bytes,
    /// The ACK of a refusal.
    ack: Bytes,
    success_acks: SmallVec<[SuccessAck; 1]>,
    interval: Duration,
}

impl Transaction {
    /// The request as it was sent.
    pub(crate) fn request(&self) -> &Bytes {
        &self.request
    }

    /// Where the request went.
    pub(crate) fn destination(&self) -> Destination {
        self.destination
    }
}

/// The running client transactions.
#[derive(Debug)]
pub(crate) struct Table {
    timings: Timings,
    bound: usize,
    running: FxHashMap<Key, Transaction>,
    /// The transactions of each connection, so that a closed one costs what it was used for and no more.
    connections: BTreeSet<(u64, Key)>,
}

impl Table {
    /// No transactions.
    pub(crate) fn new(timings: Timings, bound: usize) -> Self {
        Self { timings, bound, running: FxHashMap::default(), connections: BTreeSet::new() }
    }

    /// How many transactions run.
    pub(crate) fn len(&self) -> usize {
        self.running.len()
    }

    /// Whether new work should be refused.
    pub(crate) fn is_full(&self) -> bool {
        self.running.len() >= self.bound
    }

    /// Whether a branch is in use.
    pub(crate) fn get(&self, key: Key) -> Option<&Transaction> {
        self.running.get(&key)
    }

    /// Begins a transaction: sends the request and starts its timers.
    pub(crate) fn start(
        &mut self,
        now: Instant,
        io: &mut Io,
        key: Key,
        (method, user): (Method, User),
        (destination, request): (Destination, Bytes),
    ) {
        let (machine, start) = if method == Method::Invite {
            (Machine::Invite(client_invite::State::Calling), client_invite::START)
        } else {
            (Machine::NonInvite(client_non_invite::State::Trying), client_non_invite::START)
        };
        if let Some(flow) = destination.flow()
            && flow.connection != 0
        {
            self.connections.insert((flow.connection, key));
        }
        let transaction = Transaction {
            machine,
            method,
            user,
            destination,
            request,
            ack: Bytes::new(),
            success_acks: SmallVec::new(),
            interval: self.timings.t1,
        };
        self.running.insert(key, transaction);
        // Nothing but Transmit and Start: neither reports.
        for action in start {
            self.run(now, io, key, *action, &[]);
        }
    }

    /// A response came: whether it is for the user, and who that is. `None` when no transaction matches (§17.1.3) or the
    /// transaction absorbed it.
    pub(crate) fn response(
        &mut self,
        now: Instant,
        io: &mut Io,
        key: Key,
        (status, method): (u16, &Method),
        (to, to_tag): (&[u8], Option<&[u8]>),
    ) -> Option<User> {
        let transaction = self.running.get_mut(&key)?;
        if transaction.method != *method {
            return None;
        }
        if (200..300).contains(&status)
            && let Some(ack) = transaction.success_acks.iter().find(|ack| Some(&ack.tag[..]) == to_tag)
        {
            // §13.2.2.4: the ACK is sent again for each copy of the 2xx.
            io.transmit(ack.destination, ack.bytes.clone());
            return None;
        }
        let input = match (transaction.machine, status) {
            (Machine::Invite(_), ..200) => Step::Invite(client_invite::Input::Provisional),
            (Machine::Invite(_), 200..300) => Step::Invite(client_invite::Input::Success),
            (Machine::Invite(_), 300..) => Step::Invite(client_invite::Input::Failure),
            (Machine::NonInvite(_), ..200) => Step::NonInvite(client_non_invite::Input::Provisional),
            (Machine::NonInvite(_), 200..) => Step::NonInvite(client_non_invite::Input::Final),
        };
        let (user, report) = self.step(now, io, key, input, to)?;
        (report == Report::Response).then_some(user)
    }

    /// A deadline came.
    pub(crate) fn timer(&mut self, now: Instant, io: &mut Io, key: Key, slot: Slot) -> Option<(User, Report)> {
        let input = match (self.running.get(&key)?.machine, slot) {
            (Machine::Invite(_), Slot::Retransmit) => Step::Invite(client_invite::Input::Retransmit),
            (Machine::Invite(_), Slot::End) => Step::Invite(client_invite::Input::End),
            (Machine::NonInvite(_), Slot::Retransmit) => Step::NonInvite(client_non_invite::Input::Retransmit),
            (Machine::NonInvite(_), Slot::End) => Step::NonInvite(client_non_invite::Input::End),
        };
        self.step(now, io, key, input, &[])
    }

    /// A connection is gone. What went over it and has no answer yet is said again, by another connection to where the peer takes them
    /// (§18.1.1): the branch is the same, so that a peer which had heard it already takes it for a copy. Where there is no such place, the
    /// transactions hear of an error.
    pub(crate) fn flow_closed(&mut self, now: Instant, io: &mut Io, flow: &Flow) -> Vec<(Key, User, Report)> {
        let (again, lost): (Vec<Key>, Vec<Key>) =
            self.on_connection(flow.connection).into_iter().partition(|key| self.can_reopen(*key));
        for key in again {
            let transaction = &self.running[&key];
            io.transmit(transaction.destination, transaction.request.clone());
        }
        self.fail(now, io, lost)
    }

    /// The transport cannot deliver to a destination: every transaction that sends there hears it.
    pub(crate) fn transport_error(
        &mut self,
        now: Instant,
        io: &mut Io,
        destination: &Destination,
    ) -> Vec<(Key, User, Report)> {
        let keys = match destination.flow() {
            Some(flow) if flow.connection != 0 => self.on_connection(flow.connection),
            _ => {
                let same = |(key, transaction): (&Key, &Transaction)| {
                    (transaction.destination == *destination).then_some(*key)
                };
                let mut keys: Vec<Key> = self.running.iter().filter_map(same).collect();
                // The order of a hash map is not ours to show.
                keys.sort_unstable();
                keys
            }
        };
        self.fail(now, io, keys)
    }

    fn on_connection(&self, connection: u64) -> Vec<Key> {
        let none = Key { branch: 0, cancel: false };
        let all = Key { branch: u64::MAX, cancel: true };
        self.connections.range((connection, none)..=(connection, all)).map(|(_, key)| *key).collect()
    }

    fn can_reopen(&self, key: Key) -> bool {
        self.running.get(&key).is_some_and(|transaction| {
            let is_unanswered = matches!(
                transaction.machine,
                Machine::Invite(client_invite::State::Calling) | Machine::NonInvite(client_non_invite::State::Trying)
            );
            is_unanswered && matches!(transaction.destination, Destination::Reopen { .. })
        })
    }

    fn fail(&mut self, now: Instant, io: &mut Io, keys: Vec<Key>) -> Vec<(Key, User, Report)> {
        keys.into_iter()
            .filter_map(|key| {
                let input = match self.running.get(&key)?.machine {
                    Machine::Invite(_) => Step::Invite(client_invite::Input::TransportError),
                    Machine::NonInvite(_) => Step::NonInvite(client_non_invite::Input::TransportError),
                };
                self.step(now, io, key, input, &[]).map(|(user, report)| (key, user, report))
            })
            .collect()
    }

    /// Keeps the ACK of a fork's 2xx and sends it.
    pub(crate) fn acknowledge(&mut self, io: &mut Io, key: Key, tag: Bytes, destination: Destination, bytes: Bytes) {
        io.transmit(destination, bytes.clone());
        if let Some(transaction) = self.running.get_mut(&key) {
            transaction.success_acks.push(SuccessAck { tag, destination, bytes });
        }
    }

    /// How many forks of a transaction were acknowledged.
    pub(crate) fn acknowledged(&self, key: Key) -> usize {
        self.running.get(&key).map_or(0, |transaction| transaction.success_acks.len())
    }

    /// Limits how long an INVITE may stay in Proceeding; the first limit stays.
    pub(crate) fn limit_patience(&self, io: &mut Io, key: Key, at: Instant) {
        let timer = TimerKey::Client(key, Slot::End);
        if self.running.contains_key(&key) && !io.timers.contains(timer) {
            io.timers.set(timer, at);
        }
    }

    /// Ends a transaction whose user gave it up (§9.1: no answer to the CANCEL within 64*T1).
    pub(crate) fn abandon(&mut self, io: &mut Io, key: Key) {
        self.remove(io, key);
    }

    fn step(&mut self, now: Instant, io: &mut Io, key: Key, input: Step, to: &[u8]) -> Option<(User, Report)> {
        let transaction = self.running.get_mut(&key)?;
        let user = transaction.user;
        let (actions, over) = match (transaction.machine, input) {
            (Machine::Invite(state), Step::Invite(input)) => {
                let (next, actions) = client_invite::step(state, input);
                transaction.machine = Machine::Invite(next);
                (actions, next == client_invite::State::Terminated)
            }
            (Machine::NonInvite(state), Step::NonInvite(input)) => {
                let (next, actions) = client_non_invite::step(state, input);
                transaction.machine = Machine::NonInvite(next);
                (actions, next == client_non_invite::State::Terminated)
            }
            (Machine::Invite(_), Step::NonInvite(_)) | (Machine::NonInvite(_), Step::Invite(_)) => {
                unreachable!("the callers choose the input by the machine")
            }
        };
        let mut report = None;
        for action in actions {
            report = self.run(now, io, key, *action, to).or(report);
        }
        if over {
            self.remove(io, key);
        }
        report.map(|report| (user, report))
    }

    fn run(&mut self, now: Instant, io: &mut Io, key: Key, action: Action, to: &[u8]) -> Option<Report> {
        let transaction = self.running.get_mut(&key)?;
        match action {
            Action::Transmit => io.transmit(transaction.destination, transaction.request.clone()),
            Action::Acknowledge => {
                if transaction.ack.is_empty() {
                    transaction.ack = write::derived(&transaction.request, &Method::Ack, Some(to), &[]);
                }
                io.transmit(transaction.destination, transaction.ack.clone());
            }
            Action::Deliver => return Some(Report::Response),
            Action::ReportTimeout => return Some(Report::Timeout),
            Action::ReportTransportError => return Some(Report::TransportError),
            Action::Start(timer) => {
                let reliable = transaction.destination.transport().is_reliable();
                if let Some(duration) = timer.duration(&self.timings, reliable) {
                    // A zero duration fires with the next handle_timeout(now): still at this instant.
                    io.timers.set(TimerKey::Client(key, timer.slot()), now + duration);
                }
            }
            Action::Backoff { capped } => {
                let doubled = transaction.interval * 2;
                transaction.interval = if capped { doubled.min(self.timings.t2) } else { doubled };
                io.timers.set(TimerKey::Client(key, Slot::Retransmit), now + transaction.interval);
            }
            Action::BackoffT2 => {
                transaction.interval = self.timings.t2;
                io.timers.set(TimerKey::Client(key, Slot::Retransmit), now + transaction.interval);
            }
            Action::Stop(slot) => io.timers.cancel(TimerKey::Client(key, slot)),
            Action::Trying => unreachable!("a server transaction's action"),
        }
        None
    }

    fn remove(&mut self, io: &mut Io, key: Key) {
        let Some(transaction) = self.running.remove(&key) else { return };
        io.timers.cancel(TimerKey::Client(key, Slot::Retransmit));
        io.timers.cancel(TimerKey::Client(key, Slot::End));
        if let Some(flow) = transaction.destination.flow() {
            self.connections.remove(&(flow.connection, key));
        }
    }
}

/// An input of either machine.
enum Step {
    Invite(client_invite::Input),
    NonInvite(client_non_invite::Input),
}

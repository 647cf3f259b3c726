//! Who waits where, who rings, who talks: the queues as plain values. What a phone is doing and what time it is are told from outside.
//!
//! Callers are served in the order in which they came: only the first of those who wait is given members to ring; while it rings, it is the
//! turn of the next. A member belongs to the caller for whom it rings, until another one answers or nobody does.

use std::collections::BTreeMap;

use crate::setting::{Queue, RING_MAX};
use crate::wire::{Answer, Ticket};

/// A caller that has not asked for so long is gone without a word.
const SILENT_MS: u64 = 10_000;
/// How much longer than they ring the end of it may take to be told.
const RING_SLACK_MS: u64 = 10_000;
/// A member whose phone rests for so long while it should talk has been forgotten.
const TALK_SLACK_MS: u64 = 10_000;
/// After a start without a snapshot nobody rings for so long: callers say their places first.
pub(crate) const SETTLE_MS: u64 = 3_000;
/// Members that are remembered.
const MEMBERS_MAX: usize = 1_000;

/// What a caller is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    /// These ring for it.
    Ringing {
        members: Vec<String>,
        until: u64,
    },
    /// It talks with this one.
    Talking {
        member: String,
        since: u64,
    },
}

/// Somebody who waits, or is being served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) call: String,
    /// When it asked last.
    pub(crate) asked: u64,
    pub(crate) state: State,
}

/// What is remembered of a member; it is one in all queues.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Member {
    /// It is left alone until then.
    pub(crate) paused_until: u64,
    /// When its last conversation was over.
    pub(crate) free_since: u64,
    /// Conversations.
    pub(crate) calls: u64,
}

/// A member that could be rung, for who chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) name: String,
    pub(crate) free_since: u64,
    pub(crate) calls: u64,
}

/// All callers of all queues of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Desk {
    pub(crate) queues: BTreeMap<String, BTreeMap<Ticket, Caller>>,
    pub(crate) members: BTreeMap<String, Member>,
    /// Callers so far: the second half of a ticket.
    pub(crate) joined: u64,
    /// Nobody rings before.
    pub(crate) settled_at: u64,
}

/// What a phone is doing; `None`: nothing is known of it.
pub(crate) type Device<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Who of the free members rings for a caller; if nobody, it waits and is asked for again.
pub(crate) type Choose<'a> = &'a dyn Fn(&Queue, &[Candidate]) -> Vec<String>;

impl Desk {
    /// A caller wants to wait.
    pub(crate) fn join(
        &mut self,
        now: u64,
        queue: &Queue,
        members: &[String],
        call: String,
        device: Device<'_>,
    ) -> Answer {
        let waiting =
            self.queues.get(&queue.name).map_or(0, |callers| callers.values().filter(|caller| caller.waits()).count());
        if waiting >= queue.callers {
            return Answer::Out("FULL".to_owned());
        }
        if queue.leave_when_empty && !any_reachable(members, device) {
            return Answer::Out("JOINEMPTY".to_owned());
        }
        self.joined += 1;
        let ticket = Ticket(now, self.joined);
        let callers = self.queues.entry(queue.name.clone()).or_default();
        callers.insert(ticket, Caller { call, asked: now, state: State::Waiting });
        Answer::Joined(ticket)
    }

    /// What shall a caller do? One that is not known (the service failed) has its old place.
    pub(crate) fn poll(
        &mut self,
        now: u64,
        (queue, members): (&Queue, &[String]),
        (ticket, call): (Ticket, &str),
        device: Device<'_>,
        choose: Choose<'_>,
    ) -> Answer {
        self.tidy(now, device);
        let callers = self.queues.entry(queue.name.clone()).or_default();
        let known = callers.len() < queue.callers.max(1) * 2 || callers.contains_key(&ticket);
        if !known {
            return Answer::Out("FULL".to_owned());
        }
        let caller = callers.entry(ticket).or_insert_with(|| Caller {
            call: call.to_owned(),
            asked: now,
            state: State::Waiting,
        });
        // Whoever asks does not ring and does not talk any more.
        caller.asked = now;
        caller.state = State::Waiting;
        if queue.leave_when_empty && !any_reachable(members, device) {
            self.leave(now, &queue.name, ticket, 0);
            return Answer::Out("LEAVEEMPTY".to_owned());
        }
        let before = self.queues[&queue.name].range(..ticket).filter(|(_, caller)| caller.waits()).count();
        let wait = Answer::Wait { position: before + 1 };
        if before > 0 || now < self.settled_at {
            return wait;
        }
        let free = self.free(now, members, device);
        if free.is_empty() {
            return wait;
        }
        let mut chosen = choose(queue, &free);
        chosen.retain(|name| free.iter().any(|candidate| candidate.name == *name));
        chosen.truncate(RING_MAX);
        if chosen.is_empty() {
            return wait;
        }
        let until = now + queue.ring_ms + RING_SLACK_MS;
        if let Some(caller) = self.queues.get_mut(&queue.name).and_then(|callers| callers.get_mut(&ticket)) {
            caller.state = State::Ringing { members: chosen.clone(), until };
        }
        Answer::Ring { members: chosen, ms: queue.ring_ms }
    }

    /// What became of the members that rang for a caller. True if it was served.
    pub(crate) fn rang(&mut self, now: u64, queue: &Queue, ticket: Ticket, status: &str) -> bool {
        let answered = status == "ANSWER";
        if answered {
            self.leave(now, &queue.name, ticket, queue.wrap_up_ms);
            return true;
        }
        let caller = self.queues.get_mut(&queue.name).and_then(|callers| callers.get_mut(&ticket));
        let Some(caller) = caller else { return false };
        caller.asked = now;
        if let State::Ringing { members, .. } = std::mem::replace(&mut caller.state, State::Waiting) {
            for member in members {
                self.member(&member).paused_until = now + queue.retry_ms;
            }
        }
        false
    }

    /// A caller is gone; who talked with it is left alone for a while.
    pub(crate) fn leave(&mut self, now: u64, queue: &str, ticket: Ticket, wrap_up_ms: u64) {
        let Some(callers) = self.queues.get_mut(queue) else { return };
        let gone = callers.remove(&ticket);
        if callers.is_empty() {
            self.queues.remove(queue);
        }
        if let Some(Caller { state: State::Talking { member, .. }, .. }) = gone {
            let member = self.member(&member);
            member.paused_until = now + wrap_up_ms;
            member.free_since = now;
            member.calls += 1;
        }
    }

    /// A phone answered in a call: if it is one that rang for its caller, the others are free again. The queue, if so.
    pub(crate) fn answered(&mut self, now: u64, call: &str, endpoint: &str) -> Option<String> {
        for (name, callers) in &mut self.queues {
            for caller in callers.values_mut().filter(|caller| caller.call == call) {
                let rings = matches!(&caller.state, State::Ringing { members, .. } if members.iter().any(|member| member == endpoint));
                if rings {
                    caller.state = State::Talking { member: endpoint.to_owned(), since: now };
                    return Some(name.clone());
                }
            }
        }
        None
    }

    /// A call is over: the queue and place that its caller had.
    pub(crate) fn place_of(&self, call: &str) -> Option<(String, Ticket)> {
        self.queues.iter().find_map(|(name, callers)| {
            let (ticket, _) = callers.iter().find(|(_, caller)| caller.call == call)?;
            Some((name.clone(), *ticket))
        })
    }

    /// Callers that wait in a queue.
    pub(crate) fn waiting(&self, queue: &str) -> usize {
        self.queues.get(queue).map_or(0, |callers| callers.values().filter(|caller| caller.waits()).count())
    }

    /// The members that could ring now, in their order.
    fn free(&self, now: u64, members: &[String], device: Device<'_>) -> Vec<Candidate> {
        let candidate = |name: &String| {
            let known = self.members.get(name).cloned().unwrap_or_default();
            let rests = !matches!(device(name).as_deref(), Some("unregistered" | "ringing" | "busy"));
            (rests && known.paused_until <= now && !self.is_taken(name)).then(|| Candidate {
                name: name.clone(),
                free_since: known.free_since,
                calls: known.calls,
            })
        };
        members.iter().filter_map(candidate).collect()
    }

    fn is_taken(&self, name: &str) -> bool {
        self.queues.values().flat_map(BTreeMap::values).any(|caller| match &caller.state {
            State::Waiting => false,
            State::Ringing { members, .. } => members.iter().any(|member| member == name),
            State::Talking { member, .. } => member == name,
        })
    }

    /// Forgets callers of whom nothing has been heard for too long: their runs failed, and the news of that were lost.
    fn tidy(&mut self, now: u64, device: Device<'_>) {
        for callers in self.queues.values_mut() {
            callers.retain(|_, caller| match &caller.state {
                State::Waiting => caller.asked + SILENT_MS > now,
                State::Ringing { until, .. } => *until > now,
                State::Talking { member, since } => {
                    since + TALK_SLACK_MS > now || !matches!(device(member).as_deref(), Some("idle" | "unregistered"))
                }
            });
        }
        self.queues.retain(|_, callers| !callers.is_empty());
    }

    fn member(&mut self, name: &str) -> &mut Member {
        if !self.members.contains_key(name) && self.members.len() >= MEMBERS_MAX {
            // One that nobody has talked with for longest makes room.
            let oldest = self.members.iter().min_by_key(|(_, member)| member.free_since).map(|(name, _)| name.clone());
            oldest.and_then(|oldest| self.members.remove(&oldest));
        }
        self.members.entry(name.to_owned()).or_default()
    }
}

impl Caller {
    fn waits(&self) -> bool {
        self.state == State::Waiting
    }
}

/// Whether any member's phone can be reached at all, be it busy or left alone just now.
fn any_reachable(members: &[String], device: Device<'_>) -> bool {
    members.iter().any(|member| device(member).as_deref() != Some("unregistered"))
}

/// The strategies that need no plugin: all free members ring, or the first of them.
pub(crate) fn choose_simply(queue: &Queue, free: &[Candidate]) -> Vec<String> {
    let count = if queue.strategy == "in-order" { 1 } else { free.len() };
    free.iter().take(count).map(|candidate| candidate.name.clone()).collect()
}

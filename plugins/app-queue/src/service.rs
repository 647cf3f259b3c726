//! The plugin's service: the desk, and what it learns from the host.

use std::collections::BTreeSet;

use jackfield_sdk::{Event, Level, Result, Service, event, kv, log, strategy, system};

use crate::desk::{Candidate, Desk, SETTLE_MS, choose_simply};
use crate::setting::{self, Queue, is_name};
use crate::snapshot;
use crate::wire::{Answer, Request, Ticket};

/// Where logged-in members are kept: `member/QUEUE/ENDPOINT`.
const MEMBERS: &str = "member/";
/// Members of whom a strategy chooses: what one choice takes.
const CHOICE_MAX: usize = 256;
/// Members of a tenant that are logged in, all queues together.
const LOGGED_IN_MAX: usize = 1_000;

/// The service.
pub(crate) struct Queues {
    desk: Desk,
    /// Queue and endpoint, as kept.
    logged_in: BTreeSet<(String, String)>,
}

fn now() -> u64 {
    u64::try_from(system::uptime().as_millis()).unwrap_or(u64::MAX)
}

impl Service for Queues {
    fn start(restored: Option<Vec<u8>>) -> Result<Self> {
        for kind in ["call.answered", "call.ended"] {
            event::subscribe(kind)?;
        }
        let desk = restored.as_deref().and_then(snapshot::read);
        let desk = desk.unwrap_or_else(|| Desk { settled_at: now() + SETTLE_MS, ..Desk::default() });
        Ok(Self { desk, logged_in: logged_in()? })
    }

    fn answer(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let answer = match Request::decode(request)? {
            Request::Member { queue, member, logs_in } => self.member(queue.as_deref(), &member, logs_in)?,
            Request::Leave { queue, ticket } => {
                self.desk.leave(now(), &queue, ticket, setting::queue(&queue).map_or(0, |queue| queue.wrap_up_ms));
                Answer::Done
            }
            Request::Join { queue, call } => match setting::queue(&queue) {
                None => Answer::Out("UNKNOWN".to_owned()),
                Some(queue) => {
                    let members = self.members(&queue);
                    let answer = self.desk.join(now(), &queue, &members, call, &event::device);
                    self.tell(&queue, "joined", &answer);
                    answer
                }
            },
            Request::Poll { queue, call, ticket } => match setting::queue(&queue) {
                // A reload took the queue away.
                None => {
                    self.desk.leave(now(), &queue, ticket, 0);
                    Answer::Out("LEAVEEMPTY".to_owned())
                }
                Some(queue) => self.poll(&queue, (ticket, &call)),
            },
            Request::Rang { queue, ticket, status } => {
                if let Some(queue) = setting::queue(&queue) {
                    self.desk.rang(now(), &queue, ticket, &status);
                }
                Answer::Done
            }
        };
        Ok(answer.encode())
    }

    fn snapshot(&mut self) -> Result<Vec<u8>> {
        Ok(snapshot::write(&self.desk))
    }

    fn handle(&mut self, event: Event) -> Result {
        match event.kind.as_str() {
            "call.answered" if event.get("direction") == Some("outbound") => {
                let endpoint = event.get("endpoint").unwrap_or_default();
                self.desk.answered(now(), &event.source, endpoint);
            }
            "call.ended" => {
                if let Some((queue, ticket)) = self.desk.place_of(&event.source) {
                    let wrap_up_ms = setting::queue(&queue).map_or(0, |queue| queue.wrap_up_ms);
                    self.desk.leave(now(), &queue, ticket, wrap_up_ms);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Queues {
    /// What shall a caller do?
    fn poll(&mut self, queue: &Queue, caller: (Ticket, &str)) -> Answer {
        let members = self.members(queue);
        let now = now();
        let choose = |queue: &Queue, free: &[Candidate]| match queue.other_strategy() {
            None => choose_simply(queue, free),
            Some(strategy) => ask(strategy, queue, free, now),
        };
        self.desk.poll(now, (queue, &members), caller, &event::device, &choose)
    }

    /// Who is a member: those that are set, in their order, then those that are logged in.
    fn members(&self, queue: &Queue) -> Vec<String> {
        let logged_in = self.logged_in.iter().filter(|(name, _)| *name == queue.name).map(|(_, member)| member);
        let logged_in = logged_in.filter(|member| !queue.members.contains(member));
        queue.members.iter().chain(logged_in).cloned().collect()
    }

    fn member(&mut self, queue: Option<&str>, member: &str, logs_in: bool) -> Result<Answer> {
        let known: Vec<String> = setting::queues().into_iter().map(|queue| queue.name).collect();
        let queues: Vec<String> = match queue {
            Some(queue) => known.into_iter().filter(|known| known == queue).collect(),
            None if logs_in => Vec::new(),
            None => known,
        };
        if queues.is_empty() || !is_name(member) || (logs_in && self.logged_in.len() >= LOGGED_IN_MAX) {
            return Ok(Answer::Out("UNKNOWN".to_owned()));
        }
        for queue in queues {
            let key = format!("{MEMBERS}{queue}/{member}");
            let entry = (queue, member.to_owned());
            if logs_in && !self.logged_in.contains(&entry) {
                kv::set(&key, "")?;
                self.logged_in.insert(entry);
            } else if !logs_in && self.logged_in.contains(&entry) {
                kv::delete(&key)?;
                self.logged_in.remove(&entry);
            }
        }
        Ok(Answer::Done)
    }

    /// Other plugins may want to know how long a queue is.
    fn tell(&self, queue: &Queue, what: &str, answer: &Answer) {
        if let Answer::Joined(_) = answer {
            let waiting = self.desk.waiting(&queue.name).to_string();
            if let Err(error) = event::publish(what, &[("queue", &queue.name), ("waiting", &waiting)]) {
                log(Level::Warn, &error.to_string());
            }
        }
    }
}

/// Whom another plugin's strategy takes. Where it cannot choose, all ring: nobody is to wait for ever because a strategy is not installed.
fn ask(strategy: &str, queue: &Queue, free: &[Candidate], now: u64) -> Vec<String> {
    let candidate = |member: &Candidate| {
        let idle = now.saturating_sub(member.free_since) / 1_000;
        strategy::Candidate::new(&member.name).with("idle-seconds", idle).with("calls", member.calls)
    };
    let candidates: Vec<_> = free.iter().take(CHOICE_MAX).map(candidate).collect();
    strategy::choose(strategy, &[("queue", &queue.name)], &candidates).unwrap_or_else(|error| {
        log(Level::Error, &format!("strategy {strategy}: {error}"));
        choose_simply(queue, free)
    })
}

/// What is kept, whole: a listing has 1,000 keys.
fn logged_in() -> Result<BTreeSet<(String, String)>> {
    let keys = kv::keys(MEMBERS, None, LOGGED_IN_MAX as u32)?;
    let entry = |key: &String| {
        let (queue, member) = key.strip_prefix(MEMBERS)?.split_once('/')?;
        Some((queue.to_owned(), member.to_owned()))
    };
    Ok(keys.iter().filter_map(entry).collect())
}

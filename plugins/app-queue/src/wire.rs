//! What runs of the applications and the service say to each other: lines of fields with tabs between.

use jackfield_sdk::{Error, Result};

/// The place of a caller: who came first is first. The second number tells callers of the same millisecond apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(pub(crate) u64, pub(crate) u64);

/// What an application asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// A caller wants to wait.
    Join { queue: String, call: String },
    /// What shall a caller do?
    Poll { queue: String, call: String, ticket: Ticket },
    /// What became of ringing members: DIALSTATUS.
    Rang { queue: String, ticket: Ticket, status: String },
    /// A caller is gone.
    Leave { queue: String, ticket: Ticket },
    /// A phone is to be a member, or no member any more; of all queues where none is named.
    Member { queue: Option<String>, member: String, logs_in: bool },
}

/// What the service answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The caller waits, at this place from now on.
    Joined(Ticket),
    /// It waits on; so many are to be served before it, itself included.
    Wait { position: usize },
    /// These members are its own to ring, for so many milliseconds.
    Ring { members: Vec<String>, ms: u64 },
    /// It is over, with this QUEUESTATUS.
    Out(String),
    /// It is done.
    Done,
}

fn malformed(text: &str) -> Error {
    Error::invalid(format!("not understood: {text:?}"))
}

fn owned(fields: &[&str]) -> Vec<String> {
    fields.iter().map(|field| (*field).to_owned()).collect()
}

fn ticket(first: &str, second: &str) -> Option<Ticket> {
    Some(Ticket(first.parse().ok()?, second.parse().ok()?))
}

impl Request {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let text = match self {
            Self::Join { queue, call } => format!("join\t{queue}\t{call}"),
            Self::Poll { queue, call, ticket } => format!("poll\t{queue}\t{call}\t{}\t{}", ticket.0, ticket.1),
            Self::Rang { queue, ticket, status } => format!("rang\t{queue}\t{}\t{}\t{status}", ticket.0, ticket.1),
            Self::Leave { queue, ticket } => format!("leave\t{queue}\t{}\t{}", ticket.0, ticket.1),
            Self::Member { queue, member, logs_in } => {
                let verb = if *logs_in { "login" } else { "logout" };
                format!("{verb}\t{}\t{member}", queue.as_deref().unwrap_or_default())
            }
        };
        text.into_bytes()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let text = String::from_utf8_lossy(bytes);
        let fields: Vec<&str> = text.split('\t').collect();
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let decoded = match fields[..] {
            ["join", queue, call] => Some(Self::Join { queue: queue.into(), call: call.into() }),
            ["poll", queue, call, first, second] => {
                ticket(first, second).map(|ticket| Self::Poll { queue: queue.into(), call: call.into(), ticket })
            }
            ["rang", queue, first, second, status] => {
                ticket(first, second).map(|ticket| Self::Rang { queue: queue.into(), ticket, status: status.into() })
            }
            ["leave", queue, first, second] => {
                ticket(first, second).map(|ticket| Self::Leave { queue: queue.into(), ticket })
            }
            [verb @ ("login" | "logout"), queue, member] => {
                Some(Self::Member { queue: some(queue), member: member.into(), logs_in: verb == "login" })
            }
            _ => None,
        };
        decoded.ok_or_else(|| malformed(&text))
    }
}

impl Answer {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let text = match self {
            Self::Joined(ticket) => format!("joined\t{}\t{}", ticket.0, ticket.1),
            Self::Wait { position } => format!("wait\t{position}"),
            Self::Ring { members, ms } => format!("ring\t{ms}\t{}", members.join("\t")),
            Self::Out(status) => format!("out\t{status}"),
            Self::Done => "done".to_owned(),
        };
        text.into_bytes()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let text = String::from_utf8_lossy(bytes);
        let fields: Vec<&str> = text.split('\t').collect();
        let decoded = match fields[..] {
            ["joined", first, second] => ticket(first, second).map(Self::Joined),
            ["wait", position] => position.parse().ok().map(|position| Self::Wait { position }),
            ["ring", ms, ref members @ ..] => ms.parse().ok().map(|ms| Self::Ring { members: owned(members), ms }),
            ["out", status] => Some(Self::Out(status.into())),
            ["done"] => Some(Self::Done),
            _ => None,
        };
        decoded.ok_or_else(|| malformed(&text))
    }
}

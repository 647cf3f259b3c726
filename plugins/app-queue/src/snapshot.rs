//! What the service writes down for the version that replaces it: lines of fields with tabs between, after a line with the format's number.

use jackfield_sdk::{Level, log};

use crate::desk::{Caller, Desk, Member, State};
use crate::wire::Ticket;

const FORMAT: &str = "app-queue 1";

/// The state as text.
pub(crate) fn write(desk: &Desk) -> Vec<u8> {
    let mut lines = vec![FORMAT.to_owned(), format!("joined\t{}", desk.joined)];
    for (name, Member { paused_until, free_since, calls }) in &desk.members {
        lines.push(format!("member\t{name}\t{paused_until}\t{free_since}\t{calls}"));
    }
    for (queue, callers) in &desk.queues {
        for (Ticket(first, second), Caller { call, asked, state }) in callers {
            let state = match state {
                State::Waiting => "waiting".to_owned(),
                State::Ringing { members, until } => format!("ringing\t{until}\t{}", members.join("\t")),
                State::Talking { member, since } => format!("talking\t{since}\t{member}"),
            };
            lines.push(format!("caller\t{queue}\t{first}\t{second}\t{call}\t{asked}\t{state}"));
        }
    }
    lines.join("\n").into_bytes()
}

/// What was written; none if it is of another format. A line that is not understood is left out.
pub(crate) fn read(bytes: &[u8]) -> Option<Desk> {
    let text = std::str::from_utf8(bytes).ok()?;
    let lines = text.strip_prefix(FORMAT)?.lines();
    let mut desk = Desk::default();
    for line in lines.filter(|line| !line.is_empty()) {
        if read_line(&mut desk, line).is_none() {
            // A caller says its place with its next question.
            log(Level::Warn, &format!("of the former version's state, {line:?} is not understood"));
        }
    }
    Some(desk)
}

fn read_line(desk: &mut Desk, line: &str) -> Option<()> {
    let fields: Vec<&str> = line.split('\t').collect();
    match fields[..] {
        ["joined", count] => desk.joined = count.parse().ok()?,
        ["member", name, paused, free, calls] => {
            let member = Member {
                paused_until: paused.parse().ok()?,
                free_since: free.parse().ok()?,
                calls: calls.parse().ok()?,
            };
            desk.members.insert(name.to_owned(), member);
        }
        ["caller", queue, first, second, call, asked, ref state @ ..] => {
            let state = match state {
                ["waiting"] => State::Waiting,
                ["ringing", until, members @ ..] => State::Ringing {
                    members: members.iter().map(|name| (*name).to_owned()).collect(),
                    until: until.parse().ok()?,
                },
                ["talking", since, member] => {
                    State::Talking { member: (*member).to_owned(), since: since.parse().ok()? }
                }
                _ => return None,
            };
            let ticket = Ticket(first.parse().ok()?, second.parse().ok()?);
            let caller = Caller { call: call.to_owned(), asked: asked.parse().ok()?, state };
            desk.queues.entry(queue.to_owned()).or_default().insert(ticket, caller);
        }
        _ => return None,
    }
    Some(())
}

//! `QueueLogin(queue)` and `QueueLogout([queue])`: the phone that calls becomes a member, or is one no more.

use jackfield_sdk::{Error, Leg, Result};

use crate::caller::{ask, pass_over};
use crate::wire::{Answer, Request};

/// Leaves `ADDED` or `UNKNOWN` in `QUEUESTATUS`.
pub(crate) fn login(leg: Leg, queue: &str) -> Result {
    change(&leg, queue, true)
}

/// Leaves `REMOVED` or `UNKNOWN` in `QUEUESTATUS`. Without a queue it is all of them.
pub(crate) fn logout(leg: Leg, queue: &str) -> Result {
    change(&leg, queue, false)
}

fn change(leg: &Leg, queue: &str, logs_in: bool) -> Result {
    // What a caller says its number is counts for nothing: the endpoint has proved who it is.
    let member = leg.attribute("endpoint").filter(|endpoint| !endpoint.is_empty());
    let member = member.ok_or_else(|| Error::unsupported("only a phone of the tenant can be a member"))?;
    let queue = Some(queue.trim().to_owned()).filter(|queue| !queue.is_empty());
    let done = ask(&Request::Member { queue, member, logs_in })? == Answer::Done;
    let (status, prompt) = match (done, logs_in) {
        (true, true) => ("ADDED", "queue/logged-in"),
        (true, false) => ("REMOVED", "queue/logged-out"),
        (false, _) => ("UNKNOWN", "invalid"),
    };
    leg.set_variable("QUEUESTATUS", status)?;
    leg.answer()?;
    pass_over(leg.play(prompt))
}

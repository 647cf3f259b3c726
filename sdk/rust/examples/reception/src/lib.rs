//! `Reception_rust()`: asks for the four digits of a desk, dials it, or takes a message. `Reception_rust(1234=101)` says who sits
//! at desk 1234, as does `Set(DESK_rust(1234)=101)`; `${DESK_rust(1234)}` is who sits there, `${DESK_rust()}` the caller's own
//! number. The same plugin is in `sdk/python`, `sdk/javascript` and `sdk/c`.

use std::time::Duration;

use jackfield_sdk::{Dial, Digits, Error, Function, Leg, Record, Result, apps, functions, kv};

apps! { "Reception_rust" => reception }
functions! { "DESK_rust" => desk / set_desk }

const ATTEMPTS: u32 = 3;

fn reception(leg: Leg, arguments: &str) -> Result {
    match arguments.split_once('=') {
        Some((desk, endpoint)) => seat(desk, endpoint),
        None => ask(&leg),
    }
}

fn seat(desk: &str, endpoint: &str) -> Result {
    if desk.len() != 4 || endpoint.is_empty() {
        return Err(Error::invalid(format!("{desk}={endpoint}: a desk has four digits and an endpoint")));
    }
    kv::set(&format!("desk/{desk}"), endpoint)
}

fn ask(leg: &Leg) -> Result {
    leg.answer()?;
    for _ in 0..ATTEMPTS {
        let desk = leg.read_digits(Digits::up_to(4).prompt("enter-extension").first_within_secs(5))?;
        match kv::get_text(&format!("desk/{desk}"))? {
            Some(endpoint) => return connect(leg, &desk, &endpoint),
            None => leg.play("invalid")?,
        }
    }
    leg.play("goodbye")
}

fn connect(leg: &Leg, desk: &str, endpoint: &str) -> Result {
    leg.play("please-hold")?;
    let dialed = leg.dial(Dial::to(endpoint).ring_for(Duration::from_secs(10)))?;
    if dialed.status == "ANSWER" {
        return Ok(());
    }
    leg.play("unavailable")?;
    leg.record(Record::to(format!("messages/{desk}")).at_most(Duration::from_secs(60)))?;
    leg.play("thank-you")
}

fn desk(call: Function<'_>) -> Result<String> {
    match call.argument(0) {
        "" => Ok(call.leg()?.caller_number()),
        desk => Ok(kv::get_text(&format!("desk/{desk}"))?.unwrap_or_default()),
    }
}

fn set_desk(call: Function<'_>, endpoint: &str) -> Result {
    seat(call.argument(0), endpoint)
}

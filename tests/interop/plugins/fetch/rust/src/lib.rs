//! `Fetch(url,other)`: plays the prompt whose name a server says, then `invalid` if the other may not be asked.

use jackfield_sdk::http::{self, Request};
use jackfield_sdk::{Code, Leg, Result, apps, metrics};

apps! { "Fetch" => fetch }

fn fetch(leg: Leg, arguments: &str) -> Result {
    let (url, other) = arguments.split_once(',').unwrap_or((arguments, ""));
    leg.answer()?;
    let answer = Request::post(url, "é").header("x-desk", "Desk {{secret:DESK}}").send()?;
    if answer.status == 201 && answer.header("Content-Type") == Some("text/plain") {
        leg.play(answer.text()?)?;
    }
    metrics::add("fetched", 1)?;
    metrics::set("last_status", answer.status.into())?;
    match http::get(other) {
        Err(error) if error.code == Code::Denied => leg.play("invalid"),
        _ => leg.play("goodbye"),
    }
}

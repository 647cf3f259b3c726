//! A plugin that has strategies, good ones and bad ones, and asks them: `Chooser(strategy)` in the application, `Chooser(ask strategy)` in the service,
//! `${CHOOSER(strategy)}` in the function.

use std::time::Duration;

use jackfield_sdk::strategy::{self, Candidate, Choice};
use jackfield_sdk::{Code, Error, Function, Leg, Result, Service, apps, functions, service, strategies, system};

apps! { "Chooser" => chooser }
functions! { "CHOOSER" => function }
service! { Asker }
strategies! {
    "first" => first,
    "Of-Queue" => of_queue,
    "nobody" => nobody,
    "stranger" => stranger,
    "twice" => twice,
    "refuses" => refuses,
    "asks" => asks,
    "spins" => spins,
    "traps" => traps,
}

/// Leaves whom the strategy chose, or the error's code, in `CHOSEN`.
fn chooser(leg: Leg, arguments: &str) -> Result {
    let chosen = match arguments.strip_prefix("ask ") {
        Some(name) => system::ask(name.as_bytes(), Duration::from_secs(5))
            .map(|answer| String::from_utf8_lossy(&answer).into_owned()),
        None => chosen(arguments),
    };
    leg.set_variable("CHOSEN", chosen.as_deref().unwrap_or_else(|error| error.code.as_str()))
}

fn function(call: Function<'_>) -> Result<String> {
    chosen(call.argument(0))
}

/// The names, with spaces between: of 101 and 102, who waits in the queue `sales`.
fn chosen(name: &str) -> Result<String> {
    let candidates = ["101", "102"].map(|name| Candidate::new(name).with("calls", 3));
    Ok(strategy::choose(name, &[("queue", "sales")], &candidates)?.join(" "))
}

struct Asker;

impl Service for Asker {
    fn start(_restored: Option<Vec<u8>>) -> Result<Self> {
        Ok(Self)
    }

    fn answer(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        chosen(&String::from_utf8_lossy(request)).map(String::into_bytes)
    }
}

fn first(choice: Choice<'_>) -> Result<Vec<String>> {
    Ok(choice.first_by_key(|candidate| candidate.number("calls")))
}

/// It says what it was told.
fn of_queue(choice: Choice<'_>) -> Result<Vec<String>> {
    let told =
        choice.about("queue") == Some("sales") && choice.candidates.iter().all(|one| one.fact("calls") == Some("3"));
    let names = choice.candidates.iter().rev().map(|one| one.name.clone()).collect();
    if told { Ok(names) } else { Err(Error::failed("it was told something else")) }
}

fn nobody(_choice: Choice<'_>) -> Result<Vec<String>> {
    Ok(Vec::new())
}

fn stranger(_choice: Choice<'_>) -> Result<Vec<String>> {
    Ok(vec!["999".into()])
}

fn twice(_choice: Choice<'_>) -> Result<Vec<String>> {
    Ok(vec!["101".into(), "101".into()])
}

fn refuses(_choice: Choice<'_>) -> Result<Vec<String>> {
    Err(Error::new(Code::Busy, "not now"))
}

/// A strategy that has another one choose.
fn asks(_choice: Choice<'_>) -> Result<Vec<String>> {
    chosen("first").map(|name| vec![name])
}

fn spins(_choice: Choice<'_>) -> Result<Vec<String>> {
    loop {
        std::hint::black_box(());
    }
}

fn traps(_choice: Choice<'_>) -> Result<Vec<String>> {
    panic!("as asked")
}

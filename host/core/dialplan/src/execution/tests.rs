use std::time::Duration;

use super::*;
use crate::calendar::{LocalTime, Weekday};
use crate::plan::{Known, NameKind};
use crate::source::Text;

mod flow;
mod hostile;
mod language;
mod property;

/// 2026-05-20 was a Wednesday.
fn noon() -> LocalTime {
    LocalTime {
        year: 2026,
        month: 5,
        day: 20,
        weekday: Weekday::Wednesday,
        hour: 12,
        minute: 0,
        second: 5,
        epoch_s: 1_779_278_405,
    }
}

#[track_caller]
fn plan(text: &str) -> Arc<Dialplan> {
    match crate::parse(&Text(text), "dialplan.conf") {
        Ok(plan) => Arc::new(plan),
        Err(faults) => panic!("{}", faults.iter().map(|fault| format!("{fault}\n")).collect::<String>()),
    }
}

fn start(plan: &Arc<Dialplan>, context: &str, extension: &str) -> Execution {
    plan.start(Start { context: context.into(), extension: extension.into(), ..Start::default() })
}

/// What an ask looks like in these tests.
fn show(ask: &Ask) -> String {
    match ask {
        Ask::App { name, arguments } => format!("{name}({arguments})"),
        Ask::Dial { arguments } => format!("Dial({arguments})"),
        Ask::ReadFunction { name, arguments } => format!("{name}[{}]", arguments.join("|")),
        Ask::WriteFunction { name, arguments, value } => format!("{name}[{}]={value}", arguments.join("|")),
        Ask::Log { message, .. } => format!("log {message}"),
        Ask::HangUp(None) => "hangup".into(),
        Ask::HangUp(Some(cause)) => format!("hangup {cause}"),
        Ask::WaitDigit { timeout } => format!("digit? {}", timeout.as_secs_f64()),
        Ask::Wait(duration) => format!("wait {}", duration.as_secs_f64()),
        other => format!("{other:?}"),
    }
}

/// Runs to the end with these replies, `Done` or an empty value where there is none, and tells the asks.
fn run_with(plan: &Arc<Dialplan>, extension: &str, replies: &[(&str, Reply)]) -> Vec<String> {
    let mut run = start(plan, "test", extension);
    let mut asks = Vec::new();
    let mut replies = replies.to_vec();
    let mut reply = Reply::Start;
    for _ in 0..1_000 {
        let ask = run.step(&noon(), reply);
        let shown = show(&ask);
        if ask == Ask::Finished {
            assert!(replies.is_empty(), "not asked: {replies:?} in {asks:?}");
            return asks;
        }
        reply = match replies.iter().position(|(expected, _)| shown.starts_with(expected)) {
            Some(found) => replies.remove(found).1,
            None if matches!(ask, Ask::HangUp(_)) => Reply::HungUp,
            None => Reply::Done,
        };
        asks.push(shown);
    }
    panic!("the run does not end: {:?}", &asks[..20]);
}

/// The asks of extension 1 in `[test]`, whose lines are given, without the last hang-up.
#[track_caller]
fn check(lines: &str, expected: &[&str]) {
    check_with(lines, &[], expected);
}

#[track_caller]
fn check_with(lines: &str, replies: &[(&str, Reply)], expected: &[&str]) {
    let plan = plan(&format!("[test]\n{lines}"));
    let mut asks = run_with(&plan, "1", replies);
    if asks.last().is_some_and(|last| last == "hangup") {
        asks.pop();
    }
    assert_eq!(asks, expected, "\n{lines}");
}

fn value(value: &str) -> Reply {
    Reply::Value(value.into())
}

fn failed(message: &str) -> Reply {
    Reply::Failed { message: message.into() }
}

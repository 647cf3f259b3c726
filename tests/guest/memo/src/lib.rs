//! A plugin that records and sends: `Memo(name)` keeps what the caller says until `#`, and says it back; `SendKeys(keys)` sends
//! keys. The others manage memos.

use std::time::Duration;

use jackfield_sdk::{Leg, Record, Result, apps, blob};

apps! {
    "Memo" => memo, "MemoPlay" => play, "MemoMove" => rename, "MemoForget" => forget, "MemoNames" => names,
    "SendKeys" => send_keys,
}

/// `Memo(name)`: leaves `stored`, or the error's code, in `MEMOSTATUS`, and what ended it in `MEMOEND`.
fn memo(leg: Leg, name: &str) -> Result {
    leg.answer()?;
    let record = Record::to(name).at_most(Duration::from_secs(30)).until_silence(Duration::from_secs(4)).without_beep();
    let recorded = match leg.record(record) {
        Ok(recorded) => recorded,
        Err(error) => return leg.set_variable("MEMOSTATUS", error.code.as_str()),
    };
    leg.set_variable("MEMOSTATUS", "stored")?;
    leg.set_variable("MEMOEND", &recorded.ended)?;
    leg.play(recorded.prompt)
}

/// `MemoPlay(name)`: leaves `played`, or the error's code, in `MEMOSTATUS`.
fn play(leg: Leg, name: &str) -> Result {
    let played = leg.play(format!("blob:{name}"));
    leg.set_variable("MEMOSTATUS", played.as_ref().map_or_else(|error| error.code.as_str(), |()| "played"))
}

/// `MemoMove(name,to)`: leaves `true` or `false` in `MEMOSTATUS`.
fn rename(leg: Leg, arguments: &str) -> Result {
    let (name, to) = arguments.split_once(',').unwrap_or((arguments, ""));
    leg.set_variable("MEMOSTATUS", &blob::rename(name, to)?.to_string())
}

/// `MemoForget(name)`: leaves `true` or `false` in `MEMOSTATUS`.
fn forget(leg: Leg, name: &str) -> Result {
    leg.set_variable("MEMOSTATUS", &blob::remove(name)?.to_string())
}

/// `MemoNames(prefix)`: leaves the names in `MEMOSTATUS`.
fn names(leg: Leg, prefix: &str) -> Result {
    let names: Vec<String> = blob::list(prefix, None, 10)?.into_iter().map(|blob| blob.name).collect();
    leg.set_variable("MEMOSTATUS", &names.join(" "))
}

/// `SendKeys(keys)`: hangs up once they are sent.
fn send_keys(leg: Leg, keys: &str) -> Result {
    leg.answer()?;
    leg.send_digits(keys)
}

//! A plugin that records and sends: `Memo(name)` keeps what the caller says until `#`, and says it back; `SendKeys(keys)` sends keys.

use std::time::Duration;

use jackfield_sdk::{Leg, Record, Result, apps};

apps! { "Memo" => memo, "SendKeys" => send_keys }

/// `Memo(name)`: leaves `stored`, or the error's code, in `MEMOSTATUS`.
fn memo(leg: Leg, name: &str) -> Result {
    leg.answer()?;
    let recorded = match leg.record(Record::to(name).at_most(Duration::from_secs(30)).without_beep()) {
        Ok(recorded) => recorded,
        Err(error) => return leg.set_variable("MEMOSTATUS", error.code.as_str()),
    };
    leg.set_variable("MEMOSTATUS", "stored")?;
    leg.play(recorded.prompt)
}

/// `SendKeys(keys)`: hangs up once they are sent.
fn send_keys(leg: Leg, keys: &str) -> Result {
    leg.answer()?;
    leg.send_digits(keys)
}

//! `Hello()`: greets, and says how often it was called. The plugin's service counts, and hands its count to the next version.

use std::time::Duration;

use jackfield_sdk::{Leg, Result, Service, apps, service, system};

apps! { "Hello" => hello }
service! { Counter }

fn hello(leg: Leg, _arguments: &str) -> Result {
    let count = system::ask(b"count", Duration::from_secs(5))?;
    leg.answer()?;
    leg.play("hello")?;
    for digit in String::from_utf8_lossy(&count).chars() {
        leg.play(format!("digits/{digit}"))?;
    }
    leg.play("goodbye")
}

struct Counter(u64);

impl Service for Counter {
    fn start(state: Option<Vec<u8>>) -> Result<Self> {
        let count = state.and_then(|state| String::from_utf8(state).ok()?.parse().ok());
        Ok(Self(count.unwrap_or(0)))
    }

    fn answer(&mut self, _request: &[u8]) -> Result<Vec<u8>> {
        self.0 += 1;
        self.snapshot()
    }

    fn snapshot(&mut self) -> Result<Vec<u8>> {
        Ok(self.0.to_string().into_bytes())
    }
}

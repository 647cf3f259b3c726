//! A plugin of two parts: an application that asks, and a service that counts and hands its count over.

use std::time::Duration;

use jackfield_sdk::{Error, Event, Leg, Result, Service, apps, service, system};

apps! { "Count" => count }
service! { Counter }

/// `Count(request)`: asks the service and leaves its answer in `COUNT`.
fn count(leg: Leg, arguments: &str) -> Result {
    let answer = system::ask(arguments.as_bytes(), Duration::from_secs(5))?;
    leg.set_variable("COUNT", &String::from_utf8_lossy(&answer))
}

struct Counter(u64);

impl Service for Counter {
    fn start(restored: Option<Vec<u8>>) -> Result<Self> {
        if system::config("mode").as_deref() == Some("refuse") {
            return Err(Error::failed("not in the mood"));
        }
        let count = restored.and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok());
        Ok(Self(count.unwrap_or(0)))
    }

    fn answer(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        match request {
            b"trap" => panic!("as asked"),
            b"spin" => loop {
                std::hint::black_box(0);
            },
            b"huge" => return Ok(vec![0; 100_000]),
            b"refuse" => return Err(Error::failed("as asked")),
            _ => self.0 += 1,
        }
        Ok(self.0.to_string().into_bytes())
    }

    fn handle(&mut self, event: Event) -> Result {
        match event.kind.as_str() {
            "add" => self.0 += event.get("by").and_then(|by| by.parse().ok()).unwrap_or(0),
            "trap" => panic!("as asked"),
            // What it does not know it ignores.
            _ => {}
        }
        Ok(())
    }

    fn snapshot(&mut self) -> Result<Vec<u8>> {
        Ok(self.0.to_string().into_bytes())
    }
}

//! A plugin whose service writes down what it hears. `Listener(verb …)` does the verb in the application, `Listener(ask verb …)` in the service.

use std::time::Duration;

use jackfield_sdk::{Error, Event, Leg, Line, Offer, Result, Service, apps, event, kv, schedule, service, system};

// It is installed under other names, too.
apps! { "Listener" => listener, "listener" => listener, "teller" => listener }
service! { Ear }

/// Leaves what the verb gave, or the error's code, in `LISTENED`.
fn listener(leg: Leg, arguments: &str) -> Result {
    let done = match arguments.strip_prefix("ask ") {
        Some(request) => system::ask(request.as_bytes(), Duration::from_secs(5))
            .map(|answer| String::from_utf8_lossy(&answer).into_owned()),
        None => act(arguments),
    };
    leg.set_variable("LISTENED", done.as_deref().unwrap_or_else(|error| error.code.as_str()))
}

fn act(verb: &str) -> Result<String> {
    let words: Vec<&str> = verb.split(' ').collect();
    match words[..] {
        ["subscribe", prefix] => event::subscribe(prefix).map(|()| "done".into()),
        ["unsubscribe", prefix] => event::unsubscribe(prefix).map(|was| was.to_string()),
        ["publish", topic, value] => event::publish(topic, &[("value", value)]).map(|told| told.to_string()),
        ["publish-huge", topic] => event::publish(topic, &[("value", &"x".repeat(9_000))]).map(|told| told.to_string()),
        ["device", endpoint] => Ok(event::device(endpoint).unwrap_or_default()),
        ["after", name, ms] => {
            let delay = Duration::from_millis(ms.parse().map_err(|_| Error::invalid("ms"))?);
            schedule::after(name, delay, &[("ms", ms)]).map(|()| "done".into())
        }
        ["at", name, ref pattern @ ..] => schedule::at(name, &pattern.join(" "), &[]).map(|()| "done".into()),
        // What never comes costs the host most to look for.
        ["never"] => loop {
            drop(schedule::at("never", "0 0 31 2,4,6,9,11 *", &[]));
        },
        ["cancel", name] => schedule::cancel(name).map(|was| was.to_string()),
        ["trap"] => panic!("as asked"),
        ["spin"] => Ok(spin()),
        ["offer", number, description] => {
            let long = |text: &str| text.parse().map(|bytes| "1".repeat(bytes)).map_err(|_| Error::invalid("bytes"));
            let (to, description) = (long(number)?, long(description)?);
            Line::offer(Offer { to: &to, description: &description, ..Offer::default() }).map(|line| line.id())
        }
        // The tests' tenant keeps whoever reads this waiting.
        ["hold"] => kv::get("gate").map(|_| "done".into()),
        _ => Err(Error::invalid(verb)),
    }
}

/// Computes; how long it takes is the machine's business.
fn spin() -> String {
    (0..8_000_000_u64).fold(0, |sum, step| std::hint::black_box(sum ^ step)).to_string()
}

struct Ear {
    heard: Vec<String>,
}

impl Service for Ear {
    fn start(restored: Option<Vec<u8>>) -> Result<Self> {
        for prefix in system::config("subscribe").unwrap_or_default().split(' ').filter(|prefix| !prefix.is_empty()) {
            event::subscribe(prefix)?;
        }
        let heard = restored.map(|bytes| String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect());
        Ok(Self { heard: heard.unwrap_or_default() })
    }

    /// `heard`: a line for each event, and they are forgotten.
    fn answer(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        match request {
            b"heard" => Ok(std::mem::take(&mut self.heard).join("\n").into_bytes()),
            other => act(&String::from_utf8_lossy(other)).map(String::into_bytes),
        }
    }

    fn handle(&mut self, event: Event) -> Result {
        if event.kind == "call.spin" {
            spin();
        }
        let data: Vec<String> = event.data.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        self.heard.push(format!("{} {} {}{}", event.seq, event.kind, event.source, data.concat()));
        Ok(())
    }

    fn snapshot(&mut self) -> Result<Vec<u8>> {
        Ok(self.heard.join("\n").into_bytes())
    }
}

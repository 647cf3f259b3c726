//! `loopback:NUMBER`: a call that comes back into the dialplan. Each line that is dialled has another one as its far end.

use std::collections::BTreeMap;

use jackfield_sdk::{Cause, Code, Error, Event, Level, Line, Offer, Result, Service, log, service};

service! { Loopback }

/// Lines by id, each with the one at its other end. Both directions are here.
#[derive(Debug, Default)]
pub struct Loopback(BTreeMap<String, String>);

impl Service for Loopback {
    fn start(restored: Option<Vec<u8>>) -> Result<Self> {
        let text = String::from_utf8(restored.unwrap_or_default()).map_err(|error| Error::failed(error.to_string()))?;
        let mut loopback = Self::default();
        for (dialed, offered) in text.lines().filter_map(|line| line.split_once(' ')) {
            loopback.join(dialed, offered);
        }
        Ok(loopback)
    }

    fn answer(&mut self, _request: &[u8]) -> Result<Vec<u8>> {
        Err(Error::unsupported("it has no applications that could ask"))
    }

    fn handle(&mut self, event: Event) -> Result {
        let description = event.get("description").unwrap_or_default();
        match event.kind.as_str() {
            "line.dialed" => self.dialed(&event),
            "line.ringing" => self.other(&event.source, Line::ring),
            "line.progress" => self.other(&event.source, |line| line.progress(description)),
            "line.answered" => self.other(&event.source, |line| line.answer(description)),
            "line.ended" => {
                let cause = event.get("cause").and_then(|cause| cause.parse().ok()).map_or(Cause::NORMAL, Cause);
                self.part(&event.source, cause);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Each pair once, the line that was dialled first or second: both are joined again.
    fn snapshot(&mut self) -> Result<Vec<u8>> {
        let pairs = self.0.iter().filter(|(one, other)| one < other);
        Ok(pairs.map(|(one, other)| format!("{one} {other}\n")).collect::<String>().into_bytes())
    }
}

impl Loopback {
    /// Somebody dials: the same call comes back.
    fn dialed(&mut self, event: &Event) -> Result {
        let said = |name: &str| event.get(name).unwrap_or_default();
        let Some(dialed) = Line::find(&event.source) else { return Ok(()) };
        let offer = Offer {
            to: said("address"),
            description: said("description"),
            caller: (said("caller.number"), said("caller.name")),
            because: Some(&event.source),
        };
        match Line::offer(offer) {
            Ok(offered) => self.join(&event.source, &offered.id()),
            Err(refused) => {
                log(Level::Warn, &format!("{} is not called: {refused}", offer.to));
                dialed.hang_up(if refused.code == Code::Limit { Cause::CONGESTION } else { Cause::REJECTED });
            }
        }
        Ok(())
    }

    fn join(&mut self, dialed: &str, offered: &str) {
        self.0.insert(dialed.to_owned(), offered.to_owned());
        self.0.insert(offered.to_owned(), dialed.to_owned());
    }

    /// Does at the other end what happens at this one.
    fn other(&self, line: &str, act: impl FnOnce(&Line) -> Result) -> Result {
        let other = self.0.get(line).and_then(|other| Line::find(other));
        match other.as_ref().map_or(Ok(()), act) {
            // Its end is on its way here.
            Err(error) if error.code == Code::Gone => Ok(()),
            end => end,
        }
    }

    /// One end is over: so is the other.
    fn part(&mut self, line: &str, cause: Cause) {
        let Some(other) = self.0.remove(line) else { return };
        self.0.remove(&other);
        if let Some(other) = Line::find(&other) {
            other.hang_up(cause);
        }
    }
}

#[cfg(test)]
mod tests;

//! `hello:NUMBER`: a channel driver. Its network is one in which every call comes back into the dialplan: replace `dialed` by what calls a party of yours.

use std::collections::BTreeMap;

use jackfield_sdk::{Cause, Error, Event, Line, Offer, Result, Service, service};

service! { Driver }

/// Each line with the one at its other end, by id.
#[derive(Default)]
struct Driver(BTreeMap<String, String>);

impl Service for Driver {
    fn start(_state: Option<Vec<u8>>) -> Result<Self> {
        Ok(Self::default())
    }

    fn answer(&mut self, _request: &[u8]) -> Result<Vec<u8>> {
        Err(Error::unsupported("there is nothing to ask"))
    }

    fn handle(&mut self, event: Event) -> Result {
        let description = event.get("description").unwrap_or_default();
        let other = || self.0.get(&event.source).and_then(|id| Line::find(id));
        match (event.kind.as_str(), other()) {
            ("line.dialed", _) => self.dialed(&event, description),
            ("line.ringing", Some(other)) => other.ring(),
            ("line.progress", Some(other)) => other.progress(description),
            ("line.answered", Some(other)) => other.answer(description),
            ("line.ended", Some(other)) => {
                let cause = event.get("cause").and_then(|cause| cause.parse().ok());
                other.hang_up(cause.map_or(Cause::NORMAL, Cause));
                self.0.retain(|one, other| *one != event.source && *other != event.source);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Driver {
    fn dialed(&mut self, event: &Event, description: &str) -> Result {
        let Some(line) = Line::find(&event.source) else { return Ok(()) };
        let to = event.get("address").unwrap_or_default();
        match Line::offer(Offer { to, description, because: Some(&event.source), ..Offer::default() }) {
            Ok(offered) => {
                self.0.insert(event.source.clone(), offered.id());
                self.0.insert(offered.id(), event.source.clone());
                Ok(())
            }
            Err(refused) => {
                line.hang_up(Cause::CONGESTION);
                Err(refused)
            }
        }
    }
}

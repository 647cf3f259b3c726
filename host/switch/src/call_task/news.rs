//! What a call tells the services of its tenant. Nothing here waits, and nothing is made that nobody wants to know.

use call::{Cdr, LegId, Party};

use super::CallTask;

impl CallTask {
    /// The call has begun: a phone or trunk calls, or the host does.
    pub(super) fn tell_started(&mut self, direction: &str, endpoint: Option<&str>, caller: &Party, dialed: &str) {
        self.told = true;
        self.tenant.plugins.tell("call.started", &self.id.to_string(), || {
            let privacy = if caller.withheld { "id" } else { "none" };
            known([
                ("direction", direction),
                ("endpoint", endpoint.unwrap_or_default()),
                ("caller.number", &caller.number),
                ("caller.name", &caller.name),
                ("caller.privacy", privacy),
                ("dialed.number", dialed),
            ])
        });
    }

    /// A party has answered, or is answered.
    pub(super) fn tell_answered(&self, leg: LegId, direction: &str) {
        let endpoint = self.legs.get(&leg).and_then(|leg| leg.endpoint.as_ref());
        let endpoint = endpoint.map_or("", |endpoint| &endpoint.name);
        self.tenant.plugins.tell("call.answered", &self.id.to_string(), || {
            known([("leg", &leg.to_string()), ("endpoint", endpoint), ("direction", direction)])
        });
    }

    /// The call is over. What was never told to have begun does not end.
    pub(super) fn tell_ended(&self, cdr: &Cdr) {
        if !self.told {
            return;
        }
        self.tenant.plugins.tell("call.ended", &self.id.to_string(), || {
            let disposition = match cdr.disposition {
                call::Disposition::Answered => "ANSWERED",
                call::Disposition::NoAnswer => "NO_ANSWER",
                call::Disposition::Busy => "BUSY",
                call::Disposition::Failed => "FAILED",
            };
            known([
                ("cause", &cdr.cause.number().to_string()),
                ("caller.number", &cdr.from.number),
                ("dialed.number", &cdr.to),
                ("disposition", disposition),
                ("duration-ms", &cdr.end_ms.to_string()),
                ("billed-ms", &cdr.billed_ms.to_string()),
            ])
        });
    }
}

/// What is not known is left out.
fn known<const N: usize>(data: [(&str, &str); N]) -> Vec<(String, String)> {
    let known = data.into_iter().filter(|(_, value)| !value.is_empty());
    known.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

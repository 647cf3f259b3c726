//! Legs of another network, for a channel driver.

use crate::host::port;
use crate::{Cause, Result};

/// One party on the network of a channel driver: a leg of the tenant's, as its driver sees it. Capability `lines`, and only for a plugin's
/// [`Service`](crate::Service), which hears of its lines by `line.` events. Dropping it does nothing to the line.
#[derive(Debug)]
pub struct Line(pub(crate) port::Line);

/// A call from the driver's network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offer<'a> {
    /// What the caller dialled.
    pub to: &'a str,
    /// The caller's SDP offer.
    pub description: &'a str,
    /// The caller's number and name; empty where they are not known.
    pub caller: (&'a str, &'a str),
    /// The line for whose sake this one calls, so that a call that goes in a circle ends.
    pub because: Option<&'a str>,
}

impl Line {
    /// A party of the driver's network calls.
    pub fn offer(offer: Offer<'_>) -> Result<Self> {
        let Offer { to, description, caller: (number, name), because } = offer;
        let because = because.map(|because| ("because", because));
        let given = [("caller.number", number), ("caller.name", name)].into_iter().chain(because);
        let given: Vec<(&str, &str)> = given.filter(|(_, value)| !value.is_empty()).collect();
        port::line_offer(to, description, &crate::host::options(&given)).map(Self)
    }

    /// A line that is up, by what events name it by.
    pub fn find(id: &str) -> Option<Self> {
        port::line_find(id).map(Self)
    }

    /// What events name it by.
    pub fn id(&self) -> String {
        port::line_id(&self.0)
    }

    /// The dialled party rings.
    pub fn ring(&self) -> Result {
        port::line_ring(&self.0)
    }

    /// The dialled party is heard before it answers.
    pub fn progress(&self, description: &str) -> Result {
        port::line_progress(&self.0, description)
    }

    /// The dialled party answers; `description` answers the SDP offer.
    pub fn answer(&self, description: &str) -> Result {
        port::line_answer(&self.0, description)
    }

    /// The line is over.
    pub fn hang_up(&self, cause: Cause) {
        port::line_hang_up(&self.0, cause.0);
    }
}

//! Named values of a leg, for dialplan and plugins.

use crate::{Call, Direction, LegId, Outcome, RequestError, limit};

type Granted = Result<Option<Outcome>, RequestError>;

impl Call {
    /// An attribute of a leg, without a request; legs that are over still tell theirs (for the `h` extension).
    pub fn attribute(&self, id: LegId, name: &str) -> Option<String> {
        let leg = self.leg(id)?;
        match name {
            "id" => Some(leg.id.to_string()),
            "call" => Some(self.id.to_string()),
            "caller.number" => Some(leg.party.number.clone()),
            "caller.name" => Some(leg.party.name.clone()),
            "caller.privacy" => Some(if leg.party.withheld { "id" } else { "none" }.to_owned()),
            "dialed.number" => Some(leg.dialed.clone()),
            "endpoint" => leg.endpoint.clone(),
            "state" => Some(leg.state().name().to_owned()),
            "direction" => Some(
                match leg.direction {
                    Direction::Inbound => "inbound",
                    Direction::Outbound => "outbound",
                    Direction::Local => "local",
                }
                .to_owned(),
            ),
            "codec" => Some(leg.codec.clone()).filter(|codec| !codec.is_empty()),
            "diversions" => Some(leg.hops.diversions.to_string()),
            "bridged-to" => self.partner(id).map(|peer| peer.to_string()),
            _ => leg.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()),
        }
    }

    /// Answers a request for an attribute.
    pub(crate) fn read_attribute(&self, id: LegId, name: &str) -> Granted {
        self.leg(id).ok_or(RequestError::Gone)?;
        Ok(Some(Outcome::Attribute(self.attribute(id, name))))
    }

    /// Sets an attribute. `caller.number` and `caller.name` change what called parties are shown, `caller.privacy` whether they
    /// are shown anything (`id` or `none`, RFC 3325 §9.3); what the call itself knows cannot be set.
    pub(crate) fn set_attribute(&mut self, id: LegId, name: String, value: String) -> Granted {
        let leg = self.leg_mut(id).ok_or(RequestError::Gone)?;
        if name.len() > limit::ATTRIBUTE_NAME_BYTES || value.len() > limit::ATTRIBUTE_VALUE_BYTES {
            return Err(RequestError::Limit);
        }
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(RequestError::Invalid("an attribute's name has printable characters".to_owned()));
        }
        match name.as_str() {
            "caller.number" | "caller.name" => {
                // B8: what is shown to others goes into headers.
                if value.chars().any(char::is_control) {
                    return Err(RequestError::Invalid(
                        "a caller's number and name have no control characters".to_owned(),
                    ));
                }
                let party = &mut leg.party;
                *(if name == "caller.number" { &mut party.number } else { &mut party.name }) = value;
            }
            "caller.privacy" => {
                leg.party.withheld = match value.as_str() {
                    "id" => true,
                    "none" => false,
                    _ => return Err(RequestError::Invalid("a caller's privacy is `id` or `none`".to_owned())),
                };
            }
            "id" | "call" | "dialed.number" | "endpoint" | "state" | "direction" | "codec" | "diversions"
            | "bridged-to" | "caller.verified" => return Err(RequestError::Denied),
            _ => {
                let full = leg.attributes.len() >= limit::ATTRIBUTES;
                match leg.attributes.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, old)) => *old = value,
                    None if full => return Err(RequestError::Limit),
                    None => leg.attributes.push((name, value)),
                }
            }
        }
        Ok(Some(Outcome::Done))
    }
}

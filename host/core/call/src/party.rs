//! Who calls and who is called.

use serde::Serialize;

/// A person at a leg, as shown to the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Party {
    /// The name to show; may be empty.
    pub name: String,
    /// The number to show; may be empty.
    pub number: String,
    /// The party asked to be shown to nobody (RFC 3323): the host knows who it is, its record says so, the other parties are not
    /// told.
    #[serde(skip_serializing_if = "is_false")]
    pub withheld: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Party {
    /// A party of a name and a number.
    pub fn new(name: impl Into<String>, number: impl Into<String>) -> Self {
        Self { name: name.into(), number: number.into(), withheld: false }
    }
}

/// What can be dialled. Everything is of the call's own tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// An endpoint of the tenant: all its contacts ring.
    Endpoint(String),
    /// An address outside, in full: `sip:alice@example.net`, for which the switch decides by the tenant's class of service, or one of a channel
    /// driver's, `xmpp:bob@example.net`.
    Uri(String),
    /// An extension of the dialplan: it rings when the dialplan rings it and answers when the dialplan answers.
    Local {
        /// The extension.
        exten: String,
        /// The context it is looked up in.
        context: String,
    },
}

impl Target {
    /// Whether a text is an address with a scheme (RFC 3986 §3.1) and something after it.
    pub fn is_uri(text: &str) -> bool {
        text.split_once(':').is_some_and(|(scheme, address)| {
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
            !address.is_empty()
                && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
                && scheme.bytes().all(legal)
        })
    }
}

/// One place where an endpoint can be reached: what a phone registered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Contact {
    /// The address.
    pub uri: String,
    /// The switch's own name for it (the binding, the flow). This crate only hands it back.
    pub key: u64,
}

/// How far a call has come, against loops (A10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hops {
    /// What is left of Max-Forwards (RFC 3261 §8.1.1.6). A back-to-back agent passes it on less one, or loops through
    /// trunks never end (RFC 7332).
    pub max_forwards: u8,
    /// How often the call was diverted: Diversion or History-Info entries, redirections, blind transfers.
    pub diversions: u8,
}

impl Default for Hops {
    fn default() -> Self {
        Self { max_forwards: 70, diversions: 0 }
    }
}

//! Request methods: an open set (RFC 3261 §7.1).

use std::fmt;

use bytes::Bytes;

use super::scan::{self, SyntaxError};
use super::text::Text;
use crate::limit;

/// A request method. Unknown ones stay usable, so that 405 and 501 can be answered with the right CSeq.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// RFC 3261 §17.1.1.3.
    Ack,
    /// RFC 3261 §15.
    Bye,
    /// RFC 3261 §9.
    Cancel,
    /// RFC 6086.
    Info,
    /// RFC 3261 §13.
    Invite,
    /// RFC 3428.
    Message,
    /// RFC 6665.
    Notify,
    /// RFC 3261 §11.
    Options,
    /// RFC 3262.
    Prack,
    /// RFC 3903.
    Publish,
    /// RFC 3515.
    Refer,
    /// RFC 3261 §10.
    Register,
    /// RFC 6665.
    Subscribe,
    /// RFC 3311.
    Update,
    /// Any other token, as it was spelt: methods are case-sensitive.
    Other(MethodToken),
}

/// A checked method token outside the known ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MethodToken(Text);

/// Every known method with its spelling.
const KNOWN: [(&str, Method); 14] = [
    ("ACK", Method::Ack),
    ("BYE", Method::Bye),
    ("CANCEL", Method::Cancel),
    ("INFO", Method::Info),
    ("INVITE", Method::Invite),
    ("MESSAGE", Method::Message),
    ("NOTIFY", Method::Notify),
    ("OPTIONS", Method::Options),
    ("PRACK", Method::Prack),
    ("PUBLISH", Method::Publish),
    ("REFER", Method::Refer),
    ("REGISTER", Method::Register),
    ("SUBSCRIBE", Method::Subscribe),
    ("UPDATE", Method::Update),
];

impl Method {
    /// Reads a method token.
    pub fn parse(bytes: &Bytes) -> Result<Self, SyntaxError> {
        Self::parse_part(bytes, bytes)
    }

    /// Reads a method token that is a part of `whole`.
    pub(super) fn parse_part(whole: &Bytes, part: &[u8]) -> Result<Self, SyntaxError> {
        if let Some(known) = Self::known(part) {
            return Ok(known);
        }
        if part.len() > limit::METHOD_BYTES_MAX || !scan::is_token(part) {
            return Err(SyntaxError("method"));
        }
        Ok(Self::Other(MethodToken(Text::share(whole, part))))
    }

    fn known(bytes: &[u8]) -> Option<Self> {
        KNOWN.iter().find(|(name, _)| name.as_bytes() == bytes).map(|(_, method)| method.clone())
    }

    /// The method as it is written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Info => "INFO",
            Self::Invite => "INVITE",
            Self::Message => "MESSAGE",
            Self::Notify => "NOTIFY",
            Self::Options => "OPTIONS",
            Self::Prack => "PRACK",
            Self::Publish => "PUBLISH",
            Self::Refer => "REFER",
            Self::Register => "REGISTER",
            Self::Subscribe => "SUBSCRIBE",
            Self::Update => "UPDATE",
            Self::Other(token) => token.0.as_str(),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

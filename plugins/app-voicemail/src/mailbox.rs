//! A mailbox: its name, where its things are kept, and whose it is.

use std::fmt;

use jackfield_sdk::{Error, Leg, Result};

use crate::setting;

/// The context of a mailbox that is named without one.
const DEFAULT_CONTEXT: &str = "default";
/// Bytes of a number and of a context.
const NAME_BYTES: usize = 32;

/// A mailbox by its name: `100`, `100@sales`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mailbox {
    pub(crate) number: String,
    pub(crate) context: String,
}

impl Mailbox {
    /// A name as the dialplan or a caller gives it.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (number, context) = text.trim().split_once('@').unwrap_or((text.trim(), DEFAULT_CONTEXT));
        let is_name = |name: &str| {
            let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            name.len() <= NAME_BYTES
                && name.bytes().next().is_some_and(legal)
                && name.bytes().all(|byte| legal(byte) || byte == b'-' || byte == b'_')
        };
        match is_name(number) && is_name(context) {
            true => Ok(Self { number: number.to_owned(), context: context.to_owned() }),
            false => Err(Error::invalid(format!(
                "{text:?} is not a mailbox: NUMBER or NUMBER@CONTEXT, each of a-z, 0-9, - and _ (at most {NAME_BYTES})"
            ))),
        }
    }

    /// The key of what `kind` says about it.
    pub(crate) fn key(&self, kind: &str) -> String {
        format!("{kind}/{}/{}", self.context, self.number)
    }

    /// The name of one of its recordings.
    pub(crate) fn blob(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.context, self.number)
    }

    /// Whether the tenant has it.
    pub(crate) fn exists(&self) -> bool {
        let listed = setting::words("mailboxes");
        listed.is_empty() || listed.iter().any(|range| self.is_in(range))
    }

    /// `100`, `100-109`, either with `@CONTEXT`.
    fn is_in(&self, range: &str) -> bool {
        let (numbers, context) = range.split_once('@').unwrap_or((range, DEFAULT_CONTEXT));
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        let same_length = first.len() == self.number.len() && last.len() == self.number.len();
        context == self.context && same_length && (first..=last).contains(&self.number.as_str())
    }

    /// Whether `endpoint` is a phone of its owner.
    pub(crate) fn is_owned_by(&self, endpoint: &str) -> bool {
        let owners = setting::words("owners");
        let parsed = owners.iter().filter_map(|item| item.split_once('='));
        let mut own =
            parsed.filter(|(mailbox, _)| Self::parse(mailbox).is_ok_and(|mailbox| mailbox == *self)).peekable();
        match own.peek() {
            Some(_) => own.any(|(_, owner)| owner == endpoint),
            None => self.context == DEFAULT_CONTEXT && self.number == endpoint,
        }
    }

    /// The mailbox of a phone: of its own name, or listed as its own.
    pub(crate) fn of(endpoint: &str) -> Option<Self> {
        let listed = setting::words("owners").into_iter().find_map(|item| {
            let (mailbox, owner) = item.split_once('=')?;
            (owner == endpoint).then(|| Self::parse(mailbox).ok()).flatten()
        });
        listed.or_else(|| Self::parse(endpoint).ok().filter(|mailbox| mailbox.is_owned_by(endpoint)))
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.number, self.context)
    }
}

/// The phone that calls, if it proved who it is: what it says of itself (number, name) counts for nothing (F5, F14), and a
/// phone that was called has proved nothing in this call.
pub(crate) fn authenticated_endpoint(leg: &Leg) -> Option<String> {
    let called_us = leg.attribute("direction").as_deref() == Some("inbound");
    leg.attribute("endpoint").filter(|endpoint| called_us && !endpoint.is_empty())
}

/// The arguments of an application: a mailbox, if one is named, and letters.
pub(crate) fn arguments(text: &str, known: &str) -> Result<(Option<Mailbox>, String)> {
    let mut parts = text.split(',').map(str::trim);
    let (mailbox, options) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if parts.next().is_some() {
        return Err(Error::invalid(format!("{text:?}: more than a mailbox and options")));
    }
    if let Some(other) = options.chars().find(|option| !known.contains(*option)) {
        return Err(Error::invalid(format!("{other:?} is not one of the options {known:?}")));
    }
    let mailbox = (!mailbox.is_empty()).then(|| Mailbox::parse(mailbox)).transpose()?;
    Ok((mailbox, options.to_owned()))
}

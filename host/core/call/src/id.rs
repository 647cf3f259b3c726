//! Names of tenants, calls, legs and of what happens on them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A tenant's name. Whoever holds one may reach that tenant's things and no other's (F8).
///
/// One to 63 characters of `a-z`, `0-9` and `-`, the first not `-`: it is safe in a path, a log line and a host name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct TenantId(#[serde(serialize_with = "serialize_text")] Arc<str>);

fn serialize_text<S: serde::Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl TenantId {
    /// Checks a name.
    pub fn new(name: &str) -> Result<Self, TenantIdError> {
        if name.is_empty() {
            return Err(TenantIdError::Empty);
        }
        if name.len() > 63 {
            return Err(TenantIdError::TooLong { length: name.len() });
        }
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        match name.chars().enumerate().find(|&(at, c)| !legal(c) || (at == 0 && c == '-')) {
            Some((at, character)) => Err(TenantIdError::Character { at, character }),
            None => Ok(Self(name.into())),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a tenant's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TenantIdError {
    /// There is nothing.
    #[error("a tenant's name is empty")]
    Empty,
    /// It has more than 63 characters.
    #[error("a tenant's name has {length} characters; 63 is the most")]
    TooLong {
        /// How many there are.
        length: usize,
    },
    /// A character does not belong there.
    #[error("{character:?} at position {at} may not stand in a tenant's name: a-z, 0-9 and, not first, - may")]
    Character {
        /// Its position, from 0.
        at: usize,
        /// The character.
        character: char,
    },
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantId({})", self.0)
    }
}

impl FromStr for TenantId {
    type Err = TenantIdError;

    fn from_str(name: &str) -> Result<Self, TenantIdError> {
        Self::new(name)
    }
}

impl AsRef<str> for TenantId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A call's name, unique over all hosts: 48 bits of milliseconds since 1970, then 80 random bits, so that names sort by time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(u128);

impl CallId {
    /// Makes a name of the time and of random bits (the low 80 are used).
    pub fn from_parts(unix_ms: u64, random: u128) -> Self {
        const RANDOM_BITS: u32 = 80;
        Self((u128::from(unix_ms) << RANDOM_BITS) | (random & ((1 << RANDOM_BITS) - 1)))
    }

    /// The name as a number.
    pub fn as_u128(self) -> u128 {
        self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallId({:032x})", self.0)
    }
}

impl Serialize for CallId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for CallId {
    type Err = CallIdError;

    fn from_str(text: &str) -> Result<Self, CallIdError> {
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(CallIdError);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| CallIdError)
    }
}

/// A text is not a call's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a call's name is 32 hexadecimal digits")]
pub struct CallIdError;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A leg inside its call. Numbers are given by [`Call::allocate_leg`](crate::Call::allocate_leg) and by the call itself
    /// (for the legs it dials), never twice; the first is 0.
    LegId(u32)
}
number! {
    /// A request, named by who asks; unique inside the call while it is unanswered.
    RequestId(u64)
}
number! {
    /// A playback, named by the call; never used twice inside it.
    PlayId(u32)
}
number! {
    /// A dial, named by the call; never used twice inside it.
    DialId(u32)
}

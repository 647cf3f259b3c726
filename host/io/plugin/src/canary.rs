//! A version on trial: some calls use it, the others stay on the active one.

use std::fmt;
use std::str::FromStr;

use call::CallId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limit::CANARY_NUMBER_BYTES;
use crate::loader::Digest;

/// Which calls use a version on trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Split {
    /// So many of a hundred, 1 to 99.
    Percent(u8),
    /// Calls to one number.
    Number(String),
}

/// What is known of a call when it is decided which version it uses. The answer is the same for all of a call.
#[derive(Clone, Debug)]
pub struct Chooser {
    /// The call.
    pub call: CallId,
    /// The number its caller dialled.
    pub dialed: String,
}

impl Split {
    /// Whether a call uses the version on trial.
    pub(crate) fn takes(&self, call: &Chooser) -> bool {
        match self {
            Self::Percent(percent) => {
                // Of a digest, because names sort by time and their random part is the host's to make.
                let Digest([first, second, ..]) = Digest::of(&call.call.as_u128().to_be_bytes());
                u16::from_be_bytes([first, second]) % 100 < u16::from(*percent)
            }
            Self::Number(number) => *number == call.dialed,
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(formatter, "{percent}%"),
            Self::Number(number) => write!(formatter, "number={number}"),
        }
    }
}

/// Not a share of calls.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a share of the calls, as in \"10%\" (1 to 99) or \"number=601\"")]
pub struct SplitError(pub String);

impl FromStr for Split {
    type Err = SplitError;

    fn from_str(text: &str) -> Result<Self, SplitError> {
        let percent = text.strip_suffix('%').and_then(|percent| percent.parse().ok());
        let percent = percent.filter(|percent| (1..=99).contains(percent)).map(Self::Percent);
        let is_number = |number: &&str| {
            (1..=CANARY_NUMBER_BYTES).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let number = text.strip_prefix("number=").filter(is_number).map(|number| Self::Number(number.to_owned()));
        percent.or(number).ok_or_else(|| SplitError(text.into()))
    }
}

impl Serialize for Split {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Split {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_percent_or_a_number() {
        for text in ["1%", "10%", "99%", "number=601", "number=+4930123"] {
            assert_eq!(text.parse::<Split>().unwrap().to_string(), text);
        }
        let long = format!("number={}", "1".repeat(CANARY_NUMBER_BYTES));
        assert!(long.parse::<Split>().is_ok() && format!("{long}1").parse::<Split>().is_err());
        for text in ["", "0%", "100%", "-1%", "10", "number=", "number=6 1", "601"] {
            assert_eq!(text.parse::<Split>(), Err(SplitError(text.into())));
        }
    }

    #[test]
    fn a_call_is_always_taken_or_never_and_so_many_are() {
        let call = |random| Chooser { call: CallId::from_parts(1_750_000_000_000, random), dialed: "600".into() };
        let taken = |split: &Split| (0..10_000).filter(|random| split.takes(&call(*random))).count();
        let ten = Split::Percent(10);
        let many = taken(&ten);
        assert!((900..1_100).contains(&many), "{many}");
        assert_eq!(taken(&ten), many);
        // A larger share takes the same calls and more.
        let twenty = Split::Percent(20);
        assert!((0..10_000).map(call).all(|call| !ten.takes(&call) || twenty.takes(&call)));
        assert!(Split::Number("600".into()).takes(&call(1)) && !Split::Number("601".into()).takes(&call(1)));
    }
}

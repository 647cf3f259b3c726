//! A version on trial: some calls use it, the others stay on the active one.

use std::fmt;
use std::str::FromStr;

use call::CallId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limit::CANARY_NAME_BYTES;
use crate::loader::Digest;

/// Which calls use a version on trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Split {
    /// So many of a hundred, 1 to 99.
    Percent(u8),
    /// Calls to one number.
    Number(String),
    /// Calls by one endpoint of the tenant: whoever tries it has it for themselves.
    Endpoint(String),
}

/// What is known of a call when it is decided which version it uses. The answer is the same for all of a call.
#[derive(Clone, Debug)]
pub struct Chooser {
    /// The call.
    pub call: CallId,
    /// The number its caller dialled.
    pub dialed: String,
    /// The endpoint that its caller logged in as, if it did.
    pub endpoint: Option<String>,
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
            Self::Endpoint(endpoint) => call.endpoint.as_ref() == Some(endpoint),
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(formatter, "{percent}%"),
            Self::Number(number) => write!(formatter, "number={number}"),
            Self::Endpoint(endpoint) => write!(formatter, "endpoint={endpoint}"),
        }
    }
}

/// Not a share of calls.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a share of the calls, as in \"10%\" (1 to 99), \"number=601\" or \"endpoint=100\"")]
pub struct SplitError(pub String);

impl FromStr for Split {
    type Err = SplitError;

    fn from_str(text: &str) -> Result<Self, SplitError> {
        let percent = text.strip_suffix('%').and_then(|percent| percent.parse().ok());
        let percent = percent.filter(|percent| (1..=99).contains(percent)).map(Self::Percent);
        let is_name = |name: &&str| {
            (1..=CANARY_NAME_BYTES).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let named = |key: &str| text.strip_prefix(key)?.strip_prefix('=').filter(is_name).map(str::to_owned);
        let number = named("number").map(Self::Number);
        let endpoint = named("endpoint").map(Self::Endpoint);
        percent.or(number).or(endpoint).ok_or_else(|| SplitError(text.into()))
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
    fn a_share_is_percent_a_number_or_an_endpoint() {
        for text in ["1%", "10%", "99%", "number=601", "number=+4930123", "endpoint=100"] {
            assert_eq!(text.parse::<Split>().unwrap().to_string(), text);
        }
        let long = format!("number={}", "1".repeat(CANARY_NAME_BYTES));
        assert!(long.parse::<Split>().is_ok() && format!("{long}1").parse::<Split>().is_err());
        for text in ["", "0%", "100%", "-1%", "10", "number=", "number=6 1", "endpoint=", "601"] {
            assert_eq!(text.parse::<Split>(), Err(SplitError(text.into())));
        }
    }

    #[test]
    fn a_call_is_always_taken_or_never_and_so_many_are() {
        let call = |random| Chooser {
            call: CallId::from_parts(1_750_000_000_000, random),
            dialed: "600".into(),
            endpoint: Some("100".into()),
        };
        let taken = |split: &Split| (0..10_000).filter(|random| split.takes(&call(*random))).count();
        let ten = Split::Percent(10);
        let many = taken(&ten);
        assert!((900..1_100).contains(&many), "{many}");
        assert_eq!(taken(&ten), many);
        // A larger share takes the same calls and more.
        let twenty = Split::Percent(20);
        assert!((0..10_000).map(call).all(|call| !ten.takes(&call) || twenty.takes(&call)));
        assert!(Split::Endpoint("100".into()).takes(&call(1)) && !Split::Endpoint("101".into()).takes(&call(1)));
        let stranger = Chooser { endpoint: None, ..call(1) };
        assert!(!Split::Endpoint("100".into()).takes(&stranger));
        assert!(Split::Number("600".into()).takes(&call(1)) && !Split::Number("601".into()).takes(&call(1)));
    }
}

//! Why something did not work.

use std::fmt;

/// What a plugin's functions return.
pub type Result<T = ()> = std::result::Result<T, Error>;

/// An error of the host, or the plugin's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What kind it is.
    pub code: Code,
    /// For people; never to be parsed.
    pub detail: String,
}

/// The kind of an error; the host may learn more of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// The party hung up: clean up and return.
    Gone,
    /// Time ran out.
    Timeout,
    /// Not allowed.
    Denied,
    /// A quota or bound was reached.
    Limit,
    /// An argument is malformed.
    Invalid,
    /// The host, the leg or its codec cannot do it.
    Unsupported,
    /// Somebody else is doing it now.
    Busy,
    /// It was tried and did not work.
    Failed,
    /// A code this SDK does not know, or the plugin's own.
    Other(String),
}

impl Code {
    /// The code as it crosses.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Gone => "gone",
            Self::Timeout => "timeout",
            Self::Denied => "denied",
            Self::Limit => "limit",
            Self::Invalid => "invalid",
            Self::Unsupported => "unsupported",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::Other(code) => code,
        }
    }
}

impl From<&str> for Code {
    fn from(code: &str) -> Self {
        match code {
            "gone" => Self::Gone,
            "timeout" => Self::Timeout,
            "denied" => Self::Denied,
            "limit" => Self::Limit,
            "invalid" => Self::Invalid,
            "unsupported" => Self::Unsupported,
            "busy" => Self::Busy,
            "failed" => Self::Failed,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl Error {
    /// An error of any kind.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// An argument is malformed.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Code::Invalid, detail)
    }

    /// It was tried and did not work.
    pub fn failed(detail: impl Into<String>) -> Self {
        Self::new(Code::Failed, detail)
    }

    /// This cannot be done; a function that cannot be assigned says so.
    pub fn unsupported(detail: impl Into<String>) -> Self {
        Self::new(Code::Unsupported, detail)
    }

    /// Whether the party hung up.
    pub fn is_gone(&self) -> bool {
        self.code == Code::Gone
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl std::error::Error for Error {}

//! Header names: without case, compact forms resolved (RFC 3261 §7.3.1, §7.3.3).

use std::fmt;

use bytes::Bytes;

use super::scan::{self, SyntaxError};
use super::text::Text;
use crate::limit;

macro_rules! names {
    ($($variant:ident = $name:literal $(, $compact:literal)?;)*) => {
        /// A header name. Every spelling of a known header becomes its variant, so that none slips past by case or
        /// compact form (A6).
        #[derive(Clone, Debug)]
        pub enum HeaderName {
            $(#[doc = concat!("`", $name, "`.")] $variant,)*
            /// Any other name.
            Other(OtherName),
        }

        const KNOWN: &[(&str, HeaderName)] = &[$(($name, HeaderName::$variant),)*];

        impl HeaderName {
            /// The canonical long spelling; an unknown name as it was spelt.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(name) => &name.0,
                }
            }

            fn compact(byte: u8) -> Option<Self> {
                match byte.to_ascii_lowercase() {
                    $($($compact => Some(Self::$variant),)?)*
                    _ => None,
                }
            }
        }
    };
}

names! {
    Accept = "Accept";
    AcceptContact = "Accept-Contact", b'a';
    AcceptEncoding = "Accept-Encoding";
    AcceptLanguage = "Accept-Language";
    AlertInfo = "Alert-Info";
    Allow = "Allow";
    AllowEvents = "Allow-Events", b'u';
    AuthenticationInfo = "Authentication-Info";
    Authorization = "Authorization";
    CallId = "Call-ID", b'i';
    CallInfo = "Call-Info";
    Contact = "Contact", b'm';
    ContentDisposition = "Content-Disposition";
    ContentEncoding = "Content-Encoding", b'e';
    ContentLanguage = "Content-Language";
    ContentLength = "Content-Length", b'l';
    ContentType = "Content-Type", b'c';
    CSeq = "CSeq";
    Date = "Date";
    Diversion = "Diversion";
    ErrorInfo = "Error-Info";
    Event = "Event", b'o';
    Expires = "Expires";
    FlowTimer = "Flow-Timer";
    From = "From", b'f';
    HistoryInfo = "History-Info";
    Identity = "Identity", b'y';
    InReplyTo = "In-Reply-To";
    Join = "Join";
    MaxForwards = "Max-Forwards";
    MimeVersion = "MIME-Version";
    MinExpires = "Min-Expires";
    MinSe = "Min-SE";
    Organization = "Organization";
    PAssertedIdentity = "P-Asserted-Identity";
    Path = "Path";
    PPreferredIdentity = "P-Preferred-Identity";
    Priority = "Priority";
    Privacy = "Privacy";
    ProxyAuthenticate = "Proxy-Authenticate";
    ProxyAuthorization = "Proxy-Authorization";
    ProxyRequire = "Proxy-Require";
    RAck = "RAck";
    Reason = "Reason";
    RecordRoute = "Record-Route";
    ReferSub = "Refer-Sub";
    ReferTo = "Refer-To", b'r';
    ReferredBy = "Referred-By", b'b';
    RejectContact = "Reject-Contact", b'j';
    RemotePartyId = "Remote-Party-ID";
    Replaces = "Replaces";
    ReplyTo = "Reply-To";
    RequestDisposition = "Request-Disposition", b'd';
    Require = "Require";
    RetryAfter = "Retry-After";
    Route = "Route";
    RSeq = "RSeq";
    Server = "Server";
    ServiceRoute = "Service-Route";
    SessionExpires = "Session-Expires", b'x';
    Subject = "Subject", b's';
    SubscriptionState = "Subscription-State";
    Supported = "Supported", b'k';
    TargetDialog = "Target-Dialog";
    Timestamp = "Timestamp";
    To = "To", b't';
    Unsupported = "Unsupported";
    UserAgent = "User-Agent";
    Via = "Via", b'v';
    Warning = "Warning";
    WwwAuthenticate = "WWW-Authenticate";
}

/// A checked name outside the known ones.
#[derive(Clone, Debug)]
pub struct OtherName(Text);

const LONGEST: usize = 20;

/// Known names grouped by length: `BY_LENGTH[STARTS[n]..STARTS[n + 1]]` index the names of `n` bytes.
const STARTS: [u8; LONGEST + 2] = {
    let mut starts = [0u8; LONGEST + 2];
    let mut known = 0;
    while known < KNOWN.len() {
        let mut longer = KNOWN[known].0.len() + 1;
        while longer < starts.len() {
            starts[longer] += 1;
            longer += 1;
        }
        known += 1;
    }
    starts
};

const BY_LENGTH: [u8; KNOWN.len()] = {
    let mut order = [0u8; KNOWN.len()];
    let mut filled = STARTS;
    let mut known = 0;
    while known < KNOWN.len() {
        let length = KNOWN[known].0.len();
        order[filled[length] as usize] = known as u8;
        filled[length] += 1;
        known += 1;
    }
    order
};

impl HeaderName {
    /// Reads a header name in any case, long or compact.
    pub fn parse(bytes: &Bytes) -> Result<Self, SyntaxError> {
        if let Some(known) = Self::known(bytes) {
            return Ok(known);
        }
        if bytes.len() > limit::HEADER_NAME_BYTES_MAX || !scan::is_token(bytes) {
            return Err(SyntaxError("header name"));
        }
        Ok(Self::Other(OtherName(Text::new(bytes.clone()).expect("a token is ASCII"))))
    }

    /// A name of the program itself; panics when it is no token.
    pub fn from_static(name: &'static str) -> Self {
        Self::parse(&Bytes::from_static(name.as_bytes())).expect("header names of the program are tokens")
    }

    pub(crate) fn known(bytes: &[u8]) -> Option<Self> {
        if let [byte] = bytes {
            return Self::compact(*byte);
        }
        let length = bytes.len();
        if length > LONGEST {
            return None;
        }
        let candidates = &BY_LENGTH[usize::from(STARTS[length])..usize::from(STARTS[length + 1])];
        let found =
            candidates.iter().find(|index| KNOWN[usize::from(**index)].0.as_bytes().eq_ignore_ascii_case(bytes));
        found.map(|index| KNOWN[usize::from(*index)].1.clone())
    }
}

impl PartialEq for HeaderName {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Other(a), Self::Other(b)) => a.0.eq_ignore_ascii_case(&b.0),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl Eq for HeaderName {}

impl fmt::Display for HeaderName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_is_found_in_any_case() {
        for (name, header) in KNOWN {
            assert!(name.len() <= LONGEST, "{name}");
            for spelling in [name.to_string(), name.to_uppercase(), name.to_lowercase()] {
                assert_eq!(&HeaderName::parse(&Bytes::from(spelling)).unwrap(), header);
            }
        }
    }

    #[test]
    fn compact_forms_are_the_long_names() {
        for (compact, name) in
            [("v", "Via"), ("I", "Call-ID"), ("m", "contact"), ("l", "Content-length"), ("k", "SUPPORTED")]
        {
            assert_eq!(HeaderName::from_static(compact), HeaderName::from_static(name));
        }
        assert_eq!(HeaderName::from_static("z").as_str(), "z");
    }

    #[test]
    fn other_names_compare_without_case_and_must_be_tokens() {
        assert_eq!(HeaderName::from_static("X-Tenant"), HeaderName::from_static("x-TENANT"));
        assert_ne!(HeaderName::from_static("X-Tenant"), HeaderName::from_static("X-Tenants"));
        for bad in ["", "X Y", "X:", "X\r\nVia", "Ü"] {
            assert!(HeaderName::parse(&Bytes::copy_from_slice(bad.as_bytes())).is_err(), "{bad:?}");
        }
        let longest = "a".repeat(limit::HEADER_NAME_BYTES_MAX);
        assert!(HeaderName::parse(&Bytes::from(longest.clone())).is_ok());
        assert!(HeaderName::parse(&Bytes::from(longest + "a")).is_err());
    }
}

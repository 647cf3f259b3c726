//! When two URIs name the same thing: RFC 3261 §19.1.4 and RFC 3966 §4.

use super::super::params::Param;
use super::super::scan;
use super::{Scheme, Uri, is_separator};

/// §19.1.4: these parameters count even when only one URI has them.
const STRICT: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

impl Uri {
    /// True when both URIs are equivalent by §19.1.4 (or RFC 3966 §4 for tel). This is not transitive.
    pub fn equivalent(&self, other: &Self) -> bool {
        match (&self.scheme, &other.scheme) {
            (Scheme::Sip, Scheme::Sip) | (Scheme::Sips, Scheme::Sips) => self.equivalent_sip(other),
            (Scheme::Tel, Scheme::Tel) => self.equivalent_tel(other),
            (Scheme::Other(a), Scheme::Other(b)) => a.eq_ignore_ascii_case(b) && self.user == other.user,
            _ => false,
        }
    }

    fn equivalent_sip(&self, other: &Self) -> bool {
        let hosts = match (&self.host, &other.host) {
            (Some(a), Some(b)) => a.matches(b),
            _ => false,
        };
        hosts
            // A URI that omits the port does not match one with the default port.
            && self.port == other.port
            && same_text(self.user(), other.user())
            && same_text(self.password(), other.password())
            && self.parameters_agree(other)
            && other.parameters_agree(self)
            && self.headers_agree(other)
            && other.headers_agree(self)
    }

    /// Every parameter of `self` that counts is in `other` with the same value.
    fn parameters_agree(&self, other: &Self) -> bool {
        self.params.iter().all(|own| match other.params.get(own.name) {
            Some(theirs) => same_value(own, theirs),
            None => !STRICT.iter().any(|strict| own.name.eq_ignore_ascii_case(strict)),
        })
    }

    /// Header parts are never ignored: every one must be in both, in any order.
    fn headers_agree(&self, other: &Self) -> bool {
        let Some(own) = self.headers() else { return other.headers().is_none() };
        let theirs = other.headers().unwrap_or_default();
        own.split('&').all(|own| theirs.split('&').any(|theirs| same_header(own, theirs)))
    }

    fn equivalent_tel(&self, other: &Self) -> bool {
        let digits = |uri: &Self| -> String {
            uri.user().unwrap_or_default().bytes().filter(|byte| !is_separator(*byte)).map(char::from).collect()
        };
        let agree = |a: &Self, b: &Self| {
            a.params.iter().all(|own| b.params.get(own.name).is_some_and(|theirs| same_value(own, theirs)))
        };
        digits(self).eq_ignore_ascii_case(&digits(other)) && agree(self, other) && agree(other, self)
    }
}

/// Equal after resolving escapes: `%61lice` is `alice` (§19.1.4); the case of user and password counts.
fn same_text(a: Option<&str>, b: Option<&str>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a == b || scan::unescape(a.as_bytes()) == scan::unescape(b.as_bytes()),
        _ => false,
    }
}

fn same_header(a: &str, b: &str) -> bool {
    let (a_name, a_value) = a.split_once('=').unwrap_or((a, ""));
    let (b_name, b_value) = b.split_once('=').unwrap_or((b, ""));
    let name = scan::unescape(a_name.as_bytes()).eq_ignore_ascii_case(&scan::unescape(b_name.as_bytes()));
    name && scan::unescape(a_value.as_bytes()) == scan::unescape(b_value.as_bytes())
}

fn same_value(a: Param<'_>, b: Param<'_>) -> bool {
    match (a.value, b.value) {
        (None, None) => true,
        (Some(a), Some(b)) => scan::unescape(a).eq_ignore_ascii_case(&scan::unescape(b)),
        _ => false,
    }
}

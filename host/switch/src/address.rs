//! SIP addresses and headers of calls: what the switch writes into them and reads from them.

use bytes::Bytes;
use call::Party;
use sip::message::{Headers, Host, NameAddr, Uri};

/// The user part that stands for nobody (RFC 3323 §4.1.1.3).
const ANONYMOUS: &str = "anonymous";

/// The To of a call: the address without what only routing needs.
pub(crate) fn called(uri: &Uri) -> NameAddr {
    let user = uri.user_unescaped();
    match uri.host() {
        Some(host) => NameAddr::new(Uri::sip(user.as_deref(), host.clone(), None)),
        None => NameAddr::new(uri.clone()),
    }
}

/// The From of a call: the party as the host vouches for it, at its tenant's domain.
pub(crate) fn calling(party: &Party, realm: &str) -> NameAddr {
    let host = Host::parse(&Bytes::copy_from_slice(realm.as_bytes())).unwrap_or_else(|_| Host::from(LOOPBACK));
    let uri = Uri::sip(Some(&user(&party.number)), host, None);
    match party.name.is_empty() {
        true => NameAddr::new(uri),
        false => NameAddr::new(uri).with_display_name(&party.name),
    }
}

/// Stands in for a domain that is none; configuration refuses such domains.
const LOOPBACK: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// The user part that shows a number.
pub(crate) fn user(number: &str) -> String {
    if number.is_empty() { ANONYMOUS.to_owned() } else { number.to_owned() }
}

/// The user part of our Contact in calls for this number: only what needs no escape, because it stands as it is.
pub(crate) fn contact_user(number: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || "+-_.*#".contains(*c);
    user(&number.chars().filter(plain).collect::<String>())
}

/// What a URI dials: its user part with escapes undone, or a telephone number.
pub(crate) fn dialed(uri: &Uri) -> Option<String> {
    uri.user_unescaped().filter(|user| !user.is_empty())
}

/// The Q.850 cause of a Reason header (RFC 3326 §2).
pub(crate) fn q850(headers: &Headers) -> Option<u16> {
    headers
        .reasons()
        .iter()
        .find(|reason| reason.protocol.eq_ignore_ascii_case("Q.850"))
        .and_then(|reason| u16::try_from(reason.cause?).ok())
}

/// The digit of an INFO with `application/dtmf-relay` (`Signal=5`, `Duration=160`) or `application/dtmf` (the digit).
pub(crate) fn info_digit(content_type: &[u8], body: &[u8]) -> Option<(char, u32)> {
    /// The length of a key press that does not say its own.
    const DURATION_MS: u32 = 160;
    let body = std::str::from_utf8(body).ok()?;
    let kind = content_type.split(|byte| *byte == b';').next()?.trim_ascii();
    let (digit, duration) = if kind.eq_ignore_ascii_case(b"application/dtmf-relay") {
        let field = |name: &str| {
            body.lines().filter_map(|line| line.split_once('=')).find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
        };
        let duration = field("Duration").and_then(|(_, value)| value.trim().parse().ok());
        (field("Signal")?.1.trim(), duration.unwrap_or(DURATION_MS))
    } else if kind.eq_ignore_ascii_case(b"application/dtmf") {
        (body.trim(), DURATION_MS)
    } else {
        return None;
    };
    let digit = match digit {
        "10" => '*',
        "11" => '#',
        one => one.chars().next().filter(|_| one.len() == 1)?.to_ascii_uppercase(),
    };
    matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D').then_some((digit, duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn info_carries_digits_in_both_customary_forms() {
        let relay = |body: &str| info_digit(b"application/dtmf-relay", body.as_bytes());
        assert_eq!(relay("Signal=5\r\nDuration=250\r\n"), Some(('5', 250)));
        assert_eq!(relay("Signal= 10\r\n"), Some(('*', 160)));
        assert_eq!(relay("Duration=100"), None);
        assert_eq!(info_digit(b"Application/DTMF; x=y", b"#\r\n"), Some(('#', 160)));
        assert_eq!(info_digit(b"application/dtmf", b"E"), None);
        assert_eq!(info_digit(b"application/sdp", b"5"), None);
        assert_eq!(info_digit(b"application/dtmf", &[0xff]), None);
    }

    #[test]
    fn an_unknown_caller_is_anonymous_and_a_quoted_name_stays_a_name() {
        assert_eq!(calling(&Party::default(), "acme.test").to_string(), "<sip:anonymous@acme.test>");
        let party = Party::new("Ann \"x\" <sip:evil@x>", "100");
        let written = calling(&party, "acme.test").to_string();
        let read = NameAddr::parse(&Bytes::from(written)).expect("what we write can be read");
        assert_eq!(read.uri().to_string(), "sip:100@acme.test");
    }
}

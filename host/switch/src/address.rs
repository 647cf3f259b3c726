//! SIP addresses and headers of calls: what the switch writes into them and reads from them.

use bytes::Bytes;
use call::Party;
use sip::message::{HeaderName, Headers, Host, NameAddr, Uri};

/// The user part that stands for nobody (RFC 3323 §4.1.1.3).
const ANONYMOUS: &str = "anonymous";
/// How long a key is pressed that does not say so itself.
pub(crate) const KEY_MS: u32 = 160;
/// The domain of nobody.
const INVALID: &str = "anonymous.invalid";

/// The To of a call: the address without what only routing needs.
pub(crate) fn called(uri: &Uri) -> NameAddr {
    let user = uri.user_unescaped();
    match uri.host() {
        Some(host) => NameAddr::new(Uri::sip(user.as_deref(), host.clone(), None)),
        None => NameAddr::new(uri.clone()),
    }
}

/// The From of a call: the party as the host vouches for it, at its tenant's domain, or nobody if it wants that.
pub(crate) fn calling(party: &Party, realm: &str) -> NameAddr {
    if party.withheld {
        // RFC 3323 §4.1.1.3.
        let nobody = Host::parse(&Bytes::from_static(INVALID.as_bytes())).expect("the domain of nobody is a host");
        return NameAddr::new(Uri::sip(Some(ANONYMOUS), nobody, None)).with_display_name("Anonymous");
    }
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

/// The user part of our Contact in calls for this party: only what needs no escape, because it stands as it is.
pub(crate) fn contact_user(party: &Party) -> String {
    let number = if party.withheld { "" } else { &party.number };
    let plain = |c: &char| c.is_ascii_alphanumeric() || "+-_.*#".contains(*c);
    user(&number.chars().filter(plain).collect::<String>())
}

/// Whether who sent a request wants to be shown to nobody: it asks for it (RFC 3323 §4.2, RFC 3325 §9.3), or says itself that it
/// is nobody.
pub(crate) fn withholds(headers: &Headers) -> bool {
    let asks = headers.get_all(&HeaderName::Privacy).any(|value| {
        let wishes = value.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        wishes
            .into_iter()
            .any(|wish| [&b"id"[..], b"user", b"header"].iter().any(|kind| wish.eq_ignore_ascii_case(kind)))
    });
    asks || headers.from_().is_some_and(|from| from.uri().host().is_some_and(|host| host.is(INVALID)))
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
    let body = std::str::from_utf8(body).ok()?;
    let kind = content_type.split(|byte| *byte == b';').next()?.trim_ascii();
    let (digit, duration) = if kind.eq_ignore_ascii_case(b"application/dtmf-relay") {
        let field = |name: &str| {
            body.lines().filter_map(|line| line.split_once('=')).find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
        };
        let duration = field("Duration").and_then(|(_, value)| value.trim().parse().ok());
        (field("Signal")?.1.trim(), duration.unwrap_or(KEY_MS))
    } else if kind.eq_ignore_ascii_case(b"application/dtmf") {
        (body.trim(), KEY_MS)
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

/// Whether who sent these headers takes INFO, and with it keys (RFC 3261 §20.5). There is no better sign: the customary bodies have
/// no package that could be named in Recv-Info (RFC 6086 §1).
pub(crate) fn takes_info(headers: &Headers) -> bool {
    headers.has_token(&HeaderName::Allow, "INFO")
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
    fn the_contact_of_any_number_needs_no_escape() {
        let of = |number: &str| contact_user(&Party::new("", number));
        assert_eq!(of("+49-30.1*#_x"), "+49-30.1*#_x");
        assert_eq!(of("1 0<0>\"@;x=y%41\r\nVia: z"), "100xy41Viaz");
        for nobody in ["", "äö", "<>"] {
            assert_eq!(of(nobody), "anonymous");
        }
    }

    #[test]
    fn privacy_is_asked_for_in_several_ways() {
        let headers = |name: HeaderName, value: &'static str| {
            [(name, Bytes::from_static(value.as_bytes()))].into_iter().collect::<Headers>()
        };
        for wish in ["id", "ID", "user;id", "header ; critical", "session;user"] {
            assert!(withholds(&headers(HeaderName::Privacy, wish)), "{wish}");
        }
        for none in ["none", "", "session", "identity", "history"] {
            assert!(!withholds(&headers(HeaderName::Privacy, none)), "{none}");
        }
        assert!(withholds(&headers(HeaderName::From, "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1")));
        assert!(!withholds(&headers(HeaderName::From, "<sip:anonymous@acme.test>;tag=1")));
    }

    #[test]
    fn a_party_that_is_withheld_is_nobody() {
        let party = Party { withheld: true, ..Party::new("Ann", "100") };
        assert_eq!(calling(&party, "acme.test").to_string(), "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
        assert_eq!(contact_user(&party), "anonymous");
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

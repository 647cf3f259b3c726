//! What a URL asks for: parsed once, so that what is checked, what is looked up and what is sent cannot differ.

use std::net::IpAddr;

use url::{Host, Url};

use super::Failure;

/// Longest URL, redirections included.
const URL_BYTES: usize = 4_096;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    url: Url,
    host: String,
    ip: Option<IpAddr>,
    port: u16,
}

impl Target {
    /// Reads an `http` or `https` URL as browsers do: every spelling of an IPv4 address that they take is that address.
    ///
    /// # Errors
    /// It is none, or has what a request may not carry: a user name, blanks or control characters.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let url = plain(text).and_then(|()| Url::parse(text).map_err(|error| error.to_string()));
        url.and_then(Self::of).map_err(|error| Failure::Invalid(format!("url: {error}")))
    }

    /// Where a redirection from here goes.
    pub(super) fn redirected(&self, location: &str) -> Result<Self, Failure> {
        let url = plain(location).and_then(|()| self.url.join(location).map_err(|error| error.to_string()));
        url.and_then(Self::of).map_err(|error| Failure::Failed(format!("a redirection: {error}")))
    }

    fn of(mut url: Url) -> Result<Self, String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("{} is neither http nor https", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a user name has no place in it".into());
        }
        let (host, ip) = match url.host() {
            Some(Host::Domain(name)) if !name.ends_with('.') => (name.to_owned(), None),
            Some(Host::Ipv4(address)) => (address.to_string(), Some(address.into())),
            Some(Host::Ipv6(address)) => (format!("[{address}]"), Some(address.into())),
            Some(Host::Domain(_)) | None => return Err("no host that can be asked".into()),
        };
        url.set_fragment(None);
        if url.as_str().len() > URL_BYTES {
            return Err(format!("{} bytes, at most {URL_BYTES}", url.as_str().len()));
        }
        let port = url.port_or_known_default().filter(|port| *port > 0).ok_or("no port")?;
        Ok(Self { url, host, ip, port })
    }

    /// Whether it is asked by TLS.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The host: a name in lower case and ASCII, or an address, an IPv6 one in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// All of it, without a fragment.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The address, where it is written instead of a name.
    pub(super) fn ip(&self) -> Option<IpAddr> {
        self.ip
    }

    /// RFC 9110 §7.2: the value of Host, without the scheme's own port.
    pub(super) fn authority(&self) -> String {
        self.url.port().map_or_else(|| self.host.clone(), |port| format!("{}:{port}", self.host))
    }

    /// RFC 9112 §3.2.1: the origin form.
    pub(super) fn origin_form(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }

    /// RFC 6454 §4: whether a header meant for the other is meant for this one, too.
    pub(super) fn is_same_origin(&self, other: &Self) -> bool {
        (self.url.scheme(), &self.host, self.port) == (other.url.scheme(), &other.host, other.port)
    }
}

/// The parser drops what is none of a URL; here it is refused, so that nothing is sent that nobody wrote.
fn plain(text: &str) -> Result<(), String> {
    if text.len() > URL_BYTES {
        return Err(format!("{} bytes, at most {URL_BYTES}", text.len()));
    }
    match text.chars().find(|character| character.is_control() || character.is_whitespace()) {
        Some(character) => Err(format!("{character:?} has no place in it")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_what_is_written() {
        for (text, host, port, authority, origin_form) in [
            ("http://Example.COM", "example.com", 80, "example.com", "/"),
            ("https://example.com:443/a?b=c#d", "example.com", 443, "example.com", "/a?b=c"),
            ("https://example.com:8443/a b".trim_end_matches(" b"), "example.com", 8443, "example.com:8443", "/a"),
            ("http://bücher.example/", "xn--bcher-kva.example", 80, "xn--bcher-kva.example", "/"),
            ("http://[2001:DB8::1]:81/", "[2001:db8::1]", 81, "[2001:db8::1]:81", "/"),
            ("http://evil.example\\@good.example/", "evil.example", 80, "evil.example", "/@good.example/"),
        ] {
            let target = Target::parse(text).unwrap();
            let asked = (target.host(), target.port(), target.authority(), target.origin_form().to_owned());
            assert_eq!(asked, (host, port, authority.to_owned(), origin_form.to_owned()), "{text}");
        }
    }

    /// I6: no spelling of an address is taken for a name.
    #[test]
    fn odd_addresses_are_addresses() {
        for host in
            ["127.0.0.1", "127.1", "0x7f.1", "0x7f000001", "017700000001", "2130706433", "127.0.0.1.", "①②⑦.⓪.⓪.①"]
        {
            let target = Target::parse(&format!("http://{host}/")).unwrap();
            assert_eq!((target.host(), target.ip()), ("127.0.0.1", Some([127, 0, 0, 1].into())), "{host}");
        }
        for host in ["256.0.0.1", "1.2.3.4.5", "0x100000000", "[::1", "[fe80::1%25eth0]", "1.2.3.08"] {
            assert!(Target::parse(&format!("http://{host}/")).is_err(), "{host}");
        }
    }

    #[test]
    fn what_a_request_may_not_carry_is_refused() {
        for text in [
            "",
            "example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "http://",
            "http://user@example.com/",
            "http://user:word@example.com/",
            "http://:word@example.com/",
            "http://example.com./",
            "http://example.com:0/",
            "http://example.com:65536/",
            "http://exa mple.com/",
            "http://example.com/a\r\nHost: other",
            "http://example.com/\0",
            "\thttp://example.com/",
        ] {
            assert!(matches!(Target::parse(text), Err(Failure::Invalid(_))), "{text:?}");
        }
        let long = |bytes: usize| format!("http://a.example/{}", "x".repeat(bytes - 17));
        assert!(Target::parse(&long(URL_BYTES)).is_ok());
        assert!(Target::parse(&long(URL_BYTES + 1)).is_err());
        // Escaped, it may be longer than what was written.
        assert!(Target::parse(&format!("http://a.example/{}", "ü".repeat(URL_BYTES / 4))).is_err());
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let here = Target::parse("https://a.example/x").unwrap();
        for (there, same) in [
            ("https://A.example:443/y", true),
            ("/z", true),
            ("//a.example/", true),
            ("http://a.example/", false),
            ("https://a.example:444/", false),
            ("https://b.a.example/", false),
        ] {
            assert_eq!(here.redirected(there).unwrap().is_same_origin(&here), same, "{there}");
        }
        assert!(matches!(here.redirected("ftp://a.example/"), Err(Failure::Failed(_))));
    }
}

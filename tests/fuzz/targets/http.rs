//! What plugins ask and may ask by HTTP: URLs, patterns of hosts, and whether one is within the other (I6).

use ::plugin::HostPattern;
use net::http::{Network, Target as Url};

use super::Target;

/// A URL: what is read is read the same again, and its host has nothing in it that another reader would take for something else.
pub(crate) const URL: Target = Target { name: "http_url", run: url, seeds: URLS };
/// A pattern of hosts, or a network: written as it is read.
pub(crate) const HOSTS: Target = Target { name: "http_hosts", run: hosts, seeds: PATTERNS };

const URLS: &[&[u8]] = &[
    b"https://api.example.com:8443/a/b?c=d#e",
    b"http://user:word@127.0.0.1/",
    b"http://0x7f.1/../%2e%2e/\\x",
    b"http://[::ffff:169.254.169.254]:80/latest",
    "http://b\u{fc}cher.example/\u{2460}".as_bytes(),
];
const PATTERNS: &[&[u8]] = &[
    b"api.example.com",
    b"*.example.com:8443",
    b"192.0.2.7:80",
    b"[2001:db8::7]:8080",
    b"10.1.0.0/16",
    b"[fd00::/8]:443",
];

fn url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(url) = Url::parse(text) else { return };
    assert_eq!(Url::parse(url.as_str()).as_ref(), Ok(&url), "{text:?}");
    let host = url.host();
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && !b"/\\@:?#[]<>".contains(&byte);
    match inside {
        Some(address) => assert!(address.parse::<std::net::Ipv6Addr>().is_ok(), "{text:?}"),
        None => assert!(!host.is_empty() && host.bytes().all(is_plain), "{text:?}: {host:?}"),
    }
    // Whatever ends like an address is one: no name is looked up that a resolver reads as another address.
    let last = host.rsplit('.').next().unwrap_or_default();
    let number = inside.is_none() && last.bytes().all(|byte| byte.is_ascii_digit());
    assert!(!number || host.parse::<std::net::Ipv4Addr>().is_ok(), "{text:?}: {host:?}");
}

fn hosts(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(pattern) = text.parse::<HostPattern>() {
        assert_eq!(pattern.to_string().parse(), Ok(pattern.clone()), "{text:?}");
        // A host that is named is one that can be asked, by the same name.
        let star = text.starts_with('*');
        let url = format!("https://{}/", pattern.to_string().replacen('*', "a", 1));
        match Url::parse(&url) {
            Ok(url) => assert!(pattern.matches(url.host(), url.port(), true), "{text:?}: {url:?}"),
            // Only labels that IDNA refuses (RFC 5891 section 4.2.3).
            Err(_) => assert!(star || text.to_ascii_lowercase().contains("--"), "{text:?}"),
        }
    }
    // There is nothing to compare a network with.
    drop(text.parse::<Network>());
}

//! Which addresses are of the public internet, and which others an administrator lets requests reach.
//!
//! The registries are IANA's special-purpose addresses (RFC 6890) for IPv4 and IPv6. What is no address of one host on the
//! public internet is refused, also where it is written inside of an IPv6 address that some router may unwrap.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// IPv4 networks that no request reaches unasked, and what they are.
const V4: &[(Ipv4Net, &str)] = &[
    (v4([0, 0, 0, 0], 8), "unspecified"),
    (v4([10, 0, 0, 0], 8), "private"),
    (v4([100, 64, 0, 0], 10), "shared by a carrier"),
    (v4([127, 0, 0, 0], 8), "this machine"),
    // With it the metadata services of clouds, 169.254.169.254.
    (v4([169, 254, 0, 0], 16), "link-local"),
    (v4([172, 16, 0, 0], 12), "private"),
    (v4([192, 0, 0, 0], 24), "of a protocol"),
    (v4([192, 0, 2, 0], 24), "for documentation"),
    (v4([192, 88, 99, 0], 24), "a relay of 6to4"),
    (v4([192, 168, 0, 0], 16), "private"),
    (v4([198, 18, 0, 0], 15), "for benchmarks"),
    (v4([198, 51, 100, 0], 24), "for documentation"),
    (v4([203, 0, 113, 0], 24), "for documentation"),
    (v4([224, 0, 0, 0], 4), "multicast"),
    (v4([240, 0, 0, 0], 4), "reserved"),
];

/// IPv6 networks inside of global unicast that no request reaches unasked.
const V6: &[(Ipv6Net, &str)] = &[
    // Teredo, benchmarks, ORCHID and other protocols' own: no web server has one.
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "of a protocol"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "for documentation"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "for documentation"),
];

const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
/// RFC 6052 §2.1; the network-specific prefixes of §2.2 are global unicast, and only their owner can name them.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
const SIX_TO_FOUR: Ipv6Net = v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);

const fn v4([a, b, c, d]: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length)
}

/// Why an address is none of the public internet; none if it is one.
pub(super) fn refusal(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        IpAddr::V4(address) => V4.iter().find(|(network, _)| network.contains(&address)).map(|(_, what)| *what),
        IpAddr::V6(address) => refusal_v6(address),
    }
}

fn refusal_v6(address: Ipv6Addr) -> Option<&'static str> {
    let octets = address.octets();
    let embedded = |at: usize| Ipv4Addr::from([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]]);
    if NAT64.contains(&address) {
        return refusal(embedded(12).into());
    }
    if !GLOBAL_UNICAST.contains(&address) {
        return Some(match octets[0] {
            0xff => "multicast",
            0xfe if octets[1] & 0xc0 == 0x80 => "link-local",
            // With it fd00:ec2::254, the metadata service of a cloud.
            0xfc | 0xfd => "private",
            _ if address.is_loopback() => "this machine",
            _ if address.is_unspecified() => "unspecified",
            _ => "not of the public internet",
        });
    }
    if let Some((_, what)) = V6.iter().find(|(network, _)| network.contains(&address)) {
        return Some(what);
    }
    // RFC 3056 §2: the site's IPv4 address follows the prefix. RFC 5214 §6.1: ISATAP ends with one.
    let isatap = matches!(octets[8..12], [0 | 2, 0, 0x5e, 0xfe]);
    let inside = [SIX_TO_FOUR.contains(&address).then(|| embedded(2)), isatap.then(|| embedded(12))];
    inside.into_iter().flatten().find_map(|inside| refusal(inside.into()))
}

/// Addresses beyond the public internet that an administrator lets requests reach: `127.0.0.1:8080`, `10.1.0.0/16`,
/// `[fd00::7]:443`. Without a port, every one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    addresses: IpNet,
    port: Option<u16>,
}

impl Network {
    pub(super) fn contains(&self, address: SocketAddr) -> bool {
        self.addresses.contains(&address.ip().to_canonical()) && self.port.is_none_or(|port| port == address.port())
    }
}

/// A text is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an address or network, such as \"127.0.0.1:8080\", \"10.1.0.0/16\" or \"[fd00::7]:443\"")]
pub struct NetworkError(String);

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let error = || NetworkError(text.to_owned());
        let network = |text: &str| {
            let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            // Host bits would say something else than they seem to.
            network.ok().filter(|network: &IpNet| network.addr() == network.network()).ok_or_else(error)
        };
        let (addresses, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (addresses, rest) = rest.split_once(']').ok_or_else(error)?;
                let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or_else(error)?) };
                (addresses, port)
            }
            None if text.matches(':').count() == 1 => text.split_once(':').map(|(a, p)| (a, Some(p))).expect("one"),
            None => (text, None),
        };
        let port = port.map(|port| port.parse().ok().filter(|port| *port > 0).ok_or_else(error)).transpose()?;
        Ok(Self { addresses: network(addresses)?, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// I6: every form in which an address inside can be written.
    #[test]
    fn what_is_not_of_the_public_internet_is_refused() {
        for (address, expected) in [
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "unspecified"),
            ("10.0.0.1", "private"),
            ("100.64.0.1", "shared by a carrier"),
            ("100.127.255.255", "shared by a carrier"),
            ("127.0.0.1", "this machine"),
            ("127.255.255.254", "this machine"),
            ("169.254.169.254", "link-local"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.0.0.8", "of a protocol"),
            ("192.0.2.1", "for documentation"),
            ("192.88.99.1", "a relay of 6to4"),
            ("192.168.1.1", "private"),
            ("198.19.0.1", "for benchmarks"),
            ("198.51.100.1", "for documentation"),
            ("203.0.113.1", "for documentation"),
            ("224.0.0.1", "multicast"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "reserved"),
            ("::", "unspecified"),
            ("::1", "this machine"),
            ("::ffff:127.0.0.1", "this machine"),
            ("::ffff:169.254.169.254", "link-local"),
            ("::127.0.0.1", "not of the public internet"),
            ("::8.8.8.8", "not of the public internet"),
            ("64:ff9b::10.0.0.1", "private"),
            ("64:ff9b::169.254.169.254", "link-local"),
            ("64:ff9b:1::8.8.8.8", "not of the public internet"),
            ("100::1", "not of the public internet"),
            ("2001::1", "of a protocol"),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "of a protocol"),
            ("2001:10::1", "of a protocol"),
            ("2001:db8::1", "for documentation"),
            ("2002:7f00:1::", "this machine"),
            ("2002:a9fe:a9fe::1", "link-local"),
            ("2002:c0a8:101::1", "private"),
            ("2a00:1450::5efe:10.0.0.1", "private"),
            ("2a00:1450::200:5efe:10.0.0.1", "private"),
            ("3fff::1", "for documentation"),
            ("fc00::1", "private"),
            ("fd00:ec2::254", "private"),
            ("fe80::1", "link-local"),
            ("fec0::1", "not of the public internet"),
            ("ff02::1", "multicast"),
        ] {
            assert_eq!(refusal(address.parse().unwrap()), Some(expected), "{address}");
        }
        for address in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
        ] {
            assert_eq!(refusal(address.parse().unwrap()), None, "{address}");
        }
    }

    #[test]
    fn a_network_is_of_addresses_and_perhaps_a_port() {
        for (text, inside, outside) in [
            ("127.0.0.1:8080", "127.0.0.1:8080", "127.0.0.1:8081"),
            ("127.0.0.1:8080", "[::ffff:127.0.0.1]:8080", "127.0.0.2:8080"),
            ("10.1.0.0/16", "10.1.255.9:1", "10.2.0.1:1"),
            ("10.1.0.0/16:443", "10.1.0.1:443", "10.1.0.1:80"),
            ("[::1]:8080", "[::1]:8080", "[::1]:80"),
            ("[fd00::]", "[fd00::]:1", "[fd00::1]:1"),
            ("fd00::/8", "[fd12::1]:9", "[fc00::1]:9"),
            ("[fd00::/8]:443", "[fd12::1]:443", "[fd12::1]:80"),
        ] {
            let network: Network = text.parse().unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{text} {inside}");
            assert!(!network.contains(outside.parse().unwrap()), "{text} {outside}");
        }
        for text in
            ["", "localhost", "127.0.0.1:", "127.0.0.1:0", "10.0.0.1/8", "10.0.0.0/33", "[::1", "[::1]8080", "*"]
        {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}

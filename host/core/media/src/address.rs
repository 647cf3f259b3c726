//! Where media may be sent (D6): an SDP can name any address in the world, and a caller would like to choose the victim.

use std::net::{IpAddr, Ipv6Addr};

/// Whether media may go to `remote`, for a leg whose own address is `local`.
///
/// Never to groups, to "nobody" or to reserved space. To loopback and link-local addresses (where cloud metadata
/// services live) only from the same kind of address, or when the administrator listed it.
pub fn is_allowed(remote: IpAddr, local: IpAddr, trusted: &[IpAddr]) -> bool {
    let (remote, local) = (remote.to_canonical(), local.to_canonical());
    let is_nobody = match remote {
        IpAddr::V4(address) => address.octets()[0] == 0 || address.octets()[0] >= 224,
        IpAddr::V6(address) => address.is_unspecified() || address.is_multicast(),
    };
    if is_nobody || remote.is_ipv4() != local.is_ipv4() {
        return false;
    }
    if trusted.contains(&remote) {
        return true;
    }
    (!remote.is_loopback() || local.is_loopback()) && (!is_link_local(remote) || is_link_local(local))
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local() || is_transition(address),
    }
}

/// 6to4 and Teredo hide an IPv4 address that would have to be judged; nobody's phone has one.
fn is_transition(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    segments[0] == 0x2002 || (segments[0] == 0x2001 && segments[1] == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(remote: &str, local: &str, expected: bool) {
        assert_eq!(is_allowed(remote.parse().unwrap(), local.parse().unwrap(), &[]), expected, "{remote} from {local}");
    }

    /// D6.
    #[test]
    fn groups_nobody_and_reserved_space_never_get_media() {
        for remote in ["0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255", "255.255.255.255", "240.0.0.1"] {
            check(remote, "192.0.2.1", false);
            check(remote, "127.0.0.1", false);
            let remote: IpAddr = remote.parse().unwrap();
            assert!(!is_allowed(remote, remote, &[remote]), "a list does not help");
        }
        for remote in ["::", "ff02::1", "2002:7f00:1::", "2001:0:1::", "::ffff:224.0.0.1"] {
            check(remote, "2001:db8::1", false);
        }
    }

    /// D6.
    #[test]
    fn loopback_and_link_local_need_the_same_kind_or_a_list() {
        check("127.0.0.99", "192.0.2.1", false);
        check("127.0.0.99", "127.0.0.1", true);
        check("169.254.169.254", "192.0.2.1", false);
        check("::1", "2001:db8::1", false);
        check("::ffff:127.0.0.1", "192.0.2.1", false);
        check("fe80::1", "2001:db8::1", false);
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        assert!(is_allowed(loopback, "192.0.2.1".parse().unwrap(), &[loopback]));
    }

    #[test]
    fn ordinary_addresses_do() {
        check("198.51.100.7", "192.0.2.1", true);
        check("10.0.0.7", "192.0.2.1", true);
        check("2001:db8::7", "2001:db8::1", true);
        check("2001:db8::7", "192.0.2.1", false);
    }
}

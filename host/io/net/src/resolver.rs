//! Names of hosts as addresses.
//!
//! A seam: today an address literal is itself and a name is asked of the system, A and AAAA only. SRV, NAPTR and
//! fail-over of RFC 3263 come here later, behind the same call.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use sip::endpoint::Transport;

/// Longest wait for the system's resolver (K9: a dead name server must not hold a call up).
const TIMEOUT: Duration = Duration::from_secs(5);
/// Addresses kept of an answer.
const ADDRESSES_MAX: usize = 16;

/// A host and what is to be reached there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// An address literal, an IPv6 one in brackets or not, or a name.
    pub host: String,
    /// The port; the transport's default when none.
    pub port: Option<u16>,
    /// The transport.
    pub transport: Transport,
}

impl Target {
    /// The address when the host is a literal: no look-up is needed.
    pub fn literal(&self) -> Option<SocketAddr> {
        let host = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host);
        host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, self.port()))
    }

    fn port(&self) -> u16 {
        self.port.unwrap_or(self.transport.default_port())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} ({})", self.host, self.port(), self.transport.via_name())
    }
}

/// The addresses of `target`, in the order they are to be tried; never empty.
pub async fn resolve(target: &Target) -> Result<Vec<SocketAddr>, ResolveError> {
    if let Some(address) = target.literal() {
        return Ok(vec![address]);
    }
    let failed = |reason| ResolveError { target: target.clone(), reason };
    let looked_up = tokio::time::timeout(TIMEOUT, tokio::net::lookup_host((target.host.as_str(), target.port()))).await;
    let addresses: Vec<SocketAddr> = match looked_up {
        Ok(Ok(addresses)) => addresses.take(ADDRESSES_MAX).collect(),
        Ok(Err(error)) => return Err(failed(Reason::System(error))),
        Err(_) => return Err(failed(Reason::Timeout)),
    };
    if addresses.is_empty() { Err(failed(Reason::Nothing)) } else { Ok(addresses) }
}

/// A target has no address.
#[derive(Debug, thiserror::Error)]
#[error("cannot find {target}: {reason}")]
pub struct ResolveError {
    /// What was asked for.
    pub target: Target,
    /// Why there is no answer.
    #[source]
    pub reason: Reason,
}

/// Why a look-up gave no address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The name exists but has no address.
    #[error("it has no address")]
    Nothing,
    /// The system's resolver failed.
    #[error(transparent)]
    System(io::Error),
    /// No answer in time.
    #[error("no answer from the name servers")]
    Timeout,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(host: &str, port: Option<u16>, transport: Transport) -> Target {
        Target { host: host.to_owned(), port, transport }
    }

    #[tokio::test]
    async fn literals_need_no_look_up_and_get_the_default_port() {
        for (host, port, transport, expected) in [
            ("192.0.2.1", None, Transport::Udp, "192.0.2.1:5060"),
            ("192.0.2.1", Some(5_070), Transport::Tcp, "192.0.2.1:5070"),
            ("[2001:db8::1]", None, Transport::Tls, "[2001:db8::1]:5061"),
            ("2001:db8::1", None, Transport::Ws, "[2001:db8::1]:80"),
        ] {
            let found = resolve(&target(host, port, transport)).await.unwrap();
            assert_eq!(found, [expected.parse::<SocketAddr>().unwrap()], "{host}");
        }
    }

    #[tokio::test]
    async fn a_name_that_is_none_is_an_error_that_says_which() {
        let error = resolve(&target("no such host", None, Transport::Udp)).await.unwrap_err();
        assert!(error.to_string().contains("no such host:5060 (UDP)"), "{error}");
    }
}

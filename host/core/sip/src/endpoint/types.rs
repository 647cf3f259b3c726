//! Addresses and identities at the border of the endpoint.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;

use super::event::Event;

/// The transport protocol of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Datagrams: messages are retransmitted by the transaction layer.
    Udp,
    /// A TCP connection.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// A WebSocket (RFC 7118).
    Ws,
    /// A WebSocket over TLS (RFC 7118).
    Wss,
}

impl Transport {
    /// Whether the transport delivers what it was given, so that no retransmission is needed (§17).
    pub fn is_reliable(self) -> bool {
        self != Self::Udp
    }

    /// Whether the transport is encrypted.
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// The name in a Via header (§20.42, RFC 7118 §5.2).
    pub fn via_name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// The value of a URI's `transport` parameter (§19.1.1).
    pub fn uri_name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// The transport a URI's `transport` parameter names, in any case.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss]
            .into_iter()
            .find(|transport| transport.uri_name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The port used when a URI or Via names none (§19.1.2).
    pub fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }
}

/// A way to a peer: two addresses and, for streams, the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// The transport protocol.
    pub transport: Transport,
    /// Our address.
    pub local: SocketAddr,
    /// The peer's address as the packets show it.
    pub remote: SocketAddr,
    /// The connection's number, given by the driver and never used twice; 0 for UDP.
    pub connection: u64,
}

/// Where a message is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// Over this flow. When its connection is gone, any connection to the same address will do, or a new one; when none can be had,
    /// [`Input::TransmitFailed`].
    Flow(Flow),
    /// Over the connection of this flow. When it is gone, by any connection to where the peer takes them, or a new one (§18.1.1,
    /// §18.2.2): the port that the peer itself connects from is not one that it listens on.
    Reopen {
        /// The connection.
        flow: Flow,
        /// Where the peer says that it takes connections.
        listener: SocketAddr,
    },
    /// To this address, by a connection the driver has or makes, or any socket of the transport.
    Address {
        /// The transport protocol.
        transport: Transport,
        /// The peer's address.
        remote: SocketAddr,
    },
}

impl Destination {
    /// The transport protocol.
    pub fn transport(&self) -> Transport {
        match self {
            Self::Flow(flow) | Self::Reopen { flow, .. } => flow.transport,
            Self::Address { transport, .. } => *transport,
        }
    }

    /// The peer's address.
    pub fn remote(&self) -> SocketAddr {
        match self {
            Self::Flow(flow) | Self::Reopen { flow, .. } => flow.remote,
            Self::Address { remote, .. } => *remote,
        }
    }

    /// The flow, which may be closed.
    pub fn flow(&self) -> Option<&Flow> {
        match self {
            Self::Flow(flow) | Self::Reopen { flow, .. } => Some(flow),
            Self::Address { .. } => None,
        }
    }

    /// Where another connection to the peer ends.
    pub fn listener(&self) -> SocketAddr {
        match self {
            Self::Reopen { listener, .. } => *listener,
            Self::Flow(_) | Self::Address { .. } => self.remote(),
        }
    }
}

/// What the driver tells the endpoint.
#[derive(Clone, Debug)]
pub enum Input {
    /// One whole message arrived: a datagram, or a frame of a stream.
    Message {
        /// Where it came from.
        flow: Flow,
        /// The bytes, kept without a copy.
        bytes: Bytes,
    },
    /// A connection is gone.
    FlowClosed {
        /// The connection.
        flow: Flow,
    },
    /// A message could not be sent (§17.1.4, §17.2.4).
    TransmitFailed {
        /// Where it was to go.
        destination: Destination,
    },
}

/// What the endpoint asks of the driver or tells the switch.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "outputs are moved once or twice, a box would cost more")]
pub enum Output {
    /// Send these bytes.
    Transmit {
        /// Where to.
        destination: Destination,
        /// One whole message.
        bytes: Bytes,
    },
    /// Something happened.
    Event(Event),
}

/// One INVITE session from the first INVITE to the end.
///
/// The high 16 bits are the shard. Whoever originates makes the identity beforehand with
/// [`SessionId::originated`]; those of incoming calls are made by the endpoint and never collide with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub(crate) u64);

impl SessionId {
    /// Set in the identities that the originating side numbers itself.
    const ORIGINATED: u64 = 1 << 47;

    /// The identity of the `number`th session that the caller of this function originates on `shard`.
    ///
    /// Numbers wrap after 2^47, so that they are unique among sessions that are alive.
    pub fn originated(shard: u16, number: u64) -> Self {
        Self((u64::from(shard) << 48) | Self::ORIGINATED | (number & (Self::ORIGINATED - 1)))
    }

    /// The identity of the `number`th incoming session of `shard`.
    pub(crate) fn incoming(shard: u16, number: u64) -> Self {
        Self((u64::from(shard) << 48) | (number & (Self::ORIGINATED - 1)))
    }

    /// Whether the number was given by the side that originates.
    pub(crate) fn is_originated(self) -> bool {
        self.0 & Self::ORIGINATED != 0
    }

    /// The shard whose endpoint has the session.
    pub fn shard(self) -> u16 {
        (self.0 >> 48) as u16
    }

    /// The identity as a number, for maps and logs.
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// One request of a peer that waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerTransactionId {
    /// The shard whose endpoint has the transaction.
    pub(crate) shard: u16,
    /// The keyed hash of what §17.2.3 matches by.
    pub(crate) key: u64,
}

impl ServerTransactionId {
    /// The shard whose endpoint has the transaction.
    pub fn shard(self) -> u16 {
        self.shard
    }
}

/// One request outside any session that we sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientRequestId(pub u64);

/// The shard that owns a Call-ID, so that every message of a call meets the same endpoint.
///
/// FNV-1a: quick and the same in every process. It is no defence against a peer that chooses Call-IDs for one shard;
/// that is what the limits of each endpoint are for.
pub fn shard_of(call_id: &[u8], shards: u16) -> u16 {
    let hash = call_id
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    // The low bits of FNV are weak: fold the high half in before the remainder.
    ((hash ^ (hash >> 32)) % u64::from(shards.max(1))) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_name_their_shard_and_never_collide() {
        let ours = SessionId::originated(7, 12);
        let theirs = SessionId::incoming(7, 12);
        assert_eq!((ours.shard(), theirs.shard()), (7, 7));
        assert_ne!(ours, theirs);
    }

    #[test]
    fn shards_are_even_within_a_tenth() {
        let mut counts = [0_u32; 8];
        for number in 0..80_000 {
            counts[usize::from(shard_of(format!("{number}@host").as_bytes(), 8))] += 1;
        }
        assert!(counts.iter().all(|count| (9_000..11_000).contains(count)), "{counts:?}");
        assert_eq!(shard_of(b"x", 1), 0);
        assert_eq!(shard_of(b"x", 0), 0);
    }
}

//! What an endpoint is told once, when it is made.

use std::net::SocketAddr;
use std::time::Duration;

use super::types::Transport;

/// Everything an endpoint is told when it is made.
#[derive(Clone, Debug)]
pub struct Config {
    /// The number of this endpoint among its siblings; smaller than `shards`.
    pub shard: u16,
    /// How many endpoints share the traffic by Call-ID; at least 1.
    pub shards: u16,
    /// The value of `User-Agent` and `Server` in messages of calls; empty sends neither.
    pub user_agent: String,
    /// What Via and Contact say per transport. A transport without an entry uses the local address of its flow.
    pub addresses: Vec<Advertised>,
    /// Timer values of RFC 3261 §17 and the waits of sessions.
    pub timings: Timings,
    /// The bounds of every table.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            shard: 0,
            shards: 1,
            user_agent: String::new(),
            addresses: Vec::new(),
            timings: Timings::default(),
            limits: Limits::default(),
        }
    }
}

/// The host and port that Via and Contact show for one transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertised {
    /// The transport this entry is for.
    pub transport: Transport,
    /// A name or address literal (an IPv6 literal in brackets).
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Advertised {
    /// The entry that advertises a socket address as it is.
    pub fn address(transport: Transport, address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V4(v4) => v4.ip().to_string(),
            SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
        };
        Self { transport, host, port: address.port() }
    }
}

/// The timer values of RFC 3261 §17 and the waits of sessions.
#[derive(Clone, Debug)]
pub struct Timings {
    /// T1, the estimate of a round trip.
    pub t1: Duration,
    /// T2, the longest interval between retransmissions.
    pub t2: Duration,
    /// T4, the longest time a message stays in the network.
    pub t4: Duration,
    /// How long an INVITE may stay unanswered before 100 Trying is sent. §17.2.1 wants 100 Trying unless another
    /// answer follows within 200 ms: waiting a little spares a datagram per call, and answers to a flood stay small.
    pub trying: Duration,
    /// How long a call may ring, in either direction, before the endpoint ends it (timer C of §16.6 is its model).
    pub ringing: Duration,
    /// The longest `Session-Expires` we agree to (RFC 4028).
    pub session_expires: Duration,
    /// The session timer we keep in calls of peers that ask for none; none keeps no timer then.
    pub session_wish: Option<Duration>,
    /// The smallest `Session-Expires` we accept; RFC 4028 §5 wants at least 90 s.
    pub min_se: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            trying: Duration::from_millis(150),
            ringing: Duration::from_secs(300),
            session_expires: Duration::from_secs(1800),
            session_wish: None,
            min_se: Duration::from_secs(90),
        }
    }
}

/// The bounds of every table an endpoint keeps; what happens at each bound is said here.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Server transactions; over UDP each stays for 32 s after its answer (timer J), so the default carries about 4,700 new
    /// requests a second. At three quarters new requests outside dialogs get a stateless 503 with Retry-After, so that
    /// calls that are up keep the last quarter; at the bound in-dialog requests get it too.
    pub server_transactions: usize,
    /// Client transactions. At the bound new sessions are refused with [`super::CommandError::Limit`].
    pub client_transactions: usize,
    /// Sessions. At the bound an INVITE gets 503 and `Originate` is refused.
    pub sessions: usize,
    /// Early dialogs that one of our INVITEs may have; further forks are ignored until they answer.
    pub early_dialogs: usize,
    /// Requests of one dialog that wait for our answer (INFO, REFER); over it the peer gets 500 with Retry-After.
    pub pending_requests: usize,
    /// Reliable provisional responses that wait for the PRACK of an earlier one; over it they are refused.
    pub reliable_queue: usize,
    /// Stateless 503 per second; what comes above is dropped in silence.
    pub refusals_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            server_transactions: 200_000,
            client_transactions: 40_000,
            sessions: 20_000,
            early_dialogs: 12,
            pending_requests: 16,
            reliable_queue: 8,
            refusals_per_second: 200,
        }
    }
}

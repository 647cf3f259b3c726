//! Media threads: sockets and a clock around `media::engine`.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;

use media::engine::{Command, Event, LegKey, LegOptions};

/// Where a leg's events go: called on a media thread, so it must not block. An event it cannot take now comes back and
/// is offered again a few milliseconds later, in order.
pub type EventSink = Arc<dyn Fn(Event) -> Result<(), Event> + Send + Sync>;

/// Settings of the media threads.
#[derive(Clone, Debug)]
pub struct RtpConfig {
    /// Threads; each owns the legs of its share of the calls.
    pub threads: usize,
    /// Address the sockets are bound to.
    pub bind: IpAddr,
    /// Address written into SDP, where it differs from `bind` (NAT, or a wildcard bind).
    pub advertised: Option<IpAddr>,
    /// Ports for RTP and RTCP.
    pub ports: Ports,
}

/// Where port pairs come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ports {
    /// Whatever the kernel gives, in even and odd pairs (tests).
    Ephemeral,
    /// Pairs inside this range.
    Range(RangeInclusive<u16>),
}

/// The media threads. They stop when every handle and every port is gone.
#[derive(Debug)]
pub struct RtpDriver;

impl RtpDriver {
    /// Starts the threads.
    pub fn start(_config: RtpConfig) -> Result<RtpHandle, StartError> {
        Err(StartError::Thread(io::ErrorKind::Unsupported.into()))
    }
}

/// Why the media threads did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The kernel refused a thread, a poller or a waker.
    #[error("cannot start a media thread")]
    Thread(#[source] io::Error),
    /// The range holds no even/odd pair.
    #[error("the RTP port range {}-{} holds no pair of ports", .0.start(), .0.end())]
    EmptyRange(RangeInclusive<u16>),
}

/// The door to the media threads.
#[derive(Clone, Debug)]
pub struct RtpHandle {}

impl RtpHandle {
    /// Opens a pair of sockets for a leg. Legs with the same `affinity` (the call) share a thread.
    pub fn allocate(&self, _affinity: u64, _options: LegOptions, _sink: EventSink) -> Result<RtpPort, AllocateError> {
        Err(AllocateError::Exhausted)
    }

    /// Tells the engine of the leg's thread something.
    pub fn command(&self, _command: Command) -> Result<(), CommandError> {
        Err(CommandError::Stopped)
    }

    /// Port pairs in use.
    pub fn ports_in_use(&self) -> usize {
        0
    }
}

/// Why no port was given.
#[derive(Debug, thiserror::Error)]
pub enum AllocateError {
    /// Every pair of the range is in use.
    #[error("no free RTP port")]
    Exhausted,
    /// The kernel refused a socket.
    #[error("cannot open an RTP socket")]
    Socket(#[source] io::Error),
}

/// Why a command was not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The thread is overloaded.
    #[error("the media thread has too many commands waiting")]
    Full,
    /// No such leg.
    #[error("no such leg")]
    Unknown,
    /// The thread has ended.
    #[error("the media thread has ended")]
    Stopped,
}

/// A leg's sockets. Dropping it removes the leg and gives the ports back.
#[derive(Debug)]
pub struct RtpPort {
    leg: LegKey,
    address: SocketAddr,
}

impl RtpPort {
    /// The leg's name on the media threads.
    pub fn leg(&self) -> LegKey {
        self.leg
    }

    /// The address to write into SDP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Removes the leg and gives the ports back, as dropping does.
    pub fn release(self) {}
}

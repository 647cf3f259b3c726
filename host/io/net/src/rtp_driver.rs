//! Media threads: sockets and a clock around `media::engine` (F26, P3).
//!
//! Each thread runs one engine. The legs of a call share a thread, so that a relayed packet never crosses one; when legs
//! of two calls are bridged (an attended transfer), the second moves to the thread of the first, sockets and all.

mod epoll;
mod inbox;
mod ports;
mod ring;
mod thread;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use media::engine::{Command, Event, LegKey, LegOptions};
use rustc_hash::FxHashMap;

use self::epoll::Epoll;
use self::inbox::{Inbox, Message, NewLeg};
use self::ports::PortPool;
use self::thread::Thread;

/// Where a leg's events go: called on a media thread, so it must not block or panic. An event it cannot take now comes
/// back and is offered again a few milliseconds later, in order; at most 256 wait.
pub type EventSink = Arc<dyn Fn(Event) -> Result<(), Event> + Send + Sync>;

/// Settings of the media threads.
#[derive(Clone, Debug)]
pub struct RtpConfig {
    /// Threads; each owns the legs of its share of the calls. 0 is taken as 1.
    pub threads: usize,
    /// Address the sockets are bound to.
    pub bind: IpAddr,
    /// Address written into SDP, where it differs from `bind` (NAT, or a wildcard bind).
    pub advertised: Option<IpAddr>,
    /// Ports for RTP and RTCP.
    pub ports: Ports,
    /// Whether to move packets by io_uring where the kernel allows it.
    pub io_uring: bool,
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
    pub fn start(config: RtpConfig) -> Result<RtpHandle, StartError> {
        let ports = Arc::new(PortPool::new(config.bind, &config.ports));
        if let Ports::Range(range) = &config.ports
            && ports.is_empty()
        {
            return Err(StartError::EmptyRange(range.clone()));
        }
        let mut shared = Shared {
            address: config.advertised.unwrap_or(config.bind),
            ports,
            threads: Vec::new(),
            homes: Mutex::default(),
            next_leg: AtomicU64::new(1),
        };
        for number in 0..config.threads.max(1) {
            shared.threads.push(start_thread(number, config.io_uring).map_err(StartError::Thread)?);
        }
        Ok(RtpHandle { shared: Arc::new(shared) })
    }
}

fn start_thread(number: usize, io_uring: bool) -> io::Result<Door> {
    let (epoll, waker) = Epoll::new()?;
    let inbox = Arc::new(Inbox::new(waker));
    // The hasher's keys come from the kernel's random numbers.
    let seed = RandomState::new().hash_one(number);
    let thread = Thread::new(epoll, Arc::clone(&inbox), seed);
    let join = std::thread::Builder::new().name(format!("media-{number}")).spawn(move || thread.run(io_uring))?;
    Ok(Door { inbox, join: Some(join) })
}

/// Why the media threads did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The kernel refused a thread or its descriptors.
    #[error("cannot start a media thread")]
    Thread(#[source] io::Error),
    /// The range holds no even/odd pair.
    #[error("the RTP port range {}-{} holds no pair of ports", .0.start(), .0.end())]
    EmptyRange(RangeInclusive<u16>),
}

/// The door to the media threads.
#[derive(Clone, Debug)]
pub struct RtpHandle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    address: IpAddr,
    ports: Arc<PortPool>,
    threads: Vec<Door>,
    /// On which thread each leg is. Held while messages are sent, so that they arrive in the order of the moves.
    homes: Mutex<FxHashMap<LegKey, usize>>,
    next_leg: AtomicU64,
}

#[derive(Debug)]
struct Door {
    inbox: Arc<Inbox>,
    join: Option<JoinHandle<()>>,
}

impl RtpHandle {
    /// Opens a pair of sockets for a leg. Legs with the same `affinity` (the call) share a thread.
    pub fn allocate(&self, affinity: u64, options: LegOptions, sink: EventSink) -> Result<RtpPort, AllocateError> {
        let (lease, rtp, rtcp) = self.shared.ports.take()?;
        let address = SocketAddr::new(self.shared.address, lease.port());
        let leg = LegKey(self.shared.next_leg.fetch_add(1, Ordering::Relaxed));
        let home = (affinity % self.shared.threads.len() as u64) as usize;
        let mut homes = self.shared.lock_homes();
        let new = NewLeg { key: leg, options, rtp, rtcp, sink, lease };
        self.shared.threads[home].inbox.push(Message::Attach(Box::new(new))).map_err(|_| AllocateError::Stopped)?;
        homes.insert(leg, home);
        drop(homes);
        Ok(RtpPort { leg, address, shared: Arc::clone(&self.shared) })
    }

    /// Tells the engine of the leg's thread something. Commands of one caller are done in their order.
    pub fn command(&self, command: Command) -> Result<(), CommandError> {
        let mut homes = self.shared.lock_homes();
        let (leg, other) = command.legs();
        let home = *homes.get(&leg).ok_or(CommandError::Unknown)?;
        if let (Command::Bridge { .. }, Some(other)) = (&command, other) {
            let other_home = *homes.get(&other).ok_or(CommandError::Unknown)?;
            if other_home != home {
                let to = Arc::clone(&self.shared.threads[home].inbox);
                to.push(Message::Expect(other))?;
                // A thread that has ended sends nothing: its leg will not come.
                let migrate = Message::Migrate { leg: other, to: Arc::clone(&to) };
                if self.shared.threads[other_home].inbox.push(migrate).is_err() {
                    to.push(Message::Arrive { leg: other, moved: None })?;
                }
                homes.insert(other, home);
            }
        }
        self.shared.threads[home].inbox.push(Message::Command(command))
    }

    /// Port pairs in use. A pair is free again shortly after its `RtpPort` dropped.
    pub fn ports_in_use(&self) -> usize {
        self.shared.ports.in_use()
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
    /// The media thread has ended.
    #[error("the media thread has ended")]
    Stopped,
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

/// A leg's sockets. Dropping it removes the leg and gives the ports back, whatever happened to the call.
pub struct RtpPort {
    leg: LegKey,
    address: SocketAddr,
    shared: Arc<Shared>,
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

impl Drop for RtpPort {
    fn drop(&mut self) {
        let mut homes = self.shared.lock_homes();
        let released =
            homes.remove(&self.leg).map(|home| self.shared.threads[home].inbox.push(Message::Release(self.leg)));
        if let Some(Err(error)) = released {
            tracing::debug!(%error, leg = self.leg.0, "a leg ended after its media thread");
        }
    }
}

impl fmt::Debug for RtpPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RtpPort").field("leg", &self.leg).field("address", &self.address).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock_homes(&self) -> std::sync::MutexGuard<'_, FxHashMap<LegKey, usize>> {
        self.homes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.threads.iter().for_each(|door| door.inbox.stop());
        for join in self.threads.iter_mut().filter_map(|door| door.join.take()) {
            // The last handle may have been held by an event sink: a thread cannot wait for itself.
            let is_own = join.thread().id() == std::thread::current().id();
            if !is_own && join.join().is_err() {
                tracing::error!("a media thread panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! SIP over sockets: listeners, connections, and one `sip::Endpoint` per shard.
//!
//! A shard is one task that owns one endpoint and meets every message of the Call-IDs that belong to it. Listener
//! `i`'s socket is read by shard `i % shards`, which handles what is its own without a hop and hands the rest over.
//!
//! What is bounded, and what happens at the bound:
//! - messages between shards: [`INBOX_MESSAGES`]; beyond three quarters new requests are dropped, as UDP would, beyond
//!   all of it every datagram is. A stream waits instead, and with it its peer.
//! - commands: [`COMMANDS`]; [`SipHandle::command`] waits, nothing is lost.
//! - events: none are queued. A [`SipSink`] takes each at once.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use serde::Serialize;
use sip::{
    endpoint::{
        Advertised, Command, CommandError, Config, Event, Flow, Limits, ServerTransactionId, SessionId, Timings,
        Transport,
    },
    message::Replaces,
};
use tokio::{
    net::UdpSocket,
    sync::{Semaphore, mpsc, oneshot},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use crate::connection::ConnectionLimits;
use crate::{
    connection::Connections,
    tcp,
    udp::{self, ReusePort},
};

mod call_id;
mod route;
mod shard;
mod transmit;

pub(crate) use route::Router;

/// Messages that wait for a shard.
pub(crate) const INBOX_MESSAGES: usize = 4_096;
/// Commands that wait for all shards together.
pub(crate) const COMMANDS: usize = 16_384;
/// Most shards a driver may have: what fits the shard's part of a session's identity, and more than any machine needs.
const SHARDS_MAX: u16 = 256;

/// Everything the driver is told when it starts.
#[derive(Clone, Debug, Default)]
pub struct SipConfig {
    /// Where to listen.
    pub listeners: Vec<Listener>,
    /// Tasks that share the work by Call-ID; 0 takes one per core this process may use.
    pub shards: u16,
    /// The value of `User-Agent` and `Server`; empty sends neither.
    pub user_agent: String,
    /// Timer values and waits of transactions and sessions.
    pub timings: Timings,
    /// The bounds of each shard's endpoint.
    pub limits: Limits,
    /// The bounds of connections.
    pub connections: ConnectionLimits,
}

/// One address to listen on.
#[derive(Clone, Debug)]
pub struct Listener {
    /// UDP or TCP.
    pub transport: Transport,
    /// The address; port 0 takes a free one.
    pub bind: SocketAddr,
    /// What Via and Contact say instead: the address that peers reach us by. Needed when `bind` is the wildcard. The
    /// first listener of a transport speaks for all of it.
    pub advertised: Option<AdvertisedHost>,
    /// Whether each shard gets a socket of its own on the same address, so that the kernel spreads UDP peers over
    /// them. Worth it from about 100,000 messages a second.
    pub socket_per_shard: bool,
}

impl Listener {
    /// A listener that advertises the address it is bound to.
    pub fn new(transport: Transport, bind: SocketAddr) -> Self {
        Self { transport, bind, advertised: None, socket_per_shard: false }
    }
}

/// A host and port as they stand in Via and Contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvertisedHost {
    /// A name or an address literal, an IPv6 one in brackets.
    pub host: String,
    /// The port; the listener's own when none.
    pub port: Option<u16>,
}

/// Who hears of what happened on the wire: the switch.
///
/// Calls come from the shards' tasks, in the order of each shard. They must not block: a slow sink holds a whole shard
/// up. A sink that cannot take a new call answers it, with 503.
pub trait SipSink: Send + Sync + 'static {
    /// Something happened. What is pushed to `commands` is done at once, before the next message is read; this spares
    /// a hop for what can be answered on the spot, a challenge for example.
    fn handle_event(&self, now: Instant, event: Event, commands: &mut Vec<Command>);

    /// A command was refused by the endpoint; nothing was sent.
    fn handle_refusal(&self, subject: Subject, error: CommandError) {
        tracing::debug!(?subject, %error, "a SIP command came too late or was wrong");
    }
}

/// What a refused command was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A session.
    Session(SessionId),
    /// A request of a peer.
    Transaction(ServerTransactionId),
    /// A request of ours.
    Request(sip::endpoint::ClientRequestId),
}

impl Subject {
    /// What a command is about.
    pub fn of(command: &Command) -> Self {
        match command {
            Command::Respond { transaction, .. } => Self::Transaction(*transaction),
            Command::SendRequest(outbound) => Self::Request(outbound.request),
            Command::Originate(originate) => Self::Session(originate.session),
            Command::Progress { session, .. }
            | Command::Answer { session, .. }
            | Command::Reject { session, .. }
            | Command::Acknowledge { session, .. }
            | Command::HangUp { session, .. }
            | Command::Reoffer { session, .. }
            | Command::AcceptReoffer { session, .. }
            | Command::RejectReoffer { session, .. }
            | Command::AcceptRefer { session }
            | Command::RejectRefer { session, .. }
            | Command::NotifyRefer { session, .. }
            | Command::Refer { session, .. }
            | Command::Info { session, .. } => Self::Session(*session),
        }
    }
}

/// Sees every message as it is read and written, for a ladder diagram or a capture. Must not block.
pub trait MessageTap: Send + Sync + 'static {
    /// A message passed. `local` is not known for one that waits for its connection.
    fn message(
        &self,
        direction: Direction,
        transport: Transport,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        bytes: &Bytes,
    );
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the peer.
    In,
    /// To the peer.
    Out,
}

/// The running driver. Dropping it without [`SipDriver::stop`] ends everything at once.
#[derive(Debug)]
pub struct SipDriver {
    handle: SipHandle,
    local_addresses: Vec<(Transport, SocketAddr)>,
    tasks: Tasks,
}

impl SipDriver {
    /// Binds every listener and starts the shards on the runtime of the caller. `tap` sees every message; `None` costs
    /// nothing.
    pub fn start(
        config: SipConfig,
        sink: Arc<dyn SipSink>,
        tap: Option<Arc<dyn MessageTap>>,
    ) -> Result<Self, StartError> {
        let shards = shard_count(config.shards);
        let bound = Bound::bind(&config.listeners, shards)?;
        let tasks = Tasks::default();
        let (router, inboxes) = route::routes(shards);
        let connections = Connections::new(config.connections.clone());
        let (commands, command_inboxes): (Vec<_>, Vec<_>) = (0..shards).map(|_| mpsc::unbounded_channel()).unzip();
        let handle = SipHandle {
            shared: Arc::new(Shared {
                commands,
                admission: Arc::new(Semaphore::new(COMMANDS)),
                next_number: AtomicU64::new(0),
                connections: Arc::clone(&connections),
                router: router.clone(),
            }),
        };
        let outside = transmit::Outside {
            sockets: bound.udp.iter().map(|sockets| Arc::clone(&sockets[0])).collect(),
            tcp_source: bound.tcp.iter().filter_map(|listener| source_address(listener.local_addr().ok()?)).collect(),
            connections: Arc::clone(&connections),
            router: router.clone(),
            tasks: tasks.clone(),
            tap,
        };
        for (shard, (inbox, commands)) in (0..shards).zip(inboxes.into_iter().zip(command_inboxes)) {
            let endpoint = Config {
                shard,
                shards,
                user_agent: config.user_agent.clone(),
                addresses: bound.advertised.clone(),
                timings: config.timings.clone(),
                limits: config.limits.clone(),
            };
            let seed = seed().map_err(StartError::Randomness)?;
            let task = shard::Shard::new(
                sip::endpoint::Endpoint::new(endpoint, seed),
                shard::Doors {
                    shard,
                    sockets: bound.sockets_of(shard, shards),
                    inbox,
                    commands,
                    handle: handle.clone(),
                },
                Arc::clone(&sink),
                outside.clone(),
            );
            tasks.spawn(task.run());
        }
        let local_addresses = bound.local_addresses;
        for listener in bound.tcp {
            tasks.spawn(tcp::accept(listener, Arc::clone(&connections), router.clone(), tasks.clone()));
        }
        Ok(Self { handle, local_addresses, tasks })
    }

    /// The door for commands.
    pub fn handle(&self) -> SipHandle {
        self.handle.clone()
    }

    /// The addresses of the listeners, in the order of [`SipConfig::listeners`], with the real ports.
    pub fn local_addresses(&self) -> &[(Transport, SocketAddr)] {
        &self.local_addresses
    }

    /// Ends every listener, shard and connection, and waits until they are gone and their ports free.
    ///
    /// Calls are not hung up here: that is the switch's part, before.
    pub async fn stop(self) {
        self.tasks.end();
        self.tasks.tracker.wait().await;
    }
}

impl Drop for SipDriver {
    fn drop(&mut self) {
        self.tasks.end();
    }
}

/// Every task of a driver, with one end for all of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    cancel: CancellationToken,
    tracker: TaskTracker,
}

impl Tasks {
    /// Runs `task` until it ends or the driver is stopped.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let cancel = self.cancel.clone();
        self.tracker.spawn(async move {
            // Cancelled or ended, the driver does not mind.
            cancel.run_until_cancelled(task).await.unwrap_or(());
        });
    }

    fn end(&self) {
        self.cancel.cancel();
        self.tracker.close();
    }
}

fn shard_count(asked: u16) -> u16 {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, |cores| u16::try_from(cores.get()).unwrap_or(SHARDS_MAX)),
        asked => asked,
    }
    .min(SHARDS_MAX)
}

fn seed() -> Result<[u8; 32], getrandom::Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(seed)
}

/// Where outgoing connections come from: the listener's address, when it has one, and any port.
fn source_address(listener: SocketAddr) -> Option<SocketAddr> {
    (!listener.ip().is_unspecified()).then(|| SocketAddr::new(listener.ip(), 0))
}

/// Every listener's sockets.
struct Bound {
    /// Per UDP listener: one socket, or one for each shard.
    udp: Vec<Vec<Arc<UdpSocket>>>,
    tcp: Vec<tokio::net::TcpListener>,
    advertised: Vec<Advertised>,
    local_addresses: Vec<(Transport, SocketAddr)>,
}

impl Bound {
    fn bind(listeners: &[Listener], shards: u16) -> Result<Self, StartError> {
        let mut bound = Self { udp: Vec::new(), tcp: Vec::new(), advertised: Vec::new(), local_addresses: Vec::new() };
        for listener in listeners {
            let failed = |source| StartError::Bind { transport: listener.transport, address: listener.bind, source };
            if listener.bind.ip().is_unspecified() && listener.advertised.is_none() {
                return Err(StartError::NoAdvertisedAddress { address: listener.bind });
            }
            let local = match listener.transport {
                Transport::Udp => {
                    let sockets = udp_sockets(listener, shards).map_err(failed)?;
                    let local = sockets[0].local_addr().map_err(failed)?;
                    bound.udp.push(sockets);
                    local
                }
                Transport::Tcp => {
                    let socket = tcp::bind(listener.bind).map_err(failed)?;
                    let local = socket.local_addr().map_err(failed)?;
                    bound.tcp.push(socket);
                    local
                }
                transport => return Err(StartError::Unsupported { transport }),
            };
            bound.local_addresses.push((listener.transport, local));
            bound.advertise(listener, local);
        }
        Ok(bound)
    }

    fn advertise(&mut self, listener: &Listener, local: SocketAddr) {
        if self.advertised.iter().any(|known| known.transport == listener.transport) {
            return;
        }
        let own = Advertised::address(listener.transport, local);
        self.advertised.push(match &listener.advertised {
            Some(host) => Advertised { host: host.host.clone(), port: host.port.unwrap_or(own.port), ..own },
            None => own,
        });
    }

    /// The sockets that `shard` reads: its own of each listener, or the only one of each listener that is its turn.
    fn sockets_of(&self, shard: u16, shards: u16) -> Vec<Arc<UdpSocket>> {
        let own = |(index, sockets): (usize, &Vec<Arc<UdpSocket>>)| match sockets.as_slice() {
            [only] => (index % usize::from(shards) == usize::from(shard)).then(|| Arc::clone(only)),
            each => each.get(usize::from(shard)).cloned(),
        };
        self.udp.iter().enumerate().filter_map(own).collect()
    }
}

fn udp_sockets(listener: &Listener, shards: u16) -> io::Result<Vec<Arc<UdpSocket>>> {
    if !listener.socket_per_shard || shards == 1 {
        return Ok(vec![Arc::new(udp::bind(listener.bind, ReusePort::No)?)]);
    }
    // A plain bind first: with SO_REUSEPORT alone a second server on the same address would go unnoticed and take
    // half of the calls.
    drop(udp::bind(listener.bind, ReusePort::No)?);
    let first = udp::bind(listener.bind, ReusePort::Yes)?;
    let address = first.local_addr()?;
    let others = (1..shards).map(|_| udp::bind(address, ReusePort::Yes));
    std::iter::once(Ok(first)).chain(others).map(|socket| socket.map(Arc::new)).collect()
}

/// Why the driver did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be bound.
    #[error("cannot listen on {address} ({}): {source}", transport.via_name())]
    Bind {
        /// Its transport.
        transport: Transport,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A wildcard listener needs to know what to put into Via and Contact.
    #[error("the listener on {address} needs an advertised address: peers cannot answer to a wildcard")]
    NoAdvertisedAddress {
        /// The address.
        address: SocketAddr,
    },
    /// The system gave no randomness.
    #[error("the system gives no randomness: {0}")]
    Randomness(#[source] getrandom::Error),
    /// The transport has no listener yet.
    #[error("listening for {} is not supported yet", transport.via_name())]
    Unsupported {
        /// The transport.
        transport: Transport,
    },
}

/// The door to the shards. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SipHandle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Unbounded by themselves: `admission` bounds what comes from outside, and what a shard sends to another one is
    /// bounded by the events it handles. So a shard never waits, and no command is lost.
    commands: Vec<mpsc::UnboundedSender<Control>>,
    admission: Arc<Semaphore>,
    next_number: AtomicU64,
    connections: Arc<Connections>,
    router: Router,
}

/// What a shard is told.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are commands: a box would be an allocation for each of them")]
enum Control {
    Command {
        command: Command,
        _admitted: Option<tokio::sync::OwnedSemaphorePermit>,
    },
    FindSession {
        replaces: Replaces,
        answer: Answer,
    },
    /// The answer to a look-up for the Replaces of an INVITE that waits in this shard.
    Found {
        invite: SessionId,
        session: Option<SessionId>,
    },
}

#[derive(Debug)]
enum Answer {
    Caller(oneshot::Sender<Option<SessionId>>),
    Shard { shard: u16, invite: SessionId },
}

impl SipHandle {
    /// Gives a command to the endpoint that it concerns. Waits when too many commands wait. A refusal by the endpoint
    /// comes to [`SipSink::handle_refusal`].
    pub async fn command(&self, command: Command) -> Result<(), Stopped> {
        let permit = Arc::clone(&self.shared.admission).acquire_owned().await.map_err(|_| Stopped)?;
        self.submit(Control::Command { _admitted: Some(permit), command })
    }

    /// As [`SipHandle::command`], but gives the command back when too many commands wait.
    pub fn try_command(&self, command: Command) -> Result<(), TryCommandError> {
        match Arc::clone(&self.shared.admission).try_acquire_owned() {
            Ok(permit) => self
                .submit(Control::Command { _admitted: Some(permit), command })
                .map_err(|Stopped| TryCommandError::Stopped),
            Err(_) => Err(TryCommandError::Full(Box::new(command))),
        }
    }

    /// The identity for a call to originate. Shards take turns.
    pub fn new_session(&self) -> SessionId {
        let number = self.shared.next_number.fetch_add(1, Ordering::Relaxed);
        let shards = self.shared.commands.len() as u64;
        SessionId::originated((number % shards) as u16, number)
    }

    /// The session of the dialog that `replaces` names, on any shard: for the Replaces of a REFER.
    pub async fn find_session(&self, replaces: Replaces) -> Option<SessionId> {
        let (answer, found) = oneshot::channel();
        let shard = self.shared.router.shard_of(replaces.call_id.as_bytes());
        let control = Control::FindSession { replaces, answer: Answer::Caller(answer) };
        self.shared.commands[usize::from(shard)].send(control).ok()?;
        found.await.ok()?
    }

    /// Lets the connection of `flow` out of the bounds for strangers: its peer has authenticated (C4).
    pub fn trust(&self, flow: &Flow) {
        if flow.connection != 0 {
            self.shared.connections.trust(flow.connection);
        }
    }

    /// Counts since the start.
    pub fn counters(&self) -> CountersSnapshot {
        self.shared.router.counters().snapshot(self.shared.connections.len() as u64)
    }

    fn submit(&self, control: Control) -> Result<(), Stopped> {
        let shard = match &control {
            Control::Command { command, .. } => self.shard_of(command),
            Control::FindSession { replaces, .. } => self.shared.router.shard_of(replaces.call_id.as_bytes()),
            Control::Found { invite, .. } => invite.shard(),
        };
        // An identity of another driver names a shard that is not here.
        let commands = self.shared.commands.get(usize::from(shard)).ok_or(Stopped)?;
        commands.send(control).map_err(|_| Stopped)
    }

    fn shard_of(&self, command: &Command) -> u16 {
        match Subject::of(command) {
            Subject::Session(session) => session.shard(),
            Subject::Transaction(transaction) => transaction.shard(),
            Subject::Request(request) => match command {
                // The answer has the request's Call-ID, so the shard that waits must be the one it belongs to.
                Command::SendRequest(outbound) => match &outbound.identity {
                    Some((call_id, _)) => self.shared.router.shard_of(call_id),
                    None => (request.0 % self.shared.commands.len() as u64) as u16,
                },
                _ => 0,
            },
        }
    }
}

/// The driver has been stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the SIP driver has been stopped")]
pub struct Stopped;

/// Why a command was not taken at once.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TryCommandError {
    /// Too many commands wait; here it is back.
    #[error("too many SIP commands wait")]
    Full(Box<Command>),
    /// The driver has been stopped.
    #[error("the SIP driver has been stopped")]
    Stopped,
}

/// Counts of everything that is not an event.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) received: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) receive_errors: AtomicU64,
    pub(crate) requests_dropped: AtomicU64,
    pub(crate) messages_dropped: AtomicU64,
    pub(crate) sends_failed: AtomicU64,
    pub(crate) connections_accepted: AtomicU64,
    pub(crate) connections_refused: AtomicU64,
    pub(crate) connections_opened: AtomicU64,
    pub(crate) connections_ended: AtomicU64,
    pub(crate) accepts_failed: AtomicU64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }

    fn snapshot(&self, connections: u64) -> CountersSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CountersSnapshot {
            connections,
            received: read(&self.received),
            sent: read(&self.sent),
            receive_errors: read(&self.receive_errors),
            requests_dropped: read(&self.requests_dropped),
            messages_dropped: read(&self.messages_dropped),
            sends_failed: read(&self.sends_failed),
            connections_accepted: read(&self.connections_accepted),
            connections_refused: read(&self.connections_refused),
            connections_opened: read(&self.connections_opened),
            connections_ended: read(&self.connections_ended),
            accepts_failed: read(&self.accepts_failed),
        }
    }
}

/// What the driver has counted since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CountersSnapshot {
    /// Connections up now.
    pub connections: u64,
    /// Messages read.
    pub received: u64,
    /// Messages given to the system.
    pub sent: u64,
    /// Errors of reading datagrams.
    pub receive_errors: u64,
    /// New requests dropped because a shard's inbox was three quarters full.
    pub requests_dropped: u64,
    /// Other datagrams dropped because a shard's inbox was full.
    pub messages_dropped: u64,
    /// Messages that could not be sent.
    pub sends_failed: u64,
    /// Connections of peers.
    pub connections_accepted: u64,
    /// Connections of peers refused at a bound.
    pub connections_refused: u64,
    /// Connections of ours.
    pub connections_opened: u64,
    /// Connections that ended, both kinds.
    pub connections_ended: u64,
    /// Failures to accept, out of descriptors for example.
    pub accepts_failed: u64,
}

#[cfg(test)]
mod tests;

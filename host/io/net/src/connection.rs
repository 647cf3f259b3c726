//! Connections of any stream transport: their table, their bounds and their life.
//!
//! A transport brings a [`MessageSource`] and a [`MessageSink`]. TCP cuts its bytes with `sip::message::Framer` (see
//! `stream`); TLS will do the same over its own bytes, and a WebSocket will give one message per frame.

use std::{
    collections::{HashMap, hash_map::Entry},
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use sip::endpoint::{Destination, Flow, Input, Transport};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

use crate::sip_driver::{Counters, Router};

pub(crate) mod stream;

/// Messages waiting to be written to one connection; a peer that reads nothing is cut off here (C4).
const QUEUE_MESSAGES: usize = 1_024;
/// Bytes waiting to be written to one connection.
const QUEUE_BYTES: usize = 1_024 * 1_024;
/// Part of both bounds at which nothing more is read from the peer: what it asked and was not yet answered still fits.
const READ_WHILE_BELOW: usize = 2;
/// Messages of one connection that wait for the shards. Nothing more is read from it meanwhile.
const UNHANDLED_MESSAGES: usize = 128;

/// Outgoing connections that are not up yet. A stranger who asks and hangs up before the answer makes us try one.
const OPENING_MAX: usize = 512;

/// The bounds of connections.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// Connections at once, outgoing ones included. Keep it below the process's limit of open files. Default 8,192.
    pub total: usize,
    /// Part of `total` that only trusted connections may fill: those over which somebody authenticated, and our own
    /// outgoing ones. Default 2,048.
    pub reserved: usize,
    /// Untrusted connections from one IPv4 address or one IPv6 /64. Default 256: many phones share one address.
    pub per_address: usize,
    /// Wait for our outgoing connection to be accepted. Default 5 s.
    pub connect: Duration,
    /// Wait for the first whole message of an accepted connection. Default 10 s.
    pub first_message: Duration,
    /// Wait for the rest of a message whose first byte has come. Default 5 s.
    pub message: Duration,
    /// Silence after which a connection is closed; keep-alives are no silence. Default 30 min.
    pub idle: Duration,
    /// Wait for the peer to take anything of what is written to it. Default 10 s.
    pub write: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            total: 8_192,
            reserved: 2_048,
            per_address: 256,
            connect: Duration::from_secs(5),
            first_message: Duration::from_secs(10),
            message: Duration::from_secs(5),
            idle: Duration::from_secs(30 * 60),
            write: Duration::from_secs(10),
        }
    }
}

/// What came out of a connection.
#[derive(Debug)]
pub(crate) enum Received {
    /// One whole message.
    Message(Bytes),
    /// A keep-alive that wants this answer.
    Ping(&'static [u8]),
    /// The peer cannot be understood any more: send this, then close.
    Broken(Option<Bytes>),
    /// Bytes came, but no whole message.
    Partial,
    /// The peer has closed.
    Closed,
}

/// The reading half of a connection.
pub(crate) trait MessageSource: Send {
    /// The next thing the peer sent; returns after any byte, so that deadlines can follow. Dropping the future loses
    /// nothing.
    fn receive(&mut self) -> impl Future<Output = io::Result<Received>> + Send;
    /// When the message that has begun to arrive began to.
    fn partial_since(&self) -> Option<tokio::time::Instant>;
    /// When the last byte arrived.
    fn last_byte(&self) -> tokio::time::Instant;
}

/// The writing half of a connection.
pub(crate) trait MessageSink: Send {
    /// Writes a whole message.
    fn send(&mut self, message: &Bytes) -> impl Future<Output = io::Result<()>> + Send;
    /// Tells the peer that nothing follows.
    fn finish(&mut self) -> impl Future<Output = ()> + Send;
}

/// Every connection, by number and by the peer's address.
#[derive(Debug)]
pub(crate) struct Connections {
    limits: ConnectionLimits,
    /// Held for a look-up, an insertion or a removal, never across a wait.
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    last_number: u64,
    by_number: HashMap<u64, Connection>,
    by_remote: HashMap<(Transport, SocketAddr), u64>,
    untrusted_by_address: HashMap<IpAddr, usize>,
    untrusted: usize,
    /// Outgoing connections that are not up yet.
    opening: usize,
}

#[derive(Debug)]
struct Connection {
    remote: (Transport, SocketAddr),
    queue: mpsc::Sender<Bytes>,
    backlog: Arc<Backlog>,
    trust: Trust,
    /// Who has to know if an outgoing connection that is not up yet does not come up. Empty for one that is up.
    waiting: Vec<Waiting>,
    /// Dropped with this entry, which ends the connection's task at once.
    _alive: oneshot::Sender<()>,
}

/// A shard, and where it wanted to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) shard: u16,
    pub(crate) destination: Destination,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    Untrusted,
    Trusted,
}

/// A connection's own end of its table entry. Removes the entry when dropped.
pub(crate) struct Member {
    pub(crate) number: u64,
    queue: mpsc::Receiver<Bytes>,
    backlog: Arc<Backlog>,
    ended: oneshot::Receiver<()>,
    connections: Arc<Connections>,
}

/// What waits to be written to a connection.
#[derive(Debug, Default)]
struct Backlog {
    messages: AtomicUsize,
    bytes: AtomicUsize,
    /// Told when the backlog has become short again.
    shrunk: Notify,
}

impl Backlog {
    fn is_short(&self) -> bool {
        self.messages.load(Ordering::Relaxed) < QUEUE_MESSAGES / READ_WHILE_BELOW
            && self.bytes.load(Ordering::Relaxed) < QUEUE_BYTES / READ_WHILE_BELOW
    }

    fn written(&self, bytes: usize) {
        let was_short = self.is_short();
        self.messages.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        if !was_short && self.is_short() {
            self.shrunk.notify_one();
        }
    }

    /// Waits until the peer has taken enough of its answers to be asked for more.
    async fn short(&self) {
        while !self.is_short() {
            self.shrunk.notified().await;
        }
    }
}

/// Why a connection or message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no such connection.
    Gone,
    /// The peer does not read; the connection was ended.
    Slow,
    /// A bound of [`ConnectionLimits`].
    Limit,
}

/// What to do for a message to an address.
pub(crate) enum Addressed {
    /// It is on its way.
    Queued,
    /// It is queued, and this is the new connection to open.
    Connect(Member),
}

impl Connections {
    pub(crate) fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self { limits, table: Mutex::default() })
    }

    pub(crate) fn limits(&self) -> &ConnectionLimits {
        &self.limits
    }

    pub(crate) fn len(&self) -> usize {
        self.table().by_number.len()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // No statement under the lock panics between two that belong together.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in an accepted connection.
    pub(crate) fn accept(self: &Arc<Self>, transport: Transport, remote: SocketAddr) -> Result<Member, Refused> {
        let mut table = self.table();
        let address = address_class(remote.ip());
        let from_address = table.untrusted_by_address.get(&address).copied().unwrap_or(0);
        let room = self.limits.total.saturating_sub(self.limits.reserved);
        let full = table.by_number.len() >= self.limits.total || table.untrusted >= room;
        if full || from_address >= self.limits.per_address {
            return Err(Refused::Limit);
        }
        Ok(table.insert(self, (transport, remote), Trust::Untrusted, Vec::new()))
    }

    /// Lets a connection out of the bounds for strangers: its peer has authenticated.
    pub(crate) fn trust(&self, number: u64) {
        let mut table = self.table();
        let Some(connection) = table.by_number.get_mut(&number) else { return };
        if std::mem::replace(&mut connection.trust, Trust::Trusted) == Trust::Untrusted {
            let remote = connection.remote.1;
            table.forget_untrusted(remote);
        }
    }

    /// Queues a message on a connection.
    pub(crate) fn send(&self, number: u64, message: Bytes) -> Result<(), Refused> {
        let mut table = self.table();
        let connection = table.by_number.get(&number).ok_or(Refused::Gone)?;
        let sent = connection.push(message);
        if sent == Err(Refused::Slow) {
            table.remove(number);
        }
        sent
    }

    /// Queues a message on any connection to its destination's address, a new one if there is none.
    pub(crate) fn send_to(self: &Arc<Self>, waiting: Waiting, message: Bytes) -> Result<Addressed, Refused> {
        let remote = (waiting.destination.transport(), waiting.destination.listener());
        let mut table = self.table();
        if let Some(number) = table.by_remote.get(&remote).copied() {
            let connection = table.by_number.get_mut(&number).expect("both maps are changed together");
            match connection.push(message.clone()) {
                Ok(()) => {
                    if !connection.waiting.is_empty() && !connection.waiting.contains(&waiting) {
                        connection.waiting.push(waiting);
                    }
                    return Ok(Addressed::Queued);
                }
                Err(Refused::Slow) => {
                    table.remove(number);
                    return Err(Refused::Slow);
                }
                // Its task has just ended: a new one may do.
                Err(_) => {}
            }
        }
        if table.by_number.len() >= self.limits.total || table.opening >= OPENING_MAX {
            return Err(Refused::Limit);
        }
        table.opening += 1;
        let member = table.insert(self, remote, Trust::Trusted, vec![waiting]);
        let connection = table.by_number.get(&member.number).expect("it was inserted in the line before");
        connection.push(message)?;
        Ok(Addressed::Connect(member))
    }

    /// An outgoing connection is up: who waited for it need not be told of a failure any more.
    pub(crate) fn connected(&self, number: u64) {
        let mut table = self.table();
        if let Some(connection) = table.by_number.get_mut(&number)
            && !std::mem::take(&mut connection.waiting).is_empty()
        {
            table.opening -= 1;
        }
    }

    /// Who to tell that an outgoing connection does not come up. The entry is gone after this.
    pub(crate) fn give_up(&self, number: u64) -> Vec<Waiting> {
        self.table().remove(number).map_or_else(Vec::new, |connection| connection.waiting)
    }
}

impl Connection {
    fn push(&self, message: Bytes) -> Result<(), Refused> {
        let bytes = message.len();
        self.backlog.messages.fetch_add(1, Ordering::Relaxed);
        if self.backlog.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > QUEUE_BYTES {
            return Err(Refused::Slow);
        }
        self.queue.try_send(message).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refused::Slow,
            mpsc::error::TrySendError::Closed(_) => Refused::Gone,
        })
    }
}

impl Table {
    fn insert(
        &mut self,
        connections: &Arc<Connections>,
        remote: (Transport, SocketAddr),
        trust: Trust,
        waiting: Vec<Waiting>,
    ) -> Member {
        // 0 is UDP. Counting to 2^64 takes longer than any process lives.
        self.last_number += 1;
        let number = self.last_number;
        let (sender, queue) = mpsc::channel(QUEUE_MESSAGES);
        let (alive, ended) = oneshot::channel();
        let backlog = Arc::new(Backlog::default());
        let connection =
            Connection { remote, queue: sender, backlog: Arc::clone(&backlog), trust, waiting, _alive: alive };
        self.by_number.insert(number, connection);
        self.by_remote.insert(remote, number);
        if trust == Trust::Untrusted {
            self.untrusted += 1;
            *self.untrusted_by_address.entry(address_class(remote.1.ip())).or_insert(0) += 1;
        }
        Member { number, queue, backlog, ended, connections: Arc::clone(connections) }
    }

    fn remove(&mut self, number: u64) -> Option<Connection> {
        let connection = self.by_number.remove(&number)?;
        if self.by_remote.get(&connection.remote) == Some(&number) {
            self.by_remote.remove(&connection.remote);
        }
        if connection.trust == Trust::Untrusted {
            self.forget_untrusted(connection.remote.1);
        }
        if !connection.waiting.is_empty() {
            self.opening -= 1;
        }
        Some(connection)
    }

    fn forget_untrusted(&mut self, remote: SocketAddr) {
        self.untrusted -= 1;
        if let Entry::Occupied(mut count) = self.untrusted_by_address.entry(address_class(remote.ip())) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.connections.table().remove(self.number);
    }
}

/// What counts as one address for [`ConnectionLimits::per_address`].
pub(crate) fn address_class(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    ByPeer,
    ByUs,
}

/// Runs an open connection to its end, and tells every shard of it.
pub(crate) async fn serve<R: MessageSource, W: MessageSink>(
    (mut source, mut sink): (R, W),
    flow: Flow,
    opened: Opened,
    mut member: Member,
    router: Router,
) {
    let connections = Arc::clone(&member.connections);
    let limits = connections.limits();
    let (farewell, farewells) = oneshot::channel();
    let end = {
        let read = read(&mut source, flow, opened, (&connections, &member.backlog), &router);
        let mut write = pin!(write(&mut sink, &mut member.queue, &member.backlog, limits.write, farewells));
        tokio::select! {
            (end, last_words) = read => {
                // What was answered to the last messages is still written, within a bound.
                if farewell.send(last_words).is_ok() && tokio::time::timeout(limits.write, write).await.is_err() {
                    End::Slow
                } else {
                    end
                }
            }
            () = &mut write => End::Slow,
            _ = &mut member.ended => End::Slow,
        }
    };
    let counters = Arc::clone(router.counters());
    tracing::debug!(connection = flow.connection, remote = %flow.remote, %end, "connection ended");
    Counters::add(&counters.connections_ended, 1);
    // Out of the table first, so that no shard finds it again after it was told.
    drop(member);
    router.broadcast(Input::FlowClosed { flow }).await;
}

/// Why a connection came to its end.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the peer's bytes are no messages")]
    Broken,
    #[error("closed by the peer")]
    Closed,
    #[error(transparent)]
    Failed(io::Error),
    #[error("the peer was silent for too long")]
    Silent,
    #[error("the peer does not read")]
    Slow,
}

/// Reads to the end; returns with it what is still to be said to the peer.
async fn read<R: MessageSource>(
    source: &mut R,
    flow: Flow,
    opened: Opened,
    (connections, backlog): (&Connections, &Backlog),
    router: &Router,
) -> (End, Option<Bytes>) {
    let limits = connections.limits();
    let first_by = tokio::time::Instant::now() + limits.first_message;
    let mut had_message = opened == Opened::ByUs;
    let unhandled = Arc::new(Semaphore::new(UNHANDLED_MESSAGES));
    loop {
        // No deadline: the writer ends the connection of a peer that takes nothing.
        backlog.short().await;
        let idle_by = source.last_byte() + limits.idle;
        let whole_by = source.partial_since().map(|since| since + limits.message);
        let first_by = (!had_message).then_some(first_by);
        let deadline = [whole_by, first_by].into_iter().flatten().fold(idle_by, Ord::min);
        match tokio::time::timeout_at(deadline, source.receive()).await {
            Ok(Ok(Received::Message(bytes))) => {
                had_message = true;
                let turn = Arc::clone(&unhandled).acquire_owned().await.expect("this semaphore is never closed");
                router.deliver(flow, bytes, turn).await;
            }
            Ok(Ok(Received::Ping(answer))) => {
                // A peer that pings without reading is ended by its own queue.
                if connections.send(flow.connection, Bytes::from_static(answer)).is_err() {
                    return (End::Slow, None);
                }
            }
            Ok(Ok(Received::Partial)) => {}
            Ok(Ok(Received::Broken(answer))) => return (End::Broken, answer),
            Ok(Ok(Received::Closed)) => return (End::Closed, None),
            Ok(Err(error)) => return (End::Failed(error), None),
            Err(_) => return (End::Silent, None),
        }
    }
}

/// Writes what is queued until something fails, or until the reader's farewell and everything queued before it.
async fn write<W: MessageSink>(
    sink: &mut W,
    queue: &mut mpsc::Receiver<Bytes>,
    backlog: &Backlog,
    patience: Duration,
    mut farewells: oneshot::Receiver<Option<Bytes>>,
) {
    let mut farewell = None;
    while farewell.is_none() {
        tokio::select! {
            message = queue.recv() => {
                let Some(message) = message else { return };
                if !matches!(tokio::time::timeout(patience, sink.send(&message)).await, Ok(Ok(()))) {
                    return;
                }
                backlog.written(message.len());
            }
            words = &mut farewells => farewell = words.ok(),
        }
    }
    let queued: Vec<Bytes> = std::iter::from_fn(|| queue.try_recv().ok()).collect();
    for message in queued.iter().chain(farewell.flatten().as_ref()) {
        if sink.send(message).await.is_err() {
            return;
        }
    }
    sink.finish().await;
}

/// Tells the shards that waited for a connection that there is none.
pub(crate) async fn connecting_failed(member: Member, router: Router) {
    for Waiting { shard, destination } in member.connections.give_up(member.number) {
        router.tell(shard, Input::TransmitFailed { destination }).await;
    }
}

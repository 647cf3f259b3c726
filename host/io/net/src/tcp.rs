//! TCP: accepting, connecting and noticing that a peer is gone.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use sip::endpoint::{Flow, Transport};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::{
    connection::{self, Connections, Member, Opened, stream},
    sip_driver::{Counters, Router, Tasks},
};

/// Connections the kernel accepts ahead of us.
const BACKLOG: u32 = 1_024;
/// Wait after a failed accept. Out of descriptors, an accept fails at once and again: without the wait it spins (C7).
const ACCEPT_RETRY: Duration = Duration::from_millis(200);
/// Failed accepts between two lines in the log: about one a minute.
const FAILURES_PER_LOG: u64 = 300;
/// When a silent peer is probed, how often, and after how many unanswered probes it is gone: a host that lost power
/// never says so.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(60), Duration::from_secs(15), 4);

/// Binds a listener.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        let socket = TcpSocket::new_v6()?;
        SockRef::from(&socket).set_only_v6(true)?;
        Ok(socket)
    }?;
    // A restart must not wait for connections of the last process in TIME_WAIT. Two listeners still exclude each other.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts until the task is dropped.
pub(crate) async fn accept(listener: TcpListener, connections: Arc<Connections>, router: Router, tasks: Tasks) {
    let mut failures: u64 = 0;
    loop {
        let (stream, remote) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                if failures.is_multiple_of(FAILURES_PER_LOG) {
                    tracing::error!(%error, "cannot accept a connection; calls and other connections go on");
                }
                failures += 1;
                Counters::add(&router.counters().accepts_failed, 1);
                tokio::time::sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        let Ok(member) = connections.accept(Transport::Tcp, remote) else {
            // Closed without a word: whoever fills the table gets no more work out of us (C4).
            Counters::add(&router.counters().connections_refused, 1);
            continue;
        };
        Counters::add(&router.counters().connections_accepted, 1);
        tasks.spawn(run(stream, remote, Opened::ByPeer, member, router.clone()));
    }
}

/// Opens a connection from `local` and runs it, or tells those who wait that there is none.
pub(crate) async fn connect(
    local: Option<SocketAddr>,
    remote: SocketAddr,
    connections: Arc<Connections>,
    member: Member,
    router: Router,
) {
    let opening = async {
        let socket = if remote.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if let Some(local) = local {
            socket.bind(local)?;
        }
        socket.connect(remote).await
    };
    let opened = tokio::time::timeout(connections.limits().connect, opening).await;
    let failure = match opened {
        Ok(Ok(stream)) => {
            connections.connected(member.number);
            Counters::add(&router.counters().connections_opened, 1);
            return run(stream, remote, Opened::ByUs, member, router).await;
        }
        Ok(Err(error)) => error,
        Err(_) => io::ErrorKind::TimedOut.into(),
    };
    tracing::info!(%remote, error = %failure, "cannot connect");
    connection::connecting_failed(member, router).await;
}

async fn run(stream: TcpStream, remote: SocketAddr, opened: Opened, member: Member, router: Router) {
    // Both fail only on a connection that is already gone; reading will tell.
    let local = match prepare(&stream) {
        Ok(local) => local,
        Err(error) => {
            tracing::debug!(%remote, %error, "connection was gone before it began");
            return;
        }
    };
    let flow = Flow { transport: Transport::Tcp, local, remote, connection: member.number };
    connection::serve(stream::halves(stream), flow, opened, member, router).await;
}

fn prepare(stream: &TcpStream) -> io::Result<SocketAddr> {
    let (idle, interval, probes) = KEEPALIVE;
    let keepalive = TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(probes);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)?;
    // A message is written whole: waiting to fill a segment only delays it.
    stream.set_nodelay(true)?;
    stream.local_addr()
}

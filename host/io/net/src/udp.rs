//! UDP sockets: big kernel buffers, and all waiting datagrams at each wake-up.

use std::{
    io,
    net::SocketAddr,
    task::{Context, Poll},
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

/// Kernel buffer asked for in each direction; the kernel may give less (net.core.rmem_max). At 1 KB a message it holds
/// what arrives while a shard is busy for tens of milliseconds.
const KERNEL_BUFFER_BYTES: usize = 4 * 1_024 * 1_024;
/// The longest payload UDP can carry fits, so the kernel never cuts a datagram short.
pub(crate) const DATAGRAM_BYTES_MAX: usize = 65_536;

/// Binds a socket.
pub(crate) fn bind(address: SocketAddr, reuse_port: ReusePort) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // A dual-stack socket would show IPv4 peers as mapped addresses, which no Via or ACL expects.
        socket.set_only_v6(true)?;
    }
    if reuse_port == ReusePort::Yes {
        socket.set_reuse_port(true)?;
    }
    for (what, result) in [
        ("receive", socket.set_recv_buffer_size(KERNEL_BUFFER_BYTES)),
        ("send", socket.set_send_buffer_size(KERNEL_BUFFER_BYTES)),
    ] {
        if let Err(error) = result {
            tracing::warn!(%address, %error, what, "cannot enlarge a kernel buffer");
        }
    }
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// Whether several sockets of this process share one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReusePort {
    No,
    Yes,
}

/// The next datagram, or readiness registered with `cx`. Errors are about single datagrams (an ICMP answer to an
/// earlier one, say) and are for the caller to count.
pub(crate) fn poll_receive(
    socket: &UdpSocket,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<(usize, SocketAddr)>> {
    loop {
        match socket.try_recv_from(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => match socket.poll_recv_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            },
            received => return Poll::Ready(received),
        }
    }
}

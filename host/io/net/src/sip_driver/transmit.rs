//! From a destination to a socket or connection.

use std::{io, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use sip::endpoint::{Destination, Flow, Transport};
use tokio::net::UdpSocket;

use super::{Counters, Direction, MessageTap, Router, Tasks};
use crate::{
    connection::{Addressed, Connections, Refused, Waiting},
    tcp,
};

/// Everything a shard can send with. Each shard has a clone.
#[derive(Clone)]
pub(super) struct Outside {
    /// One socket per UDP listener.
    pub(super) sockets: Vec<Arc<UdpSocket>>,
    /// Where outgoing connections come from, per address family.
    pub(super) tcp_source: Vec<SocketAddr>,
    pub(super) connections: Arc<Connections>,
    pub(super) router: Router,
    pub(super) tasks: Tasks,
    pub(super) tap: Option<Arc<dyn MessageTap>>,
}

/// The message is lost, and the endpoint has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotSent;

impl Outside {
    /// Sends a message of `shard`, or begins to.
    pub(super) fn send(&self, shard: u16, destination: Destination, bytes: Bytes) -> Result<(), NotSent> {
        if let Some(tap) = &self.tap {
            let local = destination.flow().map(|flow| flow.local);
            tap.message(Direction::Out, destination.transport(), local, destination.remote(), &bytes);
        }
        let sent = match destination {
            Destination::Flow(flow) if flow.transport == Transport::Udp => {
                self.send_datagram(Some(flow), flow.remote, &bytes)
            }
            // §18.2.2: a response whose connection is gone goes over another one.
            Destination::Flow(flow) | Destination::Reopen { flow, .. } => {
                match self.connections.send(flow.connection, bytes.clone()) {
                    Ok(()) => Ok(()),
                    Err(Refused::Gone) => self.send_over_any(shard, destination, bytes),
                    Err(_) => Err(NotSent),
                }
            }
            Destination::Address { transport: Transport::Udp, remote } => self.send_datagram(None, remote, &bytes),
            Destination::Address { .. } => self.send_over_any(shard, destination, bytes),
        };
        let counters = self.router.counters();
        Counters::add(if sent.is_ok() { &counters.sent } else { &counters.sends_failed }, 1);
        sent
    }

    fn send_datagram(&self, flow: Option<Flow>, remote: SocketAddr, bytes: &[u8]) -> Result<(), NotSent> {
        let is_source = |socket: &&Arc<UdpSocket>| {
            socket.local_addr().is_ok_and(|local| match flow {
                Some(flow) => local == flow.local,
                None => local.is_ipv4() == remote.is_ipv4(),
            })
        };
        let socket = match self.sockets.as_slice() {
            [only] => Some(only),
            sockets => sockets.iter().find(is_source),
        };
        match socket.ok_or(NotSent)?.try_send_to(bytes, remote) {
            Ok(_) => Ok(()),
            // A full kernel buffer is loss on the first hop: retransmission is the endpoint's business as for any loss.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Counters::add(&self.router.counters().messages_dropped, 1);
                Ok(())
            }
            // An ICMP answer to an earlier datagram; this one may still go through.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
            Err(error) => {
                tracing::debug!(%remote, %error, "cannot send a datagram");
                Err(NotSent)
            }
        }
    }

    /// Sends over any connection to the destination's address, or opens one.
    fn send_over_any(&self, shard: u16, destination: Destination, bytes: Bytes) -> Result<(), NotSent> {
        let remote = destination.listener();
        if destination.transport() != Transport::Tcp {
            return Err(NotSent);
        }
        match self.connections.send_to(Waiting { shard, destination }, bytes).map_err(|_| NotSent)? {
            Addressed::Queued => {}
            Addressed::Connect(member) => {
                let local = self.tcp_source.iter().find(|local| local.is_ipv4() == remote.is_ipv4()).copied();
                self.tasks.spawn(tcp::connect(
                    local,
                    remote,
                    Arc::clone(&self.connections),
                    member,
                    self.router.clone(),
                ));
            }
        }
        Ok(())
    }
}

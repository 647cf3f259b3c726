//! Pairs of ports for RTP (even) and RTCP (the next one), counted exactly (C7): each is given back when its lease drops.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use socket2::{Domain, Protocol, Socket, Type};

use super::{AllocateError, Ports};

/// Where port pairs come from.
#[derive(Debug)]
pub(super) struct PortPool {
    bind: IpAddr,
    /// Free even ports, longest free first, so that late packets of one call do not reach the next; `None` if the kernel
    /// chooses.
    free: Option<Mutex<VecDeque<u16>>>,
    in_use: AtomicUsize,
}

/// A pair in use.
#[derive(Debug)]
pub(super) struct Lease {
    pool: Arc<PortPool>,
    port: u16,
}

/// Ports somebody else holds that are passed over before giving up.
const TRIES_MAX: usize = 64;
/// Kernel buffers: more than a second of audio, and a bound to what a flood of 1000 sockets can hold.
const RTP_BUFFER: usize = 64 * 1024;
const RTCP_BUFFER: usize = 16 * 1024;

impl PortPool {
    pub(super) fn new(bind: IpAddr, ports: &Ports) -> Self {
        let free = match ports {
            Ports::Ephemeral => None,
            Ports::Range(range) => {
                let pairs = range.clone().filter(|port| port % 2 == 0 && *port != 0 && *port < *range.end());
                Some(Mutex::new(pairs.collect()))
            }
        };
        Self { bind, free, in_use: AtomicUsize::new(0) }
    }

    /// The range holds no pair at all.
    pub(super) fn is_empty(&self) -> bool {
        self.free.as_ref().is_some_and(|free| free.lock().unwrap_or_else(PoisonError::into_inner).is_empty())
    }

    pub(super) fn in_use(&self) -> usize {
        self.in_use.load(Ordering::Relaxed)
    }

    /// Binds a free pair.
    pub(super) fn take(self: &Arc<Self>) -> Result<(Lease, UdpSocket, UdpSocket), AllocateError> {
        for _ in 0..TRIES_MAX {
            let (lease, opened) = match &self.free {
                Some(free) => {
                    let port = free.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let lease = self.lease(port.ok_or(AllocateError::Exhausted)?);
                    let opened = self.open(lease.port, RTP_BUFFER).and_then(|rtp| Ok((rtp, self.open_rtcp(&lease)?)));
                    (lease, opened)
                }
                None => self.open_ephemeral().map_err(AllocateError::Socket)?,
            };
            match opened {
                Ok((rtp, rtcp)) => return Ok((lease, rtp, rtcp)),
                // Another program has it: it goes to the end of the queue.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => drop(lease),
                Err(error) => return Err(AllocateError::Socket(error)),
            }
        }
        Err(AllocateError::Exhausted)
    }

    /// A port in use. From here on the lease gives it back, also when binding fails.
    fn lease(self: &Arc<Self>, port: u16) -> Lease {
        self.in_use.fetch_add(1, Ordering::Relaxed);
        Lease { pool: Arc::clone(self), port }
    }

    /// A port that the kernel chooses, and its neighbour that makes them a pair.
    fn open_ephemeral(self: &Arc<Self>) -> io::Result<(Lease, io::Result<(UdpSocket, UdpSocket)>)> {
        let chosen = self.open(0, RTP_BUFFER)?;
        let port = chosen.local_addr()?.port();
        let lease = self.lease(port & !1);
        let pair = match port == lease.port {
            true => self.open_rtcp(&lease).map(|rtcp| (chosen, rtcp)),
            // The larger buffer does no harm to RTCP.
            false => self.open(lease.port, RTP_BUFFER).map(|rtp| (rtp, chosen)),
        };
        Ok((lease, pair))
    }

    fn open_rtcp(&self, lease: &Lease) -> io::Result<UdpSocket> {
        self.open(lease.port + 1, RTCP_BUFFER)
    }

    fn open(&self, port: u16, buffer: usize) -> io::Result<UdpSocket> {
        let address = SocketAddr::new(self.bind, port);
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
        socket.set_recv_buffer_size(buffer)?;
        socket.bind(&address.into())?;
        Ok(socket.into())
    }
}

impl Lease {
    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.in_use.fetch_sub(1, Ordering::Relaxed);
        if let Some(free) = &self.pool.free {
            free.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    /// A range of `pairs` that was free a moment ago.
    fn free_range(pairs: u16) -> Ports {
        let base = UdpSocket::bind((LOOPBACK, 0)).unwrap().local_addr().unwrap().port().clamp(1024, 65_000) & !1;
        Ports::Range(base..=base + 2 * pairs - 1)
    }

    #[test]
    fn pairs_are_even_and_next_to_each_other() {
        let pool = Arc::new(PortPool::new(LOOPBACK, &Ports::Ephemeral));
        for _ in 0..20 {
            let (lease, rtp, rtcp) = pool.take().unwrap();
            assert_eq!(lease.port() % 2, 0);
            assert_eq!(rtp.local_addr().unwrap().port(), lease.port());
            assert_eq!(rtcp.local_addr().unwrap().port(), lease.port() + 1);
        }
        assert_eq!(pool.in_use(), 0);
    }

    /// C7: after very many allocations, failed ones too, exactly the whole range is free again.
    #[test]
    fn accounting_is_exact() {
        let pool = Arc::new(PortPool::new(LOOPBACK, &free_range(8)));
        let total = pool.free.as_ref().unwrap().lock().unwrap().len();
        assert_eq!(total, 8);
        let mut state = 1_u32;
        let mut held = Vec::new();
        for _ in 0..20_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if state >> 31 == 0 {
                match pool.take() {
                    Ok(pair) => held.push(pair),
                    Err(error) => assert!(matches!(error, AllocateError::Exhausted)),
                }
            } else if !held.is_empty() {
                held.swap_remove((state >> 8) as usize % held.len());
            }
            assert_eq!(pool.in_use(), held.len());
        }
        held.clear();
        let mut free: Vec<_> = pool.free.as_ref().unwrap().lock().unwrap().iter().copied().collect();
        free.sort_unstable();
        free.dedup();
        assert_eq!((free.len(), pool.in_use()), (total, 0));
    }

    #[test]
    fn odd_and_short_ranges_hold_only_whole_pairs() {
        let pairs = |range| PortPool::new(LOOPBACK, &Ports::Range(range)).free.unwrap().into_inner().unwrap();
        assert_eq!(pairs(10_001..=10_004), [10_002]);
        assert_eq!(pairs(10_000..=10_003), [10_000, 10_002]);
        assert!(PortPool::new(LOOPBACK, &Ports::Range(10_001..=10_002)).is_empty());
        assert_eq!(pairs(65_534..=65_535), [65_534]);
    }
}

//! Many packets in one system call, by io_uring, where the kernel allows it.
//!
//! Nothing is left running: [`Ring::run`] comes back when the kernel has done everything it was asked for. So the ring is
//! a cheaper way to call `sendto` and `recvfrom`, not another way to wait; that is done by `Epoll`.

#![allow(
    unsafe_code,
    reason = "the kernel is given addresses, which io-uring cannot check; each block says why it holds"
)]

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;

use io_uring::{IoUring, opcode, types::Fd};
use media::rtp::PACKET_MAX;
use socket2::{SockAddr, SockAddrStorage};

/// Packets of one system call at most: those of a hundred calls in a tick, in half a megabyte.
const SLOTS: usize = 256;

/// Packets on their way to or from the kernel.
pub(super) struct Ring {
    ring: IoUring,
    slots: Box<[Slot]>,
    filled: usize,
}

/// A packet received.
pub(super) struct Received<'a> {
    pub(super) mark: u64,
    pub(super) from: SocketAddr,
    pub(super) bytes: &'a [u8],
}

/// One packet, and what the kernel is told of it.
struct Slot {
    socket: RawFd,
    /// Whose packet is waited for; none for one that is sent.
    mark: Option<u64>,
    header: libc::msghdr,
    vector: libc::iovec,
    address: libc::sockaddr_storage,
    address_len: libc::socklen_t,
    /// One byte more than is taken, so that a longer packet is seen to be one.
    bytes: [u8; PACKET_MAX + 1],
    len: usize,
    /// Bytes moved, or an error's number below zero.
    result: i32,
}

// SAFETY: the pointers in a slot are set, used and forgotten within `Ring::run`, on one thread.
unsafe impl Send for Slot {}

impl Ring {
    /// Fails where the kernel has no io_uring or does not let this process have it.
    pub(super) fn new() -> io::Result<Self> {
        let ring = IoUring::builder().setup_cqsize(SLOTS as u32 * 2).dontfork().build(SLOTS as u32)?;
        let mut probe = io_uring::Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        if !probe.is_supported(opcode::SendMsg::CODE) || !probe.is_supported(opcode::RecvMsg::CODE) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(Self { ring, slots: (0..SLOTS).map(|_| Slot::empty()).collect(), filled: 0 })
    }

    /// Whether it must be run before it takes another packet.
    pub(super) fn is_full(&self) -> bool {
        self.filled == self.slots.len()
    }

    /// Asks for a packet to be sent; one that is too long is not.
    pub(super) fn send(&mut self, socket: &UdpSocket, to: SocketAddr, bytes: &[u8]) {
        if bytes.len() > PACKET_MAX {
            return;
        }
        let slot = self.next(socket, None);
        slot.bytes[..bytes.len()].copy_from_slice(bytes);
        slot.len = bytes.len();
        let to = SockAddr::from(to);
        slot.address_len = to.len();
        let mut to = to.as_storage();
        // SAFETY: this is the platform's type for addresses of any family.
        slot.address = *unsafe { to.view_as() };
    }

    /// Asks for the packet that waits in a socket, if any.
    pub(super) fn receive(&mut self, socket: &UdpSocket, mark: u64) {
        let slot = self.next(socket, Some(mark));
        slot.len = slot.bytes.len();
        slot.address_len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    }

    fn next(&mut self, socket: &UdpSocket, mark: Option<u64>) -> &mut Slot {
        let slot = &mut self.slots[self.filled];
        self.filled += 1;
        slot.socket = socket.as_raw_fd();
        slot.mark = mark;
        slot
    }

    /// Has the kernel do it all; returns how many packets that were. After an error the ring is of no use any more.
    pub(super) fn run(&mut self) -> io::Result<usize> {
        let filled = std::mem::take(&mut self.filled);
        let result = self.enter(filled);
        if result.is_err() {
            // What the kernel still does with them nobody knows: they stay where they are for ever.
            std::mem::forget(std::mem::take(&mut self.slots));
        }
        result.map(|()| filled)
    }

    fn enter(&mut self, filled: usize) -> io::Result<()> {
        let mut queue = self.ring.submission();
        for (index, slot) in self.slots[..filled].iter_mut().enumerate() {
            let entry = slot.entry().user_data(index as u64);
            // SAFETY: the entry points into a slot on the heap, which nobody touches before its completion was taken: this
            // function returns after all of them, and if it cannot, the slots are never freed.
            unsafe { queue.push(&entry) }.map_err(|_| io::ErrorKind::StorageFull)?;
        }
        drop(queue);
        let mut left = filled;
        while left > 0 {
            match self.ring.submit_and_wait(left) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for done in self.ring.completion() {
                let slot = self.slots.get_mut(done.user_data() as usize).ok_or(io::ErrorKind::InvalidData)?;
                slot.result = done.result();
                left -= 1;
            }
        }
        Ok(())
    }

    /// What became of a packet of the last run that was to be sent: its error, if it was not.
    pub(super) fn refused(&self, index: usize) -> Option<io::Error> {
        let slot = self.slots.get(index)?;
        (slot.mark.is_none() && slot.result < 0).then(|| io::Error::from_raw_os_error(-slot.result))
    }

    /// A packet of the last run that was received.
    pub(super) fn received(&self, index: usize) -> Option<Received<'_>> {
        let slot = self.slots.get(index)?;
        let (mark, len) = (slot.mark?, usize::try_from(slot.result).ok()?);
        let mut from = SockAddrStorage::zeroed();
        // SAFETY: this is the platform's type for addresses of any family.
        *unsafe { from.view_as() } = slot.address;
        // SAFETY: the kernel has written an address and how long it is; `as_socket` looks at its family first.
        let from = unsafe { SockAddr::new(from, slot.header.msg_namelen) }.as_socket()?;
        Some(Received { mark, from, bytes: slot.bytes.get(..len)? })
    }
}

impl Slot {
    fn empty() -> Self {
        Self {
            socket: -1,
            mark: None,
            // SAFETY: null pointers and lengths of zero are values of this type.
            header: unsafe { std::mem::zeroed() },
            vector: libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 },
            // SAFETY: as above; the family is "unspecified".
            address: unsafe { std::mem::zeroed() },
            address_len: 0,
            bytes: [0; PACKET_MAX + 1],
            len: 0,
            result: 0,
        }
    }

    /// Never waits: what cannot be done at once is an error.
    fn entry(&mut self) -> io_uring::squeue::Entry {
        self.vector = libc::iovec { iov_base: self.bytes.as_mut_ptr().cast(), iov_len: self.len };
        self.header.msg_name = (&raw mut self.address).cast();
        self.header.msg_namelen = self.address_len;
        self.header.msg_iov = &raw mut self.vector;
        self.header.msg_iovlen = 1;
        self.result = -libc::ECANCELED;
        let (socket, flags) = (Fd(self.socket), libc::MSG_DONTWAIT as u32);
        match self.mark {
            None => opcode::SendMsg::new(socket, &raw const self.header).flags(flags).build(),
            Some(_) => opcode::RecvMsg::new(socket, &raw mut self.header).flags(flags).build(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use super::*;

    /// None, and said so, where the kernel does not allow it.
    fn ring() -> Option<Ring> {
        Ring::new().inspect_err(|error| eprintln!("no io_uring here ({error}): not tested")).ok()
    }

    fn socket(ip: impl Into<IpAddr>) -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind((ip.into(), 0)).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    #[test]
    fn packets_go_out_and_come_in_together() {
        let Some(mut ring) = ring() else { return };
        let ((alice, alice_at), (bob, bob_at)) = (socket(Ipv4Addr::LOCALHOST), socket(Ipv4Addr::LOCALHOST));
        for round in 0..3 {
            ring.send(&alice, bob_at, &[round; 172]);
            ring.send(&bob, alice_at, &[100 + round; PACKET_MAX]);
            assert_eq!(ring.run().unwrap(), 2);
            assert!((0..2).all(|index| ring.refused(index).is_none() && ring.received(index).is_none()));
            ring.receive(&bob, 7);
            ring.receive(&alice, 8);
            assert_eq!(ring.run().unwrap(), 2);
            let (to_bob, to_alice) = (ring.received(0).unwrap(), ring.received(1).unwrap());
            assert_eq!((to_bob.mark, to_bob.from, to_bob.bytes), (7, alice_at, &[round; 172][..]));
            assert_eq!((to_alice.mark, to_alice.from, to_alice.bytes), (8, bob_at, &[100 + round; PACKET_MAX][..]));
        }
        assert_eq!(ring.run().unwrap(), 0);
    }

    #[test]
    fn addresses_of_ipv6_are_kept() {
        let Some(mut ring) = ring() else { return };
        if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
            eprintln!("no IPv6 here: not tested");
            return;
        }
        let ((alice, alice_at), (bob, bob_at)) = (socket(Ipv6Addr::LOCALHOST), socket(Ipv6Addr::LOCALHOST));
        ring.send(&alice, bob_at, b"hello");
        ring.run().unwrap();
        ring.receive(&bob, 1);
        ring.run().unwrap();
        assert_eq!(ring.received(0).unwrap().from, alice_at);
    }

    /// Nothing waits for a packet, and what fails does not stop what comes after it.
    #[test]
    fn what_cannot_be_done_is_told_at_once() {
        let Some(mut ring) = ring() else { return };
        let ((alice, _), (bob, bob_at)) = (socket(Ipv4Addr::LOCALHOST), socket(Ipv4Addr::LOCALHOST));
        ring.receive(&alice, 1);
        ring.send(&alice, "[::1]:9".parse().unwrap(), b"of another family");
        ring.send(&alice, bob_at, &[0; PACKET_MAX + 1]);
        ring.send(&alice, bob_at, b"whole");
        assert_eq!(ring.run().unwrap(), 3);
        assert!(ring.received(0).is_none() && ring.refused(1).is_some() && ring.refused(2).is_none());
        assert_eq!(bob.recv(&mut [0; 64]).unwrap(), 5);
        // One byte too many is seen to be too many.
        bob.send_to(&[1; PACKET_MAX + 100], alice.local_addr().unwrap()).unwrap();
        ring.receive(&alice, 2);
        ring.run().unwrap();
        assert_eq!(ring.received(0).unwrap().bytes.len(), PACKET_MAX + 1);
    }

    #[test]
    fn a_full_ring_says_so_and_does_it_all() {
        let Some(mut ring) = ring() else { return };
        let ((alice, _), (bob, bob_at)) = (socket(Ipv4Addr::LOCALHOST), socket(Ipv4Addr::LOCALHOST));
        for _ in 0..2 {
            let mut sent = 0_u32;
            while !ring.is_full() {
                ring.send(&alice, bob_at, &sent.to_be_bytes());
                sent += 1;
            }
            assert_eq!((sent as usize, ring.run().unwrap()), (SLOTS, SLOTS));
            let mut heard = 0;
            while heard < sent {
                ring.receive(&bob, 3);
                ring.run().unwrap();
                let packet = ring.received(0).expect("the socket holds so many small packets");
                assert_eq!(packet.bytes, heard.to_be_bytes());
                heard += 1;
            }
        }
    }
}

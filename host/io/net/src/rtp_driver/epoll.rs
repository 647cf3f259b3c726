//! Which sockets have packets waiting, and the door by which other threads wake a media thread.
//!
//! Level-triggered, which mio does not offer: what is left in a socket is told again, so that one `recvfrom` per packet is
//! enough. With edges each socket must be read until it has nothing more, a system call per packet that brings nothing.

#![allow(unsafe_code, reason = "epoll and eventfd have no safe interface in std; each block says why it holds")]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Sockets told ready by one wait; the others are told by the next.
const READY_MAX: usize = 4096;
/// The eventfd's mark among those of sockets.
const WAKER: u64 = u64::MAX;

/// A set of sockets.
pub(super) struct Epoll {
    fd: OwnedFd,
    ready: Vec<libc::epoll_event>,
}

/// Ends a wait from another thread.
pub(super) struct Waker(OwnedFd);

impl Epoll {
    pub(super) fn new() -> io::Result<(Self, Waker)> {
        // SAFETY: takes no pointer; the result is checked before it is owned, and nobody else has it.
        let fd = unsafe { OwnedFd::from_raw_fd(checked(libc::epoll_create1(libc::EPOLL_CLOEXEC))?) };
        // SAFETY: as above.
        let event = unsafe { OwnedFd::from_raw_fd(checked(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK))?) };
        let epoll = Self { fd, ready: Vec::with_capacity(READY_MAX) };
        // The eventfd alone by edges: nobody has to read it.
        epoll.add_for(event.as_raw_fd(), WAKER, libc::EPOLLIN | libc::EPOLLET)?;
        Ok((epoll, Waker(event)))
    }

    /// Tells of packets waiting in `socket` as `mark`.
    pub(super) fn add(&self, socket: &impl AsRawFd, mark: u64) -> io::Result<()> {
        debug_assert_ne!(mark, WAKER);
        self.add_for(socket.as_raw_fd(), mark, libc::EPOLLIN)
    }

    /// Tells of it no more. Closing does so, too.
    pub(super) fn remove(&self, socket: &impl AsRawFd) -> io::Result<()> {
        let (set, socket) = (self.fd.as_raw_fd(), socket.as_raw_fd());
        // SAFETY: the event is ignored for a removal and may be null (since Linux 2.6.9); both descriptors are open.
        checked(unsafe { libc::epoll_ctl(set, libc::EPOLL_CTL_DEL, socket, std::ptr::null_mut()) }).map(drop)
    }

    /// Waits until a socket has packets, the waker is used, or the time is over (rounded up to a millisecond); then
    /// [`Epoll::ready`] tells.
    pub(super) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let timeout_ms =
            timeout.map_or(-1, |timeout| i32::try_from(timeout.as_micros().div_ceil(1_000)).unwrap_or(i32::MAX));
        self.ready.clear();
        let (set, room) = (self.fd.as_raw_fd(), self.ready.as_mut_ptr());
        // SAFETY: the vector has room for READY_MAX events, and nobody else touches it meanwhile.
        let told = checked(unsafe { libc::epoll_wait(set, room, READY_MAX as i32, timeout_ms) })?;
        // SAFETY: the kernel has written so many events, at most READY_MAX.
        unsafe { self.ready.set_len(told as usize) };
        Ok(())
    }

    /// How many events the last wait brought.
    pub(super) fn told(&self) -> usize {
        self.ready.len()
    }

    /// The mark of one of them; none for the waker.
    pub(super) fn ready(&self, index: usize) -> Option<u64> {
        self.ready.get(index).map(|event| event.u64).filter(|&mark| mark != WAKER)
    }

    fn add_for(&self, fd: RawFd, mark: u64, events: i32) -> io::Result<()> {
        let mut event = libc::epoll_event { events: events as u32, u64: mark };
        // SAFETY: the event lives on the stack for the time of the call; both descriptors are open.
        checked(unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &raw mut event) }).map(drop)
    }
}

impl Waker {
    pub(super) fn wake(&self) -> io::Result<()> {
        let one = 1_u64.to_ne_bytes();
        // SAFETY: the eight bytes live for the time of the call, and the descriptor is open.
        match unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) } {
            written if written < 0 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }
}

fn checked(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};

    use super::*;

    fn marks(epoll: &Epoll) -> Vec<Option<u64>> {
        (0..epoll.told()).map(|index| epoll.ready(index)).collect()
    }

    #[test]
    fn a_socket_is_told_until_it_is_empty() {
        let (mut epoll, _waker) = Epoll::new().unwrap();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        epoll.add(&socket, 7).unwrap();
        epoll.wait(Some(Duration::ZERO)).unwrap();
        assert_eq!(marks(&epoll), []);
        let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        for packet in [b"a", b"b"] {
            peer.send_to(packet, socket.local_addr().unwrap()).unwrap();
        }
        for _ in 0..2 {
            epoll.wait(None).unwrap();
            assert_eq!(marks(&epoll), [Some(7)]);
            socket.recv_from(&mut [0; 8]).unwrap();
        }
        epoll.wait(Some(Duration::ZERO)).unwrap();
        assert_eq!(marks(&epoll), []);
        peer.send_to(b"c", socket.local_addr().unwrap()).unwrap();
        epoll.remove(&socket).unwrap();
        epoll.wait(Some(Duration::ZERO)).unwrap();
        assert_eq!(marks(&epoll), []);
    }

    #[test]
    fn a_wake_ends_one_wait() {
        let (mut epoll, waker) = Epoll::new().unwrap();
        waker.wake().unwrap();
        waker.wake().unwrap();
        epoll.wait(None).unwrap();
        assert_eq!(marks(&epoll), [None]);
        epoll.wait(Some(Duration::ZERO)).unwrap();
        assert_eq!(epoll.told(), 0);
        waker.wake().unwrap();
        epoll.wait(None).unwrap();
        assert_eq!(epoll.told(), 1);
    }
}

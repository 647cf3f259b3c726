//! What waits for a media thread: bounded, in order, and it wakes the thread.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::UdpSocket;
use std::sync::{Arc, Mutex, PoisonError};

use super::epoll::Waker;
use super::ports::Lease;
use super::thread::Body;
use super::{CommandError, EventSink};
use media::engine::{Command, DetachedLeg, LegKey, LegOptions};

/// Most commands waiting for a thread; it takes them every few milliseconds.
const COMMANDS_MAX: usize = 16 * 1024;

/// The inbox of one thread.
pub(super) struct Inbox {
    state: Mutex<State>,
    waker: Waker,
}

#[derive(Default)]
struct State {
    messages: VecDeque<Message>,
    is_stopped: bool,
}

/// Something for a media thread.
pub(super) enum Message {
    /// A new leg.
    Attach(Box<NewLeg>),
    /// Something for the engine.
    Command(Command),
    /// The leg is over and its sockets are closed.
    Release(LegKey),
    /// A leg of another thread is on its way here: commands wait for it.
    Expect(LegKey),
    /// Give a leg to another thread.
    Migrate { leg: LegKey, to: Arc<Inbox> },
    /// The leg that was expected; nothing, if it was over.
    Arrive { leg: LegKey, moved: Option<Box<(DetachedLeg, Body)>> },
}

/// A leg with its open sockets.
pub(super) struct NewLeg {
    pub(super) key: LegKey,
    pub(super) options: LegOptions,
    pub(super) rtp: UdpSocket,
    pub(super) rtcp: UdpSocket,
    pub(super) sink: EventSink,
    /// Last: the port is given back after the sockets are closed.
    pub(super) lease: Lease,
}

impl Inbox {
    pub(super) fn new(waker: Waker) -> Self {
        Self { state: Mutex::default(), waker }
    }

    /// Adds a message. Only commands can be refused: the number of others is bounded by the number of legs.
    pub(super) fn push(&self, message: Message) -> Result<(), CommandError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_stopped {
            return Err(CommandError::Stopped);
        }
        if matches!(message, Message::Command(_)) && state.messages.len() >= COMMANDS_MAX {
            return Err(CommandError::Full);
        }
        let was_empty = state.messages.is_empty();
        state.messages.push_back(message);
        drop(state);
        if was_empty {
            self.wake();
        }
        Ok(())
    }

    /// Moves what waits to the end of `backlog`; returns whether the thread shall end.
    pub(super) fn take(&self, backlog: &mut VecDeque<Message>) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        backlog.append(&mut state.messages);
        state.is_stopped
    }

    /// Nothing is taken any more; the thread ends.
    pub(super) fn stop(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).is_stopped = true;
        self.wake();
    }

    fn wake(&self) {
        // An eventfd that cannot be written to is already readable.
        if let Err(error) = self.waker.wake()
            && error.kind() != io::ErrorKind::WouldBlock
        {
            tracing::error!(%error, "cannot wake a media thread");
        }
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

//! The tables of running transactions: they keep the messages, run the actions of the machines and set the timers.

use std::collections::VecDeque;

use super::timer::Timers;
use super::{Slot, client, server};
use crate::endpoint::{Destination, Event, Output, SessionId};
use bytes::Bytes;

/// Every deadline of an endpoint by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum TimerKey {
    /// A deadline of a client transaction.
    Client(client::Key, Slot),
    /// A deadline of a server transaction.
    Server(server::Key, Slot),
    /// A deadline of a session.
    Session(SessionId, crate::session::Timer),
}

/// What leaves the endpoint and when it wants to be woken.
#[derive(Debug)]
pub(crate) struct Io {
    /// Deadlines.
    pub(crate) timers: Timers<TimerKey>,
    /// Messages and events in the order they were made. The driver drains it after each input, which bounds it.
    pub(crate) output: VecDeque<Output>,
}

impl Io {
    /// No deadlines and nothing to send.
    pub(crate) fn new() -> Self {
        Self { timers: Timers::new(), output: VecDeque::new() }
    }

    /// Queues a message.
    pub(crate) fn transmit(&mut self, destination: Destination, bytes: Bytes) {
        self.output.push_back(Output::Transmit { destination, bytes });
    }

    /// Queues an event.
    pub(crate) fn event(&mut self, event: Event) {
        self.output.push_back(Output::Event(event));
    }
}

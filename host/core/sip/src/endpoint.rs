//! The one door to transactions, dialogs and INVITE sessions.

use std::collections::VecDeque;
use std::time::Instant;

mod command;
mod config;
mod event;
mod types;

pub use crate::message::Replaces;
pub use command::{Command, CommandError, ExtraHeaders, Originate, OutboundRequest, Reliability};
pub use config::{Advertised, Config, Limits, Timings};
pub use event::{EndReason, Event, Reason, ReasonProtocol};
pub use types::{
    ClientRequestId, Destination, Flow, Input, Output, ServerTransactionId, SessionId, Transport, shard_of,
};

/// Every transaction, dialog and session of one shard.
#[derive(Debug)]
pub struct Endpoint {
    config: Config,
    output: VecDeque<Output>,
}

impl Endpoint {
    /// An endpoint without calls. The seed feeds every tag, branch and Call-ID: take it from the system's randomness.
    pub fn new(config: Config, seed: [u8; 32]) -> Self {
        assert!(seed.len() == 32 && config.shard < config.shards.max(1), "a shard is one of its siblings");
        Self { config, output: VecDeque::new() }
    }

    /// Takes what the driver has to tell.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        drop((now, input));
    }

    /// Does what the switch asks for, or says why not and changes nothing.
    pub fn handle_command(&mut self, now: Instant, command: Command) -> Result<(), CommandError> {
        drop((now, command));
        Err(CommandError::UnknownSession)
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        drop(now);
    }

    /// When [`Self::handle_timeout`] is to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The next message to send or event to handle; call until `None` after every input, command and time-out.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// The session of a dialog that a Replaces header names as this side sees it (RFC 3891 §3).
    pub fn find_session(&self, replaces: &Replaces) -> Option<SessionId> {
        (replaces.call_id.is_empty()).then(|| SessionId::incoming(self.config.shard, 0))
    }
}

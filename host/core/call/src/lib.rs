//! The switch's brain: one call, its legs and what happens between them.

use std::time::Instant;

mod cause;
mod cdr;
mod effect;
mod id;
mod input;
mod party;

pub use cause::Cause;
pub use cdr::{Cdr, CdrLeg, Direction, Disposition, Side};
pub use effect::{DialStatus, Effect, LegEvent, LegEventKind, Outcome, Route, TransferResult};
pub use id::{CallId, CallIdError, DialId, LegId, PlayId, RequestId, TenantId, TenantIdError};
pub use input::{AdoptedLeg, DialOptions, Input, Request, RequestError, Ringback, Then, Transfer};
pub use party::{Contact, Hops, Party, Target};

/// A call.
#[derive(Debug)]
pub struct Call {
    id: CallId,
    tenant: TenantId,
    legs: u32,
}

/// What is the same for the calls of a tenant.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// What a held party hears, again and again; empty for silence.
    pub hold_music: Vec<String>,
    /// The longest a call may last.
    pub max_duration: Option<std::time::Duration>,
}

impl Call {
    /// A call without legs.
    pub fn new(now: Instant, id: CallId, tenant: TenantId, config: Config) -> Self {
        drop((now, config));
        Self { id, tenant, legs: 0 }
    }

    /// The call's name.
    pub fn id(&self) -> CallId {
        self.id
    }

    /// Whose call it is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Reserves the number of a leg that is about to be offered, replace another or be adopted.
    pub fn allocate_leg(&mut self) -> LegId {
        let leg = LegId(self.legs);
        self.legs += 1;
        leg
    }

    /// Takes an input.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        drop((now, input));
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        drop((now, "nothing is due yet"));
    }

    /// When [`Call::handle_timeout`] is to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The next effect; call until none after each `handle_*`.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        None
    }
}

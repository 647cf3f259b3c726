//! How a run ends badly. Every value has a defined meaning for the call: see `RunError::status`.

use std::time::Duration;

/// Why a run or a function call gave no result. The Store is gone already; the next run is not affected.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The guest trapped: unreachable, out of bounds, division by zero, a Rust panic, …
    #[error("trap: {message}")]
    Trap {
        /// What it was.
        message: String,
        /// The guest's frames, one a line, innermost first; at most 20.
        backtrace: String,
    },
    /// The guest recursed past its stack.
    #[error("stack overflow")]
    Stack {
        /// The guest's frames, innermost first; at most 20.
        backtrace: String,
    },
    /// The guest computed longer at a stretch than it may.
    #[error("computed for more than its budget of {budget:?}")]
    Cpu {
        /// The budget it had.
        budget: Duration,
    },
    /// A function used all its fuel.
    #[error("used all its fuel of {budget} instructions")]
    Fuel {
        /// The fuel it had.
        budget: u64,
    },
    /// The run took longer than it may, waits included.
    #[error("ran for more than {limit:?}")]
    Deadline {
        /// The limit it had.
        limit: Duration,
    },
    /// The guest trapped after it had been refused memory or a table.
    #[error("out of memory: {requested} bytes wanted, {limit} allowed")]
    Memory {
        /// What it would have had.
        requested: u64,
        /// What it may have.
        limit: u64,
    },
    /// More host calls than a run may make, or more handles than it may hold.
    #[error("host call limit: {0}")]
    HostCalls(String),
    /// The caller was gone and the guest did not return within its grace period.
    #[error("still running {grace:?} after the hang-up")]
    Killed {
        /// The grace it had.
        grace: Duration,
    },
    /// No instance could be made: the pool or the tenant's share of it is used up.
    #[error("no instance: {0}")]
    Exhausted(String),
    /// The plugin trapped too often and is not tried until the pause is over.
    #[error("suspended for {remaining:?} after repeated traps")]
    Suspended {
        /// How long it is still not tried.
        remaining: Duration,
    },
    /// A fault of the host itself; the run ended, nothing else did.
    #[error("host fault: {0}")]
    Host(String),
}

impl RunError {
    /// The word for `APPSTATUS` and for metrics; stable.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Trap { .. } => "TRAP",
            Self::Stack { .. } => "STACK",
            Self::Cpu { .. } => "CPU",
            Self::Fuel { .. } => "FUEL",
            Self::Deadline { .. } => "DEADLINE",
            Self::Memory { .. } => "MEMORY",
            Self::HostCalls(_) => "HOSTCALLS",
            Self::Killed { .. } => "KILLED",
            Self::Exhausted(_) => "EXHAUSTED",
            Self::Suspended { .. } => "SUSPENDED",
            Self::Host(_) => "HOST",
        }
    }

    /// Whether it speaks against this version of the plugin (and counts for automatic rollback).
    pub fn is_fault_of_guest(&self) -> bool {
        !matches!(self, Self::Exhausted(_) | Self::Suspended { .. } | Self::Host(_))
    }
}

/// An error the guest itself returned: an ordinary end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct GuestError {
    /// One of the codes of WIT `types.error`, or another.
    pub code: String,
    /// For people.
    pub detail: String,
}

//! What a call holds on to: one version of a plugin, pinned.

use std::sync::Arc;

use call::LegId;

use crate::error::{GuestError, RunError};
use crate::loader::{Digest, Version};
use crate::port::{BoxFuture, CallPort};

/// An application of the version that is active now. Runs on it even if another becomes active meanwhile.
#[derive(Clone, Debug)]
pub struct AppSlot {
    version: Version,
}

/// How a run ended, if it did not fail.
pub type AppEnd = Result<(), GuestError>;

impl AppSlot {
    /// The version it is pinned to.
    pub fn digest(&self) -> Digest {
        self.version.digest()
    }

    /// Runs the application on a leg, on the host's guest threads. Dropping the future kills the run.
    pub async fn run(self, leg: LegId, arguments: String, port: Arc<dyn CallPort>) -> Result<AppEnd, RunError> {
        drop((leg, arguments, port));
        Err(RunError::Host(String::new()))
    }
}

/// A function of the version that is active now.
#[derive(Clone, Debug)]
pub struct FunctionSlot {
    version: Version,
}

/// The call a function is evaluated for.
#[derive(Clone)]
pub struct FunctionCall {
    /// The leg whose dialplan asks.
    pub leg: LegId,
    /// Its call.
    pub port: Arc<dyn CallPort>,
}

impl FunctionSlot {
    /// The version it is pinned to.
    pub fn digest(&self) -> Digest {
        self.version.digest()
    }

    /// The function's value.
    pub fn read(
        self,
        arguments: Vec<String>,
        call: Option<FunctionCall>,
    ) -> BoxFuture<'static, Result<Result<String, GuestError>, RunError>> {
        drop((arguments, call));
        Box::pin(async { Err(RunError::Host(String::new())) })
    }

    /// Assigns to the function.
    pub fn write(
        self,
        arguments: Vec<String>,
        value: String,
        call: Option<FunctionCall>,
    ) -> BoxFuture<'static, Result<Result<(), GuestError>, RunError>> {
        drop((arguments, value, call));
        Box::pin(async { Err(RunError::Host(String::new())) })
    }
}

/// The service part of a plugin, as it is now.
#[derive(Clone, Debug)]
pub struct ServiceSlot {
    version: Version,
}

impl ServiceSlot {
    /// The version it is pinned to.
    pub fn digest(&self) -> Digest {
        self.version.digest()
    }

    /// Asks it; waits for its turn.
    pub async fn ask(&self, request: Vec<u8>) -> Result<Result<Vec<u8>, GuestError>, RunError> {
        drop(request);
        Err(RunError::Host(String::new()))
    }
}

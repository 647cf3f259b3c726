//! `bus`: between the parts of one plugin.

use std::time::Duration;

use super::{error, invalid, limit};
use crate::abi::v0_1::Error;
use crate::abi::v0_1::app::jackfield::pbx::bus::Host;
use crate::error::RunError;
use crate::instance::State;
use crate::limit::SERVICE_MESSAGE_BYTES;

/// The longest wait for an answer, in milliseconds.
const TIMEOUT_MS: u32 = 60_000;

impl Host for State {
    async fn ask(&mut self, request: Vec<u8>, timeout: u32) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        self.enter()?;
        if request.len() > SERVICE_MESSAGE_BYTES {
            return Ok(Err(limit(format!("a request of {} bytes: at most {SERVICE_MESSAGE_BYTES}", request.len()))));
        }
        if timeout > TIMEOUT_MS {
            return Ok(Err(invalid(format!("a timeout of more than {TIMEOUT_MS} ms"))));
        }
        let service = self.generation.as_ref().and_then(|generation| generation.deployment_service());
        let Some(service) = service else { return Ok(Err(error("unsupported", "this plugin has no service"))) };
        let answer = tokio::time::timeout(Duration::from_millis(timeout.into()), service.ask(request)).await;
        self.resumed();
        Ok(match answer {
            Err(_) => Err(error("timeout", "no answer")),
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(own))) => Err(error(&own.code, own.detail)),
            Ok(Err(RunError::Exhausted(detail))) => Err(error("busy", detail)),
            Ok(Err(other)) => Err(error("failed", other.to_string())),
        })
    }
}

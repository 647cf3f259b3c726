//! `bus`: between the parts of one plugin.

use std::time::Duration;

use super::{error, invalid, limit};
use crate::abi::v0_1::Error;
use crate::abi::v0_1::app::jackfield::pbx::bus::Host;
use crate::error::RunError;
use crate::instance::State;
use crate::limit::SERVICE_MESSAGE_BYTES;
use crate::slot::ServiceSlot;

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
        let asked = format!("ask {:?} {timeout}", String::from_utf8_lossy(&request));
        let bytes = request.len();
        let asking = ask(service, request, Duration::from_millis(timeout.into()));
        let answer = match self.run.tape().cloned() {
            Some(tape) => tape.cross(asked, || Box::pin(asking)).await,
            None => asking.await,
        };
        self.resumed();
        self.moved(bytes + answer.as_ref().map_or(0, Vec::len));
        Ok(answer.map_err(|(code, detail)| error(&code, detail)))
    }
}

/// The answer, or code and detail of why there is none.
async fn ask(service: Option<ServiceSlot>, request: Vec<u8>, timeout: Duration) -> Result<Vec<u8>, (String, String)> {
    let failed = |code: &str, detail: String| Err((code.to_owned(), detail));
    let Some(service) = service else { return failed("unsupported", "this plugin has no service".into()) };
    match tokio::time::timeout(timeout, service.ask(request)).await {
        Err(_) => failed("timeout", "no answer".into()),
        Ok(Ok(Ok(answer))) => Ok(answer),
        Ok(Ok(Err(own))) => Err((own.code, own.detail)),
        Ok(Err(RunError::Exhausted(detail))) => failed("busy", detail),
        Ok(Err(other)) => failed("failed", other.to_string()),
    }
}

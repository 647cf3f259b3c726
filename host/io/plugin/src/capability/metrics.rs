//! `metrics`: numbers of the plugin's own.

use super::{invalid, limit};
use crate::abi::v0_1::Error;
use crate::abi::v0_1::app::jackfield::pbx::metrics::Host;
use crate::generation::lock;
use crate::instance::State;
use crate::metrics::{Metric, MetricError};

impl From<MetricError> for Error {
    fn from(refused: MetricError) -> Self {
        match refused {
            MetricError::Name | MetricError::Kind => invalid(refused.to_string()),
            MetricError::Limit => limit(refused.to_string()),
        }
    }
}

impl State {
    fn record_metric(&mut self, name: &str, change: Metric) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        // Behind a replayed run is nothing to count for, and what is counted decides nothing.
        let Ok(deployment) = self.deployment() else { return Ok(Ok(())) };
        Ok(lock(&deployment.metrics).record(name, change).map_err(Error::from))
    }
}

impl Host for State {
    fn add(&mut self, name: String, by: u64) -> wasmtime::Result<Result<(), Error>> {
        self.record_metric(&name, Metric::Counter(by))
    }

    fn set(&mut self, name: String, value: i64) -> wasmtime::Result<Result<(), Error>> {
        self.record_metric(&name, Metric::Gauge(value))
    }
}

//! `schedule`: timers of the plugin's service.

use std::time::Duration;

use super::event::check_data;
use super::invalid;
use crate::abi::v0_1::Error;
use crate::abi::v0_1::app::jackfield::pbx::schedule::Host;
use crate::instance::State;
use crate::limit::{TIMER_DELAY, TIMER_NAME_BYTES};
use crate::tenant::Data;

impl Host for State {
    async fn after(&mut self, name: String, delay: u32, data: Data) -> wasmtime::Result<Result<(), Error>> {
        let deployment = self.deployment()?;
        let delay = Duration::from_millis(delay.into());
        if !(1..=TIMER_NAME_BYTES).contains(&name.len()) || delay > TIMER_DELAY {
            return Ok(Err(invalid(format!("a timer has a name of 1 to {TIMER_NAME_BYTES} bytes and at most 7 days"))));
        }
        let Some(generation) = self.generation.clone() else { return Ok(deployment.map(drop)) };
        let set = check_data(&data).and(deployment);
        Ok(set.and_then(|deployment| Ok(deployment.set_timer(&generation, name, delay, data)?)))
    }

    async fn cancel(&mut self, name: String) -> wasmtime::Result<Result<bool, Error>> {
        Ok(self.deployment()?.map(|deployment| deployment.cancel_timer(&name)))
    }
}

//! `schedule`: timers of the plugin's service.

use std::time::Duration;

use super::event::check_data;
use super::{error, invalid};
use crate::abi::v0_1::Error;
use crate::abi::v0_1::app::jackfield::pbx::schedule::Host;
use crate::instance::State;
use crate::limit::{TIMER_DELAY, TIMER_NAME_BYTES};
use crate::tenant::Data;

impl Host for State {
    async fn after(&mut self, name: String, delay: u32, data: Data) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let delay = Duration::from_millis(delay.into());
        if !(1..=TIMER_NAME_BYTES).contains(&name.len()) || delay > TIMER_DELAY {
            return Ok(Err(invalid(format!("a timer has a name of 1 to {TIMER_NAME_BYTES} bytes and at most 7 days"))));
        }
        if let Err(error) = check_data(&data) {
            return Ok(Err(error));
        }
        let asked = format!("after {name:?} {delay:?} {data:?}");
        Ok(self.on_tape(asked, |state| {
            let deployment = state.deployment()?;
            let generation = state.generation.as_ref().ok_or_else(|| error("denied", "not now"))?;
            Ok(deployment.set_timer(generation, name, delay, data)?)
        }))
    }

    async fn cancel(&mut self, name: String) -> wasmtime::Result<Result<bool, Error>> {
        self.enter()?;
        Ok(self.on_tape(format!("cancel {name:?}"), |state| Ok(state.deployment()?.cancel_timer(&name))))
    }
}

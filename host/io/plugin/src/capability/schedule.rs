//! `schedule`: timers of the plugin's service.

use std::time::Duration;

use super::event::check_data;
use super::{error, invalid};
use crate::abi::v0_1::Error;
use crate::abi::v0_1::app::jackfield::pbx::schedule::Host;
use crate::instance::State;
use crate::limit::{TIMER_DELAY, TIMER_NAME_BYTES};
use crate::tenant::{Data, TimesOfDay, When};

impl Host for State {
    async fn after(&mut self, name: String, delay: u32, data: Data) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let delay = Duration::from_millis(delay.into());
        if delay > TIMER_DELAY {
            return Ok(Err(invalid("a timer comes within 7 days")));
        }
        let asked = format!("after {name:?} {delay:?} {data:?}");
        Ok(self.set_timer(asked, name, When::In(delay), data))
    }

    async fn at(&mut self, name: String, pattern: String, data: Data) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let asked = format!("at {name:?} {pattern:?} {data:?}");
        let pattern = match TimesOfDay::parse(&pattern) {
            Ok(pattern) => pattern,
            Err(why) => return Ok(Err(invalid(why))),
        };
        // Wherever the tenant is, if it comes at all.
        if pattern.next("UTC", self.tenant().map_or(0, |tenant| tenant.clock().unix_ms)).is_none() {
            return Ok(Err(invalid("it does not come within ten years")));
        }
        Ok(self.set_timer(asked, name, When::At(pattern), data))
    }

    async fn cancel(&mut self, name: String) -> wasmtime::Result<Result<bool, Error>> {
        self.enter()?;
        Ok(self.on_tape(format!("cancel {name:?}"), |state| Ok(state.deployment()?.cancel_timer(&name))))
    }
}

impl State {
    fn set_timer(&mut self, asked: String, name: String, when: When, data: Data) -> Result<(), Error> {
        if !(1..=TIMER_NAME_BYTES).contains(&name.len()) {
            return Err(invalid(format!("a timer has a name of 1 to {TIMER_NAME_BYTES} bytes")));
        }
        check_data(&data)?;
        self.on_tape(asked, |state| {
            let deployment = state.deployment()?;
            let generation = state.generation.as_ref().ok_or_else(|| error("denied", "not now"))?;
            Ok(deployment.set_timer(generation, name, when, data)?)
        })
    }
}

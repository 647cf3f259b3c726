//! `dialplan`: variables, other applications, and where it goes on.

use call::LegId;
use wasmtime::component::Resource;

use super::legs::Handle;
use super::{at_most, error, may_not_wait};
use crate::abi::v0_1::Error;
use crate::abi::v0_1::app::jackfield::pbx::dialplan::Host;
use crate::instance::State;
use crate::limit::FUNCTION_ARGUMENTS;
use crate::port::CallPort;
use std::sync::Arc;

/// Bytes of a variable's name, of a context, an extension, a priority, an application's name.
const NAME_BYTES: usize = 80;
/// Bytes of a value, an expression or arguments.
const TEXT_BYTES: usize = 4_096;

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl State {
    fn dialplan_leg(&mut self, leg: &Resource<Handle>) -> wasmtime::Result<(LegId, Option<Arc<dyn CallPort>>)> {
        Ok((self.called_leg(leg)?, self.port().cloned()))
    }
}

impl Host for State {
    async fn variable(&mut self, caller: Resource<Handle>, name: String) -> wasmtime::Result<Option<String>> {
        let (leg, port) = self.dialplan_leg(&caller)?;
        let Some(port) = port.filter(|_| name.len() <= NAME_BYTES) else { return Ok(None) };
        let value = port.variable(leg, &name).await;
        self.resumed();
        Ok(value)
    }

    async fn set_variable(&mut self, caller: Resource<Handle>, name: String, value: String) -> Answer<()> {
        let (leg, port) = self.dialplan_leg(&caller)?;
        if let Err(error) = at_most(&name, NAME_BYTES, "a name").and_then(|()| at_most(&value, TEXT_BYTES, "a value")) {
            return Ok(Err(error));
        }
        let Some(port) = port else { return Ok(Err(no_call())) };
        let result = port.set_variable(leg, &name, &value).await;
        self.resumed();
        Ok(result.map_err(Error::from))
    }

    async fn evaluate(&mut self, caller: Resource<Handle>, expression: String) -> Answer<String> {
        let (leg, port) = self.dialplan_leg(&caller)?;
        if let Err(error) = at_most(&expression, TEXT_BYTES, "an expression") {
            return Ok(Err(error));
        }
        let Some(port) = port else { return Ok(Err(no_call())) };
        let result = port.evaluate(leg, &expression).await;
        self.resumed();
        Ok(result.map_err(Error::from))
    }

    async fn read_function(
        &mut self,
        caller: Resource<Handle>,
        name: String,
        arguments: Vec<String>,
    ) -> Answer<String> {
        let leg = self.called_leg(&caller)?;
        let bytes = arguments.iter().map(String::len).sum::<usize>();
        if name.len() > NAME_BYTES || arguments.len() > FUNCTION_ARGUMENTS || bytes > TEXT_BYTES {
            let most = format!("at most {FUNCTION_ARGUMENTS} arguments, together {TEXT_BYTES} bytes");
            return Ok(Err(super::limit(most)));
        }
        let Some(port) = self.waiting_port().cloned() else { return Ok(Err(may_not_wait())) };
        let result = port.read_function(leg, &name, arguments).await;
        self.resumed();
        Ok(result.map_err(Error::from))
    }

    async fn run(&mut self, caller: Resource<Handle>, application: String, arguments: String) -> Answer<()> {
        let leg = self.called_leg(&caller)?;
        let checked =
            at_most(&application, NAME_BYTES, "a name").and_then(|()| at_most(&arguments, TEXT_BYTES, "arguments"));
        if let Err(error) = checked {
            return Ok(Err(error));
        }
        let Some(port) = self.waiting_port().cloned() else { return Ok(Err(may_not_wait())) };
        let result = port.run(leg, &application, &arguments).await;
        self.resumed();
        Ok(result.map_err(Error::from))
    }

    async fn goto(
        &mut self,
        caller: Resource<Handle>,
        context: Option<String>,
        extension: Option<String>,
        priority: String,
    ) -> Answer<()> {
        let leg = self.called_leg(&caller)?;
        for text in [context.as_deref(), extension.as_deref(), Some(priority.as_str())].into_iter().flatten() {
            if let Err(error) = at_most(text, NAME_BYTES, "a place") {
                return Ok(Err(error));
            }
        }
        let Some(port) = self.waiting_port().cloned() else { return Ok(Err(may_not_wait())) };
        let result = port.goto(leg, context.as_deref(), extension.as_deref(), &priority).await;
        self.resumed();
        Ok(result.map_err(Error::from))
    }
}

fn no_call() -> Error {
    error("denied", "there is no call")
}

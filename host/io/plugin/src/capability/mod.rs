//! The host side of each WIT interface: one file each. These functions run on a guest's fibre: they stay shallow.

pub(crate) mod blob;
pub(crate) mod bus;
pub(crate) mod choice;
pub(crate) mod dial;
pub(crate) mod dialplan;
pub(crate) mod event;
pub(crate) mod http;
pub(crate) mod kv;
pub(crate) mod legs;
pub(crate) mod lines;
pub(crate) mod metrics;
pub(crate) mod recording;
pub(crate) mod schedule;
pub(crate) mod system;
pub(crate) mod wasi;

use std::collections::HashMap;

use call::RequestError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};

use crate::abi::v0_1::Error;
use crate::abi::v0_1::app::jackfield::pbx;
use crate::instance::State;

/// Named options in one call.
const OPTIONS: usize = 32;
/// Bytes of an option's name.
const OPTION_NAME_BYTES: usize = 64;
/// Bytes of an option's value.
const OPTION_VALUE_BYTES: usize = 4_096;

/// Phase `link`: everything there is, once per engine. What one deployment may have of it is decided in `grant`.
pub(crate) fn link(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasi::link(&mut linker)?;
    pbx::types::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    pbx::legs::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    pbx::dial::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    pbx::recording::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    pbx::blob::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    pbx::http::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    pbx::lines::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    pbx::kv::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    pbx::metrics::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    pbx::dialplan::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    pbx::bus::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    pbx::choice::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    pbx::event::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    pbx::schedule::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    pbx::system::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    Ok(linker)
}

impl pbx::types::Host for State {}

impl State {
    /// A question that is answered at once and not by one of the run's doors: on the tape where there is one.
    fn on_tape<T>(&mut self, asked: String, live: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned,
    {
        let Some(tape) = self.run.tape().cloned() else { return live(self) };
        let crossed: Option<Result<T, (String, String)>> =
            tape.cross_now(asked, || Some(live(self).map_err(|refused| (refused.code, refused.detail))));
        // None: a replayed run that departed, which is told nothing more.
        let answer = crossed.unwrap_or_else(|| Err(("failed".into(), "the tape is over".into())));
        answer.map_err(|(code, detail)| error(&code, detail))
    }
}

/// An error as it crosses.
fn error(code: &str, detail: impl Into<String>) -> Error {
    Error { code: code.into(), detail: detail.into() }
}

fn invalid(detail: impl Into<String>) -> Error {
    error("invalid", detail)
}

fn limit(detail: impl Into<String>) -> Error {
    error("limit", detail)
}

/// What a function or a service is told that tries to wait for a party.
fn may_not_wait() -> Error {
    error("denied", "only an application may do this")
}

impl From<RequestError> for Error {
    fn from(refused: RequestError) -> Self {
        error(refused.code(), refused.to_string())
    }
}

/// Refuses a text that is too long.
fn at_most(text: &str, bytes: usize, what: &str) -> Result<(), Error> {
    if text.len() > bytes {
        return Err(limit(format!("{what} of {} bytes: at most {bytes}", text.len())));
    }
    Ok(())
}

/// Options by name, checked against the names a function knows. `repeated` may be given several times.
struct Options<'a> {
    single: HashMap<&'a str, &'a str>,
    repeated: Vec<&'a str>,
}

impl<'a> Options<'a> {
    fn new(given: &'a [(String, String)], known: &[&str], repeated: Option<&str>) -> Result<Self, Error> {
        if given.len() > OPTIONS.max(if repeated.is_some() { legs::PROMPTS } else { 0 }) {
            return Err(limit(format!("{} options: at most {OPTIONS}", given.len())));
        }
        let mut options = Self { single: HashMap::new(), repeated: Vec::new() };
        for (name, value) in given {
            at_most(name, OPTION_NAME_BYTES, "an option's name")?;
            at_most(value, OPTION_VALUE_BYTES, "an option")?;
            if Some(name.as_str()) == repeated {
                options.repeated.push(value);
            } else if !known.contains(&name.as_str()) {
                return Err(invalid(format!("unknown option {name:?}; known: {}", known.join(", "))));
            } else if options.single.insert(name, value).is_some() {
                return Err(invalid(format!("option {name:?} is given twice")));
            }
        }
        Ok(options)
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.single.get(name).copied()
    }

    fn milliseconds(&self, name: &str) -> Result<Option<std::time::Duration>, Error> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let ms: u32 = text.parse().map_err(|_| invalid(format!("option {name} is not a number of milliseconds")))?;
        Ok(Some(std::time::Duration::from_millis(ms.into())))
    }
}

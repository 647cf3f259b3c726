//! `event`: what happens in the tenant, for the plugin's service.

use std::sync::Arc;

use super::{OPTION_NAME_BYTES, OPTIONS, at_most, error, invalid, limit};
use crate::abi::v0_1::Error;
use crate::abi::v0_1::app::jackfield::pbx::event::Host;
use crate::instance::State;
use crate::limit::{EVENT_DATA_BYTES, EVENT_KIND_BYTES, TOPIC_BYTES};
use crate::tenant::{Data, Deployment, Refused};

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let code = match refused {
            Refused::NoService => "unsupported",
            Refused::TooMany(_) | Refused::TooFast => "limit",
        };
        error(code, refused.to_string())
    }
}

/// What an event or a timer may tell.
pub(super) fn check_data(data: &Data) -> Result<(), Error> {
    if data.len() > OPTIONS {
        return Err(limit(format!("{} data: at most {OPTIONS}", data.len())));
    }
    for (name, _) in data {
        at_most(name, OPTION_NAME_BYTES, "a name")?;
    }
    match data.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() {
        bytes if bytes > EVENT_DATA_BYTES => Err(limit(format!("{bytes} bytes of data: at most {EVENT_DATA_BYTES}"))),
        _ => Ok(()),
    }
}

impl State {
    /// The deployment that this run belongs to; none while the loader only tries whether it starts.
    pub(super) fn deployment(&self) -> Result<Arc<Deployment>, Error> {
        let deployment = self.generation.as_ref().and_then(|generation| generation.deployment.upgrade());
        deployment.ok_or_else(|| error("denied", "not now"))
    }
}

impl Host for State {
    async fn subscribe(&mut self, prefix: String) -> Answer<()> {
        self.enter()?;
        if prefix.len() > EVENT_KIND_BYTES {
            return Ok(Err(invalid(format!("a prefix of {} bytes: at most {EVENT_KIND_BYTES}", prefix.len()))));
        }
        Ok(self.on_tape(format!("subscribe {prefix:?}"), |state| Ok(state.deployment()?.subscribe(&prefix)?)))
    }

    async fn unsubscribe(&mut self, prefix: String) -> Answer<bool> {
        self.enter()?;
        Ok(self.on_tape(format!("unsubscribe {prefix:?}"), |state| Ok(state.deployment()?.unsubscribe(&prefix))))
    }

    async fn publish(&mut self, topic: String, data: Data) -> Answer<u32> {
        self.enter()?;
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_./".contains(&byte);
        if !(1..=TOPIC_BYTES).contains(&topic.len()) || !topic.bytes().all(legal) {
            return Ok(Err(invalid(format!("topic {topic:?} is not 1 to {TOPIC_BYTES} of a-z, 0-9, -, _, . and /"))));
        }
        if let Err(error) = check_data(&data) {
            return Ok(Err(error));
        }
        self.moved(data.iter().map(|(name, value)| name.len() + value.len()).sum());
        let asked = format!("publish {topic:?} {data:?}");
        Ok(self.on_tape(asked, |state| Ok(state.deployment()?.publish(&topic, data)?)))
    }

    async fn device(&mut self, endpoint: String) -> wasmtime::Result<Option<String>> {
        self.enter()?;
        let asked = format!("device {endpoint:?}");
        let device = |state: &mut Self| {
            let generation = state.generation.as_ref().ok_or_else(|| error("denied", "not now"))?;
            Ok(generation.tenant.device(&endpoint).map(str::to_owned))
        };
        Ok(self.on_tape(asked, device).unwrap_or_default())
    }
}

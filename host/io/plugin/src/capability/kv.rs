//! `kv`: the plugin's own values in its tenant.

use super::{error, invalid, limit};
use crate::abi::v0_1::Error;
use crate::abi::v0_1::app::jackfield::pbx::kv::Host;
use crate::grant::Capability;
use crate::instance::State;
use crate::port::{BoxFuture, KvError, KvSpace, TenantPort};

/// Bytes of a key.
const KEY_BYTES: usize = 256;
/// Bytes of a value.
const VALUE_BYTES: usize = 64 << 10;
/// Keys in one listing.
const KEYS: u32 = 1_000;

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl From<KvError> for Error {
    fn from(refused: KvError) -> Self {
        match refused {
            KvError::Limit(detail) => limit(detail),
            KvError::Failed(detail) => error("failed", detail),
        }
    }
}

fn check(key: &str, values: [Option<&[u8]>; 2]) -> Result<(), Error> {
    if !(1..=KEY_BYTES).contains(&key.len()) {
        return Err(limit(format!("a key of {} bytes: 1 to {KEY_BYTES}", key.len())));
    }
    match values.into_iter().flatten().find(|value| value.len() > VALUE_BYTES) {
        Some(value) => Err(limit(format!("a value of {} bytes: at most {VALUE_BYTES}", value.len()))),
        None => Ok(()),
    }
}

impl State {
    /// One operation on the plugin's own space.
    async fn kv<T>(
        &mut self,
        checked: Result<(), Error>,
        operation: impl for<'a> FnOnce(&'a dyn TenantPort, KvSpace<'a>) -> BoxFuture<'a, Result<T, KvError>>,
    ) -> Answer<T> {
        self.enter()?;
        if let Err(error) = checked {
            return Ok(Err(error));
        }
        let Some(generation) = self.generation.clone() else { return Ok(Err(error("denied", "not now"))) };
        let quota = generation.manifest.capabilities.get(&Capability::Kv).and_then(|bounds| bounds.quota);
        let space = KvSpace { plugin: &generation.manifest.id, quota };
        let Some(tenant) = self.tenant() else { return Ok(Err(error("denied", "not now"))) };
        let result = operation(&*tenant, space).await;
        self.resumed();
        Ok(result.map_err(Error::from))
    }
}

impl Host for State {
    async fn get(&mut self, key: String) -> Answer<Option<Vec<u8>>> {
        let value = self
            .kv(check(&key, [None; 2]), |port, space| {
                let key = key;
                Box::pin(async move { port.kv_get(space, &key).await })
            })
            .await?;
        self.moved(value.as_ref().ok().and_then(Option::as_ref).map_or(0, Vec::len));
        Ok(value)
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> Answer<()> {
        self.moved(value.len());
        self.kv(check(&key, [Some(&value), None]), |port, space| {
            Box::pin(async move { port.kv_set(space, &key, value).await })
        })
        .await
    }

    async fn swap(&mut self, key: String, old: Option<Vec<u8>>, new: Option<Vec<u8>>) -> Answer<bool> {
        self.moved(old.iter().chain(&new).map(Vec::len).sum());
        self.kv(check(&key, [old.as_deref(), new.as_deref()]), |port, space| {
            Box::pin(async move { port.kv_swap(space, &key, old, new).await })
        })
        .await
    }

    async fn delete(&mut self, key: String) -> Answer<()> {
        self.kv(check(&key, [None; 2]), |port, space| Box::pin(async move { port.kv_delete(space, &key).await })).await
    }

    async fn keys(&mut self, prefix: String, after: Option<String>, limit: u32) -> Answer<Vec<String>> {
        let checked = match (prefix.len() > KEY_BYTES, (1..=KEYS).contains(&limit)) {
            (true, _) => Err(super::limit(format!("a prefix of {} bytes: at most {KEY_BYTES}", prefix.len()))),
            (false, false) => Err(invalid(format!("limit is not 1 to {KEYS}"))),
            (false, true) => Ok(()),
        };
        self.kv(checked, |port, space| {
            Box::pin(async move { port.kv_keys(space, &prefix, after.as_deref(), limit).await })
        })
        .await
    }
}

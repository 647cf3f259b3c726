//! `blob`: the plugin's own recordings in its tenant.

use super::{error, invalid};
use crate::abi::v0_1::Error;
use crate::abi::v0_1::app::jackfield::pbx::blob::Host;
use crate::grant::Capability;
use crate::instance::State;
use crate::port::{BlobFailure, BoxFuture, TenantPort};

/// Bytes of a name.
const NAME_BYTES: usize = 128;
/// Names in one listing.
const NAMES: u32 = 1_000;

/// How a prompt begins that is a recording.
const PROMPT: &str = "blob:";

type Answer<T> = wasmtime::Result<Result<T, Error>>;

/// What a plugin's blob is called in its tenant. Guests never see it.
pub fn blob_name(plugin: &str, name: &str) -> String {
    format!("{plugin}/{name}")
}

/// Refuses what is no name.
fn check(name: &str) -> Result<(), Error> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_part = |part: &str| {
        part.bytes().next().is_some_and(letter)
            && part.bytes().all(|byte| letter(byte) || b"-_.".contains(&byte))
            && !part.contains("..")
    };
    match name.len() <= NAME_BYTES && name.split('/').all(is_part) {
        true => Ok(()),
        false => Err(invalid(format!("{name:?} is not a name for a recording"))),
    }
}

impl State {
    /// The tenant's name of a blob of this plugin.
    pub(super) fn own_blob(&self, name: &str) -> Result<String, Error> {
        check(name)?;
        let generation = self.generation.as_ref().ok_or_else(|| error("denied", "not now"))?;
        Ok(blob_name(&generation.manifest.id, name))
    }

    /// What all blobs of this plugin may take in its tenant, as far as its manifest says.
    pub(super) fn blob_quota(&self) -> Option<u64> {
        self.generation.as_ref()?.manifest.capabilities.get(&Capability::Blob)?.quota
    }

    /// A prompt as the tenant knows it: a plugin hears its own recordings and no others.
    pub(super) fn own_prompt(&self, prompt: String) -> Result<String, Error> {
        match prompt.strip_prefix(PROMPT) {
            Some(name) => Ok(format!("{PROMPT}{}", self.own_blob(name)?)),
            None => Ok(prompt),
        }
    }

    /// One operation on the plugin's own blobs.
    async fn blob<T>(
        &mut self,
        checked: Result<(), Error>,
        operation: impl for<'a> FnOnce(&'a dyn TenantPort, &'a str) -> BoxFuture<'a, Result<T, BlobFailure>>,
    ) -> Answer<T> {
        self.enter()?;
        if let Err(error) = checked {
            return Ok(Err(error));
        }
        let Some(generation) = self.generation.clone() else { return Ok(Err(error("denied", "not now"))) };
        let Some(tenant) = self.tenant() else { return Ok(Err(error("denied", "not now"))) };
        let result = operation(&*tenant, &generation.manifest.id).await;
        self.resumed();
        Ok(result.map_err(|BlobFailure(detail)| error("failed", detail)))
    }
}

impl Host for State {
    async fn list(&mut self, prefix: String, after: Option<String>, limit: u32) -> Answer<Vec<(String, u64)>> {
        let checked = match (prefix.len() > NAME_BYTES, (1..=NAMES).contains(&limit)) {
            (true, _) => Err(super::limit(format!("a prefix of {} bytes: at most {NAME_BYTES}", prefix.len()))),
            (false, false) => Err(invalid(format!("limit is not 1 to {NAMES}"))),
            (false, true) => after.as_deref().map_or(Ok(()), check),
        };
        self.blob(checked, |port, plugin| {
            Box::pin(async move { port.blob_list(plugin, &prefix, after.as_deref(), limit).await })
        })
        .await
    }

    async fn rename(&mut self, from: String, to: String) -> Answer<bool> {
        self.blob(check(&from).and_then(|()| check(&to)), |port, plugin| {
            Box::pin(async move { port.blob_rename(plugin, &from, &to).await })
        })
        .await
    }

    async fn remove(&mut self, name: String) -> Answer<bool> {
        self.blob(check(&name), |port, plugin| Box::pin(async move { port.blob_remove(plugin, &name).await })).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// G1.
    #[test]
    fn a_name_is_never_a_path() {
        for good in ["a", "vm/100/1-2", "a.b_c", &"x".repeat(128)] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "/", "a/", "/a", "a//b", "..", "a/../b", ".a", "A", "a b", "a+b", "é", "a\0", &"x".repeat(129)]
        {
            assert_eq!(check(bad).unwrap_err().code, "invalid", "{bad}");
        }
    }
}

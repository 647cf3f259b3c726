//! Small values, private to the plugin in its tenant. What was acknowledged survives a crash. Capability `kv`.

use crate::host::port;
use crate::{Error, Result};

/// How often [`update`] tries before it gives up.
const UPDATE_ATTEMPTS: u32 = 16;

/// The value, or none.
pub fn get(key: &str) -> Result<Option<Vec<u8>>> {
    port::kv_get(key)
}

/// The value as text, or none.
pub fn get_text(key: &str) -> Result<Option<String>> {
    get(key)?
        .map(|value| String::from_utf8(value).map_err(|_| Error::failed(format!("the value of {key:?} is not text"))))
        .transpose()
}

/// Puts a value; durable when it returns.
pub fn set(key: &str, value: impl AsRef<[u8]>) -> Result {
    port::kv_set(key, value.as_ref())
}

/// Replaces the value only if it is still `old` (none = absent); false if it was something else.
pub fn swap(key: &str, old: Option<&[u8]>, new: Option<&[u8]>) -> Result<bool> {
    port::kv_swap(key, old, new)
}

/// Deletes; no error if there is nothing.
pub fn delete(key: &str) -> Result {
    port::kv_delete(key)
}

/// Up to `limit` keys that begin with `prefix`, in byte order, the first being greater than `after`.
pub fn keys(prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>> {
    port::kv_keys(prefix, after, limit)
}

/// Changes a value without losing another run's change: `change` gets what is there and returns what shall be.
pub fn update(key: &str, change: impl Fn(Option<&[u8]>) -> Option<Vec<u8>>) -> Result<Option<Vec<u8>>> {
    for _ in 0..UPDATE_ATTEMPTS {
        let old = get(key)?;
        let new = change(old.as_deref());
        if swap(key, old.as_deref(), new.as_deref())? {
            return Ok(new);
        }
    }
    Err(Error::new(crate::Code::Busy, format!("{key:?} is changed by others all the time")))
}

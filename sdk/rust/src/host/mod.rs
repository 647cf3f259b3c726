//! The host's functions, by the same names on both sides: the Wasm imports in a component, a fake in a native test.

#[cfg(target_arch = "wasm32")]
pub(crate) mod wasm;
#[cfg(target_arch = "wasm32")]
pub(crate) use wasm as port;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod native;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native as port;

/// Named options as they cross.
pub(crate) type Options = Vec<(String, String)>;

/// Makes them so.
pub(crate) fn options(given: &[(&str, &str)]) -> Options {
    given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

//! Where text comes from: the plan's file and what it includes.

use thiserror::Error;

/// Loads text by name. The implementor keeps it inside the tenant's directory; names with `..`, a leading `/`, a backslash or a
/// control character never arrive here.
pub trait Source {
    /// The whole text of the file `name`.
    fn load(&self, name: &str) -> Result<String, SourceError>;
}

/// Why a file could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SourceError {
    /// There is no such file.
    #[error("no such file")]
    NotFound,
    /// The name leads out of the tenant's directory.
    #[error("it is outside the tenant's directory")]
    Outside,
    /// It is there, but cannot be read.
    #[error("{0}")]
    Unreadable(String),
}

/// One text without includes, whatever the name: for tests and one-file plans.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a>(pub &'a str);

impl Source for Text<'_> {
    fn load(&self, _name: &str) -> Result<String, SourceError> {
        Ok(self.0.to_owned())
    }
}

/// Files by name.
impl Source for std::collections::BTreeMap<String, String> {
    fn load(&self, name: &str) -> Result<String, SourceError> {
        self.get(name).cloned().ok_or(SourceError::NotFound)
    }
}

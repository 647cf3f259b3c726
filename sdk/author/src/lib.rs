//! What authors get besides a running server: the world a plugin is written against, the SDK of its language, its component.
//!
//! A plugin's folder has its `plugin.toml` and its sources. Everything made is below `build/`: `wit/` and `sdk/` are written
//! anew at each build and belong to this version of the server; `package/` is what `jackfield plugin install` takes.

mod component;
mod docs;
mod scaffold;
mod sdk;
mod watch;
mod world;

pub use component::componentize;
pub use docs::{Format, reference};
pub use scaffold::{Kind, files, provided};
pub use sdk::{Sdk, write};
pub use watch::{FILES, Sources};

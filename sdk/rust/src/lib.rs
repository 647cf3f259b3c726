//! The Rust SDK for Jackfield plugins.
//!
//! A plugin is a library crate built for `wasm32-wasip2` (`crate-type = ["cdylib", "rlib"]`) with a `plugin.toml` beside it. A dialplan
//! application is a function of a [`Leg`] and its arguments; it may block as long as it likes:
//!
//! ```
//! use jackfield_sdk::{Digits, Leg, Result, apps};
//!
//! apps! { "Greet" => greet }
//!
//! /// Greet(): answers, greets, and says back what was dialled.
//! fn greet(leg: Leg, _arguments: &str) -> Result {
//!     leg.answer()?;
//!     leg.play("hello")?;
//!     for digit in leg.read_digits(Digits::up_to(4))?.chars() {
//!         leg.play(format!("digits/{digit}"))?;
//!     }
//!     Ok(())
//! }
//! # fn main() {}
//! ```
//!
//! A dialplan function is a function of its arguments: see [`functions!`]. A part that lives on between calls is a [`Service`], and what
//! chooses for other plugins a strategy: see [`strategies!`].
//!
//! What the plugin uses of [`kv`], [`blob`], [`event`], [`http`], [`metrics`], [`schedule`], [`strategy::choose`], [`Line`], [`Leg::dial`], [`Leg::record`] and the dialplan must be listed under `[capabilities]` in `plugin.toml`. Test the logic
//! natively with `jackfield-testkit`: nothing but ordinary `cargo test` is needed.

mod error;
mod host;
mod leg;
mod line;
mod macros;
mod service;

pub mod blob;
pub mod event;
pub mod http;
pub mod kv;
pub mod metrics;
pub mod schedule;
pub mod strategy;
pub mod system;

pub use error::{Code, Error, Result};
pub use leg::{Cause, Dial, Dialed, Digits, Event, Leg, Prompts, Record, Recorded};
pub use line::{Line, Offer};
pub use macros::Function;
pub use service::Service;
pub use system::{Level, log};

#[doc(hidden)]
pub use leg::unknown as __unknown;

/// For the macros.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod __wasm {
    pub use crate::host::wasm::*;
}

/// For `jackfield-testkit`: the native stand-in of the host.
#[cfg(not(target_arch = "wasm32"))]
#[doc(hidden)]
pub mod __native {
    pub use crate::host::native::{Fake, leg, with_fake};
}

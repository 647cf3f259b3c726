//! What a call holds on to: one version of a plugin, pinned.

mod app;
mod function;
mod reused;
mod service;
mod strategy;

pub use app::{AppEnd, AppSlot};
pub use function::{FunctionCall, FunctionSlot};
pub use service::ServiceSlot;

pub(crate) use app::{Doors as AppDoors, perform as perform_app, run as run_app};
pub(crate) use reused::Reused;
pub(crate) use service::ServiceInbox;
pub(crate) use strategy::StrategySlot;

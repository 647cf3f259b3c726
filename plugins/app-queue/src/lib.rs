//! `Queue`, `QueueLogin`, `QueueLogout`, and the service that knows who waits.
//!
//! Each waiting caller is a run of `Queue` that asks the service once a second what to do: wait, ring these members, or leave. The service
//! decides and forgets nothing: `desk` is that decision as plain values, without a host. A version that replaces another takes over what it knew;
//! the callers stay in their runs and ask the new one. A service that failed has lost what it knew, and gets it back: with every
//! question a caller says since when it waits, which is its place.
//!
//! Who answered and which calls are over comes as events. A lost one costs nothing but time: the caller's run says the same when its dial is over.

mod agent;
mod caller;
mod desk;
mod service;
mod setting;
mod snapshot;
mod wire;

#[cfg(test)]
mod tests;

use jackfield_sdk::{apps, service};

use crate::agent::{login, logout};
use crate::caller::queue;
use crate::service::Queues;

apps! {
    "Queue" => queue,
    "QueueLogin" => login,
    "QueueLogout" => logout,
}

service! { Queues }

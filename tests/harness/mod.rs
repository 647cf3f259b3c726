//! A whole switch with scripted phones, on a clock and in a network that belong to the test.
//!
//! Nothing here opens a socket or waits for real time. The switch is the real one: its SIP endpoint and its media engine are
//! values that the [`World`] drives, its call tasks run on a tokio runtime whose clock stands still until the world moves it.
//! What the disk and the plugins' threads do takes no virtual time: the clock moves only when they are idle.
//!
//! A test makes a [`World`] from a seed and a dialplan, phones in it, and then tells phones what to do and waits for what
//! ought to happen. The same seed gives the same losses and delays.

mod disk;
mod guest;
mod hand;
mod idle;
mod network;
mod phone;
mod server;
mod streams;
mod tenants;
mod world;

pub(crate) use hand::{Hand, reply, sdp};
pub(crate) use network::Weather;
pub(crate) use phone::{Line, PhoneId, State};
pub(crate) use server::HOST;
pub(crate) use tenants::{Setup, secret};
pub(crate) use world::{PLUGIN_KV_BYTES, World, run};

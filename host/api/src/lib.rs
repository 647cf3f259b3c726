//! The administration API: HTTP and JSON on a Unix socket, and the client that the command line uses.
//!
//! - [`Control`] is everything an administrator can ask of a running server; the binary implements it with the switch.
//! - [`types`] are the words of both ends, so that a command prints exactly what the server said.
//! - [`serve`] answers on a socket; [`Client`] asks.
//!
//! Invariants: no handler decides anything: it takes the request apart, calls one method of `Control` and writes its answer.
//! Who may open the socket (its mode is 0600) is the administrator; tokens come with TCP.

mod client;
mod control;
mod metrics;
mod routes;
mod server;
pub mod types;

pub use client::{Client, ClientError};
pub use control::{Control, ControlError, ErrorCode};
pub use server::{ServeError, Server, serve};

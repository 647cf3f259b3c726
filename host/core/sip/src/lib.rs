//! RFC 3261 as values.
//!
//! The crate never touches the world: bytes, time and randomness are arguments.
//! - [`message`] parses and writes SIP messages ([`message::parse`], [`message::Framer`] for streams).
//! - [`auth`] checks and answers digest challenges (RFC 7616, RFC 8760).
//! - [`registrar`] keeps the bindings of one address of record (RFC 3261 §10.3).
//! - [`endpoint`] is the one door to transactions, dialogs and INVITE sessions.
//! - [`limit`] names every bound that remote input can reach.

pub mod auth;
pub mod dialog;
pub mod endpoint;
pub mod limit;
pub mod message;
pub mod registrar;
pub mod session;
pub mod transaction;

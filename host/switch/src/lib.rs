//! Tenants and calls: the only place where what the core decides is done.
//!
//! An [`Ingress`] per SIP shard finds out whose a request is and lets in who may; a call becomes a task that owns a
//! [`call::Call`] by value. What the call asks for goes out through the ports of [`port`], which are io/net in the
//! server and a virtual network in tests; plugins come in as the call's own requests. Nothing here reads a file, opens
//! a socket or knows wasmtime.
//!
//! Rules: one task per call, with a bounded inbox · effects run in `call_task::effect` and nowhere else · tenant is a
//! type: whoever holds a [`Tenant`] reaches that tenant and no other · a panic ends one call, with a cause and a record.

#![forbid(unsafe_code)]

mod address;
mod authentication;
mod call_task;
mod cdr;
mod ingress;
pub mod limit;
mod line;
mod net_port;
pub mod port;
mod sessions;
mod shared;
mod sound;
mod switch;
mod table;
pub mod tenant;

pub use call_task::{Description, LegDescription};
pub use net_port::{NetMedia, SipDoor};
pub use port::{MediaLeg, MediaPort, MediaSink, NoMedia, Overloaded, SipPort, SoundName, SoundSource, sip_timings};
pub use shared::{Clock, Settings};
pub use switch::{Applied, OriginateError, Switch};
pub use tenant::Tenant;
pub use tenant::definition::{self, Definition};
pub use tenant::directory::Conflict;

//! Sockets and clocks around `core::{sip,media}`.
//!
//! [`sip_driver`] owns the SIP listeners, the connections and one `sip::Endpoint` per shard; [`rtp_driver`] owns the
//! media threads. Both turn bytes and time into inputs of a pure core and its outputs into packets; neither decides
//! anything. Absent here: tenants, calls, files and configuration.

mod connection;
pub mod http;
mod own_address;
pub mod resolver;
pub mod rtp_driver;
pub mod sip_driver;
mod tcp;
mod udp;

pub use own_address::own_address;

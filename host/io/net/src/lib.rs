//! Sockets and clocks around core::{sip,media}.
pub mod rtp_driver;

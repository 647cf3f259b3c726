//! Sockets and clocks around core::{sip,media}.

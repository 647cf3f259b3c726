//! Media as values: SDP, RTP, RTCP, DTMF and the engine of one media thread.
pub mod engine;
pub mod negotiation;

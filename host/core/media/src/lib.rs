//! Media as values: SDP, RTP, RTCP, DTMF and the engine of one media thread.
pub mod address;
pub mod engine;
pub mod latch;
pub mod negotiation;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod statistics;

//! Offer and answer (RFC 3264) for the one audio stream of a leg.

use std::net::{IpAddr, SocketAddr};

use codec::Codec;

/// What we bring to a negotiation: our address and what this leg may use.
#[derive(Clone, Debug)]
pub struct LocalMedia {
    /// Address written into our SDP; RTCP is at the next port.
    pub address: SocketAddr,
    /// Number of the `o=` line: random, so that it is unique to the session.
    pub session_id: u64,
    /// Allowed codecs, preferred first.
    pub codecs: Vec<Codec>,
    /// Whether RFC 4733 events are offered and accepted.
    pub dtmf: bool,
    /// Packet time we ask for.
    pub ptime_ms: u32,
    /// Foreign addresses allowed although the policy (D6) would refuse them, such as a loopback peer.
    pub trusted_addresses: Vec<IpAddr>,
}

/// Direction of a stream seen from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// We send and receive.
    SendRecv,
    /// We only send: the peer is on hold by us.
    SendOnly,
    /// We only receive: the peer has us on hold.
    RecvOnly,
    /// Neither.
    Inactive,
}

/// What was agreed, as the engine needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamParams {
    /// Where the peer wants RTP.
    pub remote: SocketAddr,
    /// Where the peer wants RTCP (RFC 3605, or the next port; the same as `remote` when multiplexed).
    pub remote_rtcp: SocketAddr,
    /// RTCP shares the RTP port (RFC 5761).
    pub rtcp_mux: bool,
    /// Address the peer's signalling comes from: RTP may come from there too when its SDP holds a private address (D1).
    pub signalling_source: Option<IpAddr>,
    /// Direction seen from us.
    pub direction: Direction,
    /// Codecs the peer takes with the payload type to use, preferred first. Never empty.
    pub send: Vec<(Codec, u8)>,
    /// Payload types the peer may send.
    pub receive: Vec<(u8, Codec)>,
    /// Payload type of telephone-events towards the peer.
    pub dtmf_send: Option<u8>,
    /// Payload type of telephone-events from the peer.
    pub dtmf_receive: Option<u8>,
    /// Packet time towards the peer.
    pub ptime_ms: u32,
}

/// The negotiation of one leg over its life: offers, answers, re-offers.
#[derive(Clone, Debug)]
pub struct Negotiation {
    local: LocalMedia,
    stream: Option<StreamParams>,
}

/// Why an offer or an answer was not acceptable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NegotiationError {
    /// No common audio: answer 488.
    #[error("no acceptable audio stream")]
    NotAcceptable,
}

impl Negotiation {
    /// A negotiation before its first offer.
    pub fn new(local: LocalMedia) -> Self {
        Self { local, stream: None }
    }

    /// Our next offer.
    pub fn offer(&mut self, _direction: Direction) -> Vec<u8> {
        Vec::new()
    }

    /// Our answer to the peer's offer.
    pub fn answer(&mut self, _offer: &[u8]) -> Result<Vec<u8>, NegotiationError> {
        Err(NegotiationError::NotAcceptable)
    }

    /// Takes the peer's answer to our offer.
    pub fn accept_answer(&mut self, _answer: &[u8]) -> Result<(), NegotiationError> {
        Err(NegotiationError::NotAcceptable)
    }

    /// Our offer was refused: what was agreed before stays.
    pub fn reject_offer(&mut self) {}

    /// Our wish for the direction of later answers: `SendOnly` while this side holds the peer.
    pub fn set_direction(&mut self, _direction: Direction) {}

    /// Address the peer's signalling comes from.
    pub fn set_signalling_source(&mut self, _source: IpAddr) {}

    /// Moves a codec to the front of our preference, so that both legs of a bridge agree.
    pub fn prefer(&mut self, _codec: Codec) {}

    /// What is agreed now.
    pub fn stream(&self) -> Option<&StreamParams> {
        let _ = &self.local;
        self.stream.as_ref()
    }

    /// The peer put us on hold.
    pub fn remote_hold(&self) -> bool {
        false
    }
}

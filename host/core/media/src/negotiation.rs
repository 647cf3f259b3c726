//! Offer and answer (RFC 3264) for the one audio stream of a leg. Other streams are refused, in their place.

use std::net::{IpAddr, SocketAddr};

use codec::Codec;

use crate::address;
use crate::sdp::{self, Connection, Description, Flow, Media, Origin, RtpMap, SdpError};

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

impl Direction {
    /// We send.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// We receive.
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    fn flow(self) -> Flow {
        Flow { send: self.sends(), receive: self.receives() }
    }

    fn from_flow(flow: Flow) -> Self {
        match (flow.send, flow.receive) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }
}

/// What was agreed, as the engine needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamParams {
    /// Where the peer wants RTP. Unspecified while it is on hold in the old way (`c=0.0.0.0`); then we do not send.
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
    /// Our wish, which limits what is offered and answered.
    wish: Direction,
    signalling_source: Option<IpAddr>,
    /// Payload types we announce: kept for the session, and taken over from the peer's offers (RFC 3264 §6.1, §8.3.2).
    announced: Vec<(Codec, u8)>,
    announced_dtmf: u8,
    /// The `m=` lines of the session, whose number and order never change (§8).
    layout: Vec<Line>,
    /// What we sent last; a change of it is a new version.
    last: Option<Description>,
    /// Our offer, while an answer to it may still come (more than one when the request forked).
    offered: Option<Direction>,
    stream: Option<StreamParams>,
    is_held_by_peer: bool,
}

/// An `m=` line of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    /// The audio stream that is used.
    Audio,
    /// A refused stream, with what it takes to name it again.
    Refused { kind: String, protocol: String, formats: Vec<String> },
}

/// Why an offer or an answer was not acceptable. What was agreed before stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NegotiationError {
    /// Not a session description we can read.
    #[error("the SDP cannot be read")]
    Sdp(#[from] SdpError),
    /// No audio stream over plain RTP, or it was refused.
    #[error("no acceptable audio stream")]
    NoAudio,
    /// An audio stream, but none of our codecs.
    #[error("no common codec")]
    NoCodec,
    /// The peer wants media sent to where none may be sent (D6).
    #[error("media to {0} is not allowed")]
    Address(IpAddr),
    /// The stream has no numeric unicast address.
    #[error("no usable media address")]
    NoAddress,
    /// An answer, but we made no offer.
    #[error("an answer without an offer")]
    NoOffer,
    /// An answer with another number of streams than our offer (RFC 3264 §6).
    #[error("the answer does not have the streams of the offer")]
    Streams,
}

impl NegotiationError {
    /// The SIP status for an offer that failed so: 400 when unreadable, else 488 Not Acceptable Here.
    pub fn status(self) -> u16 {
        if matches!(self, Self::Sdp(_)) { 400 } else { 488 }
    }
}

impl Negotiation {
    /// A negotiation before its first offer.
    pub fn new(local: LocalMedia) -> Self {
        let announced = local.codecs.iter().map(|&codec| (codec, codec.static_payload_type())).collect();
        Self {
            local,
            wish: Direction::SendRecv,
            signalling_source: None,
            announced,
            announced_dtmf: DTMF_PAYLOAD_TYPE,
            layout: vec![Line::Audio],
            last: None,
            offered: None,
            stream: None,
            is_held_by_peer: false,
        }
    }

    /// Our next offer; also the 2xx to an INVITE without one.
    pub fn offer(&mut self, direction: Direction) -> Vec<u8> {
        self.wish = direction;
        self.offered = Some(direction);
        let mut media = self.audio(&self.announced, self.local.dtmf.then_some(self.announced_dtmf), direction);
        media.rtcp_mux = true;
        self.describe(media)
    }

    /// Our answer to the peer's offer.
    pub fn answer(&mut self, offer: &[u8]) -> Result<Vec<u8>, NegotiationError> {
        let offer = sdp::parse(offer)?;
        let index = offer.media.iter().position(is_usable_audio).ok_or(NegotiationError::NoAudio)?;
        let media = &offer.media[index];
        let formats = Formats::of(media, &self.local);
        let peer = Peer::of(&offer, media);
        let direction = Direction::from_flow(peer.flow.reversed().and(self.wish.flow()));
        let stream = self.agree(&peer, &formats, media, direction)?;

        self.announced = remembered(&formats.send(&self.local.codecs), &self.announced);
        self.announced_dtmf = formats.dtmf.unwrap_or(self.announced_dtmf);
        self.layout = offer.media.iter().enumerate().map(|(at, media)| Line::of(media, at == index)).collect();
        self.offered = None;
        self.is_held_by_peer = !peer.flow.receive;
        let mut answer = self.audio(&stream.send, stream.dtmf_send, direction);
        answer.rtcp_mux = stream.rtcp_mux;
        self.stream = Some(stream);
        Ok(self.describe(answer))
    }

    /// Takes the peer's answer to our offer. Another answer to the same offer (a 200 after a 183, or another branch of
    /// a forked request) replaces it.
    pub fn accept_answer(&mut self, answer: &[u8]) -> Result<(), NegotiationError> {
        let offered = self.offered.ok_or(NegotiationError::NoOffer)?;
        let answer = sdp::parse(answer)?;
        if answer.media.len() != self.layout.len() {
            return Err(NegotiationError::Streams);
        }
        let index = self.layout.iter().position(|line| *line == Line::Audio).ok_or(NegotiationError::NoAudio)?;
        let media = &answer.media[index];
        if !is_usable_audio(media) {
            return Err(NegotiationError::NoAudio);
        }
        let formats = Formats::of(media, &self.local);
        let peer = Peer::of(&answer, media);
        let direction = Direction::from_flow(peer.flow.reversed().and(offered.flow()));
        let mut stream = self.agree(&peer, &formats, media, direction)?;
        // We announced our own payload types; those of the answer are for what we send. Its order is the peer's (§7).
        stream.send = formats.codecs.iter().map(|&(payload_type, codec)| (codec, payload_type)).collect();
        stream.receive = self.announced.iter().map(|&(codec, payload_type)| (payload_type, codec)).collect();
        stream.receive.retain(|(_, codec)| stream.send.iter().any(|(other, _)| other == codec));
        stream.dtmf_receive = formats.dtmf.map(|_| self.announced_dtmf);
        self.is_held_by_peer = !peer.flow.receive;
        self.stream = Some(stream);
        Ok(())
    }

    /// Our offer was refused: what was agreed before stays (RFC 3261 §14.1).
    pub fn reject_offer(&mut self) {
        self.offered = None;
    }

    /// Our wish for the direction of later answers: `SendOnly` while this side holds the peer.
    pub fn set_direction(&mut self, direction: Direction) {
        self.wish = direction;
    }

    /// Address the peer's signalling comes from.
    pub fn set_signalling_source(&mut self, source: IpAddr) {
        self.signalling_source = Some(source);
        if let Some(stream) = &mut self.stream {
            stream.signalling_source = Some(source);
        }
    }

    /// Moves a codec to the front of our preference, if it is allowed at all, so that both legs of a bridge agree.
    pub fn prefer(&mut self, codec: Codec) {
        self.local.codecs.sort_by_key(|&other| other != codec);
        self.announced.sort_by_key(|&(other, _)| other != codec);
    }

    /// What is agreed now; `None` before the first answer.
    pub fn stream(&self) -> Option<&StreamParams> {
        self.stream.as_ref()
    }

    /// The peer put us on hold: it takes no media (`sendonly`, `inactive` or `c=0.0.0.0`).
    pub fn remote_hold(&self) -> bool {
        self.is_held_by_peer
    }

    /// The parameters of a stream with the peer's payload types in both directions, as an answerer uses them.
    fn agree(
        &self,
        peer: &Peer,
        formats: &Formats,
        media: &Media,
        direction: Direction,
    ) -> Result<StreamParams, NegotiationError> {
        let send = formats.send(&self.local.codecs);
        if send.is_empty() {
            return Err(NegotiationError::NoCodec);
        }
        let (remote, remote_rtcp) = peer.addresses(media)?;
        for address in [remote, remote_rtcp] {
            // On hold in the old way there is no address to judge, and nothing is sent.
            let is_old_hold = address.ip().is_unspecified() && !peer.flow.receive;
            let is_ourselves = address.ip() == self.local.address.ip()
                && (address.port() == self.local.address.port()
                    || address.port() == self.local.address.port().saturating_add(1));
            let is_allowed = address::is_allowed(address.ip(), self.local.address.ip(), &self.local.trusted_addresses);
            if !is_old_hold && (!is_allowed || is_ourselves) {
                return Err(NegotiationError::Address(address.ip()));
            }
        }
        Ok(StreamParams {
            remote,
            remote_rtcp,
            rtcp_mux: media.rtcp_mux,
            signalling_source: self.signalling_source,
            direction,
            send,
            receive: formats.codecs.clone(),
            dtmf_send: formats.dtmf,
            dtmf_receive: formats.dtmf,
            ptime_ms: packet_time(media, self.local.ptime_ms),
        })
    }

    /// Our audio line.
    fn audio(&self, codecs: &[(Codec, u8)], dtmf: Option<u8>, direction: Direction) -> Media {
        let rtpmap =
            |payload_type, name: &str| RtpMap { payload_type, name: name.to_owned(), clock: 8000, channels: 1 };
        let formats = codecs.iter().map(|&(_, payload_type)| payload_type).chain(dtmf);
        let formats = formats.map(|payload_type| payload_type.to_string()).collect();
        let mut media = Media::new("audio", self.local.address.port(), PROTOCOL, formats);
        media.rtpmaps = codecs.iter().map(|&(codec, payload_type)| rtpmap(payload_type, codec.name())).collect();
        if let Some(payload_type) = dtmf {
            media.rtpmaps.push(rtpmap(payload_type, TELEPHONE_EVENT));
            media.fmtp.push((payload_type, "0-15"));
        }
        media.ptime_ms = Some(self.local.ptime_ms);
        media.direction = Some(direction.flow());
        media
    }

    /// Our audio line among the refused ones, with the right version.
    fn describe(&mut self, audio: Media) -> Vec<u8> {
        let address = self.local.address.ip();
        let version = self.last.as_ref().map_or(self.local.session_id, |last| last.origin.version);
        let media = self.layout.iter().map(|line| match line {
            Line::Audio => audio.clone(),
            Line::Refused { kind, protocol, formats } => Media::new(kind, 0, protocol, formats.clone()),
        });
        let mut description = Description {
            origin: Origin { session_id: self.local.session_id, version, address },
            connection: Some(Connection::Address(address)),
            direction: None,
            media: media.collect(),
        };
        // §8: the same version only for the same words.
        if self.last.as_ref().is_some_and(|last| *last != description) {
            description.origin.version = version.wrapping_add(1);
        }
        let bytes = description.to_string().into_bytes();
        self.last = Some(description);
        bytes
    }
}

impl Line {
    fn of(media: &Media, is_used: bool) -> Self {
        if is_used {
            return Self::Audio;
        }
        Self::Refused { kind: media.kind.clone(), protocol: media.protocol.clone(), formats: media.formats.clone() }
    }
}

/// What a peer says about where and which way.
struct Peer {
    connection: Option<Connection>,
    flow: Flow,
}

impl Peer {
    fn of(description: &Description, media: &Media) -> Self {
        let connection = media.connection.or(description.connection);
        let mut flow = media.direction.or(description.direction).unwrap_or(Flow::BOTH);
        // RFC 3264 §8.4, the old way of holding: whatever the direction says, it takes nothing.
        if matches!(connection, Some(Connection::Address(address)) if address.is_unspecified()) {
            flow.receive = false;
        }
        Self { connection, flow }
    }

    fn addresses(&self, media: &Media) -> Result<(SocketAddr, SocketAddr), NegotiationError> {
        let Some(Connection::Address(ip)) = self.connection else { return Err(NegotiationError::NoAddress) };
        let rtp = SocketAddr::new(ip, media.port);
        let rtcp = match media.rtcp {
            _ if media.rtcp_mux => rtp,
            // Port 0 or one that does not exist: there is no RTCP worth sending, but the call is fine.
            Some((0, _)) | None => SocketAddr::new(ip, media.port.saturating_add(1)),
            Some((port, address)) => SocketAddr::new(address.unwrap_or(ip), port),
        };
        Ok((rtp, rtcp))
    }
}

/// The formats of a peer's line that we know, in its order.
struct Formats {
    codecs: Vec<(u8, Codec)>,
    dtmf: Option<u8>,
}

impl Formats {
    fn of(media: &Media, local: &LocalMedia) -> Self {
        let mut formats = Self { codecs: Vec::new(), dtmf: None };
        for payload_type in media.formats.iter().filter_map(|format| format.parse::<u8>().ok()).filter(|&pt| pt < 128) {
            let map = media.rtpmaps.iter().find(|map| map.payload_type == payload_type);
            let codec = match map {
                Some(map) if map.name.eq_ignore_ascii_case(TELEPHONE_EVENT) => {
                    if local.dtmf && map.clock == 8000 && formats.dtmf.is_none() {
                        formats.dtmf = Some(payload_type);
                    }
                    continue;
                }
                Some(map) => Codec::from_name(&map.name).filter(|_| map.clock == 8000 && map.channels == 1),
                None => Codec::from_static_payload_type(payload_type),
            };
            let is_new = formats.codecs.iter().all(|&(other, _)| other != payload_type);
            if let Some(codec) = codec.filter(|codec| is_new && local.codecs.contains(codec)) {
                formats.codecs.push((payload_type, codec));
            }
        }
        formats
    }

    /// The common codecs in our order, each with the peer's first payload type for it.
    fn send(&self, preference: &[Codec]) -> Vec<(Codec, u8)> {
        let payload_type = |wanted| self.codecs.iter().find(|(_, codec)| *codec == wanted).map(|(number, _)| *number);
        preference.iter().filter_map(|&codec| payload_type(codec).map(|number| (codec, number))).collect()
    }
}

/// Payload types to announce from now on: those just used, then the earlier ones that do not collide with them.
fn remembered(used: &[(Codec, u8)], before: &[(Codec, u8)]) -> Vec<(Codec, u8)> {
    let is_free = |&(codec, number): &(Codec, u8)| used.iter().all(|&(other, used)| other != codec && used != number);
    let mut announced: Vec<_> = before.to_vec();
    announced.retain(is_free);
    let mut all: Vec<_> = used.iter().copied().chain(announced).collect();
    // Our own preference rules the order.
    all.sort_by_key(|&(codec, _)| before.iter().position(|&(other, _)| other == codec));
    all
}

/// The peer's packet time, if it is one we can make.
fn packet_time(media: &Media, own: u32) -> u32 {
    let longest = media.maxptime_ms.unwrap_or(PTIME_MS_MAX).clamp(PTIME_MS_STEP, PTIME_MS_MAX);
    let wanted = media.ptime_ms.unwrap_or(own).clamp(PTIME_MS_STEP, longest);
    wanted / PTIME_MS_STEP * PTIME_MS_STEP
}

fn is_usable_audio(media: &Media) -> bool {
    media.kind == "audio" && media.protocol == PROTOCOL && media.port != 0
}

/// Encryption (SDES, DTLS) is offered with other profiles and never silently dropped (D4).
const PROTOCOL: &str = "RTP/AVP";
const TELEPHONE_EVENT: &str = "telephone-event";
/// The number nearly everybody uses.
const DTMF_PAYLOAD_TYPE: u8 = 101;
const PTIME_MS_STEP: u32 = 10;
const PTIME_MS_MAX: u32 = 60;

#[cfg(test)]
mod tests;

//! A leg as the switch sees it: a SIP session and a place on a media thread.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use codec::Codec;
use media::engine::LegKey;
use media::negotiation::{Direction, LocalMedia, Negotiation, NegotiationError};
use sip::endpoint::SessionId;

use super::keys::Keys;
use super::message::{Inbox, Message};
use crate::port::MediaLeg;
use crate::tenant::definition::Endpoint;
use crate::tenant::device::Occupied;

/// One party's attachment: signalling and media.
pub(crate) struct Leg {
    pub(crate) session: SessionId,
    pub(crate) role: Role,
    /// The endpoint at it, if it is one of the tenant's.
    pub(crate) endpoint: Option<Arc<Endpoint>>,
    /// What it is to the endpoint: a leg that rings, or one that is taken.
    pub(crate) occupied: Option<Occupied>,
    /// The context that numbers dialled by this party are looked up in.
    pub(crate) context: String,
    pub(crate) media: Option<LegMedia>,
    pub(crate) refer: Refer,
    /// The key of its dialog in the table that transfers look legs up in.
    pub(crate) dialog: Option<Bytes>,
    /// Signalling is over: nothing more may be sent.
    pub(crate) over: bool,
    /// How the peer takes keys, and those on their way.
    pub(crate) keys: Keys,
    pub(crate) recording: Option<super::record::Recording>,
}

/// Who made the offer, and how far offer and answer have come.
#[derive(Debug)]
pub(crate) enum Role {
    /// They called us with this offer; empty when the offer is ours to make.
    Called { offer: Bytes, source: IpAddr, sdp: Option<Bytes>, answered: bool },
    /// We called them; the offer went out with the INVITE.
    Calling { answered: bool, early: bool },
}

/// Where a transfer asked for by the leg stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Refer {
    #[default]
    None,
    /// REFER came, no answer yet.
    Asked,
    /// 202 went out; NOTIFYs follow.
    Accepted,
}

/// A leg's sockets and what is agreed for them.
pub(crate) struct LegMedia {
    pub(crate) port: Box<dyn MediaLeg>,
    pub(crate) negotiation: Negotiation,
    pub(crate) hears: Hears,
    pub(crate) held: bool,
}

/// Which inbox hears a leg's media: changes when the leg moves to another call, and is none on the way.
#[derive(Clone)]
pub(crate) struct Hears(Arc<Mutex<Option<Inbox>>>);

impl Hears {
    pub(crate) fn new(inbox: Inbox) -> Self {
        Self(Arc::new(Mutex::new(Some(inbox))))
    }

    /// The leg leaves its call: events wait on the media thread.
    pub(crate) fn hold(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn move_to(&self, inbox: Inbox) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(inbox);
    }

    /// Delivers an event, or gives it back when the inbox is full. An event for a call that is over is gone with it.
    pub(crate) fn deliver(&self, event: media::engine::Event) -> Result<(), media::engine::Event> {
        let inbox = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(inbox) = &*inbox else { return Err(event) };
        match inbox.try_send(Message::Media(event)) {
            Ok(()) | Err(tokio::sync::mpsc::error::TrySendError::Closed(_)) => Ok(()),
            Err(tokio::sync::mpsc::error::TrySendError::Full(Message::Media(event))) => Err(event),
            Err(tokio::sync::mpsc::error::TrySendError::Full(_)) => Ok(()),
        }
    }
}

impl LegMedia {
    pub(crate) fn key(&self) -> LegKey {
        self.port.key()
    }

    /// The codec the peer hears, once agreed.
    pub(crate) fn codec(&self) -> Option<Codec> {
        self.negotiation.stream().and_then(|stream| stream.send.first()).map(|(codec, _)| *codec)
    }
}

/// What a leg brings to its negotiation.
pub(crate) fn local_media(address: std::net::SocketAddr, session_id: u64, codecs: Vec<Codec>) -> LocalMedia {
    // A host whose own media address is loopback talks to peers on loopback; any other never sends there (hostile D6).
    let trusted_addresses = if address.ip().is_loopback() { vec![address.ip()] } else { Vec::new() };
    LocalMedia { address, session_id, codecs, dtmf: true, ptime_ms: 20, trusted_addresses }
}

impl Leg {
    /// The SDP that answers the caller's offer, made once: 183 and 200 carry the same (RFC 3261 §13.2.1). For an INVITE
    /// without an offer it is our offer. The second value tells that it was made just now.
    pub(crate) fn answer_sdp(&mut self) -> Result<(Bytes, bool), NegotiationError> {
        let Role::Called { offer, source, sdp, .. } = &mut self.role else {
            return Ok((Bytes::new(), false));
        };
        if let Some(sdp) = sdp {
            return Ok((sdp.clone(), false));
        }
        let Some(media) = &mut self.media else { return Err(NegotiationError::NoAudio) };
        media.negotiation.set_signalling_source(*source);
        let made: Bytes = match offer.is_empty() {
            true => media.negotiation.offer(Direction::SendRecv).into(),
            false => media.negotiation.answer(offer)?.into(),
        };
        *sdp = Some(made.clone());
        Ok((made, true))
    }

    /// Whether the call is up on this leg.
    pub(crate) fn answered(&self) -> bool {
        match self.role {
            Role::Called { answered, .. } | Role::Calling { answered, .. } => answered,
        }
    }
}

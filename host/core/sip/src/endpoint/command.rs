//! What the switch asks of the endpoint.

use std::time::Duration;

use bytes::Bytes;

use super::event::Reason;
use super::types::{ClientRequestId, Destination, ServerTransactionId, SessionId};
use crate::auth::Credentials;
use crate::message::{HeaderName, Method, NameAddr, Replaces, Uri};

/// Extra header fields of a message, in order. Values with control characters are refused.
pub type ExtraHeaders = Vec<(HeaderName, Bytes)>;

/// What the switch asks of the endpoint. A body that is not empty is `application/sdp` unless said otherwise.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "commands are moved once or twice, a box would cost more")]
pub enum Command {
    /// Answers a request with a final status, or an INVITE's with a refusal.
    Respond {
        /// The transaction.
        transaction: ServerTransactionId,
        /// 200 to 699; for an INVITE 300 to 699.
        status: u16,
        /// The reason phrase; the standard one when none.
        reason: Option<Bytes>,
        /// Extra header fields.
        headers: ExtraHeaders,
        /// The body; `headers` must have its Content-Type.
        body: Bytes,
    },
    /// Tells the caller that it rings (180), that media flows before the answer (183), or another 1xx.
    Progress {
        /// The session.
        session: SessionId,
        /// 101 to 199.
        status: u16,
        /// SDP, or empty.
        body: Bytes,
        /// Whether the response must arrive (RFC 3262).
        reliable: Reliability,
        /// Extra header fields.
        headers: ExtraHeaders,
    },
    /// Answers an INVITE with 200.
    Answer {
        /// The session.
        session: SessionId,
        /// SDP; empty when a reliable provisional answer had it.
        body: Bytes,
        /// Extra header fields.
        headers: ExtraHeaders,
    },
    /// Refuses an INVITE; the session is gone with this command.
    Reject {
        /// The session.
        session: SessionId,
        /// 300 to 699.
        status: u16,
        /// Extra header fields.
        headers: ExtraHeaders,
    },
    /// Calls somebody.
    Originate(Box<Originate>),
    /// Sends the ACK with the answer to the offer that came in a 2xx.
    Acknowledge {
        /// The session.
        session: SessionId,
        /// The answer.
        body: Bytes,
    },
    /// Ends a session as its state demands: refusal, CANCEL or BYE.
    HangUp {
        /// The session.
        session: SessionId,
        /// The refusal when the peer's INVITE is unanswered: 300 to 699.
        status: u16,
        /// The Reason header for CANCEL, BYE and the refusal.
        reason: Option<Reason>,
    },
    /// Offers a change by re-INVITE (UPDATE before the call is up). One at a time; glare is resolved by the endpoint.
    Reoffer {
        /// The session.
        session: SessionId,
        /// The offer; none asks the peer to make one.
        body: Option<Bytes>,
    },
    /// Accepts the peer's offer.
    AcceptReoffer {
        /// The session.
        session: SessionId,
        /// The answer, or our offer when the peer made none.
        body: Bytes,
    },
    /// Refuses the peer's offer.
    RejectReoffer {
        /// The session.
        session: SessionId,
        /// 300 to 699; 488 is usual.
        status: u16,
    },
    /// Accepts a REFER with 202 and opens its implicit subscription with NOTIFY 100.
    AcceptRefer {
        /// The session.
        session: SessionId,
    },
    /// Refuses a REFER.
    RejectRefer {
        /// The session.
        session: SessionId,
        /// 300 to 699.
        status: u16,
    },
    /// Tells the referrer how the transfer goes on.
    NotifyRefer {
        /// The session.
        session: SessionId,
        /// The status of the sipfrag.
        status: u16,
        /// Whether the subscription ends with this.
        last: bool,
    },
    /// Asks the peer to call somebody else.
    Refer {
        /// The session.
        session: SessionId,
        /// Where to.
        refer_to: Uri,
        /// The dialog to take over there.
        replaces: Option<Replaces>,
        /// The value of Referred-By.
        referred_by: Option<Bytes>,
    },
    /// Sends INFO.
    Info {
        /// The session.
        session: SessionId,
        /// The value of Content-Type.
        content_type: Bytes,
        /// The body.
        body: Bytes,
    },
    /// Sends a request outside any session, for example OPTIONS to see whether a trunk is there.
    SendRequest(Box<OutboundRequest>),
}

/// An INVITE to send.
#[derive(Clone, Debug)]
pub struct Originate {
    /// The new session, made by [`SessionId::originated`] for this endpoint's shard.
    pub session: SessionId,
    /// Where the INVITE goes.
    pub destination: Destination,
    /// The Request-URI.
    pub uri: Uri,
    /// From, without tag.
    pub from: NameAddr,
    /// To.
    pub to: NameAddr,
    /// The user part of our Contact.
    pub contact_user: String,
    /// The offer; none leaves the offer to the peer.
    pub body: Option<Bytes>,
    /// Extra header fields.
    pub headers: ExtraHeaders,
    /// Values of Route, for example a Path or an outbound proxy.
    pub routes: Vec<Bytes>,
    /// What to answer a challenge with.
    pub credentials: Option<Credentials>,
    /// The session timer to ask for (RFC 4028); none leaves it to the peer.
    pub session_expires: Option<Duration>,
    /// Whether provisional responses shall be reliable.
    pub reliable: Reliability,
    /// Max-Forwards: one less than that of the call this one is made for, so that loops through us end (RFC 7332).
    pub max_forwards: u8,
}

impl Originate {
    /// An INVITE without offer and with the defaults of every other field.
    pub fn new(session: SessionId, destination: Destination, uri: Uri, from: NameAddr, to: NameAddr) -> Self {
        Self {
            session,
            destination,
            uri,
            from,
            to,
            contact_user: String::new(),
            body: None,
            headers: Vec::new(),
            routes: Vec::new(),
            credentials: None,
            session_expires: None,
            reliable: Reliability::default(),
            max_forwards: 70,
        }
    }
}

/// A request to send outside any session.
#[derive(Clone, Debug)]
pub struct OutboundRequest {
    /// The caller's number for the event that answers.
    pub request: ClientRequestId,
    /// The method; not INVITE, ACK or CANCEL.
    pub method: Method,
    /// Where it goes.
    pub destination: Destination,
    /// The Request-URI.
    pub uri: Uri,
    /// From, without tag.
    pub from: NameAddr,
    /// To.
    pub to: NameAddr,
    /// The Call-ID and CSeq to use, as registrations need; fresh when none.
    pub identity: Option<(Bytes, u32)>,
    /// The user part of Contact; none sends no Contact.
    pub contact_user: Option<String>,
    /// Extra header fields, Content-Type among them when there is a body.
    pub headers: ExtraHeaders,
    /// The body.
    pub body: Bytes,
    /// What to answer a challenge with.
    pub credentials: Option<Credentials>,
}

impl OutboundRequest {
    /// A request without body and with the defaults of every other field.
    pub fn new(
        request: ClientRequestId,
        method: Method,
        destination: Destination,
        uri: Uri,
        (from, to): (NameAddr, NameAddr),
    ) -> Self {
        Self {
            request,
            method,
            destination,
            uri,
            from,
            to,
            identity: None,
            contact_user: None,
            headers: Vec::new(),
            body: Bytes::new(),
            credentials: None,
        }
    }
}

/// Whether a provisional response must arrive (RFC 3262).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Reliability {
    /// Plain, unless the caller requires 100rel.
    #[default]
    Unreliable,
    /// Reliable when the peer supports it.
    Preferred,
    /// Reliable or not at all.
    Required,
}

/// Why a command was refused. Nothing was sent and no state changed. The one who waits for a call that was not begun hears it by
/// [`super::Event::Rejected`] as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The transaction is over or was never here.
    #[error("the transaction is over")]
    UnknownTransaction,
    /// The session is over or was never here.
    #[error("the session is over")]
    UnknownSession,
    /// The session is in a state in which the command has no meaning.
    #[error("the session is not in a state for this command")]
    WrongState,
    /// Another offer is on its way: wait for its outcome (RFC 3264 §4).
    #[error("an offer is already on its way")]
    OfferPending,
    /// A bound of [`super::Limits`] is reached.
    #[error("the endpoint is at its limit")]
    Limit,
    /// The peer does not support what was required.
    #[error("the peer does not support this")]
    Unsupported,
    /// A status or header value that may not be sent.
    #[error("a status or header value that may not be sent")]
    Invalid,
    /// `Originate` with a session that exists already or belongs to another shard.
    #[error("the session identity is taken or belongs to another shard")]
    BadSession,
}

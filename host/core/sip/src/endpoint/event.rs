//! What the endpoint tells the switch.

use std::sync::Arc;

use bytes::Bytes;

use super::types::{ClientRequestId, Flow, ServerTransactionId, SessionId};
use crate::message::{NameAddr, Replaces, Request, Response};

/// Something that happened on the wire, after transactions, retransmissions and races were taken care of.
///
/// A session begins with [`Event::Invite`] (theirs) or `Command::Originate` (ours) and ends with exactly one of
/// [`Event::Rejected`], [`Event::Ended`], or a final answer other than 2xx that the switch itself gave to an INVITE.
/// After that nothing more is told of it, though a BYE that nobody answers may be on its way for a while.
#[derive(Clone, Debug)]
pub enum Event {
    /// A new call. 100 Trying is sent by the endpoint when no answer comes soon. Answer with `Progress`, `Answer`,
    /// `Reject` or `HangUp` on the session, or with `Respond` on the transaction (a 401, say), which ends the session.
    Invite {
        /// The new session.
        session: SessionId,
        /// Its INVITE, for `Respond`.
        transaction: ServerTransactionId,
        /// The request, Via already fixed up.
        request: Arc<Request>,
        /// Where it came from.
        flow: Flow,
        /// The dialog this call wants to take over (RFC 3891).
        replaces: Option<Replaces>,
        /// The session of that dialog when this endpoint has it.
        replaces_session: Option<SessionId>,
    },
    /// A request outside any session (REGISTER, OPTIONS, MESSAGE, …): answer with `Respond`.
    Request {
        /// The transaction to answer.
        transaction: ServerTransactionId,
        /// The request, Via already fixed up.
        request: Arc<Request>,
        /// Where it came from.
        flow: Flow,
    },
    /// Our INVITE got a provisional answer other than 100. A reliable one was acknowledged with PRACK.
    Progress {
        /// The session.
        session: SessionId,
        /// 101 to 199.
        status: u16,
        /// SDP, or empty.
        body: Bytes,
        /// The whole response.
        response: Arc<Response>,
    },
    /// Our INVITE was answered with 2xx. When the INVITE had a body the ACK is already sent; when it had none, the
    /// body here is the offer and `Acknowledge` must bring the answer.
    Answered {
        /// The session.
        session: SessionId,
        /// SDP, or empty.
        body: Bytes,
        /// The whole response.
        response: Arc<Response>,
    },
    /// Our INVITE failed; the session is gone. A 3xx is here too: `response` has the contacts.
    Rejected {
        /// The session.
        session: SessionId,
        /// 300 to 699; 408 without a response when nobody answered, 503 when the message could not be sent, 487 when
        /// we hung up and the peer confirmed it.
        status: u16,
        /// The whole response, when there was one.
        response: Option<Arc<Response>>,
    },
    /// The ACK of our 2xx came: the call is up on both sides.
    Confirmed {
        /// The session.
        session: SessionId,
        /// SDP when our 2xx had the offer, else empty.
        body: Bytes,
    },
    /// The session is over.
    Ended {
        /// The session.
        session: SessionId,
        /// Why.
        reason: EndReason,
    },
    /// The peer offers a change by re-INVITE or UPDATE: answer with `AcceptReoffer` or `RejectReoffer`.
    Reoffer {
        /// The session.
        session: SessionId,
        /// The new offer; none asks us to make one, whose answer comes in [`Event::ReofferConfirmed`].
        body: Option<Bytes>,
    },
    /// The answer of the peer to our offer of `AcceptReoffer`, when the re-INVITE had none.
    ReofferConfirmed {
        /// The session.
        session: SessionId,
        /// SDP, or empty.
        body: Bytes,
    },
    /// Our `Reoffer` was accepted. After a `Reoffer` without body the body here is the offer and `Acknowledge` must
    /// bring the answer.
    ReofferAnswered {
        /// The session.
        session: SessionId,
        /// SDP, or empty.
        body: Bytes,
    },
    /// Our `Reoffer` was refused: the session goes on as before. Glare (491) was tried again before this is told.
    ReofferRejected {
        /// The session.
        session: SessionId,
        /// 300 to 699.
        status: u16,
    },
    /// The peer asks for a transfer (RFC 3515): answer with `AcceptRefer` or `RejectRefer`.
    Refer {
        /// The session.
        session: SessionId,
        /// Where to; a Replaces inside the URI is taken out into `replaces`.
        refer_to: NameAddr,
        /// The value of Referred-By, when there is one.
        referred_by: Option<Bytes>,
        /// The dialog the new call shall take over (attended transfer).
        replaces: Option<Replaces>,
    },
    /// How the transfer we asked for goes on: a NOTIFY with a sipfrag, or the answer to the REFER itself.
    ReferProgress {
        /// The session.
        session: SessionId,
        /// The status of the sipfrag; 100 when the REFER was just accepted; the refusal when it was not.
        status: u16,
        /// Nothing more follows.
        last: bool,
    },
    /// The peer sent INFO; 200 was answered.
    Info {
        /// The session.
        session: SessionId,
        /// The value of Content-Type, or empty.
        content_type: Bytes,
        /// The body.
        body: Bytes,
    },
    /// The peer answered an INFO of `Command::Info`.
    InfoAnswered {
        /// The session.
        session: SessionId,
        /// 200 to 699; 408 when nobody answered, 503 when it could not be sent.
        status: u16,
    },
    /// A request we sent with `SendRequest` is over.
    Response {
        /// The request.
        request: ClientRequestId,
        /// 200 to 699; 408 without a response when nobody answered, 503 when it could not be sent.
        status: u16,
        /// The whole response, when there was one.
        response: Option<Arc<Response>>,
    },
}

impl Event {
    /// The session it is about; none for requests outside of sessions.
    pub fn session(&self) -> Option<SessionId> {
        match self {
            Self::Invite { session, .. }
            | Self::Progress { session, .. }
            | Self::Answered { session, .. }
            | Self::Rejected { session, .. }
            | Self::Confirmed { session, .. }
            | Self::Ended { session, .. }
            | Self::Reoffer { session, .. }
            | Self::ReofferConfirmed { session, .. }
            | Self::ReofferAnswered { session, .. }
            | Self::ReofferRejected { session, .. }
            | Self::Refer { session, .. }
            | Self::ReferProgress { session, .. }
            | Self::Info { session, .. }
            | Self::InfoAnswered { session, .. } => Some(*session),
            Self::Request { .. } | Self::Response { .. } => None,
        }
    }
}

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The peer sent BYE.
    Bye {
        /// The peer's Reason header (RFC 3326).
        reason: Option<Reason>,
    },
    /// The caller cancelled before an answer; 487 was sent.
    Cancel {
        /// The peer's Reason header (RFC 3326).
        reason: Option<Reason>,
    },
    /// We hung up with BYE, and the peer answered it or is gone.
    HungUp,
    /// The peer was silent: no ACK for our 2xx, no answer to a request, or the call rang for too long.
    Timeout,
    /// The session timer ran out without a refresh (RFC 4028 §10).
    Expired,
    /// A request inside the dialog was answered in a way that ends it (481, 408; RFC 5057).
    Status(u16),
    /// The peer could not be reached any more.
    Unreachable,
}

/// A Reason header value (RFC 3326).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What `cause` counts in.
    pub protocol: ReasonProtocol,
    /// The Q.850 cause or SIP status.
    pub cause: u16,
    /// The text for people; may be empty.
    pub text: String,
}

/// What the cause of a [`Reason`] counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasonProtocol {
    /// ITU-T Q.850 causes.
    Q850,
    /// SIP status codes.
    Sip,
}

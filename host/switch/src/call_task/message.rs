//! Everything that can arrive in a call's inbox.

use call::{AdoptedLeg, CallId, Cause, Input, LegId, Outcome, Request, RequestError};
use media::engine::Source;
use sip::endpoint::SessionId;
use tokio::sync::{mpsc, oneshot};

use super::leg::Leg;

/// The sending end of a call's inbox.
pub(crate) type Inbox = mpsc::Sender<Message>;

/// What a call task is told. Small, because a channel reserves room for many: what is large is boxed.
pub(crate) enum Message {
    /// Signalling of one of its sessions.
    Sip(Box<sip::endpoint::Event>),
    /// Media of one of its legs.
    Media(media::engine::Event),
    /// A request of a plugin or the API.
    Request { request: Box<Request>, reply: oneshot::Sender<Result<Outcome, RequestError>> },
    /// What a plugin wants of the dialplan around it.
    Dialplan { leg: LegId, verb: DialplanVerb },
    /// An application's run is over. `run` tells it from an earlier one on the same leg.
    AppEnded { leg: LegId, run: u64, result: AppResult },
    /// A function that had to ask the call has its result.
    FunctionEnded { leg: LegId, run: u64, reply: dialplan::Reply },
    /// Prompts that had to be read are ready; an error names the one that does not exist.
    PromptsReady { leg: LegId, play: call::PlayId, sources: Result<Vec<Source>, String> },
    /// An INVITE with Replaces takes over one of the call's sessions.
    Replace(Box<Replacement>),
    /// A leg of another call comes here.
    Adopt(Box<Adoption>),
    /// What became of a leg that was to go to another call.
    HandedOver { leg: LegId, as_leg: Option<LegId>, returned: Option<Box<Moving>> },
    /// Something that the call is told as it is.
    Input(Box<Input>),
    /// End everything.
    Abort(Cause),
    /// What is the call doing?
    Describe(oneshot::Sender<Description>),
}

/// How an application ended.
pub(crate) enum AppResult {
    /// It returned; a digit when `Background` was ended by the first key of an extension.
    Done,
    /// It returned an error, trapped or was stopped: the dialplan's `e` extension or a hang-up follows.
    Failed { status: String, message: String },
    /// No plugin of the tenant has it.
    Unknown,
}

/// What a plugin wants of the dialplan.
pub(crate) enum DialplanVerb {
    Variable {
        name: String,
        reply: oneshot::Sender<Option<String>>,
    },
    SetVariable {
        name: String,
        value: String,
        reply: oneshot::Sender<Result<(), RequestError>>,
    },
    Evaluate {
        text: String,
        reply: oneshot::Sender<Result<String, RequestError>>,
    },
    Goto {
        context: Option<String>,
        extension: Option<String>,
        priority: String,
        reply: oneshot::Sender<Result<(), RequestError>>,
    },
}

/// An INVITE that takes the place of a session (RFC 3891).
pub(crate) struct Replacement {
    /// Whose phone sent it.
    pub(crate) tenant: call::TenantId,
    pub(crate) replaced: SessionId,
    pub(crate) offered: super::Offered,
}

/// A leg that no call has just now.
pub(crate) struct Moving {
    pub(crate) leg: Leg,
    /// What came for it before it left, in order. What comes since is kept by [`crate::sessions::Sessions`] and by the media
    /// threads.
    pub(crate) late: Vec<Message>,
}

/// A leg on its way from one call to another.
pub(crate) struct Adoption {
    pub(crate) from: (CallId, LegId),
    pub(crate) replaces: LegId,
    pub(crate) adopted: AdoptedLeg,
    pub(crate) moving: Moving,
    /// Where to send [`Message::HandedOver`].
    pub(crate) back: Inbox,
}

/// A call as the API shows it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Description {
    /// The call's name.
    pub id: CallId,
    /// Whose it is.
    pub tenant: call::TenantId,
    /// Seconds since it began.
    pub seconds: u64,
    /// Its legs.
    pub legs: Vec<LegDescription>,
}

/// A leg as the API shows it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct LegDescription {
    /// The leg.
    pub leg: LegId,
    /// The endpoint, if it is one of ours.
    pub endpoint: Option<String>,
    /// `sip` or `local`.
    pub kind: &'static str,
    /// The audio codec, once agreed.
    pub codec: Option<&'static str>,
    /// Where its dialplan run is: context, extension, priority.
    pub location: Option<(String, String, u32)>,
    /// The application that runs on it, with the plugin's version.
    pub application: Option<String>,
}

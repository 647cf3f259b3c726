//! Everything a call can be told.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{CallId, Cause, Contact, DialId, Hops, LegId, Party, PlayId, RequestId, Target};

/// What a call can be told: by signalling, by media, by whoever controls it.
///
/// Any input is legal in any state: what no longer fits (the ringing of a leg that was released) is ignored, and a request
/// that cannot be granted is answered with an error.
#[derive(Clone, Debug)]
pub enum Input {
    /// A caller asks for us (an INVITE came in and 100 went out). `leg` is from [`Call::allocate_leg`](crate::Call::allocate_leg).
    LegOffered {
        /// The new leg.
        leg: LegId,
        /// The authenticated endpoint, or none for a trunk.
        endpoint: Option<String>,
        /// Who calls, as the switch vouches for.
        caller: Party,
        /// The number dialled.
        dialed: String,
        /// How far the call has come.
        hops: Hops,
    },
    /// An outgoing leg rings (180) or is heard before its answer (183 with SDP).
    LegProgress {
        /// The leg.
        leg: LegId,
        /// Whether it sends audio already.
        early_media: bool,
    },
    /// An outgoing leg answered, or an inbound one confirmed our answer (ACK).
    LegAnswered {
        /// The leg.
        leg: LegId,
    },
    /// The signalling of a leg is over: rejected, BYE, CANCEL, a time-out.
    LegEnded {
        /// The leg.
        leg: LegId,
        /// Why.
        cause: Cause,
    },
    /// An outgoing leg asks to be called elsewhere (a 3xx response). The leg itself is over by that.
    LegRedirected {
        /// The leg.
        leg: LegId,
        /// Where, in order of preference; the switch has checked that the tenant may call there.
        targets: Vec<Target>,
    },
    /// A re-INVITE of this leg put the other side on hold, or took it back.
    LegHeld {
        /// The leg that did it.
        leg: LegId,
        /// True for hold.
        held: bool,
    },
    /// A leg asks for a transfer (REFER). Answered with [`Effect::TransferResult`](crate::Effect::TransferResult).
    LegTransfer {
        /// The leg that asks: the transferor.
        leg: LegId,
        /// What it asks for.
        transfer: Transfer,
    },
    /// An INVITE with Replaces (RFC 3891) takes the place of `replaced`. `leg` is from
    /// [`Call::allocate_leg`](crate::Call::allocate_leg) and is answered or released like an offered one.
    LegReplaced {
        /// The leg whose place is taken.
        replaced: LegId,
        /// The new leg.
        leg: LegId,
        /// The authenticated endpoint of the new leg, if any.
        endpoint: Option<String>,
        /// Who comes in.
        caller: Party,
    },
    /// A leg of another call of this host comes here in the place of `replaces` (attended transfer). Answered by exactly one
    /// [`Effect::Adopted`](crate::Effect::Adopted). See the crate's page on moving legs, [`Effect::Handover`](crate::Effect::Handover).
    LegAdopted {
        /// Its number here, from [`Call::allocate_leg`](crate::Call::allocate_leg).
        leg: LegId,
        /// What it was there.
        from: (CallId, LegId),
        /// The leg of this call that it replaces.
        replaces: LegId,
        /// What is known about it.
        adopted: AdoptedLeg,
    },
    /// The answer to [`Effect::Handover`](crate::Effect::Handover): the other call took the leg under that number, or refused
    /// it, or is gone (none).
    HandedOver {
        /// The leg, as numbered here.
        leg: LegId,
        /// Its number in the other call.
        as_leg: Option<LegId>,
    },
    /// The codec of a leg, as negotiated (attribute `codec`).
    LegCodec {
        /// The leg.
        leg: LegId,
        /// Its name.
        codec: String,
    },
    /// A key was pressed at a leg.
    Dtmf {
        /// The leg.
        leg: LegId,
        /// `0`-`9`, `*`, `#`, `A`-`D`.
        digit: char,
        /// How long, in milliseconds.
        duration_ms: u32,
        /// How it came.
        carrier: Carrier,
    },
    /// A playback came to its end or was stopped, or nobody could hear it.
    PlayEnded {
        /// The leg.
        leg: LegId,
        /// The playback.
        play: PlayId,
    },
    /// A playback was not begun, because one of its prompts does not exist.
    PlayFailed {
        /// The leg.
        leg: LegId,
        /// The playback.
        play: PlayId,
        /// The prompt.
        prompt: String,
    },
    /// Digits asked for by [`Effect::SendDigits`](crate::Effect::SendDigits) are sent.
    DigitsSent {
        /// The leg.
        leg: LegId,
    },
    /// A recording is safely stored, or failed.
    RecordEnded {
        /// The leg.
        leg: LegId,
        /// The blob's name.
        blob: String,
        /// Its length in milliseconds, or why there is none: it could not be stored, or was not begun.
        stored: Result<u64, RequestError>,
        /// It was silence that ended it.
        silence: bool,
    },
    /// Neither audio nor RTCP of a leg was heard for too long; told again as long as that goes on.
    MediaTimeout {
        /// The leg.
        leg: LegId,
    },
    /// Where a target is: the answer to [`Effect::Locate`](crate::Effect::Locate). Empty: not registered.
    Located {
        /// The dial.
        dial: DialId,
        /// The target's index in it.
        target: usize,
        /// All its contacts.
        contacts: Vec<Contact>,
    },
    /// A request from dialplan, plugin, transfer or API. Answered by exactly one [`Effect::Reply`](crate::Effect::Reply).
    Request {
        /// Its name.
        id: RequestId,
        /// The request.
        request: Request,
    },
    /// Whoever asked has lost interest (a plugin's deadline): the request ends now, answered with `failed` if it was unanswered.
    Withdraw {
        /// The request.
        id: RequestId,
    },
    /// The dialplan run (or app) of a leg is over; a leg that nothing else holds is released.
    RouteEnded {
        /// The leg.
        leg: LegId,
        /// The cause to hang up with, if the run named one.
        cause: Option<Cause>,
    },
    /// End everything: drain, a panic of the task, an administrator.
    Abort {
        /// Why.
        cause: Cause,
    },
}

/// How a key came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// Among the leg's media (RFC 4733).
    Media,
    /// By the leg's signalling (INFO).
    Signalling,
}

/// What a REFER asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// The other party is to be connected with `target` (RFC 5589 §6).
    Blind {
        /// The number, looked up in the transferor's dialplan.
        target: String,
    },
    /// The other party is to be connected with the one the transferor speaks to in another dialog (RFC 5589 §7).
    Attended {
        /// The number in Refer-To, for the record.
        target: String,
        /// The leg named by Replaces: the transferor's own other leg. It may belong to this call.
        replaces: (CallId, LegId),
    },
}

/// What a call knows about a leg that it hands over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdoptedLeg {
    /// The endpoint, if it is one of ours.
    pub endpoint: Option<String>,
    /// The endpoint that asked for the transfer; it must be the one at the leg that is replaced.
    pub transferor: Option<String>,
    /// The party at it.
    pub party: Party,
    /// True when the party called us, false when we called it.
    pub inbound: bool,
    /// Whether it holds the other side just now.
    pub held: bool,
    /// How far its call has come.
    pub hops: Hops,
    /// Its codec.
    pub codec: String,
    /// Its attributes that were set.
    pub attributes: Vec<(String, String)>,
}

/// What can be asked of a call. The answers are [`Outcome`](crate::Outcome)s.
///
/// One media request at a time runs on a leg: a new [`Request::Play`], [`Request::ReadDigits`], [`Request::Record`] or
/// [`Request::Echo`] stops the one before it, which is answered with `failed`.
///
/// A key that nobody waits for is kept as an event; `Play` with `interrupt`, `ReadDigits` and `NextEvent` take kept keys first.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Let the caller hear that it rings (180).
    Ring {
        /// The leg.
        leg: LegId,
    },
    /// Begin early media (183).
    Progress {
        /// The leg.
        leg: LegId,
    },
    /// Answer the caller; nothing happens when it is answered already.
    Answer {
        /// The leg.
        leg: LegId,
    },
    /// End a leg. Answered with done even when it is over already.
    HangUp {
        /// The leg.
        leg: LegId,
        /// Why.
        cause: Cause,
    },
    /// Do nothing for a while.
    Wait {
        /// The leg.
        leg: LegId,
        /// How long.
        duration: Duration,
    },
    /// Play prompts in order. Answered with [`Outcome::Played`](crate::Outcome::Played).
    Play {
        /// The leg.
        leg: LegId,
        /// The prompts: a sound's name, `tone:425/500,0/500` (hertz/milliseconds), `silence:500`, `blob:NAME`, `music:CLASS`
        /// (once through; the call repeats it).
        prompts: Vec<String>,
        /// The digits that stop it; empty for none.
        interrupt: String,
    },
    /// Read digits; the prompts play until the first. Answered with [`Outcome::Digits`](crate::Outcome::Digits).
    ReadDigits {
        /// The leg.
        leg: LegId,
        /// The most that are read.
        max: u32,
        /// The wait for the first digit, from the end of the prompts.
        timeout: Duration,
        /// The wait for each further digit.
        inter_digit: Duration,
        /// The digits that end the reading; they are not part of the result.
        terminators: String,
        /// What is played before.
        prompts: Vec<String>,
    },
    /// Send digits to the party, with `w` for a pause of half a second.
    SendDigits {
        /// The leg.
        leg: LegId,
        /// The digits.
        digits: String,
    },
    /// Record what the party says. Answered with [`Outcome::Recorded`](crate::Outcome::Recorded) once it is stored.
    Record {
        /// The leg.
        leg: LegId,
        /// The name of the blob to make.
        blob: String,
        /// What all blobs of its folder may take, in bytes.
        quota: Option<u64>,
        /// The most that is recorded.
        max: Duration,
        /// Silence of this length ends it.
        silence: Option<Duration>,
        /// The digits that end it.
        terminators: String,
        /// Whether a beep is played first.
        beep: bool,
    },
    /// Send the party's own audio back until it hangs up or presses a stop digit. Answered with [`Outcome::Played`](crate::Outcome::Played).
    Echo {
        /// The leg.
        leg: LegId,
        /// The digits that stop it.
        stop: String,
    },
    /// The leg's next event. Answered with [`Outcome::Event`](crate::Outcome::Event).
    NextEvent {
        /// The leg.
        leg: LegId,
        /// The longest wait; zero asks only.
        timeout: Duration,
    },
    /// Read an attribute. Answered with [`Outcome::Attribute`](crate::Outcome::Attribute).
    Attribute {
        /// The leg.
        leg: LegId,
        /// Its name, such as `caller.number`.
        name: String,
    },
    /// Set an attribute.
    SetAttribute {
        /// The leg.
        leg: LegId,
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// Ring targets, connect the first that answers, and come back when the conversation is over.
    /// Answered with [`Outcome::Dialed`](crate::Outcome::Dialed).
    Dial {
        /// Who dials.
        leg: LegId,
        /// All are rung at once.
        targets: Vec<Target>,
        /// How long they ring.
        timeout: Duration,
        /// The dialplan's options.
        options: DialOptions,
    },
    /// Ring targets and, once one answers, do something with it. Answered with [`Outcome::Originated`](crate::Outcome::Originated)
    /// when it answered, with [`Outcome::Dialed`](crate::Outcome::Dialed) when none did.
    Originate {
        /// The leg for which it is done, if any: when the run of that leg ends, so does an unconnected leg dialled for it.
        on_behalf_of: Option<LegId>,
        /// All are rung at once.
        targets: Vec<Target>,
        /// Who appears to call.
        caller: Party,
        /// How long they ring.
        timeout: Duration,
        /// What happens with the leg that answered.
        then: Then,
    },
    /// Connect two answered legs. Each is told by an event when it ends.
    Bridge {
        /// One.
        a: LegId,
        /// The other.
        b: LegId,
    },
    /// Take a leg out of its bridge; both stay up if anything holds them.
    Unbridge {
        /// The leg.
        leg: LegId,
    },
    /// Send the party on to another extension of the dialplan, as a blind transfer does; the run of the leg ends.
    Transfer {
        /// The leg.
        leg: LegId,
        /// Where.
        target: String,
    },
}

impl Request {
    /// The leg the request is about, if it names one.
    pub fn leg(&self) -> Option<LegId> {
        match self {
            Self::Ring { leg }
            | Self::Progress { leg }
            | Self::Answer { leg }
            | Self::HangUp { leg, .. }
            | Self::Wait { leg, .. }
            | Self::Play { leg, .. }
            | Self::ReadDigits { leg, .. }
            | Self::SendDigits { leg, .. }
            | Self::Record { leg, .. }
            | Self::Echo { leg, .. }
            | Self::NextEvent { leg, .. }
            | Self::Attribute { leg, .. }
            | Self::SetAttribute { leg, .. }
            | Self::Dial { leg, .. }
            | Self::Unbridge { leg }
            | Self::Transfer { leg, .. } => Some(*leg),
            Self::Bridge { a, .. } => Some(*a),
            Self::Originate { on_behalf_of, .. } => *on_behalf_of,
        }
    }
}

/// What happens with a leg that was called without a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// The dialplan runs for it.
    Dialplan {
        /// The extension.
        exten: String,
        /// The context; none for the default of the tenant's API.
        context: Option<String>,
    },
    /// An application runs for it.
    App {
        /// Its name.
        name: String,
        /// Its arguments.
        arguments: String,
    },
    /// It is at the disposal of who asked.
    Nothing,
}

/// Options of the dialplan's `Dial`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DialOptions {
    /// What the caller hears while it rings.
    pub ringback: Ringback,
    /// `g`: the caller goes on in the dialplan when the called one hangs up; else the caller is hung up too.
    pub go_on: bool,
    /// `H`: the caller may hang up with `*`.
    pub caller_may_hang_up: bool,
    /// `h`: the called one may hang up with `*`.
    pub callee_may_hang_up: bool,
    /// `T`: the caller may transfer. Accepted; phones transfer by REFER.
    pub caller_may_transfer: bool,
    /// `t`: the called one may transfer. Accepted; phones transfer by REFER.
    pub callee_may_transfer: bool,
    /// `L(x)`: the longest conversation.
    pub limit: Option<Duration>,
}

/// What a caller hears while others ring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ringback {
    /// What the called network sends, and until then what the caller's own phone makes.
    #[default]
    Network,
    /// `r`: always the ring tone.
    Tone,
    /// `m`: music, of the named class or the default one.
    Music(Option<String>),
}

/// Why a request is not granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum RequestError {
    /// The leg is over, has moved to another call, or never was.
    #[error("the leg is gone")]
    Gone,
    /// It took too long.
    #[error("it took too long")]
    Timeout,
    /// It is not allowed.
    #[error("it is not allowed")]
    Denied,
    /// A limit of this crate (`call::limit`) is reached.
    #[error("a limit is reached")]
    Limit,
    /// It makes no sense; for people.
    #[error("{0}")]
    Invalid(String),
    /// This version cannot do it.
    #[error("this is not supported")]
    Unsupported,
    /// The leg is doing something else that excludes it.
    #[error("the leg is busy")]
    Busy,
    /// It went wrong; for people.
    #[error("{0}")]
    Failed(String),
}

impl RequestError {
    /// The code by which programs know the error (`types.error.code` of the WIT package).
    pub fn code(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Timeout => "timeout",
            Self::Denied => "denied",
            Self::Limit => "limit",
            Self::Invalid(_) => "invalid",
            Self::Unsupported => "unsupported",
            Self::Busy => "busy",
            Self::Failed(_) => "failed",
        }
    }
}

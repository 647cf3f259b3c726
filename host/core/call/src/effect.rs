//! Everything a call can ask for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    AdoptedLeg, CallId, Carrier, Cause, Cdr, Contact, DialId, Hops, Input, LegId, Party, PlayId, RequestError,
    RequestId,
};

/// What a call asks its owner to do, in order.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Run the dialplan (or an application) for a leg; [`Input::RouteEnded`] when the run is over. At most one run per leg at a time.
    Route {
        /// The leg.
        leg: LegId,
        /// What to run.
        route: Route,
    },
    /// Stop the run of a leg without its `h` extension: the leg goes elsewhere. [`Input::RouteEnded`] follows as ever.
    EndRoute {
        /// The leg.
        leg: LegId,
    },
    /// Tell an inbound leg that it rings (180).
    Ring {
        /// The leg.
        leg: LegId,
    },
    /// Begin early media with an inbound leg (183 with SDP).
    Progress {
        /// The leg.
        leg: LegId,
    },
    /// Answer an inbound leg (200). [`Input::LegAnswered`] comes with the ACK.
    Answer {
        /// The leg.
        leg: LegId,
    },
    /// A leg is over: end its signalling if that is up (a response, CANCEL or BYE) and free its media. Exactly once for each
    /// leg that was not handed over; nothing about the leg follows but its run's end and replies.
    Release {
        /// The leg.
        leg: LegId,
        /// Why.
        cause: Cause,
    },
    /// Where are the contacts of this endpoint? Answered by [`Input::Located`].
    Locate {
        /// The dial.
        dial: DialId,
        /// The target's index in it.
        target: usize,
        /// The endpoint's name.
        endpoint: String,
    },
    /// Call a contact. The leg is new; [`Input::LegProgress`], [`Input::LegAnswered`], [`Input::LegRedirected`] or [`Input::LegEnded`] follow.
    Originate {
        /// The new leg.
        leg: LegId,
        /// The dial it belongs to.
        dial: DialId,
        /// The endpoint that is called, or none for an address outside.
        endpoint: Option<String>,
        /// Where.
        contact: Contact,
        /// Who calls.
        caller: Party,
        /// The leg that dials, if any (for its codecs).
        on_behalf_of: Option<LegId>,
        /// For Max-Forwards and Diversion of the new request.
        hops: Hops,
    },
    /// Join the media of two legs. A leg is in one bridge at most.
    Bridge {
        /// One.
        a: LegId,
        /// The other.
        b: LegId,
    },
    /// Part them again.
    Unbridge {
        /// One.
        a: LegId,
        /// The other.
        b: LegId,
    },
    /// Play prompts to a leg. [`Input::PlayEnded`] when they are over, [`Input::PlayFailed`] if one does not exist; a new
    /// playback replaces the one before.
    Play {
        /// The leg.
        leg: LegId,
        /// The playback.
        play: PlayId,
        /// The prompts, as in [`Request::Play`](crate::Request::Play).
        prompts: Vec<String>,
    },
    /// Stop a playback; its [`Input::PlayEnded`] may come or not.
    StopPlay {
        /// The leg.
        leg: LegId,
        /// The playback.
        play: PlayId,
    },
    /// Begin or end the ring tone, made by us, at a leg.
    RingTone {
        /// The leg.
        leg: LegId,
        /// Begin or end.
        on: bool,
    },
    /// Send digits to a leg; [`Input::DigitsSent`] when it is done.
    SendDigits {
        /// The leg.
        leg: LegId,
        /// The digits, with `w` for half a second.
        digits: String,
    },
    /// Pass a key on to a leg, which the party that it is joined with pressed. Nothing is told when it is done.
    RelayDigit {
        /// The leg.
        leg: LegId,
        /// `0`-`9`, `*`, `#`, `A`-`D`.
        digit: char,
        /// How long it was down, in milliseconds.
        duration_ms: u32,
        /// How it came: what came as media went on as media where both sides have a way for it.
        carrier: Carrier,
    },
    /// Record what a leg says; [`Input::RecordEnded`] when it is stored.
    StartRecord {
        /// The leg.
        leg: LegId,
        /// The blob's name.
        blob: String,
        /// What all blobs of its folder may take, in bytes.
        quota: Option<u64>,
        /// The most that is recorded, in milliseconds.
        max_ms: u64,
        /// Silence of this length in milliseconds ends it.
        silence_ms: Option<u64>,
    },
    /// Stop recording and store; [`Input::RecordEnded`] follows.
    StopRecord {
        /// The leg.
        leg: LegId,
    },
    /// Begin or end sending a leg its own audio.
    Echo {
        /// The leg.
        leg: LegId,
        /// Begin or end.
        on: bool,
    },
    /// The other side holds this leg, or took it back. The media side of it (parting, music) comes as effects of its own; this
    /// one is for signalling that shows it to the party.
    Hold {
        /// The leg that is held.
        leg: LegId,
        /// Held or not.
        held: bool,
    },
    /// How a transfer goes, for the leg that asked for it: 202 and NOTIFY.
    TransferResult {
        /// The transferor.
        leg: LegId,
        /// How it goes.
        result: TransferResult,
    },
    /// Give a leg to another call of this host, in the place of a leg there.
    ///
    /// From this effect on the owner keeps what the leg's phone says, for whichever call gets the leg; it tells none of it here.
    ///
    /// The owner sends [`Input::LegAdopted`] to that call, whose [`Effect::Adopted`] comes back as [`Input::HandedOver`] here. If it took
    /// the leg, signalling and media of the leg belong to it under its new number from then on; the bridge and music here have been ended
    /// before. If that call is gone or of another tenant, answer with `HandedOver { as_leg: None }` at once.
    Handover {
        /// The leg, as numbered here.
        leg: LegId,
        /// The other call.
        to: CallId,
        /// The leg there whose place it takes.
        replaces: LegId,
        /// What the other call needs to know.
        adopted: AdoptedLeg,
    },
    /// The answer to [`Input::LegAdopted`], for the call it came from.
    Adopted {
        /// What the leg was there.
        from: (CallId, LegId),
        /// Its number here, or none: refused, nothing has changed.
        as_leg: Option<LegId>,
    },
    /// Something happened to a leg while it moved: tell its new call.
    Forward {
        /// The new call.
        to: CallId,
        /// What to tell it.
        input: Box<Input>,
    },
    /// The answer to a request.
    Reply {
        /// The request.
        id: RequestId,
        /// The answer.
        result: Result<Outcome, RequestError>,
    },
    /// The record of the call, once, before [`Effect::Finished`].
    Cdr(Box<Cdr>),
    /// Nothing will follow: the call can be dropped.
    Finished,
}

/// What runs for a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The dialplan, in the context of the leg's endpoint or trunk.
    Dialed(String),
    /// The dialplan, in the context of the endpoint of the party that transferred the leg here.
    Transferred {
        /// The number.
        target: String,
        /// The transferor's endpoint, if it is one.
        by: Option<String>,
    },
    /// The dialplan, at a place.
    Dialplan {
        /// The extension.
        exten: String,
        /// The context; none for the default of the tenant's API.
        context: Option<String>,
    },
    /// An application.
    App {
        /// Its name.
        name: String,
        /// Its arguments.
        arguments: String,
    },
}

/// How a transfer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferResult {
    /// It is under way: 202, and NOTIFY with 100.
    Accepted,
    /// It succeeded: the last NOTIFY, with 200.
    Done,
    /// It is refused, or failed after it was accepted: an error response, or the last NOTIFY with one.
    Failed(Cause),
}

/// What ended a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordingEnd {
    /// One of its terminators.
    Digit(char),
    /// The party was silent for as long as was said.
    Silence,
    /// It is as long as it may be, or as its owner's quota allows.
    Limit,
    /// The party hung up.
    Gone,
}

impl RecordingEnd {
    /// The name by which programs know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Digit(_) => "digit",
            Self::Silence => "silence",
            Self::Limit => "limit",
            Self::Gone => "gone",
        }
    }
}

/// What a granted request brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It is done.
    Done,
    /// A playback or echo is over.
    Played {
        /// The digit that ended it.
        digit: Option<char>,
    },
    /// Digits, without the terminator. Empty: none came in time, or only the terminator.
    Digits {
        /// The digits.
        digits: String,
        /// The terminator that ended the reading, if one did.
        terminator: Option<char>,
    },
    /// A recording is stored.
    Recorded {
        /// The blob.
        blob: String,
        /// Its length in milliseconds.
        duration_ms: u64,
        /// What ended it.
        ended: RecordingEnd,
    },
    /// An event, or none within the time.
    Event(Option<LegEvent>),
    /// An attribute's value, or none.
    Attribute(Option<String>),
    /// A dial is over.
    Dialed {
        /// As the dialplan's DIALSTATUS.
        status: DialStatus,
        /// The cause of the end or of the failure.
        cause: Cause,
        /// The leg that answered.
        answered_by: Option<LegId>,
        /// How long the conversation was, in milliseconds (ANSWEREDTIME).
        answered_ms: u64,
        /// How long the whole dial took, in milliseconds (DIALEDTIME).
        dialed_ms: u64,
        /// Whether the leg that dialled goes on: false when it is hung up or sent elsewhere.
        go_on: bool,
    },
    /// A leg that was called without a caller has answered.
    Originated {
        /// The leg.
        leg: LegId,
    },
}

/// How a dial ended, as the dialplan's DIALSTATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DialStatus {
    /// Somebody answered.
    Answer,
    /// The last word was busy.
    Busy,
    /// It rang and nobody answered in time.
    NoAnswer,
    /// The caller gave up.
    Cancel,
    /// The network had no way.
    Congestion,
    /// None could be reached.
    ChanUnavail,
}

impl DialStatus {
    /// The text in DIALSTATUS.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "ANSWER",
            Self::Busy => "BUSY",
            Self::NoAnswer => "NOANSWER",
            Self::Cancel => "CANCEL",
            Self::Congestion => "CONGESTION",
            Self::ChanUnavail => "CHANUNAVAIL",
        }
    }
}

impl fmt::Display for DialStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that happened to a leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegEvent {
    /// Grows by one per event of the leg; a gap tells that the queue was full and the oldest were dropped.
    pub seq: u64,
    /// What happened.
    pub kind: LegEventKind,
}

/// What can happen to a leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LegEventKind {
    /// A key that nothing else took.
    Dtmf {
        /// The key.
        digit: char,
        /// How long, in milliseconds.
        duration_ms: u32,
    },
    /// It rings.
    Ringing,
    /// It is answered.
    Answered,
    /// The party holds us, or took us back.
    Held(bool),
    /// It was connected with another leg.
    Bridged(LegId),
    /// It was parted from another leg.
    Unbridged(LegId),
    /// The party asks to be rid of the other one (REFER), and it was accepted.
    Transferred,
    /// It is over. The last event.
    HungUp(Cause),
}

impl LegEventKind {
    /// The name by which programs know it (`types.event.kind` of the WIT package).
    pub fn name(&self) -> &'static str {
        match self {
            Self::Dtmf { .. } => "dtmf",
            Self::Ringing => "ringing",
            Self::Answered => "answered",
            Self::Held(true) => "held",
            Self::Held(false) => "resumed",
            Self::Bridged(_) => "bridged",
            Self::Unbridged(_) => "unbridged",
            Self::Transferred => "transferred",
            Self::HungUp(_) => "hangup",
        }
    }

    /// Its particulars as named texts.
    pub fn data(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Dtmf { digit, duration_ms } => {
                vec![("digit", digit.to_string()), ("duration-ms", duration_ms.to_string())]
            }
            Self::Bridged(leg) | Self::Unbridged(leg) => vec![("leg", leg.to_string())],
            Self::HungUp(cause) => vec![("cause", cause.to_string())],
            Self::Ringing | Self::Answered | Self::Held(_) | Self::Transferred => Vec::new(),
        }
    }
}

//! The record of a finished call (F25).

use serde::Serialize;

use crate::{CallId, Cause, LegId, Party, TenantId};

/// A call detail record. Times are milliseconds since the call began; who writes it knows the wall clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cdr {
    /// The call.
    pub call: CallId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Who called.
    pub from: Party,
    /// The endpoint that called, if it was one.
    pub from_endpoint: Option<String>,
    /// The number dialled.
    pub to: String,
    /// Who answered, if a dialled leg did.
    pub answered_by: Option<Party>,
    /// The dialplan context, filled in by who ran it.
    pub context: String,
    /// The accounting code set on the first leg.
    pub account_code: String,
    /// The application (name and version) that handled the call, filled in by who ran it.
    pub plugin: Option<String>,
    /// When it was answered.
    pub answer_ms: Option<u64>,
    /// When it ended: its whole duration.
    pub end_ms: u64,
    /// From the answer to the end; 0 without an answer.
    pub billed_ms: u64,
    /// How it went.
    pub disposition: Disposition,
    /// Why it ended.
    pub cause: Cause,
    /// Who ended it.
    pub hung_up_by: Side,
    /// All its legs in the order they came.
    pub legs: Vec<CdrLeg>,
}

/// One leg in the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CdrLeg {
    /// The leg.
    pub leg: LegId,
    /// Which way it was set up.
    pub direction: Direction,
    /// The party at it.
    pub party: Party,
    /// The endpoint, if it is one of ours.
    pub endpoint: Option<String>,
    /// What was dialled: by it if inbound, to reach it if outbound.
    pub dialed: String,
    /// When it began.
    pub start_ms: u64,
    /// When it was answered.
    pub answer_ms: Option<u64>,
    /// When it ended.
    pub end_ms: u64,
    /// Why it ended.
    pub cause: Cause,
    /// Who ended it.
    pub hung_up_by: Side,
    /// The call it came from, if it moved here.
    pub came_from: Option<CallId>,
    /// The call it went to, if it moved away.
    pub went_to: Option<CallId>,
}

/// Which way a leg was set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The party called us.
    Inbound,
    /// We called the party.
    Outbound,
    /// Nobody is there: an extension of the dialplan that was dialled like a party.
    Local,
}

/// Who ended something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The party of the leg; of a call, the caller.
    Party,
    /// The other party; of a call, the called one.
    Other,
    /// This host: dialplan, application, limit, administrator.
    Host,
}

/// How a call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Disposition {
    /// It was answered.
    Answered,
    /// It was not.
    NoAnswer,
    /// The called one was busy.
    Busy,
    /// It could not be set up.
    Failed,
}

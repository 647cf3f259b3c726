//! Building the record of a call, and a view of it while it lasts.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::leg::Leg;
use crate::{Call, Cause, Cdr, CdrLeg, DialStatus, Direction, Disposition, LegId, Party, Side};

/// A leg as lists of calls show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LegView {
    /// The leg.
    pub leg: LegId,
    /// Which way it was set up.
    pub direction: Direction,
    /// `offered`, `calling`, `ringing`, `early`, `up` or `moving`.
    pub state: &'static str,
    /// The party at it.
    pub party: Party,
    /// The endpoint, if it is one of ours.
    pub endpoint: Option<String>,
    /// What was dialled: by it if inbound, to reach it if outbound.
    pub dialed: String,
    /// How long it has existed, in milliseconds.
    pub age_ms: u64,
    /// How long it has talked, in milliseconds.
    pub talked_ms: Option<u64>,
    /// The leg it is in conversation with.
    pub partner: Option<LegId>,
}

impl Call {
    /// The live legs.
    pub fn view(&self, now: Instant) -> Vec<LegView> {
        let ms_since = |from: Instant| ms(now.saturating_duration_since(from));
        let live = self.legs.iter().filter(|leg| leg.is_live());
        live.map(|leg| LegView {
            leg: leg.id,
            direction: leg.direction,
            state: leg.state().name(),
            party: leg.party.clone(),
            endpoint: leg.endpoint.clone(),
            dialed: leg.dialed.clone(),
            age_ms: ms_since(leg.began),
            talked_ms: leg.answered.map(ms_since),
            partner: self.partner(leg.id),
        })
        .collect()
    }

    /// The record as it would be if the call ended now. (The call gives its own with [`Effect::Cdr`](crate::Effect::Cdr); this is for an
    /// owner that cannot go on with it.)
    pub fn cdr(&self, now: Instant) -> Cdr {
        let since_start = |at: Instant| ms(at.saturating_duration_since(self.began));
        let legs: Vec<CdrLeg> = self.legs.iter().map(|leg| cdr_leg(leg, now, since_start)).collect();
        let main = legs.first();
        let end_ms = legs.iter().map(|leg| leg.end_ms).max().unwrap_or_else(|| since_start(now));
        let answer_ms = main.and_then(|leg| leg.answer_ms);
        let inbound = main.filter(|leg| leg.direction == Direction::Inbound);
        let account_code =
            self.legs.first().and_then(|leg| leg.attributes.iter().find(|(name, _)| name == "account-code"));
        Cdr {
            call: self.id,
            tenant: self.tenant.clone(),
            from: inbound.map_or_else(|| self.originator.clone(), |leg| leg.party.clone()),
            from_endpoint: inbound.and_then(|leg| leg.endpoint.clone()),
            to: main.map(|leg| leg.dialed.clone()).unwrap_or_default(),
            answered_by: answered_by(&self.legs),
            context: String::new(),
            account_code: account_code.map(|(_, code)| code.clone()).unwrap_or_default(),
            plugin: None,
            answer_ms,
            end_ms,
            billed_ms: answer_ms.map_or(0, |answer| end_ms.saturating_sub(answer)),
            disposition: self.disposition(main),
            cause: main.map_or(Cause::NORMAL_CLEARING, |leg| leg.cause),
            hung_up_by: main.map_or(Side::Host, |leg| leg.hung_up_by),
            legs,
        }
    }

    fn disposition(&self, main: Option<&CdrLeg>) -> Disposition {
        let Some(main) = main else { return Disposition::Failed };
        if main.answer_ms.is_some() {
            return Disposition::Answered;
        }
        match self.unanswered {
            Some(DialStatus::Busy) => Disposition::Busy,
            Some(DialStatus::NoAnswer | DialStatus::Cancel) => Disposition::NoAnswer,
            Some(DialStatus::Congestion | DialStatus::ChanUnavail) => Disposition::Failed,
            Some(DialStatus::Answer) | None => match main.cause {
                Cause::USER_BUSY => Disposition::Busy,
                Cause::NORMAL_CLEARING | Cause::NO_ANSWER | Cause::NO_USER_RESPONDING => Disposition::NoAnswer,
                _ => Disposition::Failed,
            },
        }
    }
}

/// The party of the called leg that answered first.
fn answered_by(legs: &[Leg]) -> Option<Party> {
    let called = legs.iter().filter(|leg| leg.direction == Direction::Outbound);
    called
        .filter_map(|leg| leg.answered.map(|at| (at, leg)))
        .min_by_key(|(at, _)| *at)
        .map(|(_, leg)| leg.party.clone())
}

fn cdr_leg(leg: &Leg, now: Instant, since_start: impl Fn(Instant) -> u64) -> CdrLeg {
    CdrLeg {
        leg: leg.id,
        direction: leg.direction,
        party: leg.party.clone(),
        endpoint: leg.endpoint.clone(),
        dialed: leg.dialed.clone(),
        start_ms: since_start(leg.began),
        answer_ms: leg.answered.map(&since_start),
        end_ms: since_start(leg.end.map_or(now, |end| end.at)),
        cause: leg.end.map_or(Cause::NORMAL_TEMPORARY_FAILURE, |end| end.cause),
        hung_up_by: leg.end.map_or(Side::Host, |end| end.side),
        came_from: leg.came_from,
        went_to: leg.went_to,
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

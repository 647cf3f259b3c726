//! One party's attachment to the call, and all states it can be in.

use std::time::Instant;

use crate::event::Events;
use crate::hold::Background;
use crate::{CallId, Cause, Direction, Hops, LegId, Party, Route, Side};

/// Where a leg is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// The party called; we said nothing yet.
    Offered,
    /// We call the party; nothing was heard of it.
    Calling,
    /// It rings: at the party of an outbound leg; shown to the party of an inbound one.
    Ringing,
    /// Audio before the answer.
    Early,
    /// We answered the party; its ACK is awaited.
    Answered,
    /// The party talks.
    Up,
    /// It is being handed to another call.
    Moving,
    /// It belongs to another call.
    Moved,
    /// It is released.
    Over,
}

/// What changes a leg's state. The first three come from the party, the others from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Signal {
    /// The party's device rings.
    Rings,
    /// The party's side sends audio before the answer.
    Sounds,
    /// The party answered, or confirmed our answer.
    Answers,
    /// We show the party that it rings.
    Ring,
    /// We send the party audio before the answer.
    Progress,
    /// We answer the party.
    Answer,
    /// We offer the leg to another call.
    Move,
    /// The other call took it.
    Take,
    /// The other call refused it.
    Refuse,
    /// It is over, whoever ended it.
    End,
}

impl State {
    /// The state after a signal, or none where the signal means nothing: it came late, twice, or in a race.
    pub(crate) fn after(self, direction: Direction, signal: Signal) -> Option<Self> {
        use Direction::{Inbound, Local, Outbound};
        use State::*;
        let next = match (self, direction, signal) {
            (Moved | Over, _, _) => return None,
            (_, _, Signal::End) => Over,
            (Offered, Inbound, Signal::Ring) => Ringing,
            (Offered | Ringing, Inbound, Signal::Progress) => Early,
            (Offered | Ringing | Early, Inbound, Signal::Answer) => Answered,
            (Answered, Inbound, Signal::Answers) => Up,
            (Calling, Outbound, Signal::Rings) => Ringing,
            (Calling | Ringing, Outbound, Signal::Sounds) => Early,
            (Calling | Ringing | Early, Outbound, Signal::Answers) => Up,
            // Nobody is at a local leg: what its run does is what its dialler hears.
            (Calling, Local, Signal::Ring) => Ringing,
            (Calling | Ringing, Local, Signal::Progress) => Early,
            (Calling | Ringing | Early, Local, Signal::Answer) => Up,
            (Up, Inbound | Outbound, Signal::Move) => Moving,
            (Moving, _, Signal::Take) => Moved,
            (Moving, _, Signal::Refuse) => Up,
            _ => return None,
        };
        Some(next)
    }

    /// The name by which programs know it (attribute `state`).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Calling => "calling",
            Self::Ringing => "ringing",
            Self::Early => "early",
            Self::Answered | Self::Up => "up",
            Self::Moving => "moving",
            Self::Moved => "moved",
            Self::Over => "over",
        }
    }
}

/// What runs for a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// Nothing.
    Idle,
    /// A dialplan run or an application.
    Running,
    /// It was told to end; this comes next.
    Leaving(Option<Route>),
}

/// How a leg ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) at: Instant,
    pub(crate) cause: Cause,
    pub(crate) side: Side,
}

/// A leg.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) id: LegId,
    pub(crate) direction: Direction,
    state: State,
    pub(crate) endpoint: Option<String>,
    pub(crate) party: Party,
    pub(crate) dialed: String,
    pub(crate) hops: Hops,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) codec: String,
    pub(crate) began: Instant,
    pub(crate) answered: Option<Instant>,
    pub(crate) end: Option<End>,
    pub(crate) run: Run,
    /// The leg in whose run it was dialled; it holds this one up while it runs.
    pub(crate) owner: Option<LegId>,
    /// Whoever asked for it keeps it up.
    pub(crate) kept: bool,
    /// Its party holds the other side.
    pub(crate) held: bool,
    /// For an answered local leg: the leg that hears what is played to it.
    pub(crate) alias: Option<LegId>,
    pub(crate) background: Background,
    pub(crate) events: Events,
    /// The cause to release it with once nothing holds it up.
    pub(crate) fall_through: Option<(Cause, Side)>,
    pub(crate) came_from: Option<CallId>,
    pub(crate) went_to: Option<CallId>,
}

impl Leg {
    /// A leg at its beginning.
    pub(crate) fn new(now: Instant, id: LegId, direction: Direction, party: Party, dialed: String, hops: Hops) -> Self {
        Self {
            id,
            direction,
            state: if direction == Direction::Inbound { State::Offered } else { State::Calling },
            endpoint: None,
            party,
            dialed,
            hops,
            attributes: Vec::new(),
            codec: String::new(),
            began: now,
            answered: None,
            end: None,
            run: Run::Idle,
            owner: None,
            kept: false,
            held: false,
            alias: None,
            background: Background::Silence,
            events: Events::default(),
            fall_through: None,
            came_from: None,
            went_to: None,
        }
    }

    /// The state.
    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Moves on by a signal; false where the signal means nothing.
    #[must_use]
    pub(crate) fn step(&mut self, now: Instant, signal: Signal) -> bool {
        let Some(next) = self.state.after(self.direction, signal) else { return false };
        if self.answered.is_none() && matches!(next, State::Answered | State::Up) {
            self.answered = Some(now);
        }
        self.state = next;
        true
    }

    /// Makes it a leg that talks already: it was adopted from another call.
    pub(crate) fn set_up(&mut self, now: Instant) {
        self.state = State::Up;
        self.answered = Some(now);
    }

    /// Neither released nor gone to another call.
    pub(crate) fn is_live(&self) -> bool {
        !matches!(self.state, State::Over | State::Moved)
    }

    /// Answered and ours.
    pub(crate) fn talks(&self) -> bool {
        matches!(self.state, State::Answered | State::Up)
    }

    /// Nobody is at it.
    pub(crate) fn is_local(&self) -> bool {
        self.direction == Direction::Local
    }
}

#[cfg(test)]
mod tests {
    use super::{Signal, State};
    use crate::Direction;

    const STATES: [State; 9] = [
        State::Offered,
        State::Calling,
        State::Ringing,
        State::Early,
        State::Answered,
        State::Up,
        State::Moving,
        State::Moved,
        State::Over,
    ];
    const SIGNALS: [Signal; 10] = [
        Signal::Rings,
        Signal::Sounds,
        Signal::Answers,
        Signal::Ring,
        Signal::Progress,
        Signal::Answer,
        Signal::Move,
        Signal::Take,
        Signal::Refuse,
        Signal::End,
    ];

    #[track_caller]
    fn check(direction: Direction, expected: &str) {
        let mut found = String::new();
        for state in STATES {
            found.push_str(&format!("{:9}", format!("{state:?}")));
            for signal in SIGNALS {
                let next = state.after(direction, signal).map_or(".".to_owned(), |next| format!("{next:?}"));
                found.push_str(&format!("{next:9}"));
            }
            found.truncate(found.trim_end().len());
            found.push('\n');
        }
        let trimmed: String = expected
            .lines()
            .filter(|line| !line.trim().is_empty())
            .skip(1)
            .map(|line| format!("{}\n", line.trim()))
            .collect();
        assert_eq!(found, trimmed, "{direction:?}");
    }

    /// Every (state, signal) pair; a dot is a signal that changes nothing. A11: what comes late or twice is a dot.
    #[test]
    fn an_inbound_leg_moves_by_this_table() {
        check(
            Direction::Inbound,
            "
            state    Rings    Sounds   Answers  Ring     Progress Answer   Move     Take     Refuse   End
            Offered  .        .        .        Ringing  Early    Answered .        .        .        Over
            Calling  .        .        .        .        .        .        .        .        .        Over
            Ringing  .        .        .        .        Early    Answered .        .        .        Over
            Early    .        .        .        .        .        Answered .        .        .        Over
            Answered .        .        Up       .        .        .        .        .        .        Over
            Up       .        .        .        .        .        .        Moving   .        .        Over
            Moving   .        .        .        .        .        .        .        Moved    Up       Over
            Moved    .        .        .        .        .        .        .        .        .        .
            Over     .        .        .        .        .        .        .        .        .        .
            ",
        );
    }

    #[test]
    fn an_outbound_leg_moves_by_this_table() {
        check(
            Direction::Outbound,
            "
            state    Rings    Sounds   Answers  Ring     Progress Answer   Move     Take     Refuse   End
            Offered  .        .        .        .        .        .        .        .        .        Over
            Calling  Ringing  Early    Up       .        .        .        .        .        .        Over
            Ringing  .        Early    Up       .        .        .        .        .        .        Over
            Early    .        .        Up       .        .        .        .        .        .        Over
            Answered .        .        .        .        .        .        .        .        .        Over
            Up       .        .        .        .        .        .        Moving   .        .        Over
            Moving   .        .        .        .        .        .        .        Moved    Up       Over
            Moved    .        .        .        .        .        .        .        .        .        .
            Over     .        .        .        .        .        .        .        .        .        .
            ",
        );
    }

    #[test]
    fn a_local_leg_moves_by_this_table() {
        check(
            Direction::Local,
            "
            state    Rings    Sounds   Answers  Ring     Progress Answer   Move     Take     Refuse   End
            Offered  .        .        .        .        .        .        .        .        .        Over
            Calling  .        .        .        Ringing  Early    Up       .        .        .        Over
            Ringing  .        .        .        .        Early    Up       .        .        .        Over
            Early    .        .        .        .        .        Up       .        .        .        Over
            Answered .        .        .        .        .        .        .        .        .        Over
            Up       .        .        .        .        .        .        .        .        .        Over
            Moving   .        .        .        .        .        .        .        Moved    Up       Over
            Moved    .        .        .        .        .        .        .        .        .        .
            Over     .        .        .        .        .        .        .        .        .        .
            ",
        );
    }
}

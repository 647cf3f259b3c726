//! The non-INVITE client transaction: RFC 3261 §17.1.2, figure 6.

use super::{Action, Slot, Step, Timer};

/// The states of figure 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The request is on its way and sent again until something comes.
    Trying,
    /// A provisional response came; the request is sent again every T2.
    Proceeding,
    /// A final response came; more of it is absorbed.
    Completed,
    /// Over.
    Terminated,
}

/// What can happen to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A 1xx.
    Provisional,
    /// A 200 to 699.
    Final,
    /// Timer E.
    Retransmit,
    /// Timer F or K, whichever the state has.
    End,
    /// The transport cannot deliver.
    TransportError,
}

/// What to do when the machine is made.
pub(crate) const START: &[Action] = &[Action::Transmit, Action::Start(Timer::E), Action::Start(Timer::F)];

/// The next state and the actions on the way to it.
pub(crate) fn step(state: State, input: Input) -> Step<State> {
    use Action::*;
    match (state, input) {
        (State::Trying | State::Proceeding, Input::Provisional) => (State::Proceeding, &[Deliver]),
        (State::Trying | State::Proceeding, Input::Final) => {
            (State::Completed, &[Stop(Slot::Retransmit), Deliver, Start(Timer::K)])
        }
        (State::Trying, Input::Retransmit) => (State::Trying, &[Transmit, Backoff { capped: true }]),
        (State::Proceeding, Input::Retransmit) => (State::Proceeding, &[Transmit, BackoffT2]),
        (State::Trying | State::Proceeding, Input::End) => {
            (State::Terminated, &[Stop(Slot::Retransmit), ReportTimeout])
        }
        (State::Trying | State::Proceeding, Input::TransportError) => (State::Terminated, &[ReportTransportError]),
        (State::Completed, Input::End) => (State::Terminated, &[]),
        // Retransmitted responses after the final one are absorbed.
        _ => (state, &[]),
    }
}

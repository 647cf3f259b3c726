//! The non-INVITE server transaction: RFC 3261 §17.2.2, figure 8.

use super::{Action, Step, Timer};

/// The states of figure 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing was answered yet; retransmissions are absorbed.
    Trying,
    /// A 1xx was sent.
    Proceeding,
    /// The final response was sent and is sent again for each retransmission.
    Completed,
    /// Over.
    Terminated,
}

/// What can happen to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// The same request again.
    Request,
    /// The user sends 1xx.
    Provisional,
    /// The user sends 200 to 699.
    Final,
    /// Timer J, or the client must have given up.
    End,
    /// The transport cannot deliver.
    TransportError,
}

/// What to do when the machine is made.
pub(crate) const START: &[Action] = &[Action::Start(Timer::Unanswered), Action::Deliver];

/// The next state and the actions on the way to it.
pub(crate) fn step(state: State, input: Input) -> Step<State> {
    use Action::*;
    match (state, input) {
        (State::Trying | State::Proceeding, Input::Provisional) => (State::Proceeding, &[Transmit]),
        (State::Trying | State::Proceeding, Input::Final) => (State::Completed, &[Transmit, Start(Timer::J)]),
        // Not in figure 8: the client has given up by its timer F, so that no answer can reach it any more.
        (State::Trying | State::Proceeding, Input::End) => (State::Terminated, &[]),
        (State::Proceeding | State::Completed, Input::Request) => (state, &[Transmit]),
        (State::Proceeding | State::Completed, Input::TransportError) => (State::Terminated, &[ReportTransportError]),
        (State::Completed, Input::End) => (State::Terminated, &[]),
        // §17.2.2: retransmissions in Trying and further responses in Completed are discarded.
        _ => (state, &[]),
    }
}

//! The INVITE client transaction: RFC 3261 §17.1.1, figure 5, as amended by RFC 6026 §8.4.

use super::{Action, Slot, Step, Timer};

/// The states of figure 5 and the Accepted state of RFC 6026.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The request is on its way and sent again until something comes.
    Calling,
    /// A provisional response came.
    Proceeding,
    /// A refusal came and is acknowledged as often as it comes.
    Completed,
    /// A 2xx came; more of it, and those of other forks, go to the user.
    Accepted,
    /// Over.
    Terminated,
}

/// What can happen to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A 1xx.
    Provisional,
    /// A 2xx.
    Success,
    /// A 300 to 699.
    Failure,
    /// Timer A.
    Retransmit,
    /// Timer B, D or M, whichever the state has; in Proceeding the end of the user's patience.
    End,
    /// The transport cannot deliver.
    TransportError,
}

/// What to do when the machine is made.
pub(crate) const START: &[Action] = &[Action::Transmit, Action::Start(Timer::A), Action::Start(Timer::B)];

/// The next state and the actions on the way to it.
pub(crate) fn step(state: State, input: Input) -> Step<State> {
    use Action::*;
    match (state, input) {
        // §17.1.1.2: Proceeding neither retransmits nor times out, unless the user limits its patience.
        (State::Calling, Input::Provisional) => {
            (State::Proceeding, &[Stop(Slot::Retransmit), Stop(Slot::End), Deliver])
        }
        (State::Proceeding, Input::Provisional) => (State::Proceeding, &[Deliver]),
        (State::Calling | State::Proceeding, Input::Success) => {
            // RFC 6026 §7.2.
            (State::Accepted, &[Stop(Slot::Retransmit), Deliver, Start(Timer::M)])
        }
        (State::Calling | State::Proceeding, Input::Failure) => {
            (State::Completed, &[Stop(Slot::Retransmit), Acknowledge, Deliver, Start(Timer::D)])
        }
        (State::Calling, Input::Retransmit) => (State::Calling, &[Transmit, Backoff { capped: false }]),
        (State::Calling | State::Proceeding, Input::End) => (State::Terminated, &[ReportTimeout]),
        (State::Calling | State::Completed, Input::TransportError) => (State::Terminated, &[ReportTransportError]),
        (State::Completed, Input::Failure) => (State::Completed, &[Acknowledge]),
        (State::Completed | State::Accepted, Input::End) => (State::Terminated, &[]),
        (State::Accepted, Input::Success) => (State::Accepted, &[Deliver]),
        // A 1xx behind the final response, a refusal behind a 2xx or the reverse, a timer that was already off: nothing.
        // In Proceeding and Accepted the machine sends nothing, so that no transport error is its own.
        _ => (state, &[]),
    }
}

//! The INVITE server transaction: RFC 3261 §17.2.1, figure 7, as amended by RFC 6026 §8.7.

use super::{Action, Slot, Step, Timer};

/// The states of figure 7 and the Accepted state of RFC 6026.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing but 1xx was sent.
    Proceeding,
    /// A refusal was sent and is sent again until the ACK comes.
    Completed,
    /// The ACK of the refusal came; more of it is absorbed.
    Confirmed,
    /// A 2xx was sent; the session sends it again until the ACK comes.
    Accepted,
    /// Over.
    Terminated,
}

/// What can happen to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// The same INVITE again.
    Request,
    /// An ACK.
    Ack,
    /// The user sends 1xx.
    Provisional,
    /// The user sends 2xx, the first time or again.
    Success,
    /// The user sends 300 to 699.
    Failure,
    /// Timer G, or the wait before 100 Trying.
    Retransmit,
    /// Timer H, I or L, whichever the state has.
    End,
    /// The transport cannot deliver.
    TransportError,
}

/// What to do when the machine is made.
pub(crate) const START: &[Action] = &[Action::Start(Timer::Trying), Action::Deliver];

/// The next state and the actions on the way to it.
pub(crate) fn step(state: State, input: Input) -> Step<State> {
    use Action::*;
    match (state, input) {
        // §17.2.1: the most recent provisional response; the owner sends 100 when there is none yet.
        (State::Proceeding, Input::Request) => (State::Proceeding, &[Transmit]),
        (State::Proceeding, Input::Provisional) => (State::Proceeding, &[Stop(Slot::Retransmit), Transmit]),
        (State::Proceeding, Input::Retransmit) => (State::Proceeding, &[Trying]),
        (State::Proceeding, Input::Success) => {
            // RFC 6026 §7.1.
            (State::Accepted, &[Stop(Slot::Retransmit), Transmit, Start(Timer::L)])
        }
        (State::Proceeding, Input::Failure) => {
            (State::Completed, &[Stop(Slot::Retransmit), Transmit, Start(Timer::G), Start(Timer::H)])
        }
        // RFC 6026 §7.1: the transport is not given up; the peer may send the INVITE again.
        (State::Proceeding | State::Accepted, Input::TransportError) => (state, &[ReportTransportError]),
        (State::Completed, Input::Request) => (State::Completed, &[Transmit]),
        (State::Completed, Input::Retransmit) => (State::Completed, &[Transmit, Backoff { capped: true }]),
        (State::Completed, Input::Ack) => (State::Confirmed, &[Stop(Slot::Retransmit), Start(Timer::I)]),
        // §17.2.1: the ACK never came; there is no session that could care.
        (State::Completed, Input::End) => (State::Terminated, &[Stop(Slot::Retransmit)]),
        (State::Completed, Input::TransportError) => (State::Terminated, &[Stop(Slot::Retransmit)]),
        (State::Confirmed | State::Accepted, Input::End) => (State::Terminated, &[]),
        // RFC 6026 §7.1: the user's 2xx retransmissions pass through; the ACK of a 2xx goes to the user.
        (State::Accepted, Input::Success) => (State::Accepted, &[Transmit]),
        (State::Accepted, Input::Ack) => (State::Accepted, &[Deliver]),
        // Retransmitted INVITEs behind a 2xx, responses behind a final one: absorbed.
        _ => (state, &[]),
    }
}

//! The four transaction machines of RFC 3261 §17, with the Accepted state of RFC 6026.
//!
//! Each machine is one pure function `step(state, input) -> (state, actions)` over small enums, so that a test can list
//! every pair. Who owns the machines (`endpoint`) keeps the messages, runs the actions in their order and sets the
//! timers; a timer whose duration is zero on a reliable transport fires at once.

use std::time::Duration;

use crate::endpoint::Timings;

pub(crate) mod client;
pub(crate) mod client_invite;
pub(crate) mod client_non_invite;
pub(crate) mod keyed;
pub(crate) mod server;
pub(crate) mod server_invite;
pub(crate) mod server_non_invite;
pub(crate) mod table;
pub(crate) mod timer;

#[cfg(test)]
mod tests;

/// The timers of RFC 3261 table 4 and RFC 6026 §8.1, and the wait before 100 Trying of §17.2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// INVITE request retransmission, UDP only.
    A,
    /// INVITE transaction time-out.
    B,
    /// Wait for response retransmissions of a refused INVITE.
    D,
    /// Non-INVITE request retransmission, UDP only.
    E,
    /// Non-INVITE transaction time-out.
    F,
    /// INVITE refusal retransmission.
    G,
    /// Wait for the ACK.
    H,
    /// Wait for ACK retransmissions.
    I,
    /// Wait for non-INVITE request retransmissions.
    J,
    /// Wait for response retransmissions of a request other than INVITE.
    K,
    /// Wait for retransmissions of an accepted INVITE (RFC 6026).
    L,
    /// Wait for retransmissions of 2xx and for those of other forks (RFC 6026).
    M,
    /// The client's timer F, after which nobody waits for the answer to a request other than INVITE any more.
    Unanswered,
    /// The 200 ms of §17.2.1 before 100 Trying.
    Trying,
}

/// The two deadlines a transaction can have at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Slot {
    /// Send again.
    Retransmit,
    /// Move on.
    End,
}

impl Timer {
    /// Which deadline of its transaction the timer is.
    pub(crate) fn slot(self) -> Slot {
        match self {
            Self::A | Self::E | Self::G | Self::Trying => Slot::Retransmit,
            Self::B
            | Self::D
            | Self::F
            | Self::H
            | Self::I
            | Self::J
            | Self::K
            | Self::L
            | Self::M
            | Self::Unanswered => Slot::End,
        }
    }

    /// The first duration of the timer (RFC 3261 table 4, RFC 6026 §8.1); none when the transport makes it pointless.
    pub(crate) fn duration(self, timings: &Timings, reliable: bool) -> Option<Duration> {
        let duration = match self {
            Self::A | Self::E | Self::G if reliable => return None,
            Self::A | Self::E | Self::G => timings.t1,
            Self::B | Self::F | Self::H | Self::L | Self::M | Self::Unanswered => timings.t1 * 64,
            Self::D | Self::I | Self::J | Self::K if reliable => Duration::ZERO,
            // "at least 32 seconds" for UDP, which is 64*T1 of the default T1 (§17.1.1.2).
            Self::D => (timings.t1 * 64).max(Duration::from_secs(32)),
            Self::I | Self::K => timings.t4,
            Self::J => timings.t1 * 64,
            Self::Trying => timings.trying,
        };
        Some(duration)
    }
}

/// What a machine asks its owner to do, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send the request (client) or the last response (server) (again).
    Transmit,
    /// Send the ACK of a refusal, inside the transaction (§17.1.1.3).
    Acknowledge,
    /// Send 100 Trying.
    Trying,
    /// Hand the message to the user.
    Deliver,
    /// Tell the user that nobody answered (408 by §8.1.3.1), or acknowledged.
    ReportTimeout,
    /// Tell the user that the transport failed (503 by §8.1.3.1).
    ReportTransportError,
    /// Set the timer to its first duration.
    Start(Timer),
    /// Set the retransmission timer to twice its last interval, at most T2 when told so.
    Backoff {
        /// Never longer than T2 (§17.1.2.2, §17.2.1).
        capped: bool,
    },
    /// Set the retransmission timer to T2 (§17.1.2.2, Proceeding).
    BackoffT2,
    /// Cancel a deadline.
    Stop(Slot),
}

/// The next state and what to do on the way.
pub(crate) type Step<S> = (S, &'static [Action]);

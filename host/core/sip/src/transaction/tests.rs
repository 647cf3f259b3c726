//! Every (state, input) pair of the four machines: RFC 3261 figures 5 to 8 with the states of RFC 6026 (F46).

use super::Action::{self, *};
use super::{Slot, Timer};

const RETRANSMIT: Action = Stop(Slot::Retransmit);
const END: Action = Stop(Slot::End);
const UNCAPPED: Action = Backoff { capped: false };
const CAPPED: Action = Backoff { capped: true };

/// Checks a whole machine: rows that are not listed must change nothing and do nothing.
macro_rules! table {
    ($machine:ident, states: [$($state:ident),*], inputs: [$($input:ident),*], $(($from:ident, $with:ident) => ($to:ident, $actions:expr),)*) => {
        use super::super::$machine::{Input, State, step};
        for state in [$(State::$state),*] {
            for input in [$(Input::$input),*] {
                let listed: Option<(State, Vec<Action>)> = match (state, input) {
                    $((State::$from, Input::$with) => Some((State::$to, $actions.to_vec())),)*
                    _ => None,
                };
                let (next, actions) = step(state, input);
                let (expected, expected_actions) = listed.unwrap_or((state, Vec::new()));
                assert_eq!((next, actions), (expected, &expected_actions[..]), "({state:?}, {input:?})");
            }
        }
    };
}

mod client_invite {
    use super::*;

    #[test]
    fn figure_5_every_pair() {
        table!(client_invite,
            states: [Calling, Proceeding, Completed, Accepted, Terminated],
            inputs: [Provisional, Success, Failure, Retransmit, End, TransportError],
            (Calling, Provisional) => (Proceeding, [RETRANSMIT, END, Deliver]),
            (Calling, Success) => (Accepted, [RETRANSMIT, Deliver, Start(Timer::M)]),
            (Calling, Failure) => (Completed, [RETRANSMIT, Acknowledge, Deliver, Start(Timer::D)]),
            (Calling, Retransmit) => (Calling, [Transmit, UNCAPPED]),
            (Calling, End) => (Terminated, [ReportTimeout]),
            (Calling, TransportError) => (Terminated, [ReportTransportError]),
            (Proceeding, Provisional) => (Proceeding, [Deliver]),
            (Proceeding, End) => (Terminated, [ReportTimeout]),
            (Proceeding, Success) => (Accepted, [RETRANSMIT, Deliver, Start(Timer::M)]),
            (Proceeding, Failure) => (Completed, [RETRANSMIT, Acknowledge, Deliver, Start(Timer::D)]),
            (Completed, Failure) => (Completed, [Acknowledge]),
            (Completed, End) => (Terminated, []),
            (Completed, TransportError) => (Terminated, [ReportTransportError]),
            (Accepted, Success) => (Accepted, [Deliver]),
            (Accepted, End) => (Terminated, []),
        );
    }
}

mod client_non_invite {
    use super::*;

    #[test]
    fn figure_6_every_pair() {
        table!(client_non_invite,
            states: [Trying, Proceeding, Completed, Terminated],
            inputs: [Provisional, Final, Retransmit, End, TransportError],
            (Trying, Provisional) => (Proceeding, [Deliver]),
            (Trying, Final) => (Completed, [RETRANSMIT, Deliver, Start(Timer::K)]),
            (Trying, Retransmit) => (Trying, [Transmit, CAPPED]),
            (Trying, End) => (Terminated, [RETRANSMIT, ReportTimeout]),
            (Trying, TransportError) => (Terminated, [ReportTransportError]),
            (Proceeding, Provisional) => (Proceeding, [Deliver]),
            (Proceeding, Final) => (Completed, [RETRANSMIT, Deliver, Start(Timer::K)]),
            (Proceeding, Retransmit) => (Proceeding, [Transmit, BackoffT2]),
            (Proceeding, End) => (Terminated, [RETRANSMIT, ReportTimeout]),
            (Proceeding, TransportError) => (Terminated, [ReportTransportError]),
            (Completed, End) => (Terminated, []),
        );
    }
}

mod server_invite {
    use super::*;

    #[test]
    fn figure_7_every_pair() {
        table!(server_invite,
            states: [Proceeding, Completed, Confirmed, Accepted, Terminated],
            inputs: [Request, Ack, Provisional, Success, Failure, Retransmit, End, TransportError],
            (Proceeding, Request) => (Proceeding, [Transmit]),
            (Proceeding, Provisional) => (Proceeding, [RETRANSMIT, Transmit]),
            (Proceeding, Retransmit) => (Proceeding, [Trying]),
            (Proceeding, Success) => (Accepted, [RETRANSMIT, Transmit, Start(Timer::L)]),
            (Proceeding, Failure) => (Completed, [RETRANSMIT, Transmit, Start(Timer::G), Start(Timer::H)]),
            (Proceeding, TransportError) => (Proceeding, [ReportTransportError]),
            (Completed, Request) => (Completed, [Transmit]),
            (Completed, Retransmit) => (Completed, [Transmit, CAPPED]),
            (Completed, Ack) => (Confirmed, [RETRANSMIT, Start(Timer::I)]),
            (Completed, End) => (Terminated, [RETRANSMIT]),
            (Completed, TransportError) => (Terminated, [RETRANSMIT]),
            (Confirmed, End) => (Terminated, []),
            (Accepted, Success) => (Accepted, [Transmit]),
            (Accepted, Ack) => (Accepted, [Deliver]),
            (Accepted, End) => (Terminated, []),
            (Accepted, TransportError) => (Accepted, [ReportTransportError]),
        );
    }
}

mod server_non_invite {
    use super::*;

    #[test]
    fn figure_8_every_pair() {
        table!(server_non_invite,
            states: [Trying, Proceeding, Completed, Terminated],
            inputs: [Request, Provisional, Final, End, TransportError],
            (Trying, Provisional) => (Proceeding, [Transmit]),
            (Trying, Final) => (Completed, [Transmit, Start(Timer::J)]),
            (Trying, End) => (Terminated, []),
            (Proceeding, End) => (Terminated, []),
            (Proceeding, Request) => (Proceeding, [Transmit]),
            (Proceeding, Provisional) => (Proceeding, [Transmit]),
            (Proceeding, Final) => (Completed, [Transmit, Start(Timer::J)]),
            (Proceeding, TransportError) => (Terminated, [ReportTransportError]),
            (Completed, Request) => (Completed, [Transmit]),
            (Completed, End) => (Terminated, []),
            (Completed, TransportError) => (Terminated, [ReportTransportError]),
        );
    }
}

#[test]
fn durations_of_table_4() {
    use std::time::Duration;

    use crate::endpoint::Timings;

    let timings = Timings::default();
    let ms = |timer: Timer, reliable| timer.duration(&timings, reliable).map(|duration| duration.as_millis());
    for timer in [Timer::A, Timer::E, Timer::G] {
        assert_eq!((ms(timer, false), ms(timer, true)), (Some(500), None), "{timer:?}");
    }
    for timer in [Timer::B, Timer::F, Timer::H, Timer::L, Timer::M] {
        assert_eq!((ms(timer, false), ms(timer, true)), (Some(32_000), Some(32_000)), "{timer:?}");
    }
    for (timer, unreliable) in [(Timer::D, 32_000), (Timer::I, 5_000), (Timer::J, 32_000), (Timer::K, 5_000)] {
        assert_eq!((ms(timer, false), ms(timer, true)), (Some(unreliable), Some(0)), "{timer:?}");
    }
    assert!(timings.trying <= Duration::from_millis(200), "§17.2.1");
}

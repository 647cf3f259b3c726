//! Why something ended: Q.850 causes and what they are in SIP.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A cause as ITU-T Q.850 numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cause(u16);

impl Cause {
    /// Nobody has this number.
    pub const UNALLOCATED: Self = Self(1);
    /// There is no way to that number.
    pub const NO_ROUTE: Self = Self(3);
    /// The conversation is over.
    pub const NORMAL_CLEARING: Self = Self(16);
    /// The called one is talking.
    pub const USER_BUSY: Self = Self(17);
    /// The called device did not even ring.
    pub const NO_USER_RESPONDING: Self = Self(18);
    /// It rang and nobody took it.
    pub const NO_ANSWER: Self = Self(19);
    /// The called one is not registered.
    pub const SUBSCRIBER_ABSENT: Self = Self(20);
    /// The called one declined, or we may not call.
    pub const CALL_REJECTED: Self = Self(21);
    /// The number has changed.
    pub const NUMBER_CHANGED: Self = Self(22);
    /// The call goes in circles.
    pub const EXCHANGE_ROUTING_ERROR: Self = Self(25);
    /// Somebody else has taken the call (Q.850 calls it non-selected user clearing).
    pub const NON_SELECTED_USER: Self = Self(26);
    /// The way to the device is broken.
    pub const DESTINATION_OUT_OF_ORDER: Self = Self(27);
    /// The number is incomplete or malformed.
    pub const INVALID_NUMBER: Self = Self(28);
    /// Nothing was wrong and nothing better is known.
    pub const NORMAL_UNSPECIFIED: Self = Self(31);
    /// All lines are taken.
    pub const CONGESTION: Self = Self(34);
    /// The network is broken.
    pub const NETWORK_OUT_OF_ORDER: Self = Self(38);
    /// Something failed that may work in a moment.
    pub const NORMAL_TEMPORARY_FAILURE: Self = Self(41);
    /// The two sides have no way of speaking in common.
    pub const BEARER_NOT_IMPLEMENTED: Self = Self(65);
    /// A timer ran out.
    pub const TIMER_EXPIRY: Self = Self(102);
    /// Another network gave no better reason.
    pub const INTERWORKING: Self = Self(127);

    /// The cause of a number. Q.850 has 1 to 127; anything else becomes [`Cause::INTERWORKING`].
    pub fn from_number(number: u16) -> Self {
        match number {
            1..=127 => Self(number),
            _ => Self::INTERWORKING,
        }
    }

    /// Its number in Q.850.
    pub fn number(self) -> u16 {
        self.0
    }

    /// The cause that a final SIP response means (RFC 3398 §8.2.6.1).
    ///
    /// 488 and 606 are there "by Warning header"; without one they become the cause that maps back to 488. 487 answers our own CANCEL.
    pub fn from_sip_status(status: u16) -> Self {
        Self(match status {
            // BYE and CANCEL, and what confirms them, are normal clearing (§8.2.6.1).
            200..=299 | 487 => 16,
            401 | 402 | 403 | 407 | 603 => 21,
            404 | 485 | 604 => 1,
            405 => 63,
            406 | 415 | 501 => 79,
            408 | 504 => 102,
            410 => 22,
            413 | 414 | 416 | 420 | 421 | 423 | 505 | 513 => 127,
            480 => 18,
            400 | 481 | 500 | 503 => 41,
            482 | 483 => 25,
            484 => 28,
            486 | 600 => 17,
            488 | 606 => 65,
            502 => 38,
            _ => 31,
        })
    }

    /// The SIP response that refuses a call for this cause (RFC 3398 §7.2.4.1).
    ///
    /// The table has no line for 16 (an answered call gets BYE) and none for 25: a call that is refused so gets 480 and 483
    /// (RFC 3261 §16.3, the answer to a loop).
    pub fn to_sip_status(self) -> u16 {
        match self.0 {
            1..=3 | 26 => 404,
            16 | 19 | 20 | 31 => 480,
            17 => 486,
            18 => 408,
            21 => 403,
            22 | 23 => 410,
            25 => 483,
            27 => 502,
            28 => 484,
            29 | 79 => 501,
            34 | 38 | 41 | 42 | 47 | 58 | 88 => 503,
            55 | 57 | 87 => 403,
            65 | 70 => 488,
            102 => 504,
            _ => 500,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Cause;

    /// RFC 3398 §7.2.4.1, line by line; the last two are ours (see `to_sip_status`).
    #[test]
    fn a_cause_becomes_the_status_of_the_table() {
        let table: &[(u16, u16)] = &[
            (1, 404),
            (2, 404),
            (3, 404),
            (17, 486),
            (18, 408),
            (19, 480),
            (20, 480),
            (21, 403),
            (22, 410),
            (23, 410),
            (26, 404),
            (27, 502),
            (28, 484),
            (29, 501),
            (31, 480),
            (34, 503),
            (38, 503),
            (41, 503),
            (42, 503),
            (47, 503),
            (55, 403),
            (57, 403),
            (58, 503),
            (65, 488),
            (70, 488),
            (79, 501),
            (87, 403),
            (88, 503),
            (102, 504),
            (111, 500),
            (127, 500),
            (16, 480),
            (25, 483),
        ];
        for &(cause, status) in table {
            assert_eq!(Cause::from_number(cause).to_sip_status(), status, "cause {cause}");
        }
    }

    /// RFC 3398 §8.2.6.1, line by line.
    #[test]
    fn a_status_becomes_the_cause_of_the_table() {
        let table: &[(u16, u16)] = &[
            (400, 41),
            (401, 21),
            (402, 21),
            (403, 21),
            (404, 1),
            (405, 63),
            (406, 79),
            (407, 21),
            (408, 102),
            (410, 22),
            (413, 127),
            (414, 127),
            (415, 79),
            (416, 127),
            (420, 127),
            (421, 127),
            (423, 127),
            (480, 18),
            (481, 41),
            (482, 25),
            (483, 25),
            (484, 28),
            (485, 1),
            (486, 17),
            (487, 16),
            (488, 65),
            (500, 41),
            (501, 79),
            (502, 38),
            (503, 41),
            (504, 102),
            (505, 127),
            (513, 127),
            (600, 17),
            (603, 21),
            (604, 1),
            (606, 65),
            (499, 31),
            (699, 31),
        ];
        for &(status, cause) in table {
            assert_eq!(Cause::from_sip_status(status).number(), cause, "status {status}");
        }
    }

    #[test]
    fn every_number_has_a_cause_and_every_cause_a_final_error_status() {
        for number in 0..=u16::MAX {
            let cause = Cause::from_number(number);
            assert!((1..=127).contains(&cause.number()));
            assert!((400..700).contains(&cause.to_sip_status()));
        }
    }
}

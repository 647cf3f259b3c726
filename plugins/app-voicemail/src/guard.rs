//! Wrong attempts, counted per mailbox and per caller, each longer to wait after (F5).
//!
//! An attempt is counted before the PIN is looked at and taken back if it was right: however many try at the same time, no
//! more are looked at than may be. The owner's own phone is judged by its own count alone, so that strangers cannot lock
//! the owner out at it.

use std::time::Duration;

use jackfield_sdk::{Code, Error, Leg, Result, kv, system};
use sha2::{Digest, Sha256};

use crate::mailbox::{Mailbox, authenticated_endpoint};

/// Wrong attempts without a wait.
const FREE: u32 = 3;
/// The wait after those; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(30);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);
/// Attempts this old count no more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 3_600);
/// Callers that did not prove who they are share so many counts, by their numbers: one can call with as many numbers as one
/// likes, and they must not fill the store.
const STRANGERS: u16 = 1_024;
/// How often a change is tried.
const ATTEMPTS: u32 = 256;

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    failed: u32,
    last_ms: u64,
}

impl Count {
    fn parse(text: &str) -> Option<Self> {
        let (failed, last_ms) = text.split_once(' ')?;
        Some(Self { failed: failed.parse().ok()?, last_ms: last_ms.parse().ok()? })
    }

    /// How old the last one is; a clock that was set back makes it old.
    fn age(self, now_ms: u64) -> Duration {
        now_ms.checked_sub(self.last_ms).map_or(FORGOTTEN_AFTER, Duration::from_millis)
    }

    fn wait(self) -> Duration {
        let Some(beyond) = self.failed.checked_sub(FREE) else { return Duration::ZERO };
        FIRST_WAIT.saturating_mul(1 << beyond.min(16)).min(LONGEST_WAIT)
    }

    /// One more; none if it is too early.
    fn more(self, now_ms: u64) -> Option<Self> {
        if self.age(now_ms) >= FORGOTTEN_AFTER {
            return Some(Self { failed: 1, last_ms: now_ms });
        }
        (self.age(now_ms) >= self.wait()).then(|| Self { failed: self.failed.saturating_add(1), last_ms: now_ms })
    }
}

/// Who tries which mailbox.
pub(crate) struct Guard {
    caller: String,
    /// None where strangers' attempts do not count: the owner's own phone, and what is no mailbox with a PIN.
    mailbox: Option<String>,
    is_owner: bool,
}

impl Guard {
    pub(crate) fn new(leg: &Leg, mailbox: &Mailbox, is_owner: bool, has_pin: bool) -> Self {
        let caller = match authenticated_endpoint(leg) {
            Some(endpoint) => format!("wrong/endpoint/{endpoint}"),
            None => {
                let digest = Sha256::digest(leg.caller_number());
                format!("wrong/stranger/{}", u16::from_be_bytes([digest[0], digest[1]]) % STRANGERS)
            }
        };
        Self { caller, mailbox: (has_pin && !is_owner).then(|| mailbox.key("wrong/mailbox")), is_owner }
    }

    /// Counts an attempt; false if there have been too many for one now.
    pub(crate) fn admits(&self) -> Result<bool> {
        let counted = |key: &String| change(key, |count| count.more(system::unix_ms()));
        if !counted(&self.caller)? {
            return Ok(false);
        }
        let admits = self.mailbox.as_ref().map_or(Ok(true), counted)?;
        if !admits {
            // What nobody looks at is no wrong attempt of this caller.
            self.take_back()?;
        }
        Ok(admits)
    }

    fn take_back(&self) -> Result {
        change(&self.caller, |count| Some(Count { failed: count.failed.saturating_sub(1), ..count })).map(drop)
    }

    /// The attempt was right. Of a caller elsewhere only this one is taken back: who has a mailbox of its own does not thereby try
    /// others without end.
    pub(crate) fn was_right(&self) -> Result {
        let mailbox = self.mailbox.as_deref();
        mailbox.map_or(Ok(()), kv::delete)?;
        match self.is_owner {
            true => kv::delete(&self.caller),
            false => self.take_back(),
        }
    }
}

/// How many wrong attempts strangers made at a mailbox since it was last entered; they are forgotten.
pub(crate) fn take_alarms(mailbox: &Mailbox) -> Result<u32> {
    let key = mailbox.key("wrong/mailbox");
    let count = kv::get_text(&key)?.and_then(|text| Count::parse(&text)).unwrap_or_default();
    if count.failed > 0 {
        kv::delete(&key)?;
    }
    Ok(count.failed)
}

/// Changes a count if `to` gives another one; false if it does not.
fn change(key: &str, to: impl Fn(Count) -> Option<Count>) -> Result<bool> {
    for _ in 0..ATTEMPTS {
        let old = kv::get_text(key)?;
        let count = old.as_deref().and_then(Count::parse).unwrap_or_default();
        let Some(new) = to(count) else { return Ok(false) };
        let text = (new.failed > 0).then(|| format!("{} {}", new.failed, new.last_ms));
        if kv::swap(key, old.as_deref().map(str::as_bytes), text.as_deref().map(str::as_bytes))? {
            return Ok(true);
        }
    }
    Err(Error::new(Code::Busy, "attempts are counted by others all the time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_twice_as_long_and_none_is_longer_than_an_hour() {
        let waits: Vec<u64> = (0..14).map(|failed| Count { failed, last_ms: 0 }.wait().as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600, 3_600]);
        assert_eq!(Count { failed: u32::MAX, last_ms: 0 }.wait(), LONGEST_WAIT);
    }

    #[test]
    fn an_attempt_is_refused_until_the_wait_is_over() {
        let count = Count { failed: 4, last_ms: 1_000_000 };
        assert_eq!(count.more(1_000_000), None);
        assert_eq!(count.more(1_059_999), None);
        assert_eq!(count.more(1_060_000), Some(Count { failed: 5, last_ms: 1_060_000 }));
        // A day later it is forgotten; so is what a clock that was set back cannot tell.
        assert_eq!(count.more(90_000_000), Some(Count { failed: 1, last_ms: 90_000_000 }));
        assert_eq!(count.more(999_999), Some(Count { failed: 1, last_ms: 999_999 }));
    }
}

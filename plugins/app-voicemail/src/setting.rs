//! The tenant's settings, each within its bounds.

use std::time::Duration;

use jackfield_sdk::system;

/// Messages of one mailbox, whatever the setting says: its index is one value of kv, which has 64 KiB.
pub(crate) const MESSAGES_MAX: usize = 300;

/// How many digits a new PIN has at least.
pub(crate) fn pin_digits() -> usize {
    number("pin-digits", 6, 4, 12) as usize
}

/// The longest message.
pub(crate) fn message() -> Duration {
    Duration::from_secs(number("message-seconds", 180, 1, 3_600))
}

/// The shortest message that is kept.
pub(crate) fn shortest() -> Duration {
    Duration::from_secs(number("min-seconds", 2, 0, 60))
}

/// The silence that ends a message.
pub(crate) fn silence() -> Option<Duration> {
    Some(number("silence-seconds", 10, 0, 60)).filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

/// What a mailbox may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) messages: usize,
    pub(crate) length: Duration,
}

pub(crate) fn quota() -> Quota {
    Quota {
        messages: number("mailbox-messages", 100, 1, MESSAGES_MAX as u64) as usize,
        length: Duration::from_secs(number("mailbox-seconds", 3_600, 1, 1_000_000)),
    }
}

/// A list of words.
pub(crate) fn words(key: &str) -> Vec<String> {
    let text = system::config(key).unwrap_or_default();
    text.split([' ', ',', '\n', '\t']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn number(key: &str, default: u64, least: u64, most: u64) -> u64 {
    system::config(key).and_then(|value| value.parse().ok()).unwrap_or(default).clamp(least, most)
}

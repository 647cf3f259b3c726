//! Waiting for what will come.

use std::time::{Duration, Instant};

/// Far more than anything here takes, on a machine with far more to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// How often a state that tells nobody of its changes is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Waits until there is an answer.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = look() {
            return answer;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::park_timeout(LOOK);
    }
}

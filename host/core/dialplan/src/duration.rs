//! Lengths of time as plans write them.

use std::time::Duration;

use crate::limit;
use crate::value::Number;

/// Seconds with an optional fraction, at most [`limit::WAIT`]; nothing if it is not a number. Less than nothing is nothing.
pub(crate) fn seconds(text: &str) -> Option<Duration> {
    scaled(text, 1.0)
}

/// The same in milliseconds.
pub(crate) fn milliseconds(text: &str) -> Option<Duration> {
    scaled(text, 1000.0)
}

fn scaled(text: &str, unit: f64) -> Option<Duration> {
    let number = match Number::parse(text.trim())? {
        Number::Whole(whole) => whole as f64,
        Number::Broken(broken) => broken,
    };
    Some(Duration::from_secs_f64((number / unit).clamp(0.0, limit::WAIT.as_secs_f64())))
}

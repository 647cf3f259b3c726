//! Numbers of a plugin's own, of all its versions in one tenant.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::limit::{METRIC_NAME_BYTES, METRICS};

/// A number that a plugin counts or measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "value", rename_all = "kebab-case")]
pub enum Metric {
    /// Only grows.
    Counter(u64),
    /// Is what it was set to last.
    Gauge(i64),
}

/// A plugin's numbers by name.
#[derive(Debug, Default)]
pub(crate) struct Metrics(BTreeMap<String, Metric>);

/// Why a number is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MetricError {
    #[error("a name is 1 to {METRIC_NAME_BYTES} of a-z, 0-9 and _, and begins with a letter")]
    Name,
    #[error("that is a number of the other kind")]
    Kind,
    #[error("at most {METRICS} names")]
    Limit,
}

impl Metrics {
    /// Changes the number of this name; a new one is `change`.
    pub(crate) fn record(&mut self, name: &str, change: Metric) -> Result<(), MetricError> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if !begins || name.len() > METRIC_NAME_BYTES || !name.bytes().all(is_plain) {
            return Err(MetricError::Name);
        }
        let full = self.0.len() == METRICS;
        match (self.0.get_mut(name), change) {
            (None, _) if full => return Err(MetricError::Limit),
            (None, new) => drop(self.0.insert(name.to_owned(), new)),
            (Some(Metric::Counter(counter)), Metric::Counter(by)) => *counter = counter.saturating_add(by),
            (Some(Metric::Gauge(gauge)), Metric::Gauge(value)) => *gauge = value,
            (Some(_), _) => return Err(MetricError::Kind),
        }
        Ok(())
    }

    pub(crate) fn all(&self) -> BTreeMap<String, Metric> {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_grows_and_a_gauge_is_what_it_was_set_to() {
        let mut metrics = Metrics::default();
        for by in [0, 2, u64::MAX] {
            metrics.record("calls", Metric::Counter(by)).unwrap();
        }
        for value in [7, -3] {
            metrics.record("waiting", Metric::Gauge(value)).unwrap();
        }
        assert_eq!(metrics.record("calls", Metric::Gauge(1)), Err(MetricError::Kind));
        assert_eq!(metrics.record("waiting", Metric::Counter(1)), Err(MetricError::Kind));
        let expected = [("calls".to_owned(), Metric::Counter(u64::MAX)), ("waiting".to_owned(), Metric::Gauge(-3))];
        assert_eq!(metrics.all(), expected.into());
    }

    #[test]
    fn names_have_a_form_and_a_number() {
        let mut metrics = Metrics::default();
        let long = "a".repeat(METRIC_NAME_BYTES + 1);
        for name in ["", "Calls", "1st", "_a", "a-b", "a b", "a\n", "\u{e9}", long.as_str()] {
            assert_eq!(metrics.record(name, Metric::Gauge(1)), Err(MetricError::Name), "{name:?}");
        }
        metrics.record(&long[1..], Metric::Gauge(1)).unwrap();
        for number in 1..METRICS {
            metrics.record(&format!("a{number}"), Metric::Gauge(1)).unwrap();
        }
        assert_eq!(metrics.record("more", Metric::Gauge(1)), Err(MetricError::Limit));
        metrics.record("a1", Metric::Gauge(2)).unwrap();
    }
}

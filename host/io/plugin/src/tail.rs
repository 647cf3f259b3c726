//! What a plugin said and how its runs ended: the newest lines of a deployment, for somebody who watches it.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;

use crate::generation::lock;
use crate::limit::{TAIL_BYTES, TAIL_LINE_BYTES, TAIL_LINES};
use crate::port::LogLevel;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailLine {
    /// Counts the lines of the deployment from 1: a gap tells of lines that nobody read in time. It begins anew with the host.
    pub seq: u64,
    /// Milliseconds since 1970.
    pub unix_ms: u64,
    /// The plugin's own version that it was.
    pub version: String,
    /// The application, function or strategy; empty for a service.
    pub run: String,
    /// What it was.
    pub what: TailEvent,
}

/// What a plugin did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TailEvent {
    /// It logged something.
    Said {
        /// How bad it is.
        level: LogLevel,
        /// The text.
        message: String,
    },
    /// A run of an application is over. Functions and strategies end too often to be told.
    Ended {
        /// The call, as its record names it.
        call: String,
        /// The plugin's own error, or why the host ended it; none if it went well.
        error: Option<String>,
        /// What it cost.
        cost: RunCost,
    },
    /// A function, a strategy or the service failed.
    Failed {
        /// How.
        fault: String,
    },
}

/// What one run used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunCost {
    /// From its begin to its end.
    pub time: Duration,
    /// Computing, host functions included.
    pub cpu: Duration,
    /// Host functions it called.
    pub host_calls: u64,
    /// Bytes that it gave and got by them.
    pub moved: u64,
    /// Bytes of memory it had in the end; memories do not shrink.
    pub memory: u64,
}

impl TailEvent {
    /// Its text, of which a guest can make as much as crosses.
    fn text(&mut self) -> Option<&mut String> {
        match self {
            Self::Said { message, .. } => Some(message),
            Self::Ended { error, .. } => error.as_mut(),
            Self::Failed { fault } => Some(fault),
        }
    }
}

/// The newest lines, [`TAIL_LINES`] and [`TAIL_BYTES`] of text at most.
#[derive(Default)]
pub(crate) struct Tail {
    lines: Mutex<Lines>,
    news: Notify,
}

#[derive(Default)]
struct Lines {
    /// Each with the bytes of its text.
    newest: VecDeque<(usize, TailLine)>,
    bytes: usize,
    seq: u64,
}

impl Lines {
    fn after(&self, seq: u64) -> Vec<TailLine> {
        // Whoever is ahead has watched the host before it came up again.
        let seq = if seq > self.seq { 0 } else { seq };
        self.newest.iter().map(|(_, line)| line).filter(|line| line.seq > seq).cloned().collect()
    }
}

impl Tail {
    pub(crate) fn add(&self, unix_ms: u64, version: &str, run: &str, mut what: TailEvent) {
        let bytes = what.text().map_or(0, |text| {
            text.truncate(text.floor_char_boundary(TAIL_LINE_BYTES));
            text.len()
        });
        {
            let mut lines = lock(&self.lines);
            lines.seq += 1;
            lines.bytes += bytes;
            let line = TailLine { seq: lines.seq, unix_ms, version: version.into(), run: run.into(), what };
            lines.newest.push_back((bytes, line));
            while lines.newest.len() > TAIL_LINES || lines.bytes > TAIL_BYTES {
                let oldest = lines.newest.pop_front();
                lines.bytes -= oldest.map_or(0, |(bytes, _)| bytes);
            }
        }
        self.news.notify_waiters();
    }

    /// The lines after `seq`; waits for one where there is none.
    pub(crate) async fn after(&self, seq: u64) -> Vec<TailLine> {
        loop {
            let news = self.news.notified();
            tokio::pin!(news);
            // Before the look, so that a line in between is not missed.
            news.as_mut().enable();
            let lines = lock(&self.lines).after(seq);
            if !lines.is_empty() {
                return lines;
            }
            news.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(message: &str) -> TailEvent {
        TailEvent::Said { level: LogLevel::Info, message: message.into() }
    }

    fn seqs(lines: &[TailLine]) -> Vec<u64> {
        lines.iter().map(|line| line.seq).collect()
    }

    #[tokio::test]
    async fn the_newest_lines_are_kept_within_both_bounds() {
        let tail = Tail::default();
        for _ in 0..=TAIL_LINES {
            tail.add(1, "0.1.0", "Hello", said("x"));
        }
        let lines = tail.after(0).await;
        assert_eq!((lines.len(), lines[0].seq), (TAIL_LINES, 2));
        let long = TAIL_BYTES / TAIL_LINE_BYTES;
        for _ in 0..long {
            tail.add(1, "0.1.0", "Hello", said(&"é".repeat(TAIL_LINE_BYTES)));
        }
        let lines = tail.after(0).await;
        assert_eq!((lines.len(), lines[0].seq), (long, TAIL_LINES as u64 + 2));
        assert!(matches!(&lines[0].what, TailEvent::Said { message, .. } if message.len() == TAIL_LINE_BYTES));
        tail.add(1, "0.1.0", "Hello", said("x"));
        assert_eq!(tail.after(0).await.len(), long, "the oldest makes room");
    }

    #[tokio::test]
    async fn who_waits_is_told_and_who_was_there_before_the_host_begins_anew() {
        let tail = std::sync::Arc::new(Tail::default());
        let waiting = tokio::spawn({
            let tail = tail.clone();
            async move { tail.after(0).await }
        });
        tokio::task::yield_now().await;
        tail.add(1, "0.1.0", "", said("one"));
        assert_eq!(seqs(&waiting.await.unwrap()), [1]);
        tail.add(1, "0.1.0", "", said("two"));
        assert_eq!(seqs(&tail.after(1).await), [2]);
        assert_eq!(seqs(&tail.after(77).await), [1, 2]);
    }
}

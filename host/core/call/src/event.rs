//! The bounded queue of a leg's events.

use std::collections::VecDeque;

use crate::{LegEvent, LegEventKind, limit};

/// A leg's events that nobody took yet.
#[derive(Debug, Default)]
pub(crate) struct Events {
    next: u64,
    queue: VecDeque<LegEvent>,
}

impl Events {
    /// Numbers an event; every event of a leg passes here.
    pub(crate) fn number(&mut self, kind: LegEventKind) -> LegEvent {
        let seq = self.next;
        self.next += 1;
        LegEvent { seq, kind }
    }

    /// Keeps an event for later; when full, the oldest goes.
    pub(crate) fn keep(&mut self, event: LegEvent) {
        if self.queue.len() >= limit::EVENTS {
            self.queue.pop_front();
        }
        self.queue.push_back(event);
    }

    /// The oldest event.
    pub(crate) fn take(&mut self) -> Option<LegEvent> {
        self.queue.pop_front()
    }

    /// The oldest kept key among `wanted`, or the oldest at all when nothing is said; other events stay.
    pub(crate) fn take_digit(&mut self, wanted: Option<&str>) -> Option<char> {
        let fits = |event: &LegEvent| match event.kind {
            LegEventKind::Dtmf { digit, .. } => wanted.is_none_or(|wanted| wanted.contains(digit)),
            _ => false,
        };
        let at = self.queue.iter().position(fits)?;
        match self.queue.remove(at)?.kind {
            LegEventKind::Dtmf { digit, .. } => Some(digit),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Events;
    use crate::{LegEventKind, limit};

    fn key(digit: char) -> LegEventKind {
        LegEventKind::Dtmf { digit, duration_ms: 100 }
    }

    #[test]
    fn a_full_queue_drops_the_oldest_and_the_numbers_show_it() {
        let mut events = Events::default();
        for _ in 0..=limit::EVENTS {
            let event = events.number(LegEventKind::Ringing);
            events.keep(event);
        }
        let kept: Vec<u64> = std::iter::from_fn(|| events.take()).map(|event| event.seq).collect();
        assert_eq!(kept, (1..=limit::EVENTS as u64).collect::<Vec<_>>());
    }

    #[test]
    fn a_key_is_taken_from_between_other_events() {
        let mut events = Events::default();
        for kind in [LegEventKind::Ringing, key('1'), LegEventKind::Answered, key('#')] {
            let event = events.number(kind);
            events.keep(event);
        }
        assert_eq!(events.take_digit(Some("#*")), Some('#'));
        assert_eq!(events.take_digit(Some("#*")), None);
        assert_eq!(events.take_digit(None), Some('1'));
        assert_eq!(events.take().map(|event| event.kind), Some(LegEventKind::Ringing));
        assert_eq!(events.take().map(|event| event.kind), Some(LegEventKind::Answered));
        assert_eq!(events.take(), None);
    }
}

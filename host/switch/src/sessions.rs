//! Where the events of SIP sessions go: to the call that has the leg, or nowhere yet while the leg moves between two.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use sip::endpoint::{Event, SessionId};
use tokio::sync::mpsc::error::TrySendError;
use tokio_util::task::TaskTracker;

use crate::call_task::{Inbox, Message};
use crate::limit;
use crate::shared::Place;
use crate::table::Table;

/// Sessions and who hears them, as many as there may be. An event is handed over under the lock of its entry, so that whoever
/// changes the entry knows that nothing follows where it went before.
pub(crate) struct Sessions {
    table: Table<Entry>,
    count: Arc<AtomicUsize>,
    bound: usize,
}

struct Entry {
    ear: Ear,
    _place: Place,
}

enum Ear {
    /// The call that has the leg.
    Call(Inbox),
    /// The leg is on its way from one call to another, which will hear this first.
    Moving(Vec<Event>),
}

/// Why an event did not get to a call.
#[derive(Debug)]
pub(crate) enum Undelivered {
    /// No call has the session.
    Nobody,
    /// Its call has too much to hear already.
    Behind(Box<Event>),
}

/// The calls of the host have as many sessions as they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoPlace;

impl Sessions {
    /// The sessions of so many calls.
    pub(crate) fn of(calls_max: usize) -> Self {
        Self { table: Table::default(), count: Arc::default(), bound: calls_max * limit::SESSIONS_PER_CALL }
    }

    /// A call has this new session from now on.
    pub(crate) fn insert(&self, session: SessionId, inbox: Inbox) -> Result<(), NoPlace> {
        let place = Place::take(&self.count, self.bound).ok_or(NoPlace)?;
        self.table.insert(session.as_u64(), Entry { ear: Ear::Call(inbox), _place: place });
        Ok(())
    }

    /// No call has it any more.
    pub(crate) fn remove(&self, session: SessionId) {
        self.table.remove(session.as_u64());
    }

    /// Keeps the session's events until a call takes it: nothing gets to the inbox it had.
    pub(crate) fn hold(&self, session: SessionId) {
        let key = session.as_u64();
        if let Some(entry) = self.table.shard(key).get_mut(&key) {
            entry.ear = Ear::Moving(Vec::new());
        }
    }

    /// A call has the session from now on, and gets what was kept for it, in order. That precedes whatever comes to its inbox.
    pub(crate) fn take(&self, session: SessionId, inbox: Inbox) -> Vec<Event> {
        let key = session.as_u64();
        let mut entries = self.table.shard(key);
        match entries.get_mut(&key).map(|entry| std::mem::replace(&mut entry.ear, Ear::Call(inbox))) {
            Some(Ear::Moving(kept)) => kept,
            Some(Ear::Call(_)) | None => Vec::new(),
        }
    }

    /// The call that has the session just now.
    pub(crate) fn inbox(&self, session: SessionId) -> Option<Inbox> {
        let key = session.as_u64();
        match &self.table.shard(key).get(&key)?.ear {
            Ear::Call(inbox) => Some(inbox.clone()),
            Ear::Moving(_) => None,
        }
    }

    /// Gives an event to the call of its session.
    pub(crate) fn deliver(&self, session: SessionId, event: Box<Event>) -> Result<(), Undelivered> {
        let key = session.as_u64();
        let mut entries = self.table.shard(key);
        match entries.get_mut(&key).map(|entry| &mut entry.ear) {
            None => Err(Undelivered::Nobody),
            Some(Ear::Moving(kept)) if kept.len() >= limit::EVENTS_WHILE_MOVING => Err(Undelivered::Behind(event)),
            Some(Ear::Moving(kept)) => {
                kept.push(*event);
                Ok(())
            }
            Some(Ear::Call(inbox)) => match inbox.try_send(Message::Sip(event)) {
                Err(TrySendError::Full(Message::Sip(event))) => Err(Undelivered::Behind(event)),
                Err(TrySendError::Closed(_)) => {
                    // The call ended without this session, in a panic perhaps.
                    entries.remove(&key);
                    Err(Undelivered::Nobody)
                }
                Ok(()) | Err(TrySendError::Full(_)) => Ok(()),
            },
        }
    }

    /// Tells a call that its session is over, however much it has to hear: nothing else would ever end that leg. There is one
    /// such event in the life of a session, so that no more of them wait than there are sessions.
    pub(crate) fn deliver_end(self: &Arc<Self>, tasks: &TaskTracker, session: SessionId, end: Box<Event>) {
        self.send_end(tasks, session, end, None);
    }

    fn send_end(self: &Arc<Self>, tasks: &TaskTracker, session: SessionId, end: Box<Event>, not: Option<&Inbox>) {
        if let Some((inbox, end)) = self.ear_of_end(session, end, not) {
            let sessions = Arc::clone(self);
            tasks.spawn(async move { sessions.tell_end(session, inbox, end).await });
        }
    }

    /// Waits until the call that has the session has room for its end. The leg may move on meanwhile, and the call that it left
    /// may be over before it could pass the end on: then whoever has the leg is told.
    async fn tell_end(&self, session: SessionId, mut inbox: Inbox, mut end: Box<Event>) {
        while let Err(error) = inbox.send(Message::Sip(end)).await {
            let Message::Sip(unheard) = error.0 else { return };
            let Some(next) = self.ear_of_end(session, unheard, Some(&inbox)) else { return };
            (inbox, end) = next;
        }
    }

    /// The inbox to put the end of a session into, if a call other than `not` has it just now. For a leg on its way it is kept.
    fn ear_of_end(&self, session: SessionId, end: Box<Event>, not: Option<&Inbox>) -> Option<(Inbox, Box<Event>)> {
        let key = session.as_u64();
        match &mut self.table.shard(key).get_mut(&key)?.ear {
            Ear::Moving(kept) => {
                kept.push(*end);
                None
            }
            // A call that is over has nothing to hear.
            Ear::Call(inbox) if not.is_some_and(|not| inbox.same_channel(not)) => None,
            Ear::Call(inbox) => Some((inbox.clone(), end)),
        }
    }

    /// Passes on the end of a session that came to a call which had given the leg away meanwhile.
    pub(crate) fn pass_on(self: &Arc<Self>, tasks: &TaskTracker, session: SessionId, end: Box<Event>, from: &Inbox) {
        self.send_end(tasks, session, end, Some(from));
    }
}

#[cfg(test)]
mod tests {
    use sip::endpoint::EndReason;
    use tokio::sync::mpsc;

    use super::*;

    fn confirmed(session: SessionId) -> Box<Event> {
        Box::new(Event::Confirmed { session, body: bytes::Bytes::new() })
    }

    fn ended(session: SessionId) -> Box<Event> {
        Box::new(Event::Ended { session, reason: EndReason::HungUp })
    }

    #[test]
    fn a_session_whose_call_is_gone_is_forgotten() {
        let (sessions, session) = (Sessions::of(10), SessionId::originated(0, 1));
        let (inbox, gone) = mpsc::channel(1);
        sessions.insert(session, inbox).expect("a place");
        drop(gone);
        assert!(matches!(sessions.deliver(session, confirmed(session)), Err(Undelivered::Nobody)));
        assert_eq!(sessions.table.shard(session.as_u64()).len(), 0);
    }

    #[tokio::test]
    async fn the_end_of_a_session_gets_to_a_call_that_is_behind() {
        let (sessions, tasks, session) = (Arc::new(Sessions::of(10)), TaskTracker::new(), SessionId::originated(0, 1));
        let (inbox, mut heard) = mpsc::channel(1);
        sessions.insert(session, inbox).expect("a place");
        assert!(sessions.deliver(session, confirmed(session)).is_ok());
        let Err(Undelivered::Behind(event)) = sessions.deliver(session, ended(session)) else { panic!("it is full") };
        sessions.deliver_end(&tasks, session, event);
        let Some(Message::Sip(first)) = heard.recv().await else { panic!() };
        let Some(Message::Sip(second)) = heard.recv().await else { panic!() };
        assert!(matches!((*first, *second), (Event::Confirmed { .. }, Event::Ended { .. })));
    }

    #[test]
    fn there_are_so_many_sessions_and_no_more() {
        let (sessions, bound) = (Sessions::of(10), 10 * limit::SESSIONS_PER_CALL);
        let (inbox, _heard) = mpsc::channel(1);
        let session = |number: usize| SessionId::originated(0, number as u64);
        for number in 0..bound {
            assert_eq!(sessions.insert(session(number), inbox.clone()), Ok(()), "{number}");
        }
        assert_eq!(sessions.insert(session(bound), inbox.clone()), Err(NoPlace));
        sessions.hold(session(0));
        assert!(sessions.take(session(0), inbox.clone()).is_empty(), "a leg that moves keeps its place");
        assert_eq!(sessions.insert(session(bound), inbox.clone()), Err(NoPlace));
        sessions.remove(session(1));
        assert_eq!(sessions.insert(session(bound), inbox), Ok(()));
    }

    /// The end waits for room at a call which gives the leg away and is over before it heard: the call that has the leg now hears.
    #[tokio::test]
    async fn the_end_of_a_session_follows_its_leg_when_the_call_it_left_is_over() {
        let (sessions, tasks, session) = (Arc::new(Sessions::of(10)), TaskTracker::new(), SessionId::originated(0, 1));
        let (left, mut over) = mpsc::channel(1);
        sessions.insert(session, left).expect("a place");
        assert!(sessions.deliver(session, confirmed(session)).is_ok());
        let Err(Undelivered::Behind(event)) = sessions.deliver(session, ended(session)) else { panic!("it is full") };
        sessions.deliver_end(&tasks, session, event);
        tokio::task::yield_now().await;
        let (inbox, mut heard) = mpsc::channel(1);
        sessions.hold(session);
        assert!(sessions.take(session, inbox).is_empty());
        over.close();
        tasks.close();
        tasks.wait().await;
        assert!(matches!(heard.try_recv(), Ok(Message::Sip(event)) if matches!(*event, Event::Ended { .. })));
    }

    #[test]
    fn what_a_moving_session_says_is_kept_in_order_and_in_bounds() {
        let (sessions, tasks, session) = (Arc::new(Sessions::of(10)), TaskTracker::new(), SessionId::originated(0, 1));
        let (left, _nothing) = mpsc::channel(1);
        sessions.insert(session, left).expect("a place");
        sessions.hold(session);
        for _ in 0..limit::EVENTS_WHILE_MOVING {
            assert!(sessions.deliver(session, confirmed(session)).is_ok());
        }
        let over = sessions.deliver(session, confirmed(session));
        assert!(matches!(over, Err(Undelivered::Behind(_))), "one more than is kept");
        sessions.deliver_end(&tasks, session, ended(session));
        let (inbox, mut heard) = mpsc::channel(1);
        let kept = sessions.take(session, inbox);
        assert_eq!(kept.len(), limit::EVENTS_WHILE_MOVING + 1);
        assert!(matches!(kept.last(), Some(Event::Ended { .. })), "the end is never lost");
        assert!(sessions.deliver(session, confirmed(session)).is_ok());
        assert!(heard.try_recv().is_ok());
    }
}

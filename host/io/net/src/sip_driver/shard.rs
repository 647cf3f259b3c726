//! One shard: an endpoint and the loop around it.

use std::{
    future::poll_fn,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use rustc_hash::FxHashMap;
use sip::endpoint::{Command, Endpoint, Event, Flow, Input, Output, SessionId, Transport};
use tokio::{
    net::UdpSocket,
    sync::mpsc,
    time::{Sleep, sleep_until},
};

use super::{Answer, Control, Counters, Direction, SipHandle, SipSink, Subject, route::Delivery, transmit::Outside};
use crate::udp;

/// Datagrams, messages or commands of one source handled before the next source has its turn.
const BATCH: usize = 64;
/// Calls that wait for another shard to look their Replaces up; beyond it they are handed on without.
const HELD_MAX: usize = 1_024;
/// Events of one call kept while it waits.
const HELD_EVENTS_MAX: usize = 16;
/// When the timer is set though nothing is due.
const FAR: Duration = Duration::from_secs(3_600);

/// What a shard reads from.
pub(super) struct Doors {
    pub(super) shard: u16,
    pub(super) sockets: Vec<Arc<UdpSocket>>,
    pub(super) inbox: mpsc::Receiver<Delivery>,
    pub(super) commands: mpsc::UnboundedReceiver<Control>,
    pub(super) handle: SipHandle,
}

/// An endpoint and everything around it.
pub(super) struct Shard {
    endpoint: Endpoint,
    doors: Doors,
    /// The local address of each socket of `doors`.
    local_addresses: Vec<Option<SocketAddr>>,
    sink: Arc<dyn SipSink>,
    outside: Outside,
    datagram: Box<[u8]>,
    messages: Vec<Delivery>,
    controls: Vec<Control>,
    commands: Vec<Command>,
    /// Incoming calls whose Replaces names a dialog of another shard, each with its events so far.
    held: FxHashMap<SessionId, Vec<Event>>,
}

/// Whether a source may have more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Nothing,
    Maybe,
    /// The source is closed for good.
    Never,
}

impl Shard {
    pub(super) fn new(endpoint: Endpoint, doors: Doors, sink: Arc<dyn SipSink>, outside: Outside) -> Self {
        Self {
            endpoint,
            local_addresses: doors.sockets.iter().map(|socket| socket.local_addr().ok()).collect(),
            doors,
            sink,
            outside,
            datagram: vec![0; udp::DATAGRAM_BYTES_MAX].into_boxed_slice(),
            messages: Vec::with_capacity(BATCH),
            controls: Vec::with_capacity(BATCH),
            commands: Vec::new(),
            held: FxHashMap::default(),
        }
    }

    /// Runs until the task is dropped or every handle is gone.
    pub(super) async fn run(mut self) {
        let mut timer = pin!(sleep_until((Instant::now() + FAR).into()));
        poll_fn(|cx| self.poll(cx, timer.as_mut())).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<()> {
        // Commands first: they answer what is already inside, and free what they are about.
        let commands = self.poll_commands(cx);
        if commands == Rest::Never {
            return Poll::Ready(());
        }
        let messages = self.poll_inbox(cx);
        let mut rest = [commands, messages].contains(&Rest::Maybe);
        for index in 0..self.doors.sockets.len() {
            rest |= self.poll_socket(cx, index) == Rest::Maybe;
        }
        self.poll_timer(cx, timer.as_mut());
        if rest {
            // Others of this thread have their turn first.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn poll_commands(&mut self, cx: &mut Context<'_>) -> Rest {
        let mut controls = std::mem::take(&mut self.controls);
        let received = self.doors.commands.poll_recv_many(cx, &mut controls, BATCH);
        for control in controls.drain(..) {
            self.handle_control(Instant::now(), control);
        }
        self.controls = controls;
        match received {
            Poll::Ready(0) => Rest::Never,
            Poll::Ready(_) => Rest::Maybe,
            Poll::Pending => Rest::Nothing,
        }
    }

    fn poll_inbox(&mut self, cx: &mut Context<'_>) -> Rest {
        let mut messages = std::mem::take(&mut self.messages);
        let received = self.doors.inbox.poll_recv_many(cx, &mut messages, BATCH);
        for Delivery { input, turn } in messages.drain(..) {
            self.handle_input(Instant::now(), input);
            drop(turn);
        }
        self.messages = messages;
        match received {
            Poll::Ready(0) | Poll::Pending => Rest::Nothing,
            Poll::Ready(_) => Rest::Maybe,
        }
    }

    fn poll_socket(&mut self, cx: &mut Context<'_>, index: usize) -> Rest {
        let Some(local) = self.local_addresses[index] else { return Rest::Nothing };
        for _ in 0..BATCH {
            match udp::poll_receive(&self.doors.sockets[index], cx, &mut self.datagram) {
                Poll::Ready(Ok((length, remote))) => self.handle_datagram(local, remote, length),
                Poll::Ready(Err(_)) => Counters::add(&self.outside.router.counters().receive_errors, 1),
                Poll::Pending => return Rest::Nothing,
            }
        }
        Rest::Maybe
    }

    fn handle_datagram(&mut self, local: SocketAddr, remote: SocketAddr, length: usize) {
        let datagram = &self.datagram[..length];
        // Keep-alives of RFC 5626 §3.5.1 and of phones that send some zero bytes: nobody waits for an answer.
        if datagram.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return;
        }
        let flow = Flow { transport: Transport::Udp, local, remote, connection: 0 };
        let shard = self.outside.router.shard_of_message(datagram);
        // A copy of the size of the message: a long call that keeps its INVITE shall not keep a 64 KB buffer.
        let bytes = Bytes::copy_from_slice(datagram);
        if shard == self.doors.shard {
            self.handle_input(Instant::now(), Input::Message { flow, bytes });
        } else {
            self.outside.router.offer(shard, flow, bytes);
        }
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        if let Input::Message { flow, bytes } = &input {
            Counters::add(&self.outside.router.counters().received, 1);
            if let Some(tap) = &self.outside.tap {
                tap.message(Direction::In, flow.transport, Some(flow.local), flow.remote, bytes);
            }
        }
        self.endpoint.handle_input(now, input);
        self.drain(now);
    }

    fn handle_control(&mut self, now: Instant, control: Control) {
        match control {
            Control::Command { command, .. } => self.handle_command(now, command),
            Control::FindSession { replaces, answer } => {
                let session = self.endpoint.find_session(&replaces);
                match answer {
                    // Who asked may have stopped waiting.
                    Answer::Caller(caller) => drop(caller.send(session)),
                    Answer::Shard { shard, invite } => {
                        debug_assert_eq!(shard, invite.shard());
                        self.submit(Control::Found { invite, session });
                    }
                }
            }
            Control::Found { invite, session } => self.release(now, invite, session),
        }
    }

    fn handle_command(&mut self, now: Instant, command: Command) {
        let subject = Subject::of(&command);
        if let Err(error) = self.endpoint.handle_command(now, command) {
            self.sink.handle_refusal(subject, error);
        }
        self.drain(now);
    }

    /// Takes everything out of the endpoint, and does what the sink asks for meanwhile.
    fn drain(&mut self, now: Instant) {
        loop {
            while let Some(output) = self.endpoint.poll_output() {
                match output {
                    Output::Event(event) => self.handle_event(now, event),
                    Output::Transmit { destination, bytes } => {
                        if self.outside.send(self.doors.shard, destination, bytes).is_err() {
                            self.endpoint.handle_input(now, Input::TransmitFailed { destination });
                        }
                    }
                }
            }
            if self.commands.is_empty() {
                return;
            }
            let mut commands = std::mem::take(&mut self.commands);
            for command in commands.drain(..) {
                self.handle_own_command(now, command);
            }
            if self.commands.is_empty() {
                self.commands = commands;
            }
        }
    }

    /// A command that the sink gave on the spot.
    fn handle_own_command(&mut self, now: Instant, command: Command) {
        if self.doors.handle.shard_of(&command) == self.doors.shard {
            let subject = Subject::of(&command);
            if let Err(error) = self.endpoint.handle_command(now, command) {
                self.sink.handle_refusal(subject, error);
            }
        } else {
            self.submit(Control::Command { command, _admitted: None });
        }
    }

    fn submit(&self, control: Control) {
        if self.doors.handle.submit(control).is_err() {
            tracing::trace!("the other shard has ended");
        }
    }

    fn handle_event(&mut self, now: Instant, event: Event) {
        if let Event::Invite { session, replaces: Some(replaces), replaces_session: None, .. } = &event {
            let owner = self.outside.router.shard_of(replaces.call_id.as_bytes());
            if owner != self.doors.shard && self.held.len() < HELD_MAX {
                let answer = Answer::Shard { shard: self.doors.shard, invite: *session };
                self.submit(Control::FindSession { replaces: replaces.clone(), answer });
                self.held.insert(*session, vec![event]);
                return;
            }
        }
        if !self.held.is_empty()
            && let Some(held) = session_of(&event).and_then(|session| self.held.get_mut(&session))
            && held.len() < HELD_EVENTS_MAX
        {
            held.push(event);
            return;
        }
        self.sink.handle_event(now, event, &mut self.commands);
    }

    /// Hands a call on that waited for the look-up of its Replaces.
    fn release(&mut self, now: Instant, invite: SessionId, found: Option<SessionId>) {
        for mut event in self.held.remove(&invite).into_iter().flatten() {
            if let Event::Invite { replaces_session, .. } = &mut event {
                *replaces_session = found;
            }
            self.sink.handle_event(now, event, &mut self.commands);
        }
        self.drain(now);
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) {
        loop {
            let now = Instant::now();
            let due = self.endpoint.poll_timeout();
            if due.is_some_and(|due| due <= now) {
                self.endpoint.handle_timeout(now);
                self.drain(now);
                continue;
            }
            let wanted = due.unwrap_or(now + FAR).into();
            // Setting the timer is dear and most deadlines are put off before they come: an early wake-up is cheaper.
            if wanted < timer.deadline() || timer.is_elapsed() {
                timer.as_mut().reset(wanted);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return;
            }
        }
    }
}

/// The session an event is about.
fn session_of(event: &Event) -> Option<SessionId> {
    match event {
        Event::Invite { session, .. }
        | Event::Progress { session, .. }
        | Event::Answered { session, .. }
        | Event::Rejected { session, .. }
        | Event::Confirmed { session, .. }
        | Event::Ended { session, .. }
        | Event::Reoffer { session, .. }
        | Event::ReofferConfirmed { session, .. }
        | Event::ReofferAnswered { session, .. }
        | Event::ReofferRejected { session, .. }
        | Event::Refer { session, .. }
        | Event::ReferProgress { session, .. }
        | Event::Info { session, .. }
        | Event::InfoAnswered { session, .. } => Some(*session),
        Event::Request { .. } | Event::Response { .. } => None,
    }
}

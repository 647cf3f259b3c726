//! A service: one instance that lives as long as the deployment, an actor with one inbox.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use wasmtime::Store;

use crate::abi::v0_1::Event;
use crate::abi::v0_1::service::Channel;
use crate::error::{GuestError, RunError};
use crate::generation::{Generation, Live};
use crate::instance::{Run, State, new_store};
use crate::limit::{
    ASK_PAUSE, ENTER_AGAIN, SERVICE_EVENTS, SERVICE_INBOX, SERVICE_MESSAGE_BYTES, SERVICE_TURN, SNAPSHOT_BYTES,
};
use crate::usage::{Share, metered};

/// The service part of a plugin. It stays the same while versions replace each other: requests keep their order.
#[derive(Clone)]
pub struct ServiceSlot {
    inbox: mpsc::Sender<Message>,
    events: Arc<Events>,
}

/// What is known of a service's events.
#[derive(Default)]
struct Events {
    waiting: AtomicUsize,
    lost: AtomicU64,
}

impl fmt::Debug for ServiceSlot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ServiceSlot")
    }
}

type Answer = Result<Result<Vec<u8>, GuestError>, RunError>;

enum Message {
    Ask {
        request: Vec<u8>,
        reply: oneshot::Sender<Answer>,
    },
    /// Its number is given when its turn comes.
    Notify(Event),
    /// One that is never lost once it is here.
    Tell(Event),
    /// Hand over to another version; on an error this one goes on.
    Replace {
        by: Arc<Generation>,
        /// Told when its turn has come.
        begun: oneshot::Sender<()>,
        reply: oneshot::Sender<Result<(), String>>,
    },
}

/// The deployment's end of a service: dropping it ends the service.
pub(crate) struct ServiceInbox {
    slot: ServiceSlot,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for ServiceInbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ServiceSlot {
    /// Asks it; waits for its turn.
    pub async fn ask(&self, request: Vec<u8>) -> Answer {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Ask { request, reply })?;
        answer.await.unwrap_or_else(|_| Err(RunError::Exhausted("the service ended".into())))
    }

    /// Tells it that something happened: `kind`, to whom, and what is known about it. The order is kept. An event more than may wait is refused.
    pub fn notify(&self, kind: &str, source: &str, data: Vec<(String, String)>) -> Result<(), RunError> {
        if self.events.waiting.fetch_add(1, Ordering::Relaxed) >= SERVICE_EVENTS {
            self.events.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(RunError::Exhausted(format!("{SERVICE_EVENTS} events wait already")));
        }
        let event = Event { seq: 0, kind: kind.into(), source: source.into(), data };
        self.send(Message::Notify(event)).inspect_err(|_| {
            self.events.waiting.fetch_sub(1, Ordering::Relaxed);
        })
    }

    /// Tells it that something happened which it must not miss.
    ///
    /// # Errors
    /// Its inbox is full, or it is over.
    pub(crate) fn tell(&self, kind: &str, source: &str, data: Vec<(String, String)>) -> Result<(), RunError> {
        self.send(Message::Tell(Event { seq: 0, kind: kind.into(), source: source.into(), data }))
    }

    /// Tells it when there is room; callers bound how many wait. `handed` is called when it has its place.
    pub(crate) async fn tell_for_sure(
        &self,
        (kind, source): (&str, &str),
        data: Vec<(String, String)>,
        handed: impl FnOnce(),
    ) {
        // The service may be over.
        let Ok(place) = self.inbox.reserve().await else { return };
        handed();
        place.send(Message::Tell(Event { seq: 0, kind: kind.into(), source: source.into(), data }));
    }

    /// Counts an event that was refused: it shows in the numbers of those that follow. How many there are now.
    pub(crate) fn lost(&self) -> u64 {
        self.events.lost.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Events that were refused.
    pub(crate) fn events_lost(&self) -> u64 {
        self.events.lost.load(Ordering::Relaxed)
    }

    fn send(&self, message: Message) -> Result<(), RunError> {
        self.inbox.try_send(message).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => RunError::Exhausted(format!("{SERVICE_INBOX} requests wait already")),
            mpsc::error::TrySendError::Closed(_) => RunError::Exhausted("the service is over".into()),
        })
    }
}

impl ServiceInbox {
    /// Begins to start a service; an error of its `start` is the installer's to see.
    pub(crate) fn open(generation: Arc<Generation>) -> (Self, oneshot::Receiver<Result<(), String>>) {
        let guests = generation.host.guests().clone();
        let (sender, receiver) = mpsc::channel(SERVICE_INBOX);
        let (started, result) = oneshot::channel();
        let slot = ServiceSlot { inbox: sender, events: Arc::default() };
        let events = slot.events.clone();
        let task = guests.spawn(async move {
            match Actor::start(generation, None).await {
                Ok(actor) => {
                    // The installer waits for this; if it is gone, so is the inbox.
                    drop(started.send(Ok(())));
                    actor.serve(receiver, &events).await;
                }
                Err(error) => drop(started.send(Err(error))),
            }
        });
        (Self { slot, task }, result)
    }

    /// Hands over to another version, between two requests. It waits for its turn, and not for ever: other changes of the tenant's plugins,
    /// and a reload of all tenants, wait with it.
    pub(crate) async fn replace(&self, by: Arc<Generation>) -> Result<(), String> {
        let (begun, mut turn) = oneshot::channel();
        let (reply, result) = oneshot::channel();
        let gone = || "the service ended".to_owned();
        let asked = async {
            self.slot.inbox.send(Message::Replace { by, begun, reply }).await.map_err(|_| gone())?;
            (&mut turn).await.map_err(|_| gone())
        };
        match tokio::time::timeout(SERVICE_TURN, asked).await {
            Ok(turn) => turn?,
            Err(_) => {
                turn.close();
                // Its turn may have come at this moment.
                if turn.try_recv().is_err() {
                    return Err(format!(
                        "it did not come to hand over within {SERVICE_TURN:?}: too much was asked of it before"
                    ));
                }
            }
        }
        result.await.unwrap_or_else(|_| Err(gone()))
    }

    pub(crate) fn slot(&self) -> ServiceSlot {
        self.slot.clone()
    }
}

/// What an actor does next.
enum Turn {
    Message(Message),
    /// An event that was late may be handled by now.
    Late,
}

/// What a service is called for.
enum Call<'a> {
    Answer(&'a [u8]),
    Handle(&'a Event),
}

/// The instance at work.
struct Actor {
    share: Share,
    generation: Arc<Generation>,
    store: Store<State>,
    bindings: Channel,
}

impl Actor {
    async fn start(generation: Arc<Generation>, restored: Option<&[u8]>) -> Result<Self, String> {
        let service = generation.version.0.service.clone().ok_or("it exports no service")?;
        let limits = generation.limits.clone();
        let mut store = new_store(&generation.host.engine, &limits, Some(generation.clone()), Run::Service);
        let started = async {
            let bindings = service.instantiate_async(&mut store).await?;
            let end = bindings.jackfield_pbx_services().call_start(&mut store, restored).await?;
            Ok((bindings, end))
        };
        let started = generation.watch(started);
        let limit = generation.service_time();
        let started = tokio::time::timeout(limit, started).await;
        match started.map_err(|_| format!("start took more than {limit:?}"))? {
            Ok((bindings, Ok(()))) => {
                let share = Share::new(Instant::now(), limits.cpu_percent);
                Ok(Self { share, generation, store, bindings })
            }
            Ok((_, Err(refused))) => Err(format!("{}: {}", refused.code, refused.detail)),
            Err(error) => Err(store.data().explain(&limits, &error).to_string()),
        }
    }

    async fn serve(mut self, mut inbox: mpsc::Receiver<Message>, events: &Events) {
        let mut handed = 0;
        let mut late = VecDeque::new();
        while let Some(turn) = next(&mut inbox, self.wait(&late), late.len()).await {
            match turn {
                Turn::Message(Message::Ask { request, reply }) => {
                    if !self.answer(&request, reply).await {
                        return;
                    }
                }
                Turn::Message(Message::Notify(event)) => late.push_back((event, true)),
                Turn::Message(Message::Tell(event)) => late.push_back((event, false)),
                Turn::Message(Message::Replace { by, begun, reply }) => {
                    // Who waited too long for it was told that nothing changes.
                    if begun.send(()).is_ok() {
                        let result = self.hand_over(by).await;
                        drop(reply.send(result));
                    }
                }
                Turn::Late => {}
            }
            while let Some((event, is_counted)) = late.pop_front() {
                let Some(live) = self.may_run() else {
                    late.push_front((event, is_counted));
                    break;
                };
                if is_counted {
                    events.waiting.fetch_sub(1, Ordering::Relaxed);
                }
                if !self.handle(live, event, &mut handed, events).await {
                    return;
                }
            }
        }
    }

    /// How long it is until a late event may be handled; none where there is none.
    fn wait(&self, late: &VecDeque<(Event, bool)>) -> Option<Duration> {
        let waits = [self.generation.suspended_for(), self.share.pause(Instant::now())];
        (!late.is_empty()).then(|| waits.into_iter().flatten().max().unwrap_or(ENTER_AGAIN))
    }

    /// Whether an event may be handled now. One that may not is not lost: the tenant has too many runs at this moment, the plugin is suspended, or the
    /// service has computed more than the manifest's share of the time.
    fn may_run(&self) -> Option<Live> {
        match self.share.pause(Instant::now()) {
            Some(_) => None,
            None => self.generation.begin().ok(),
        }
    }

    /// Answers who asks. False if the service is over.
    async fn answer(&mut self, request: &[u8], reply: oneshot::Sender<Answer>) -> bool {
        if let Some(pause) = self.share.pause(Instant::now()) {
            tokio::time::sleep(pause.min(ASK_PAUSE)).await;
        }
        let answer = match self.generation.enter() {
            Ok(live) => self.call(live, &Call::Answer(request)).await,
            Err(refused) => Err(refused),
        };
        let failed = answer.as_ref().is_err_and(RunError::is_fault_of_guest);
        // Who asked may have given up.
        drop(reply.send(answer));
        !failed || self.restart().await
    }

    /// Hands it an event, numbered so that lost ones leave a gap. False if the service is over.
    async fn handle(&mut self, live: Live, event: Event, handed: &mut u64, events: &Events) -> bool {
        *handed += 1;
        let event = Event { seq: *handed + events.lost.load(Ordering::Relaxed), ..event };
        match self.call(live, &Call::Handle(&event)).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => {
                tracing::info!(plugin = %self.generation.manifest.id, %error, kind = %event.kind, "a service refused an event");
                true
            }
            Err(fault) => !fault.is_fault_of_guest() || self.restart().await,
        }
    }

    /// One message; a fault is remembered.
    async fn call(&mut self, _live: Live, call: &Call<'_>) -> Answer {
        let answer = self.attempt(call).await;
        self.generation.tell_of_failure("", answer.as_ref().err());
        self.generation.finished("service", answer.as_ref().err());
        answer
    }

    async fn attempt(&mut self, call: &Call<'_>) -> Answer {
        let limits = self.generation.limits.clone();
        self.store.data_mut().begin(&limits, self.generation.clone(), Run::Service);
        self.store.set_epoch_deadline(1);
        let services = self.bindings.jackfield_pbx_services();
        let work = async {
            match call {
                Call::Answer(request) => services.call_answer(&mut self.store, request).await,
                Call::Handle(event) => Ok(services.call_handle(&mut self.store, event).await?.map(|()| Vec::new())),
            }
        };
        let limit = self.generation.service_time();
        let mut used = Duration::ZERO;
        let work = metered(self.generation.watch(work), |time| used += time);
        let result = tokio::time::timeout(limit, work).await;
        self.share.used(Instant::now(), used);
        let result = result.map_err(|_| RunError::Deadline { limit })?;
        match result {
            Ok(Ok(answer)) if answer.len() > SERVICE_MESSAGE_BYTES => {
                let detail = format!("an answer of {} bytes: at most {SERVICE_MESSAGE_BYTES}", answer.len());
                Ok(Err(GuestError { code: "limit".into(), detail }))
            }
            Ok(end) => Ok(end.map_err(|error| GuestError { code: error.code, detail: error.detail })),
            Err(error) => Err(self.store.data().explain(&limits, &error)),
        }
    }

    /// A trapped instance is never used again: begin anew, without its state. False if that fails too.
    async fn restart(&mut self) -> bool {
        if let Some(deployment) = self.generation.deployment.upgrade() {
            deployment.end_lines();
        }
        if let Some(pause) = self.generation.suspended_for() {
            tokio::time::sleep(pause).await;
        }
        match Self::start(self.generation.clone(), None).await {
            Ok(anew) => {
                // Its share stays what it was: to trap is no way to a new one.
                let share = std::mem::replace(&mut self.share, Share::new(Instant::now(), 0));
                *self = Self { share, ..anew };
                true
            }
            Err(error) => {
                tracing::error!(plugin = %self.generation.manifest.id, %error, "a service does not start again");
                false
            }
        }
    }

    async fn hand_over(&mut self, by: Arc<Generation>) -> Result<(), String> {
        let limits = self.generation.limits.clone();
        self.store.data_mut().begin(&limits, self.generation.clone(), Run::Service);
        self.store.set_epoch_deadline(1);
        let call = self.bindings.jackfield_pbx_services().call_snapshot(&mut self.store);
        let snapshot = tokio::time::timeout(limits.function_time, self.generation.watch(call))
            .await
            .map_err(|_| format!("snapshot took more than {:?}", limits.function_time))?
            .map_err(|error| format!("snapshot: {error:#}"))?
            .map_err(|refused| format!("snapshot: {}: {}", refused.code, refused.detail))?;
        if snapshot.len() > SNAPSHOT_BYTES {
            return Err(format!("a snapshot of {} bytes: at most {SNAPSHOT_BYTES}", snapshot.len()));
        }
        let next = Self::start(by, Some(&snapshot).filter(|snapshot| !snapshot.is_empty()).map(Vec::as_slice)).await?;
        *self = next;
        Ok(())
    }
}

/// What is to be done next. Events that may not be handled yet keep nobody from asking the service, or from replacing it.
async fn next(inbox: &mut mpsc::Receiver<Message>, wait: Option<Duration>, late: usize) -> Option<Turn> {
    let Some(wait) = wait else { return inbox.recv().await.map(Turn::Message) };
    tokio::select! {
        biased;
        message = inbox.recv(), if late < SERVICE_INBOX => message.map(Turn::Message),
        () = tokio::time::sleep(wait) => Some(Turn::Late),
    }
}

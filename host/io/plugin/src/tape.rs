//! What crosses between one run of an application and the host, in order: recorded while it happens, or given back to a run of the
//! same or another version, which then has to ask the same (F63).
//!
//! A tape stands where the run's two doors are, so that no capability knows of it. Only applications are recorded: their instances are
//! fresh, so that nothing of a former call decides what they do. The instance of a function or of a service has a past.

mod ports;
pub(crate) mod replay;
pub(crate) mod shelf;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use crate::generation::lock;
use crate::limit::{TAPE_BYTES, TAPE_CROSSINGS};
use crate::loader::Digest;
use crate::port::{BoxFuture, CallPort, TenantPort};

/// One recorded run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recording {
    /// The call, as its record names it.
    pub call: String,
    /// When it began: milliseconds since 1970, UTC.
    pub unix_ms: u64,
    /// The plugin.
    pub plugin: String,
    /// The version, as its manifest has it.
    pub version: String,
    /// The component.
    pub component: Digest,
    /// The application.
    pub app: String,
    /// Its arguments.
    pub arguments: String,
    /// The leg it was run on.
    pub leg: u32,
    /// What random numbers of the guest's own libraries came from.
    pub seed: [u8; 32],
    /// What it asked, and what it was told.
    pub crossings: Vec<Crossing>,
    /// The question that it was killed in.
    pub unanswered: Option<String>,
    /// It asked more than is kept: what came later is not known.
    pub cut: bool,
    /// How it ended, as [`crate::AppEnd`] or the fault is told.
    pub end: String,
}

/// A question and its answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Crossing {
    /// What the guest asked of the host, with its arguments.
    pub asked: String,
    /// What it was told. None where that is not to be kept.
    pub answered: Option<Box<RawValue>>,
}

/// Where a run went another way than the recorded one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Departure {
    /// How many questions were the same.
    pub after: usize,
    /// What was asked, or how it ended, when it was recorded.
    pub recorded: String,
    /// The same of this run.
    pub replayed: String,
}

/// What a tenant keeps of its runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keeping {
    /// The newest so many; none unless somebody says so.
    pub runs: usize,
    /// Questions that begin with one of these are kept without their arguments and answers, as in `kv get`.
    pub redact: Vec<String>,
}

/// One run's tape.
pub(crate) struct Tape {
    mode: Mode,
    seed: [u8; 32],
    /// Of a replayed run: the settings of now, for a version that reads what the recorded one did not.
    settings: Arc<BTreeMap<String, String>>,
    reel: Mutex<Reel>,
    /// Told when a replayed run asks what the recorded one did not.
    stopped: Notify,
}

enum Mode {
    Recording(Doors),
    Playing,
}

/// The real doors of a run that is recorded.
struct Doors {
    call: Arc<dyn CallPort>,
    tenant: Arc<dyn TenantPort>,
    redact: Vec<String>,
}

#[derive(Default)]
struct Reel {
    crossings: Vec<Crossing>,
    bytes: usize,
    /// Being asked, not answered yet.
    asking: Option<String>,
    /// The recorded run was killed in this question.
    unanswered: Option<String>,
    cut: bool,
    /// Of a replayed run: the next answer.
    next: usize,
    /// Another version may look at the clock, its settings and its log as it likes: only what it does counts.
    lenient: bool,
    stop: Option<Stop>,
}

/// What a run does that asks nothing more.
const THE_END: &str = "the end";

/// Why a replayed run was stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It asked something else.
    Departed(Departure),
    /// There is no more on the tape, and what there is was the same.
    EndOfTape,
}

/// Questions that do nothing and that no call notices.
fn is_passive(asked: &str) -> bool {
    ["clock", "log ", "random ", "settings"].iter().any(|passive| asked.starts_with(passive))
}

impl Doors {
    /// The beginning of a question of which no more is to be kept.
    fn hidden(&self, asked: &str) -> Option<&str> {
        self.redact.iter().map(String::as_str).find(|hidden| asked.starts_with(hidden))
    }

    /// What of a question may be kept.
    fn shown(&self, asked: &str) -> String {
        self.hidden(asked).unwrap_or(asked).to_owned()
    }
}

impl Reel {
    /// Keeps a crossing while there is room.
    fn push(&mut self, crossing: Crossing) {
        let answered = crossing.answered.as_ref().map_or(0, |answered| answered.get().len());
        let bytes = self.bytes + crossing.asked.len() + answered;
        self.cut |= bytes > TAPE_BYTES || self.crossings.len() >= TAPE_CROSSINGS;
        if !self.cut {
            self.bytes = bytes;
            self.crossings.push(crossing);
        }
    }

    /// The run asks something else: the answer to what it asked before, if it never came, is not known.
    fn give_up(&mut self) {
        if let Some(asked) = self.asking.take() {
            self.push(Crossing { asked, answered: None });
        }
    }

    /// What was answered to this question last, or will be next.
    fn recall<T: DeserializeOwned>(&self, asked: &str) -> Option<T> {
        let (past, future) = self.crossings.split_at(self.next);
        let same = past.iter().rev().chain(future).find(|crossing| crossing.asked == asked)?;
        serde_json::from_str(same.answered.as_ref()?.get()).ok()
    }
}

impl Tape {
    /// Records what crosses these doors.
    pub(crate) fn record(call: Arc<dyn CallPort>, tenant: Arc<dyn TenantPort>, redact: Vec<String>) -> Arc<Self> {
        let mut seed = [0; 32];
        // As every hash map of this process has it: without random numbers there is no going on.
        getrandom::fill(&mut seed).expect("the kernel has random numbers");
        let mode = Mode::Recording(Doors { call, tenant, redact });
        Arc::new(Self { mode, seed, settings: Arc::default(), reel: Mutex::default(), stopped: Notify::new() })
    }

    /// Gives back what was recorded.
    pub(crate) fn play(recording: &Recording, lenient: bool, settings: Arc<BTreeMap<String, String>>) -> Arc<Self> {
        let reel = Reel {
            lenient,
            crossings: recording.crossings.clone(),
            unanswered: recording.unanswered.clone(),
            cut: recording.cut,
            ..Reel::default()
        };
        let mode = Mode::Playing;
        Arc::new(Self { mode, seed: recording.seed, settings, reel: Mutex::new(reel), stopped: Notify::new() })
    }

    /// What random numbers of this purpose come from: the same when it is run again, and one tells nothing of another.
    pub(crate) fn seed_for(&self, purpose: &str) -> [u8; 32] {
        Sha256::new().chain_update(self.seed).chain_update(purpose).finalize().into()
    }

    /// One question of the guest's that may take long.
    pub(crate) fn cross<'a, T>(&'a self, asked: String, live: impl FnOnce() -> BoxFuture<'a, T>) -> BoxFuture<'a, T>
    where
        T: Serialize + DeserializeOwned + Send + 'a,
    {
        match &self.mode {
            Mode::Recording(doors) => {
                self.ask(doors.shown(&asked));
                let answer = live();
                Box::pin(async move {
                    let answer = answer.await;
                    self.answered(doors, asked, &answer);
                    answer
                })
            }
            Mode::Playing => match self.next(asked) {
                Some(answer) => Box::pin(async { answer }),
                None => Box::pin(std::future::pending()),
            },
        }
    }

    /// One question that is answered at once. A replayed run that departs is stopped at its next wait, and is told nothing until then.
    pub(crate) fn cross_now<T>(&self, asked: String, live: impl FnOnce() -> T) -> T
    where
        T: Serialize + DeserializeOwned + Default,
    {
        match &self.mode {
            Mode::Recording(doors) => {
                lock(&self.reel).give_up();
                let answer = live();
                self.answered(doors, asked, &answer);
                answer
            }
            Mode::Playing => self.next(asked).unwrap_or_default(),
        }
    }

    fn doors(&self) -> Option<&Doors> {
        match &self.mode {
            Mode::Recording(doors) => Some(doors),
            Mode::Playing => None,
        }
    }

    /// What is behind the tape; nothing behind a replayed run.
    pub(crate) fn behind(&self) -> Option<(Arc<dyn CallPort>, Arc<dyn TenantPort>)> {
        self.doors().map(|doors| (doors.call.clone(), doors.tenant.clone()))
    }

    fn ask(&self, asked: String) {
        let mut reel = lock(&self.reel);
        reel.give_up();
        reel.asking = Some(asked);
    }

    fn answered<T: Serialize>(&self, doors: &Doors, asked: String, answer: &T) {
        let mut reel = lock(&self.reel);
        reel.asking = None;
        reel.push(match doors.hidden(&asked) {
            Some(hidden) => Crossing { asked: hidden.to_owned(), answered: None },
            // What crosses is strings, numbers and lists of them.
            None => Crossing { asked, answered: to_raw_value(answer).ok() },
        });
    }

    /// What the recorded run was told where this one asks.
    fn next<T: DeserializeOwned>(&self, asked: String) -> Option<T> {
        let mut reel = lock(&self.reel);
        if reel.stop.is_some() {
            return None;
        }
        if reel.lenient && is_passive(&asked) {
            return reel.recall(&asked);
        }
        while reel.lenient && reel.crossings.get(reel.next).is_some_and(|crossing| is_passive(&crossing.asked)) {
            reel.next += 1;
        }
        let after = reel.next;
        let departed = |recorded: String, replayed: String| Stop::Departed(Departure { after, recorded, replayed });
        let stop = match reel.crossings.get(after) {
            Some(Crossing { asked: same, answered: Some(answered) }) if *same == asked => {
                match serde_json::from_str(answered.get()) {
                    Ok(answer) => {
                        reel.next += 1;
                        return Some(answer);
                    }
                    Err(error) => {
                        departed(format!("{same} was told {answered}"), format!("which is no answer: {error}"))
                    }
                }
            }
            Some(Crossing { asked: hidden, answered: None }) if asked.starts_with(hidden.as_str()) => Stop::EndOfTape,
            Some(other) => departed(other.asked.clone(), asked),
            None if reel.cut || reel.unanswered.as_ref().is_some_and(|begun| asked.starts_with(begun)) => {
                Stop::EndOfTape
            }
            None => departed(reel.unanswered.clone().unwrap_or_else(|| THE_END.into()), asked),
        };
        reel.stop = Some(stop);
        self.stopped.notify_one();
        None
    }

    /// Resolves when a replayed run has to be stopped.
    pub(crate) async fn stopped(&self) {
        self.stopped.notified().await;
    }

    /// Of a replayed run: where it departed; how it ended is the caller's to compare.
    pub(crate) fn stop(&self) -> Option<Stop> {
        lock(&self.reel).stop.clone()
    }

    /// Of a replayed run: how many questions were the same.
    pub(crate) fn same(&self) -> usize {
        lock(&self.reel).next
    }

    /// Of a replayed run that ended so: the question that the recorded one asked next.
    pub(crate) fn rest(&self, end: &str) -> Option<Departure> {
        let reel = lock(&self.reel);
        let counts = |crossing: &&Crossing| !(reel.lenient && is_passive(&crossing.asked));
        let next = reel.crossings[reel.next..].iter().find(counts).map(|crossing| &crossing.asked);
        let recorded = next.or(reel.unanswered.as_ref())?;
        Some(Departure { after: reel.next, recorded: recorded.clone(), replayed: end.to_owned() })
    }

    /// What was recorded: the crossings, the question that has no answer, and whether there was more.
    pub(crate) fn take(&self) -> (Vec<Crossing>, Option<String>, bool) {
        let mut reel = lock(&self.reel);
        (std::mem::take(&mut reel.crossings), reel.asking.take(), reel.cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(crossings: &[(&str, &str)]) -> Recording {
        let crossing = |(asked, answered): &(&str, &str)| Crossing {
            asked: (*asked).to_owned(),
            answered: Some(RawValue::from_string((*answered).to_owned()).unwrap()),
        };
        Recording {
            call: String::new(),
            unix_ms: 0,
            plugin: String::new(),
            version: String::new(),
            component: Digest::of(b""),
            app: String::new(),
            arguments: String::new(),
            leg: 0,
            seed: [0; 32],
            crossings: crossings.iter().map(crossing).collect(),
            unanswered: None,
            cut: false,
            end: String::new(),
        }
    }

    /// Another version is held to what it does, and may look at what it likes.
    #[test]
    fn looking_is_no_departure_of_another_version() {
        let recording = recorded(&[("clock", "[5,1]"), ("answer", "1"), ("log Info \"x\"", "null"), ("play", "2")]);
        let tape = Tape::play(&recording, true, Arc::default());
        assert_eq!(tape.cross_now::<u32>("answer".into(), || 0), 1);
        assert_eq!(tape.cross_now::<(u64, u64)>("clock".into(), || (0, 0)), (5, 1), "the time is that of then");
        tape.cross_now::<()>("log Warn \"y\"".into(), || ());
        assert_eq!(tape.cross_now::<u32>("play".into(), || 0), 2);
        assert_eq!((tape.stop(), tape.rest("returned")), (None, None));

        let strict = Tape::play(&recording, false, Arc::default());
        strict.cross_now::<u32>("answer".into(), || 0);
        let departure = Departure { after: 0, recorded: "clock".into(), replayed: "answer".into() };
        assert_eq!(strict.stop(), Some(Stop::Departed(departure)));
    }

    /// After its first departure a run is told nothing more.
    #[test]
    fn the_first_departure_counts() {
        let tape = Tape::play(&recorded(&[("a", "1"), ("b", "2")]), false, Arc::default());
        assert_eq!(tape.cross_now::<u32>("a".into(), || 0), 1);
        tape.cross_now::<u32>("c".into(), || 0);
        tape.cross_now::<u32>("b".into(), || 0);
        let departure = Departure { after: 1, recorded: "b".into(), replayed: "c".into() };
        assert_eq!(tape.stop(), Some(Stop::Departed(departure)));
        let early = Tape::play(&recorded(&[("a", "1")]), false, Arc::default());
        assert_eq!(early.rest("returned").unwrap().recorded, "a", "it ended before it asked");
        let long = Tape::play(&recorded(&[]), false, Arc::default());
        long.cross_now::<u32>("a".into(), || 0);
        assert!(matches!(long.stop(), Some(Stop::Departed(Departure { recorded, .. })) if recorded == THE_END));
    }

    /// A question whose answer nobody waited for is on the tape where it was asked, also before one that is answered at once.
    #[tokio::test]
    async fn what_was_given_up_is_on_the_tape() {
        let behind = Tape::play(&recorded(&[]), false, Arc::default());
        let tape = Tape::record(behind.clone(), behind, vec!["secret".into()]);
        drop(tape.cross::<u32>("http a".into(), || Box::pin(std::future::pending())));
        tape.cross_now::<()>("log gone".into(), || ());
        drop(tape.cross::<u32>("secret b".into(), || Box::pin(std::future::pending())));
        let (crossings, unanswered, _) = tape.take();
        let asked: Vec<(&str, bool)> =
            crossings.iter().map(|crossing| (crossing.asked.as_str(), crossing.answered.is_some())).collect();
        assert_eq!(asked, [("http a", false), ("log gone", true)]);
        assert_eq!(unanswered.as_deref(), Some("secret"));
    }
}

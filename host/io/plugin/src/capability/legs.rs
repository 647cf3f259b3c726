//! `legs`: signalling, playing and digits of the run's own legs.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use call::{Cause, LegId, Outcome, Request};
use wasmtime::component::Resource;

use super::{Options, at_most, invalid, limit, may_not_wait};
use crate::abi::v0_1::app::jackfield::pbx::legs::{Host, HostLeg};
use crate::abi::v0_1::{Error, Event};
use crate::instance::State;
use crate::port::BoxFuture;

/// Prompts in one call.
pub(super) const PROMPTS: usize = 64;
/// Bytes of a prompt.
const PROMPT_BYTES: usize = 256;
/// Digits in one call.
const DIGITS: usize = 64;
/// The longest wait.
const WAIT: Duration = Duration::from_secs(24 * 3600);
/// A background that is over sooner than this is not played again, in milliseconds.
const BACKGROUND_LOOP_MS: u64 = 200;
/// The pause between digits unless given.
const INTER_DIGIT: Duration = Duration::from_secs(3);
const NAME_BYTES: usize = 64;
const VALUE_BYTES: usize = 1_024;

/// What a guest's leg handle stands for. The number is of the run's own call; guests never see it.
#[allow(unreachable_pub, reason = "the generated bindings name it in public positions")]
pub struct Handle(pub(crate) LegId);

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl State {
    /// The leg behind a handle, the host call counted.
    pub(super) fn called_leg(&mut self, leg: &Resource<Handle>) -> wasmtime::Result<LegId> {
        self.enter()?;
        Ok(self.table.get(leg)?.0)
    }

    /// Asks the call for something that may take long: applications only.
    pub(super) async fn wait_for(&mut self, request: Request) -> Result<Outcome, Error> {
        let Some(port) = self.waiting_port().cloned() else { return Err(may_not_wait()) };
        let outcome = match request {
            Request::Wait { .. } | Request::NextEvent { .. } => {
                beside(&mut self.background, port.request(request)).await
            }
            Request::Play { .. }
            | Request::ReadDigits { .. }
            | Request::Record { .. }
            | Request::Echo { .. }
            | Request::Dial { .. } => {
                self.background = None;
                port.request(request).await
            }
            other => port.request(other).await,
        };
        self.resumed();
        Ok(outcome?)
    }

    /// Plays over and over while the guest waits; it is heard from now on.
    async fn play_beside(&mut self, leg: LegId, prompts: Vec<String>) -> Result<(), Error> {
        let Some(mut port) = self.waiting_port().cloned() else { return Err(may_not_wait()) };
        let Some(mut tenant) = self.tenant() else { return Ok(()) };
        if let Some(tape) = self.run.tape() {
            // What is heard meanwhile comes in no order with what the guest asks: on the tape is that it was asked for.
            tape.cross_now(format!("background {leg} {prompts:?}"), || ());
            let Some(behind) = tape.behind() else { return Ok(()) };
            (port, tenant) = behind;
        }
        let mut rounds: BoxFuture<'static, ()> = Box::pin(async move {
            let mut begun = tenant.clock().up_ms;
            let play = || Request::Play { leg, prompts: prompts.clone(), interrupt: String::new() };
            while port.request(play()).await.is_ok() {
                let ended = tenant.clock().up_ms;
                // An empty prompt must not make a loop.
                if ended.saturating_sub(begun) < BACKGROUND_LOOP_MS {
                    break;
                }
                begun = ended;
            }
        });
        // The first round is asked for now, before whatever the guest asks next.
        let begun = poll_fn(|context| Poll::Ready(rounds.as_mut().poll(context))).await;
        self.background = begun.is_pending().then_some(rounds);
        Ok(())
    }

    /// Asks the call for something that is answered at once.
    async fn ask(&mut self, request: Request) -> Result<Outcome, Error> {
        let Some(port) = self.port().cloned() else { return Err(may_not_wait()) };
        let outcome = port.request(request).await;
        self.resumed();
        Ok(outcome?)
    }

    async fn wait_done(&mut self, leg: Resource<Handle>, request: impl FnOnce(LegId) -> Request) -> Answer<()> {
        let leg = self.called_leg(&leg)?;
        Ok(self.wait_for(request(leg)).await.map(drop))
    }
}

/// Awaits an answer and lets the background play on meanwhile; one that is over is not asked again.
async fn beside<T>(background: &mut Option<BoxFuture<'static, ()>>, answer: impl Future<Output = T>) -> T {
    let mut answer = pin!(answer);
    poll_fn(|context| {
        if background.as_mut().is_some_and(|playing| playing.as_mut().poll(context).is_ready()) {
            *background = None;
        }
        answer.as_mut().poll(context)
    })
    .await
}

impl Host for State {}

impl HostLeg for State {
    fn id(&mut self, leg: Resource<Handle>) -> wasmtime::Result<String> {
        Ok(self.called_leg(&leg)?.to_string())
    }

    async fn attribute(&mut self, leg: Resource<Handle>, name: String) -> wasmtime::Result<Option<String>> {
        let leg = self.called_leg(&leg)?;
        if name.len() > NAME_BYTES {
            return Ok(None);
        }
        Ok(match self.ask(Request::Attribute { leg, name }).await {
            Ok(Outcome::Attribute(value)) => value,
            Ok(_) | Err(_) => None,
        })
    }

    async fn set_attribute(&mut self, leg: Resource<Handle>, name: String, value: String) -> Answer<()> {
        let leg = self.called_leg(&leg)?;
        if let Err(error) = at_most(&name, NAME_BYTES, "a name").and_then(|()| at_most(&value, VALUE_BYTES, "a value"))
        {
            return Ok(Err(error));
        }
        Ok(self.ask(Request::SetAttribute { leg, name, value }).await.map(drop))
    }

    async fn ring(&mut self, leg: Resource<Handle>) -> Answer<()> {
        self.wait_done(leg, |leg| Request::Ring { leg }).await
    }

    async fn progress(&mut self, leg: Resource<Handle>) -> Answer<()> {
        self.wait_done(leg, |leg| Request::Progress { leg }).await
    }

    async fn answer(&mut self, leg: Resource<Handle>) -> Answer<()> {
        self.wait_done(leg, |leg| Request::Answer { leg }).await
    }

    async fn hang_up(&mut self, leg: Resource<Handle>, cause: u16) -> wasmtime::Result<()> {
        let leg = self.called_leg(&leg)?;
        // A function may not; there is nobody to tell.
        drop(self.wait_for(Request::HangUp { leg, cause: Cause::from_number(cause) }).await);
        Ok(())
    }

    async fn wait(&mut self, leg: Resource<Handle>, duration: u32) -> Answer<()> {
        let duration = Duration::from_millis(duration.into());
        if duration > WAIT {
            return Ok(Err(invalid("a wait of more than 24 hours")));
        }
        self.wait_done(leg, |leg| Request::Wait { leg, duration }).await
    }

    async fn play(
        &mut self,
        leg: Resource<Handle>,
        prompts: Vec<String>,
        opts: Vec<(String, String)>,
    ) -> Answer<Option<String>> {
        let leg = self.called_leg(&leg)?;
        let interrupt = match play_options(&prompts, &opts) {
            Ok(interrupt) => interrupt,
            Err(error) => return Ok(Err(error)),
        };
        let prompts = match prompts.into_iter().map(|prompt| self.own_prompt(prompt)).collect() {
            Ok(prompts) => prompts,
            Err(error) => return Ok(Err(error)),
        };
        let Some(interrupt) = interrupt else {
            return Ok(self.play_beside(leg, prompts).await.map(|()| None));
        };
        Ok(self.wait_for(Request::Play { leg, prompts, interrupt }).await.map(|outcome| match outcome {
            Outcome::Played { digit } => digit.map(String::from),
            _ => None,
        }))
    }

    async fn read_digits(
        &mut self,
        leg: Resource<Handle>,
        max: u32,
        timeout: u32,
        opts: Vec<(String, String)>,
    ) -> Answer<String> {
        let leg = self.called_leg(&leg)?;
        let own_prompt = |prompt: &str| self.own_prompt(prompt.to_owned());
        let request = match read_options(leg, max, timeout, &opts, own_prompt) {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        Ok(self.wait_for(request).await.map(|outcome| match outcome {
            Outcome::Digits { digits, .. } => digits,
            _ => String::new(),
        }))
    }

    async fn send_digits(&mut self, leg: Resource<Handle>, digits: String) -> Answer<()> {
        if digits.len() > DIGITS {
            return Ok(Err(limit(format!("{} digits: at most {DIGITS}", digits.len()))));
        }
        if let Some(other) = digits.chars().find(|digit| !matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D' | 'w')) {
            return Ok(Err(invalid(format!("{other:?} is not a digit"))));
        }
        self.wait_done(leg, |leg| Request::SendDigits { leg, digits }).await
    }

    async fn echo(&mut self, leg: Resource<Handle>, stop: String) -> Answer<()> {
        if let Err(error) = digits(&stop, "stop") {
            return Ok(Err(error));
        }
        let leg = self.called_leg(&leg)?;
        let until_hang_up = stop.is_empty();
        Ok(match self.wait_for(Request::Echo { leg, stop }).await {
            Err(error) if until_hang_up && error.code == "gone" => Ok(()),
            other => other.map(drop),
        })
    }

    async fn next_event(&mut self, leg: Resource<Handle>, timeout: u32) -> Answer<Option<Event>> {
        let leg = self.called_leg(&leg)?;
        let timeout = Duration::from_millis(timeout.into()).min(WAIT);
        Ok(self.wait_for(Request::NextEvent { leg, timeout }).await.map(|outcome| match outcome {
            Outcome::Event(Some(event)) => Some(Event {
                seq: event.seq,
                kind: event.kind.name().into(),
                source: leg.to_string(),
                data: event.kind.data().into_iter().map(|(name, value)| (name.into(), value)).collect(),
            }),
            _ => None,
        }))
    }

    async fn drop(&mut self, leg: Resource<Handle>) -> wasmtime::Result<()> {
        self.table.delete(leg)?;
        Ok(())
    }
}

fn check_prompts<'a>(count: usize, prompts: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    if count > PROMPTS {
        return Err(limit(format!("{count} prompts: at most {PROMPTS}")));
    }
    for prompt in prompts {
        at_most(prompt, PROMPT_BYTES, "a prompt")?;
        if prompt.is_empty() {
            return Err(invalid("an empty prompt"));
        }
    }
    Ok(())
}

fn digits(text: &str, what: &str) -> Result<(), Error> {
    at_most(text, 16, what)?;
    match text.chars().find(|digit| !matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D')) {
        Some(other) => Err(invalid(format!("{what}: {other:?} is not a digit"))),
        None => Ok(()),
    }
}

/// The digits that stop it; none if it is to play beside the guest.
fn play_options(prompts: &[String], opts: &[(String, String)]) -> Result<Option<String>, Error> {
    check_prompts(prompts.len(), prompts.iter().map(String::as_str))?;
    let options = Options::new(opts, &["interrupt", "background"], None)?;
    let interrupt = options.get("interrupt").unwrap_or_default();
    digits(interrupt, "interrupt")?;
    match options.get("background") {
        None | Some("no") => Ok(Some(interrupt.into())),
        Some("yes") if interrupt.is_empty() => Ok(None),
        Some("yes") => Err(invalid("background and interrupt exclude each other")),
        Some(other) => Err(invalid(format!("background {other:?} is not yes or no"))),
    }
}

fn read_options(
    leg: LegId,
    max: u32,
    timeout: u32,
    opts: &[(String, String)],
    own_prompt: impl Fn(&str) -> Result<String, Error>,
) -> Result<Request, Error> {
    if !(1..=255).contains(&max) {
        return Err(invalid("max is not 1 to 255"));
    }
    let options = Options::new(opts, &["terminators", "inter-digit-ms"], Some("prompt"))?;
    check_prompts(options.repeated.len(), options.repeated.iter().copied())?;
    let terminators = options.get("terminators").unwrap_or("#");
    digits(terminators, "terminators")?;
    Ok(Request::ReadDigits {
        leg,
        max,
        timeout: Duration::from_millis(timeout.into()),
        inter_digit: options.milliseconds("inter-digit-ms")?.unwrap_or(INTER_DIGIT),
        terminators: terminators.into(),
        prompts: options.repeated.iter().map(|prompt| own_prompt(prompt)).collect::<Result<_, _>>()?,
    })
}

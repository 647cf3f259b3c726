//! `Queue(name[,timeout])`: a caller waits, hears where it stands, and talks with a member.

use std::time::Duration;

use jackfield_sdk::{Code, Dial, Error, Leg, Level, Result, log, system};

use crate::setting;
use crate::wire::{Answer, Request, Ticket};

/// How often the service is asked.
const POLL: Duration = Duration::from_secs(1);
/// How long its answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// Questions in a row that get no answer before the caller is let go.
const FAILURES_MAX: u32 = 10;

/// Asks the service.
pub(crate) fn ask(request: &Request) -> Result<Answer> {
    Answer::decode(&system::ask(&request.encode(), ANSWER)?)
}

/// One caller in one queue.
struct Visit<'a> {
    leg: &'a Leg,
    queue: &'a str,
    call: String,
    ticket: Ticket,
    /// When the caller has waited enough.
    until: Option<Duration>,
    announce: Option<Duration>,
    /// When the position is said next.
    announces_at: Duration,
    /// The hold sound is on.
    sounds: bool,
}

/// Leaves `UNKNOWN`, `FULL`, `JOINEMPTY`, `LEAVEEMPTY`, `TIMEOUT`, or `CONTINUE` after a conversation that the member ended, in `QUEUESTATUS`.
pub(crate) fn queue(leg: Leg, arguments: &str) -> Result {
    let mut arguments = arguments.split(',').map(str::trim);
    let queue = arguments.next().unwrap_or_default();
    let timeout = match arguments.next().filter(|timeout| !timeout.is_empty()) {
        None => None,
        Some(seconds) => {
            let seconds =
                seconds.parse().map_err(|_| Error::invalid(format!("timeout {seconds:?} is no number of seconds")))?;
            Some(Duration::from_secs(seconds))
        }
    };
    let call = leg.attribute("call").unwrap_or_else(|| leg.id());
    let begun = system::uptime();
    let status = match ask(&Request::Join { queue: queue.to_owned(), call: call.clone() })? {
        Answer::Joined(ticket) => {
            let announce = setting::announce_ms().map(Duration::from_millis);
            let until = timeout.map(|timeout| begun + timeout);
            let mut visit =
                Visit { leg: &leg, queue, call, ticket, until, announce, announces_at: begun, sounds: false };
            let status = visit.until_served();
            if status.is_err() || status.as_deref() == Ok("TIMEOUT") {
                visit.leave();
            }
            status?
        }
        Answer::Out(status) => status,
        other => return Err(Error::failed(format!("the service answers {other:?} to a new caller"))),
    };
    leg.set_variable("QUEUESTATUS", &status)
}

impl Visit<'_> {
    /// Waits until a member has talked with the caller, or it is over otherwise: QUEUESTATUS.
    fn until_served(&mut self) -> Result<String> {
        self.leg.answer()?;
        let mut failures = 0;
        loop {
            if self.until.is_some_and(|until| until <= system::uptime()) {
                return Ok("TIMEOUT".to_owned());
            }
            match self.next() {
                Ok(Answer::Ring { members, ms }) => {
                    if self.ring(&members, Duration::from_millis(ms))? {
                        return Ok("CONTINUE".to_owned());
                    }
                    // A phone that refuses at once is not asked again at once, whatever `retry` says.
                    self.leg.wait(POLL)?;
                }
                Ok(Answer::Out(status)) => return Ok(status),
                Ok(Answer::Wait { position }) => {
                    failures = 0;
                    self.wait(position)?;
                }
                Ok(other) => return Err(Error::failed(format!("the service answers {other:?}"))),
                // It failed and begins anew, or is overloaded: the place is not lost.
                Err(error) if error.is_gone() || failures >= FAILURES_MAX => return Err(error),
                Err(error) => {
                    failures += 1;
                    log(Level::Warn, &error.to_string());
                    self.leg.wait(POLL)?;
                }
            }
        }
    }

    /// What is to be done now.
    fn next(&self) -> Result<Answer> {
        ask(&Request::Poll { queue: self.queue.to_owned(), call: self.call.clone(), ticket: self.ticket })
    }

    fn wait(&mut self, position: usize) -> Result {
        let now = system::uptime();
        if let Some(announce) = self.announce.filter(|_| self.announces_at <= now) {
            self.announces_at = now + announce;
            self.sounds = false;
            self.say(position)?;
        }
        if !self.sounds {
            self.sounds = true;
            if let Some(sound) = setting::sound() {
                pass_over(self.leg.play_in_background(sound))?;
            }
        }
        let left = self.until.map_or(POLL, |until| until.saturating_sub(system::uptime()));
        self.leg.wait(POLL.min(left))
    }

    fn say(&self, position: usize) -> Result {
        pass_over(self.leg.play("queue/position"))?;
        pass_over(self.leg.run("SayNumber", &position.to_string()))
    }

    /// Whether a member talked with the caller.
    fn ring(&mut self, members: &[String], ring: Duration) -> Result<bool> {
        self.sounds = false;
        let left = self.until.map_or(ring, |until| until.saturating_sub(system::uptime()));
        let dialed = self.leg.dial(Dial::to(members).ring_for(ring.min(left)).ring_tone());
        let status = match dialed {
            Ok(dialed) => dialed.status,
            Err(error) if error.is_gone() => return Err(error),
            Err(error) => {
                log(Level::Error, &format!("{}: {error}", members.join(" ")));
                "FAILED".to_owned()
            }
        };
        let answered = status == "ANSWER";
        let rang = Request::Rang { queue: self.queue.to_owned(), ticket: self.ticket, status };
        if let Err(error) = ask(&rang) {
            log(Level::Warn, &error.to_string());
        }
        Ok(answered)
    }

    /// Tells the service that the caller is gone; it would find out.
    fn leave(&self) {
        let leave = Request::Leave { queue: self.queue.to_owned(), ticket: self.ticket };
        if let Err(error) = ask(&leave) {
            log(Level::Warn, &error.to_string());
        }
    }
}

/// A caller that is gone ends the run; what could not be said is logged.
pub(crate) fn pass_over(said: Result) -> Result {
    match said {
        Err(error) if error.code == Code::Gone => Err(error),
        Err(error) => {
            log(Level::Warn, &error.to_string());
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

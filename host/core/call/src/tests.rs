//! Behaviour of the whole call: inputs in, effects out, as lines of text.

mod attended;
mod blind;
mod dial;
mod hold;
mod life;
mod limit;
mod local;
mod media;
mod property;

use std::time::{Duration, Instant};

use crate::*;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A call, a clock and what the call asked for.
pub(crate) struct Rig {
    pub(crate) call: Call,
    pub(crate) now: Instant,
    next_request: u64,
    pub(crate) cdr: Option<Cdr>,
    pub(crate) handover: Option<AdoptedLeg>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::numbered(1)
    }

    /// The `n`th call of a host.
    pub(crate) fn numbered(n: u128) -> Self {
        let now = some_instant();
        let config = Config { hold_music: vec!["moh".to_owned()], max_duration: None };
        let call = Call::new(now, CallId::from_parts(0, n), TenantId::new("acme").unwrap(), config);
        Self { call, now, next_request: 0, cdr: None, handover: None }
    }

    /// A call of 100 to 200 whose dialplan is asked.
    pub(crate) fn offered() -> Self {
        let mut rig = Self::new();
        rig.offer();
        rig
    }

    pub(crate) fn offer(&mut self) {
        let leg = self.call.allocate_leg();
        let input = Input::LegOffered {
            leg,
            endpoint: Some("100".to_owned()),
            caller: Party::new("Alice", "100"),
            dialed: "200".to_owned(),
            hops: Hops::default(),
        };
        self.tell(input, &[&format!("route {leg} dialed:200")]);
    }

    /// A conversation of 100 (leg 0) with 200 (leg 1), by `Dial` (request 0).
    pub(crate) fn talking() -> Self {
        Self::talking_with(DialOptions::default())
    }

    pub(crate) fn talking_with(options: DialOptions) -> Self {
        let mut rig = Self::offered();
        rig.converse(options);
        rig
    }

    pub(crate) fn converse(&mut self, options: DialOptions) {
        self.dial(&["200"], options);
        self.drain();
        self.located(0, 1);
        self.drain();
        self.answers(1);
        self.drain();
        self.answers(0);
        assert_eq!(self.drain(), [""; 0]);
    }

    /// Puts an input in and compares all that comes out.
    #[track_caller]
    pub(crate) fn tell(&mut self, input: Input, expected: &[&str]) {
        self.put(input);
        self.says(expected);
    }

    pub(crate) fn put(&mut self, input: Input) {
        self.call.handle_input(self.now, input);
    }

    #[track_caller]
    pub(crate) fn says(&mut self, expected: &[&str]) {
        assert_eq!(self.drain(), expected);
    }

    pub(crate) fn drain(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(effect) = self.call.poll_effect() {
            lines.push(render(&effect));
            match effect {
                Effect::Cdr(cdr) => self.cdr = Some(*cdr),
                Effect::Handover { adopted, .. } => self.handover = Some(adopted),
                _ => {}
            }
        }
        lines
    }

    /// Lets time pass, with every time-out at its moment.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.call.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.call.handle_timeout(self.now);
        }
        self.now = end;
    }

    pub(crate) fn ask(&mut self, request: Request) {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.put(Input::Request { id, request });
    }

    pub(crate) fn dial(&mut self, endpoints: &[&str], options: DialOptions) {
        let targets = endpoints.iter().map(|name| Target::Endpoint((*name).to_owned())).collect();
        self.ask(Request::Dial { leg: LegId(0), targets, timeout: 30 * SECOND, options });
    }

    /// Tells the contacts of the target `n` of the first dial.
    pub(crate) fn located(&mut self, target: usize, contacts: u64) {
        let contacts = (0..contacts).map(|key| Contact { uri: format!("sip:{key}"), key }).collect();
        self.put(Input::Located { dial: DialId(0), target, contacts });
    }

    pub(crate) fn rings(&mut self, leg: u32) {
        self.put(Input::LegProgress { leg: LegId(leg), early_media: false });
    }

    pub(crate) fn sounds(&mut self, leg: u32) {
        self.put(Input::LegProgress { leg: LegId(leg), early_media: true });
    }

    pub(crate) fn answers(&mut self, leg: u32) {
        self.put(Input::LegAnswered { leg: LegId(leg) });
    }

    pub(crate) fn ends(&mut self, leg: u32, cause: Cause) {
        self.put(Input::LegEnded { leg: LegId(leg), cause });
    }

    pub(crate) fn run_over(&mut self, leg: u32) {
        self.put(Input::RouteEnded { leg: LegId(leg), cause: None });
    }

    pub(crate) fn key(&mut self, leg: u32, digit: char) {
        self.put(Input::Dtmf { leg: LegId(leg), digit, duration_ms: 100, carrier: Carrier::Media });
    }

    /// Whether nothing is left: the last words were said and no timer runs.
    #[track_caller]
    pub(crate) fn is_clean(&mut self) {
        assert!(self.call.is_finished(), "the call goes on");
        assert_eq!(self.call.poll_timeout(), None);
        assert_eq!(self.drain(), [""; 0]);
    }
}

/// The one place of this crate where a clock is read: tests need some instant to begin with.
#[expect(clippy::disallowed_methods, reason = "an instant can only be had from the clock; tests count from it")]
pub(crate) fn some_instant() -> Instant {
    Instant::now()
}

/// An effect on a line.
pub(crate) fn render(effect: &Effect) -> String {
    let on = |on: bool| if on { "on" } else { "off" };
    match effect {
        Effect::Route { leg, route } => match route {
            Route::Dialed(number) => format!("route {leg} dialed:{number}"),
            Route::Transferred { target, by } => {
                format!("route {leg} transferred:{target} by {}", by.as_deref().unwrap_or("-"))
            }
            Route::Dialplan { exten, context } => format!("route {leg} {exten}@{}", context.as_deref().unwrap_or("-")),
            Route::App { name, arguments } => format!("route {leg} {name}({arguments})"),
        },
        Effect::EndRoute { leg } => format!("end-route {leg}"),
        Effect::Ring { leg } => format!("ring {leg}"),
        Effect::Progress { leg } => format!("progress {leg}"),
        Effect::Answer { leg } => format!("answer {leg}"),
        Effect::Release { leg, cause } => format!("release {leg} {cause}"),
        Effect::Locate { dial, target, endpoint } => format!("locate {dial}.{target} {endpoint}"),
        Effect::Originate { leg, endpoint, contact, caller, .. } => {
            format!("originate {leg} {} {} from {}", endpoint.as_deref().unwrap_or("-"), contact.uri, caller.number)
        }
        Effect::Bridge { a, b } => format!("bridge {a} {b}"),
        Effect::Unbridge { a, b } => format!("unbridge {a} {b}"),
        Effect::Play { leg, play, prompts } => format!("play {leg} p{play} {}", prompts.join(",")),
        Effect::StopPlay { leg, play } => format!("stop-play {leg} p{play}"),
        Effect::RingTone { leg, on: is } => format!("ring-tone {leg} {}", on(*is)),
        Effect::SendDigits { leg, digits } => format!("send-digits {leg} {digits}"),
        Effect::RelayDigit { leg, digit, .. } => format!("relay-digit {leg} {digit}"),
        Effect::StartRecord { leg, blob, quota, max_ms, .. } => {
            format!(
                "start-record {leg} {blob} {max_ms}{}",
                quota.map(|bytes| format!(" within {bytes}")).unwrap_or_default()
            )
        }
        Effect::StopRecord { leg } => format!("stop-record {leg}"),
        Effect::Echo { leg, on: is } => format!("echo {leg} {}", on(*is)),
        Effect::Hold { leg, held } => format!("hold {leg} {}", on(*held)),
        Effect::TransferResult { leg, result } => format!("transfer {leg} {result:?}"),
        Effect::Handover { leg, to, replaces, .. } => format!("handover {leg} to {}/{replaces}", to.as_u128()),
        Effect::Adopted { from: (call, leg), as_leg } => {
            format!("adopted {}/{leg} as {}", call.as_u128(), as_leg.map_or("-".to_owned(), |leg| leg.to_string()))
        }
        Effect::Forward { to, input } => format!("forward to {}: {input:?}", to.as_u128()),
        Effect::Reply { id, result } => format!("reply {id} {}", render_result(result)),
        Effect::Cdr(cdr) => format!("cdr {:?}", cdr.disposition),
        Effect::Finished => "finished".to_owned(),
    }
}

fn render_result(result: &Result<Outcome, RequestError>) -> String {
    match result {
        Ok(Outcome::Done) => "done".to_owned(),
        Ok(Outcome::Played { digit }) => format!("played {}", digit.unwrap_or('-')),
        Ok(Outcome::Digits { digits, terminator }) => format!("digits {digits:?} {}", terminator.unwrap_or('-')),
        Ok(Outcome::Recorded { blob, duration_ms, ended }) => format!("recorded {blob} {duration_ms} {ended:?}"),
        Ok(Outcome::Event(None)) => "no event".to_owned(),
        Ok(Outcome::Event(Some(event))) => format!("event {} {}", event.seq, event.kind.name()),
        Ok(Outcome::Attribute(value)) => format!("attribute {value:?}"),
        Ok(Outcome::Dialed { status, cause, answered_by, answered_ms, go_on, .. }) => format!(
            "dialed {status} {cause} by {} {answered_ms}ms {}",
            answered_by.map_or("-".to_owned(), |leg| leg.to_string()),
            if *go_on { "go on" } else { "leave" }
        ),
        Ok(Outcome::Originated { leg }) => format!("originated {leg}"),
        Err(error) => format!("error {}", error.code()),
    }
}

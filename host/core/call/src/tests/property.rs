//! Random orders of legal and illegal inputs (A11): whatever comes, the promises of the crate hold.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// What happens at random. Legs are picked among the live ones mostly, see [`World::pick`].
#[derive(Clone, Debug)]
enum Step {
    Tell(Told),
    Ask(Asked),
    /// Milliseconds go by, time-outs included.
    Pass(u64),
    /// The oldest run ends.
    EndRun(Option<u16>),
    /// The oldest question for contacts is answered.
    Locate(u64),
    /// The oldest handover is answered.
    HandOver(bool),
    Withdraw(u64),
}

#[derive(Clone, Debug)]
enum Told {
    Offered,
    Progress(u32, bool),
    Answered(u32),
    Ended(u32, u16),
    Redirected(u32, u8),
    Held(u32, bool),
    Blind(u32),
    Attended(u32, u32, bool),
    Replaced(u32),
    Adopted(u32, bool),
    HandedOver(u32, Option<u32>),
    Key(u32, char),
    PlayEnded(u32, u32),
    PlayFailed(u32, u32),
    DigitsSent(u32),
    RecordEnded(u32, bool),
    MediaTimeout(u32),
    Located(u32, usize, u64),
    RouteEnded(u32),
    Abort,
}

#[derive(Clone, Debug)]
enum Asked {
    Simple(u32, u8),
    Play(u32, bool),
    Read(u32),
    Record(u32, bool),
    NextEvent(u32, u64),
    Dial(u32, u8, u8),
    Originate(Option<u32>, u8, u8),
    Bridge(u32, u32),
}

fn leg() -> impl Strategy<Value = u32> {
    // Below 100 a live leg, else any number.
    prop_oneof![12 => 0..7_u32, 1 => 100..107_u32]
}

fn told() -> impl Strategy<Value = Told> {
    prop_oneof![
        1 => Just(Told::Offered),
        6 => (leg(), any::<bool>()).prop_map(|(leg, early)| Told::Progress(leg, early)),
        10 => leg().prop_map(Told::Answered),
        2 => (leg(), 1..128_u16).prop_map(|(leg, cause)| Told::Ended(leg, cause)),
        1 => (leg(), 0..3_u8).prop_map(|(leg, targets)| Told::Redirected(leg, targets)),
        4 => (leg(), any::<bool>()).prop_map(|(leg, held)| Told::Held(leg, held)),
        2 => leg().prop_map(Told::Blind),
        3 => (leg(), leg(), any::<bool>()).prop_map(|(leg, other, here)| Told::Attended(leg, other, here)),
        1 => leg().prop_map(Told::Replaced),
        1 => (leg(), any::<bool>()).prop_map(|(leg, held)| Told::Adopted(leg, held)),
        1 => (leg(), proptest::option::of(leg())).prop_map(|(leg, taken)| Told::HandedOver(leg, taken)),
        5 => (leg(), proptest::sample::select(vec!['1', '#', '*', 'x'])).prop_map(|(leg, key)| Told::Key(leg, key)),
        6 => (leg(), 0..6_u32).prop_map(|(leg, play)| Told::PlayEnded(leg, play)),
        2 => (leg(), 0..6_u32).prop_map(|(leg, play)| Told::PlayFailed(leg, play)),
        1 => leg().prop_map(Told::DigitsSent),
        2 => (leg(), any::<bool>()).prop_map(|(leg, stored)| Told::RecordEnded(leg, stored)),
        1 => leg().prop_map(Told::MediaTimeout),
        2 => (0..4_u32, 0..3_usize, 0..3_u64).prop_map(|(dial, target, n)| Told::Located(dial, target, n)),
        1 => leg().prop_map(Told::RouteEnded),
        // Seldom, or nothing else is ever seen.
        1 => (0..40_u8).prop_map(|n| if n == 0 { Told::Abort } else { Told::Answered(0) }),
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    prop_oneof![
        10 => (leg(), 0..10_u8).prop_map(|(leg, which)| Asked::Simple(leg, which)),
        3 => (leg(), any::<bool>()).prop_map(|(leg, interrupt)| Asked::Play(leg, interrupt)),
        3 => leg().prop_map(Asked::Read),
        3 => (leg(), any::<bool>()).prop_map(|(leg, beep)| Asked::Record(leg, beep)),
        3 => (leg(), 0..5000_u64).prop_map(|(leg, ms)| Asked::NextEvent(leg, ms)),
        8 => (leg(), 0..8_u8, any::<u8>()).prop_map(|(leg, targets, options)| Asked::Dial(leg, targets, options)),
        3 => (proptest::option::of(leg()), 1..8_u8, any::<u8>()).prop_map(|(o, t, then)| Asked::Originate(o, t, then)),
        4 => (leg(), leg()).prop_map(|(a, b)| Asked::Bridge(a, b)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => told().prop_map(Step::Tell),
        16 => asked().prop_map(Step::Ask),
        4 => prop_oneof![9 => 0..3000_u64, 1 => 0..40_000_u64].prop_map(Step::Pass),
        1 => proptest::option::of(1..128_u16).prop_map(Step::EndRun),
        8 => (0..4_u64).prop_map(Step::Locate),
        3 => any::<bool>().prop_map(Step::HandOver),
        1 => (0..40_u64).prop_map(Step::Withdraw),
    ]
}

/// The owner of a call, which checks what it is asked to do.
#[derive(Default)]
struct Owner {
    known: BTreeSet<LegId>,
    released: BTreeSet<LegId>,
    moving: Vec<LegId>,
    moved: BTreeSet<LegId>,
    running: Vec<LegId>,
    bridges: BTreeMap<LegId, LegId>,
    tones: BTreeSet<LegId>,
    locating: Vec<(DialId, usize)>,
    replies: BTreeMap<RequestId, u32>,
    cdrs: u32,
    finished: u32,
}

impl Owner {
    #[track_caller]
    fn live(&self, leg: LegId, effect: &str) {
        assert!(self.known.contains(&leg), "{effect}: an unknown leg");
        assert!(!self.released.contains(&leg), "{effect}: the leg is released");
        assert!(!self.moved.contains(&leg) && !self.moving.contains(&leg), "{effect}: the leg is not here");
    }

    fn does(&mut self, effect: Effect) {
        let text = render(&effect);
        match effect {
            Effect::Route { leg, .. } => {
                self.known.insert(leg);
                self.live(leg, &text);
                assert!(!self.running.contains(&leg), "{text}: a second run");
                self.running.push(leg);
            }
            Effect::EndRoute { leg } => assert!(self.running.contains(&leg), "{text}: nothing runs"),
            Effect::Originate { leg, .. } => assert!(self.known.insert(leg), "{text}: a number twice"),
            Effect::Release { leg, .. } => {
                self.known.insert(leg);
                assert!(self.released.insert(leg), "{text}: twice");
                assert!(!self.moved.contains(&leg), "{text}: it moved away");
                assert!(!self.bridges.contains_key(&leg), "{text}: still in a bridge");
            }
            Effect::Bridge { a, b } => {
                self.live(a, &text);
                self.live(b, &text);
                assert!(!self.tones.contains(&a) && !self.tones.contains(&b), "{text}: a ring tone sounds");
                assert_eq!(self.bridges.insert(a, b), None, "{text}");
                assert_eq!(self.bridges.insert(b, a), None, "{text}");
            }
            Effect::Unbridge { a, b } => {
                assert_eq!(self.bridges.remove(&a), Some(b), "{text}");
                assert_eq!(self.bridges.remove(&b), Some(a), "{text}");
            }
            Effect::RingTone { leg, on } => {
                self.live(leg, &text);
                assert_eq!(on, if on { self.tones.insert(leg) } else { !self.tones.remove(&leg) }, "{text}");
            }
            Effect::RelayDigit { leg, .. } => assert!(self.bridges.contains_key(&leg), "{text}: nobody hears it"),
            Effect::Handover { leg, .. } => {
                self.live(leg, &text);
                assert!(!self.bridges.contains_key(&leg), "{text}: still in a bridge");
                self.moving.push(leg);
            }
            Effect::Adopted { as_leg: Some(leg), .. } => assert!(self.known.insert(leg), "{text}"),
            Effect::Ring { leg }
            | Effect::Progress { leg }
            | Effect::Answer { leg }
            | Effect::Play { leg, .. }
            | Effect::SendDigits { leg, .. }
            | Effect::StartRecord { leg, .. }
            | Effect::Hold { leg, .. }
            | Effect::Echo { leg, on: true } => self.live(leg, &text),
            Effect::StopPlay { .. } | Effect::StopRecord { .. } | Effect::Echo { .. } | Effect::Forward { .. } => {}
            Effect::TransferResult { .. } | Effect::Adopted { .. } => {}
            Effect::Locate { dial, target, .. } => self.locating.push((dial, target)),
            Effect::Reply { id, .. } => *self.replies.entry(id).or_default() += 1,
            Effect::Cdr(cdr) => {
                self.cdrs += 1;
                serde_json::to_string(&cdr).expect("a record can be written");
            }
            Effect::Finished => {
                self.finished += 1;
                assert_eq!(self.cdrs, 1, "the record comes before the end");
            }
        }
    }
}

struct World {
    call: Call,
    owner: Owner,
    now: Instant,
    asked: u64,
}

impl World {
    /// The leg that a random number means.
    fn pick(&self, number: u32) -> LegId {
        let live: Vec<LegId> = self.owner.known.difference(&self.owner.released).copied().collect();
        match number.checked_sub(100) {
            Some(any) => LegId(any),
            None if live.is_empty() => LegId(number),
            None => live[number as usize % live.len()],
        }
    }

    fn put(&mut self, input: Input) {
        self.call.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(effect) = self.call.poll_effect() {
            self.owner.does(effect);
        }
        if let Some(at) = self.call.poll_timeout() {
            assert!(at >= self.now, "time-outs in the past: {:?}", self.now - at);
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut rounds = 0;
        while let Some(at) = self.call.poll_timeout().filter(|at| *at <= end) {
            rounds += 1;
            assert!(rounds < 1000, "time-outs without end");
            self.now = self.now.max(at);
            self.call.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn ask(&mut self, request: Request) {
        let id = RequestId(self.asked);
        self.asked += 1;
        self.put(Input::Request { id, request });
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Tell(told) => self.tell(told),
            Step::Ask(asked) => self.ask(self.request(asked)),
            Step::Pass(ms) => self.pass(Duration::from_millis(ms)),
            Step::EndRun(cause) if !self.owner.running.is_empty() => {
                let leg = self.owner.running.remove(0);
                self.put(Input::RouteEnded { leg, cause: cause.map(Cause::from_number) });
            }
            Step::Locate(n) if !self.owner.locating.is_empty() => {
                let (dial, target) = self.owner.locating.remove(0);
                self.put(Input::Located { dial, target, contacts: contacts(n) });
            }
            Step::HandOver(taken) if !self.owner.moving.is_empty() => {
                let leg = self.owner.moving.remove(0);
                self.put_handed_over(leg, taken.then_some(LegId(70)));
            }
            Step::Withdraw(id) => self.put(Input::Withdraw { id: RequestId(id) }),
            Step::EndRun(_) | Step::Locate(_) | Step::HandOver(_) => {}
        }
    }

    fn put_handed_over(&mut self, leg: LegId, as_leg: Option<LegId>) {
        self.owner.moving.retain(|moving| *moving != leg);
        if as_leg.is_some() && !self.owner.released.contains(&leg) {
            self.owner.moved.insert(leg);
        }
        self.put(Input::HandedOver { leg, as_leg });
    }

    fn tell(&mut self, told: Told) {
        let party = Party::new("x", "100");
        let input = match told {
            Told::Offered => {
                let leg = self.call.allocate_leg();
                let endpoint = Some("100".to_owned());
                Input::LegOffered { leg, endpoint, caller: party, dialed: "1".to_owned(), hops: Hops::default() }
            }
            Told::Progress(leg, early_media) => Input::LegProgress { leg: self.pick(leg), early_media },
            Told::Answered(leg) => Input::LegAnswered { leg: self.pick(leg) },
            Told::Ended(leg, cause) => Input::LegEnded { leg: self.pick(leg), cause: Cause::from_number(cause) },
            Told::Redirected(leg, n) => Input::LegRedirected { leg: self.pick(leg), targets: targets(n) },
            Told::Held(leg, held) => Input::LegHeld { leg: self.pick(leg), held },
            Told::Blind(leg) => {
                Input::LegTransfer { leg: self.pick(leg), transfer: Transfer::Blind { target: "3".to_owned() } }
            }
            Told::Attended(leg, other, here) => {
                let replaces = (CallId::from_parts(0, if here { 1 } else { 2 }), self.pick(other));
                Input::LegTransfer {
                    leg: self.pick(leg),
                    transfer: Transfer::Attended { target: String::new(), replaces },
                }
            }
            Told::Replaced(replaced) => {
                let leg = self.call.allocate_leg();
                self.owner.known.insert(leg);
                Input::LegReplaced { replaced: self.pick(replaced), leg, endpoint: None, caller: party }
            }
            Told::Adopted(replaces, held) => {
                let leg = self.call.allocate_leg();
                let endpoint = Some("100".to_owned());
                let adopted = AdoptedLeg {
                    transferor: endpoint.clone(),
                    endpoint,
                    party,
                    inbound: held,
                    held,
                    hops: Hops::default(),
                    codec: String::new(),
                    attributes: Vec::new(),
                };
                let from = (CallId::from_parts(0, 2), LegId(0));
                Input::LegAdopted { leg, from, replaces: self.pick(replaces), adopted }
            }
            // Answers to questions that were never asked must do nothing.
            Told::HandedOver(leg, as_leg) if !self.owner.moving.contains(&self.pick(leg)) => {
                Input::HandedOver { leg: self.pick(leg), as_leg: as_leg.map(LegId) }
            }
            Told::RouteEnded(leg) if !self.owner.running.contains(&self.pick(leg)) => {
                Input::RouteEnded { leg: self.pick(leg), cause: None }
            }
            Told::HandedOver(..) | Told::RouteEnded(_) => return,
            Told::Key(leg, digit) => {
                Input::Dtmf { leg: self.pick(leg), digit, duration_ms: 80, carrier: Carrier::Signalling }
            }
            Told::PlayEnded(leg, play) => Input::PlayEnded { leg: self.pick(leg), play: PlayId(play) },
            Told::PlayFailed(leg, play) => {
                Input::PlayFailed { leg: self.pick(leg), play: PlayId(play), prompt: "hello".to_owned() }
            }
            Told::DigitsSent(leg) => Input::DigitsSent { leg: self.pick(leg) },
            Told::RecordEnded(leg, stored) => Input::RecordEnded {
                leg: self.pick(leg),
                blob: "b".to_owned(),
                stored: stored.then_some(1).ok_or(RequestError::Limit),
                silence: stored,
            },
            Told::MediaTimeout(leg) => Input::MediaTimeout { leg: self.pick(leg) },
            Told::Located(dial, target, n) => Input::Located { dial: DialId(dial), target, contacts: contacts(n) },
            Told::Abort => {
                self.owner.moving.clear();
                Input::Abort { cause: Cause::NORMAL_TEMPORARY_FAILURE }
            }
        };
        self.put(input);
    }

    fn request(&self, asked: Asked) -> Request {
        let text = |text: &str| text.to_owned();
        match asked {
            Asked::Simple(leg, which) => simple(self.pick(leg), which),
            Asked::Play(leg, interrupt) => Request::Play {
                leg: self.pick(leg),
                prompts: vec![text("p")],
                interrupt: text(if interrupt { "1" } else { "" }),
            },
            Asked::Read(leg) => Request::ReadDigits {
                leg: self.pick(leg),
                max: 2,
                timeout: SECOND,
                inter_digit: SECOND,
                terminators: text("#"),
                prompts: vec![text("p")],
            },
            Asked::Record(leg, beep) => Request::Record {
                leg: self.pick(leg),
                blob: text("b"),
                quota: None,
                max: 9 * SECOND,
                silence: None,
                terminators: text("#"),
                beep,
            },
            Asked::NextEvent(leg, ms) => Request::NextEvent { leg: self.pick(leg), timeout: Duration::from_millis(ms) },
            Asked::Dial(leg, n, bits) => {
                let options = DialOptions {
                    ringback: match bits % 3 {
                        0 => Ringback::Network,
                        1 => Ringback::Tone,
                        _ => Ringback::Music(None),
                    },
                    go_on: bits & 4 != 0,
                    caller_may_hang_up: bits & 8 != 0,
                    callee_may_hang_up: bits & 16 != 0,
                    limit: (bits & 32 != 0).then_some(20 * SECOND),
                    ..DialOptions::default()
                };
                Request::Dial { leg: self.pick(leg), targets: targets(n), timeout: 30 * SECOND, options }
            }
            Asked::Originate(owner, n, then) => Request::Originate {
                on_behalf_of: owner.map(|owner| self.pick(owner)),
                targets: targets(n),
                caller: Party::default(),
                timeout: 10 * SECOND,
                then: match then % 3 {
                    0 => Then::Nothing,
                    1 => Then::Dialplan { exten: text("1"), context: None },
                    _ => Then::App { name: text("Echo"), arguments: String::new() },
                },
            },
            Asked::Bridge(a, b) => Request::Bridge { a: self.pick(a), b: self.pick(b) },
        }
    }

    /// Ends whatever still goes on, and sees that nothing is left.
    fn end(mut self) {
        while let Some(leg) = self.owner.moving.first().copied() {
            self.put_handed_over(leg, None);
        }
        for leg in self.owner.known.clone() {
            self.put(Input::LegEnded { leg, cause: Cause::NORMAL_CLEARING });
        }
        while !self.owner.running.is_empty() {
            let leg = self.owner.running.remove(0);
            self.put(Input::RouteEnded { leg, cause: None });
        }
        self.pass(2 * crate::limit::CALL);
        assert!(self.call.is_finished());
        assert_eq!(self.call.poll_timeout(), None);
        assert_eq!((self.owner.cdrs, self.owner.finished), (1, 1));
        for id in 0..self.asked {
            assert_eq!(self.owner.replies.get(&RequestId(id)), Some(&1), "request {id}");
        }
        let over: BTreeSet<LegId> = self.owner.released.union(&self.owner.moved).copied().collect();
        assert_eq!(over, self.owner.known, "every leg was released or moved");
        assert!(self.owner.bridges.is_empty());
    }
}

fn contacts(n: u64) -> Vec<Contact> {
    (0..n).map(|key| Contact { uri: "sip:x".to_owned(), key }).collect()
}

fn targets(n: u8) -> Vec<Target> {
    let all = [
        Target::Endpoint("200".to_owned()),
        Target::Uri("sip:200@b.test".to_owned()),
        Target::Local { exten: "9".to_owned(), context: "c".to_owned() },
    ];
    all.into_iter().enumerate().filter(|(at, _)| n & (1 << at) != 0).map(|(_, target)| target).collect()
}

fn simple(leg: LegId, which: u8) -> Request {
    match which {
        0 => Request::Ring { leg },
        1 => Request::Progress { leg },
        2 | 3 => Request::Answer { leg },
        4 => Request::HangUp { leg, cause: Cause::NORMAL_CLEARING },
        5 => Request::Wait { leg, duration: SECOND },
        6 => Request::SendDigits { leg, digits: "12".to_owned() },
        7 => Request::Echo { leg, stop: "*".to_owned() },
        8 => Request::Unbridge { leg },
        _ => Request::Transfer { leg, target: "5".to_owned() },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// Never a panic; each request answered once; each leg released once; the record once, the end once, no timer left.
    #[test]
    fn the_promises_hold_in_any_order(prelude: bool, steps in proptest::collection::vec(step(), 1..120)) {
        let now = some_instant();
        let config = Config { hold_music: vec!["moh".to_owned()], max_duration: None };
        let call = Call::new(now, CallId::from_parts(0, 1), TenantId::new("acme").unwrap(), config);
        let mut world = World { call, owner: Owner::default(), now, asked: 0 };
        world.tell(Told::Offered);
        if prelude {
            // Half of the runs begin in a conversation.
            let targets = vec![Target::Uri("sip:200@b.test".to_owned())];
            world.ask(Request::Dial { leg: LegId(0), targets, timeout: SECOND, options: DialOptions::default() });
            world.put(Input::LegAnswered { leg: LegId(1) });
            world.put(Input::LegAnswered { leg: LegId(0) });
        }
        for step in steps {
            world.run(step);
        }
        world.end();
    }
}

//! The queue without a host: decisions of the desk, runs of the applications against the service itself.

use std::cell::RefCell;
use std::rc::Rc;

use jackfield_sdk::{Error, Event, Service, strategy};
use jackfield_testkit::Fake;

use crate::agent::{login, logout};
use crate::caller::queue;
use crate::desk::{Candidate, Desk, SETTLE_MS, choose_simply};
use crate::service::Queues;
use crate::setting::{self, Queue};
use crate::snapshot;
use crate::wire::{Answer, Request, Ticket};

const QUEUES: &str = "sales 101 102 103; support 103 strategy=in-order ring=20 wrap-up=7";

fn fake() -> Fake {
    Fake::new().config("queues", QUEUES).attribute("call", "c1").application("SayNumber", Ok(()))
}

fn sales() -> Queue {
    fake().run(|_| setting::queue("sales")).expect("it is set")
}

/// A desk with its queue and phones that all rest.
struct Shop {
    desk: Desk,
    queue: Queue,
    busy: Vec<&'static str>,
    now: u64,
}

impl Shop {
    fn new(queue: Queue) -> Self {
        Self { desk: Desk::default(), queue, busy: Vec::new(), now: 1_000 }
    }

    fn join(&mut self, call: &str) -> Ticket {
        self.now += 1;
        let busy = self.busy.clone();
        match self.desk.join(self.now, &self.queue, &self.queue.members, call.into(), &|name| device(&busy, name)) {
            Answer::Joined(ticket) => ticket,
            other => panic!("{other:?}"),
        }
    }

    fn poll(&mut self, ticket: Ticket, call: &str) -> Answer {
        self.now += 1_000;
        let busy = self.busy.clone();
        let (queue, members) = (&self.queue, &self.queue.members);
        self.desk.poll(self.now, (queue, members), (ticket, call), &|name| device(&busy, name), &choose_simply)
    }

    fn rings(&mut self, ticket: Ticket, call: &str) -> Vec<String> {
        match self.poll(ticket, call) {
            Answer::Ring { members, .. } => members,
            other => panic!("{other:?}"),
        }
    }
}

fn device(busy: &[&str], name: &str) -> Option<String> {
    Some(if busy.contains(&name) { "busy" } else { "idle" }.to_owned())
}

#[test]
fn settings_are_read_with_what_a_queue_overrides() {
    let support = fake().config("retry-seconds", "9").run(|_| setting::queue("support")).expect("it is set");
    assert_eq!((support.ring_ms, support.retry_ms, support.wrap_up_ms), (20_000, 9_000, 7_000));
    assert_eq!((support.strategy.as_str(), &support.members[..]), ("in-order", &["103".to_owned()][..]));
    assert_eq!(sales().members, ["101", "102", "103"]);
    let odd = fake().config("queues", "; sip:x@y 101;ok local:1@x 104,\n@ 105;ok2 ring=9999");
    let names: Vec<String> = odd.run(|_| setting::queues().into_iter().map(|queue| queue.name).collect());
    assert_eq!(names, ["ok", "ok2"]);
    let queue = |name| odd.run(|_| setting::queue(name)).expect("it is set");
    assert_eq!((&queue("ok").members[..], queue("ok").ring_ms), (&["104".to_owned()][..], 15_000));
    assert_eq!(queue("ok2").ring_ms, 120_000, "within its bounds");
}

#[test]
fn callers_are_served_in_the_order_they_came() {
    let mut shop = Shop::new(sales());
    shop.busy = vec!["101", "102", "103"];
    let (first, second) = (shop.join("a"), shop.join("b"));
    assert_eq!(shop.poll(second, "b"), Answer::Wait { position: 2 });
    assert_eq!(shop.poll(first, "a"), Answer::Wait { position: 1 });
    shop.busy = vec!["101", "103"];
    assert_eq!(shop.poll(second, "b"), Answer::Wait { position: 2 }, "whoever asks first");
    assert_eq!(shop.rings(first, "a"), ["102"]);
    // While the first rings it is the second's turn, but no member is left.
    assert_eq!(shop.poll(second, "b"), Answer::Wait { position: 1 });
    shop.busy = vec!["103"];
    assert_eq!(shop.rings(second, "b"), ["101"]);
}

#[test]
fn all_ring_and_who_did_not_answer_is_free_for_the_next() {
    let mut shop = Shop::new(sales());
    let (first, second) = (shop.join("a"), shop.join("b"));
    assert_eq!(shop.rings(first, "a"), ["101", "102", "103"]);
    assert_eq!(shop.poll(second, "b"), Answer::Wait { position: 1 });
    assert_eq!(shop.desk.answered(shop.now, "another", "102"), None);
    assert_eq!(shop.desk.answered(shop.now, "a", "109"), None, "a phone that rings for another reason");
    assert_eq!(shop.desk.answered(shop.now, "a", "102").as_deref(), Some("sales"));
    shop.busy = vec!["102"];
    assert_eq!(shop.rings(second, "b"), ["101", "103"]);
}

#[test]
fn a_member_that_declines_is_left_alone_for_a_while() {
    let mut shop = Shop::new(Queue { members: vec!["101".into()], ..sales() });
    let first = shop.join("a");
    assert_eq!(shop.rings(first, "a"), ["101"]);
    assert!(!shop.desk.rang(shop.now, &shop.queue, first, "BUSY"));
    for _ in 0..4 {
        assert_eq!(shop.poll(first, "a"), Answer::Wait { position: 1 });
    }
    assert_eq!(shop.rings(first, "a"), ["101"], "five seconds are over");
}

#[test]
fn a_member_has_a_while_to_wrap_up() {
    let mut shop = Shop::new(Queue { members: vec!["101".into()], wrap_up_ms: 3_000, ..sales() });
    let (first, second) = (shop.join("a"), shop.join("b"));
    shop.rings(first, "a");
    shop.desk.answered(shop.now, "a", "101");
    assert!(shop.desk.rang(shop.now, &shop.queue, first, "ANSWER"));
    assert_eq!(shop.desk.place_of("a"), None);
    assert_eq!(shop.poll(second, "b"), Answer::Wait { position: 1 });
    assert_eq!(shop.poll(second, "b"), Answer::Wait { position: 1 });
    assert_eq!(shop.rings(second, "b"), ["101"]);
    let member = &shop.desk.members["101"];
    assert_eq!(member.calls, 1);
}

#[test]
fn who_is_gone_does_not_hold_up_the_others() {
    let mut shop = Shop::new(sales());
    shop.busy = vec!["101", "102", "103"];
    let (first, second, third) = (shop.join("a"), shop.join("b"), shop.join("c"));
    assert_eq!(shop.poll(third, "c"), Answer::Wait { position: 3 });
    shop.desk.leave(shop.now, "sales", second, 0);
    assert_eq!(shop.poll(third, "c"), Answer::Wait { position: 2 });
    // One whose run failed is not heard of any more, and so gone after ten seconds.
    for _ in 0..9 {
        shop.poll(third, "c");
    }
    assert_eq!(shop.poll(third, "c"), Answer::Wait { position: 1 });
    assert_eq!(shop.poll(first, "a"), Answer::Wait { position: 1 }, "it was there all the same: its place is its own");
}

#[test]
fn full_and_empty_queues_take_nobody() {
    let mut shop = Shop::new(Queue { callers: 1, ..sales() });
    shop.join("a");
    let at = |desk: &mut Desk, queue: &Queue, device: &str| {
        desk.join(5_000, queue, &queue.members, "b".into(), &|_| Some(device.to_owned()))
    };
    assert_eq!(at(&mut shop.desk, &shop.queue, "idle"), Answer::Out("FULL".into()));
    let roomy = Queue { callers: 9, ..sales() };
    assert_eq!(at(&mut shop.desk, &roomy, "unregistered"), Answer::Out("JOINEMPTY".into()));
    assert!(matches!(at(&mut shop.desk, &roomy, "busy"), Answer::Joined(_)), "busy is not empty");
    let patient = Queue { leave_when_empty: false, ..roomy.clone() };
    let Answer::Joined(ticket) = at(&mut shop.desk, &patient, "unregistered") else { panic!("it waits") };
    let gone = &|_: &str| Some("unregistered".to_owned());
    let poll =
        |desk: &mut Desk, queue: &Queue| desk.poll(6_000, (queue, &queue.members), (ticket, "b"), gone, &choose_simply);
    assert!(matches!(poll(&mut shop.desk, &patient), Answer::Wait { .. }));
    assert_eq!(poll(&mut shop.desk, &roomy), Answer::Out("LEAVEEMPTY".into()));
    assert_eq!(shop.desk.place_of("b").map(|(_, known)| known == ticket), Some(false), "only the other b is left");
}

/// The version that replaces this one knows everything; one that failed learns the places from the callers.
#[test]
fn the_order_outlives_the_service() {
    let mut shop = Shop::new(sales());
    let (first, second, third) = (shop.join("a"), shop.join("b"), shop.join("c"));
    shop.rings(first, "a");
    shop.desk.answered(shop.now, "a", "101");
    shop.rings(second, "b");
    shop.poll(third, "c");
    shop.desk.leave(shop.now, "sales", first, 500);
    let read = Fake::new().run(|_| snapshot::read(&snapshot::write(&shop.desk)));
    assert_eq!(read.as_ref(), Some(&shop.desk));
    assert_eq!(snapshot::read(b"app-queue 2\nnew"), None);

    let mut shop = Shop { desk: Desk { settled_at: shop.now + SETTLE_MS, ..Desk::default() }, ..shop };
    assert_eq!(shop.poll(third, "c"), Answer::Wait { position: 1 }, "too early to ring");
    assert_eq!(shop.poll(second, "b"), Answer::Wait { position: 1 });
    assert_eq!(shop.poll(third, "c"), Answer::Wait { position: 2 });
    assert_eq!(shop.rings(second, "b"), ["101", "102", "103"]);
}

#[test]
fn a_call_that_ended_unheard_does_not_keep_its_member() {
    let mut shop = Shop::new(Queue { members: vec!["101".into()], ..sales() });
    let (first, second) = (shop.join("a"), shop.join("b"));
    shop.rings(first, "a");
    shop.desk.answered(shop.now, "a", "101");
    for _ in 0..9 {
        assert_eq!(shop.poll(second, "b"), Answer::Wait { position: 1 });
    }
    assert_eq!(shop.rings(second, "b"), ["101"], "its phone has rested for ten seconds");
}

#[test]
fn what_is_said_is_understood() {
    let ticket = Ticket(7, 3);
    for request in [
        Request::Join { queue: "sales".into(), call: "c".into() },
        Request::Poll { queue: "sales".into(), call: "c".into(), ticket },
        Request::Rang { queue: "sales".into(), ticket, status: "BUSY".into() },
        Request::Leave { queue: "sales".into(), ticket },
        Request::Member { queue: None, member: "101".into(), logs_in: false },
        Request::Member { queue: Some("sales".into()), member: "101".into(), logs_in: true },
    ] {
        assert_eq!(Request::decode(&request.encode()).as_ref(), Ok(&request));
    }
    let ring = Answer::Ring { members: vec!["101".into(), "102".into()], ms: 15_000 };
    for answer in [Answer::Joined(ticket), Answer::Wait { position: 4 }, ring, Answer::Out("FULL".into()), Answer::Done]
    {
        assert_eq!(Answer::decode(&answer.encode()).as_ref(), Ok(&answer));
    }
    for odd in ["", "poll", "poll\tsales\tc\tx\t1", "ring\tmany"] {
        assert!(Request::decode(odd.as_bytes()).is_err() && Answer::decode(odd.as_bytes()).is_err(), "{odd}");
    }
}

/// A fake whose service is the plugin's own.
fn with_service(fake: Fake) -> (Fake, Rc<RefCell<Queues>>) {
    let service = fake.run(|_| Queues::start(None)).expect("it starts");
    let service = Rc::new(RefCell::new(service));
    let own = Rc::clone(&service);
    (fake.service(move |request| own.borrow_mut().answer(request)), service)
}

fn run(fake: &Fake, arguments: &str) -> Result<(), Error> {
    fake.run(|leg| queue(leg, arguments))
}

#[test]
fn a_caller_hears_its_place_waits_and_talks() {
    let (fake, _service) =
        with_service(fake().device("101", "idle").device("102", "busy").device("103", "unregistered"));
    run(&fake, "sales").expect("it is served");
    let actions = fake.actions();
    assert_eq!(actions[..4], ["answer", "play queue/position", "run SayNumber(1)", "background tone:425/1000,0/4000"]);
    assert!(actions[4..actions.len() - 1].iter().all(|action| action == "wait 1000"), "{actions:?}");
    assert_eq!(actions.last().map(String::as_str), Some("dial 101"));
    assert_eq!(fake.set("QUEUESTATUS").as_deref(), Some("CONTINUE"));
    assert_eq!(fake.published(), ["joined queue=sales waiting=1"]);
    assert_eq!(fake.subscribed(), ["call.answered", "call.ended"]);
}

#[test]
fn a_caller_that_nobody_answers_leaves_in_time() {
    let (fake, service) = with_service(fake().device("101", "busy").device("102", "busy").device("103", "busy"));
    run(&fake, "sales,20").expect("it ends");
    assert_eq!(fake.set("QUEUESTATUS").as_deref(), Some("TIMEOUT"));
    assert!(!fake.actions().iter().any(|action| action.starts_with("dial")));
    let snapshot = fake.run(|_| service.borrow_mut().snapshot()).expect("text");
    assert!(!String::from_utf8_lossy(&snapshot).contains("caller"), "nobody waits any more");
    run(&fake, "sales,soon").expect_err("no number");
    run(&fake, "none").expect("it ends");
    assert_eq!(fake.set("QUEUESTATUS").as_deref(), Some("UNKNOWN"));
}

#[test]
fn a_caller_that_hangs_up_is_gone_at_once() {
    let (fake, service) =
        with_service(fake().device("101", "busy").device("102", "busy").device("103", "busy").hangs_up_after(8));
    run(&fake, "sales").expect_err("it is gone");
    let snapshot = fake.run(|_| service.borrow_mut().snapshot()).expect("text");
    assert!(!String::from_utf8_lossy(&snapshot).contains("caller"));
    assert_eq!(fake.set("QUEUESTATUS"), None);
}

#[test]
fn news_of_an_answer_and_of_an_end_reach_the_desk() {
    let (fake, service) =
        with_service(fake().device("101", "idle").device("102", "idle").device("103", "unregistered"));
    let fake = fake.now(1_750_000_005_000);
    let ask = |request: Request| {
        let answer = fake.run(|_| service.borrow_mut().answer(&request.encode())).expect("it answers");
        Answer::decode(&answer).expect("it is an answer")
    };
    let tell = |kind: &str, data: &[(&str, &str)]| {
        let data = data.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let event = Event { seq: 1, kind: kind.to_owned(), source: "c1".to_owned(), data };
        fake.run(|_| service.borrow_mut().handle(event)).expect("it is heard");
        let snapshot = fake.run(|_| service.borrow_mut().snapshot()).expect("text");
        String::from_utf8(snapshot).expect("text")
    };
    let (queue, call) = ("sales".to_owned(), "c1".to_owned());
    let Answer::Joined(ticket) = ask(Request::Join { queue: queue.clone(), call: call.clone() }) else {
        panic!("it waits")
    };
    let answer = ask(Request::Poll { queue, call, ticket });
    assert_eq!(answer, Answer::Ring { members: vec!["101".into(), "102".into()], ms: 15_000 });
    let inbound = tell("call.answered", &[("direction", "inbound"), ("endpoint", "101")]);
    assert!(inbound.contains("ringing"), "{inbound}");
    let answered = tell("call.answered", &[("direction", "outbound"), ("endpoint", "102")]);
    assert!(answered.ends_with("talking\t5000\t102"), "{answered}");
    let unheard = tell("unheard.of", &[]);
    assert_eq!(unheard, answered);
    let ended = tell("call.ended", &[]);
    assert!(!ended.contains("caller") && ended.contains("member\t102\t5000\t5000\t1"), "{ended}");
}

#[test]
fn a_phone_logs_in_and_out() {
    let (fake, _service) = with_service(fake().attribute("endpoint", "104").device("104", "idle"));
    for (name, done) in [("support", "ADDED"), ("none", "UNKNOWN"), ("", "UNKNOWN")] {
        fake.run(|leg| login(leg, name)).expect("it is said");
        assert_eq!(fake.set("QUEUESTATUS").as_deref(), Some(done), "{name}");
    }
    assert_eq!(fake.stored("member/support/104").as_deref(), Some(""));
    // Another start knows it from kv.
    let again = fake.run(|_| Queues::start(None)).expect("it starts");
    let again = Rc::new(RefCell::new(again));
    let fake = fake.service(move |request| again.borrow_mut().answer(request));
    fake.run(|leg| logout(leg, "")).expect("it is said");
    assert_eq!(fake.set("QUEUESTATUS").as_deref(), Some("REMOVED"));
    assert_eq!(fake.stored("member/support/104"), None);
    let nobody = Fake::new();
    nobody.run(|leg| login(leg, "support")).expect_err("a caller from outside is no member");
}

/// The strategy is another plugin's; without it all ring, and whom it leaves out does not.
#[test]
fn another_plugin_chooses() {
    let queues = || fake().config("queues", "sales 101 102 strategy=longest-idle");
    let served = |fake: Fake| {
        let (fake, _service) = with_service(fake.device("101", "idle").device("102", "idle"));
        run(&fake, "sales,20").expect("it ends");
        let dialed = fake.actions().last().filter(|action| action.starts_with("dial")).cloned();
        dialed.unwrap_or_else(|| fake.set("QUEUESTATUS").unwrap_or_default())
    };
    // Three polls until the new service has settled; nobody has talked since the host started.
    let takes_102 = |candidates: &[strategy::Candidate]| {
        let told: Vec<_> =
            candidates.iter().map(|one| (one.name.as_str(), one.number("idle-seconds"), one.fact("calls"))).collect();
        assert_eq!(told, [("101", 3, Some("0")), ("102", 3, Some("0"))]);
        Ok(vec!["102".to_owned()])
    };
    assert_eq!(served(queues().strategy("longest-idle", takes_102)), "dial 102");
    assert_eq!(served(queues().strategy("longest-idle", |_| Ok(vec!["109".into(), "102".into()]))), "dial 102");
    assert_eq!(served(queues().strategy("longest-idle", |_| Ok(Vec::new()))), "TIMEOUT");
    assert_eq!(served(queues().strategy("longest-idle", |_| Err(Error::failed("it trapped")))), "dial 101&102");
    assert_eq!(served(queues()), "dial 101&102", "it is not installed");
}

/// One choice takes 256: more members than that are no reason to let all ring.
#[test]
fn a_choice_is_of_as_many_as_it_takes() {
    let names: Vec<String> = (1_000..1_300).map(|name| name.to_string()).collect();
    let (set, logged_in) = names.split_at(200);
    let mut fake = fake().config("queues", &format!("sales {} strategy=last", set.join(" ")));
    for name in logged_in {
        fake = fake.value(&format!("member/sales/{name}"), "");
    }
    for name in &names {
        fake = fake.device(name, "idle");
    }
    let last =
        |candidates: &[strategy::Candidate]| Ok(candidates.iter().skip(255).map(|one| one.name.clone()).collect());
    let (fake, _service) = with_service(fake.strategy("last", last));
    run(&fake, "sales").expect("it is served");
    assert_eq!(fake.actions().last().map(String::as_str), Some("dial 1255"));
}

#[test]
fn simple_strategies_need_no_plugin() {
    let free: Vec<Candidate> =
        ["101", "102"].map(|name| Candidate { name: name.into(), free_since: 0, calls: 0 }).into();
    assert_eq!(choose_simply(&sales(), &free), ["101", "102"]);
    let in_order = Queue { strategy: "in-order".into(), ..sales() };
    assert_eq!(choose_simply(&in_order, &free), ["101"]);
}

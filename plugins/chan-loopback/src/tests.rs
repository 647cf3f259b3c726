use jackfield_sdk::{Event, Service};
use jackfield_testkit::Fake;

use super::Loopback;

fn event(kind: &str, source: &str, data: &[(&str, &str)]) -> Event {
    let data = data.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Event { seq: 1, kind: kind.to_owned(), source: source.to_owned(), data }
}

/// A driver to which line `a` was dialled.
fn dialed(loopback: &mut Loopback) {
    let data = [("address", "600"), ("description", "offer"), ("caller.number", "100")];
    loopback.handle(event("line.dialed", "a", &data)).unwrap();
}

#[test]
fn what_happens_at_one_end_happens_at_the_other() {
    let fake = Fake::new().line("a");
    fake.run(|_| {
        let mut loopback = Loopback::start(None).unwrap();
        dialed(&mut loopback);
        for (kind, data) in [
            ("line.ringing", &[][..]),
            ("line.progress", &[("description", "answer")]),
            ("line.answered", &[("description", "answer")]),
            ("line.ended", &[("cause", "17")]),
        ] {
            loopback.handle(event(kind, "offered-1", data)).unwrap();
        }
    });
    assert_eq!(
        fake.actions(),
        [
            "offer offered-1 600 offer caller.number=100 because=a",
            "line a ring",
            "line a progress answer",
            "line a answer answer",
            "line a hang-up 17",
        ]
    );
}

#[test]
fn the_caller_hangs_up_and_so_does_the_far_end() {
    let fake = Fake::new().line("a");
    fake.run(|_| {
        let mut loopback = Loopback::start(None).unwrap();
        dialed(&mut loopback);
        loopback.handle(event("line.ended", "a", &[("cause", "16")])).unwrap();
        // Told again or too late, it has nothing to do.
        loopback.handle(event("line.ended", "a", &[("cause", "16")])).unwrap();
        loopback.handle(event("line.ringing", "offered-1", &[])).unwrap();
        assert!(loopback.snapshot().unwrap().is_empty());
    });
    assert_eq!(fake.actions()[1..], ["line offered-1 hang-up 16"]);
}

#[test]
fn a_call_that_cannot_come_back_is_congestion() {
    let fake = Fake::new().line("a").refuses_lines();
    fake.run(|_| dialed(&mut Loopback::start(None).unwrap()));
    assert_eq!(fake.actions(), ["line a hang-up 34"]);
}

#[test]
fn pairs_outlive_the_version() {
    let fake = Fake::new().line("a");
    fake.run(|_| {
        let mut former = Loopback::start(None).unwrap();
        dialed(&mut former);
        let mut next = Loopback::start(Some(former.snapshot().unwrap())).unwrap();
        next.handle(event("line.answered", "offered-1", &[("description", "answer")])).unwrap();
        next.handle(event("line.ended", "a", &[])).unwrap();
    });
    assert_eq!(fake.actions()[1..], ["line a answer answer", "line offered-1 hang-up 16"]);
}

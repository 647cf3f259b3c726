//! What happens at each bound.

use super::*;
use crate::limit;

const LEG: LegId = LegId(0);

fn endpoint() -> Target {
    Target::Endpoint("200".to_owned())
}

fn dial(targets: Vec<Target>) -> Request {
    Request::Dial { leg: LEG, targets, timeout: 30 * SECOND, options: DialOptions::default() }
}

#[test]
fn targets() {
    let mut rig = Rig::offered();
    rig.ask(dial(vec![endpoint(); limit::TARGETS + 1]));
    rig.says(&["reply 0 error limit"]);
    rig.ask(dial(vec![endpoint(); limit::TARGETS]));
    assert_eq!(rig.drain().len(), limit::TARGETS);
    rig.located(0, 1);
    rig.drain();
    // A redirection beyond the bound fails, the dial goes on.
    rig.tell(Input::LegRedirected { leg: LegId(1), targets: vec![endpoint()] }, &["release 1 22"]);
}

#[test]
fn contacts() {
    let mut rig = Rig::offered();
    rig.ask(dial(vec![endpoint()]));
    rig.drain();
    rig.located(0, limit::CONTACTS as u64 + 5);
    assert_eq!(rig.drain().len(), limit::CONTACTS);
}

#[test]
fn live_legs() {
    let mut rig = Rig::offered();
    rig.ask(dial(vec![endpoint(); 5]));
    rig.drain();
    let mut originated = 0;
    for target in 0..5 {
        rig.located(target, limit::CONTACTS as u64);
        originated += rig.drain().len();
    }
    assert_eq!(originated, limit::LEGS_LIVE - 1);
    let leg = rig.call.allocate_leg();
    let caller = Party::default();
    let offered = Input::LegOffered { leg, endpoint: None, caller, dialed: "1".to_owned(), hops: Hops::default() };
    rig.tell(offered, &[&format!("release {leg} 34")]);
}

#[test]
fn legs_of_a_whole_call() {
    let mut rig = Rig::offered();
    for turn in 0..=limit::LEGS_TOTAL {
        rig.ask(dial(vec![Target::Uri("sip:x".to_owned())]));
        let said = rig.drain();
        if said[0].starts_with("reply") {
            assert_eq!(turn, limit::LEGS_TOTAL - 1);
            assert_eq!(said, [format!("reply {turn} dialed CONGESTION 34 by - 0ms go on")]);
            return;
        }
        rig.ends(turn as u32 + 1, Cause::USER_BUSY);
        rig.drain();
    }
    panic!("a call may have any number of legs");
}

#[test]
fn requests() {
    let mut rig = Rig::offered();
    for _ in 0..limit::REQUESTS {
        rig.ask(Request::Wait { leg: LEG, duration: SECOND });
    }
    rig.says(&[]);
    rig.ask(Request::Wait { leg: LEG, duration: SECOND });
    rig.ask(Request::Play { leg: LEG, prompts: vec!["x".to_owned()], interrupt: String::new() });
    rig.says(&["reply 64 error limit", "reply 65 error limit"]);
    rig.pass(SECOND);
    assert_eq!(rig.drain().len(), limit::REQUESTS);
}

#[test]
fn dials() {
    let mut rig = Rig::offered();
    let originate = || Request::Originate {
        on_behalf_of: Some(LEG),
        targets: vec![endpoint()],
        caller: Party::default(),
        timeout: SECOND,
        then: Then::Nothing,
    };
    for _ in 0..limit::DIALS {
        rig.ask(originate());
    }
    assert_eq!(rig.drain().len(), limit::DIALS);
    rig.ask(originate());
    rig.ask(dial(vec![endpoint()]));
    rig.says(&["reply 16 error limit", "reply 17 error limit"]);
}

#[test]
fn events_of_a_leg() {
    let mut rig = Rig::offered();
    for _ in 0..limit::EVENTS + 3 {
        rig.key(0, '1');
    }
    rig.ask(Request::NextEvent { leg: LEG, timeout: SECOND });
    rig.says(&["reply 0 event 3 dtmf"]);
}

#[test]
fn attributes() {
    let mut rig = Rig::offered();
    let set = |name: String, value: String| Request::SetAttribute { leg: LEG, name, value };
    for n in 0..limit::ATTRIBUTES {
        rig.ask(set(format!("a{n}"), "v".to_owned()));
    }
    assert!(rig.drain().iter().all(|line| line.ends_with("done")));
    rig.ask(set("one-more".to_owned(), "v".to_owned()));
    rig.ask(set("a1".to_owned(), "v".repeat(limit::ATTRIBUTE_VALUE_BYTES)));
    rig.ask(set("a1".to_owned(), "v".repeat(limit::ATTRIBUTE_VALUE_BYTES + 1)));
    rig.ask(set("n".repeat(limit::ATTRIBUTE_NAME_BYTES + 1), "v".to_owned()));
    rig.says(&["reply 64 error limit", "reply 65 done", "reply 66 error limit", "reply 67 error limit"]);
}

#[test]
fn prompts_digits_and_texts() {
    let mut rig = Rig::offered();
    let play = |prompts: Vec<String>| Request::Play { leg: LEG, prompts, interrupt: String::new() };
    rig.ask(play(vec!["x".to_owned(); limit::PROMPTS + 1]));
    rig.ask(play(vec!["x".repeat(limit::TEXT_BYTES + 1)]));
    rig.ask(Request::ReadDigits {
        leg: LEG,
        max: limit::DIGITS as u32 + 1,
        timeout: SECOND,
        inter_digit: SECOND,
        terminators: String::new(),
        prompts: Vec::new(),
    });
    rig.ask(Request::SendDigits { leg: LEG, digits: "1".repeat(limit::DIGITS + 1) });
    rig.ask(dial(vec![Target::Endpoint("x".repeat(limit::TEXT_BYTES + 1))]));
    rig.ask(Request::Transfer { leg: LEG, target: "x".repeat(limit::TEXT_BYTES + 1) });
    assert!(rig.drain().iter().all(|line| line.ends_with("error limit")));
    rig.ask(play(vec!["x".repeat(limit::TEXT_BYTES); limit::PROMPTS]));
    assert!(rig.drain()[1].starts_with("play"));
}

#[test]
fn ringing() {
    let mut rig = Rig::offered();
    rig.ask(Request::Dial {
        leg: LEG,
        targets: vec![endpoint()],
        timeout: Duration::MAX,
        options: DialOptions::default(),
    });
    rig.located(0, 1);
    rig.drain();
    rig.pass(limit::RINGING);
    rig.says(&["release 1 19", "reply 0 dialed NOANSWER 19 by - 0ms go on"]);
}

#[test]
fn endless_times() {
    let mut rig = Rig::offered();
    rig.ask(Request::Answer { leg: LEG });
    rig.drain();
    rig.ask(Request::Wait { leg: LEG, duration: Duration::MAX });
    rig.ask(Request::NextEvent { leg: LEG, timeout: Duration::MAX });
    rig.ask(Request::Record {
        leg: LEG,
        blob: "x".to_owned(),
        quota: None,
        max: Duration::MAX,
        silence: Some(Duration::MAX),
        terminators: String::new(),
        beep: false,
    });
    assert!(rig.call.poll_timeout().is_some());
    rig.pass(limit::CALL);
    let said = rig.drain();
    assert!(said.contains(&"reply 1 done".to_owned()) || said.contains(&"reply 1 error gone".to_owned()), "{said:?}");
}

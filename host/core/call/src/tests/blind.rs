//! Blind transfers (RFC 5589 §6; F46, F52, A10).

use super::*;

fn refer(leg: u32, target: &str) -> Input {
    Input::LegTransfer { leg: LegId(leg), transfer: Transfer::Blind { target: target.to_owned() } }
}

#[test]
fn the_called_one_sends_the_caller_elsewhere() {
    let mut rig = Rig::talking();
    rig.tell(
        refer(1, "300"),
        &[
            "transfer 1 Accepted",
            "reply 0 dialed ANSWER 16 by 1 0ms leave",
            "unbridge 0 1",
            "end-route 0",
            "transfer 1 Done",
            "release 1 16",
        ],
    );
    // What the old run still asks does not touch the leg any more.
    rig.ask(Request::HangUp { leg: LegId(0), cause: Cause::NORMAL_CLEARING });
    rig.ask(Request::Play { leg: LegId(0), prompts: vec!["bye".to_owned()], interrupt: String::new() });
    rig.says(&["reply 1 error gone", "reply 2 error gone"]);
    rig.run_over(0);
    rig.says(&["route 0 transferred:300 by 200"]);
    rig.dial(&["300"], DialOptions::default());
    rig.put(Input::Located { dial: DialId(1), target: 0, contacts: vec![Contact { uri: "sip:x".to_owned(), key: 0 }] });
    rig.rings(2);
    rig.says(&["locate 1.0 300", "originate 2 300 sip:x from 100", "ring-tone 0 on"]);
    rig.answers(2);
    rig.says(&["ring-tone 0 off", "bridge 0 2"]);
}

#[test]
fn the_caller_sends_the_called_one_elsewhere() {
    let mut rig = Rig::talking();
    rig.tell(
        refer(0, "300"),
        &[
            "transfer 0 Accepted",
            "reply 0 dialed ANSWER 16 by 1 0ms leave",
            "unbridge 0 1",
            "route 1 transferred:300 by 100",
            "transfer 0 Done",
            "release 0 16",
        ],
    );
    rig.run_over(0);
    rig.says(&[]);
    rig.run_over(1);
    rig.says(&["release 1 16", "cdr Answered", "finished"]);
}

#[test]
fn there_must_be_somebody_to_transfer() {
    let mut rig = Rig::offered();
    rig.tell(refer(0, "300"), &["transfer 0 Failed(Cause(21))"]);
    rig.ask(Request::Answer { leg: LegId(0) });
    rig.answers(0);
    rig.drain();
    rig.tell(refer(0, "300"), &["transfer 0 Failed(Cause(21))"]);
    let mut rig = Rig::talking();
    rig.tell(refer(0, ""), &["transfer 0 Failed(Cause(28))"]);
    rig.tell(refer(7, "300"), &["transfer 7 Failed(Cause(21))"]);
}

#[test]
fn a_hang_up_right_after_the_refer_changes_nothing() {
    let mut rig = Rig::talking();
    rig.put(refer(1, "300"));
    rig.ends(1, Cause::NORMAL_CLEARING);
    rig.drain();
    rig.run_over(0);
    rig.says(&["route 0 transferred:300 by 200"]);
}

/// A10: a call that is passed on and on.
#[test]
fn transfers_are_counted() {
    let mut rig = Rig::talking();
    rig.put(refer(0, "300"));
    for turn in 1..u32::from(crate::limit::DIVERSIONS) {
        rig.put(Input::Request { id: RequestId(100 + u64::from(turn)), request: transfer(1) });
        rig.run_over(1);
    }
    rig.drain();
    rig.put(Input::Request { id: RequestId(200), request: transfer(1) });
    rig.says(&["reply 200 error limit"]);
}

fn transfer(leg: u32) -> Request {
    Request::Transfer { leg: LegId(leg), target: "400".to_owned() }
}

#[test]
fn an_application_sends_its_caller_on() {
    let mut rig = Rig::offered();
    rig.ask(transfer(0));
    rig.says(&["end-route 0", "reply 0 done"]);
    rig.run_over(0);
    rig.says(&["route 0 transferred:400 by 100"]);
}

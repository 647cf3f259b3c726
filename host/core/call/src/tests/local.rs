//! Extensions that are dialled like parties.

use super::*;

fn local(options: DialOptions) -> Rig {
    let mut rig = Rig::offered();
    let targets = vec![Target::Local { exten: "9".to_owned(), context: "sales".to_owned() }];
    rig.ask(Request::Dial { leg: LegId(0), targets, timeout: 30 * SECOND, options });
    rig.says(&["route 1 9@sales"]);
    rig
}

fn inner_dial(rig: &mut Rig) {
    let targets = vec![Target::Endpoint("300".to_owned())];
    rig.ask(Request::Dial { leg: LegId(1), targets, timeout: 20 * SECOND, options: DialOptions::default() });
    rig.put(Input::Located { dial: DialId(1), target: 0, contacts: vec![Contact { uri: "sip:x".to_owned(), key: 0 }] });
}

#[test]
fn who_the_extension_dials_is_connected_with_the_caller() {
    let mut rig = local(DialOptions::default());
    inner_dial(&mut rig);
    rig.says(&["locate 1.0 300", "originate 2 300 sip:x from 100"]);
    rig.rings(2);
    rig.says(&["ring 0"]);
    rig.answers(2);
    rig.says(&["reply 1 dialed ANSWER 16 by 2 0ms leave", "release 1 16", "answer 0", "bridge 0 2"]);
    rig.run_over(1);
    rig.says(&[]);
    rig.ends(0, Cause::NORMAL_CLEARING);
    rig.says(&["unbridge 0 2", "release 0 16", "release 2 16", "reply 0 dialed ANSWER 16 by 2 0ms leave"]);
    rig.run_over(0);
    rig.says(&["cdr Answered", "finished"]);
    rig.is_clean();
}

#[test]
fn early_media_comes_through() {
    let mut rig = local(DialOptions::default());
    inner_dial(&mut rig);
    rig.drain();
    rig.sounds(2);
    rig.says(&["progress 0", "bridge 0 2"]);
    rig.answers(2);
    rig.says(&["reply 1 dialed ANSWER 16 by 2 0ms leave", "release 1 16", "answer 0"]);
}

#[test]
fn a_failure_behind_the_extension_is_its_failure() {
    let mut rig = local(DialOptions::default());
    inner_dial(&mut rig);
    rig.drain();
    rig.ends(2, Cause::USER_BUSY);
    rig.says(&["release 2 17", "reply 1 dialed BUSY 17 by - 0ms go on"]);
    rig.run_over(1);
    rig.says(&["release 1 17", "reply 0 dialed BUSY 17 by - 0ms go on"]);
}

#[test]
fn an_application_behind_the_extension_is_heard_by_the_caller() {
    let mut rig = local(DialOptions { go_on: true, ..DialOptions::default() });
    let leg = LegId(1);
    rig.ask(Request::Play { leg, prompts: vec!["early".to_owned()], interrupt: String::new() });
    rig.says(&["reply 1 error failed"]);
    rig.ask(Request::Answer { leg });
    rig.says(&["answer 0", "reply 2 done"]);
    rig.ask(Request::ReadDigits {
        leg,
        max: 1,
        timeout: SECOND,
        inter_digit: SECOND,
        terminators: String::new(),
        prompts: vec!["menu".to_owned()],
    });
    rig.says(&["play 0 p0 menu"]);
    rig.key(0, '7');
    rig.says(&["stop-play 0 p0", "reply 3 digits \"7\" -"]);
    rig.ask(Request::Play { leg, prompts: vec!["bye".to_owned()], interrupt: String::new() });
    rig.drain();
    rig.tell(
        Input::RouteEnded { leg, cause: Some(Cause::NORMAL_CLEARING) },
        &["stop-play 0 p1", "reply 4 error gone", "release 1 16", "reply 0 dialed ANSWER 16 by 1 0ms go on"],
    );
}

#[test]
fn an_extension_that_answered_may_still_dial() {
    let mut rig = local(DialOptions::default());
    rig.ask(Request::Answer { leg: LegId(1) });
    inner_dial(&mut rig);
    rig.drain();
    rig.rings(2);
    rig.says(&["ring-tone 0 on"]);
    rig.answers(2);
    rig.says(&["reply 2 dialed ANSWER 16 by 2 0ms leave", "release 1 16", "ring-tone 0 off", "bridge 0 2"]);
    rig.ends(2, Cause::NORMAL_CLEARING);
    rig.says(&["unbridge 0 2", "release 2 16", "reply 0 dialed ANSWER 16 by 2 0ms leave", "release 0 16"]);
}

#[test]
fn the_extension_ends_with_its_caller() {
    let mut rig = local(DialOptions::default());
    inner_dial(&mut rig);
    rig.rings(2);
    rig.drain();
    rig.ends(0, Cause::NORMAL_CLEARING);
    rig.says(&[
        "release 0 16",
        "release 1 16",
        "release 2 16",
        "reply 1 dialed CANCEL 16 by - 0ms leave",
        "reply 0 dialed CANCEL 16 by - 0ms leave",
    ]);
    rig.run_over(0);
    rig.says(&[]);
    rig.run_over(1);
    rig.says(&["cdr NoAnswer", "finished"]);
}

/// A10: an extension that dials itself.
#[test]
fn an_extension_that_dials_itself_ends() {
    let mut rig = local(DialOptions::default());
    let mut leg = LegId(1);
    for _ in 1..crate::limit::DIVERSIONS {
        let targets = vec![Target::Local { exten: "9".to_owned(), context: "sales".to_owned() }];
        rig.ask(Request::Dial { leg, targets, timeout: 30 * SECOND, options: DialOptions::default() });
        leg = LegId(leg.0 + 1);
        rig.says(&[&format!("route {leg} 9@sales")]);
    }
    let targets = vec![Target::Local { exten: "9".to_owned(), context: "sales".to_owned() }];
    rig.ask(Request::Dial { leg, targets, timeout: 30 * SECOND, options: DialOptions::default() });
    rig.says(&["reply 10 dialed CONGESTION 25 by - 0ms go on"]);
}

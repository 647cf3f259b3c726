//! Attended transfers: legs that move between two calls of one host (RFC 5589 §7, RFC 3891; F46, F52).

use super::*;

/// Two conversations of the phone 200: 100 called it (call 1, its leg is 1), and it called 300 (call 2, its leg is 0).
fn two_calls() -> (Rig, Rig) {
    let first = Rig::talking();
    let mut second = Rig::numbered(2);
    let leg = second.call.allocate_leg();
    let caller = Party::new("Bob", "200");
    let (endpoint, dialed) = (Some("200".to_owned()), "300".to_owned());
    second.put(Input::LegOffered { leg, endpoint, caller, dialed, hops: Hops::default() });
    second.drain();
    (first, second)
}

fn refer(leg: u32, call: u128, other: u32) -> Input {
    let replaces = (CallId::from_parts(0, call), LegId(other));
    Input::LegTransfer { leg: LegId(leg), transfer: Transfer::Attended { target: "300".to_owned(), replaces } }
}

fn adopt(first: &mut Rig, second: &mut Rig, replaces: u32) -> LegId {
    let leg = second.call.allocate_leg();
    let adopted = first.handover.take().unwrap();
    let from = (CallId::from_parts(0, 1), LegId(0));
    second.put(Input::LegAdopted { leg, from, replaces: LegId(replaces), adopted });
    leg
}

#[test]
fn the_two_others_are_joined() {
    let (mut first, mut second) = two_calls();
    second.converse(DialOptions::default());
    first.tell(
        refer(1, 2, 0),
        &[
            "transfer 1 Accepted",
            "reply 0 dialed ANSWER 16 by 1 0ms leave",
            "unbridge 0 1",
            "end-route 0",
            "handover 0 to 2/0",
        ],
    );
    let leg = adopt(&mut first, &mut second, 0);
    second.says(&[
        "adopted 1/0 as 2",
        "reply 0 dialed ANSWER 16 by 1 0ms leave",
        "unbridge 0 1",
        "bridge 2 1",
        "release 0 16",
    ]);
    first.put(Input::HandedOver { leg: LegId(0), as_leg: Some(leg) });
    first.says(&["transfer 1 Done", "release 1 16"]);
    first.run_over(0);
    first.says(&["cdr Answered", "finished"]);
    first.is_clean();
    let cdr = first.cdr.unwrap();
    assert_eq!(cdr.legs[0].went_to, Some(CallId::from_parts(0, 2)));

    second.run_over(0);
    second.says(&[]);
    second.ends(1, Cause::NORMAL_CLEARING);
    second.says(&["unbridge 2 1", "release 1 16", "release 2 16", "cdr Answered", "finished"]);
    second.is_clean();
    assert_eq!(second.cdr.unwrap().legs[2].came_from, Some(CallId::from_parts(0, 1)));
}

/// The transferor does not wait for the answer of the one it asks ("semi-attended").
#[test]
fn a_call_that_still_rings_is_taken_over() {
    let (mut first, mut second) = two_calls();
    second.dial(&["300"], DialOptions::default());
    second.located(0, 1);
    second.rings(1);
    second.drain();
    first.put(refer(1, 2, 0));
    first.drain();
    let leg = adopt(&mut first, &mut second, 0);
    second.says(&["adopted 1/0 as 2", "reply 0 dialed CANCEL 16 by - 0ms leave", "release 0 16", "ring-tone 2 on"]);
    first.put(Input::HandedOver { leg: LegId(0), as_leg: Some(leg) });
    second.answers(1);
    second.says(&["ring-tone 2 off", "bridge 2 1"]);
}

#[test]
fn an_adopted_leg_can_take_the_place_of_a_caller_in_an_application() {
    let (mut first, mut second) = two_calls();
    second.ask(Request::Answer { leg: LegId(0) });
    second.drain();
    first.put(refer(1, 2, 0));
    first.drain();
    adopt(&mut first, &mut second, 0);
    second.says(&["adopted 1/0 as 1", "route 1 transferred:300 by 200", "release 0 16"]);
}

#[test]
fn a_refused_leg_comes_back() {
    let (mut first, mut second) = two_calls();
    first.put(refer(1, 2, 9));
    first.drain();
    adopt(&mut first, &mut second, 9);
    second.says(&["adopted 1/0 as -"]);
    first.tell(Input::HandedOver { leg: LegId(0), as_leg: None }, &["transfer 1 Failed(Cause(21))", "bridge 1 0"]);
    first.run_over(0);
    first.says(&[]);
    first.ends(0, Cause::NORMAL_CLEARING);
    first.says(&["unbridge 1 0", "release 0 16", "release 1 16", "cdr Answered", "finished"]);
}

/// E2: a REFER must not break into a conversation of somebody else.
#[test]
fn only_the_device_that_has_both_conversations_may_join_them() {
    let (mut first, mut second) = two_calls();
    second.converse(DialOptions::default());
    // 100 asks to replace a leg of 200.
    first.put(refer(0, 2, 0));
    first.drain();
    adopt(&mut first, &mut second, 0);
    second.says(&["adopted 1/0 as -"]);
}

#[test]
fn a_hang_up_on_the_way_reaches_the_new_call() {
    let (mut first, mut second) = two_calls();
    second.converse(DialOptions::default());
    first.put(refer(1, 2, 0));
    first.drain();
    first.ends(0, Cause::NORMAL_CLEARING);
    first.says(&["release 0 16"]);
    let leg = adopt(&mut first, &mut second, 0);
    first.put(Input::HandedOver { leg: LegId(0), as_leg: Some(leg) });
    first.says(&["forward to 2: LegEnded { leg: LegId(2), cause: Cause(16) }", "transfer 1 Done", "release 1 16"]);
}

#[test]
fn a_transferor_who_hangs_up_at_once_is_transferor_all_the_same() {
    let (mut first, mut second) = two_calls();
    second.converse(DialOptions::default());
    first.put(refer(1, 2, 0));
    first.drain();
    first.ends(1, Cause::NORMAL_CLEARING);
    first.says(&["release 1 16"]);
    let leg = adopt(&mut first, &mut second, 0);
    first.tell(Input::HandedOver { leg: LegId(0), as_leg: Some(leg) }, &[]);
}

#[test]
fn both_conversations_in_one_call() {
    let mut rig = Rig::offered();
    rig.ask(Request::Answer { leg: LegId(0) });
    rig.answers(0);
    // An application called 200 twice, for 100 and for an outside number.
    for (at, target) in ["sip:200@b.test", "sip:200@b.test", "sip:300@b.test"].into_iter().enumerate() {
        let request = Request::Originate {
            on_behalf_of: Some(LegId(0)),
            targets: vec![Target::Uri(target.to_owned())],
            caller: Party::default(),
            timeout: SECOND,
            then: Then::Nothing,
        };
        rig.ask(request);
        rig.answers(at as u32 + 1);
    }
    rig.ask(Request::Bridge { a: LegId(0), b: LegId(1) });
    rig.ask(Request::Bridge { a: LegId(2), b: LegId(3) });
    rig.drain();
    rig.tell(
        refer(1, 1, 2),
        &[
            "transfer 1 Accepted",
            "unbridge 0 1",
            "end-route 0",
            "unbridge 2 3",
            "bridge 0 3",
            "release 2 16",
            "transfer 1 Done",
            "release 1 16",
        ],
    );
}

fn replaced(rig: &mut Rig, replaced: u32) -> LegId {
    let leg = rig.call.allocate_leg();
    let (endpoint, caller) = (Some("400".to_owned()), Party::new("Carol", "400"));
    rig.put(Input::LegReplaced { replaced: LegId(replaced), leg, endpoint, caller });
    leg
}

/// RFC 3891: the new INVITE is answered and the old dialog ends.
#[test]
fn an_invite_with_replaces_takes_a_place_in_a_conversation() {
    let mut rig = Rig::talking();
    replaced(&mut rig, 1);
    rig.says(&["answer 2", "unbridge 0 1", "bridge 2 0", "release 1 16"]);
    rig.answers(2);
    rig.ends(2, Cause::NORMAL_CLEARING);
    rig.says(&["unbridge 2 0", "release 2 16", "reply 0 dialed ANSWER 16 by 2 0ms leave", "release 0 16"]);
}

/// RFC 3891 §3: an early dialog that we began can be picked up.
#[test]
fn an_invite_with_replaces_picks_up_a_ringing_call() {
    let mut rig = Rig::offered();
    rig.dial(&["200"], DialOptions::default());
    rig.located(0, 2);
    rig.rings(1);
    rig.drain();
    replaced(&mut rig, 1);
    rig.says(&["answer 3", "release 2 26", "answer 0", "bridge 0 3", "release 1 16"]);
}

#[test]
fn an_invite_with_replaces_for_nothing_is_refused() {
    let mut rig = Rig::talking();
    replaced(&mut rig, 9);
    rig.says(&["release 2 21"]);
}

//! Dialling: ringing all at once, the first answer, and every way it can fail (issue 2 §4, F46).

use super::*;

#[test]
fn the_first_answer_wins_and_the_others_are_released() {
    let mut rig = Rig::offered();
    rig.dial(&["200", "201"], DialOptions::default());
    rig.says(&["locate 0.0 200", "locate 0.1 201"]);
    rig.located(0, 2);
    rig.says(&["originate 1 200 sip:0 from 100", "originate 2 200 sip:1 from 100"]);
    rig.located(1, 1);
    rig.says(&["originate 3 201 sip:0 from 100"]);
    rig.rings(2);
    rig.says(&["ring 0"]);
    rig.rings(1);
    rig.says(&[]);
    rig.pass(2 * SECOND);
    rig.answers(2);
    rig.says(&["release 1 26", "release 3 26", "answer 0", "bridge 0 2"]);
    rig.answers(0);
    // A race: another answered before the CANCEL reached it (A11).
    rig.answers(3);
    rig.says(&[]);
    rig.pass(5 * SECOND);
    rig.ends(2, Cause::NORMAL_CLEARING);
    rig.says(&["unbridge 0 2", "release 2 16", "reply 0 dialed ANSWER 16 by 2 5000ms leave", "release 0 16"]);
    rig.run_over(0);
    rig.says(&["cdr Answered", "finished"]);
    rig.is_clean();
    let cdr = rig.cdr.unwrap();
    assert_eq!((cdr.answer_ms, cdr.end_ms, cdr.billed_ms), (Some(2_000), 7_000, 5_000));
    assert_eq!((cdr.hung_up_by, cdr.answered_by), (Side::Other, Some(Party::new("", "200"))));
    assert_eq!(cdr.legs.len(), 4);
}

#[test]
fn the_callers_hang_up_ends_the_conversation() {
    let mut rig = Rig::talking();
    rig.ends(0, Cause::NORMAL_CLEARING);
    rig.says(&["unbridge 0 1", "release 0 16", "release 1 16", "reply 0 dialed ANSWER 16 by 1 0ms leave"]);
    rig.run_over(0);
    rig.drain();
    let cdr = rig.cdr.unwrap();
    assert_eq!((cdr.legs[0].hung_up_by, cdr.legs[1].hung_up_by), (Side::Party, Side::Other));
}

#[test]
fn a_caller_who_gives_up_cancels_the_ringing() {
    let mut rig = Rig::offered();
    rig.dial(&["200"], DialOptions::default());
    rig.located(0, 1);
    rig.rings(1);
    rig.drain();
    rig.ends(0, Cause::NORMAL_CLEARING);
    rig.says(&["release 0 16", "release 1 16", "reply 0 dialed CANCEL 16 by - 0ms leave"]);
    // The 200 crossed the CANCEL (A11).
    rig.answers(1);
    rig.says(&[]);
    rig.run_over(0);
    rig.says(&["cdr NoAnswer", "finished"]);
}

#[test]
fn nobody_answers_in_time() {
    let mut rig = Rig::offered();
    rig.dial(&["200"], DialOptions::default());
    rig.located(0, 1);
    rig.rings(1);
    rig.drain();
    rig.pass(29 * SECOND);
    rig.says(&[]);
    rig.pass(SECOND);
    rig.says(&["release 1 19", "reply 0 dialed NOANSWER 19 by - 0ms go on"]);
    rig.run_over(0);
    rig.says(&["release 0 19", "cdr NoAnswer", "finished"]);
}

#[test]
fn a_target_that_is_never_located_times_out() {
    let mut rig = Rig::offered();
    rig.dial(&["200"], DialOptions::default());
    rig.drain();
    rig.pass(30 * SECOND);
    rig.says(&["reply 0 dialed NOANSWER 19 by - 0ms go on"]);
    rig.located(0, 1);
    rig.says(&[]);
}

#[track_caller]
fn check_failure(causes: &[u16], expected: &str) {
    let mut rig = Rig::offered();
    rig.dial(&["200"], DialOptions::default());
    rig.located(0, causes.len() as u64);
    rig.drain();
    for (at, cause) in causes.iter().enumerate() {
        rig.ends(at as u32 + 1, Cause::from_number(*cause));
    }
    let said = rig.drain();
    assert_eq!(said.last().unwrap(), &format!("reply 0 dialed {expected} by - 0ms go on"), "{causes:?}");
}

/// The DIALSTATUS of a dial of which all branches failed.
#[test]
fn failures_add_up_to_a_status() {
    check_failure(&[17], "BUSY 17");
    check_failure(&[21], "BUSY 21");
    check_failure(&[19], "NOANSWER 19");
    check_failure(&[18], "NOANSWER 18");
    check_failure(&[34], "CONGESTION 34");
    check_failure(&[1], "CONGESTION 1");
    check_failure(&[41], "CONGESTION 41");
    check_failure(&[20], "CHANUNAVAIL 20");
    check_failure(&[27], "CHANUNAVAIL 27");
    check_failure(&[102], "CHANUNAVAIL 102");
    check_failure(&[20, 17], "BUSY 17");
    check_failure(&[41, 17, 21], "BUSY 17");
    check_failure(&[20, 34], "CONGESTION 34");
    check_failure(&[17, 19], "NOANSWER 19");
}

#[test]
fn an_unregistered_target_is_unavailable() {
    let mut rig = Rig::offered();
    rig.dial(&["200", "201"], DialOptions::default());
    rig.located(0, 0);
    rig.drain();
    rig.located(1, 0);
    rig.says(&["reply 0 dialed CHANUNAVAIL 20 by - 0ms go on"]);
    // The dialplan may go on: voicemail, another number.
    rig.ask(Request::Answer { leg: LegId(0) });
    rig.says(&["answer 0", "reply 1 done"]);
    rig.run_over(0);
    rig.says(&["release 0 16", "cdr Answered", "finished"]);
}

#[test]
fn a_busy_caller_who_falls_through_hears_busy() {
    let mut rig = Rig::offered();
    rig.dial(&["200"], DialOptions::default());
    rig.located(0, 1);
    rig.drain();
    rig.ends(1, Cause::USER_BUSY);
    rig.says(&["release 1 17", "reply 0 dialed BUSY 17 by - 0ms go on"]);
    rig.run_over(0);
    rig.says(&["release 0 17", "cdr Busy", "finished"]);
}

#[test]
fn early_media_is_passed_on_and_then_the_answer() {
    let mut rig = Rig::offered();
    rig.dial(&["200"], DialOptions::default());
    rig.located(0, 2);
    rig.drain();
    rig.sounds(1);
    rig.says(&["progress 0", "bridge 0 1"]);
    // A second one is not heard beside it.
    rig.sounds(2);
    rig.says(&[]);
    rig.answers(1);
    rig.says(&["release 2 26", "answer 0"]);
}

#[test]
fn early_media_of_a_loser_gives_way() {
    let mut rig = Rig::offered();
    rig.dial(&["200"], DialOptions::default());
    rig.located(0, 2);
    rig.sounds(1);
    rig.drain();
    rig.answers(2);
    rig.says(&["unbridge 0 1", "release 1 26", "answer 0", "bridge 0 2"]);
}

#[test]
fn a_caller_who_is_answered_already_hears_our_ring_tone() {
    let mut rig = Rig::offered();
    rig.ask(Request::Answer { leg: LegId(0) });
    rig.drain();
    rig.dial(&["200"], DialOptions::default());
    rig.located(0, 1);
    rig.drain();
    rig.rings(1);
    rig.says(&["ring-tone 0 on"]);
    rig.sounds(1);
    rig.says(&["ring-tone 0 off", "bridge 0 1"]);
}

#[test]
fn option_r_rings_at_once_and_keeps_early_media_out() {
    let mut rig = Rig::offered();
    rig.dial(&["200"], DialOptions { ringback: Ringback::Tone, ..DialOptions::default() });
    rig.says(&["locate 0.0 200", "ring 0"]);
    rig.located(0, 1);
    rig.drain();
    rig.sounds(1);
    rig.says(&[]);
    rig.answers(1);
    rig.says(&["answer 0", "bridge 0 1"]);
}

#[test]
fn option_m_plays_music_again_and_again_until_the_answer() {
    let mut rig = Rig::offered();
    rig.dial(&["200"], DialOptions { ringback: Ringback::Music(None), ..DialOptions::default() });
    rig.says(&["locate 0.0 200", "progress 0", "play 0 p0 moh"]);
    rig.located(0, 1);
    rig.rings(1);
    rig.drain();
    rig.pass(9 * SECOND);
    rig.tell(Input::PlayEnded { leg: LegId(0), play: PlayId(0) }, &["play 0 p1 moh"]);
    // Music that is over at once would be an endless loop.
    rig.tell(Input::PlayEnded { leg: LegId(0), play: PlayId(1) }, &[]);
    rig.answers(1);
    rig.says(&["answer 0", "stop-play 0 p1", "bridge 0 1"]);
}

#[test]
fn option_g_lets_the_caller_go_on() {
    let mut rig = Rig::talking_with(DialOptions { go_on: true, ..DialOptions::default() });
    rig.ends(1, Cause::NORMAL_CLEARING);
    rig.says(&["unbridge 0 1", "release 1 16", "reply 0 dialed ANSWER 16 by 1 0ms go on"]);
}

#[test]
fn the_star_hangs_up_for_whom_it_may() {
    for (caller_may_hang_up, key) in [(true, 0), (false, 1)] {
        let options =
            DialOptions { caller_may_hang_up, callee_may_hang_up: !caller_may_hang_up, ..DialOptions::default() };
        let mut rig = Rig::talking_with(options);
        rig.key(1 - key, '*');
        rig.key(key, '#');
        // Any other key, and the star of the other party, goes on to who hears it.
        rig.says(&[&format!("relay-digit {key} *"), &format!("relay-digit {} #", 1 - key)]);
        rig.key(key, '*');
        rig.says(&["unbridge 0 1", "release 1 16", "reply 0 dialed ANSWER 16 by 1 0ms leave", "release 0 16"]);
        rig.run_over(0);
        rig.drain();
        assert_eq!(rig.cdr.unwrap().hung_up_by, if caller_may_hang_up { Side::Party } else { Side::Other });
    }
}

#[test]
fn option_l_cuts_the_conversation() {
    let mut rig = Rig::talking_with(DialOptions { limit: Some(60 * SECOND), ..DialOptions::default() });
    rig.pass(59 * SECOND);
    rig.says(&[]);
    rig.pass(SECOND);
    rig.says(&["unbridge 0 1", "release 1 16", "reply 0 dialed ANSWER 16 by 1 60000ms leave", "release 0 16"]);
}

#[test]
fn a_redirection_is_followed() {
    let mut rig = Rig::offered();
    rig.dial(&["200"], DialOptions::default());
    rig.located(0, 1);
    rig.drain();
    rig.tell(
        Input::LegRedirected { leg: LegId(1), targets: vec![Target::Endpoint("300".to_owned())] },
        &["locate 0.1 300", "release 1 22"],
    );
    rig.located(1, 1);
    rig.says(&["originate 2 300 sip:0 from 100"]);
    rig.answers(2);
    rig.says(&["answer 0", "bridge 0 2"]);
}

/// A10: two phones that forward to each other.
#[test]
fn a_forward_loop_ends() {
    let mut rig = Rig::offered();
    rig.dial(&["200"], DialOptions::default());
    rig.located(0, 1);
    rig.drain();
    for turn in 1..=u32::from(crate::limit::DIVERSIONS) {
        let targets = vec![Target::Endpoint(if turn % 2 == 0 { "200" } else { "300" }.to_owned())];
        rig.put(Input::LegRedirected { leg: LegId(turn), targets });
        rig.located(turn as usize, 1);
        let said = rig.drain();
        assert!(said.iter().any(|line| line.starts_with("originate")), "turn {turn}: {said:?}");
    }
    let last = LegId(u32::from(crate::limit::DIVERSIONS) + 1);
    let targets = vec![Target::Endpoint("200".to_owned())];
    rig.tell(
        Input::LegRedirected { leg: last, targets },
        &["release 11 25", "reply 0 dialed CONGESTION 25 by - 0ms go on"],
    );
}

/// A10: a loop through a trunk uses up Max-Forwards.
#[test]
fn max_forwards_is_counted_down_and_ends_a_loop() {
    for (max_forwards, expected) in
        [(1, "originate 1 200 sip:0 from 100"), (0, "reply 0 dialed CONGESTION 25 by - 0ms go on")]
    {
        let mut rig = Rig::new();
        let leg = rig.call.allocate_leg();
        let hops = Hops { max_forwards, diversions: 0 };
        let caller = Party::new("", "100");
        rig.put(Input::LegOffered { leg, endpoint: None, caller, dialed: "200".to_owned(), hops });
        rig.dial(&["200"], DialOptions::default());
        rig.drain();
        rig.located(0, 1);
        rig.says(&[expected]);
    }
}

#[test]
fn a_leg_dials_once_at_a_time() {
    let mut rig = Rig::talking();
    rig.dial(&["201"], DialOptions::default());
    rig.says(&["reply 1 error busy"]);
    rig.ask(Request::Dial { leg: LegId(1), targets: Vec::new(), timeout: SECOND, options: DialOptions::default() });
    rig.says(&["reply 2 error invalid"]);
    let targets = vec![Target::Endpoint("201".to_owned())];
    rig.ask(Request::Dial { leg: LegId(1), targets, timeout: SECOND, options: DialOptions::default() });
    rig.says(&["reply 3 error busy"]);
}

#[test]
fn a_withdrawn_dial_stops_ringing_and_keeps_the_caller() {
    let mut rig = Rig::offered();
    rig.dial(&["200"], DialOptions::default());
    rig.located(0, 1);
    rig.drain();
    rig.tell(Input::Withdraw { id: RequestId(0) }, &["reply 0 error failed", "release 1 16"]);
    rig.tell(Input::Withdraw { id: RequestId(0) }, &[]);
}

fn originate(then: Then) -> Request {
    Request::Originate {
        on_behalf_of: None,
        targets: vec![Target::Endpoint("200".to_owned())],
        caller: Party::new("Office", "900"),
        timeout: 20 * SECOND,
        then,
    }
}

#[test]
fn a_call_from_the_api_runs_the_dialplan_for_who_answers() {
    let mut rig = Rig::new();
    rig.ask(originate(Then::Dialplan { exten: "600".to_owned(), context: Some("inside".to_owned()) }));
    rig.says(&["locate 0.0 200"]);
    rig.located(0, 1);
    rig.says(&["originate 0 200 sip:0 from 900"]);
    rig.rings(0);
    rig.answers(0);
    rig.says(&["reply 0 originated 0", "route 0 600@inside"]);
    // The run may dial in its turn.
    rig.dial(&["201"], DialOptions::default());
    rig.put(Input::Located { dial: DialId(1), target: 0, contacts: vec![Contact { uri: "sip:x".to_owned(), key: 0 }] });
    rig.rings(1);
    rig.says(&["locate 1.0 201", "originate 1 201 sip:x from 200", "ring-tone 0 on"]);
    rig.answers(1);
    rig.says(&["ring-tone 0 off", "bridge 0 1"]);
    rig.ends(1, Cause::NORMAL_CLEARING);
    rig.drain();
    rig.run_over(0);
    rig.says(&["cdr Answered", "finished"]);
    assert_eq!(rig.cdr.unwrap().from, Party::new("Office", "900"));
}

#[test]
fn a_call_from_the_api_that_nobody_answers_is_over() {
    let mut rig = Rig::new();
    rig.ask(originate(Then::App { name: "Echo".to_owned(), arguments: String::new() }));
    rig.located(0, 1);
    rig.drain();
    rig.ends(0, Cause::USER_BUSY);
    rig.says(&["release 0 17", "reply 0 dialed BUSY 17 by - 0ms go on", "cdr Busy", "finished"]);
    rig.is_clean();
}

#[test]
fn a_call_from_the_api_that_makes_no_sense_is_over() {
    let mut rig = Rig::new();
    let request = Request::Originate {
        on_behalf_of: None,
        targets: Vec::new(),
        caller: Party::default(),
        timeout: SECOND,
        then: Then::Nothing,
    };
    rig.ask(request);
    rig.says(&["reply 0 error invalid", "cdr Failed", "finished"]);
}

#[test]
fn an_application_dials_and_connects_by_hand() {
    let mut rig = Rig::offered();
    rig.ask(Request::Answer { leg: LegId(0) });
    let request = Request::Originate {
        on_behalf_of: Some(LegId(0)),
        targets: vec![Target::Uri("sip:out@example.net".to_owned())],
        caller: Party::new("", "900"),
        timeout: 20 * SECOND,
        then: Then::Nothing,
    };
    rig.ask(request);
    rig.says(&["answer 0", "reply 0 done", "originate 1 - sip:out@example.net from 900"]);
    rig.answers(1);
    rig.says(&["reply 1 originated 1"]);
    rig.ask(Request::Bridge { a: LegId(0), b: LegId(1) });
    rig.says(&["bridge 0 1", "reply 2 done"]);
    rig.ask(Request::Unbridge { leg: LegId(0) });
    rig.says(&["unbridge 0 1", "reply 3 done"]);
    // What was dialled for a run ends with it.
    rig.run_over(0);
    rig.says(&["release 0 16", "release 1 16", "cdr Answered", "finished"]);
}

#[test]
fn a_dial_for_a_run_is_cancelled_with_it() {
    let mut rig = Rig::offered();
    let request = Request::Originate {
        on_behalf_of: Some(LegId(0)),
        targets: vec![Target::Endpoint("200".to_owned())],
        caller: Party::default(),
        timeout: 20 * SECOND,
        then: Then::Nothing,
    };
    rig.ask(request);
    rig.located(0, 1);
    rig.drain();
    rig.run_over(0);
    let said = rig.drain();
    assert!(said.contains(&"reply 0 dialed CANCEL 16 by - 0ms go on".to_owned()), "{said:?}");
    rig.is_clean();
}

//! Life and death of legs and calls.

use super::*;

#[test]
fn an_answered_caller_who_hangs_up_ends_the_call() {
    let mut rig = Rig::offered();
    rig.ask(Request::Answer { leg: LegId(0) });
    rig.says(&["answer 0", "reply 0 done"]);
    rig.answers(0);
    rig.pass(3 * SECOND);
    rig.ends(0, Cause::NORMAL_CLEARING);
    rig.says(&["release 0 16"]);
    rig.pass(SECOND);
    rig.run_over(0);
    rig.says(&["cdr Answered", "finished"]);
    rig.is_clean();
    let cdr = rig.cdr.unwrap();
    assert_eq!((cdr.answer_ms, cdr.end_ms, cdr.billed_ms), (Some(0), 3_000, 3_000));
    assert_eq!((cdr.hung_up_by, cdr.cause, cdr.to.as_str()), (Side::Party, Cause::NORMAL_CLEARING, "200"));
}

/// Asterisk's automatic fall-through: the end of the dialplan hangs up.
#[test]
fn the_end_of_the_run_releases_the_leg() {
    let mut rig = Rig::offered();
    rig.run_over(0);
    rig.says(&["release 0 16", "cdr NoAnswer", "finished"]);
    rig.is_clean();
}

#[test]
fn the_run_may_name_the_cause() {
    let mut rig = Rig::offered();
    rig.tell(
        Input::RouteEnded { leg: LegId(0), cause: Some(Cause::USER_BUSY) },
        &["release 0 17", "cdr Busy", "finished"],
    );
}

#[test]
fn every_request_on_a_leg_that_is_gone_is_answered() {
    let mut rig = Rig::offered();
    rig.ends(0, Cause::NORMAL_CLEARING);
    rig.drain();
    let leg = LegId(0);
    rig.ask(Request::Answer { leg });
    rig.ask(Request::Wait { leg, duration: SECOND });
    rig.ask(Request::HangUp { leg, cause: Cause::NORMAL_CLEARING });
    rig.ask(Request::NextEvent { leg, timeout: SECOND });
    rig.ask(Request::NextEvent { leg, timeout: SECOND });
    rig.ask(Request::Attribute { leg, name: "caller.number".to_owned() });
    rig.ask(Request::Attribute { leg: LegId(9), name: "caller.number".to_owned() });
    rig.says(&[
        "reply 0 error gone",
        "reply 1 error gone",
        "reply 2 done",
        "reply 3 event 0 hangup",
        "reply 4 error gone",
        "reply 5 attribute Some(\"100\")",
        "reply 6 error gone",
    ]);
    rig.run_over(0);
    rig.drain();
    rig.ask(Request::Answer { leg });
    rig.says(&["reply 7 error gone"]);
    rig.is_clean();
}

#[test]
fn a_waiting_request_is_answered_when_the_leg_goes() {
    let mut rig = Rig::offered();
    rig.ask(Request::Wait { leg: LegId(0), duration: 60 * SECOND });
    rig.ask(Request::NextEvent { leg: LegId(0), timeout: 60 * SECOND });
    rig.ends(0, Cause::NORMAL_CLEARING);
    rig.says(&["reply 1 event 0 hangup", "reply 0 error gone", "release 0 16"]);
}

#[test]
fn a_run_that_never_ends_does_not_keep_the_call() {
    let mut rig = Rig::offered();
    rig.ends(0, Cause::NORMAL_CLEARING);
    rig.drain();
    rig.pass(crate::limit::RUN_AFTER_LEGS - SECOND);
    rig.says(&[]);
    rig.pass(SECOND);
    rig.says(&["end-route 0", "cdr NoAnswer", "finished"]);
    rig.is_clean();
    rig.run_over(0);
    rig.is_clean();
}

/// C3: a leg that nobody ever answers does not stay.
#[test]
fn a_leg_does_not_stay_unanswered_for_ever() {
    let mut rig = Rig::offered();
    rig.ask(Request::Ring { leg: LegId(0) });
    rig.drain();
    rig.pass(crate::limit::UNANSWERED);
    rig.says(&["release 0 19"]);
}

#[test]
fn a_call_is_cut_at_its_longest_duration() {
    let mut rig = Rig::talking();
    rig.pass(crate::limit::CALL - SECOND);
    rig.says(&[]);
    rig.pass(SECOND);
    rig.says(&["unbridge 0 1", "release 0 31", "release 1 31", "reply 0 dialed ANSWER 31 by 1 86400000ms leave"]);
}

#[test]
fn an_abort_ends_everything_at_once() {
    let mut rig = Rig::talking();
    rig.ask(Request::NextEvent { leg: LegId(1), timeout: SECOND });
    rig.drain();
    rig.tell(
        Input::Abort { cause: Cause::NORMAL_TEMPORARY_FAILURE },
        &[
            "reply 0 error gone",
            "unbridge 0 1",
            "release 0 41",
            "end-route 0",
            "release 1 41",
            "cdr Answered",
            "finished",
        ],
    );
    rig.is_clean();
}

#[test]
fn silence_of_the_media_ends_a_leg_unless_it_holds() {
    let mut rig = Rig::talking();
    rig.put(Input::LegHeld { leg: LegId(1), held: true });
    rig.drain();
    rig.put(Input::MediaTimeout { leg: LegId(1) });
    rig.says(&[]);
    rig.put(Input::LegHeld { leg: LegId(1), held: false });
    rig.drain();
    rig.put(Input::MediaTimeout { leg: LegId(1) });
    assert!(rig.drain().contains(&"release 1 27".to_owned()));
}

#[test]
fn silence_of_the_party_that_is_held_ends_it() {
    let mut rig = Rig::talking();
    rig.put(Input::LegHeld { leg: LegId(1), held: true });
    rig.drain();
    rig.put(Input::MediaTimeout { leg: LegId(0) });
    assert!(rig.drain().contains(&"release 0 27".to_owned()));
}

#[test]
fn whoever_holds_the_other_may_be_silent_be_it_both() {
    let mut rig = Rig::talking();
    for leg in [LegId(0), LegId(1)] {
        rig.put(Input::LegHeld { leg, held: true });
    }
    rig.drain();
    for leg in [LegId(0), LegId(1)] {
        rig.put(Input::MediaTimeout { leg });
    }
    rig.says(&[]);
}

#[test]
fn attributes_are_read_and_written_within_their_bounds() {
    let mut rig = Rig::offered();
    let leg = LegId(0);
    let set = |name: &str, value: &str| Request::SetAttribute { leg, name: name.to_owned(), value: value.to_owned() };
    let get = |name: &str| Request::Attribute { leg, name: name.to_owned() };
    rig.put(Input::LegCodec { leg, codec: "PCMA".to_owned() });
    for name in ["caller.name", "dialed.number", "endpoint", "state", "codec", "language"] {
        rig.ask(get(name));
    }
    rig.says(&[
        "reply 0 attribute Some(\"Alice\")",
        "reply 1 attribute Some(\"200\")",
        "reply 2 attribute Some(\"100\")",
        "reply 3 attribute Some(\"offered\")",
        "reply 4 attribute Some(\"PCMA\")",
        "reply 5 attribute None",
    ]);
    rig.ask(set("language", "de"));
    rig.ask(get("language"));
    rig.ask(set("endpoint", "200"));
    // B8: nothing that could become a header line.
    rig.ask(set("caller.name", "x\r\nRoute: y"));
    rig.ask(set("caller.number", "777"));
    rig.ask(get("caller.number"));
    rig.ask(set("caller.privacy", "perhaps"));
    rig.ask(set("caller.privacy", "id"));
    rig.ask(get("caller.privacy"));
    rig.says(&[
        "reply 6 done",
        "reply 7 attribute Some(\"de\")",
        "reply 8 error denied",
        "reply 9 error invalid",
        "reply 10 done",
        "reply 11 attribute Some(\"777\")",
        "reply 12 error invalid",
        "reply 13 done",
        "reply 14 attribute Some(\"id\")",
    ]);
}

#[test]
fn the_view_shows_the_live_legs() {
    let mut rig = Rig::talking();
    rig.pass(2 * SECOND);
    let view = rig.call.view(rig.now);
    assert_eq!(view.len(), 2);
    assert_eq!((view[0].state, view[0].partner, view[0].talked_ms), ("up", Some(LegId(1)), Some(2000)));
    rig.ends(1, Cause::NORMAL_CLEARING);
    assert!(rig.call.view(rig.now).is_empty());
}

/// Not a gate (a shared machine cannot promise time), a figure: run it with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "prints a figure"]
#[expect(clippy::disallowed_methods, reason = "it measures")]
fn cost_of_an_input() {
    let rounds = 20_000_u32;
    let begin = Instant::now();
    let mut inputs = 0;
    for _ in 0..rounds {
        let mut rig = Rig::talking();
        rig.put(Input::LegHeld { leg: LegId(1), held: true });
        rig.put(Input::LegHeld { leg: LegId(1), held: false });
        rig.ends(1, Cause::NORMAL_CLEARING);
        rig.run_over(0);
        while rig.call.poll_effect().is_some() {}
        inputs += 9;
    }
    println!("{} ns per input", begin.elapsed().as_nanos() / inputs);
}

//! Where a call goes, verb by verb.

use super::*;

#[test]
fn priorities_run_in_order_and_end_in_hang_up() {
    check("exten => 1,1,A()\n same => n,B()\n same => n,C()", &["A()", "B()", "C()"]);
    check("exten => 1,1,A()\n same => 3,B()", &["A()"]);
    check("exten => 1,1,Goto(far)\n same => n,A()\n same => s+10(far),B()\n same => n,C()", &["B()", "C()"]);
    // A number's priorities may come from several patterns, the most specific first.
    check("exten => 1,1,A()\nexten => _X,1,X()\nexten => _X,2,B()\nexten => _[12],2,C()", &["A()", "C()"]);
    check("exten => 1,1,Hangup(USER_BUSY)\n same => n,A()", &["hangup 17"]);
    check("exten => 1,1,Hangup(34)", &["hangup 34"]);
    check(
        "exten => 1,1,Answer()\n same => n,Answer(500)\n same => n,Ringing\n same => n,Progress()",
        &["Answer", "Answer", "wait 0.5", "Ringing", "Progress"],
    );
    check("exten => 1,1,Wait(1.5)\n same => n,Wait(0)\n same => n,Wait()\n same => n,A()", &["wait 1.5", "A()"]);
    check("exten => 1,1,Busy(3)", &["Busy { timeout: Some(3s) }", "hangup 17"]);
    check("exten => 1,1,Congestion()", &["Congestion { timeout: None }", "hangup 34"]);
}

#[test]
fn dial_status_decides_the_end() {
    for (status, end) in
        [("BUSY", "hangup 17"), ("CHANUNAVAIL", "hangup 34"), ("NOANSWER", "hangup"), ("ANSWER", "hangup")]
    {
        let plan = plan("[test]\nexten => _1XX,1,Dial(PJSIP/${EXTEN}&SIP/101,30,tT)");
        let mut run = start(&plan, "test", "100");
        assert_eq!(show(&run.step(&noon(), Reply::Start)), "Dial(PJSIP/100&SIP/101,30,tT)");
        run.set_variable("DIALSTATUS", status);
        assert_eq!(show(&run.step(&noon(), Reply::Done)), end, "{status}");
    }
    check_with(
        "exten => 1,1,Dial(1)\n same => n,A(${DIALSTATUS})",
        &[("Dial", failed("no such endpoint"))],
        &["Dial(1)", "log dialplan.conf:2: Dial failed: no such endpoint", "A(CHANUNAVAIL)", "hangup 34"],
    );
}

#[test]
fn goto_in_all_its_forms() {
    let rest =
        "\n same => n,A()\n same => n(here),B()\nexten => 2,1,C()\n same => n(two),D()\n[other]\nexten => 1,1,E()\n";
    let check = |target: &str, expected: &[&str]| check(&format!("exten => 1,1,{target}{rest}"), expected);
    check("Goto(here)", &["B()"]);
    check("Goto(3)", &["B()"]);
    check("Goto(+2)", &["B()"]);
    check("Goto(n)", &["A()", "B()"]);
    check("Goto(2,1)", &["C()", "D()"]);
    check("Goto(2,two)", &["D()"]);
    check("Goto(test, 2, 1)", &["C()", "D()"]);
    check("Goto(other,1,1)", &["E()"]);
    check("Goto(${CONTEXT},${EXTEN},here)", &["B()"]);
    check("GotoIf(1?here)", &["B()"]);
    check("GotoIf(0?here)", &["A()", "B()"]);
    check("GotoIf($[ 1 = 2 ]?here:2,two)", &["D()"]);
    check("GotoIf($[ 1 = 1 ]?other,1,1:2,two)", &["E()"]);
    check("GotoIf($[ 1 = 1 ]?:2,two)", &["A()", "B()"]);
    check("GotoIf(text?here)", &["B()"]);
    check("GotoIf(${MISSING}?here)", &["A()", "B()"]);
    check("GotoIfTime(09:00-17:00,mon-fri,*,*?here)", &["B()"]);
    check("GotoIfTime(09:00-17:00,sat-sun,*,*?here:2,1)", &["C()", "D()"]);
    check("GotoIfTime(${IF(1?\"12:00\")},wed?here)", &["B()"]);
    check(
        "GotoIfTime(${IF(1?noon)}?here)",
        &["log dialplan.conf:2: `noon` is not a time or a range of times", "A()", "B()"],
    );
    check("ExecIf(1?Goto(2,two))", &["D()"]);
    check("ExecIf($[1 = 2]?X():Set(V=1))", &["A()", "B()"]);
    check("ExecIf($[1 = 1]?X(a:b,${EXTEN}):Y())", &["X(a:b,1)", "A()", "B()"]);
    check("ExecIf(1?ExecIf(0?X():Y()))", &["Y()", "A()", "B()"]);
    check("ExecIfTime(*,wed,*,*?X())", &["X()", "A()", "B()"]);
}

/// F12: `i` for what is not there, else `e`, else the end with file and line.
#[test]
fn a_missing_extension_leads_to_i() {
    let invalid = "exten => i,1,I(${INVALID_EXTEN} ${EXCEPTION(reason)} ${EXCEPTION(exten)})\n";
    check(&format!("exten => 1,1,Goto(9,1)\n{invalid}"), &["I(9 INVALID 9)"]);
    check(
        "exten => 1,1,Goto(9,1)\nexten => e,1,E(${EXCEPTION(reason)} ${EXCEPTION(context)})\n",
        &["log dialplan.conf:2: 9 is not in the context test", "E(ERROR test)"],
    );
    check("exten => 1,1,Goto(9,1)", &["log dialplan.conf:2: 9 is not in the context test", "hangup 41"]);
    check("exten => 1,1,Goto(o,9,1)\n[o]\nexten => i,1,OI(${CONTEXT})", &["OI(o)"]);
    check(
        "exten => 1,1,Goto(${X}x,s,1)\nexten => i,1,I()",
        &["log dialplan.conf:2: the context x does not exist", "hangup 41"],
    );
    check("exten => 1,1,Goto(${X}label)", &["log dialplan.conf:2: there is no priority or label label", "hangup 41"]);
    // A hint alone is nothing to run.
    check("exten => 1,1,Goto(9,1)\nexten => 9,hint,SIP/9\nexten => i,1,I()", &["I()"]);
}

#[test]
fn what_is_dialled_and_not_there() {
    let dial = |text: &str, extension: &str| run_with(&plan(text), extension, &[]);
    assert_eq!(dial("[test]\nexten => 1,1,A()\nexten => h,1,H()", "2"), ["hangup 1"]);
    assert_eq!(dial("[test]\nexten => 1,1,A()\nexten => i,1,I(${INVALID_EXTEN})", "2"), ["I(2)", "hangup"]);
    assert_eq!(dial("[other]\nexten => 1,1,A()", "1"), ["log the context test does not exist", "hangup 1"]);
    assert_eq!(dial("[test]\nexten => 555-1212,1,A(${EXTEN})", "5551212"), ["A(5551212)", "hangup"]);
    assert_eq!(dial("[test]\nexten => 5551212,1,A(${EXTEN})", "555-1212"), ["A(555-1212)", "hangup"]);
    assert_eq!(dial("[test]\nexten => front-desk,1,A()", "front-desk"), ["A()", "hangup"]);
    assert_eq!(dial("[test]\nexten => front-desk,1,A()", "frontdesk"), ["hangup 1"]);
}

#[test]
fn includes_by_order_and_time() {
    let text = "[test]\nexten => 1,1,A(${CONTEXT})\ninclude => night,18:00-08:00,*,*,*\ninclude => day,08:00-18:00,mon-fri,*,*\ninclude => all\n\
        [night]\nexten => 2,1,N()\n[day]\nexten => 2,1,D(${CONTEXT})\nexten => _X,2,D2()\n[all]\nexten => _X,1,X()\nexten => _X,2,X2()\ninclude => test\n";
    let plan = plan(text);
    assert_eq!(run_with(&plan, "1", &[]), ["A(test)", "D2()", "hangup"]);
    // The context stays the one that includes.
    assert_eq!(run_with(&plan, "2", &[]), ["D(test)", "D2()", "hangup"]);
    assert_eq!(run_with(&plan, "3", &[]), ["X()", "D2()", "hangup"]);
    assert!(plan.has_extension(&noon(), "test", "7", ""));
    assert!(!plan.has_extension(&noon(), "test", "77", ""));
    assert!(!plan.has_extension(&noon(), "nowhere", "7", ""));
}

#[test]
fn the_caller_chooses_among_lines_of_one_number() {
    let plan = plan(
        "[test]\nexten => 1,1,All()\nexten => 1/_6XX,1,Six()\nexten => 1/601,1,One()\nexten => 1/,1,Nobody()\nexten => _X,1,X()",
    );
    let first = |caller: &str| {
        let start = Start { context: "test".into(), extension: "1".into(), caller: caller.into(), ..Start::default() };
        show(&plan.start(start).step(&noon(), Reply::Start))
    };
    assert_eq!(first("700"), "All()");
    assert_eq!(first("600"), "Six()");
    assert_eq!(first(""), "Nobody()");
}

#[test]
fn subroutines() {
    check(
        "exten => 1,1,Gosub(sub,s,1(a,${EXTEN},\"c,d\"))\n same => n,A(${GOSUB_RETVAL} ${ARG1}${ARGC} ${X})\n[sub]\n\
         exten => s,1,S(${ARGC} ${ARG1} ${ARG2} ${ARG3} ${ARG4})\n same => n,Set(LOCAL(X)=in)\n same => n,Set(X=inner)\n same => n,L(${LOCAL(X)})\n same => n,Return(${X}!)",
        &["S(3 a 1 c,d )", "L(inner)", "A(inner!  )"],
    );
    // Arguments of the outer call are not those of the inner, and come back.
    check(
        "exten => 1,1,Gosub(sub(x,y))\n same => n,Hangup()\n same => n(sub),Gosub(in(z))\n same => n,B(${ARG1}${ARG2})\n same => n,Return()\n same => n(in),C(${ARG1}${ARG2})\n same => n,Return()",
        &["C(z)", "B(xy)"],
    );
    check(
        "exten => 1,1,GosubIf(0?a(1):b(2,3))\n same => n,Hangup()\n same => n(a),A(${ARG1})\n same => n(b),B(${ARG1}${ARG2})\n same => n,Return()",
        &["B(23)"],
    );
    check(
        "exten => 1,1,GosubIf(1?a(1):b(2,3))\n same => n,Hangup()\n same => n(a),A(${ARG1})\n same => n,Return()\n same => n(b),B()",
        &["A(1)"],
    );
    check("exten => 1,1,GosubIf(0?a(1))\n same => n(a),A(${ARG1})", &["A()"]);
    check(
        "exten => 1,1,Gosub(a)\n same => n,X()\n same => n(a),StackPop()\n same => n,A()\n same => n,Return()",
        &["A()", "log dialplan.conf:6: Return outside of a subroutine", "hangup 41"],
    );
    check("exten => 1,1,Gosub(nowhere,s,1)", &["log dialplan.conf:2: the context nowhere does not exist", "hangup 41"]);
}

#[test]
fn loops() {
    let lines = "exten => 1,1,Set(I=0)\n same => n,While($[${I} < 3])\n same => n,Set(I=$[${I} + 1])\n\
        same => n,ExecIf($[${I} = 2]?ContinueWhile)\n same => n,A(${I})\n same => n,EndWhile\n same => n,B(${I})";
    check(lines, &["A(1)", "A(3)", "B(3)"]);
    check(&lines.replace("ContinueWhile", "ExitWhile()"), &["A(1)", "B(2)"]);
    check(
        "exten => 1,1,Set(I=0)\n same => n,While($[${I} < 2])\n same => n,Set(J=0)\n same => n,While($[${J} < 2])\n same => n,A(${I}${J})\n\
         same => n,Set(J=$[${J} + 1])\n same => n,EndWhile()\n same => n,Set(I=$[${I} + 1])\n same => n,EndWhile()\n same => n,B()",
        &["A(00)", "A(01)", "A(10)", "A(11)", "B()"],
    );
    check("exten => 1,1,While(0)\n same => n,A()\n same => n,EndWhile()", &[]);
    check("exten => 1,1,ExitWhile()", &["log dialplan.conf:2: there is no While around this line", "hangup 41"]);
}

const MENU: &str = "exten => 1,1,WaitExten(4)\nexten => 2,1,Two()\nexten => 3X,1,Thirty()\nexten => _3X,1,Thirty(${EXTEN})\nexten => _4.,1,Four(${EXTEN})\nexten => 45,1,FourFive()\n";

#[test]
fn digits_are_matched_as_they_come() {
    let digit = |c| Reply::Digit(c);
    let menu = format!("{MENU}exten => i,1,I(${{INVALID_EXTEN}})\nexten => t,1,T(${{EXCEPTION(reason)}})");
    check_with(&menu, &[("digit?", digit('2'))], &["digit? 4", "Two()"]);
    check_with(&menu, &[("digit?", digit('3')), ("digit?", digit('7'))], &["digit? 4", "digit? 5", "Thirty(37)"]);
    check_with(&menu, &[("digit?", digit('9'))], &["digit? 4", "I(9)"]);
    check_with(&menu, &[("digit?", digit('3')), ("digit?", Reply::TimedOut)], &["digit? 4", "digit? 5", "I(3)"]);
    check_with(&menu, &[("digit?", Reply::TimedOut)], &["digit? 4", "T(RESPONSETIMEOUT)"]);
    check_with(
        &menu,
        &[("digit?", digit('4')), ("digit?", digit('5')), ("digit?", digit('6')), ("digit?", Reply::TimedOut)],
        &["digit? 4", "digit? 5", "digit? 5", "digit? 5", "Four(456)"],
    );
    // Without `t` the call ends; with a next line it goes on there, as in Asterisk.
    check_with(MENU, &[("digit?", Reply::TimedOut)], &["digit? 4"]);
    check_with(&format!("{MENU}exten => 1,2,Next()"), &[("digit?", Reply::TimedOut)], &["digit? 4", "Next()"]);
    check_with(
        "exten => 1,1,Set(TIMEOUT(digit)=2.5)\n same => n,Set(TIMEOUT(response)=7)\n same => n,Background(menu)\n same => n,WaitExten()\nexten => _2X,1,A()",
        &[("digit?", digit('2')), ("digit?", digit('1'))],
        &["Background(menu)", "digit? 7", "digit? 2.5", "A()"],
    );
}

/// A key during `Background` is the first of an extension.
#[test]
fn an_application_may_end_with_a_digit() {
    let menu = "exten => 1,1,Background(menu)\n same => n,WaitExten()\nexten => 2,1,Two()\nexten => _3X,1,Three(${EXTEN})\nexten => i,1,I(${INVALID_EXTEN})";
    check_with(menu, &[("Background", Reply::Digit('2'))], &["Background(menu)", "Two()"]);
    check_with(
        menu,
        &[("Background", Reply::Digit('3')), ("digit?", Reply::Digit('1'))],
        &["Background(menu)", "digit? 5", "Three(31)"],
    );
    check_with(menu, &[("Background", Reply::Digit('8'))], &["Background(menu)", "I(8)"]);
}

#[test]
fn after_the_hang_up_h_runs_once() {
    let h = "exten => h,1,H1(${EXTEN} ${HANGUPCAUSE}${X})\n same => n,H2()\n same => n,Hangup()\n same => n,H3()";
    check_with(&format!("exten => 1,1,A()\n same => n,B()\n{h}"), &[("A", Reply::HungUp)], &["A()", "H1(h )", "H2()"]);
    check(&format!("exten => 1,1,Set(X=7)\n same => n,Hangup(16)\n{h}"), &["hangup 16", "H1(h 7)", "H2()"]);
    check_with(
        &format!("exten => 1,1,A()\n{h}"),
        &[("A", Reply::HungUp), ("H1", Reply::HungUp)],
        &["A()", "H1(h )", "H2()"],
    );
    // Also from a time-out question, a function and a log line; and h of the context it is in.
    check_with(
        &format!("exten => 1,1,WaitExten()\n{h}"),
        &[("digit?", Reply::HungUp)],
        &["digit? 10", "H1(h )", "H2()"],
    );
    check_with(&format!("exten => 1,1,A(${{F(x)}})\n{h}"), &[("F", Reply::HungUp)], &["F[x]", "H1(h )", "H2()"]);
    check_with(
        &format!("exten => 1,1,Verbose(v)\n same => n,B()\n{h}"),
        &[("log", Reply::HungUp)],
        &["log v", "H1(h )", "H2()"],
    );
    check_with(
        "exten => 1,1,Goto(o,1,1)\nexten => h,1,No()\n[o]\nexten => 1,1,A()\nexten => h,1,Yes()",
        &[("A", Reply::HungUp)],
        &["A()", "Yes()"],
    );
    check_with(
        "exten => 1,1,Gosub(s,1(x))\nexten => s,1,A()\nexten => h,1,H(${ARG1})\n same => n,Return()",
        &[("A", Reply::HungUp)],
        &["A()", "H()", "log dialplan.conf:5: Return outside of a subroutine"],
    );
}

#[test]
fn a_finished_run_stays_finished() {
    let plan = plan("[test]\nexten => 1,1,Hangup()");
    let mut run = start(&plan, "test", "1");
    assert_eq!(run.step(&noon(), Reply::HungUp), Ask::Finished);
    for reply in [Reply::Start, Reply::Done, Reply::HungUp, Reply::AbsoluteTimeout, Reply::Digit('1'), value("x")] {
        assert_eq!(run.step(&noon(), reply), Ask::Finished);
    }
    assert_eq!(run.go_to(&noon(), "test", "1", "1"), Err(GoToError::Over));
}

/// A broken plugin gives the caller a defined fall-back and never the next line: it may have been `Authenticate`.
#[test]
fn a_failed_application_goes_to_e_or_ends() {
    let broken = [("A", failed("trap: out of bounds"))];
    check_with(
        "exten => 1,1,A()\n same => n,Secret()",
        &broken,
        &["A()", "log dialplan.conf:2: trap: out of bounds", "hangup 41"],
    );
    check_with(
        "exten => 1,1,A()\n same => n,Secret()\nexten => e,1,Sorry(${EXCEPTION(exten)}/${EXCEPTION(priority)})",
        &broken,
        &["A()", "log dialplan.conf:2: trap: out of bounds", "Sorry(1/1)"],
    );
}

#[test]
fn the_absolute_time_out() {
    let lines = "exten => 1,1,Set(TIMEOUT(absolute)=60)\n same => n,A()\n same => n,B()\n";
    let set = "SetAbsoluteTimeout(Some(60s))";
    check_with(lines, &[("A", Reply::AbsoluteTimeout)], &[set, "A()"]);
    check_with(
        &format!("{lines}exten => T,1,T(${{EXCEPTION(reason)}})"),
        &[("A", Reply::AbsoluteTimeout)],
        &[set, "A()", "T(ABSOLUTETIMEOUT)"],
    );
    check("exten => 1,1,Set(TIMEOUT(absolute)=0)\n same => n,A()", &["SetAbsoluteTimeout(None)", "A()"]);
}

#[test]
fn go_to_takes_effect_after_the_present_question() {
    let plan = plan("[test]\nexten => 1,1,A()\n same => n,B()\n[other]\nexten => 7,1,C(${EXTEN})\n same => n(x),D()");
    let mut run = start(&plan, "test", "1");
    assert_eq!(show(&run.step(&noon(), Reply::Start)), "A()");
    assert_eq!(run.go_to(&noon(), "nowhere", "7", "1"), Err(GoToError::Context));
    assert_eq!(run.go_to(&noon(), "other", "8", "1"), Err(GoToError::Extension));
    assert_eq!(run.go_to(&noon(), "other", "7", "9"), Err(GoToError::Priority));
    assert_eq!(run.location(), Location { context: "test".into(), extension: "1".into(), priority: 1 });
    run.go_to(&noon(), "other", "7", "x").unwrap();
    assert_eq!(show(&run.step(&noon(), Reply::Done)), "D()");
    run.go_to(&noon(), "", "", "1").unwrap();
    assert_eq!(show(&run.step(&noon(), failed("transferred away"))), "C(7)");
}

/// The way a plugin's `Background` hands over the key that ended it: priority `*`.
#[test]
fn go_to_may_give_only_the_beginning() {
    let plan = plan(
        "[test]\nexten => 1,1,Background(m)\n same => n,Next()\nexten => 2,1,Two()\nexten => _3X,1,Three(${EXTEN})\nexten => i,1,I(${INVALID_EXTEN})",
    );
    let ends = |typed: &str, digits: &[char]| {
        let mut run = start(&plan, "test", "1");
        assert_eq!(show(&run.step(&noon(), Reply::Start)), "Background(m)");
        run.go_to(&noon(), "", typed, "*").unwrap();
        let mut ask = run.step(&noon(), Reply::Done);
        for digit in digits {
            assert_eq!(show(&ask), "digit? 5");
            ask = run.step(&noon(), Reply::Digit(*digit));
        }
        show(&ask)
    };
    assert_eq!(ends("2", &[]), "Two()");
    assert_eq!(ends("3", &['4']), "Three(34)");
    assert_eq!(ends("35", &[]), "Three(35)");
    assert_eq!(ends("8", &[]), "I(8)");
}

#[test]
fn hints_are_answered() {
    let plan = plan(
        "[globals]\nT=PJSIP\n[test]\nexten => 1234,hint,CustomPresence:led1\nexten => _1XX,hint,${T}/${EXTEN}&Custom:${EXTEN:-2}\nexten => 200,1,A(${HINT(101)} ${HINT(1234@test)})",
    );
    assert_eq!(plan.hint(&noon(), "test", "1234").as_deref(), Some("CustomPresence:led1"));
    assert_eq!(plan.hint(&noon(), "test", "105").as_deref(), Some("PJSIP/105&Custom:05"));
    assert_eq!(plan.hint(&noon(), "test", "205"), None);
    assert_eq!(
        plan.hints().collect::<Vec<_>>(),
        [("test", "1234", "CustomPresence:led1"), ("test", "_1XX", "${T}/${EXTEN}&Custom:${EXTEN:-2}"),]
    );
    assert_eq!(run_with(&plan, "200", &[])[0], "A(PJSIP/101&Custom:01 CustomPresence:led1)");
}

/// The talk's two companies as one tenant each, with the talk's faults corrected: `i` and `t` are there, digits are filtered, and
/// `*89` takes the mailbox from the endpoint, not from the caller's name (F12).
#[test]
fn the_ivr_of_the_talk() {
    let text = "[public]\nexten => 912345678,1,Goto(company1,s,1)\n\
        [company1]\nexten => s,1,Set(CHANNEL(namedcallgroup)=company1)\n same => n,Playback(company1_welcome)\n same => n,Goto(company1_IVR,s,1)\n\
        [company1_IVR]\nexten => s,1,Read(option,company1_menuyopciones,1,,2,5)\n same => n,Goto(company1_IVR,${FILTER(0-9,${option})},1)\n\
        exten => 1,1,Dial(300)\nexten => 2,1,Dial(301)\nexten => 3,1,Queue(commercial)\nexten => 4,1,Queue(support)\n\
        exten => i,1,Playback(pbx-invalid)\n same => n,Goto(s,1)\nexten => t,1,Hangup()\nexten => h,1,NoOp(done)\n\
        [company1_outgoing]\nexten => _3XX,1,Dial(${EXTEN})\nexten => _[6-9]XXXXXXXX,1,Gosub(outbound,s,1(${EXTEN}))\n\
        exten => *89,1,Answer()\n same => n,VoiceMailMain(${CHANNEL(endpoint)})\n\
        [outbound]\nexten => s,1,Dial(trunk/${ARG1},60)\n same => n,Return()\n";
    let plan = plan(text);
    assert_eq!(plan.warnings(), []);
    let mut run = start(&plan, "public", "912345678");
    let mut step = |reply: Reply| show(&run.step(&noon(), reply));
    assert_eq!(step(Reply::Start), "CHANNEL[namedcallgroup]=company1");
    assert_eq!(step(Reply::Done), "Playback(company1_welcome)");
    assert_eq!(step(Reply::Done), "Read(option,company1_menuyopciones,1,,2,5)");
    run.set_variable("option", "9");
    let mut step = |reply: Reply| show(&run.step(&noon(), reply));
    assert_eq!(step(Reply::Done), "FILTER[0-9|9]");
    assert_eq!(step(value("9")), "Playback(pbx-invalid)");
    assert_eq!(step(Reply::Done), "Read(option,company1_menuyopciones,1,,2,5)");
    run.set_variable("option", "2");
    let mut step = |reply: Reply| show(&run.step(&noon(), reply));
    assert_eq!(step(Reply::Done), "FILTER[0-9|2]");
    assert_eq!(step(value("2")), "Dial(301)");
    assert_eq!(step(Reply::HungUp), "Finished");

    let mut run = start(&plan, "company1_outgoing", "612345678");
    assert_eq!(show(&run.step(&noon(), Reply::Start)), "Dial(trunk/612345678,60)");
    let mut run = start(&plan, "company1_outgoing", "*89");
    assert_eq!(run.step(&noon(), Reply::Start), Ask::Answer);
    assert_eq!(show(&run.step(&noon(), Reply::Done)), "CHANNEL[endpoint]");
    assert_eq!(show(&run.step(&noon(), value("300"))), "VoiceMailMain(300)");
}

#[test]
fn durations_are_bounded() {
    check(
        "exten => 1,1,Wait(999999999)\n same => n,Wait(-5)\n same => n,Wait(${X}soon)",
        &["wait 86400", "log dialplan.conf:4: soon is not a number of seconds"],
    );
    assert_eq!(limit::WAIT, Duration::from_secs(86_400));
}

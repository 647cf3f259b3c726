//! Callers and plans that mean harm, or are simply wrong: everything is bounded and told (hostile A9, A10, G2).

use super::*;

/// F12: what a caller dials or types never adds an argument, whatever the plan does with it.
#[test]
fn values_never_become_arguments() {
    let secret = "[secret]\nexten => s,1,Secret()\nexten => 1,1,Secret()\n";
    let read = |lines: &str, typed: &str| {
        let plan =
            plan(&format!("[test]\nexten => 1,1,Read(x)\n{lines}\nexten => i,1,I(${{INVALID_EXTEN}})\n{secret}"));
        let mut run = start(&plan, "test", "1");
        assert_eq!(show(&run.step(&noon(), Reply::Start)), "Read(x)");
        run.set_variable("x", typed);
        show(&run.step(&noon(), Reply::Done))
    };
    assert_eq!(read(" same => n,Goto(${x},1)", "secret,s"), "I(secrets)");
    assert_eq!(read(" same => n,Goto(test,${x},1)", "1,1)"), "I(11)");
    assert_eq!(
        read(" same => n,Goto(${x})", "secret,s,1"),
        "log dialplan.conf:3: there is no priority or label secret,s,1"
    );
    assert_eq!(read(" same => n,GotoIf(${x}?i,1:i,1)", "0?secret,s,1:"), "I()");
    assert_eq!(read(" same => n,GotoIf($[\"${x}\" = \"1\"]?secret,s,1:i,1)", "0\" | \"1"), "I()");
    assert_eq!(read(" same => n,Gosub(i,1(${x}))\nexten => i,2,J(${ARGC})", "a,b)"), "I()");
    assert_eq!(read(" same => n,Set(y=${FILTER(0-9,${x})})", "1,2)"), "FILTER[0-9|1,2)]");
    assert_eq!(read(" same => n,App(<${${x}}>)", "DB(secret/pin)"), "App(<>)");
    assert_eq!(read(" same => n,App(${x})", "${EXTEN}$[1+1]"), "App(${EXTEN}$[1+1])");
    assert_eq!(read(" same => n,Set(${x}=1)\n same => n,App(${A})", "DB(a/b)"), "App()");
}

/// A9: an extension with delimiters, control characters or an escape matches no pattern, not even `_.` and `_!`.
#[test]
fn what_cannot_be_dialled_matches_nothing() {
    let plan =
        plan("[test]\nexten => _.,1,Dial(PJSIP/${EXTEN},30)\nexten => _!,1,A()\nexten => i,1,I(${INVALID_EXTEN})");
    let long = "1".repeat(limit::EXTENSION_CHARS + 1);
    let bad = [
        "1,30,g",
        "1&PJSIP/2",
        "1)",
        "${X}",
        "$[1]",
        "1|2",
        "a b",
        "1\r\n",
        "1\0",
        "\u{1b}[31m",
        "1;2",
        "\u{202e}21",
        "a\"b",
        "",
        &long,
    ];
    for dialled in bad {
        let shown = run_with(&plan, dialled, &[])[0].clone();
        assert!(shown.starts_with("I("), "{dialled:?}: {shown}");
        assert!(!shown.contains([',', '&', '$', '\r', '\0', '\u{1b}', '\u{202e}']), "{shown:?}");
    }
    for good in ["1", "+34912345678", "*89", "#1", "alice", "front-desk", "a.b_c@example.org", "héctor", "100%"] {
        let shown = run_with(&plan, good, &[])[0].clone();
        assert!(shown.starts_with("Dial("), "{good}: {shown}");
    }
}

/// A caller who dials `h` would run what belongs to the end of a call.
#[test]
fn special_extensions_cannot_be_dialled() {
    let lines: String =
        ["h", "i", "t", "T", "e", "s", "o", "a"].iter().map(|name| format!("exten => {name},1,X{name}()\n")).collect();
    let plan = plan(&format!("[test]\n{lines}"));
    for name in ["h", "i", "t", "T", "e"] {
        assert_eq!(run_with(&plan, name, &[])[0], "Xi()", "{name}");
        assert!(!plan.has_extension(&noon(), "test", name, ""), "{name}");
    }
    for name in ["s", "o", "a"] {
        assert_eq!(run_with(&plan, name, &[])[0], format!("X{name}()"));
    }
}

/// G2: a value cannot forge a log line.
#[test]
fn log_lines_are_escaped() {
    let plan = plan("[test]\nexten => 1,1,Verbose(from ${x})\n same => n,Goto(${x},1)");
    let mut run = plan.start(Start {
        context: "test".into(),
        extension: "1".into(),
        variables: vec![("x".into(), "a\r\nFORGED \u{1b}[2J\u{202e}".into())],
        ..Start::default()
    });
    assert_eq!(show(&run.step(&noon(), Reply::Start)), "log from a\\u{d}\\u{a}FORGED \\u{1b}[2J\\u{202e}");
    let fault = show(&run.step(&noon(), Reply::Done));
    assert_eq!(fault, "log dialplan.conf:3: a\\u{d}\\u{a}FORGED \\u{1b}[2J\\u{202e} is not in the context test");
}

/// A10: a plan that loops without an effect ends with a cause and says where.
#[test]
fn loops_without_an_effect_end() {
    let looping = |lines: &str| run_with(&plan(&format!("[test]\n{lines}")), "1", &[]);
    let told =
        |line: u32| format!("log dialplan.conf:{line}: the plan is looping without an effect, the call is hung up");
    assert_eq!(looping("exten => 1,1,Goto(1)"), [told(2), "hangup 25".into()]);
    assert_eq!(looping("exten => 1,1,While(1)\n same => n,EndWhile()").last().unwrap(), "hangup 25");
    assert_eq!(looping("exten => 1,1,Set(X=${X}aaaaaaaa)\n same => n,Goto(1)").last().unwrap(), "hangup 25");
    assert_eq!(looping("exten => 1,1,Goto(9,1)\nexten => i,1,Goto(9,1)").last().unwrap(), "hangup 25");
    assert_eq!(looping("exten => 1,1,Hangup()\nexten => h,1,Goto(1)"), ["hangup".to_owned(), told(3)]);
    // `Answer` and functions take no time; `Wait(0)` neither.
    let plan =
        plan("[test]\nexten => 1,1,Answer()\n same => n,Set(X=${LEN(x)})\n same => n,Wait(0)\n same => n,Goto(1)");
    let mut run = start(&plan, "test", "1");
    let mut asks = 0;
    while !matches!(run.step(&noon(), Reply::Done), Ask::HangUp(Some(25))) {
        asks += 1;
        assert!(asks < limit::IDLE_STEPS);
    }
}

/// A loop that waits is a service, up to the bound for all of a call.
#[test]
fn loops_that_wait_go_on() {
    let plan = plan("[test]\nexten => 1,1,Wait(1)\n same => n,Goto(1)");
    let mut run = start(&plan, "test", "1");
    for _ in 0..3 * limit::IDLE_STEPS {
        assert_eq!(run.step(&noon(), Reply::Done), Ask::Wait(Duration::from_secs(1)));
    }
    let mut more = 0;
    while run.step(&noon(), Reply::Done) == Ask::Wait(Duration::from_secs(1)) {
        more += 1;
        assert!(more < limit::STEPS);
    }
    assert_eq!(run.step(&noon(), Reply::Done), Ask::HangUp(Some(25)));
}

#[test]
fn recursion_ends() {
    let plan = plan("[test]\nexten => 1,1,Gosub(1,1(${ARG1}x))\n same => n,Return()");
    let asks = run_with(&plan, "1", &[]);
    let told = format!("log dialplan.conf:2: Gosub is nested deeper than {}", limit::GOSUB_DEPTH);
    assert_eq!(asks, [told, "hangup 25".into()]);
}

#[test]
fn a_faulty_e_ends() {
    let plan = plan("[test]\nexten => 1,1,Goto(9,1)\nexten => e,1,Goto(9,1)");
    let asks = run_with(&plan, "1", &[]);
    assert_eq!(asks.iter().filter(|ask| ask.starts_with("log")).count(), limit::FAULTS as usize + 1);
    assert_eq!(asks.last().unwrap(), "hangup 41");
}

#[test]
fn values_and_variables_are_bounded() {
    let plan = plan("[test]\nexten => 1,1,Wait(1)\n same => n,Set(X=${X}${X})\n same => n,App(${X}${X})");
    let mut run = start(&plan, "test", "1");
    run.step(&noon(), Reply::Start);
    run.set_variable("X", &"é".repeat(limit::VALUE_BYTES));
    assert_eq!(run.variable("X").unwrap().len(), limit::VALUE_BYTES);
    let mut asks = Vec::new();
    loop {
        match run.step(&noon(), Reply::Done) {
            Ask::Log { message, .. } => asks.push(message),
            Ask::App { arguments, .. } => {
                assert_eq!(arguments.len(), limit::VALUE_BYTES);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(asks.iter().any(|message| message == "dialplan.conf:3: a value is cut at 8192 bytes"), "{asks:?}");

    for nth in 0..2 * limit::VARIABLES {
        run.set_variable(&format!("V{nth}"), "1");
    }
    assert_eq!(run.variable("V100").as_deref(), Some("1"));
    assert_eq!(run.variable(&format!("V{}", limit::VARIABLES)), None);
    let big = "x".repeat(limit::VALUE_BYTES);
    for nth in 0..100 {
        run.set_variable(&format!("V{nth}"), &big);
    }
    let bytes: usize = (0..100).map(|nth| run.variable(&format!("V{nth}")).unwrap().len()).sum();
    assert!(bytes <= limit::VARIABLE_BYTES);
    run.set_variable(&"n".repeat(limit::NAME_BYTES + 1), "1");
    run.set_variable("", "1");
    assert_eq!(run.variable(""), None);
}

/// Locals give back what they took, however deep.
#[test]
fn leaving_a_subroutine_gives_its_bytes_back() {
    let plan = plan(
        "[test]\nexten => 1,1,Gosub(sub,1(${X},${X},${X}))\n same => n,Wait(1)\n same => n,Goto(1)\nexten => sub,1,Return()",
    );
    let mut run = start(&plan, "test", "1");
    run.set_variable("X", &"x".repeat(limit::VALUE_BYTES));
    for _ in 0..100 {
        assert_eq!(run.step(&noon(), Reply::Done), Ask::Wait(Duration::from_secs(1)));
    }
}

/// Each regular expression is compiled within a bound, and long searches count as steps.
#[test]
fn regular_expressions_are_bounded() {
    let plan = plan("[test]\nexten => 1,1,Wait(1)");
    let mut run = start(&plan, "test", "1");
    run.step(&noon(), Reply::Start);
    run.set_variable("X", &"a".repeat(limit::VALUE_BYTES));
    for pattern in ["(", "((((a{1000}){1000}){1000}){1000})", "[", "a{999999}", "(?P<n", "\\\\"] {
        run.set_variable("R", pattern);
        assert_eq!(run.evaluate(&noon(), "$[\"${X}\" =~ \"${R}\"]").as_deref(), Ok("0"), "{pattern}");
    }
    run.set_variable("R", "(a*)*b");
    assert_eq!(run.evaluate(&noon(), "$[\"${X}\" =~ \"${R}\"]").as_deref(), Ok(""));
}

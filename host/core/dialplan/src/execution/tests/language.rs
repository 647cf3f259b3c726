//! Variables, functions, expressions and the verbs that use them.

use super::*;

/// The value of a text in a call that dialled 5551212 and has a few variables.
fn evaluate(text: &str) -> Result<String, EvaluateError> {
    let plan = plan("[globals]\nTRUNK=PJSIP/out\nAREA=91\nLONG=${AREA}000\n[test]\nexten => _X.,1,Wait(1)\n");
    let mut run = start(&plan, "test", "5551212");
    assert_eq!(show(&run.step(&noon(), Reply::Start)), "wait 1");
    for (name, value) in
        [("A", "7"), ("B", "2"), ("NAME", "A"), ("EMPTY", ""), ("TEXT", "héllo wörld"), ("EVIL", "1\" | \"1")]
    {
        run.set_variable(name, value);
    }
    run.evaluate(&noon(), text)
}

#[track_caller]
fn is(text: &str, expected: &str) {
    assert_eq!(evaluate(text).as_deref(), Ok(expected), "{text}");
}

#[test]
fn variables_and_slices() {
    is("plain $ text $5", "plain $ text $5");
    is("${EXTEN} ${CONTEXT} ${PRIORITY}", "5551212 test 1");
    is("${EXTEN:1}", "551212");
    is("${EXTEN:3:2}", "12");
    is("${EXTEN:-4}", "1212");
    is("${EXTEN:-4:2}", "12");
    is("${EXTEN:0:-2}", "55512");
    is("${EXTEN:99}", "");
    is("${EXTEN:-99:2}", "55");
    is("${EXTEN:2:99}", "51212");
    is("${EXTEN:2:0}", "");
    is("${EXTEN:-2:-5}", "");
    is("${TEXT:1:4}", "éllo");
    is("${EXTEN:${B}}", "51212");
    is("${EXTEN:${B}:${B}}", "51");
    is("${EXTEN:$[${B} + 1]:1}", "1");
    is("${${NAME}}", "7");
    is("${${NAME}:0:1}${B}", "72");
    is("<${MISSING}>", "<>");
    is("<${EMPTY}>", "<>");
    is("${TRUNK}/${LONG}", "PJSIP/out/91000");
    is("${EPOCH} ${DATETIME} ${TIMESTAMP}", "1779278405 20052026-12:00:05 20260520-120005");
    is("${_A} ${__A}", "7 7");
}

#[test]
fn native_functions() {
    is("${IF($[${A} > 5]?big:small)}", "big");
    is("${IF($[${A} > 50]?big:\"quite small\")}", "quite small");
    is("${IF(${EMPTY}?yes)}", "");
    is("${IF(1?a,b:c)}", "a,b");
    is("${IFTIME(09:00-17:00,mon-fri,*,*?open:closed)}", "open");
    is("${IFTIME(*,sat-sun,*,*?open:closed)}", "closed");
    is("${ISNULL(${EMPTY})}${ISNULL(${A})}${EXISTS(${A})}", "101");
    is("${GLOBAL(AREA)}", "91");
    is("${DIALPLAN_EXISTS(test)}${DIALPLAN_EXISTS(nowhere)}", "10");
    is("${DIALPLAN_EXISTS(test,12)}${DIALPLAN_EXISTS(test,x)}${DIALPLAN_EXISTS(test,12,2)}", "100");
    is("${TIMEOUT(digit)} ${TIMEOUT(response):0:2}", "5.000 10");
    assert_eq!(evaluate("${LEN(x)}"), Err(EvaluateError::Function("LEN".into())));
    assert!(matches!(evaluate("${A"), Err(EvaluateError::Invalid(_))));
}

/// The examples and rules of the documentation of `$[…]`.
#[test]
fn expressions() {
    is("$[1 + 2 * 3]", "7");
    is("$[(1 + 2) * 3]", "9");
    is("$[10 - 2 - 3]", "5");
    is("$[${A} / ${B}]", "3.5");
    is("$[6 / 3]", "2");
    is("$[${A} % 4]", "3");
    is("$[-7 % 4]", "-3");
    is("$[10 / 3]", "3.33333333333333");
    is("$[10 / 3 * 3]", "10");
    is("$[0.1 + 0.2]", "0.3");
    is("$[2 * -3]", "-6");
    is("$[-${A}]", "-7");
    is("$[- - 5]", "5");
    is("$[!0]$[!1]$[!\"\"]$[!text]$[!!7]", "10101");
    is("$[1 = 1.0]", "1");
    is("$[\"01\" = \"1\"]", "1");
    is("$[abc = abc]", "1");
    is("$[\"abc\" = abc]", "1");
    is("$[abc < abd]$[10 < 9]$[\"10\" < \"9\"]$[a10 < a9]", "1001");
    is("$[3 >= 3]$[3 <= 2]$[3 != 3]$[a != b]$[4 > 3]", "10011");
    is("$[0 | ${A}]", "7");
    is("$[${B} | 9]", "2");
    is("$[${A} & ${B}]", "7");
    is("$[${A} & 0]", "0");
    is("$[\"${EMPTY}\" & 1]", "0");
    is("$[1 & 0 | 1]", "1");
    is("$[0 & 1 | 0]", "0");
    is("$[1 = 2 | 2 = 2]", "1");
    is("$[${A} > 5 ? big : small]", "big");
    is("$[${A} > 50 ? big :: \"very small\"]", "very small");
    is("$[0 ? 1 : 0 ? 2 : 3]", "3");
    is("$[\"${EMPTY}\" ? yes : no]", "no");
    is("$[\"Asterisk\" : \"A(.*)k\"]", "steris");
    is("$[\"abc123\" : \"[a-z]+\"]", "3");
    is("$[\"abc123\" : \"[0-9]+\"]", "0");
    is("$[\"abc123\" =~ \"[0-9]+\"]", "3");
    is("$[\"abc123\" =~ \"([0-9])([0-9])\"]", "1");
    is("$[\"abc\" =~ \"([0-9])\"]", "");
    is("$[\"5551212\" =~ \"^[0-9]{7}$\"]", "7");
    is("$[\"a.b\" =~ \"a\\.b\"]$[\"axb\" =~ \"a\\.b\"]", "30");
    is("$[abc ~~ def]", "abcdef");
    is("$[${A}${B} + 1]", "73");
    is("$[x${EMPTY} = x]", "1");
    is("$[\"say \\\"hi\\\"\" = \"say \\\"hi\\\"\"]", "1");
    is("$[]", "");
    is("$[ ${A} ]", "7");
    is("$[$[${A} + 1] * 2]", "16");
    is("$[a + 1]", "0");
    is("$[1 / 0]$[1 % 0]", "00");
    is("$[170141183460469231731687303715884105727 + 1]", "170141183460469000000000000000000000000");
    is("$[12345678901234567890 = 12345678901234567891]", "0");
    // Precedence, tightest first: match, unary, product, sum, comparison, and, or, choice.
    is("$[- \"12\" : \"1\"]", "-1");
    is("$[!\"12\" : \"3\"]", "1");
    is("$[1 + 1 = 2 & 3 > 2 | 0]", "1");
}

/// F12: a value is never part of the expression's text.
#[test]
fn a_value_is_one_operand() {
    is("$[\"${EVIL}\" = \"2\"]", "0");
    is("$[${EVIL} = 2]", "0");
    is("$[\"${TEXT}\" = \"héllo wörld\"]", "1");
    is("$[${TEXT} = héllo]", "0");
}

#[test]
fn functions_are_asked_for_and_nest() {
    check_with(
        "exten => 1,1,Set(N=${CALLERID(num)})\n same => n,App(${N},${FILTER(0-9,${N}):-2}.${LEN(${CUT(A,\\,,2)})}:x)\n",
        &[("CALLERID", value("+34,5")), ("FILTER", value("345")), ("CUT", value("")), ("LEN", value("0"))],
        &["CALLERID[num]", "FILTER[0-9|+34,5]", "CUT[A|,|2]", "LEN[]", "App(+34,5,45.0:x)"],
    );
    check_with(
        "exten => 1,1,GotoIf($[\"${DB(blocked/${CALLERID(num)})}\" = \"1\" & ${LEN(x)} > 0]?no)\n same => n,Yes()\n same => n(no),No()",
        &[("CALLERID", value("77")), ("DB", value("1")), ("LEN", value("1"))],
        &["CALLERID[num]", "DB[blocked/77]", "LEN[x]", "No()"],
    );
    check_with(
        "exten => 1,1,App(<${ODBC(a)}>)",
        &[("ODBC", failed("no plugin provides ODBC"))],
        &["ODBC[a]", "log dialplan.conf:2: no plugin provides ODBC", "App(<>)"],
    );
}

/// Quotes and escapes that only separate are gone; other backslashes are for the function.
#[test]
fn arguments_of_functions_are_unquoted() {
    check(r#"exten => 1,1,A(${F(\x20a-z\n,"b,c",\,,\\,(d,e),\")})"#, &[r#"F[\x20a-z\n|b,c|,|\|(d,e)|"]"#, "A()"]);
}

#[test]
fn set_writes_variables_functions_and_several() {
    check("exten => 1,1,Set(A=x=y, z)\n same => n,App(${A})", &["App(x=y, z)"]);
    check("exten => 1,1,Set(A=B)\n same => n,Set(${A}=5)\n same => n,App(${B})", &["App(5)"]);
    check("exten => 1,1,MSet(A=1,B=\"x,y\",C=)\n same => n,App(${A} ${B} ${C})", &["App(1 x,y )"]);
    check(
        "exten => 1,1,Set(CALLERID(name)=Jo, of ${EXTEN})\n same => n,MSet(DB(a/b)=1,X=2,CHANNEL(language)=es)\n same => n,App(${X})",
        &["CALLERID[name]=Jo, of 1", "DB[a/b]=1", "CHANNEL[language]=es", "App(2)"],
    );
    check_with(
        "exten => 1,1,Set(DB(a/b)=1)\n same => n,App()",
        &[("DB", failed("quota"))],
        &["DB[a/b]=1", "log dialplan.conf:2: quota", "App()"],
    );
    check(
        "exten => 1,1,Set(PRESENCE_STATE(CustomPresence:led1)=dnd,,On the phone)",
        &["PRESENCE_STATE[CustomPresence:led1]=dnd,,On the phone"],
    );
}

#[test]
fn inheritance_is_told() {
    let plan = plan("[test]\nexten => 1,1,MSet(_ONCE=1,__ALWAYS=2,OWN=3)\n same => n,Wait(1)\n");
    let mut run = start(&plan, "test", "1");
    run.step(&noon(), Reply::Start);
    let pairs = run.inherited_variables();
    assert_eq!(pairs, [("__ALWAYS".to_owned(), "2".to_owned()), ("ONCE".to_owned(), "1".to_owned())]);
    assert_eq!(run.variable("ALWAYS").as_deref(), Some("2"));
    // A plain assignment makes it the call's own again.
    run.set_variable("ALWAYS", "4");
    assert_eq!(run.inherited_variables().len(), 1);
}

#[test]
fn log_lines_of_the_plan() {
    check(
        "exten => 1,1,Verbose(2,hello, ${EXTEN})\n same => n,Verbose(no level, here)\n same => n,Log(NOTICE,look, here)\n same => n,NoOp(${EXTEN})",
        &["log hello, 1", "log no level, here", "log dialplan.conf:4: look, here"],
    );
    let plan = plan("[test]\nexten => 1,1,Verbose(1,a)\n same => n,Verbose(4,b)\n same => n,Log(ERROR,c)");
    let mut run = start(&plan, "test", "1");
    let mut levels = Vec::new();
    while let Ask::Log { level, .. } = run.step(&noon(), Reply::Done) {
        levels.push(level);
    }
    assert_eq!(levels, [Level::Info, Level::Debug, Level::Error]);
}

#[test]
fn misspelt_names_are_suggested() {
    let plan = plan("[test]\nexten => 1,1,Playbak(x)\n same => n,ExecIf(1?Hangpu():Voicemail(${LNE(x)}))\n");
    let known = Known { applications: &["Playback", "VoiceMail"], functions: &["LEN"] };
    let unknown = plan.check_names(known);
    let told = unknown.iter().map(|one| (one.line, one.kind, one.name.as_str(), one.similar.as_deref()));
    let expected = [
        (2, NameKind::Application, "Playbak", Some("Playback")),
        (3, NameKind::Application, "Hangpu", Some("Hangup")),
        (3, NameKind::Function, "LNE", Some("LEN")),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

/// As they are found when the plan runs: letter case does not matter, and a name twice in a line is told once.
#[test]
fn names_of_plugins_have_no_letter_case() {
    let plan = plan("[test]\nexten => 1,1,PLAYBACK(${len(x)})\n same => n,Set(x=${FOO(1)}${FOO(2)})\n");
    let known = Known { applications: &["Playback"], functions: &["LEN"] };
    let unknown = plan.check_names(known);
    assert_eq!(unknown.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["FOO"]);
}

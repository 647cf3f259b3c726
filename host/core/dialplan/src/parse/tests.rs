use std::sync::Arc;

use super::*;
use crate::ask::{Ask, Reply};
use crate::calendar::LocalTime;
use crate::execution::Start;
use crate::source::{SourceError, Text};

mod fuzz;

fn files(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[track_caller]
fn faults(text: &str) -> Vec<String> {
    let faults = parse(&Text(text), "d.conf").expect_err("the plan is refused");
    faults.iter().map(ToString::to_string).collect()
}

/// One fault in one line of a context.
#[track_caller]
fn fault(line: &str, expected: &str) {
    assert_eq!(faults(&format!("[c]\n{line}\n")), [format!("d.conf:2:{expected}")], "{line}");
}

#[track_caller]
fn warnings(text: &str, expected: &[&str]) {
    let plan = parse(&Text(text), "d.conf").expect("the plan is valid");
    let warnings: Vec<String> = plan.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(warnings, expected);
}

/// What extension 1 of `[c]` asks for first.
#[track_caller]
fn first(plan: Dialplan) -> Ask {
    let start = Start { context: "c".into(), extension: "1".into(), ..Start::default() };
    Arc::new(plan).start(start).step(&LocalTime::default(), Reply::Start)
}

fn app(name: &str, arguments: &str) -> Ask {
    Ask::App { name: name.into(), arguments: arguments.into() }
}

#[test]
fn comments_and_escapes() {
    let check = |line: &str, arguments: &str| {
        let plan = parse(&Text(&format!("[c] ; a context\n{line}\n")), "d.conf").expect("valid");
        assert_eq!(first(plan), app("A", arguments), "{line}");
    };
    check("exten => 1,1,A(x) ; comment", "x");
    check("exten=1,1,A(x);comment", "x");
    check("  exten  =>  1 , 1 , A(x y)  ", "x y");
    check(r"exten => 1,1,A(x\;y)", "x;y");
    check(r"exten => 1,1,A(x\,y\\z)", r"x\,y\\z");
    check("exten => 1,1,A(\"a,b\",c)", "\"a,b\",c");
    check("exten => 1,1,A(x;-- in --;y)", "xy");
    check(";-- exten => 1,1,B()\n ;-- nested --; still\n --;exten => 1,1,A(x)", "x");
    check(";--- a line of dashes is an ordinary comment\nexten => 1,1,A(x)", "x");
    check("exten => 1,1,A((x) [y] {z})", "(x) [y] {z}");
    check("exten => 1,1,A(héllo €)", "héllo €");
    check("\u{feff}exten => 1,1,A(x)".trim_start_matches('\u{feff}'), "x");
    assert!(parse(&Text("\u{feff}[c]\r\nexten => 1,1,A(x)\r\n"), "d.conf").is_ok());
    assert_eq!(faults("[c]\n;-- open\n"), ["d.conf:2: error: the comment `;--` is not closed by `--;`"]);
}

#[test]
fn contexts_are_added_to() {
    let plan = parse(&Text("[c]\nexten => 2,1,B()\n[d]\n[c](+)\nexten => 1,1,A()\n"), "d.conf").expect("valid");
    assert_eq!(plan.contexts().collect::<Vec<_>>(), ["c", "d"]);
    assert!(plan.has_context("d") && !plan.has_context("e"));
    assert_eq!(first(plan), app("A", ""));
    warnings(
        "[c]\nexten => 1,1,A()\n[c]\nexten => 2,1,A()\n",
        &[
            "d.conf:3: warning: [c] was begun at d.conf:1 already; both are taken together (write [c](+) if that is meant)",
        ],
    );
    assert_eq!(
        faults("[company]\n[compnay](+)\nexten => nonsense\n"),
        ["d.conf:2:1: error: (+) adds to [compnay], which does not exist before this line (did you mean [company]?)",]
    );
    assert_eq!(
        faults("exten => 1,1,A()\n[c](!)\n[d\n"),
        [
            "d.conf:1:1: error: this line is in no context (begin one with [name])",
            "d.conf:2:4: error: `(!)` cannot follow a context's name (only (+) can; share lines with `include =>`)",
            "d.conf:3:1: error: `[` is not closed by `]`",
        ]
    );
    assert!(parse(&Text("[general]\nstatic=yes\nwriteprotect=no\n[globals]\nA=1\n"), "d.conf").is_ok());
    assert_eq!(
        faults("[globals]\nA B=1\nX=${DB(a/b)}\n"),
        ["d.conf:2:1: error: `A B` is not the name of a variable", "d.conf:3:1: error: a global cannot use a function",]
    );
}

/// F10: an error names file and line, with what to do.
#[test]
fn faults_name_file_line_and_column() {
    fault("extn => 1,1,A()", "1: error: `extn` begins no line of a context (did you mean `exten =>`?)");
    fault("exten > 1,1,A()", "1: error: the line has no `=>` (write `exten => name,priority,Application(arguments)`)");
    fault(
        "exten => 1,1",
        "12: error: the line is not complete (write `exten => name,priority,Application(arguments)`)",
    );
    fault("exten => 1", "10: error: the line is not complete (write `exten => name,priority,Application(arguments)`)");
    fault("same => n,A()", "1: error: `same` has no `exten` line before it in this context");
    fault("exten => 1,n,A()", "12: error: `n` needs a priority of this extension before it (begin with 1)");
    fault("exten => 1,x,A()", "12: error: `x` is not a priority (write a number from 1, n, s+10 or hint)");
    fault("exten => 1,0,A()", "12: error: `0` is not a priority (write a number from 1, n, s+10 or hint)");
    fault("exten => 1,1(a,A()", "12: error: the label's `(` is not closed by `)`");
    fault("exten => 1,1(2),A()", "12: error: `2` is not a label (a label is a word, not a number)");
    fault("exten => _1[2,1,A()", "12: error: `[` is not closed by `]`");
    fault("exten => _X.1,1,A()", "13: error: nothing can follow `.` or `!` in a pattern");
    fault(
        "exten => ${X},1,A()",
        "10: error: an extension's name cannot be filled in from a variable (use a pattern like _X.)",
    );
    fault("exten => a b,1,A()", "10: error: `a b` cannot be dialled");
    fault("exten => 1,1,A(x", "15: error: the `(` of A is not closed by `)`");
    fault("exten => 1,1,A(x) y", "18: error: ` y` stands after the closing `)`");
    fault("exten => 1,1,A,x", "15: error: `A` is not followed by `(` (write A(…))");
    fault("exten => 1,1,(x)", "14: error: `(x)` does not begin with the name of an application");
    fault(
        "exten => 1,1,Macro(out,1)",
        "14: error: Macro does not exist any more (use Gosub(context,extension,priority(arguments)) and Return())",
    );
    fault("switch => Realtime/x", "1: error: `switch =>` does not exist here (include a context of this tenant)");
    fault("exten => 1,1,A(${X)", "16: error: `${` is not closed by `}`");
    fault("exten => 1,1,A(é${X)", "17: error: `${` is not closed by `}`");
    fault("exten => 1,1,A($[1 + 2)", "16: error: `$[` is not closed by `]`");
    fault(
        "exten => 1,1,A($[1 + ])",
        "22: error: a value is missing at the end (put what may be empty in quotes: `\"${NAME}\"`)",
    );
    fault(
        "exten => 1,1,A($[1 2])",
        "20: error: an operator is expected here (operators are written in the plan, they never come from a variable; put text with spaces in quotes)",
    );
    fault("exten => 1,1,A($[1 && 2])", "20: error: `&&` is not an operator (write `&`)");
    fault("exten => 1,1,A($[(1])", "20: error: `(` is not closed by `)`");
    fault("exten => 1,1,A($[1)])", "19: error: `)` closes nothing");
    fault("exten => 1,1,A($[1 ? 2])", "23: error: `?` is not followed by `:`");
    fault("exten => 1,1,A(${X:a})", "20: error: `a` is not a whole number");
    fault("exten => 1,1,A(${X:1:2:3})", "19: error: a variable is followed by more than `:offset:length`");
    fault("exten => 1,1,A(${})", "16: error: `${}` names no variable");
    fault("exten => 1,1,A(${F(x})", "19: error: `(` is not closed by `)`");
    fault("exten => 1,1,A(${F(x)y})", "22: error: there is text between `)` and `}`");
    fault(
        "exten => 1,1,A(${${F}(x)})",
        "18: error: a function's name cannot be filled in from a variable (write the name; choose between functions with GotoIf)",
    );
    fault("exten => 1,1,GotoIf(1)", "14: error: GotoIf needs `?` after its condition (write GotoIf(condition?yes:no))");
    fault("exten => 1,1,GotoIf(1?)", "14: error: GotoIf leads nowhere (write what to do after `?`)");
    fault(
        "exten => 1,1,Goto(a,b,c,d)",
        "19: error: the target is not [[context,]extension,]priority (write context,extension,priority or a label)",
    );
    fault(
        "exten => 1,1,GotoIfTime(9-17,*,*,*?1)",
        "25: error: `9-17` is not a time or a range of times (write times,weekdays,days,months[,zone], like 09:00-17:30,mon-fri,*,*)",
    );
    fault(
        "include => day,9-17",
        "16: error: `9-17` is not a time or a range of times (write times,weekdays,days,months[,zone], like 09:00-17:30,mon-fri,*,*)",
    );
    fault("exten => 1,1,Set(X)", "18: error: an assignment needs `=` (write Set(NAME=value))");
    fault("exten => 1,1,Set(EXTEN=1)", "18: error: EXTEN cannot be set (use Goto)");
    fault(
        "exten => 1,1,Set(GLOBAL(X)=1)",
        "18: error: globals cannot be set by a call (keep what calls share in DB(family/key))",
    );
    fault("exten => 1,1,Wait(soon)", "19: error: `soon` is not a number of seconds");
    fault(
        "exten => 1,1,Hangup(NOPE)",
        "21: error: `NOPE` is not a cause (write a Q.850 number like 17 or a name like USER_BUSY)",
    );
    fault(
        "exten => 1,1,Log(LOUD,x)",
        "18: error: `LOUD` is not a level (levels are ERROR, WARNING, NOTICE, DEBUG and VERBOSE)",
    );
    fault("exten => 1,1,While()", "14: error: While needs a condition (write While($[…]))");
    fault("exten => 1,1,While(1)", " error: While has no EndWhile after it in this extension");
    fault("exten => 1,1,EndWhile()", " error: EndWhile has no While before it");
    fault(
        "exten => 1,1,ExecIf(1?Macro(x))",
        "23: error: Macro does not exist any more (use Gosub(context,extension,priority(arguments)) and Return())",
    );
}

/// Several errors are told at once, and none of the plan is used.
#[test]
fn all_faults_are_told() {
    let text = "[c]\nexten => 1,1,A()\nexten => 1,1,B()\n same => n(x),C()\n same => n(x),D()\nexten => 2,1,${\nexten => 3,1,A(${)\n";
    assert_eq!(
        faults(text),
        [
            "d.conf:3:12: error: priority 1 of 1 is at d.conf:2 already (number with n, or remove one)",
            "d.conf:5:12: error: the label x is at priority 2 already",
            "d.conf:6:14: error: `${` does not begin with the name of an application",
            "d.conf:7:16: error: `${` is not closed by `}`",
        ]
    );
    let many = format!("[c]\n{}", "nonsense\n".repeat(limit::DIAGNOSTICS + 50));
    let told = faults(&many);
    assert_eq!(told.len(), limit::DIAGNOSTICS + 1);
    assert_eq!(told.last().expect("there are many"), "d.conf:0: error: 50 more errors are not listed");
}

#[test]
fn likely_mistakes_are_warned_of() {
    warnings(
        "[company]\nexten => 1,1,Goto(compnay,s,1)\n same => n,GotoIf(1?lable)\n same => n(label),Gosub(${X},s,1(nowhere,s,1))\n\
         exten => 2,2,A()\ninclude => comapny\n",
        &[
            "d.conf:2: warning: the context compnay does not exist (did you mean company?)",
            "d.conf:3: warning: 1 has no label lable (did you mean label?)",
            "d.conf:5: warning: 2 has no priority 1",
            "d.conf:6: warning: the included context comapny does not exist (did you mean company?)",
        ],
    );
}

#[test]
fn files_are_included_in_the_tenant_only() {
    let source = files(&[
        (
            "main.conf",
            "[c]\n#include \"ivr/one.conf\"\n same => n,A(${X})\n#include <globals.conf>\n#tryinclude \"maybe.conf\"\n",
        ),
        ("ivr/one.conf", "exten => 1,1,NoOp()\n[d]\nexten => 2,1,A()\n"),
        ("globals.conf", "[globals]\nX=7\n"),
    ]);
    // `same` goes on where the file was included: one.conf's section ends with it.
    let faults = parse(&source, "main.conf").expect_err("`same` has nothing to continue");
    assert_eq!(
        faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["main.conf:3:2: error: `same` has no `exten` line before it in this context"]
    );
    let source = files(&[
        (
            "main.conf",
            "[c]\n#include \"ivr/one.conf\"\nexten => 1,2,A(${X})\n#include <globals.conf>\n#tryinclude \"maybe.conf\"\n",
        ),
        ("ivr/one.conf", "exten => 1,1,NoOp()\n[d]\nexten => 2,1,A()\n"),
        ("globals.conf", "[globals]\nX=7\n"),
    ]);
    assert_eq!(first(parse(&source, "main.conf").expect("valid")), app("A", "7"));

    for (name, message) in [
        ("/etc/passwd", "`/etc/passwd` is outside the tenant's directory"),
        ("../other/dialplan.conf", "`../other/dialplan.conf` is outside the tenant's directory"),
        ("a/../../b", "`a/../../b` is outside the tenant's directory"),
        ("c:\\x", "`c:\\x` is outside the tenant's directory"),
        ("\"\"", "`#include` needs a file name"),
        ("a\u{7}b", "`a\\u{7}b` is not a file name"),
        ("ivr/*.conf", "`ivr/*.conf`: file patterns are not followed, name each file"),
        ("missing.conf", "cannot load `missing.conf`: no such file"),
    ] {
        let source = files(&[("m", &format!("\n#include {name}\n"))]);
        let faults = parse(&source, "m").expect_err("it is refused");
        assert_eq!(faults[0].to_string(), format!("m:2: error: {message}"));
    }
    assert_eq!(
        faults_of(&files(&[("m", "#exec /bin/sh\n#inclued x\n")])),
        [
            "m:1: error: `#exec` is refused: a plan runs no programs (write the lines to a file and `#include` it)",
            "m:2: error: `#inclued` is not a directive (only `#include` is; a comment begins with `;`)",
        ]
    );
    assert_eq!(faults_of(&files(&[])), ["m:0: error: cannot load `m`: no such file"]);
}

fn faults_of(source: &dyn Source) -> Vec<String> {
    parse(source, "m").expect_err("refused").iter().map(ToString::to_string).collect()
}

#[test]
fn inclusion_is_bounded() {
    assert_eq!(faults_of(&files(&[("m", "#include m\n")])), ["m:1: error: `m` includes itself"]);
    assert_eq!(faults_of(&files(&[("m", "#include a"), ("a", "#include m")])), ["a:1: error: `m` includes itself"]);
    struct Deep;
    impl Source for Deep {
        fn load(&self, name: &str) -> Result<String, SourceError> {
            Ok(format!("#include x{name}\n"))
        }
    }
    assert_eq!(faults_of(&Deep).len(), 1);
    struct Wide;
    impl Source for Wide {
        fn load(&self, name: &str) -> Result<String, SourceError> {
            // Each file includes ten others: a tree of a hundred million.
            Ok((0..10).map(|nth| format!("#include {name}{nth}\n")).collect())
        }
    }
    let told = faults_of(&Wide);
    assert!(told.len() <= limit::DIAGNOSTICS + 1);
    let long = format!("[c]\n;{}\n", "x".repeat(limit::LINE_BYTES));
    assert_eq!(faults(&long), [format!("d.conf:2: error: the line is longer than {} bytes", limit::LINE_BYTES)]);
    let big = "\n".repeat(limit::FILE_BYTES + 1);
    assert_eq!(faults(&big), [format!("d.conf:0: error: `d.conf` is longer than {} bytes", limit::FILE_BYTES)]);
}

#[test]
fn nesting_and_size_of_a_line_are_bounded() {
    let check = |line: String| {
        let told = faults(&format!("[c]\nexten => 1,1,{line}\n"));
        assert_eq!(told.len(), 1, "{told:?}");
    };
    check(format!("A({}{})", "${".repeat(5_000), "}".repeat(5_000)));
    check(format!("A({}1{})", "$[".repeat(5_000), "]".repeat(5_000)));
    check(format!("A($[{}1{}])", "(".repeat(5_000), ")".repeat(5_000)));
    check(format!("A($[{}1])", "!".repeat(5_000)));
    check(format!("A($[{}1])", "1?".repeat(5_000)));
    check(format!("A($[1{}])", "+1".repeat(5_000)));
    check(format!("{}A(){}", "ExecIf(1?".repeat(1_000), ")".repeat(1_000)));
    check(format!("Gosub(1(a{}))", ",a".repeat(1_000)));
    check(format!("A({})", "${X}a".repeat(3_000)));
}

#[test]
fn cyclic_includes_of_contexts_end() {
    let text = "[c]\ninclude => d\ninclude => c\n[d]\ninclude => c\nexten => 1,1,A()\n";
    assert_eq!(first(parse(&Text(text), "d.conf").expect("valid")), app("A", ""));
    let deep: String = (0..500).map(|nth| format!("[c{nth}]\ninclude => c{}\n", nth + 1)).collect();
    let plan = parse(&Text(&format!("[c]\ninclude => c0\n{deep}[c500]\nexten => 1,1,A()\n")), "d.conf").expect("valid");
    assert_eq!(first(plan), Ask::HangUp(Some(1)));
}

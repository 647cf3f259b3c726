use super::*;
use crate::calendar::{LocalTime, Weekday};
use crate::source::Text;

#[track_caller]
fn explained(text: &str, from: &str, to: &str) -> Vec<String> {
    let plan = crate::parse(&Text(text), "d.conf").expect("a valid plan");
    let noon = LocalTime { hour: 12, weekday: Weekday::Monday, ..LocalTime::default() };
    explain(&plan, &noon, &Query { context: "office", from, to }).iter().map(ToString::to_string).collect()
}

const PLAN: &str = "[globals]\nTRUNK=out\n[office]\nexten => 100,1,Dial(100,20)\nexten => _1XX,1,A()\nexten => 100/555,1,Vip()\n\
    include => closed,18:00-23:59,*,*,*\ninclude => lost\ninclude => national\n\
    [closed]\nexten => _X.,1,Closed()\n\
    [national]\nexten => _0Z.,1,Set(TO=${EXTEN:1})\n same => n,Set(CALLERID(name)=Office)\n same => n,GotoIf($[${LEN(${TO})} > 12]?long)\n\
    same => n,GotoIf($[\"${CALLERID(num)}\" = \"100\"]?trunk,${TO},1)\n same => n,Hangup(21)\n same => n(long),Congestion()\n\
    [trunk]\nexten => _X.,1,Dial(${TRUNK}/${EXTEN},60,${OPTIONS})\n same => n,Goto(s-${DIALSTATUS},1)\nexten => s-BUSY,1,Busy()\n";

#[test]
fn tells_what_matches_and_what_runs() {
    assert_eq!(
        explained(PLAN, "100", "0912345678"),
        [
            "context office  [d.conf:3]",
            "  100 does not begin so  [d.conf:4]",
            "  _1XX does not begin so  [d.conf:5]",
            "  100 does not begin so  [d.conf:6]",
            "includes national  [d.conf:9]",
            "context national  [d.conf:12]",
            "  _0Z. matches  [d.conf:13]",
            "  does not include closed: now is not within 18:00-23:59,*,*,*  [d.conf:7]",
            "  the included context lost does not exist  [d.conf:8]",
            "  1 Set(TO=912345678)  [d.conf:13]",
            "  2 Set(CALLERID(name)=Office)  [d.conf:14]",
            "  3 GotoIf($[${LEN(912345678)} > 12]?long)  [d.conf:15]",
            "  4 GotoIf(1?trunk,912345678,1)  [d.conf:16]",
            "context trunk, extension 912345678",
            "  1 Dial(out/912345678,60,${OPTIONS})  [d.conf:20]",
            "  2 Goto(s-${DIALSTATUS},1)  [d.conf:21]",
            "where it goes depends on the call",
        ]
    );
    let other = explained(PLAN, "101", "0912345678");
    assert_eq!(other[other.len() - 2..], ["  5 Hangup(21)  [d.conf:17]", "hang-up"]);
}

#[test]
fn tells_why_others_do_not() {
    let check = |from: &str, to: &str, expected: &str| {
        let lines = explained(PLAN, from, to);
        assert!(lines.iter().any(|line| line.contains(expected)), "{expected} in {lines:#?}");
    };
    check("7", "100", "  100 matches  [d.conf:4]");
    check("7", "100", "  100 is only for the caller 555");
    check("555", "100", "  100 matches for the caller 555");
    check("555", "100", "  1 Vip()");
    check("7", "100", "_1XX matches");
    check("7", "10", "_1XX wants more than 10");
    check("7", "1000", "_1XX agrees only in 100");
    check("7", "999", "nothing matches 999: the call is refused as not found");
    check("7", "1,2", "is not something that can be dialled");
    let with_i = format!("{PLAN}[office](+)\nexten => i,1,Sorry(${{INVALID_EXTEN}})\n");
    assert!(explained(&with_i, "7", "999").contains(&"  1 Sorry(999)  [d.conf:24]".to_owned()));
    assert_eq!(explained("[other]\n", "1", "2"), ["the context office does not exist"]);
}

#[test]
fn is_bounded() {
    let mut text = String::from("[office]\nexten => _X,1,Goto(1,1)\n");
    text.extend((0..5_000).map(|nth| format!("exten => 2{nth:04},1,A()\n")));
    let lines = explained(&text, "1", "5");
    assert!(lines.len() < limit::TRACE_MISSES + limit::TRACE_HOPS * 2 + 10, "{}", lines.len());
    assert_eq!(lines.last().expect("there are lines"), "further jumps are not followed");
    let long: String = (2..1_000).map(|_| " same => n,A()\n".to_owned()).collect();
    let lines = explained(&format!("[office]\nexten => 1,1,A()\n{long}"), "1", "1");
    assert_eq!(lines.len(), limit::TRACE_LINES);
}

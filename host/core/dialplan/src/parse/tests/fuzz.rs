//! Seeded random plans: parsing is total, and so is running what parses.

use super::*;

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).expect("fits")).expect("fits")
    }

    fn pick<'a, T: ?Sized>(&mut self, among: &[&'a T]) -> &'a T {
        among[self.below(among.len())]
    }
}

const PIECES: [&str; 62] = [
    "exten => ",
    "same => ",
    "1",
    "_X.",
    "_[2-5]!",
    "i",
    "h",
    "t",
    "e",
    "s",
    ",1,",
    ",n,",
    ",n(a),",
    ",hint,",
    "\n",
    "\n",
    "\n",
    "[c]\n",
    "[d](+)\n",
    "[globals]\n",
    "X=1",
    "include => d",
    ",09:00-10:00,mon",
    "Goto(",
    "GotoIf(",
    "Gosub(",
    "Return(",
    "Set(",
    "While(",
    "EndWhile(",
    "ExecIf(",
    "WaitExten(",
    "A(",
    "Dial(",
    ")",
    "(",
    "${",
    "}",
    "$[",
    "]",
    "[",
    "${EXTEN:1}",
    "${X}",
    "F(x)",
    ":",
    "?",
    ",",
    "\"",
    "\\",
    ";",
    ";--",
    "--;",
    "=",
    "=~",
    "+",
    "-",
    "|",
    "!",
    "\u{e9}\u{202e}",
    "\0",
    "EXTEN",
    "#include d\n",
];

/// Runs whatever came of it with arbitrary answers.
fn drive(plan: Dialplan, random: &mut Random) {
    let plan = Arc::new(plan);
    let context = plan.contexts().next().unwrap_or("c").to_owned();
    let start = Start { context, extension: "1".into(), ..Start::default() };
    let mut run = plan.start(start);
    for _ in 0..200 {
        let reply = match random.below(8) {
            0 => Reply::Digit(random.pick(&["1", "2", "#", "é"]).chars().next().expect("one")),
            1 => Reply::TimedOut,
            2 => Reply::Failed { message: "no\n".into() },
            3 => Reply::Value("1,2)\"${X}".into()),
            4 if random.below(8) == 0 => Reply::AbsoluteTimeout,
            5 if random.below(20) == 0 => Reply::HungUp,
            _ => Reply::Done,
        };
        if run.step(&LocalTime::default(), reply) == Ask::Finished {
            return;
        }
    }
    let query = crate::explain::Query { context: "c", from: "1", to: "25" };
    assert!(crate::explain::explain(&plan, &LocalTime::default(), &query).len() <= limit::TRACE_LINES);
}

#[test]
fn random_pieces_never_panic() {
    let mut random = Random(2);
    let mut valid = 0;
    for _ in 0..4_000 {
        let mut text = String::from("[c]\nexten => 1,1,A()\n");
        for _ in 0..random.below(24) {
            text.push_str(random.pick(&PIECES));
        }
        match parse(&Text(&text), "d.conf") {
            Ok(plan) => {
                valid += 1;
                drive(plan, &mut random);
            }
            Err(faults) => assert!(!faults.is_empty()),
        }
    }
    assert!(valid > 50, "only {valid} plans are valid: the pieces are badly chosen");
}

/// Valid lines with one random change each: most stay valid, so that running is tried too.
#[test]
fn damaged_plans_never_panic() {
    let good = "[globals]\nX=9\n[c]\nexten => 1,1,Set(A=$[${X:1} + ${LEN(${EXTEN})} * 2])\n same => n(l),GotoIf($[\"${A}\" = \"3\" & !${B}]?2,1:d,s,a)\n\
        exten => _2X.,1,While($[${I} < 3])\n same => n,MSet(I=$[${I} + 1],F(x,${I})=\"q,r\")\n same => n,EndWhile()\n same => n,Gosub(d,s,1(${I},b))\n\
        exten => 2,1,WaitExten(3)\nexten => i,1,Verbose(2,${INVALID_EXTEN})\nexten => h,1,NoOp(${IF($[1 > 0]?a:b)})\ninclude => d,08:00-18:00,mon-fri,*,*\n\
        [d]\nexten => s,1(a),ExecIf($[\"${ARG1}\" =~ \"^[0-9]+$\"]?Return(${ARG1}):Hangup(17))\n same => n,GotoIfTime(09:00-10:00,*,*,*?a)\n";
    let mut random = Random(7);
    for _ in 0..4_000 {
        let mut chars: Vec<char> = good.chars().collect();
        for _ in 0..=random.below(3) {
            let at = random.below(chars.len());
            match random.below(3) {
                0 => drop(chars.remove(at)),
                1 => chars.insert(at, random.pick(&PIECES).chars().next().expect("not empty")),
                _ => chars.truncate(at.max(20)),
            }
        }
        let text: String = chars.into_iter().collect();
        if let Ok(plan) = parse(&Text(&text), "d.conf") {
            drive(plan, &mut random);
        }
    }
}

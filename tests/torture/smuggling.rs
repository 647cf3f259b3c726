//! A6: whatever the spelling of a header, it is removed by its name or the message is refused; none crosses.

use bytes::Bytes;
use sip::message::{HeaderName, Message, parse};

/// Headers that must not cross a border of trust, with their compact forms where they have one.
const TRUSTED: &[(&str, Option<&str>)] = &[
    ("P-Asserted-Identity", None),
    ("Identity", Some("y")),
    ("Remote-Party-ID", None),
    ("Diversion", None),
    ("Referred-By", Some("b")),
    ("X-Tenant", None),
];

/// A small generator: the spellings are the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits fit") % bound
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

/// Case, compact form, white space, folds, and now and then a character that makes it something else.
fn spelling(random: &mut Random, (long, compact): (&str, Option<&str>)) -> String {
    let name = compact.filter(|_| random.below(3) == 0).unwrap_or(long);
    let mut text: String = name
        .chars()
        .map(|letter| if random.below(2) == 0 { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() })
        .collect();
    if random.below(6) == 0 {
        let at = random.below(text.len() + 1);
        text.insert_str(
            at,
            random.pick(&["\0", "\u{b}", "\u{c}", "\u{1}", " ", "\t", "\u{a0}", "\r\n ", "\r", "\n", "\u{200b}"]),
        );
    }
    text.push_str(random.pick(&["", " ", "\t", "  \t "]));
    text.push(':');
    text.push_str(random.pick(&["", " ", "\r\n ", "\t\r\n\t"]));
    text.push_str("<sip:root@acme.test>");
    text
}

#[test]
fn ten_thousand_spellings_of_trusted_headers() {
    let mut random = Random(0x5eed_1234_5678_9abc);
    let (mut removed, mut refused) = (0, 0);
    for round in 0..10_000 {
        let header = TRUSTED[random.below(TRUSTED.len())];
        let line = spelling(&mut random, header);
        let text = format!(
            "INVITE sip:b@acme.test SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@h>;tag=1\r\nt: <sip:b@h>\r\n\
             i: 1\r\n{line}\r\nCSeq: 1 INVITE\r\nSubject: x\r\n\r\n"
        );
        let Ok(Message::Request(mut request)) = parse(Bytes::from(text)) else {
            refused += 1;
            continue;
        };
        let before = request.headers.len();
        request.headers.remove(&HeaderName::from_static(header.0));
        let written = String::from_utf8(request.to_bytes().to_vec()).expect("all of it was UTF-8");
        // What is left by accident of spelling is a header of another name, still one line, and never the trusted one.
        if request.headers.len() == before - 1 {
            removed += 1;
            assert!(!written.contains("root"), "round {round}: {line:?} left {written}");
        } else {
            let names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
            assert!(!names.iter().any(|name| name.eq_ignore_ascii_case(header.0)), "round {round}: {line:?} {names:?}");
            assert!(
                written.lines().all(|text| !text.to_lowercase().starts_with(&format!("{}:", header.0.to_lowercase())))
            );
        }
    }
    assert!(removed > 7_000 && refused > 500, "{removed} removed, {refused} refused");
}

use super::super::{Contacts, Headers, Host, NameAddr};
use super::*;

/// A request of these header lines after the ones every request has.
fn options(extra: &str) -> String {
    format!(
        "OPTIONS sip:b@acme.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@acme.test>;tag=1\r\n\
         To: <sip:b@acme.test>\r\nCall-ID: 1@192.0.2.1\r\nCSeq: 1 OPTIONS\r\n{extra}\r\n"
    )
}

fn read(text: impl AsRef<[u8]>) -> Result<Message, ParseError> {
    parse(Bytes::copy_from_slice(text.as_ref()))
}

#[track_caller]
fn request(text: impl AsRef<[u8]>) -> Request {
    match read(text) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(text: impl AsRef<[u8]>) -> (u16, &'static str) {
    match read(text) {
        Err(ParseError::Answer(refusal)) => (refusal.status.code(), refusal.reason),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn dropped(text: impl AsRef<[u8]>) -> &'static str {
    match read(text) {
        Err(ParseError::Drop(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn noise_is_dropped_and_not_answered() {
    // C1: whoever does not speak SIP learns nothing.
    for noise in
        ["", "\r\n", "\r\n\r\n\r\n", "hello", "GET / HTTP/1.1\r\n\r\n", "\0\0\0\0", "SIP/2.0\r\n\r\n", "INVITE\r\n\r\n"]
    {
        dropped(noise);
    }
}

#[test]
fn what_cannot_be_answered_is_dropped() {
    assert_eq!(dropped("OPTIONS sip:b@acme.test SIP/2.0\r\nTo: x\r\n\r\n"), "no Via");
    // §17.1.1.3: no answer to an ACK.
    let ack = options("Max-Forwards: x\r\n").replace("OPTIONS", "ACK");
    assert_eq!(dropped(ack), "Max-Forwards");
    assert_eq!(dropped("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h\r\n\r\n"), "required header missing");
    assert_eq!(dropped("SIP/3.0 200 OK\r\n\r\n"), "version of a response");
    for code in ["99", "700", "099", "20", "2000", "abc", "2 0", "+20"] {
        assert_eq!(dropped(format!("SIP/2.0 {code} OK\r\n\r\n")), "status code", "{code}");
    }
}

#[test]
fn a_refusal_carries_what_the_answer_needs() {
    let Err(ParseError::Answer(refusal)) = read(options("Max-Forwards: 256\r\n")) else { panic!() };
    assert_eq!((refusal.status, refusal.method.clone()), (StatusCode::BAD_REQUEST, Some(Method::Options)));
    let response = refusal.response();
    assert_eq!(
        response.to_bytes(),
        "SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@acme.test>;tag=1\r\n\
         To: <sip:b@acme.test>\r\nCall-ID: 1@192.0.2.1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    );
}

#[test]
fn lines_before_the_start_line_are_ignored() {
    assert_eq!(request(format!("\r\n\r\n{}", options(""))).method, Method::Options);
}

#[test]
fn folds_become_one_space() {
    let folded = request(options("Subject: a \r\n \r\n\t b\r\n\t\t c\r\nX:\r\n y\r\n"));
    assert_eq!(folded.headers.get_str(&HeaderName::Subject), Some("a b c"));
    assert_eq!(folded.headers.get_str(&HeaderName::from_static("x")), Some("y"));
}

#[test]
fn every_spelling_of_a_header_is_that_header() {
    // A6: what is removed by name is gone, however it was spelt.
    let spellings = [
        "P-Asserted-Identity: x",
        "p-asserted-identity: x",
        "P-ASSERTED-IDENTITY:x",
        "P-Asserted-Identity  : x",
        "P-Asserted-Identity\t:\r\n x",
        "X-Tenant: x",
        "x-TENANT : x",
        "X-tenant\t \t:\r\n\tx",
    ];
    for spelling in spellings {
        let mut request = request(options(&format!("{spelling}\r\n")));
        let removed = request.headers.remove(&HeaderName::PAssertedIdentity)
            | request.headers.remove(&HeaderName::from_static("X-Tenant"));
        assert!(removed, "{spelling}");
        assert_eq!(request.headers.len(), 5);
    }
    // What is no spelling of a header is refused and not passed on.
    for smuggled in [
        "P-Asserted-Identity\u{b}: x",
        "P-Asserted-Identity\0: x",
        " P-Asserted-Identity x",
        "\u{a0}X-Tenant: x",
        "X-Tenant x",
    ] {
        let text = options(&format!("A: b\r\nB{smuggled}\r\n"));
        assert_eq!(refused(text.replace("\r\nB", "\r\nB\r\n").replace("\r\nB\r\n ", "\r\n")).0, 400, "{smuggled:?}");
    }
}

#[test]
fn line_ends_are_crlf_and_nothing_else() {
    for end in ["\n", "\r", "\n\r", "\r\r\n"] {
        let text = options(&format!("A: b{end}P-Asserted-Identity: x\r\n"));
        assert_eq!(refused(text).1, "CR or LF alone", "{end:?}");
    }
    assert_eq!(refused(options("").trim_end()).1, "head without an end");
}

#[test]
fn control_characters_stand_only_escaped() {
    assert_eq!(refused(options("Subject: a\0b\r\n")).1, "control character in a header");
    assert_eq!(refused(options("Subject: \u{1b}[2J\r\n")).1, "control character in a header");
    assert_eq!(refused(options("Subject: \"\\\\\u{7}\"\r\n")).1, "control character in a header");
    request(options("Subject: \"\\\u{7}\"\tx\r\n"));
}

#[test]
fn values_need_not_be_utf8() {
    let mut text = options("X: ").into_bytes();
    text.truncate(text.len() - 2);
    text.extend_from_slice(b"\xff\xfe;\xc3\r\nY: z\r\n\r\n");
    let request = request(text);
    assert_eq!(&request.headers.get(&HeaderName::from_static("X")).unwrap()[..], b"\xff\xfe;\xc3");
    assert_eq!(request.headers.get_str(&HeaderName::from_static("X")), None);
    // Nothing behind it is lost.
    assert_eq!(request.headers.get_str(&HeaderName::from_static("Y")), Some("z"));
}

#[test]
fn a_header_for_one_value_comes_once() {
    for line in ["To: <sip:x@y>", "f: <sip:x@y>", "Call-ID: 2", "CSeq: 1 OPTIONS"] {
        assert_eq!(refused(options(&format!("{line}\r\n"))).1, "header given twice", "{line}");
    }
    for line in
        ["Content-Length: 0", "Max-Forwards: 1", "Expires: 1", "Refer-To: <sip:x@y>", "Replaces: a;to-tag=1;from-tag=2"]
    {
        assert_eq!(refused(options(&format!("{line}\r\n{line}\r\n"))).1, "header given twice", "{line}");
    }
}

#[test]
fn numbers_have_their_bounds() {
    let cseq = |number: &str| options("").replace("CSeq: 1", &format!("CSeq: {number}"));
    request(cseq("2147483647"));
    for bad in ["2147483648", "4294967297", "-1", "0x1", "99999999999999999999", "", "1.5"] {
        assert_eq!(refused(cseq(bad)).0, 400, "{bad}");
    }
    request(options("Max-Forwards: 255\r\n"));
    assert_eq!(refused(options("Max-Forwards: 256\r\n")).1, "Max-Forwards");
    // A4: negative, huge, 2^32 + 32.
    for bad in ["-1", "+0", "0x0", "1 1", "", "1,1"] {
        assert_eq!(refused(options(&format!("Content-Length: {bad}\r\n"))), (400, "Content-Length"), "{bad}");
    }
    for large in ["65536", "4294967328", "99999999999999999999999"] {
        assert_eq!(refused(options(&format!("l: {large}\r\n"))), (413, "body too large"), "{large}");
    }
}

#[test]
fn the_body_is_cut_to_its_length() {
    assert_eq!(request(options("l: 3\r\n") + "abcdef").body, "abc");
    assert_eq!(request(options("") + "abcdef").body, "abcdef");
    assert_eq!(refused(options("l: 4\r\n") + "abc").1, "body shorter than Content-Length");
}

// One test for each bound of `limit` that parsing can reach: at the bound accepted, one more refused (A4).

#[test]
fn limit_message_bytes() {
    let head = options("");
    request(head.clone() + &"x".repeat(limit::MESSAGE_BYTES_MAX - head.len()));
    assert_eq!(refused(head.clone() + &"x".repeat(limit::MESSAGE_BYTES_MAX - head.len() + 1)).0, 513);
}

#[test]
fn limit_head_bytes() {
    let with = |bytes: usize| {
        let line = format!("A: {}\r\n", "x".repeat(7_000));
        let lines = line.repeat(4);
        let rest = bytes - options("").len() - lines.len() - 5;
        options(&format!("{lines}B: {}\r\n", "x".repeat(rest)))
    };
    assert_eq!(with(limit::HEAD_BYTES_MAX).len(), limit::HEAD_BYTES_MAX);
    request(with(limit::HEAD_BYTES_MAX));
    assert_eq!(refused(with(limit::HEAD_BYTES_MAX + 1)), (513, "head too large"));
}

#[test]
fn limit_headers() {
    let lines = |count: usize| "A: b\r\n".repeat(count - 5);
    request(options(&lines(limit::HEADERS_MAX)));
    assert_eq!(refused(options(&lines(limit::HEADERS_MAX + 1))).1, "too many headers");
}

#[test]
fn limit_header_value_bytes() {
    let line = |bytes: usize| format!("A: {}\r\n", "b".repeat(bytes));
    request(options(&line(limit::HEADER_VALUE_BYTES_MAX)));
    assert_eq!(refused(options(&line(limit::HEADER_VALUE_BYTES_MAX + 1))).1, "header too long");
}

#[test]
fn limit_header_name_bytes() {
    let line = |bytes: usize| format!("{}: x\r\n", "b".repeat(bytes));
    request(options(&line(limit::HEADER_NAME_BYTES_MAX)));
    assert_eq!(refused(options(&line(limit::HEADER_NAME_BYTES_MAX + 1))).1, "header name");
}

#[test]
fn limit_method_bytes() {
    // A5: CSeq and method too long.
    let with = |bytes: usize| options("").replace("OPTIONS", &"M".repeat(bytes));
    assert!(matches!(request(with(limit::METHOD_BYTES_MAX)).method, Method::Other(_)));
    assert_eq!(refused(with(limit::METHOD_BYTES_MAX + 1)).1, "method");
}

#[test]
fn limit_uri_bytes() {
    let with = |bytes: usize| {
        options("").replace("sip:b@acme.test SIP", &format!("sip:{}@acme.test SIP", "b".repeat(bytes - 14)))
    };
    request(with(limit::URI_BYTES_MAX));
    assert_eq!(refused(with(limit::URI_BYTES_MAX + 1)), (414, "Request-URI too long"));
    let contact = |bytes: usize| options(&format!("m: <sip:{}>\r\n", "b".repeat(bytes - 4)));
    request(contact(limit::URI_BYTES_MAX));
    assert_eq!(refused(contact(limit::URI_BYTES_MAX + 1)), (400, "URI length"));
}

#[test]
fn limit_vias() {
    let via = "SIP/2.0/UDP h;branch=z9hG4bK2";
    for (lines, joint) in [(true, "\r\nVia: "), (false, ",")] {
        let with = |count: usize| options(&format!("Via: {}\r\n", vec![via; count - 1].join(joint)));
        assert_eq!(request(with(limit::VIAS_MAX)).headers.vias().unwrap().len(), limit::VIAS_MAX, "{lines}");
        assert_eq!(refused(with(limit::VIAS_MAX + 1)).1, "too many Via values");
    }
}

#[test]
fn limit_list_values() {
    let with = |count: usize| options(&format!("m: {}\r\n", vec!["<sip:a@b>"; count].join(",")));
    let Contacts::List(list) = request(with(limit::LIST_VALUES_MAX)).headers.contacts().unwrap() else { panic!() };
    assert_eq!(list.len(), limit::LIST_VALUES_MAX);
    assert!(request(with(limit::LIST_VALUES_MAX + 1)).headers.contacts().is_err());
    assert_eq!(refused(with(1_000.min(limit::HEADER_VALUE_BYTES_MAX / 10))).1, "too many values in a header");
}

#[test]
fn limit_parameters() {
    let with = |count: usize| options(&format!("m: <sip:a@b>{}\r\n", ";p".repeat(count)));
    request(with(limit::PARAMETERS_MAX));
    assert_eq!(refused(with(limit::PARAMETERS_MAX + 1)).1, "parameter count");
    let list = |count: usize| (0..count).map(|index| format!(";p{index}")).collect::<String>();
    let inside = |count: usize| options(&format!("m: <sip:a@b{}>\r\n", list(count)));
    request(inside(limit::PARAMETERS_MAX));
    assert_eq!(refused(inside(limit::PARAMETERS_MAX + 1)).1, "URI parameter");
}

/// Work grows with the bytes and not with their square: the worst shapes of 64 KB take no more than a few times what
/// the harmless one takes. There is no clock here: a quadratic reading would be felt as a test of minutes.
#[test]
fn hostile_shapes_of_full_size_are_read_to_the_end() {
    let fill = |unit: &str| unit.repeat((limit::MESSAGE_BYTES_MAX - 400) / unit.len());
    for unit in ["a:\r\n", "a:\r\n \r\n", ",", "\"", "<", ";", "\\", "(", "%", "Via: ,\r\n", "x\r\n ", "m:<\r\n"] {
        for place in ["X{}\r\n", "Contact: {}\r\n", "Via: SIP/2.0/UDP h{}\r\n", "Route: <sip:{}>\r\n"] {
            refused(options(&place.replace("{}", &fill(unit))));
        }
    }
}

#[test]
fn uris_with_bytes_that_mean_something_elsewhere_are_refused_or_kept_escaped() {
    // A9: no raw byte reaches a path, a log or a dialplan unless it is a URI character.
    for bad in [
        "sip:a b@c",
        "sip:a\"b@c",
        "sip:a<b@c",
        "sip:a\\b@c",
        "sip:a|b@c",
        "sip:a^b@c",
        "sip:%zz@c",
        "sip:%0@c",
        "sip:@c",
        "sip:",
        "sip:a@",
        "sip:a@b@c",
        "sip:a@b:99999",
        "sip:a@b:x",
        "sip:a@[::1",
        "sip:a@1.2.3.256",
        "sip:a@1.2.3",
        "sip:a@b..c",
        "sip:a@b;;x",
        "sip:a@b;x=",
        "sip:a@b;x;X=1",
        "sip:a@b;=x",
        "tel:",
        "tel:+",
        "tel:abc xyz",
        "sip:a@ü",
        "sip:ü@a",
        ":a@b",
        "1sip:a@b",
    ] {
        assert!(bad.parse::<Uri>().is_err(), "{bad}");
    }
    let traversal: Uri = "sip:..%2f..%2fetc%2fpasswd%00@acme.test".parse().unwrap();
    assert_eq!(traversal.user(), Some("..%2f..%2fetc%2fpasswd%00"));
    assert_eq!(traversal.user_unescaped().unwrap(), "../../etc/passwd\0");
}

#[test]
fn nothing_that_is_written_can_grow_a_line() {
    // A6, G2: CR and LF in any value become spaces, in display names control characters vanish.
    let evil = "x\r\nP-Asserted-Identity: <sip:root@acme.test>\r\n\r\n";
    let mut request = request(options(""));
    request.headers.push(HeaderName::Subject, evil);
    request.headers.set(HeaderName::UserAgent, evil);
    request.headers.push_front(HeaderName::Server, evil);
    let from = NameAddr::new(Uri::sip(Some(evil), Host::parse(&Bytes::from_static(b"h")).unwrap(), None))
        .with_display_name(evil)
        .with_tag(evil);
    request.headers.set(HeaderName::From, &from);
    let parsed = self::request(request.to_bytes());
    assert!(!parsed.headers.contains(&HeaderName::PAssertedIdentity));
    assert_eq!(parsed.headers.len(), 9);
    assert_eq!(parsed.headers.from_().unwrap().uri().user_unescaped().unwrap(), evil);

    let mut response = Response::answering(&parsed, StatusCode::OK);
    response.reason = Bytes::from(format!("OK{evil}"));
    let written = response.to_bytes();
    let Ok(Message::Response(read)) = parse(written) else { panic!() };
    assert!(!read.headers.contains(&HeaderName::PAssertedIdentity));
    let headers: Headers = [(HeaderName::Subject, Bytes::from(evil))].into_iter().collect();
    assert!(!headers.get(&HeaderName::Subject).unwrap().contains(&b'\n'));
}

#[test]
fn c8_no_refusal_is_worth_a_forged_source() {
    // The shortest request that is refused, and longer ones: never more than half again as much comes back.
    let vias = ["v:a", "v: x\r\nv: y", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"];
    let mut answered = 0;
    for via in vias {
        for padding in [0, 20, 50, 100, 400] {
            let text = format!("X sip:a SIP/2.0\r\n{via}\r\nf:sip:a\r\nX: {}\r\n\r\n", "x".repeat(padding));
            match read(&text) {
                Err(ParseError::Answer(refusal)) => {
                    answered += 1;
                    assert!(limit::answer_fits(text.len(), refusal.response().to_bytes().len()));
                }
                Err(ParseError::Drop(reason)) => assert_eq!(reason, "answer larger than the request"),
                Ok(message) => panic!("{message:?}"),
            }
        }
    }
    assert!(answered > 5);
}

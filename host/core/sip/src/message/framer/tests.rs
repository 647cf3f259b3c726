use super::super::parse::parse;
use super::*;

const OPTIONS: &str = "OPTIONS sip:b@acme.test SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nf: <sip:a@h>;tag=1\r\nt: <sip:b@h>\r\n\
    i: 1\r\nCSeq: 1 OPTIONS\r\n";

fn message(length: &str, body: &str) -> String {
    format!("{OPTIONS}{length}\r\n{body}")
}

/// What comes out of the pieces, errors as their reason.
fn frames<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Result<Frame, &'static str>> {
    let mut framer = Framer::new();
    let mut frames = Vec::new();
    for piece in pieces {
        framer.push(piece);
        while let Some(frame) = framer.poll_frame() {
            frames.push(frame.map_err(|error| match error.0 {
                ParseError::Answer(refusal) => refusal.reason,
                ParseError::Drop(reason) => reason,
            }));
        }
    }
    frames
}

fn ends(text: &str) -> Vec<Result<Frame, &'static str>> {
    let whole = frames([text.as_bytes()]);
    // A7: whatever the segments were.
    for split in 1..text.len() {
        let (left, right) = text.as_bytes().split_at(split);
        assert_eq!(frames([left, right]), whole, "split at {split}");
    }
    assert_eq!(frames(text.as_bytes().chunks(1)), whole, "byte by byte");
    whole
}

fn cut(text: &str) -> Result<Frame, &'static str> {
    Ok(Frame::Message(Bytes::copy_from_slice(text.as_bytes())))
}

#[test]
fn messages_follow_each_other_without_gaps() {
    let (first, second) = (message("l: 3\r\n", "abc"), message("Content-Length : \r\n 0\r\n", ""));
    assert_eq!(ends(&format!("{first}{second}{first}")), [cut(&first), cut(&second), cut(&first)]);
}

#[test]
fn bodies_may_hold_what_ends_a_head() {
    let one = message("l: 12\r\n", "a\r\n\r\nb\r\n\r\n\r\n");
    assert_eq!(ends(&format!("{one}\r\n{one}")), [cut(&one), Ok(Frame::Pong), cut(&one)]);
}

#[test]
fn keep_alives_are_pings_and_pongs() {
    // RFC 5626 §4.4.1: CRLF CRLF asks, CRLF answers.
    assert_eq!(ends("\r\n\r\n"), [Ok(Frame::Pong), Ok(Frame::Ping)]);
    let one = message("l: 0\r\n", "");
    let stream = format!("\r\n\r\n\r\n\r\n{one}\r\n{one}\r\n\r\n");
    let kinds: Vec<_> = ends(&stream).into_iter().map(|frame| frame.unwrap()).collect();
    let pings = kinds.iter().filter(|frame| **frame == Frame::Ping).count();
    assert_eq!((kinds.len(), pings), (9, 3));
}

#[test]
fn a_storm_of_keep_alives_leaves_nothing_behind() {
    let mut framer = Framer::new();
    for _ in 0..1_000 {
        framer.push(&b"\r\n".repeat(500));
        while let Some(frame) = framer.poll_frame() {
            frame.unwrap();
        }
        assert_eq!(framer.buffered(), 0);
    }
}

#[test]
fn without_one_length_the_stream_is_over() {
    let cases = [
        ("", "no Content-Length on a stream"),
        ("l: 1\r\nContent-Length: 1\r\n", "Content-Length given twice"),
        ("l: 1\r\nL : 2\r\n", "Content-Length given twice"),
        ("l: -1\r\n", "Content-Length"),
        ("l: 1\r\n 2\r\n", "Content-Length"),
        ("l: 65536\r\n", "body too large"),
        ("l: 65535\r\n", "message too large"),
        ("A: b\nl: 0\r\n", "CR or LF alone"),
    ];
    for (length, reason) in cases {
        let stream = message(length, "OPTIONS sip:victim SIP/2.0\r\n\r\n");
        assert_eq!(ends(&stream), [Err(reason)], "{length:?}");
    }
}

#[test]
fn what_breaks_a_stream_is_answered_when_it_can_be() {
    let mut framer = Framer::new();
    framer.push(message("l: x\r\n", "").as_bytes());
    let Some(Err(FrameError(ParseError::Answer(refusal)))) = framer.poll_frame() else { panic!() };
    assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
    assert!(refusal.response().headers.via().is_some());
    framer.push(message("l: 0\r\n", "").as_bytes());
    assert_eq!((framer.poll_frame(), framer.buffered()), (None, 0));
}

#[test]
fn noise_breaks_a_stream_silently() {
    assert_eq!(ends("GET / HTTP/1.1\r\nl: 0\r\n\r\n"), [cut("GET / HTTP/1.1\r\nl: 0\r\n\r\n")]);
    assert!(matches!(parse(Bytes::from_static(b"GET / HTTP/1.1\r\nl: 0\r\n\r\n")), Err(ParseError::Drop(_))));
    assert_eq!(ends("GET / HTTP/1.1\r\n\r\n"), [Err("no SIP message")]);
    assert_eq!(ends("\rX"), [Err("CR alone between messages")]);
}

#[test]
fn limit_head_bytes() {
    // A4, C4: a head that never ends is bounded.
    let padded = |bytes: usize| {
        let empty = message("l: 0\r\n", "").len();
        let lines = "A: 0123456789\r\n".repeat((bytes - empty) / 15 - 1);
        let rest = bytes - empty - lines.len() - 5;
        message(&format!("l: 0\r\n{lines}B: {}\r\n", "x".repeat(rest)), "")
    };
    let fits = padded(limit::HEAD_BYTES_MAX);
    assert_eq!(fits.len(), limit::HEAD_BYTES_MAX);
    assert_eq!(frames([fits.as_bytes()]), [cut(&fits)]);
    assert_eq!(frames(fits.as_bytes().chunks(1)), [cut(&fits)]);
    let over = padded(limit::HEAD_BYTES_MAX + 1);
    assert_eq!(frames([over.as_bytes()]), [Err("head too large")]);
    assert_eq!(frames(over.as_bytes().chunks(1)), [Err("head too large")]);
}

#[test]
fn limit_message_bytes_on_a_stream() {
    let head = message("l: 65000\r\n", "").len();
    let body = limit::MESSAGE_BYTES_MAX - head;
    let fits = message(&format!("l: {body}\r\n"), &"x".repeat(body));
    assert_eq!(fits.len(), limit::MESSAGE_BYTES_MAX);
    assert_eq!(frames([fits.as_bytes()]), [cut(&fits)]);
    let over = message(&format!("l: {}\r\n", body + 1), "");
    assert_eq!(frames([over.as_bytes()]), [Err("message too large")]);
}

//! Every message of RFC 4475 cut at every byte, flipped at every byte, and fed to a stream byte by byte (A1, A4, A7):
//! no panic, and what comes out is bounded by what went in.

use bytes::Bytes;
use sip::message::{Contacts, Frame, Framer, HeaderName, Message, ParseError, parse};

use crate::corpus;

/// Parses, reads everything lazily typed, and writes; whatever a peer sends, none of it may panic.
fn exercise(bytes: Bytes) {
    let size = bytes.len();
    match parse(bytes) {
        Ok(message) => {
            let headers = message.headers();
            let read = (headers.via(), headers.vias(), headers.from_(), headers.to(), headers.cseq(), headers.rack());
            assert!(read.0.is_some() && read.1.is_ok() && read.2.is_some() && read.3.is_some() && read.4.is_some());
            let optional = (headers.contacts(), headers.routes(), headers.replaces(), headers.session_expires());
            if let Ok(Contacts::List(list)) = &optional.0 {
                assert!(list.iter().all(|contact| contact.uri().equivalent(contact.uri())));
            }
            assert!(headers.reasons().len() <= size && headers.tokens(&HeaderName::Supported).count() <= size);
            let written = message.to_bytes();
            assert!(written.len() <= 2 * size + 512, "{} from {size}", written.len());
            assert!(parse(written).is_ok(), "what is written can be read");
        }
        Err(ParseError::Answer(refusal)) => assert!(refusal.response().to_bytes().len() <= 2 * size + 128),
        Err(ParseError::Drop(_)) => {}
    }
}

#[test]
fn every_message_cut_at_every_byte() {
    for (_, bytes) in corpus::all() {
        for end in 0..bytes.len() {
            exercise(bytes.slice(..end));
        }
    }
}

#[test]
fn every_message_flipped_at_every_byte() {
    for (_, bytes) in corpus::all() {
        for index in 0..bytes.len() {
            for mask in [0x01, 0x20, 0x80, 0xff] {
                let mut flipped = bytes.to_vec();
                flipped[index] ^= mask;
                exercise(Bytes::from(flipped));
            }
        }
    }
}

/// Everything a framer makes of the pieces, until it breaks.
fn frames(pieces: &[&[u8]]) -> Vec<Result<Frame, ParseError>> {
    let mut framer = Framer::new();
    let mut frames = Vec::new();
    for piece in pieces {
        framer.push(piece);
        while let Some(frame) = framer.poll_frame() {
            frames.push(frame.map_err(|error| error.0));
        }
    }
    frames
}

#[test]
fn a_stream_gives_the_same_split_anywhere() {
    for (name, bytes) in corpus::all() {
        let whole = frames(&[&bytes]);
        for split in 1..bytes.len() {
            assert_eq!(frames(&[&bytes[..split], &bytes[split..]]), whole, "{name} split at {split}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(frames(&single), whole, "{name} byte by byte");
    }
}

/// One reading for both transports: a message that a stream gives whole parses as the same datagram does.
#[test]
fn a_stream_and_a_datagram_read_the_same_message() {
    let mut same = 0;
    for (name, bytes) in corpus::all() {
        let Ok(message) = parse(bytes.clone()) else { continue };
        // A datagram without Content-Length has a body all the same; a stream has not (RFC 3261 §18.3).
        if message.headers().content_length().is_none() {
            continue;
        }
        let Some(Ok(Frame::Message(framed))) = frames(&[&bytes]).into_iter().next() else { panic!("{name}") };
        assert_eq!(parse(framed).unwrap(), message, "{name}");
        same += 1;
    }
    assert!(same == 0 || same > 20, "{same}");
}

#[test]
fn a_thousand_pipelined_messages_come_out_one_by_one() {
    let Some(one) = corpus::load("lwsdisp") else { return };
    let stream = one.repeat(1_000);
    for size in [1, 7, 1_000, stream.len()] {
        let pieces: Vec<&[u8]> = stream.chunks(size).collect();
        let frames = frames(&pieces);
        assert_eq!(frames.len(), 1_000);
        for frame in frames {
            let Ok(Frame::Message(bytes)) = frame else { panic!("{frame:?}") };
            assert!(matches!(parse(bytes), Ok(Message::Request(_))));
        }
    }
}

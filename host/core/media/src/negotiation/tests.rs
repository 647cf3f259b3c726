use super::*;

fn local() -> LocalMedia {
    LocalMedia {
        address: "192.0.2.10:30000".parse().unwrap(),
        session_id: 7,
        codecs: vec![Codec::G722, Codec::Pcma, Codec::Pcmu],
        dtmf: true,
        ptime_ms: 20,
        trusted_addresses: Vec::new(),
    }
}

fn negotiation() -> Negotiation {
    Negotiation::new(local())
}

fn sdp(lines: &str) -> Vec<u8> {
    format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{lines}\r\n").into_bytes()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[track_caller]
fn answer(negotiation: &mut Negotiation, lines: &str) -> String {
    text(negotiation.answer(&sdp(lines)).unwrap())
}

#[test]
fn an_offer_holds_our_codecs_in_our_order() {
    let offer = text(negotiation().offer(Direction::SendRecv));
    let expected = "v=0\r\no=- 7 7 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n\
        m=audio 30000 RTP/AVP 9 8 0 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
        a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=rtcp-mux\r\na=sendrecv\r\n";
    assert_eq!(offer, expected);
}

#[test]
fn an_answer_holds_the_common_codecs_with_the_offers_payload_types() {
    let mut negotiation = negotiation();
    let answer = answer(
        &mut negotiation,
        "m=audio 4000 RTP/AVP 0 3 110 96\r\na=rtpmap:110 pcma/8000\r\na=rtpmap:96 telephone-event/8000\r\na=ptime:30",
    );
    assert!(answer.contains("m=audio 30000 RTP/AVP 110 0 96\r\n"), "{answer}");
    assert!(!answer.contains("rtcp-mux"));
    let stream = negotiation.stream().unwrap();
    assert_eq!(stream.send, [(Codec::Pcma, 110), (Codec::Pcmu, 0)]);
    assert_eq!(stream.receive, [(0, Codec::Pcmu), (110, Codec::Pcma)]);
    assert_eq!((stream.dtmf_send, stream.dtmf_receive, stream.ptime_ms), (Some(96), Some(96), 30));
    assert_eq!(stream.remote, "192.0.2.1:4000".parse().unwrap());
    assert_eq!(stream.remote_rtcp, "192.0.2.1:4001".parse().unwrap());
}

#[test]
fn payload_types_differ_by_direction_when_the_answerer_chose_others() {
    let mut negotiation = negotiation();
    negotiation.offer(Direction::SendRecv);
    let answer =
        "m=audio 4000 RTP/AVP 8 98 99\r\na=rtpmap:98 G722/8000\r\na=rtpmap:99 telephone-event/8000\r\na=rtcp-mux";
    negotiation.accept_answer(&sdp(answer)).unwrap();
    let stream = negotiation.stream().unwrap();
    assert_eq!(stream.send, [(Codec::Pcma, 8), (Codec::G722, 98)]);
    assert_eq!(stream.receive, [(9, Codec::G722), (8, Codec::Pcma)]);
    assert_eq!((stream.dtmf_send, stream.dtmf_receive), (Some(99), Some(101)));
    assert_eq!(stream.remote_rtcp, stream.remote);
}

#[test]
fn a_reoffer_may_renumber_and_later_offers_of_ours_keep_the_new_numbers() {
    let mut negotiation = negotiation();
    answer(&mut negotiation, "m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000");
    answer(&mut negotiation, "m=audio 4000 RTP/AVP 97 96\r\na=rtpmap:97 PCMA/8000\r\na=rtpmap:96 telephone-event/8000");
    assert_eq!(negotiation.stream().unwrap().send, [(Codec::Pcma, 97)]);
    assert_eq!(negotiation.stream().unwrap().dtmf_receive, Some(96));
    let offer = text(negotiation.offer(Direction::SendRecv));
    assert!(offer.contains("m=audio 30000 RTP/AVP 9 97 0 96\r\n"), "{offer}");
}

#[test]
fn a_reoffer_that_takes_a_number_for_another_codec_leaves_no_collision() {
    let mut negotiation = negotiation();
    answer(&mut negotiation, "m=audio 4000 RTP/AVP 9\r\na=rtpmap:9 PCMU/8000");
    let offer = text(negotiation.offer(Direction::SendRecv));
    assert!(offer.contains("m=audio 30000 RTP/AVP 8 9 101\r\n"), "{offer}");
}

/// F12: every direction and its answer, RFC 3264 §6.1.
#[test]
fn directions_are_mirrored_and_our_own_hold_limits_them() {
    for (offered, wish, answered, is_hold) in [
        ("sendrecv", Direction::SendRecv, "sendrecv", false),
        ("sendonly", Direction::SendRecv, "recvonly", true),
        ("recvonly", Direction::SendRecv, "sendonly", false),
        ("inactive", Direction::SendRecv, "inactive", true),
        ("sendrecv", Direction::SendOnly, "sendonly", false),
        ("sendonly", Direction::SendOnly, "inactive", true),
    ] {
        let mut negotiation = negotiation();
        negotiation.set_direction(wish);
        let answer = answer(&mut negotiation, &format!("m=audio 4000 RTP/AVP 0\r\na={offered}"));
        assert!(answer.contains(&format!("a={answered}\r\n")), "{offered}: {answer}");
        assert_eq!(negotiation.remote_hold(), is_hold, "{offered}");
    }
}

#[test]
fn the_old_hold_is_answered_recvonly_and_nothing_is_sent() {
    let mut negotiation = negotiation();
    answer(&mut negotiation, "m=audio 4000 RTP/AVP 0");
    let held = answer(&mut negotiation, "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0");
    assert!(held.contains("a=recvonly"), "{held}");
    assert!(negotiation.remote_hold());
    assert!(!negotiation.stream().unwrap().direction.sends());
    let resumed = answer(&mut negotiation, "m=audio 4000 RTP/AVP 0");
    assert!(resumed.contains("a=sendrecv"));
    assert!(!negotiation.remote_hold());
}

#[test]
fn session_direction_counts_where_the_stream_has_none() {
    let mut negotiation = negotiation();
    let answer = answer(&mut negotiation, "a=sendonly\r\nm=audio 4000 RTP/AVP 0");
    assert!(answer.contains("a=recvonly"));
}

#[test]
fn our_hold_offer_answered_wrongly_stays_a_hold() {
    let mut negotiation = negotiation();
    negotiation.offer(Direction::SendOnly);
    negotiation.accept_answer(&sdp("m=audio 4000 RTP/AVP 0\r\na=sendrecv")).unwrap();
    assert_eq!(negotiation.stream().unwrap().direction, Direction::SendOnly);
}

#[test]
fn other_streams_are_refused_in_their_place_and_stay_there() {
    let mut negotiation = negotiation();
    let streams = "m=video 5000 RTP/AVP 31 34\r\nm=audio 5002 RTP/SAVP 0\r\nm=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 8\r\n\
        m=message 7394 TCP/MSRP *";
    let answer = answer(&mut negotiation, streams);
    let lines = |text: &str| text.lines().filter(|line| line.starts_with("m=")).map(str::to_owned).collect::<Vec<_>>();
    let expected = [
        "m=video 0 RTP/AVP 31 34",
        "m=audio 0 RTP/SAVP 0",
        "m=audio 30000 RTP/AVP 0",
        "m=audio 0 RTP/AVP 8",
        "m=message 0 TCP/MSRP *",
    ];
    assert_eq!(lines(&answer), expected);
    let offer = lines(&text(negotiation.offer(Direction::SendRecv)));
    assert_eq!((offer.len(), offer[0].as_str(), offer[4].as_str()), (5, expected[0], expected[4]));
    assert_eq!(negotiation.accept_answer(&sdp("m=audio 4000 RTP/AVP 0")), Err(NegotiationError::Streams));
}

#[test]
fn the_version_grows_only_with_a_change() {
    let mut negotiation = negotiation();
    let version = |text: &str| text.lines().nth(1).unwrap().split(' ').nth(2).unwrap().to_owned();
    let first = answer(&mut negotiation, "m=audio 4000 RTP/AVP 0");
    assert_eq!(answer(&mut negotiation, "m=audio 4000 RTP/AVP 0"), first);
    assert_eq!(version(&answer(&mut negotiation, "m=audio 4000 RTP/AVP 0\r\na=sendonly")), "8");
    assert_eq!(version(&answer(&mut negotiation, "m=audio 4000 RTP/AVP 0")), "9");
}

#[test]
fn an_answer_may_be_replaced_by_a_later_one_to_the_same_offer() {
    let mut negotiation = negotiation();
    negotiation.offer(Direction::SendRecv);
    negotiation.accept_answer(&sdp("m=audio 4000 RTP/AVP 0")).unwrap();
    negotiation.accept_answer(&sdp("m=audio 4100 RTP/AVP 8")).unwrap();
    assert_eq!(negotiation.stream().unwrap().remote.port(), 4100);
    negotiation.reject_offer();
    assert_eq!(negotiation.accept_answer(&sdp("m=audio 4000 RTP/AVP 0")), Err(NegotiationError::NoOffer));
    assert_eq!(negotiation.stream().unwrap().remote.port(), 4100);
}

/// A8, D6: each with its error, and what was agreed before is untouched.
#[test]
fn unacceptable_offers_leave_everything_as_it_was() {
    let mut negotiation = negotiation();
    answer(&mut negotiation, "m=audio 4000 RTP/AVP 0");
    let before = negotiation.stream().cloned();
    let address = |text: &str| NegotiationError::Address(text.parse().unwrap());
    for (lines, error) in [
        ("m=video 4000 RTP/AVP 31", NegotiationError::NoAudio),
        ("m=audio 0 RTP/AVP 0", NegotiationError::NoAudio),
        ("m=audio 4000 RTP/SAVP 0", NegotiationError::NoAudio),
        ("m=audio 4000 RTP/AVP 3 18", NegotiationError::NoCodec),
        ("m=audio 4000 RTP/AVP 300 x", NegotiationError::NoCodec),
        ("m=audio 4000 RTP/AVP 9\r\na=rtpmap:9 G722/16000", NegotiationError::NoCodec),
        ("m=audio 4000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000", NegotiationError::NoCodec),
        ("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 phone.example", NegotiationError::NoAddress),
        ("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 127.0.0.1", address("127.0.0.1")),
        ("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 224.0.0.1", address("224.0.0.1")),
        ("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 255.255.255.255", address("255.255.255.255")),
        ("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 169.254.169.254", address("169.254.169.254")),
        ("m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::1", address("2001:db8::1")),
        ("m=audio 30000 RTP/AVP 0\r\nc=IN IP4 192.0.2.10", address("192.0.2.10")),
        ("m=audio 4000 RTP/AVP 0\r\na=rtcp:53 IN IP4 127.0.0.1", address("127.0.0.1")),
    ] {
        assert_eq!(negotiation.answer(&sdp(lines)), Err(error), "{lines}");
        assert_eq!(error.status(), 488);
        assert_eq!(negotiation.stream().cloned(), before);
    }
    let error = negotiation.answer(b"hello").unwrap_err();
    assert_eq!(error.status(), 400);
}

#[test]
fn packet_times_are_those_we_can_make() {
    for (lines, expected) in [
        ("a=ptime:20", 20),
        ("a=ptime:0", 10),
        ("a=ptime:25", 20),
        ("a=ptime:4294967295", 60),
        ("a=ptime:99999999999", 20),
        ("a=ptime:40\r\na=maxptime:30", 30),
        ("a=maxptime:0", 10),
    ] {
        let mut negotiation = negotiation();
        answer(&mut negotiation, &format!("m=audio 4000 RTP/AVP 0\r\n{lines}"));
        assert_eq!(negotiation.stream().unwrap().ptime_ms, expected, "{lines}");
    }
}

#[test]
fn a_preferred_codec_comes_first_but_only_if_it_is_allowed() {
    let mut negotiation = Negotiation::new(LocalMedia { codecs: vec![Codec::Pcma, Codec::Pcmu], ..local() });
    negotiation.prefer(Codec::Pcmu);
    negotiation.prefer(Codec::G722);
    assert!(text(negotiation.offer(Direction::SendRecv)).contains("RTP/AVP 0 8 101"));
}

#[test]
fn without_dtmf_no_events_are_agreed() {
    let mut negotiation = Negotiation::new(LocalMedia { dtmf: false, ..local() });
    let answer = answer(&mut negotiation, "m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000");
    assert!(!answer.contains("101"), "{answer}");
    assert_eq!(negotiation.stream().unwrap().dtmf_send, None);
}

/// F26: the signalling source travels with the stream for symmetric RTP.
#[test]
fn the_signalling_source_is_part_of_the_stream() {
    let mut negotiation = negotiation();
    let source = "198.51.100.1".parse().unwrap();
    negotiation.set_signalling_source(source);
    answer(&mut negotiation, "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 10.0.0.4");
    assert_eq!(negotiation.stream().unwrap().signalling_source, Some(source));
}

use super::*;

const EXAMPLE: &str = "v=0\r\no=alice 53655765 2353687637 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
    m=audio 49170 RTP/AVP 8 0 97 101\r\na=rtpmap:97 iLBC/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-15\r\na=ptime:20\r\na=rtcp:53020 IN IP4 192.0.2.2\r\na=sendonly\r\nm=video 0/2 RTP/AVP 31\r\n";

fn with(lines: &str) -> Result<Description, SdpError> {
    parse(format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n{lines}").as_bytes())
}

#[test]
fn an_ordinary_offer_is_read() {
    let description = parse(EXAMPLE.as_bytes()).unwrap();
    let audio = &description.media[0];
    assert_eq!(description.connection, Some(Connection::Address("192.0.2.1".parse().unwrap())));
    assert_eq!((audio.port, audio.formats.as_slice()), (49170, ["8", "0", "97", "101"].map(str::to_owned).as_slice()));
    assert_eq!(audio.rtpmaps[1].name, "telephone-event");
    assert_eq!(audio.rtcp, Some((53020, Some("192.0.2.2".parse().unwrap()))));
    assert_eq!(audio.direction, Some(Flow { send: true, receive: false }));
    assert_eq!((description.media[1].kind.as_str(), description.media[1].port), ("video", 0));
}

#[test]
fn what_is_printed_is_read_back() {
    let mut description = parse(EXAMPLE.as_bytes()).unwrap();
    assert_eq!(parse(description.to_string().as_bytes()).unwrap(), description);
    description.connection = Some(Connection::Address("2001:db8::1".parse().unwrap()));
    description.media[0].rtcp_mux = true;
    assert_eq!(parse(description.to_string().as_bytes()).unwrap(), description);
}

#[test]
fn line_feeds_alone_and_foreign_character_sets_are_taken() {
    assert!(parse(EXAMPLE.replace('\r', "").as_bytes()).is_ok());
    let mut latin = EXAMPLE.as_bytes().to_vec();
    let at = EXAMPLE.find("s=-").unwrap() + 2;
    latin[at] = 0xe9;
    assert!(parse(&latin).is_ok());
}

/// A8: each of these has broken somebody.
#[test]
fn malformed_lines_are_refused_with_their_number() {
    for line in [
        "m=audio 65536 RTP/AVP 0",
        "m=audio -1 RTP/AVP 0",
        "m=audio 5004 RTP/AVP",
        "m=audio",
        "m=audio 5004/99999999 RTP/AVP 0",
        "c=IN IP4",
        "c=FOO BAR BAZ",
        "m=audio 1 RTP/AVP 0\r\na=rtpmap:128 PCMU/8000",
        "m=audio 1 RTP/AVP 0\r\na=rtpmap:0 PCMU/99999999999",
        "m=audio 1 RTP/AVP 0\r\na=rtpmap:0",
        "m=audio 1 RTP/AVP 0\r\na=rtcp:70000",
        "nonsense",
    ] {
        let expected = 5 + line.matches('\n').count();
        assert_eq!(with(line), Err(SdpError::Syntax { line: expected }), "{line}");
    }
    assert_eq!(parse(b""), Err(SdpError::Missing("v=")));
    assert_eq!(parse(b"o=- 1 1 IN IP4 1.2.3.4\r\nv=0\r\n"), Err(SdpError::Missing("v=")));
    assert_eq!(parse(b"v=0\r\ns=-\r\n"), Err(SdpError::Missing("o=")));
    assert_eq!(parse(b"v=1\r\n"), Err(SdpError::Syntax { line: 1 }));
    assert_eq!(parse(b"v=0\r\no=- 1 1 IN\r\n"), Err(SdpError::Syntax { line: 2 }));
}

/// A8: bad format parameters and packet times are hints, and ignored.
#[test]
fn nonsense_hints_are_ignored() {
    let description = with(
        "m=audio 5004 RTP/AVP 0\r\na=ptime:99999999999999999999\r\na=maxptime:-3\r\na=fmtp:999 ;;;=\r\na=fmtp:\r\n\
         a=crypto:\r\na=:\r\na=\r\nb=AS:99999999999999\r\no=- 18446744073709551616 99999999999999999999999 IN IP4 x\r\n",
    )
    .unwrap();
    assert_eq!((description.media[0].ptime_ms, description.media[0].maxptime_ms), (None, None));
}

/// A8: limits.
#[test]
fn too_much_of_anything_is_refused() {
    let candidate = "a=candidate:1 1 UDP 1 192.0.2.1 1 typ host\r\n";
    for (lines, what) in [
        ("m=audio 0 X 0\r\n".repeat(17), "m= lines"),
        (candidate.repeat(65), "candidates"),
        (format!("m=audio 1 RTP/AVP{}", " 0".repeat(65)), "formats"),
        (format!("m=audio 1 RTP/AVP 0\r\n{}", "a=rtpmap:0 PCMU/8000\r\n".repeat(65)), "a=rtpmap lines"),
        ("a=x\r\n".repeat(600), "lines"),
        ("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n".repeat(10_000), "bytes"),
    ] {
        assert_eq!(with(&lines), Err(SdpError::Limit(what)));
    }
    assert!(with(&"m=audio 0 X 0\r\n".repeat(16)).is_ok());
    assert!(with(&candidate.repeat(64)).is_ok());
}

#[test]
fn names_and_scoped_multicast_are_unusable_addresses() {
    for address in ["IP4 media.example.com", "IP4 224.2.1.1/127", "IP6 192.0.2.1", "IP4 ::1"] {
        let description = with(&format!("c=IN {address}\r\n")).unwrap();
        assert_eq!(description.connection, Some(Connection::Unusable), "{address}");
    }
}

/// A8, truncation at every byte and every byte flipped: an answer, never a panic.
#[test]
fn damaged_descriptions_never_panic() {
    for len in 0..EXAMPLE.len() {
        drop(parse(&EXAMPLE.as_bytes()[..len]));
        for flip in [0x01, 0x20, 0x80, 0xff] {
            let mut bytes = EXAMPLE.as_bytes().to_vec();
            bytes[len] ^= flip;
            if let Ok(description) = parse(&bytes) {
                parse(description.to_string().as_bytes()).expect("what we print is well-formed");
            }
        }
    }
}

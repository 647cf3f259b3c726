//! The parsers of `media` and `codec`: SDP, offers, RTP, RTCP, whole media packets through an engine, WAV (A8, D8, D10).

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use codec::{Codec, SampleRate, wav};
use media::engine::{Channel, Command, Engine, LegKey, LegOptions, RecordOptions};
use media::negotiation::{Direction, LocalMedia, Negotiation};
use media::rtp::Packet;
use media::{rtcp, sdp};

use super::Target;

const OFFER: &[u8] = b"v=0\r\no=alice 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\na=sendonly\r\nm=video 0/2 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 8 0 9 97 101\r\na=rtpmap:97 iLBC/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=maxptime:60\r\na=rtcp:4005 IN IP4 127.0.0.1\r\na=rtcp-mux\r\na=candidate:1 1 UDP 1 127.0.0.1 4000 typ host\r\na=sendrecv\r\n";
const RTP: &[u8] = b"\x80\x88\x12\x34\x00\x00\x00\xa0\xde\xad\xbe\xefpayload payload payload";
const RTP_FULL: &[u8] = b"\xb1\x65\xff\xff\xff\xff\xff\xf0\x00\x00\x00\x01\x00\x00\x00\x02\xbe\xde\x00\x01\x10\x20\x30\x40\x05\x8a\x03\x20\x00\x00\x03";
const RTCP: &[u8] = b"\x81\xc8\x00\x0c\x00\x00\x00\x07\x11\x11\x12\x34\x56\x78\x22\x22\x00\x00\x00\xa0\x00\x00\x00\x02\x00\x00\x01\x40\x00\x00\x00\x09\x1a\xff\xff\xfd\x00\x01\x11\x70\x00\x00\x00\x0c\x12\x34\x56\x78\x00\x01\x00\x00\x81\xca\x00\x03\x00\x00\x00\x07\x01\x04abcd\x00\x00\x81\xcb\x00\x01\x00\x00\x00\x07";
const WAV: &[u8] = b"RIFF\x28\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x04\x00\x00\x00\x01\x00\xff\x7f";

/// A description: what is printed reads the same, within the limits.
pub(crate) const SDP: Target = Target { name: "media_sdp", run: description, seeds: &[OFFER] };

fn description(data: &[u8]) {
    let Ok(description) = sdp::parse(data) else { return };
    assert!(description.media.len() <= sdp::MEDIA_MAX);
    assert!(description.media.iter().all(|media| media.formats.len() <= sdp::FORMATS_MAX));
    let written = description.to_string();
    let again = sdp::parse(written.as_bytes()).expect("what is written can be read");
    assert_eq!(again.to_string(), written);
}

/// An offer: an answer has its streams, and never an address we may not send to.
pub(crate) const NEGOTIATION: Target = Target { name: "media_negotiation", run: negotiation, seeds: &[OFFER] };

fn negotiation(data: &[u8]) {
    let mut negotiation = Negotiation::new(LocalMedia {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 30_000)),
        session_id: 1,
        codecs: Codec::ALL.to_vec(),
        dtmf: true,
        ptime_ms: 20,
        trusted_addresses: Vec::new(),
    });
    if let Ok(answer) = negotiation.answer(data) {
        let (offer, answer) = (sdp::parse(data).expect("answered"), sdp::parse(&answer).expect("ours"));
        assert_eq!(answer.media.len(), offer.media.len());
        assert_eq!(answer.media.iter().filter(|media| media.port != 0).count(), 1);
        let stream = negotiation.stream().expect("answered");
        assert!(!stream.send.is_empty() && (10..=60).contains(&stream.ptime_ms));
        assert!(!stream.direction.sends() || !stream.remote.ip().is_unspecified());
        assert!(!stream.remote.ip().is_multicast());
    }
    negotiation.offer(Direction::SendRecv);
    // An answer may be anything too.
    let accepted = negotiation.accept_answer(data);
    assert!(accepted.is_err() || negotiation.stream().is_some());
}

/// Packets: an RTP payload is inside its packet, an RTCP compound is read or refused.
pub(crate) const PACKET: Target = Target { name: "media_packet", run: packet, seeds: &[RTP, RTP_FULL, RTCP] };

fn packet(data: &[u8]) {
    if let Some(packet) = Packet::parse(data) {
        assert!(packet.payload.len() + media::rtp::HEADER_LEN <= data.len());
        let written = [&packet.header.to_bytes()[..], packet.payload].concat();
        assert_eq!(Packet::parse(&written), Some(packet));
    }
    let mut items = 0;
    rtcp::parse(data, |_| items += 1);
    assert!(items <= data.len());
}

/// A stream of packets, cut from the input, through a transcoding bridge that also records.
pub(crate) const ENGINE: Target = Target { name: "media_engine", run: engine, seeds: &[RTP, RTP_FULL, RTCP] };

fn engine(data: &[u8]) {
    let mut now = Instant::now();
    let mut engine = Engine::new(1);
    for (number, codecs) in [(1, vec![Codec::Pcma, Codec::Pcmu]), (2, vec![Codec::G722])] {
        let leg = LegKey(number);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 30_000 + 2 * number as u16));
        let local =
            LocalMedia { address, session_id: 1, codecs, dtmf: true, ptime_ms: 20, trusted_addresses: Vec::new() };
        let mut negotiation = Negotiation::new(local);
        negotiation.answer(OFFER).expect("a good offer");
        let mut stream = negotiation.stream().expect("answered").clone();
        stream.direction = Direction::SendRecv;
        engine.handle_command(now, Command::Add { leg, options: LegOptions::default() });
        engine.handle_command(now, Command::Update { leg, stream });
    }
    engine.handle_command(now, Command::Bridge { a: LegKey(1), b: LegKey(2) });
    let options = RecordOptions {
        rate: SampleRate::Hz16000,
        max: Duration::from_secs(2),
        silence: Some(Duration::from_secs(1)),
        terminators: "#".to_owned(),
    };
    engine.handle_command(now, Command::Record { leg: LegKey(1), record: 1, options });
    let from = SocketAddr::from((Ipv4Addr::LOCALHOST, 4000));
    // Each packet of the stream is the input begun a little later.
    for start in 0..data.len().min(16) {
        let channel = if data[start] & 1 == 0 { Channel::Rtp } else { Channel::Rtcp };
        engine.handle_packet(now, LegKey(1 + start as u64 % 2), Channel::Rtp, from, data);
        engine.handle_packet(now, LegKey(1), channel, from, &data[start..]);
        now += Duration::from_millis(20);
        engine.handle_timeout(now);
        while let Some(transmit) = engine.poll_transmit() {
            assert!(transmit.to.ip().is_loopback() && transmit.bytes.len() <= 2 * data.len() + 200);
        }
        while engine.poll_event().is_some() {}
    }
}

/// A prompt file: never more samples than bytes, and what is written reads the same.
pub(crate) const WAV_FILE: Target = Target { name: "codec_wav", run: wav_file, seeds: &[WAV] };

fn wav_file(data: &[u8]) {
    let Ok(read) = wav::read(data, 1000) else { return };
    assert!(read.samples.len() <= data.len().min(1000));
    assert_eq!(wav::read(&wav::write(&read), 1000), Ok(read));
}

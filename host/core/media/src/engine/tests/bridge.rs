//! Two parties hear each other: relayed where they share a codec, transcoded where not, with digits and hold.

use std::time::Duration;

use codec::Codec;
use codec::tone::Tone;

use super::world::*;
use crate::engine::{Channel, Command, Event};
use crate::negotiation::Direction;
use crate::rtcp::{self, Item};
use crate::rtp::Packet;

/// Both talk for a while; each must hear the other's tone at its level.
#[track_caller]
fn check_audio(a: Codec, b: Codec, least_purity: f64) {
    let mut world = World::bridged(a, b);
    let (mut alice, mut bob) = (Phone::new(A, a, 1000), Phone::new(B, b, 700));
    for n in 0..100 {
        world.run_to(n * 20);
        alice.say(&mut world);
        bob.say(&mut world);
    }
    for (leg, codec, hertz) in [(B, b, 1000), (A, a, 700)] {
        let heard = world.heard(leg);
        assert_eq!(heard.len(), 100);
        assert!(heard.windows(2).all(|two| two[1].1.sequence == two[0].1.sequence.wrapping_add(1)));
        assert!(heard.windows(2).all(|two| two[1].1.timestamp == two[0].1.timestamp.wrapping_add(160)));
        assert!(heard.iter().all(|(_, header, payload)| header.ssrc == heard[0].1.ssrc && payload.len() == 160));
        assert!(heard[0].1.marker && !heard[1].1.marker);
        let (level, purity) = measure(&listen(&heard, codec), codec.sample_rate(), hertz);
        assert!(purity > least_purity, "{a:?} {b:?} {hertz} Hz: purity {purity}");
        assert!((level / f64::from(Tone::AMPLITUDE) - 1.0).abs() < 0.06, "{a:?} {b:?} {hertz} Hz: level {level}");
    }
}

/// F18, pair by pair.
#[test]
fn every_pair_of_codecs_carries_audio_both_ways() {
    for a in Codec::ALL {
        for b in Codec::ALL {
            check_audio(a, b, 0.99);
        }
    }
}

#[test]
fn a_shared_codec_is_relayed_byte_for_byte_under_the_listeners_payload_type() {
    let mut world = World::bridged(Codec::Pcmu, Codec::Pcmu);
    let mut params = stream(B, Codec::Pcmu);
    params.send = vec![(Codec::Pcma, 8), (Codec::Pcmu, 77)];
    world.command(Command::Update { leg: B, stream: params });
    let mut alice = Phone::new(A, Codec::Pcmu, 1000);
    let bytes = alice.speak();
    world.packet(A, Channel::Rtp, address(A), &bytes);
    let heard = world.heard(B);
    assert_eq!((heard[0].1.payload_type, heard[0].2.as_slice()), (77, &bytes[12..]));
}

/// A network that loses a tenth and swaps neighbours: the listener sees the same losses and the same order.
#[test]
fn losses_and_reordering_pass_through_and_the_tone_is_still_heard() {
    for (a, b) in [(Codec::Pcmu, Codec::Pcmu), (Codec::Pcma, Codec::G722), (Codec::G722, Codec::Pcmu)] {
        for seed in 0..5 {
            let mut dice = Dice(seed);
            let mut world = World::bridged(a, b);
            let mut alice = Phone::new(A, a, 1000);
            let mut held_back = None;
            let mut arrived = 0;
            for n in 0..300 {
                world.run_to(n * 20);
                let bytes = alice.speak();
                match dice.roll(10) {
                    0 if n > 3 => continue,
                    1 if n > 3 => held_back = Some(bytes),
                    _ => {
                        world.packet(A, Channel::Rtp, address(A), &bytes);
                        arrived += 1;
                        if let Some(late) = held_back.take() {
                            world.packet(A, Channel::Rtp, address(A), &late);
                            arrived += 1;
                        }
                    }
                }
            }
            let heard = world.heard(B);
            assert_eq!(heard.len(), arrived);
            let mut sequences: Vec<_> = heard.iter().map(|heard| heard.1.sequence).collect();
            sequences.sort_unstable();
            sequences.dedup();
            assert_eq!(sequences.len(), arrived, "no number is used twice");
            let (level, purity) = measure(&listen(&heard, b), b.sample_rate(), 1000);
            assert!(level > 0.75 * f64::from(Tone::AMPLITUDE), "{a:?} {b:?}: level {level}");
            assert!(purity > 0.75, "{a:?} {b:?}: purity {purity}");
        }
    }
}

/// F21: the digit reaches the other phone under its number for events, and the switch hears of it once.
#[test]
fn digits_pass_a_bridge_and_are_told_once() {
    let mut world = World::bridged(Codec::Pcmu, Codec::G722);
    let mut alice = Phone::new(A, Codec::Pcmu, 1000);
    alice.say(&mut world);
    for n in 1..=7_u64 {
        world.run_to(n * 20);
        let is_end = n >= 5;
        let ms = n.min(5) as u16 * 20;
        let [high, low] = (ms * 8).to_be_bytes();
        let bytes = alice.event(101, [5, if is_end { 0x8a } else { 0x0a }, high, low]);
        world.packet(A, Channel::Rtp, address(A), &bytes);
    }
    alice.header.timestamp = alice.header.timestamp.wrapping_add(7 * 160);
    world.run_to(160);
    alice.say(&mut world);
    let heard = world.heard(B);
    let events: Vec<_> = heard.iter().filter(|(_, header, _)| header.payload_type == 102).collect();
    assert_eq!(events.len(), 7);
    assert!(events.iter().all(|(_, header, payload)| header.timestamp == events[0].1.timestamp && payload[0] == 5));
    assert!(heard.windows(2).all(|two| two[1].1.sequence == two[0].1.sequence.wrapping_add(1)));
    let digits: Vec<_> = world.events.iter().filter(|event| matches!(event, Event::Dtmf { .. })).collect();
    assert_eq!(digits, [&Event::Dtmf { leg: A, digit: '5', duration_ms: 100 }]);
}

#[test]
fn digits_are_told_but_not_sent_to_a_phone_without_events() {
    let mut world = World::bridged(Codec::Pcmu, Codec::Pcmu);
    world.command(Command::Update {
        leg: B,
        stream: crate::negotiation::StreamParams { dtmf_send: None, ..stream(B, Codec::Pcmu) },
    });
    let mut alice = Phone::new(A, Codec::Pcmu, 1000);
    alice.say(&mut world);
    let bytes = alice.event(101, [11, 0x8a, 3, 32]);
    world.packet(A, Channel::Rtp, address(A), &bytes);
    alice.say(&mut world);
    let heard = world.heard(B);
    assert_eq!(heard.len(), 2);
    assert_eq!(heard[1].1.sequence, heard[0].1.sequence.wrapping_add(1), "what is left out is no loss");
    assert!(world.events.contains(&Event::Dtmf { leg: A, digit: '#', duration_ms: 100 }));
}

/// F12: nothing goes to a phone on hold, nothing comes from one we hold, and resuming brings both back.
#[test]
fn hold_stops_media_and_resume_brings_it_back() {
    let mut world = World::bridged(Codec::Pcmu, Codec::Pcmu);
    let (mut alice, mut bob) = (Phone::new(A, Codec::Pcmu, 1000), Phone::new(B, Codec::Pcmu, 700));
    let mut talk = |world: &mut World| {
        world.sent.clear();
        for _ in 0..5 {
            alice.say(world);
            bob.say(world);
        }
        (world.heard(A).len(), world.heard(B).len())
    };
    assert_eq!(talk(&mut world), (5, 5));
    for (direction, expected) in [
        (Direction::RecvOnly, (0, 5)),
        (Direction::SendOnly, (5, 0)),
        (Direction::Inactive, (0, 0)),
        (Direction::SendRecv, (5, 5)),
    ] {
        let mut params = stream(A, Codec::Pcmu);
        params.direction = direction;
        world.command(Command::Update { leg: A, stream: params });
        assert_eq!(talk(&mut world), expected, "{direction:?}");
    }
}

/// An address of the old hold (`c=0.0.0.0`) is never sent to.
#[test]
fn nothing_is_sent_to_nowhere() {
    let mut world = World::bridged(Codec::Pcmu, Codec::Pcmu);
    let mut params = stream(A, Codec::Pcmu);
    params.remote.set_ip([0, 0, 0, 0].into());
    params.remote_rtcp.set_ip([0, 0, 0, 0].into());
    world.command(Command::Update { leg: A, stream: params });
    Phone::new(B, Codec::Pcmu, 700).say(&mut world);
    world.run_to(20_000);
    assert!(world.sent.iter().all(|sent| sent.leg == B));
}

#[test]
fn a_new_partner_is_heard_as_the_same_stream() {
    let mut world = World::bridged(Codec::Pcmu, Codec::Pcmu);
    world.add(C, stream(C, Codec::Pcma));
    let (mut alice, mut carol) = (Phone::new(A, Codec::Pcmu, 1000), Phone::new(C, Codec::Pcma, 500));
    alice.say(&mut world);
    world.command(Command::Bridge { a: C, b: B });
    alice.say(&mut world);
    world.run_to(100);
    carol.say(&mut world);
    world.command(Command::Unbridge { a: A, b: B });
    carol.say(&mut world);
    let heard = world.heard(B);
    assert_eq!(heard.len(), 3, "one of Alice, two of Carol");
    assert!(
        heard
            .windows(2)
            .all(|two| two[1].1.sequence == two[0].1.sequence.wrapping_add(1) && two[0].1.ssrc == two[1].1.ssrc)
    );
    assert_eq!(heard[1].1.timestamp.wrapping_sub(heard[0].1.timestamp), 100 * 8);
    assert!(heard[1].1.marker);
    world.command(Command::Unbridge { a: B, b: C });
    carol.say(&mut world);
    assert_eq!(world.heard(B).len(), 3);
}

/// RFC 3550 §6: reports with our figures, at intervals of about five seconds, and a BYE at the end.
#[test]
fn reports_are_sent_and_end_with_a_bye() {
    let mut world = World::bridged(Codec::Pcmu, Codec::Pcmu);
    let mut alice = Phone::new(A, Codec::Pcmu, 1000);
    for n in 0..3000_u64 {
        world.run_to(n * 20);
        let bytes = alice.speak();
        if n % 10 != 5 {
            world.packet(A, Channel::Rtp, address(A), &bytes);
        }
    }
    let reports: Vec<_> = world.sent.iter().filter(|sent| sent.channel == Channel::Rtcp).cloned().collect();
    for leg in [A, B] {
        let of_leg: Vec<_> = reports.iter().filter(|sent| sent.leg == leg).collect();
        assert!((8..=26).contains(&of_leg.len()), "{} reports in a minute", of_leg.len());
        assert!(of_leg.iter().all(|sent| sent.to.port() == 4001));
    }
    let mut items = Vec::new();
    let last = |leg| reports.iter().rfind(|sent| sent.leg == leg).unwrap();
    rtcp::parse(&last(A).bytes, |item| items.push(item)).unwrap();
    let [Item::Receiver { .. }, Item::Block(block)] = items[..] else { panic!("{items:?}") };
    assert_eq!(block.ssrc, alice.header.ssrc);
    assert!((250..=300).contains(&block.lost) && (20..=32).contains(&block.fraction_lost), "{block:?}");
    items.clear();
    rtcp::parse(&last(B).bytes, |item| items.push(item)).unwrap();
    assert!(
        matches!(items[..], [Item::Sender { info, .. }] if info.packets > 2000 && info.octets == info.packets * 160)
    );
    world.sent.clear();
    world.command(Command::Remove { leg: A });
    items.clear();
    rtcp::parse(&world.sent[0].bytes, |item| items.push(item)).unwrap();
    assert!(matches!(items.last(), Some(Item::Bye { .. })));
    let Some(Event::Closed { statistics, .. }) = world.events.last() else { panic!("{:?}", world.events) };
    assert_eq!((statistics.packets_received, statistics.packets_lost), (2700, 300));
}

/// RFC 3550 §6.3.7: "A participant which never sent an RTP or RTCP packet MUST NOT send a BYE packet".
#[test]
fn a_leg_that_sent_nothing_leaves_without_a_bye() {
    let mut world = World::bridged(Codec::Pcmu, Codec::Pcmu);
    world.command(Command::Remove { leg: A });
    assert!(world.sent.is_empty(), "{:?}", world.sent);
    world.run_to(10_000);
    assert!(!world.sent.is_empty(), "no report of the other leg");
    world.sent.clear();
    world.command(Command::Remove { leg: B });
    let mut items = Vec::new();
    rtcp::parse(&world.sent[0].bytes, |item| items.push(item)).unwrap();
    assert!(matches!(items.last(), Some(Item::Bye { .. })));
}

/// Our figures about the network come from the peer's reports.
#[test]
fn round_trip_and_remote_loss_come_from_the_peers_reports() {
    let mut world = World::bridged(Codec::Pcmu, Codec::Pcmu);
    Phone::new(A, Codec::Pcmu, 1000).say(&mut world);
    world.run_to(10_000);
    let report = world.sent.iter().find(|sent| sent.leg == B && sent.channel == Channel::Rtcp).unwrap().clone();
    let mut sender = None;
    rtcp::parse(&report.bytes, |item| {
        if let Item::Sender { ssrc, info } = item {
            sender = Some((ssrc, info))
        }
    })
    .unwrap();
    let (ssrc, info) = sender.unwrap();
    // The answer leaves one second after the report arrived and needs 80 ms for both ways.
    world.run_to(report.at.duration_since(world.start).as_millis() as u64 + 1080);
    let block = crate::statistics::ReportBlock {
        ssrc,
        lost: 17,
        last_sender_report: (info.ntp >> 16) as u32,
        delay: 65_536,
        ..Default::default()
    };
    let mut bytes = Vec::new();
    rtcp::Report { ssrc: 5, sender: None, block: Some(block), cname: "x", bye: true }.write(&mut bytes);
    let late = world.now.duration_since(report.at) - Duration::from_secs(1);
    world.packet(B, Channel::Rtcp, "192.0.2.2:4001".parse().unwrap(), &bytes);
    let statistics = world.engine.statistics(B).unwrap();
    assert_eq!(statistics.remote_lost, 17);
    let round_trip = statistics.round_trip.unwrap();
    assert!(round_trip.abs_diff(late) < Duration::from_millis(2), "{round_trip:?} {late:?}");
}

#[test]
fn multiplexed_control_packets_share_the_port() {
    let mut world = World::bridged(Codec::Pcmu, Codec::Pcmu);
    let mut params = stream(A, Codec::Pcmu);
    params.rtcp_mux = true;
    params.remote_rtcp = params.remote;
    world.command(Command::Update { leg: A, stream: params });
    let mut bytes = Vec::new();
    rtcp::Report { ssrc: 5, sender: None, block: None, cname: "x", bye: false }.write(&mut bytes);
    world.packet(A, Channel::Rtp, address(A), &bytes);
    assert_eq!(world.engine.statistics(A).unwrap().packets_refused, 0);
    assert!(world.heard(B).is_empty());
    world.run_to(10_000);
    let report = world.sent.iter().find(|sent| sent.leg == A).unwrap();
    assert_eq!((report.channel, report.to), (Channel::Rtp, address(A)));
    assert!(Packet::parse(&report.bytes).is_some_and(|packet| packet.header.payload_type >= 64));
}

/// A leg moves to another thread's engine (attended transfer between calls) and goes on where it was.
#[test]
fn a_leg_moves_between_engines_without_a_break() {
    let mut world = World::bridged(Codec::Pcmu, Codec::Pcmu);
    let mut other = World::new();
    other.now = world.now;
    other.start = world.start;
    other.add(C, stream(C, Codec::Pcmu));
    let mut alice = Phone::new(A, Codec::Pcmu, 1000);
    alice.say(&mut world);
    let detached = world.engine.detach(B).unwrap();
    alice.say(&mut world);
    other.engine.attach(detached);
    other.command(Command::Bridge { a: B, b: C });
    Phone::new(C, Codec::Pcmu, 500).say(&mut other);
    let (before, after) = (world.heard(B), other.heard(B));
    assert_eq!((before.len(), after.len()), (1, 1));
    assert_eq!(after[0].1.sequence, before[0].1.sequence.wrapping_add(1));
    assert_eq!(after[0].1.ssrc, before[0].1.ssrc);
    other.run_to(10_000);
    assert!(other.sent.iter().any(|sent| sent.leg == B && sent.channel == Channel::Rtcp), "its timers came along");
}

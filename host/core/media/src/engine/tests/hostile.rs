//! Strangers and broken peers: their packets are neither heard nor answered, and nothing they send panics.

use std::net::SocketAddr;

use codec::Codec;

use super::world::*;
use crate::engine::{Channel, Command, Event, LegKey, RecordOptions};
use crate::negotiation::StreamParams;
use crate::rtcp;

/// D1: a sprayer on 127.0.0.66-like foreign addresses, before, during and after the latch.
#[test]
fn an_attacker_is_never_heard_and_never_gets_a_packet() {
    let attacker: SocketAddr = "203.0.113.66:4000".parse().unwrap();
    let mut world = World::bridged(Codec::Pcmu, Codec::Pcmu);
    let mut evil = Phone::new(A, Codec::Pcmu, 1000);
    evil.header.ssrc = 0x666;
    let (mut alice, mut bob) = (Phone::new(A, Codec::Pcmu, 1000), Phone::new(B, Codec::Pcmu, 700));
    for n in 0..2000_u64 {
        world.run_to(n * 20);
        // The attacker knows everything: it even copies the SSRC and the sequence number.
        if n % 100 == 50 {
            evil.header = alice.header;
        }
        let mut bytes = evil.speak();
        bytes[12..].fill(0x66);
        for leg in [A, B] {
            for _ in 0..3 {
                world.packet(leg, Channel::Rtp, attacker, &bytes);
                world.packet(leg, Channel::Rtcp, attacker, &bytes);
            }
        }
        // The parties begin late and pause for a while.
        if n > 100 && !(500..1500).contains(&n) {
            alice.say(&mut world);
            bob.say(&mut world);
        }
    }
    assert!(world.sent.iter().all(|sent| sent.to.ip() != attacker.ip()));
    assert!(world.sent.iter().all(|sent| sent.bytes[12..] != [0x66; 160]));
    let heard = world.heard(B).len();
    assert_eq!(heard, 2000 - 1000 - 101);
    assert_eq!(world.engine.statistics(A).unwrap().packets_refused, 12_000);
    assert_eq!(world.engine.statistics(A).unwrap().packets_received, heard as u64);
}

/// F26 and D1: a phone behind a NAT is found by its signalling source, and answered there.
#[test]
fn a_phone_behind_a_nat_is_answered_where_it_is() {
    let mut world = World::bridged(Codec::Pcmu, Codec::Pcmu);
    let nat: SocketAddr = "198.51.100.7:33333".parse().unwrap();
    let mut params = stream(A, Codec::Pcmu);
    params.remote = "10.0.0.4:4000".parse().unwrap();
    params.signalling_source = Some(nat.ip());
    world.command(Command::Update { leg: A, stream: params });
    let (mut alice, mut bob) = (Phone::new(A, Codec::Pcmu, 1000), Phone::new(B, Codec::Pcmu, 700));
    for n in 0..10 {
        world.run_to(n * 20);
        let bytes = alice.speak();
        world.packet(A, Channel::Rtp, nat, &bytes);
        bob.say(&mut world);
    }
    assert_eq!(world.events.iter().filter(|event| **event == Event::Latched { leg: A, remote: nat }).count(), 1);
    let after = world.sent.iter().filter(|sent| sent.leg == A && sent.to == nat).count();
    assert_eq!((after, world.heard(B).len()), (8, 8));
}

/// A peer that floods does not flood its partner through us, and is heard again when it behaves.
#[test]
fn a_flood_is_not_passed_on() {
    let mut world = World::bridged(Codec::Pcmu, Codec::Pcmu);
    let mut alice = Phone::new(A, Codec::Pcmu, 1000);
    for n in 0..40_000 {
        world.run_to(n / 20);
        alice.say(&mut world);
    }
    assert_eq!(world.heard(B).len(), 1000);
    world.run_to(3_000);
    alice.say(&mut world);
    assert_eq!(world.heard(B).len(), 1001);
}

/// D3: a forged or real RTCP BYE ends nothing.
#[test]
fn a_bye_ends_nothing() {
    let mut world = World::bridged(Codec::Pcmu, Codec::Pcmu);
    let mut alice = Phone::new(A, Codec::Pcmu, 1000);
    alice.say(&mut world);
    let mut bytes = Vec::new();
    rtcp::Report { ssrc: alice.header.ssrc, sender: None, block: None, cname: "x", bye: true }.write(&mut bytes);
    world.packet(A, Channel::Rtcp, "192.0.2.1:4001".parse().unwrap(), &bytes);
    alice.say(&mut world);
    assert_eq!(world.heard(B).len(), 2);
}

/// D8: random and damaged packets, on a leg that does everything at once.
#[test]
fn random_packets_never_panic() {
    let mut dice = Dice(1);
    for (a, b) in [(Codec::Pcmu, Codec::G722), (Codec::G722, Codec::Pcma), (Codec::Pcma, Codec::Pcma)] {
        let mut world = World::bridged(a, b);
        world.command(Command::Update { leg: B, stream: StreamParams { rtcp_mux: true, ..stream(B, b) } });
        let options = RecordOptions {
            rate: codec::SampleRate::Hz16000,
            max: std::time::Duration::MAX,
            silence: Some(std::time::Duration::MAX),
            terminators: "#".to_owned(),
        };
        world.command(Command::Record { leg: A, record: 1, options });
        let mut alice = Phone::new(A, a, 1000);
        for n in 0..5_000 {
            world.run_to(n);
            let mut bytes = match dice.roll(3) {
                0 => (0..dice.roll(100)).map(|_| dice.roll(256) as u8).collect(),
                1 => alice.event(
                    101,
                    [dice.roll(18) as u8, dice.roll(256) as u8, dice.roll(256) as u8, dice.roll(256) as u8],
                ),
                _ => alice.speak(),
            };
            if let Some(byte) = bytes.get_mut(dice.roll(20) as usize) {
                *byte = dice.roll(256) as u8;
            }
            if dice.roll(50) == 0 {
                alice.header.timestamp = dice.roll(u32::MAX.into()) as u32;
                alice.header.ssrc = dice.roll(3) as u32;
            }
            let leg = if dice.roll(2) == 0 { A } else { B };
            let channel = if dice.roll(8) == 0 { Channel::Rtcp } else { Channel::Rtp };
            world.packet(leg, channel, address(leg), &bytes);
        }
        world.command(Command::Remove { leg: A });
    }
}

/// D8: empty, odd and huge payloads go through every pair of codecs.
#[test]
fn payloads_of_any_length_are_converted() {
    for a in Codec::ALL {
        for b in Codec::ALL {
            let mut world = World::bridged(a, b);
            let mut alice = Phone::new(A, a, 1000);
            for len in [0, 1, 7, 159, 161, 480, 1488] {
                let mut bytes = alice.header.to_bytes().to_vec();
                bytes.resize(12 + len, 0xff);
                alice.pass(160);
                world.packet(A, Channel::Rtp, address(A), &bytes);
            }
            assert!(world.heard(B).iter().all(|(_, _, payload)| payload.len() <= 1488));
        }
    }
}

#[test]
fn commands_for_unknown_legs_and_absurd_ones_are_ignored() {
    let mut world = World::new();
    let nobody = LegKey(99);
    world.command(Command::Bridge { a: nobody, b: nobody });
    world.command(Command::Remove { leg: nobody });
    world.command(Command::SendDigits { leg: nobody, digits: "1".to_owned() });
    world.packet(nobody, Channel::Rtp, address(A), &[0x80; 100]);
    world.add(A, stream(A, Codec::Pcmu));
    world.command(Command::Bridge { a: A, b: A });
    world.command(Command::Bridge { a: A, b: nobody });
    world.command(Command::Update {
        leg: A,
        stream: StreamParams { send: Vec::new(), ptime_ms: 0, ..stream(A, Codec::Pcmu) },
    });
    world.command(Command::SendDigits { leg: A, digits: "xyz".to_owned() });
    Phone::new(A, Codec::Pcmu, 1000).say(&mut world);
    assert!(world.heard(A).is_empty());
    assert!(world.events.contains(&Event::DigitsSent { leg: A }));
}

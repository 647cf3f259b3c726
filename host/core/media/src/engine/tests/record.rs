//! What a leg says is recorded on our clock, and its silence on the line is noticed.

use std::net::SocketAddr;
use std::time::Duration;

use codec::tone::Tone;
use codec::{Codec, SampleRate};

use super::world::*;
use crate::engine::{Channel, Command, Event, LegKey, RecordEnd, RecordOptions};
use crate::rtcp;
use crate::rtp::Header;

fn options() -> RecordOptions {
    RecordOptions { rate: SampleRate::Hz8000, max: Duration::from_secs(60), silence: None, terminators: String::new() }
}

fn record(world: &mut World, options: RecordOptions) {
    world.command(Command::Record { leg: A, record: 4, options });
}

fn recorded(world: &World) -> (Vec<i16>, Vec<(RecordEnd, u64)>) {
    let (mut samples, mut ends) = (Vec::new(), Vec::new());
    for event in &world.events {
        match event {
            Event::Recorded { samples: chunk, record: 4, .. } => {
                assert!(ends.is_empty() && chunk.len() <= 8200);
                samples.extend(chunk);
            }
            Event::RecordEnded { reason, duration_ms, record: 4, .. } => ends.push((*reason, *duration_ms)),
            _ => {}
        }
    }
    (samples, ends)
}

#[test]
fn what_is_said_is_recorded_whatever_the_codec_and_the_rate() {
    for codec in Codec::ALL {
        for rate in [SampleRate::Hz8000, SampleRate::Hz16000] {
            let mut world = World::new();
            world.add(A, stream(A, codec));
            record(&mut world, RecordOptions { rate, max: Duration::from_secs(3), ..options() });
            let mut alice = Phone::new(A, codec, 1000);
            for n in 0..200 {
                world.run_to(n * 20);
                alice.say(&mut world);
            }
            let (samples, ends) = recorded(&world);
            assert_eq!(ends, [(RecordEnd::MaxDuration, 3000)]);
            assert_eq!(samples.len(), rate.samples(3000));
            let (level, purity) = measure(&samples[rate.samples(200)..], rate, 1000);
            assert!(purity > 0.98, "{codec:?} {rate:?}: {purity}");
            assert!((level / f64::from(Tone::AMPLITUDE) - 1.0).abs() < 0.06, "{codec:?} {rate:?}: {level}");
        }
    }
}

/// Jitter, loss and reordering do not stretch or shorten a recording.
#[test]
fn a_bad_network_keeps_the_length_and_the_tone() {
    for seed in 0..5 {
        let mut dice = Dice(seed);
        let mut world = World::new();
        world.add(A, stream(A, Codec::Pcmu));
        record(&mut world, options());
        let mut alice = Phone::new(A, Codec::Pcmu, 1000);
        let mut arrivals = Vec::new();
        for n in 0..500 {
            let bytes = alice.speak();
            if dice.roll(20) > 0 {
                arrivals.push((n * 20 + dice.roll(35), bytes));
            }
        }
        arrivals.sort_by_key(|arrival| arrival.0);
        for (at, bytes) in arrivals {
            world.run_to(at);
            world.packet(A, Channel::Rtp, address(A), &bytes);
        }
        world.run_to(10_100);
        world.command(Command::StopRecord { leg: A, record: 4 });
        let (samples, ends) = recorded(&world);
        assert_eq!(ends.len(), 1);
        assert!((80_700..=81_000).contains(&samples.len()), "{}", samples.len());
        let (_, purity) = measure(&samples[..79_000], SampleRate::Hz8000, 1000);
        assert!(purity > 0.7, "seed {seed}: {purity}");
    }
}

#[test]
fn silence_a_digit_or_a_command_ends_a_recording() {
    let mut world = World::new();
    world.add(A, stream(A, Codec::Pcmu));
    record(&mut world, RecordOptions { silence: Some(Duration::from_secs(1)), ..options() });
    let mut alice = Phone::new(A, Codec::Pcmu, 1000);
    for n in 0..100 {
        world.run_to(n * 20);
        alice.say(&mut world);
    }
    // Then nothing at all arrives: the clock goes on by itself.
    world.run_to(10_000);
    let (_, ends) = recorded(&world);
    assert!(matches!(ends[..], [(RecordEnd::Silence, 2900..=3200)]), "{ends:?}");

    world.events.clear();
    record(&mut world, RecordOptions { terminators: "#".to_owned(), ..options() });
    for digit in [1, 11] {
        alice.pass(1600);
        let bytes = alice.event(101, [digit, 0x8a, 3, 32]);
        world.packet(A, Channel::Rtp, address(A), &bytes);
    }
    assert!(matches!(recorded(&world).1[..], [(RecordEnd::Digit('#'), _)]));

    world.events.clear();
    record(&mut world, options());
    record(&mut world, options());
    world.command(Command::Remove { leg: A });
    let ends: Vec<_> = recorded(&world).1.into_iter().map(|(reason, _)| reason).collect();
    assert_eq!(ends, [RecordEnd::Stopped, RecordEnd::Removed]);
}

/// Told each time that the time-out has passed in silence; never while the peer has no reason to send.
#[test]
fn media_that_stops_is_told() {
    let mut world = World::bridged(Codec::Pcmu, Codec::Pcmu);
    let timeouts = |world: &World| world.events.iter().filter(|event| **event == Event::Timeout { leg: A }).count();
    let mut alice = Phone::new(A, Codec::Pcmu, 1000);
    alice.say(&mut world);
    world.run_to(4_990);
    assert_eq!(timeouts(&world), 0);
    world.run_to(5_000);
    assert_eq!(timeouts(&world), 1);
    world.run_to(9_990);
    assert_eq!(timeouts(&world), 1);
    world.run_to(17_000);
    assert_eq!(timeouts(&world), 3);
    alice.say(&mut world);
    world.run_to(21_990);
    assert_eq!(timeouts(&world), 3);
    world.run_to(23_000);
    assert_eq!(timeouts(&world), 4);
    let mut held = stream(A, Codec::Pcmu);
    held.direction = crate::negotiation::Direction::SendOnly;
    world.command(Command::Update { leg: A, stream: held });
    world.run_to(120_000);
    assert_eq!(timeouts(&world), 4);
    world.command(Command::Update { leg: A, stream: stream(A, Codec::Pcmu) });
    world.run_to(124_000);
    assert_eq!(timeouts(&world), 4);
    world.run_to(126_000);
    assert_eq!(timeouts(&world), 5);
    // Who negotiates anew is there.
    world.run_to(129_000);
    world.command(Command::Update { leg: A, stream: stream(A, Codec::Pcmu) });
    world.run_to(133_990);
    assert_eq!(timeouts(&world), 5);
    world.run_to(134_000);
    assert_eq!(timeouts(&world), 6);
}

/// RFC 3550 §6.3.5: who sends reports is there. Comfort noise (RFC 3389) is a packet like any other, though nobody agreed to it. What we
/// sent ourselves is no sign of life, and neither is what others say.
#[test]
fn reports_and_comfort_noise_are_signs_of_life() {
    let mut world = World::bridged(Codec::Pcmu, Codec::Pcmu);
    let timeouts = |world: &World| world.events.iter().filter(|event| **event == Event::Timeout { leg: A }).count();
    let report = |ssrc: u32| {
        let mut bytes = Vec::new();
        rtcp::Report { ssrc, sender: None, block: None, cname: "x", bye: false }.write(&mut bytes);
        bytes
    };
    let control = |leg: LegKey| SocketAddr::new(address(leg).ip(), address(leg).port() + 1);
    let mut alice = Phone::new(A, Codec::Pcmu, 1000);
    // Before any audio: from where it was negotiated.
    world.run_to(3_000);
    world.packet(A, Channel::Rtcp, control(A), &report(alice.header.ssrc));
    world.run_to(7_990);
    assert_eq!(timeouts(&world), 0);
    alice.say(&mut world);
    for at in [12_000, 16_000, 20_000] {
        world.run_to(at);
        world.packet(A, Channel::Rtcp, control(A), &report(alice.header.ssrc));
    }
    world.run_to(24_990);
    assert_eq!(timeouts(&world), 0);
    let own = world.sent.iter().find(|sent| sent.leg == A && sent.channel == Channel::Rtcp).expect("we report too");
    let own = own.bytes.clone();
    for (from, bytes) in [(A, own), (A, report(99)), (B, report(alice.header.ssrc))] {
        world.packet(A, Channel::Rtcp, control(from), &bytes);
    }
    world.run_to(25_000);
    assert_eq!(timeouts(&world), 1);
    world.run_to(29_000);
    let header = Header { payload_type: 13, ..alice.header };
    world.packet(A, Channel::Rtp, address(A), &[&header.to_bytes()[..], &[60]].concat());
    world.run_to(33_990);
    assert_eq!(timeouts(&world), 1);
    world.run_to(34_000);
    assert_eq!(timeouts(&world), 2);
}

/// As long as somebody talks nothing but the longest duration ends a recording.
#[test]
fn half_a_minute_of_speech_is_recorded_whole() {
    let mut world = World::new();
    world.add(A, stream(A, Codec::Pcmu));
    let (max, silence) = (Duration::from_secs(30), Some(Duration::from_secs(4)));
    record(&mut world, RecordOptions { max, silence, ..options() });
    let mut alice = Phone::new(A, Codec::Pcmu, 1000);
    for n in 0..1_600 {
        world.run_to(n * 20);
        alice.say(&mut world);
    }
    let (samples, ends) = recorded(&world);
    assert!(matches!(ends[..], [(RecordEnd::MaxDuration, 30_000)]), "{ends:?}");
    assert_eq!(samples.len(), 240_000);
}

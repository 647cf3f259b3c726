//! What a leg says is recorded on our clock, and its silence on the line is noticed.

use std::time::Duration;

use codec::tone::Tone;
use codec::{Codec, SampleRate};

use super::world::*;
use crate::engine::{Channel, Command, Event, RecordEnd, RecordOptions};

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

/// Told once when media stops, again only after it came back; never while the peer has no reason to send.
#[test]
fn media_that_stops_is_told_once() {
    let mut world = World::bridged(Codec::Pcmu, Codec::Pcmu);
    let timeouts = |world: &World| world.events.iter().filter(|event| **event == Event::Timeout { leg: A }).count();
    let mut alice = Phone::new(A, Codec::Pcmu, 1000);
    alice.say(&mut world);
    world.run_to(4_990);
    assert_eq!(timeouts(&world), 0);
    world.run_to(60_000);
    assert_eq!(timeouts(&world), 1);
    alice.say(&mut world);
    world.run_to(70_000);
    assert_eq!(timeouts(&world), 2);
    let mut held = stream(A, Codec::Pcmu);
    held.direction = crate::negotiation::Direction::SendOnly;
    world.command(Command::Update { leg: A, stream: held });
    world.run_to(120_000);
    assert_eq!(timeouts(&world), 2);
    world.command(Command::Update { leg: A, stream: stream(A, Codec::Pcmu) });
    world.run_to(124_000);
    assert_eq!(timeouts(&world), 2);
    world.run_to(126_000);
    assert_eq!(timeouts(&world), 3);
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

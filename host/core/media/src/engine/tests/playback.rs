//! A leg hears what we make: prompts, tones, ring-back, its own echo, digits.

use std::sync::Arc;
use std::time::Duration;

use codec::tone::Tone;
use codec::{Codec, SampleRate, goertzel};

use super::world::*;
use crate::dtmf;
use crate::engine::{Channel, Command, Event, Prompt, Source};
use crate::negotiation::StreamParams;

fn tone(list: &str) -> Source {
    Source::Tone(Arc::new(Tone::parse(list).unwrap()))
}

fn play(world: &mut World, sources: Vec<Source>) {
    world.command(Command::Play { leg: A, play: 9, sources });
}

/// Playback begins before the peer has sent anything, to the signalled address, and every packet is on time to the microsecond.
#[test]
fn prompts_are_paced_by_their_schedule() {
    let mut world = World::new();
    world.add(A, stream(A, Codec::Pcmu));
    world.run_to(7);
    let samples = codec_tone(SampleRate::Hz16000, 1000);
    play(&mut world, vec![Source::Prompt(Arc::new(Prompt::new(SampleRate::Hz16000, samples)))]);
    world.run_to(4000);
    let heard = world.heard(A);
    assert_eq!(heard.len(), 50);
    for (n, (at, header, payload)) in heard.iter().enumerate() {
        assert_eq!(*at, 7 + n as u64 * 20);
        assert_eq!(header.timestamp.wrapping_sub(heard[0].1.timestamp), n as u32 * 160);
        assert_eq!((header.marker, payload.len()), (n == 0, 160));
    }
    assert!(world.sent.iter().all(|sent| sent.to.ip() == address(A).ip()));
    let (level, purity) = measure(&listen(&heard, Codec::Pcmu), SampleRate::Hz8000, 1000);
    assert!(purity > 0.99 && (level / f64::from(Tone::AMPLITUDE) - 1.0).abs() < 0.03, "{level} {purity}");
    assert_eq!(world.events, [Event::PlayEnded { leg: A, play: 9 }]);
}

fn codec_tone(rate: SampleRate, hertz: u32) -> Vec<i16> {
    let mut samples = vec![0; rate.samples(1000)];
    codec::tone::Generator::new(rate).fill(&Tone::parse(&format!("{hertz}/1000")).unwrap(), &mut samples);
    samples
}

/// A driver that is called late (a tick of 5 ms, a busy machine) neither drifts nor changes what is heard.
#[test]
fn late_calls_do_not_drift() {
    let mut world = World::new();
    world.add(A, stream(A, Codec::G722));
    play(&mut world, vec![tone("425/10000")]);
    for n in 0..2100 {
        world.wake(n * 5 + n % 4);
    }
    let heard = world.heard(A);
    assert_eq!(heard.len(), 500);
    assert!(heard.windows(2).all(|two| two[1].1.timestamp == two[0].1.timestamp.wrapping_add(160)));
    assert!(heard.iter().enumerate().all(|(n, (at, ..))| (0..9).contains(&(at - n as u64 * 20))));
}

#[test]
fn a_driver_that_slept_long_goes_on_in_rhythm_without_a_burst() {
    let mut world = World::new();
    world.add(A, stream(A, Codec::Pcmu));
    play(&mut world, vec![tone("425/10000")]);
    world.wake(5000);
    assert!((1..=6).contains(&world.heard(A).len()), "{}", world.heard(A).len());
    world.run_to(6000);
    assert!((50..=57).contains(&world.heard(A).len()), "{}", world.heard(A).len());
}

#[test]
fn exactly_one_end_for_each_playback() {
    let mut world = World::new();
    world.add(A, stream(A, Codec::Pcmu));
    let ended = |world: &World| {
        let plays = world.events.iter().map(|event| if let Event::PlayEnded { play, .. } = event { *play } else { 0 });
        plays.collect::<Vec<_>>()
    };
    for number in 1..=3 {
        world.command(Command::Play { leg: A, play: number, sources: vec![tone("425/1000")] });
        world.run_to(u64::from(number) * 100);
    }
    assert_eq!(ended(&world), [1, 2]);
    world.command(Command::StopPlay { leg: A, play: 2 });
    assert_eq!(ended(&world), [1, 2], "an old name stops nothing");
    world.command(Command::StopPlay { leg: A, play: 3 });
    world.command(Command::StopPlay { leg: A, play: 3 });
    world.command(Command::Play { leg: A, play: 4, sources: Vec::new() });
    world.run_to(2000);
    assert_eq!(ended(&world), [1, 2, 3, 4]);
    world.command(Command::Play { leg: A, play: 5, sources: vec![tone("425/1000")] });
    world.command(Command::Remove { leg: A });
    assert_eq!(ended(&world)[4], 5);
}

/// A prompt on a leg without media (no SDP yet, or on hold) takes its time and ends.
#[test]
fn playback_without_media_still_ends() {
    let mut world = World::new();
    world.command(Command::Add { leg: A, options: Default::default() });
    play(&mut world, vec![Source::Silence(Duration::from_millis(500))]);
    world.run_to(470);
    assert!(world.events.is_empty());
    world.run_to(520);
    assert_eq!(world.events, [Event::PlayEnded { leg: A, play: 9 }]);
    assert!(world.sent.is_empty());
}

/// D6: an address that proves nothing gets ten seconds, then no more until something comes from there.
#[test]
fn an_unproven_address_is_not_flooded() {
    let mut world = World::new();
    world.add(A, StreamParams { signalling_source: None, ..stream(A, Codec::Pcmu) });
    play(&mut world, vec![tone("425/50000")]);
    world.run_to(20_000);
    assert_eq!(world.heard(A).len(), 500);
    let mut alice = Phone::new(A, Codec::Pcmu, 1000);
    (0..3).for_each(|_| alice.say(&mut world));
    world.run_to(21_000);
    assert!((545..=551).contains(&world.heard(A).len()));
}

#[test]
fn ring_back_is_heard_until_it_stops_and_a_prompt_goes_before_it() {
    let mut world = World::new();
    world.add(A, stream(A, Codec::Pcma));
    world.command(Command::RingTone { leg: A, tone: Some(Arc::new(Tone::ring_back())) });
    world.run_to(12_000);
    let samples = listen(&world.heard(A), Codec::Pcma);
    let level = |from: usize| goertzel::amplitude(&samples[from..from + 4000], SampleRate::Hz8000, 425.0);
    assert!(level(2000) > 7000.0 && level(20_000) < 50.0 && level(42_000) > 7000.0);
    play(&mut world, vec![tone("1000/500")]);
    world.run_to(12_500);
    world.command(Command::RingTone { leg: A, tone: None });
    world.run_to(20_000);
    let samples = listen(&world.heard(A), Codec::Pcma);
    assert!(goertzel::amplitude(&samples[96_200..99_800], SampleRate::Hz8000, 1000.0) > 7000.0);
    assert!((99_000..=100_500).contains(&samples.len()), "{}", samples.len());
}

/// The caller hears itself, but not its own digits, which are told.
#[test]
fn echo_returns_audio_and_tells_digits() {
    let mut world = World::new();
    world.add(A, stream(A, Codec::G722));
    world.command(Command::Echo { leg: A, on: true });
    let mut alice = Phone::new(A, Codec::G722, 1000);
    for n in 0..100 {
        world.run_to(n * 20);
        alice.say(&mut world);
    }
    let digit = alice.event(101, [3, 0x8a, 3, 32]);
    world.packet(A, Channel::Rtp, address(A), &digit);
    let heard = world.heard(A);
    assert_eq!(heard.len(), 100);
    assert!(measure(&listen(&heard, Codec::G722), SampleRate::Hz16000, 1000).1 > 0.98);
    assert!(world.events.contains(&Event::Dtmf { leg: A, digit: '3', duration_ms: 100 }));
    world.command(Command::Echo { leg: A, on: false });
    alice.say(&mut world);
    assert_eq!(world.heard(A).len(), 100);
}

/// F21: digits as events, in the middle of a conversation, understood by the receiving side of this crate.
#[test]
fn digits_are_sent_as_events_in_place_of_the_bridge() {
    let mut world = World::bridged(Codec::Pcmu, Codec::Pcmu);
    let mut bob = Phone::new(B, Codec::Pcmu, 700);
    bob.say(&mut world);
    world.command(Command::SendDigits { leg: A, digits: "19#".to_owned() });
    for n in 1..60 {
        world.run_to(n * 20);
        bob.say(&mut world);
    }
    assert!(world.events.contains(&Event::DigitsSent { leg: A }));
    let heard = world.heard(A);
    assert!(heard.windows(2).all(|two| two[1].1.sequence == two[0].1.sequence.wrapping_add(1)));
    let mut receiver = dtmf::Receiver::default();
    let mut digits = String::new();
    let mut firsts = 0;
    for (at, header, payload) in heard.iter().filter(|(_, header, _)| header.payload_type == 101) {
        firsts += u32::from(header.marker);
        receiver.packet(world.start + Duration::from_millis(*at), header.timestamp, payload, |digit| {
            digits.push(digit.digit)
        });
    }
    assert_eq!((digits.as_str(), firsts), ("19#", 3));
    assert_eq!(heard.iter().filter(|(_, header, _)| header.payload_type == 101).count(), 3 * 7);
    assert_eq!(heard.iter().filter(|(_, header, _)| header.payload_type == 0).count(), 1 + 31);
}

/// F21: who passes a digit on does not wait for it, and makes nobody believe that his own are sent.
#[test]
fn a_digit_that_is_passed_on_is_told_to_nobody() {
    let mut world = World::new();
    world.add(A, stream(A, Codec::Pcmu));
    world.command(Command::PassDigit { leg: A, digit: '5' });
    world.run_to(1000);
    assert_eq!(world.heard(A).iter().filter(|(_, header, _)| header.payload_type == 101).count(), 7);
    assert!(!world.events.contains(&Event::DigitsSent { leg: A }));
    world.command(Command::SendDigits { leg: A, digits: "1".to_owned() });
    world.command(Command::PassDigit { leg: A, digit: '2' });
    world.run_to(2000);
    assert_eq!(world.heard(A).iter().filter(|(_, header, _)| header.payload_type == 101).count(), 3 * 7);
    assert_eq!(world.events.iter().filter(|event| **event == Event::DigitsSent { leg: A }).count(), 1);
}

/// F21: in-band for a phone that takes no events.
#[test]
fn digits_are_sent_as_tones_where_events_are_not_taken() {
    for codec in [Codec::Pcmu, Codec::G722] {
        let mut world = World::new();
        world.add(A, StreamParams { dtmf_send: None, ..stream(A, codec) });
        world.command(Command::SendDigits { leg: A, digits: "4*".to_owned() });
        world.run_to(1000);
        let heard = world.heard(A);
        assert_eq!(heard.len(), 20);
        assert!(heard.windows(2).all(|two| two[1].1.sequence == two[0].1.sequence.wrapping_add(1)));
        let samples = listen(&heard, codec);
        let rate = codec.sample_rate();
        let digit = |from_ms| goertzel::dtmf(&samples[rate.samples(from_ms)..][..rate.samples(60)], rate);
        assert_eq!((digit(20), digit(130), digit(220)), (Some('4'), None, Some('*')), "{codec:?}");
        assert!(world.events.contains(&Event::DigitsSent { leg: A }));
    }
}

#[test]
fn names_of_generated_sources() {
    assert_eq!(Source::from_name("hello"), None);
    assert_eq!(Source::from_name("tone:425/500"), Some(Ok(tone("425/500"))));
    assert_eq!(Source::from_name("silence:500"), Some(Ok(Source::Silence(Duration::from_millis(500)))));
    assert_eq!(Source::from_name("silence:99999999999"), Some(Ok(Source::Silence(Source::SILENCE_MAX))));
    assert!(matches!(Source::from_name("tone:x"), Some(Err(_))));
    assert!(matches!(Source::from_name("silence:-1"), Some(Err(_))));
}

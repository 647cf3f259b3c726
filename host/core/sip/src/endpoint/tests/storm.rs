//! Random orders of legal and illegal things (A11): whatever happens, nothing panics, every session that began ends
//! once, and in the end nothing is left.

use std::collections::BTreeMap;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::wire::*;
use crate::endpoint::*;

/// What the test knows of a session: whether its end was told.
type Known = BTreeMap<(Side, SessionId), bool>;

#[test]
fn a11_random_orders_leave_nothing() {
    for seed in 0..150 {
        storm(seed);
    }
}

fn storm(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let bad = Weather {
        loss: random.random_range(0..40),
        repeat: random.random_range(0..30),
        delay_ms: (1, random.random_range(1..900)),
    };
    let (transport, weather) = if seed.is_multiple_of(4) { (Transport::Tcp, FAIR) } else { (Transport::Udp, bad) };
    let mut world = World::with(Config::default(), weather, transport, seed);
    world.keep = false;
    let mut known = Known::new();
    for _ in 0..120 {
        let side = if random.random() { Side::A } else { Side::B };
        act(&mut world, &mut random, side, &mut known);
        world.pass_ms(random.random_range(0..1_500));
        note(&mut world, &mut known);
    }
    // Whoever is still up is hung up, and everything runs out.
    for ((side, session), over) in known.clone() {
        if !over {
            run(&mut world, (side, session), hang_up(session), &mut known);
        }
    }
    world.run_out();
    note(&mut world, &mut known);
    let forgotten: Vec<_> = known.iter().filter(|(_, over)| !**over).collect();
    assert!(forgotten.is_empty(), "seed {seed}: never told to be over: {forgotten:?}");
}

/// One random command on a random session, legal or not.
fn act(world: &mut World, random: &mut StdRng, side: Side, known: &mut Known) {
    if random.random_range(0..5) == 0 || known.is_empty() {
        let mut originate = world.originate(side);
        if random.random() {
            originate.reliable = Reliability::Preferred;
        }
        if random.random_range(0..4) == 0 {
            originate.body = None;
        }
        if random.random_range(0..3) == 0 {
            originate.session_expires = Some(std::time::Duration::from_secs(90));
        }
        let session = originate.session;
        world.command(side, Command::Originate(Box::new(originate))).unwrap();
        known.insert((side, session), false);
        return;
    }
    let sessions: Vec<_> = known.iter().filter(|(_, over)| !**over).map(|(key, _)| *key).collect();
    let Some(&(side, session)) = sessions.get(random.random_range(0..sessions.len().max(1))) else { return };
    let body = Bytes::from_static(OFFER);
    let command = match random.random_range(0..15) {
        0 => hang_up(session),
        1 | 2 => answer(session),
        3 => progress(session, 180, b"", Reliability::Unreliable),
        4 => progress(session, 183, ANSWER, Reliability::Preferred),
        5 => Command::Reoffer { session, body: Some(body) },
        6 => Command::Reoffer { session, body: None },
        7 | 8 => Command::AcceptReoffer { session, body },
        9 => Command::RejectReoffer { session, status: 488 },
        10 => Command::Acknowledge { session, body },
        11 => {
            let refer_to = "sip:carol@chicago.example.com".parse().unwrap();
            Command::Refer { session, refer_to, replaces: None, referred_by: None }
        }
        12 => Command::AcceptRefer { session },
        13 => Command::NotifyRefer { session, status: 200, last: random.random() },
        _ => Command::Info { session, content_type: Bytes::from_static(b"a/b"), body },
    };
    run(world, (side, session), command, known);
}

/// Runs a command; many are refused, which is part of the test. A refusal of ours ends a session without an event.
fn run(world: &mut World, (side, session): (Side, SessionId), command: Command, known: &mut Known) {
    let hangs_up = matches!(command, Command::HangUp { .. });
    let result = world.command(side, command);
    assert_ne!(result, Err(CommandError::UnknownSession), "{side:?} {session} is known to be alive");
    let told = world.events_of(side).any(|event| match event {
        Event::Rejected { session: own, .. } | Event::Ended { session: own, .. } => *own == session,
        _ => false,
    });
    if hangs_up && !told && !world.endpoint(side).sessions.contains_key(&session) {
        known.insert((side, session), true);
    }
}

/// Takes the events: sessions begin, and end exactly once.
fn note(world: &mut World, known: &mut Known) {
    for (side, event) in world.events() {
        let over = match event {
            Event::Invite { session, .. } => {
                assert!(known.insert((side, session), false).is_none(), "a new session is new");
                continue;
            }
            Event::Rejected { session, .. } | Event::Ended { session, .. } => session,
            _ => continue,
        };
        let before = known.insert((side, over), true);
        assert_eq!(before, Some(false), "{side:?} {over} ended once");
    }
}

/// A call's own messages with bytes flipped, cut and swapped, fed to both sides while calls are up: no panic, no event
/// storm, nothing left.
#[test]
fn a11_damaged_messages_do_no_harm() {
    let mut random = StdRng::seed_from_u64(77);
    let mut world = World::new(FAIR, 77);
    let mut originate = world.originate(Side::A);
    originate.reliable = Reliability::Preferred;
    originate.session_expires = Some(std::time::Duration::from_secs(90));
    let a = originate.session;
    world.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
    let b = world.until(Side::B, invite);
    world.command(Side::B, progress(b, 183, ANSWER, Reliability::Preferred)).unwrap();
    world.pass_ms(100);
    world.command(Side::B, answer(b)).unwrap();
    world.pass_ms(100);
    let refer_to = "sip:carol@chicago.example.com".parse().unwrap();
    world.command(Side::A, Command::Refer { session: a, refer_to, replaces: None, referred_by: None }).unwrap();
    world.pass_ms(100);
    world.command(Side::B, Command::AcceptRefer { session: b }).unwrap();
    world.command(Side::B, Command::Reoffer { session: b, body: Some(Bytes::from_static(OFFER)) }).unwrap();
    world.pass_ms(100);
    world.command(Side::A, Command::AcceptReoffer { session: a, body: Bytes::from_static(ANSWER) }).unwrap();
    world.pass_ms(60_000);
    let messages = world.messages.clone();
    assert!(messages.len() >= 15, "{:?}", world.lines());
    world.keep = false;
    for _ in 0..30_000 {
        let (from, bytes) = &messages[random.random_range(0..messages.len())];
        let mut bytes = bytes.to_vec();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..bytes.len());
            match random.random_range(0..4) {
                0 => bytes[at] = random.random(),
                1 => bytes[at] = b"0123456789 ;,<>\r\n"[random.random_range(0..17)],
                2 => drop(bytes.drain(at..(at + random.random_range(0..8)).min(bytes.len() - 1).max(at))),
                _ => bytes.insert(at, random.random()),
            }
        }
        let (side, now) = (from.other(), world.now);
        let flow = world.flow(side);
        world.endpoint(side).handle_input(now, Input::Message { flow, bytes: Bytes::from(bytes) });
        while world.endpoint(side).poll_output().is_some() {}
    }
    // What the damaged requests asked for is never answered by a switch here: sessions of theirs ring out, ours ends.
    for side in [Side::A, Side::B] {
        let sessions: Vec<_> = world.endpoint(side).sessions.keys().copied().collect();
        for session in sessions {
            world.command(side, hang_up(session)).unwrap();
        }
    }
    world.run_out();
}

//! A phone is gone without a word. Neither audio nor RTCP comes any more; after the media time-out the call ends (C3), also while the
//! phone is held. Only who holds the other need not send anything (RFC 3264 §8.4): then the session timer finds out (session_timer.rs).

use std::time::Duration;

use media::negotiation::Direction;
use sip::endpoint::{EndReason, Reason, ReasonProtocol};

use crate::harness::{Line, PhoneId, Setup, State, Weather, World, run};

/// Rings longer than the media time-out.
const DIALPLAN: &str = "\
[phones]
exten => _10X,1,Dial(PJSIP/${EXTEN},100)
";

/// Nothing is played to who is held, and no phone sends RTCP: nothing but audio shows that somebody is there.
async fn quiet<const COUNT: usize>(seed: u64) -> (World, [PhoneId; COUNT]) {
    let setup = Setup { hold_music: "", dialplan: DIALPLAN, ..Setup::default() };
    let (mut world, phones) = World::of(seed, setup).await.and_phones().await;
    phones.iter().for_each(|phone| world.without_reports(*phone));
    (world, phones)
}

/// The line was ended because the other one is out of order.
#[track_caller]
fn assert_told(world: &World, line: Line) {
    let reason = Reason { protocol: ReasonProtocol::Q850, cause: 27, text: String::new() };
    assert_eq!(*world.state(line), State::Ended(EndReason::Bye { reason: Some(reason) }));
}

#[test]
fn a_conversation_with_nobody_ends() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(1).await;
        let (line, other) = world.talk(alice, bob).await;
        world.weather(Weather::DEAD);
        world.pass(Duration::from_secs(58)).await;
        assert_eq!(world.calls_up(), 1);
        world.until("the call is given up", |world| world.calls_up() == 0).await;
        let records = world.records("acme", 1).await;
        assert_eq!(records[0]["disposition"], "ANSWERED");
        assert_eq!((&records[0]["cause"], &records[0]["hung_up_by"]), (&27.into(), &"host".into()), "out of order");
        world.hang_up(line);
        world.hang_up(other);
        world.until_over(line).await;
        world.until_over(other).await;
        world.finish_with_races().await;
    });
}

/// Who is held sends on, as nobody told it that it is held. Who holds says nothing all the time, and hears of the end.
#[test]
fn a_phone_that_vanishes_while_it_is_held_is_found_out() {
    for (seed, direction) in [(2, Direction::SendOnly), (3, Direction::Inactive)] {
        run(async {
            let (mut world, [alice, bob]) = quiet(seed).await;
            let (line, other) = world.talk(alice, bob).await;
            world.direct(other, direction);
            world.hush(other);
            world.pass(Duration::from_secs(200)).await;
            assert_eq!(world.calls_up(), 1, "{direction:?}: who is held is there");
            world.unplug(alice);
            world.pass(Duration::from_secs(58)).await;
            assert_eq!(world.calls_up(), 1);
            world.until_over(other).await;
            assert_told(&world, other);
            let records = world.records("acme", 1).await;
            assert_eq!((&records[0]["legs"][0]["cause"], &records[0]["hung_up_by"]), (&27.into(), &"host".into()));
            assert_eq!(*world.state(line), State::Up, "nobody could tell it");
            world.finish_with_races().await;
        });
    }
}

#[test]
fn who_holds_may_be_silent_as_long_as_it_likes() {
    for (seed, direction) in [(4, Direction::SendOnly), (5, Direction::Inactive)] {
        run(async {
            let (mut world, [alice, bob]) = quiet(seed).await;
            let (line, other) = world.talk(alice, bob).await;
            // The caller first, then both, then the callee.
            for (holds, seconds) in
                [([true, false], 200), ([true, true], 200), ([false, true], 200), ([false, false], 2)]
            {
                for (held, line) in holds.into_iter().zip([line, other]) {
                    let (direction, says) = if held { (direction, None) } else { (Direction::SendRecv, Some(440)) };
                    world.direct(line, direction);
                    match says {
                        Some(hertz) => world.say(line, hertz),
                        None => world.hush(line),
                    }
                    world.pass(Duration::from_millis(100)).await;
                }
                world.pass(Duration::from_secs(seconds)).await;
                assert_eq!(world.calls_up(), 1, "{direction:?}: {holds:?}");
            }
            world.hear_each_other(line, other).await;
            // Once it is back it is missed again, and not before the time-out has passed.
            world.direct(other, direction);
            world.hush(other);
            world.pass(Duration::from_secs(90)).await;
            world.hold(other, false);
            world.pass(Duration::from_secs(58)).await;
            assert_eq!(world.calls_up(), 1);
            world.until_over(other).await;
            assert_told(&world, line);
            world.finish_with_races().await;
        });
    }
}

/// A phone that only listens need not send either (`recvonly`), and one that suppresses silence sends reports at least (RFC 3550 §6.3.5).
#[test]
fn who_listens_in_silence_is_there() {
    run(async {
        let (mut world, [alice, bob, carol]) = World::with_phones(6).await;
        let (line, other) = world.conversation(alice, bob).await;
        world.pass(Duration::from_secs(200)).await;
        assert_eq!(world.calls_up(), 1, "both report what they do not hear");
        world.hear_each_other(line, other).await;
        world.hang_up(line);
        world.until_over(other).await;

        world.without_reports(alice);
        world.without_reports(carol);
        let (line, other) = world.talk(alice, carol).await;
        world.direct(other, Direction::RecvOnly);
        world.hush(other);
        world.pass(Duration::from_secs(200)).await;
        assert_eq!(world.calls_up(), 1, "nothing is expected of it");
        world.hang_up(line);
        world.until_over(other).await;
        world.finish().await;
    });
}

/// A caller whose phone sends nothing before the answer, to a phone that lets it hear something for a long time.
#[test]
fn silence_counts_from_the_answer() {
    run(async {
        let (mut world, [alice, bob]) = quiet(7).await;
        let line = world.call(alice, "101");
        let other = world.incoming(bob).await;
        world.early(other);
        world.say(other, 600);
        world.until_heard(line, 600).await;
        world.pass(Duration::from_secs(50)).await;
        world.answer(other);
        world.until_up(line).await;
        world.pass(Duration::from_secs(58)).await;
        assert_eq!(world.calls_up(), 1);
        world.until_over(line).await;
        assert_told(&world, other);
        world.finish_with_races().await;
    });
}

//! The calls of a host have as many sessions as they may (hostile C2). A new call gets 503 with Retry-After, and a phone to be called does
//! not ring; what is up goes on, and once sessions have ended there is room again.

use sip::registrar::WhenFull;

use crate::harness::{PhoneId, Setup, State, World, run};

/// As few calls as have 12 sessions.
const CALLS: usize = 3;

/// A world with alice, bob and carol, and with as many phones of 109 as are wanted.
async fn small_host(seed: u64, contacts: usize) -> (World, [PhoneId; 3], Vec<PhoneId>) {
    let setup = Setup { calls_max: CALLS, contacts: (contacts, WhenFull::Refuse), ..Setup::default() };
    let (mut world, callers) = World::of(seed, setup).await.and_phones().await;
    let mut called = Vec::new();
    for _ in 0..contacts {
        called.push(world.registered("acme", "109").await);
    }
    (world, callers, called)
}

#[test]
fn one_more_call_than_there_are_sessions_for_is_told_to_try_later() {
    run(async {
        let (mut world, [alice, bob, carol], called) = small_host(1, 5).await;
        let mut lines = Vec::new();
        for caller in [alice, bob] {
            lines.push(world.call(caller, "109"));
            world.until("all ring", |world| called.iter().all(|phone| world.is_called(*phone))).await;
            for phone in &called {
                let other = world.incoming(*phone).await;
                world.ring(other);
                lines.push(other);
            }
        }
        assert_eq!(lines.len(), CALLS * switch::limit::SESSIONS_PER_CALL);
        let refused = world.call(carol, "109");
        world.until_over(refused).await;
        assert_eq!(*world.state(refused), State::Refused(503));
        let answer = world.sent_to(carol, "SIP/2.0 503 ").pop().expect("the answer");
        assert!(answer.contains("\r\nRetry-After: 5\r\n"), "{answer}");
        assert_eq!(world.calls_up(), 2);
        // Those that are up are none the worse for it.
        let (line, other) = (lines[0], lines[1]);
        world.answer(other);
        world.hear_each_other(line, other).await;
        // Four of the six sessions of that call have ended.
        let retried = world.call(carol, "101");
        let third = world.incoming(bob).await;
        world.answer(third);
        world.hear_each_other(retried, third).await;
        for line in [line, retried, lines[called.len() + 1]] {
            world.hang_up(line);
        }
        world.until("all is over", |world| world.calls_up() == 0).await;
        world.finish().await;
    });
}

#[test]
fn phones_beyond_the_bound_do_not_ring() {
    run(async {
        let (mut world, [alice, bob, carol], called) = small_host(2, 4).await;
        let mut lines = Vec::new();
        for caller in [alice, bob] {
            lines.push(world.call(caller, "109"));
            world.until("all ring", |world| called.iter().all(|phone| world.is_called(*phone))).await;
            for phone in &called {
                world.incoming(*phone).await;
            }
        }
        // Ten sessions are there, the caller's is the eleventh.
        let line = world.call(carol, "109");
        world.until("one rings", |world| called.iter().any(|phone| world.is_called(*phone))).await;
        world.pass(std::time::Duration::from_secs(1)).await;
        let rings: Vec<PhoneId> = called.iter().copied().filter(|phone| world.is_called(*phone)).collect();
        assert_eq!(rings.len(), 1);
        let other = world.incoming(rings[0]).await;
        world.answer(other);
        world.hear_each_other(line, other).await;
        lines.push(line);
        for line in lines {
            world.hang_up(line);
        }
        world.until("all is over", |world| world.calls_up() == 0).await;
        world.finish().await;
    });
}

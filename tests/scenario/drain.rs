//! The host is told to stop. New calls are refused, those that are up have their time and are ended then; not even a disk that
//! hangs keeps the host from stopping (F61, hostile K8).

use std::time::Duration;

use crate::harness::{Setup, State, World, run};

#[test]
fn calls_have_their_time_and_end() {
    run(async {
        let (mut world, [alice, bob, carol]) = World::with_phones(1).await;
        let (line, other) = world.conversation(alice, bob).await;
        let drained = world.drain(Duration::from_secs(5));
        let refused = world.call(carol, "610");
        world.until_over(refused).await;
        assert_eq!(*world.state(refused), State::Refused(503));
        world.pass(Duration::from_secs(4)).await;
        assert_eq!(*world.state(line), State::Up);
        world.until_over(line).await;
        world.until_over(other).await;
        world.until("the drain is over", |_| drained.is_finished()).await;
        assert_eq!(world.records("acme", 1).await[0]["hung_up_by"], "host");
        world.finish().await;
    });
}

#[test]
fn a_disk_that_takes_nothing_does_not_hold_the_host_up() {
    run(async {
        let mut world = World::new(3).await;
        world.registered("acme", "100").await;
        world.hang_store();
        let later = world.phone("acme", "101");
        world.begin_to_register(later);
        world.pass(Duration::from_secs(1)).await;
        let begin = world.age();
        let drained = world.drain(Duration::from_secs(5));
        world.until("the drain is over", |_| drained.is_finished()).await;
        let most = Duration::from_secs(5) + switch::limit::DRAIN_END + switch::limit::DRAIN_COMMIT;
        assert!(world.age() - begin < most + Duration::from_millis(100), "{:?}", world.age() - begin);
        world.release_store();
        world.finish_with_races().await;
    });
}

#[test]
fn a_prompt_that_cannot_be_read_does_not_hold_the_host_up() {
    run(async {
        let setup = Setup { hold_music: "slow-700", ..Setup::default() };
        let (mut world, [alice, bob]) = World::of(2, setup).await.and_phones().await;
        let (line, other) = world.talk(alice, bob).await;
        world.hold(line, true);
        world.pass(Duration::from_secs(1)).await;
        let drained = world.drain(Duration::from_secs(5));
        world.pass(Duration::from_secs(5)).await;
        world.until_over(line).await;
        world.until_over(other).await;
        assert!(!drained.is_finished(), "it waits a little for what does not end");
        let begin = world.age();
        world.until("the drain is over", |_| drained.is_finished()).await;
        assert!(world.age() - begin < switch::limit::DRAIN_END + Duration::from_millis(100));
        world.release_sounds();
        world.finish().await;
    });
}

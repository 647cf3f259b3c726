//! `Dial` with `L(5000)`: the conversation is cut after five seconds, for both, and the record has its length.

use std::time::Duration;

use crate::harness::{State, World, run};

const DIALPLAN: &str = "\
[phones]
exten => 101,1,Dial(PJSIP/101,20,L(5000))
";

#[test]
fn the_conversation_is_cut() {
    run(async {
        let (mut world, [alice, bob]) = World::with_dialplan(1, DIALPLAN).await.and_phones().await;
        let (line, other) = world.conversation(alice, bob).await;
        world.pass(Duration::from_millis(4_900)).await;
        assert_eq!(*world.state(line), State::Up);
        world.pass(Duration::from_millis(200)).await;
        world.until_over(line).await;
        world.until_over(other).await;
        let billed = world.records("acme", 1).await[0]["billed_ms"].as_u64();
        assert!(billed.is_some_and(|ms| (5_000..5_050).contains(&ms)), "{billed:?}");
        world.finish().await;
    });
}

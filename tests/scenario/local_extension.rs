//! `Dial(Local/…)` rings an extension of the dialplan like a party. Who that extension dials is connected with the caller; an
//! extension that dials itself comes to an end (A10).

use crate::harness::{State, World, run};

const DIALPLAN: &str = "\
[phones]
exten => 500,1,Dial(Local/1@sales,20)
exten => 501,1,Dial(Local/501@phones,20)
[sales]
exten => 1,1,Dial(PJSIP/101&PJSIP/102,10)
";

#[test]
fn who_the_extension_dials_is_connected() {
    run(async {
        let (mut world, [alice, bob, carol]) = World::with_dialplan(1, DIALPLAN).await.and_phones().await;
        let line = world.call(alice, "500");
        let first = world.incoming(bob).await;
        let second = world.incoming(carol).await;
        world.ring(first);
        world.until("it rings", |world| *world.state(line) == State::Ringing).await;
        world.answer(second);
        world.until_up(line).await;
        world.until_over(first).await;
        world.hear_each_other(line, second).await;
        world.hang_up(second);
        world.until_over(line).await;
        assert_eq!(world.records("acme", 1).await[0]["answered_by"]["number"], "102");
        world.finish().await;
    });
}

#[test]
fn an_extension_that_dials_itself_ends() {
    run(async {
        let mut world = World::with_dialplan(2, DIALPLAN).await;
        let alice = world.registered("acme", "100").await;
        let line = world.call(alice, "501");
        world.until_over(line).await;
        assert!(matches!(world.state(line), State::Refused(_)));
        world.finish().await;
    });
}

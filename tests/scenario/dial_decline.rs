//! The called person declines (603). The dialplan sees BUSY and goes on to another phone, which answers.

use crate::harness::{World, run};

const DIALPLAN: &str = "\
[phones]
exten => 101,1,Dial(PJSIP/101,20)
 same => n,GotoIf($[\"${DIALSTATUS}\" = \"BUSY\"]?busy)
 same => n,Hangup()
 same => n(busy),Dial(PJSIP/102,20)
";

#[test]
fn the_dialplan_goes_on_to_another_phone() {
    run(async {
        let (mut world, [alice, bob, carol]) = World::with_dialplan(1, DIALPLAN).await.and_phones().await;
        let line = world.call(alice, "101");
        let declined = world.incoming(bob).await;
        world.refuse(declined, 603);
        let other = world.incoming(carol).await;
        world.answer(other);
        world.until_up(line).await;
        world.hang_up(line);
        world.until_over(other).await;
        assert_eq!(world.records("acme", 1).await[0]["answered_by"]["number"], "102");
        world.finish().await;
    });
}

//! The dialplan says `Busy` or `Congestion`. A caller that is not answered is refused with the cause; one that talks to the dialplan
//! already hears the tone for the time that the plan gives, and is hung up with the cause (issue 2 §5).

use std::time::Duration;

use crate::harness::{State, World, run};

const DIALPLAN: &str = "\
[phones]
exten => 620,1,Busy()
exten => 621,1,Congestion()
exten => 630,1,Answer()
 same => n,Busy(4)
exten => 631,1,Answer()
 same => n,Congestion(4)
exten => 632,1,Answer()
 same => n,Busy()
";

#[test]
fn a_caller_without_an_answer_is_refused() {
    run(async {
        let (mut world, [alice]) = World::with_dialplan(1, DIALPLAN).await.and_phones().await;
        for (number, status) in [("620", 486), ("621", 503)] {
            let line = world.call(alice, number);
            world.until_over(line).await;
            assert_eq!(*world.state(line), State::Refused(status));
        }
        world.finish().await;
    });
}

#[test]
fn a_caller_with_an_answer_hears_the_tone() {
    run(async {
        let (mut world, [alice]) = World::with_dialplan(2, DIALPLAN).await.and_phones().await;
        for (number, cause) in [("630", 17), ("631", 34)] {
            let line = world.call(alice, number);
            world.until_up(line).await;
            let begin = world.age();
            world.say(line, 440);
            world.until_heard(line, 425).await;
            world.until_over(line).await;
            let lasted = (world.age() - begin).as_millis();
            assert!((3_900..4_300).contains(&lasted), "{number}: {lasted} ms of the four seconds");
            let bye = &world.sent_to(alice, "BYE ").pop().expect("a BYE");
            assert!(bye.contains(&format!("\r\nReason: Q.850;cause={cause}\r\n")), "{bye}");
        }
        world.finish().await;
    });
}

/// The most prompts a request may have are enough for two minutes of tone.
#[test]
fn a_tone_without_a_time_lasts_longer_than_anybody_listens() {
    run(async {
        let (mut world, [alice]) = World::with_dialplan(3, DIALPLAN).await.and_phones().await;
        let line = world.call(alice, "632");
        world.until_up(line).await;
        world.say(line, 440);
        world.pass(Duration::from_secs(100)).await;
        world.until_heard(line, 425).await;
        world.until_over(line).await;
        world.finish().await;
    });
}

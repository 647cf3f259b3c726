//! Why a call failed or ended travels through the switch: the refusal of the called phone becomes a Q.850 cause and that the caller's
//! refusal (RFC 3398 §8.2.6.1, §7.2.4.1); a Reason of a BYE is passed on (RFC 3326). The record has the cause.

use sip::endpoint::{EndReason, Reason, ReasonProtocol};

use crate::harness::{State, World, run};

const DIALPLAN: &str = "\
[phones]
exten => 101,1,Dial(PJSIP/101,20)
 same => n,Hangup(${HANGUPCAUSE})
";

#[test]
fn a_refusal_reaches_the_caller_as_its_cause() {
    // What the called phone says, its cause, and what the caller is told.
    let table = [
        (404, 1, 404),
        (410, 22, 410),
        (480, 18, 408),
        (484, 28, 484),
        (486, 17, 486),
        (488, 65, 488),
        (500, 41, 503),
        (502, 38, 503),
        (503, 41, 503),
        (504, 102, 504),
        (600, 17, 486),
        (603, 21, 403),
        (604, 1, 404),
    ];
    run(async move {
        let (mut world, [alice, bob]) = World::with_dialplan(1, DIALPLAN).await.and_phones().await;
        for (number, (said, cause, told)) in table.into_iter().enumerate() {
            let line = world.call(alice, "101");
            let other = world.incoming(bob).await;
            world.refuse(other, said);
            world.until_over(line).await;
            assert_eq!(*world.state(line), State::Refused(told), "{said} is {told}");
            let records = world.records("acme", number + 1).await;
            assert_eq!(records[number]["legs"][1]["cause"], cause, "{said} is cause {cause}");
            assert_eq!(records[number]["cause"], cause, "{said} is cause {cause}");
            let refusal = world.sent_to(alice, &format!("SIP/2.0 {told} ")).pop().expect("a refusal");
            assert!(refusal.contains(&format!("\r\nReason: Q.850;cause={cause}\r\n")), "{refusal}");
        }
        world.finish().await;
    });
}

#[test]
fn the_reason_of_a_hang_up_reaches_the_other_side() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(2).await;
        for cause in [16, 31, 47] {
            let (line, other) = world.conversation(alice, bob).await;
            world.hang_up_because(line, cause);
            world.until_over(other).await;
            let reason = Reason { protocol: ReasonProtocol::Q850, cause, text: String::new() };
            assert_eq!(*world.state(other), State::Ended(EndReason::Bye { reason: Some(reason) }));
        }
        let causes: Vec<_> = world.records("acme", 3).await.iter().map(|record| record["cause"].clone()).collect();
        assert_eq!(causes, [16, 31, 47]);
        world.finish().await;
    });
}

//! A phone sends keys by INFO instead of RFC 4733. An application reads them; what is no key is answered and left alone (F21).

use std::time::Duration;

use crate::harness::{World, run};

const DIALPLAN: &str = "\
[phones]
exten => 602,1,Answer()
 same => n,Read(CHOICE,,2)
 same => n,GotoIf($[\"${CHOICE}\" = \"42\"]?bob)
 same => n,Hangup()
 same => n(bob),Dial(PJSIP/101,20)
";

#[test]
fn an_application_reads_keys_that_come_by_info() {
    run(async {
        let (mut world, [alice, bob]) = World::with_dialplan(1, DIALPLAN).await.and_phones().await;
        world.install("acme", "app-read").await;
        let line = world.call(alice, "602");
        world.until_up(line).await;
        world.say(line, 440);
        world.pass(Duration::from_secs(1)).await;
        world.inform(line, "application/dtmf-relay", "Signal=4\r\nDuration=160\r\n");
        world.inform(line, "application/dtmf-relay", "Signal=four\r\nDuration=-1\r\n");
        world.inform(line, "text/plain", "2");
        world.inform(line, "application/dtmf", "2");
        let other = world.incoming(bob).await;
        world.answer(other);
        world.hear_each_other(line, other).await;
        let refused: Vec<String> =
            world.sent_to(alice, "SIP/2.0 ").into_iter().filter(|answer| answer.contains(" INFO\r\n")).collect();
        assert_eq!(refused.len(), 4);
        assert!(refused.iter().all(|answer| answer.starts_with("SIP/2.0 200 ")));
        world.hang_up(line);
        world.finish().await;
    });
}

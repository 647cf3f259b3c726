//! A phone sends keys by INFO instead of RFC 4733. An application reads them; what is no key is answered and left alone. In a
//! conversation the other phone gets them, each in the way it has for keys, and so it gets those that an application sends. A phone
//! that refuses INFO after all loses none (F21).

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

const RELAY: &str = "application/dtmf-relay";

/// What a key comes as, from a phone that says it by INFO and from one that says it as an event.
#[test]
fn keys_reach_the_other_party_in_its_own_way() {
    run(async {
        let (mut world, [alice, bob, carol]) = World::with_phones(2).await;
        world.without_events(carol);
        // Both have events: what came by INFO goes on as an event.
        let (line, other) = world.talk(alice, bob).await;
        world.inform(line, RELAY, "Signal=5\r\nDuration=160\r\n");
        world.until("the callee has the key", |world| world.keys(other) == "5").await;
        world.inform(other, RELAY, "Signal=#\r\nDuration=160\r\n");
        world.until("the caller has the key", |world| world.keys(line) == "#").await;
        world.press(line, "12");
        world.until("events go on as events", |world| world.keys(other) == "512").await;
        world.hear_each_other(line, other).await;
        assert_eq!((world.informed(line), world.informed(other)), ("", ""));
        world.hang_up(line);
        world.until_over(other).await;

        // Carol has none, but takes INFO: what came as an event or by INFO goes on by INFO.
        let (line, other) = world.talk(alice, carol).await;
        world.inform(line, RELAY, "Signal=7\r\nDuration=240\r\n");
        world.until("the callee has the key", |world| world.informed(other) == "7").await;
        world.press(line, "*");
        world.until("the callee has the event", |world| world.informed(other) == "7*").await;
        world.inform(other, "application/dtmf", "9");
        world.until("the caller has the key", |world| world.keys(line) == "9").await;
        assert!(world.sent_to(carol, "INFO ")[0].contains("\r\n\r\nSignal=7\r\nDuration=240\r\n"));
        assert_eq!((world.informed(line), world.keys(other)), ("", ""));

        // Nobody hears the keys of who is held.
        world.hold(other, true);
        world.until_heard(line, 700).await;
        world.inform(line, RELAY, "Signal=1\r\nDuration=160\r\n");
        world.pass(Duration::from_secs(1)).await;
        assert_eq!(world.informed(other), "7*");
        world.hang_up(line);
        world.until_over(other).await;
        world.finish().await;
    });
}

/// A phone that says it takes INFO, and refuses it: the key it refused and all that follow come as sound.
#[test]
fn a_phone_that_refuses_info_hears_the_keys() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(3).await;
        world.without_events(bob);
        world.refuse_info(bob);
        let (line, other) = world.talk(alice, bob).await;
        // The second waits for the answer to the first.
        world.inform(line, RELAY, "Signal=7\r\nDuration=160\r\n");
        world.inform(line, RELAY, "Signal=7\r\nDuration=160\r\n");
        world.until("the callee hears the keys", |world| world.sounded(other) == "77").await;
        world.press(line, "1*");
        world.until("and those that follow", |world| world.sounded(other) == "771*").await;
        assert_eq!(world.sent_to(bob, "INFO ").len(), 1, "once is enough");
        // Who sends keys by INFO may be asked to take them so, but not after it refused.
        world.inform(other, RELAY, "Signal=5\r\nDuration=160\r\n");
        world.until("the caller has the key", |world| world.keys(line) == "5").await;
        world.press(line, "2");
        world.until("the callee hears one more", |world| world.sounded(other) == "771*2").await;
        assert_eq!((world.sent_to(bob, "INFO ").len(), world.keys(other)), (1, ""));
        world.hear_each_other(line, other).await;
        world.hang_up(line);
        world.until_over(other).await;
        world.finish().await;
    });
}

const SENDS: &str = "\
[phones]
exten => 660,1,SendKeys(12w#5)
 same => n,Hangup(16)
";

/// An application sends keys: by INFO, one after the other and with their pauses, to a phone that has no events but takes INFO.
#[test]
fn an_application_sends_keys_in_the_way_of_the_phone() {
    run(async {
        let (mut world, [alice, bob, carol]) = World::with_dialplan(4, SENDS).await.and_phones().await;
        world.install("acme", "memo").await;
        for phone in [bob, carol] {
            world.without_events(phone);
        }
        world.refuse_info(carol);
        let [with_events, by_info, refusing] = [alice, bob, carol].map(|phone| world.call(phone, "660"));
        world.until("the first keys are there", |world| world.informed(by_info) == "12").await;
        let begin = world.age();
        world.until("the others follow", |world| world.informed(by_info) == "12#5").await;
        assert!(world.age() - begin >= Duration::from_millis(500), "after a pause");
        for line in [with_events, by_info, refusing] {
            world.until_over(line).await;
        }
        let got = |line| (world.keys(line), world.informed(line), world.sounded(line));
        assert_eq!(got(with_events), ("12#5", "", ""));
        assert_eq!(got(by_info), ("", "12#5", ""));
        assert_eq!(got(refusing), ("", "1", "12#5"));
        world.finish().await;
    });
}

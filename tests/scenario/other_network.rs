//! Legs that are not SIP's: a channel driver (`chan-loopback`) carries calls out of the tenant and back into it. They have audio, causes and records
//! like any other, outlive a new version of the driver, and end with the driver.

use std::time::Duration;

use crate::harness::{Line, PhoneId, State, World, run};

const DIALPLAN: &str = "\
[phones]
exten => _10X,1,Dial(PJSIP/${EXTEN},20)
exten => _8.,1,Dial(Loopback/${EXTEN:1},30)
exten => 900,1,Dial(smoke:signals,30)
[network]
exten => _10X,1,Dial(PJSIP/${EXTEN},20)
exten => 440,1,Answer()
 same => n,Playback(beep-440&beep-440&beep-440)
exten => 441,1,Progress()
 same => n,Playback(beep-440&beep-440&beep-440,noanswer)
 same => n,Hangup(17)
exten => 666,1,Dial(Loopback/666,30)
";

const DRIVER: &str = "chan-loopback";

async fn with_network(seed: u64) -> (World, [PhoneId; 2]) {
    let mut world = World::with_dialplan(seed, DIALPLAN).await;
    world.install("acme", "chan-loopback").await;
    world.install("acme", "app-playback").await;
    let context = |context: &str| [(DRIVER.to_owned(), context.to_owned())].into();
    world.redefine("acme", |definition| definition.channel_contexts = context("network")).await;
    let alice = world.registered("acme", "100").await;
    let bob = world.registered("acme", "101").await;
    (world, [alice, bob])
}

/// Alice calls bob by way of the other network, and he answers.
async fn talk(world: &mut World, alice: PhoneId, bob: PhoneId) -> (Line, Line) {
    let line = world.call(alice, "8101");
    let other = world.incoming(bob).await;
    assert!(world.caller(other).contains("100"), "{}", world.caller(other));
    world.answer(other);
    world.until_up(line).await;
    world.until_up(other).await;
    world.hear_each_other(line, other).await;
    (line, other)
}

#[test]
fn a_call_goes_out_and_comes_back() {
    run(async {
        let (mut world, [alice, bob]) = with_network(1).await;
        for hangs_up in [true, false] {
            let (line, other) = talk(&mut world, alice, bob).await;
            let (first, second) = if hangs_up { (line, other) } else { (other, line) };
            world.hang_up(first);
            world.until_over(second).await;
        }
        let records = world.records("acme", 4).await;
        assert!(
            records.iter().all(|record| record["disposition"] == "ANSWERED" && record["cause"] == 16),
            "{records:?}"
        );
        let to: Vec<_> = records.iter().map(|record| record["to"].as_str().unwrap_or_default()).collect();
        assert_eq!(to.iter().filter(|to| **to == "8101").count(), 2, "{to:?}");
        world.finish().await;
    });
}

#[test]
fn ringing_refusal_and_giving_up_are_heard_at_the_other_end() {
    run(async {
        let (mut world, [alice, bob]) = with_network(2).await;
        let line = world.call(alice, "8101");
        let other = world.incoming(bob).await;
        world.ring(other);
        world.until("it is heard to ring", |world| *world.state(line) == State::Ringing).await;
        world.refuse(other, 486);
        world.until_over(line).await;
        assert_eq!(*world.state(line), State::Refused(486));

        let line = world.call(alice, "8101");
        let other = world.incoming(bob).await;
        world.hang_up(line);
        world.until_over(other).await;
        world.finish().await;
    });
}

#[test]
fn applications_answer_or_are_heard_before() {
    run(async {
        let (mut world, [alice, _]) = with_network(3).await;
        let line = world.call(alice, "8440");
        world.until_up(line).await;
        world.until_heard(line, 440).await;
        world.hang_up(line);

        let line = world.call(alice, "8441");
        world.until("the caller gets early media", |world| *world.state(line) == State::Early).await;
        world.say(line, 700);
        world.until_heard(line, 440).await;
        world.until_over(line).await;
        assert_eq!(*world.state(line), State::Refused(486), "cause 17 is what the far end ended with");
        world.finish().await;
    });
}

#[test]
fn a_circle_of_calls_ends() {
    run(async {
        let (mut world, [alice, _]) = with_network(4).await;
        world.redefine("acme", |definition| definition.calls_max = 100).await;
        let line = world.call(alice, "8666");
        world.until_over(line).await;
        assert!(matches!(world.state(line), State::Refused(_)), "{:?}", world.state(line));
        world.until("all is over", |world| world.calls_up() == 0).await;
        let records = world.records("acme", 30).await;
        assert!(records.len() <= 71, "Max-Forwards ends it: {}", records.len());
        world.finish().await;
    });
}

#[test]
fn a_call_outlives_the_version_of_its_driver() {
    run(async {
        let (mut world, [alice, bob]) = with_network(5).await;
        let (line, other) = talk(&mut world, alice, bob).await;
        let newer = |manifest: String| manifest.replace("version = \"0.1.0\"", "version = \"0.2.0\"");
        world.install_with("acme", DRIVER, newer).await;
        world.hear_each_other(line, other).await;
        world.hang_up(line);
        world.until_over(other).await;
        let (line, other) = talk(&mut world, alice, bob).await;
        world.hang_up(other);
        world.until_over(line).await;
        world.finish().await;
    });
}

#[test]
fn calls_end_with_their_driver() {
    run(async {
        let (mut world, [alice, bob]) = with_network(6).await;
        let (line, other) = talk(&mut world, alice, bob).await;
        world.remove("acme", DRIVER).await;
        world.until_over(line).await;
        world.until_over(other).await;
        let records = world.records("acme", 2).await;
        assert!(records.iter().all(|record| record["cause"] == 41), "{records:?}");
        // Nobody carries such calls any more.
        let line = world.call(alice, "8101");
        world.until_over(line).await;
        assert_eq!(*world.state(line), State::Refused(503), "CHANUNAVAIL, and the dialplan has nothing else");
        world.finish().await;
    });
}

/// Who may be called is the tenant's word; another tenant's driver is nobody's (F8).
#[test]
fn a_driver_calls_where_its_tenant_says_and_nowhere_else() {
    run(async {
        let (mut world, [alice, _]) = with_network(7).await;
        // 102 is not registered, here and there.
        let [near, far] = [world.call(alice, "102"), world.call(alice, "8102")];
        world.until_over(near).await;
        world.until_over(far).await;
        assert_eq!(world.state(near), world.state(far));
        world.redefine("acme", |definition| definition.channel_contexts.clear()).await;
        let line = world.call(alice, "8101");
        world.until_over(line).await;
        assert_eq!(
            *world.state(line),
            State::Refused(486),
            "cause 21, call rejected: the dialplan's word for it is BUSY"
        );
        let stranger = world.registered("globex", "100").await;
        for number in ["8101", "900"] {
            let line = world.call(stranger, number);
            world.until_over(line).await;
            assert_eq!(*world.state(line), State::Refused(503), "{number}");
        }
        assert_eq!(world.records("globex", 2).await.len(), 2);
        world.pass(Duration::from_secs(1)).await;
        world.finish().await;
    });
}

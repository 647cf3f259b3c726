//! Callers wait in a queue and are served in the order in which they came: by all members at once or one after the other, over a reload of the
//! plugin, when one of them hangs up, and by the members of their own tenant only (I7).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::harness::{Line, PhoneId, World, run};

const DIALPLAN: &str = "\
[phones]
exten => _10X,1,Dial(PJSIP/${EXTEN},20)
exten => 630,1,Queue(sales)
 same => n,GotoIf($[\"${QUEUESTATUS}\" = \"CONTINUE\"]?:other)
 same => n,Hangup(16)
 same => n(other),GotoIf($[\"${QUEUESTATUS}\" = \"JOINEMPTY\"]?:late)
 same => n,Hangup(20)
 same => n(late),GotoIf($[\"${QUEUESTATUS}\" = \"TIMEOUT\"]?:wrong)
 same => n,Hangup(19)
 same => n(wrong),Hangup(38)
exten => 631,1,Queue(sales,10)
 same => n,Goto(630,other)
exten => 638,1,QueueLogin(sales)
 same => n,Hangup()
exten => 639,1,QueueLogout()
 same => n,Hangup()
";

/// What waiting callers hear.
const HOLD: u16 = 950;

async fn with_queue(seed: u64, queues: &str) -> World {
    let mut world = World::with_dialplan(seed, DIALPLAN).await;
    for tenant in ["acme", "globex"] {
        world.install(tenant, "app-queue").await;
        let settings = BTreeMap::from([
            ("queues", queues),
            ("announce-seconds", "0"),
            ("sound", "beep-950"),
            ("retry-seconds", "3"),
        ]);
        let settings = settings.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let settings = Arc::new(settings);
        world
            .redefine(tenant, |definition| drop(definition.plugin_settings.insert("app-queue".to_owned(), settings)))
            .await;
    }
    // A service that knows nothing yet lets callers say their places first.
    world.pass(Duration::from_secs(4)).await;
    world
}

async fn phones<const COUNT: usize>(world: &mut World, names: [&str; COUNT]) -> [PhoneId; COUNT] {
    let mut phones = [None; COUNT];
    for (phone, name) in phones.iter_mut().zip(names) {
        *phone = Some(world.registered("acme", name).await);
    }
    phones.map(|phone| phone.expect("each was registered"))
}

/// A caller that waits: it was answered and hears the hold sound.
async fn waits(world: &mut World, caller: PhoneId) -> Line {
    let line = world.call(caller, "630");
    world.until_up(line).await;
    world.until_heard(line, HOLD).await;
    line
}

/// The next caller that a member's phone rings for.
async fn rings_for(world: &mut World, member: PhoneId) -> (Line, String) {
    let line = world.incoming(member).await;
    world.ring(line);
    let caller = world.caller(line).to_owned();
    (line, caller)
}

/// The member answers, and talks with the caller.
async fn talks(world: &mut World, caller: Line, member: Line) {
    world.answer(member);
    world.until_up(member).await;
    world.hear_each_other(caller, member).await;
}

#[test]
fn all_members_ring_and_the_first_that_answers_talks() {
    run(async {
        let mut world = with_queue(1, "sales 101 102").await;
        let [anna, bob, first, second] = phones(&mut world, ["101", "102", "103", "104"]).await;
        let line = world.call(first, "630");
        let (rings, caller) = rings_for(&mut world, anna).await;
        let (also, _) = rings_for(&mut world, bob).await;
        assert_eq!(caller, "103");
        talks(&mut world, line, rings).await;
        world.until_over(also).await;
        // Whoever did not answer is free for the next caller while these two talk.
        let other = world.call(second, "630");
        let (rings_too, caller) = rings_for(&mut world, bob).await;
        assert_eq!(caller, "104");
        assert!(!world.is_called(anna));
        talks(&mut world, other, rings_too).await;
        world.hang_up(rings);
        world.until_over(line).await;
        world.hang_up(other);
        world.until_over(rings_too).await;
        let causes: Vec<_> = world.records("acme", 2).await.iter().map(|record| record["cause"].clone()).collect();
        assert_eq!(causes, [16, 16], "QUEUESTATUS is CONTINUE where the member hung up");
        world.finish().await;
    });
}

/// The acceptance of replacing a plugin that holds callers: three wait, the plugin is replaced, and the first is served first.
#[test]
fn the_order_survives_a_reload() {
    run(async {
        let mut world = with_queue(2, "sales 101").await;
        let [anna, friend, first, second, third] = phones(&mut world, ["101", "102", "103", "104", "105"]).await;
        let (busy, _) = world.talk(anna, friend).await;
        let mut lines = Vec::new();
        for caller in [first, second, third] {
            lines.push(waits(&mut world, caller).await);
        }
        world
            .install_with("acme", "app-queue", |manifest| {
                manifest.replace("version = \"0.1.0\"", "version = \"0.2.0\"")
            })
            .await;
        let shown = world.tenant("acme").plugins().show("app-queue").expect("it is there");
        assert_eq!((shown.version.as_str(), shown.draining), ("0.2.0", 3), "the callers stay in their runs");
        world.pass(Duration::from_secs(5)).await;
        assert!(!world.is_called(anna), "she talks");
        world.until_heard(lines[2], HOLD).await;
        world.hang_up(busy);
        for (line, number) in lines.into_iter().zip(["103", "104", "105"]) {
            let (rings, caller) = rings_for(&mut world, anna).await;
            assert_eq!(caller, number);
            talks(&mut world, line, rings).await;
            world.hang_up(rings);
            world.until_over(line).await;
        }
        let shown = world.tenant("acme").plugins().show("app-queue").expect("it is there");
        assert_eq!((shown.faults, shown.generations), (0, 1), "{shown:?}");
        world.finish().await;
    });
}

#[test]
fn a_caller_that_hangs_up_is_out_at_once() {
    run(async {
        let mut world = with_queue(4, "sales 101").await;
        let [anna, friend, first, second] = phones(&mut world, ["101", "102", "103", "104"]).await;
        let (busy, _) = world.talk(anna, friend).await;
        let gone = waits(&mut world, first).await;
        let line = waits(&mut world, second).await;
        world.hang_up(gone);
        world.until_over(gone).await;
        world.hang_up(busy);
        let (rings, caller) = rings_for(&mut world, anna).await;
        assert_eq!(caller, "104");
        // While it rings, too: the member's phone is silent again, and free.
        world.hang_up(line);
        world.until_over(rings).await;
        let again = world.call(first, "630");
        let (rings, caller) = rings_for(&mut world, anna).await;
        assert_eq!(caller, "103");
        talks(&mut world, again, rings).await;
        world.hang_up(again);
        world.until_over(rings).await;
        world.finish().await;
    });
}

#[test]
fn a_member_that_declines_is_tried_again_after_a_while() {
    run(async {
        let mut world = with_queue(5, "sales 101 102 strategy=in-order").await;
        let [anna, bob, first] = phones(&mut world, ["101", "102", "103"]).await;
        let line = world.call(first, "630");
        let (rings, _) = rings_for(&mut world, anna).await;
        assert!(!world.is_called(bob), "one after the other");
        world.refuse(rings, 486);
        let declined = world.age();
        let (rings, caller) = rings_for(&mut world, bob).await;
        assert_eq!(caller, "103");
        world.refuse(rings, 603);
        world.until_heard(line, HOLD).await;
        let (rings, _) = rings_for(&mut world, anna).await;
        assert!(world.age() - declined >= Duration::from_secs(3), "it is left alone for so long");
        talks(&mut world, line, rings).await;
        world.hang_up(line);
        world.until_over(rings).await;
        world.finish().await;
    });
}

/// The strategy is a component of its own: whose last conversation is longest ago.
#[test]
fn a_strategy_chooses_who_rings() {
    run(async {
        let mut world = with_queue(9, "sales 101 102 103 strategy=longest-idle").await;
        world.install("acme", "strategy-queue").await;
        let [anna, bob, carol, caller] = phones(&mut world, ["101", "102", "103", "104"]).await;
        for member in [anna, bob, carol, anna, bob] {
            let line = world.call(caller, "630");
            let (rings, _) = rings_for(&mut world, member).await;
            talks(&mut world, line, rings).await;
            assert!([anna, bob, carol].into_iter().all(|other| !world.is_called(other)), "it rings at one");
            world.hang_up(rings);
            world.until_over(line).await;
            world.pass(Duration::from_secs(2)).await;
        }
        world.finish().await;
    });
}

#[test]
fn an_empty_queue_and_one_that_takes_too_long_let_the_caller_go() {
    run(async {
        let mut world = with_queue(6, "sales 101").await;
        let caller = world.registered("acme", "103").await;
        let line = world.call(caller, "630");
        world.until_over(line).await;
        let anna = world.registered("acme", "101").await;
        let friend = world.registered("acme", "102").await;
        let (busy, _) = world.talk(anna, friend).await;
        let line = world.call(caller, "631");
        world.until_up(line).await;
        world.until_over(line).await;
        world.hang_up(busy);
        let records = world.records("acme", 3).await;
        let causes: Vec<_> = records.iter().map(|record| (record["to"].clone(), record["cause"].clone())).collect();
        assert!(causes.contains(&("630".into(), 20.into())), "JOINEMPTY: {causes:?}");
        assert!(causes.contains(&("631".into(), 19.into())), "TIMEOUT: {causes:?}");
        world.finish().await;
    });
}

#[test]
fn a_phone_logs_in_and_out() {
    run(async {
        let mut world = with_queue(7, "sales").await;
        let [anna, first] = phones(&mut world, ["101", "103"]).await;
        for number in ["638", "639", "638"] {
            let line = world.call(anna, number);
            world.until_over(line).await;
            let line = world.call(first, "630");
            if number == "639" {
                world.until_over(line).await;
                continue;
            }
            let (rings, _) = rings_for(&mut world, anna).await;
            talks(&mut world, line, rings).await;
            world.hang_up(rings);
            world.until_over(line).await;
        }
        world.finish().await;
    });
}

/// I7: the same queue with the same members in two tenants.
#[test]
fn a_queue_is_the_tenants_own() {
    run(async {
        let mut world = with_queue(8, "sales 101").await;
        let [anna, caller] = phones(&mut world, ["101", "103"]).await;
        let stranger = world.registered("globex", "101").await;
        let other = world.registered("globex", "103").await;
        let line = world.call(caller, "630");
        let (rings, _) = rings_for(&mut world, anna).await;
        assert!(!world.is_called(stranger));
        let theirs = world.call(other, "630");
        let (rings_there, _) = rings_for(&mut world, stranger).await;
        assert!(!world.is_called(anna));
        talks(&mut world, line, rings).await;
        talks(&mut world, theirs, rings_there).await;
        world.hang_up(line);
        world.hang_up(theirs);
        world.until_over(rings).await;
        world.until_over(rings_there).await;
        world.finish().await;
    });
}

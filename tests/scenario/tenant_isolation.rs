//! Two tenants have the same numbers, and phones of both call 101 at the same time. Each reaches its own colleague, hears only
//! that one, and has its own record (F8, hostile E1, E2).

use crate::harness::{World, run};

#[test]
fn the_same_number_is_another_phone_in_each_tenant() {
    run(async {
        let mut world = World::new(1).await;
        let mut lines = Vec::new();
        for (tenant, own, other) in [("acme", 440, 600), ("globex", 500, 800)] {
            let caller = world.registered(tenant, "100").await;
            let called = world.registered(tenant, "101").await;
            lines.push((tenant, caller, called, own, other));
        }
        let calls: Vec<_> = lines.iter().map(|&(_, caller, ..)| world.call(caller, "101")).collect();
        let mut pairs = Vec::new();
        for (&(_, _, called, own, other), line) in lines.iter().zip(calls) {
            let answered = world.incoming(called).await;
            world.answer(answered);
            world.until_up(line).await;
            world.say(line, own);
            world.say(answered, other);
            pairs.push((line, answered, own, other));
        }
        for &(line, answered, own, other) in &pairs {
            world.until_heard(line, other).await;
            world.until_heard(answered, own).await;
        }
        for (line, ..) in pairs {
            world.hang_up(line);
        }
        for (tenant, ..) in lines {
            let records = world.records(tenant, 1).await;
            assert_eq!(records.len(), 1);
            assert_eq!(records[0]["tenant"], tenant);
            assert_eq!(records[0]["from"]["name"], format!("100 of {tenant}"));
        }
        world.finish().await;
    });
}

#[test]
fn a_number_that_only_the_other_tenant_has_registered_is_not_reached() {
    run(async {
        let mut world = World::new(2).await;
        let alice = world.registered("acme", "100").await;
        let foreign = world.registered("globex", "101").await;
        let line = world.call(alice, "101");
        world.until_over(line).await;
        assert!(!world.is_called(foreign));
        world.finish().await;
    });
}

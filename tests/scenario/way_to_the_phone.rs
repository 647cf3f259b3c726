//! How a request finds its way: a phone behind a NAT is called where its REGISTER came from (RFC 3581, F26), and a call that has no
//! hops left goes no further (RFC 3261 §8.1.1.6, hostile A10).

use sip::message::HeaderName;

use crate::harness::{State, World, run};

#[test]
fn a_phone_behind_a_nat_is_called_where_it_registered_from() {
    run(async {
        let (mut world, [alice]) = World::with_phones(1).await;
        let bob = world.phone("acme", "101");
        let status = world
            .register_with(bob, |request| {
                request.contact_user = None;
                request.headers.push((HeaderName::Contact, "<sip:bob@10.0.0.7:5070>;expires=600".into()));
            })
            .await;
        assert_eq!(status, 200);
        let answer = world.sent_to(bob, "SIP/2.0 200 ").pop().expect("the answer");
        let source = world.address(bob);
        assert!(answer.contains(&format!(";rport={};received={}", source.port(), source.ip())), "{answer}");
        let line = world.call(alice, "101");
        let other = world.incoming(bob).await;
        assert_eq!(world.sent_to(bob, "INVITE sip:bob@10.0.0.7:5070 SIP/2.0\r\n").len(), 1);
        world.answer(other);
        world.until_up(line).await;
        world.hang_up(line);
        world.until_over(other).await;
        world.finish().await;
    });
}

#[test]
fn hops_are_counted_down_and_end() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(2).await;
        let line = world.call_with(alice, "101", |invite| invite.max_forwards = 30);
        let other = world.incoming(bob).await;
        assert!(world.sent_to(bob, "INVITE ")[0].contains("\r\nMax-Forwards: 29\r\n"));
        world.refuse(other, 486);
        world.until_over(line).await;
        let line = world.call_with(alice, "101", |invite| invite.max_forwards = 0);
        world.until_over(line).await;
        assert_eq!(*world.state(line), State::Refused(483));
        assert!(!world.is_called(bob));
        world.finish().await;
    });
}

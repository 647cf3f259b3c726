//! Both sides change the session at once (RFC 3261 §14.1): each refuses the other's re-INVITE with 491 and tries again after its own
//! wait, and both come through (hostile A11).

use std::time::Duration;

use sip::message::Message;

use crate::harness::{Hand, Setup, State, World, reply, run, sdp};

#[test]
fn both_offers_come_through_in_the_end() {
    run(async {
        let setup = Setup { media_timeout: Duration::from_secs(3_600), ..Setup::default() };
        let (mut world, [alice, bob]) = World::of(1, setup).await.and_phones().await;
        world.by_hand(bob);
        let line = world.call(alice, "101");
        let Message::Request(invite) = world.letter(bob, "INVITE ").await else { panic!("an INVITE") };
        let (address, media) = (world.address(bob), sdp(world.address(bob), 4_000));
        // It does not say that it knows UPDATE: the switch refreshes by re-INVITE, at half of the interval.
        let more = format!("Contact: <sip:101@{address}>\r\nSession-Expires: 90;refresher=uac\r\n");
        world.post(bob, reply(&invite, (200, "bob"), &more, &media));
        world.letter(bob, "ACK ").await;
        world.until_up(line).await;

        let Message::Request(theirs) = world.letter(bob, "INVITE ").await else { panic!("a refresh") };
        let mut dialog = Hand::of(&invite, address, "bob");
        world.post(bob, dialog.request("INVITE", "", &media));
        world.letter(bob, "SIP/2.0 491 ").await;
        world.post(bob, dialog.ack_of_refusal());
        let refused = world.age();
        world.post(bob, reply(&theirs, (491, ""), "", ""));
        world.letter(bob, "ACK ").await;

        // Whose Call-ID it is tries again after two to four seconds.
        let Message::Request(again) = world.letter(bob, "INVITE ").await else { panic!("the refresh again") };
        let waited = world.age() - refused;
        assert!((Duration::from_millis(2_100)..Duration::from_millis(4_100)).contains(&waited), "{waited:?}");
        world.post(bob, reply(&again, (200, ""), &more, &media));
        world.letter(bob, "ACK ").await;
        world.post(bob, dialog.request("INVITE", "", &media));
        world.letter(bob, "SIP/2.0 200 ").await;
        world.post(bob, dialog.ack_of_answer());

        world.pass(Duration::from_secs(5)).await;
        assert_eq!(*world.state(line), State::Up);
        world.post(bob, dialog.request("BYE", "", ""));
        world.until_over(line).await;
        world.finish().await;
    });
}

//! A phone forks the call behind itself, as a proxy or a small PBX does: several early dialogs, several answers (RFC 3261 §13.2.2.4).
//! The caller hears that it rings once and speaks with the first to answer; the other answer is acknowledged and hung up.

use sip::message::{Message, Request};

use crate::harness::{Hand, State, World, reply, run, sdp};

#[test]
fn the_first_answer_wins_and_the_second_is_hung_up() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(1).await;
        world.by_hand(bob);
        let line = world.call(alice, "101");
        let Message::Request(invite) = world.letter(bob, "INVITE ").await else { panic!("an INVITE") };
        let (address, media) = (world.address(bob), sdp(world.address(bob), 4_000));
        let contact = format!("Contact: <sip:101@{address}>\r\n");
        for fork in ["kitchen", "cellar"] {
            world.post(bob, reply(&invite, (180, fork), &contact, ""));
        }
        world.until("it rings", |world| *world.state(line) == State::Ringing).await;
        for fork in ["kitchen", "cellar"] {
            world.post(bob, reply(&invite, (200, fork), &contact, &media));
        }
        world.until_up(line).await;
        assert_eq!(world.progress(line), [180], "one 180 is enough");
        let first = request(world.letter(bob, "ACK ").await);
        let second = request(world.letter(bob, "ACK ").await);
        let bye = request(world.letter(bob, "BYE ").await);
        assert_eq!([&first, &second, &bye].map(to_tag), ["kitchen", "cellar", "cellar"]);
        world.post(bob, reply(&bye, (200, ""), "", ""));
        world.pass(std::time::Duration::from_secs(5)).await;
        assert_eq!(*world.state(line), State::Up);
        // The first one is the call.
        let mut dialog = Hand::of(&invite, address, "kitchen");
        world.post(bob, dialog.request("BYE", "", ""));
        world.until_over(line).await;
        assert_eq!(world.answers(line), 1);
        world.finish().await;
    });
}

/// The second answer comes when the call is long over for the caller.
#[test]
fn an_answer_to_a_call_that_was_given_up_is_hung_up() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(2).await;
        world.by_hand(bob);
        let line = world.call(alice, "101");
        let Message::Request(invite) = world.letter(bob, "INVITE ").await else { panic!("an INVITE") };
        let (address, media) = (world.address(bob), sdp(world.address(bob), 4_000));
        let contact = format!("Contact: <sip:101@{address}>\r\n");
        world.post(bob, reply(&invite, (180, "kitchen"), &contact, ""));
        world.until("it rings", |world| *world.state(line) == State::Ringing).await;
        world.hang_up(line);
        let cancel = request(world.letter(bob, "CANCEL ").await);
        // It answers instead of stopping: the 200 crossed the CANCEL (§9.1).
        world.post(bob, reply(&cancel, (200, "kitchen"), "", ""));
        world.post(bob, reply(&invite, (200, "kitchen"), &contact, &media));
        request(world.letter(bob, "ACK ").await);
        let bye = request(world.letter(bob, "BYE ").await);
        world.post(bob, reply(&bye, (200, ""), "", ""));
        world.until_over(line).await;
        world.finish().await;
    });
}

fn request(message: Message) -> Request {
    match message {
        Message::Request(request) => request,
        Message::Response(response) => panic!("{} instead of a request", response.status),
    }
}

fn to_tag(request: &Request) -> String {
    request.headers.to().and_then(|to| to.tag().map(str::to_owned)).unwrap_or_default()
}

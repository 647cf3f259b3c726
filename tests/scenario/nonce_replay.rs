//! What somebody who listens to a phone can do with what it sent: nothing. An answer to a challenge is good once, for its own request
//! and from its own address; one that comes too late is asked for anew, but only of who knows the secret (RFC 7616 §3.3, hostile B1, B2).

use std::time::Duration;

use bytes::Bytes;
use sip::auth::{Challenge, Credentials};
use sip::message::{Message, Method, Response, Uri};

use crate::harness::{PhoneId, World, run, secret};

/// How long a nonce is good.
const LIFE: Duration = Duration::from_secs(300);

/// Sends requests of one phone by hand.
struct Phone {
    id: PhoneId,
    /// Requests sent so far.
    sent: u32,
}

impl Phone {
    fn new(world: &mut World, id: PhoneId) -> Self {
        world.by_hand(id);
        Self { id, sent: 0 }
    }

    /// Sends a request with this Authorization, which is new by its Via and its CSeq; the answer to it.
    async fn asks(&mut self, world: &mut World, method: &str, authorization: &str) -> Response {
        self.sent += 1;
        let (number, address) = (self.sent, world.address(self.id));
        let request = format!(
            "{method} sip:acme.test SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bKby-hand-{method}-{number};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:100@acme.test>;tag=hand{number}\r\nTo: <sip:100@acme.test>\r\n\
             Call-ID: by-hand@{address}\r\nCSeq: {number} {method}\r\nContact: <sip:number-{number}@{address}>\r\n\
             {authorization}Content-Length: 0\r\n\r\n"
        );
        world.post(self.id, request);
        let Message::Response(response) = world.letter(self.id, "SIP/2.0 ").await else { panic!("an answer") };
        response
    }

    async fn registers(&mut self, world: &mut World, authorization: &str) -> Response {
        self.asks(world, "REGISTER", authorization).await
    }

    /// A challenge to a REGISTER.
    async fn challenge(&mut self, world: &mut World) -> Challenge {
        challenge(&self.registers(world, "").await)
    }
}

fn challenge(response: &Response) -> Challenge {
    Credentials::new("100", "").choose(response).expect("a challenge")
}

/// The header that answers a challenge to REGISTER for the `count`th time.
fn answer(challenge: &Challenge, secret: &str, count: u32) -> String {
    let uri = Uri::parse(&Bytes::from_static(b"sip:acme.test")).expect("a URI");
    let credentials = Credentials::new("100", secret);
    let (name, value) = credentials.authorize(challenge, &Method::Register, &uri, b"", "c0ffee", count);
    format!("{name}: {}\r\n", String::from_utf8_lossy(&value))
}

/// Refused, and not with an invitation to try again without asking the user.
#[track_caller]
fn assert_refused(response: &Response) {
    assert_eq!(response.status.code(), 401);
    assert!(!challenge(response).stale);
}

/// The contacts that are registered in acme.
fn contacts(world: &World) -> Vec<String> {
    let registered = world.tenant("acme").registered(world.wallclock());
    registered.iter().map(|one| one.contact.split('@').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn an_answer_is_good_once() {
    run(async {
        let mut world = World::new(1).await;
        let own = secret("acme", "100");
        let alice = world.phone("acme", "100");
        let mut alice = Phone::new(&mut world, alice);
        let nonce = alice.challenge(&mut world).await;
        let first = answer(&nonce, &own, 1);
        assert_eq!(alice.registers(&mut world, &first).await.status.code(), 200);
        assert_eq!(contacts(&world), ["sip:number-2"]);
        assert_refused(&alice.registers(&mut world, &first).await);
        // The count goes up with each use, and never back.
        assert_eq!(alice.registers(&mut world, &answer(&nonce, &own, 3)).await.status.code(), 200);
        for count in [1, 2, 3] {
            assert_refused(&alice.registers(&mut world, &answer(&nonce, &own, count)).await);
        }
        let used = contacts(&world);
        // Neither another request nor another phone can do anything with an answer that was never used.
        let unused = answer(&nonce, &own, 4);
        assert_refused(&alice.asks(&mut world, "INVITE", &unused).await);
        let mallory = world.phone("acme", "101");
        let mut mallory = Phone::new(&mut world, mallory);
        assert_refused(&mallory.registers(&mut world, &unused).await);
        assert_eq!(contacts(&world), used);
        assert_eq!(alice.registers(&mut world, &unused).await.status.code(), 200);
        world.finish().await;
    });
}

#[test]
fn an_answer_that_comes_too_late_is_asked_for_anew() {
    run(async {
        let mut world = World::new(2).await;
        let own = secret("acme", "100");
        let alice = world.phone("acme", "100");
        let mut alice = Phone::new(&mut world, alice);
        let nonce = alice.challenge(&mut world).await;
        world.pass(LIFE - Duration::from_secs(1)).await;
        assert_eq!(alice.registers(&mut world, &answer(&nonce, &own, 1)).await.status.code(), 200);
        world.pass(Duration::from_secs(2)).await;
        assert_refused(&alice.registers(&mut world, &answer(&nonce, "guessed", 2)).await);
        let late = alice.registers(&mut world, &answer(&nonce, &own, 2)).await;
        assert_eq!(late.status.code(), 401);
        let fresh = challenge(&late);
        assert!(fresh.stale, "who knows the secret need not ask the user");
        assert_ne!(fresh.nonce, nonce.nonce);
        assert_eq!(alice.registers(&mut world, &answer(&fresh, &own, 1)).await.status.code(), 200);
        world.finish().await;
    });
}

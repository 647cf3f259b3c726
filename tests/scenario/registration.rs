//! Phones register by digest. A wrong secret, an unknown user and another tenant's account get the same refusal, and a phone
//! whose registration ran out is not called any more (issue 2 §3).

use std::sync::Arc;
use std::time::Duration;

use sip::auth::Ha1;
use sip::message::{HeaderName, NameAddr};
use sip::registrar::WhenFull;
use switch::definition::Hashes;

use crate::harness::{HOST, PhoneId, Setup, State, World, run, secret};

/// Hostile B4: the three refusals are the same to the byte but for what the phone itself wrote and the nonce.
#[test]
fn only_the_right_secret_registers() {
    run(async {
        let mut world = World::new(1).await;
        let right = world.phone("acme", "100");
        assert_eq!(world.register(right, 3600).await, 200);
        let wrong = world.phone_with_secret("acme", "100", "guessed");
        let unknown = world.phone_with_secret("acme", "199", "guessed");
        let foreign = world.phone_with_secret("acme", "100", "secret of 100 in globex");
        let mut refusals = Vec::new();
        for phone in [wrong, unknown, foreign] {
            assert_eq!(world.register(phone, 3600).await, 401);
            let answers = world.sent_to(phone, "SIP/2.0 ");
            assert_eq!(answers.len(), 2, "the challenge and the refusal");
            refusals.push(answers.iter().map(|answer| without_its_own(answer)).collect::<Vec<_>>());
        }
        assert_eq!(refusals[0], refusals[1], "an unknown user");
        assert_eq!(refusals[0], refusals[2], "another tenant's account");
        world.finish().await;
    });
}

/// Hostile B4: whatever domain is asked for, a tenant's first, its second, one as long as a domain may be or one that nobody has, the
/// answers are the same to the byte but for the domain itself and the nonce. Phones log in with each domain that exists.
#[test]
fn which_domains_exist_cannot_be_found_by_trying() {
    /// With `acme.` before it, of 253 bytes.
    const LONG: &str = concat!(
        "a23456789-a23456789-a23456789-a23456789-a23456789-a23456789-a23.",
        "a23456789-a23456789-a23456789-a23456789-a23456789-a23456789-a23.",
        "a23456789-a23456789-a23456789-a23456789-a23456789-a23456789-a23.",
        "a23456789-a23456789-a23456789-a23456789-a23456789-a23456",
    );
    run(async {
        let setup = Setup { domains: &["test", "example", LONG], ..Setup::default() };
        let mut world = World::of(5, setup).await;
        assert_eq!(format!("acme.{LONG}").len(), switch::limit::DOMAIN);
        for domain in ["test", "example", LONG] {
            let (own, nobodys) = (format!("acme.{domain}"), format!("acne.{domain}"));
            let phone = world.phone_at(&own, "100", &secret("acme", "100"));
            assert_eq!(world.register(phone, 3600).await, 200, "{own}");
            let mut refusals = Vec::new();
            for domain in [own, nobodys] {
                let stranger = world.phone_at(&domain, "100", "guessed");
                assert_eq!(world.register(stranger, 3600).await, 401, "{domain}");
                let answers = world.sent_to(stranger, "SIP/2.0 401");
                assert!(answers.len() == 2 && answers[0].contains(&format!("realm=\"{domain}\"")), "{answers:?}");
                let covered = answers.iter().map(|answer| without_its_own(&answer.replace(&domain, "DOMAIN")));
                refusals.push(covered.collect::<Vec<_>>());
            }
            assert_eq!(refusals[0], refusals[1]);
        }
        // A name that is too long to be a domain is nobody's.
        let beyond = world.phone_at(&format!("acmee.{LONG}"), "100", "guessed");
        assert_eq!(world.register(beyond, 3600).await, 401);
        assert!(world.sent_to(beyond, "SIP/2.0 401")[0].contains("realm=\"jackfield\""));
        world.finish().await;
    });
}

/// An address may be a tenant's domain too, but for the host's own.
#[test]
fn which_addresses_are_domains_cannot_be_found_by_trying() {
    const OWN: &str = "203.0.113.7";
    run(async {
        let mut world = World::new(9).await;
        world
            .redefine("acme", |acme| {
                acme.domains.push(OWN.to_owned());
                for (name, endpoint) in &mut acme.endpoints {
                    let own = Ha1::derive(name, OWN, &secret("acme", name));
                    Arc::make_mut(endpoint).hashes.insert(OWN.to_owned(), Hashes { own, host: None });
                }
            })
            .await;
        let phone = world.phone_at(OWN, "100", &secret("acme", "100"));
        assert_eq!(world.register(phone, 3600).await, 200);
        let mut refusals = Vec::new();
        for domain in [OWN, "203.0.113.8"] {
            let stranger = world.phone_at(domain, "100", "guessed");
            assert_eq!(world.register(stranger, 3600).await, 401, "{domain}");
            let line = world.call(stranger, "101");
            world.until_over(line).await;
            let answers = world.sent_to(stranger, "SIP/2.0 401");
            let covered = answers.iter().map(|answer| without_its_own(&answer.replace(domain, "DOMAIN")));
            refusals.push(covered.collect::<Vec<_>>());
        }
        assert_eq!(refusals[0], refusals[1]);
        // Who names the host's own address cannot send a domain.
        let nameless = world.phone_at(HOST, "100", "guessed");
        assert_eq!(world.register(nameless, 3600).await, 401);
        assert!(world.sent_to(nameless, "SIP/2.0 401")[0].contains("realm=\"jackfield\""));
        world.finish_with_races().await;
    });
}

/// An answer without what it copies from the request, and with every nonce made one.
fn without_its_own(answer: &str) -> Vec<String> {
    let copied = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
    let own = answer.lines().filter(|line| !copied.iter().any(|name| line.starts_with(name)));
    own.map(|line| match line.split_once("nonce=\"") {
        Some((before, after)) => {
            let (nonce, after) = after.split_once('"').expect("a quoted nonce");
            format!("{before}nonce of {} characters{after}", nonce.len())
        }
        None => line.to_owned(),
    })
    .collect()
}

#[test]
fn the_same_name_in_both_tenants_is_two_phones() {
    run(async {
        let mut world = World::new(3).await;
        for tenant in ["acme", "globex"] {
            world.registered(tenant, "100").await;
            assert_eq!(contacts(&world, tenant), 1);
        }
        world.finish().await;
    });
}

#[test]
fn one_phone_too_many_takes_the_place_of_the_oldest() {
    run(async {
        let setup = Setup { contacts: (2, WhenFull::EvictOldest), ..Setup::default() };
        let (mut world, [alice]) = World::of(4, setup).await.and_phones().await;
        let mut phones = Vec::new();
        for _ in 0..3 {
            phones.push(world.registered("acme", "101").await);
            world.pass(Duration::from_secs(2)).await;
        }
        assert_eq!(rings(&mut world, alice, &phones).await, [false, true, true]);
        // Who refreshes is not the oldest any more.
        assert_eq!(world.register(phones[1], 3600).await, 200);
        phones.push(world.registered("acme", "101").await);
        assert_eq!(rings(&mut world, alice, &phones).await, [false, true, false, true]);
        world.finish().await;
    });
}

#[test]
fn one_phone_too_many_is_refused_where_that_is_wanted() {
    run(async {
        let setup = Setup { contacts: (2, WhenFull::Refuse), ..Setup::default() };
        let (mut world, [alice]) = World::of(5, setup).await.and_phones().await;
        let phones = [world.registered("acme", "101").await, world.registered("acme", "101").await];
        let third = world.phone("acme", "101");
        assert_eq!(world.register(third, 3600).await, 403);
        assert_eq!(world.register(phones[0], 3600).await, 200, "who is in may refresh");
        assert_eq!(rings(&mut world, alice, &[phones[0], phones[1], third]).await, [true, true, false]);
        world.finish().await;
    });
}

/// Who of these rings when the endpoint 101 is called.
async fn rings(world: &mut World, caller: PhoneId, phones: &[PhoneId]) -> Vec<bool> {
    let line = world.call(caller, "101");
    world.pass(Duration::from_secs(1)).await;
    let mut rings = Vec::new();
    for phone in phones {
        rings.push(world.is_called(*phone));
        if world.is_called(*phone) {
            let other = world.incoming(*phone).await;
            world.ring(other);
        }
    }
    world.hang_up(line);
    world.until_over(line).await;
    world.pass(Duration::from_secs(1)).await;
    rings
}

#[test]
fn a_star_takes_all_contacts_back() {
    run(async {
        let (mut world, [alice]) = World::with_phones(6).await;
        let phones = [world.registered("acme", "101").await, world.registered("acme", "101").await];
        let star = |expires: &'static str| {
            move |request: &mut sip::endpoint::OutboundRequest| {
                request.contact_user = None;
                request.headers.push((HeaderName::Contact, "*".into()));
                request.headers.push((HeaderName::Expires, expires.into()));
            }
        };
        // §10.3 step 6: only with 0.
        assert_eq!(world.register_with(phones[0], star("3600")).await, 400);
        assert_eq!(contacts(&world, "acme"), 3);
        assert_eq!(world.register_with(phones[0], star("0")).await, 200);
        assert_eq!(contacts(&world, "acme"), 1, "the caller's own");
        let line = world.call(alice, "101");
        world.until_over(line).await;
        assert!(!phones.iter().any(|phone| world.is_called(*phone)));
        world.finish().await;
    });
}

#[test]
fn times_have_bounds() {
    run(async {
        let mut world = World::new(7).await;
        let phone = world.phone("acme", "100");
        assert_eq!(world.register(phone, 59).await, 423);
        let refusal = world.sent_to(phone, "SIP/2.0 423 ").pop().expect("a refusal");
        assert!(refusal.contains("\r\nMin-Expires: 60\r\n"), "{refusal}");
        for (asked, granted) in [(60, 60), (7_200, 7_200), (7_201, 7_200), (u32::MAX, 7_200)] {
            assert_eq!(world.register(phone, asked).await, 200);
            let answer = world.sent_to(phone, "SIP/2.0 200 ").pop().expect("an answer");
            assert!(answer.contains(&format!(";expires={granted}\r\n")), "{asked}: {answer}");
        }
        // 0 is no short time but the end.
        assert_eq!(world.register(phone, 0).await, 200);
        assert_eq!(contacts(&world, "acme"), 0);
        world.finish().await;
    });
}

/// Hostile B6: nobody registers for another, and no Path is taken from a phone.
#[test]
fn a_phone_registers_itself_and_nobody_else() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(8).await;
        let as_bob = world
            .register_with(alice, |request| request.to = NameAddr::new("sip:101@acme.test".parse().expect("a URI")))
            .await;
        assert_eq!(as_bob, 403);
        let by_way = world
            .register_with(alice, |request| {
                request.headers.push((HeaderName::from_static("path"), "<sip:198.51.100.66;lr>".into()));
                request.headers.push((HeaderName::Supported, "path".into()));
            })
            .await;
        assert_eq!(by_way, 403);
        let (line, _) = world.conversation(alice, bob).await;
        world.hang_up(line);
        world.finish().await;
    });
}

/// How many contacts are registered in a tenant.
fn contacts(world: &World, tenant: &str) -> usize {
    let tenant = world.switch.tenant(&call::TenantId::new(tenant).expect("a name")).expect("a tenant");
    tenant.registered(world.wallclock()).len()
}

#[test]
fn a_registration_ends_with_its_time() {
    run(async {
        let mut world = World::new(2).await;
        let alice = world.registered("acme", "100").await;
        let bob = world.phone("acme", "101");
        assert_eq!(world.register(bob, 120).await, 200);
        world.pass(Duration::from_secs(121)).await;
        let line = world.call(alice, "101");
        world.until_over(line).await;
        assert_eq!(*world.state(line), State::Refused(503));
        assert!(!world.is_called(bob));
        world.finish().await;
    });
}

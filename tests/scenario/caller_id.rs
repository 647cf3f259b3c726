//! Who calls is what the tenant's configuration says, whatever the phone writes (hostile B8). A caller that wants to be shown to
//! nobody is shown to nobody (RFC 3323, RFC 3325 §9.3); the record knows it.

use sip::message::{HeaderName, NameAddr};

use crate::harness::{World, run};

const DIALPLAN: &str = "\
[phones]
exten => _10X,1,Dial(PJSIP/${EXTEN},20)
exten => 700,1,Set(CALLERID(num)=1 0<0>@x%y)
 same => n,Dial(PJSIP/101,20)
";

#[test]
fn what_a_phone_says_of_itself_is_not_shown() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(1).await;
        let line = world.call_with(alice, "101", |invite| {
            invite.from = name("\"The boss\" <sip:109@acme.test>");
            for header in [HeaderName::PAssertedIdentity, HeaderName::from_static("remote-party-id")] {
                invite.headers.push((header, "\"The boss\" <sip:109@acme.test>".into()));
            }
        });
        let other = world.incoming(bob).await;
        assert_eq!(world.caller(other), "100");
        let invite = world.sent_to(bob, "INVITE ").pop().expect("the call");
        assert!(invite.contains("\r\nFrom: \"100 of acme\" <sip:100@acme.test>;tag="), "{invite}");
        assert!(!invite.contains("boss") && !invite.contains("109"), "{invite}");
        world.hang_up(line);
        world.finish().await;
    });
}

#[test]
fn who_wants_to_be_nobody_is_nobody() {
    run(async {
        let (mut world, [alice, bob, carol]) = World::with_phones(2).await;
        let wishes: [fn(&mut sip::endpoint::Originate); 2] = [
            |invite| invite.headers.push((HeaderName::Privacy, "id;critical".into())),
            |invite| invite.from = name("\"Anonymous\" <sip:anonymous@anonymous.invalid>"),
        ];
        for (number, wish) in wishes.into_iter().enumerate() {
            let line = world.call_with(alice, "101", wish);
            let other = world.incoming(bob).await;
            world.answer(other);
            world.until_up(line).await;
            let invite = world.sent_to(bob, "INVITE ").pop().expect("the call");
            assert!(invite.contains("\r\nFrom: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag="), "{invite}");
            assert!(!invite.contains("100 of acme") && !invite.contains("sip:100@"), "{invite}");
            // It stays nobody when it is transferred.
            world.transfer(other, "102");
            let third = world.incoming(carol).await;
            assert_eq!(world.caller(third), "anonymous");
            world.hang_up(line);
            world.until_over(third).await;
            let records = world.records("acme", number + 1).await;
            let from = &records[number]["from"];
            assert_eq!((&from["number"], &from["withheld"]), (&"100".into(), &true.into()), "{from}");
        }
        world.finish().await;
    });
}

/// A number that only a dialplan could think of neither breaks out of a header nor keeps the call from being made.
#[test]
fn a_number_with_odd_characters_is_escaped() {
    run(async {
        let (mut world, [alice, bob]) = World::with_dialplan(3, DIALPLAN).await.and_phones().await;
        world.install("acme", "func-core").await;
        let line = world.call(alice, "700");
        let other = world.incoming(bob).await;
        assert_eq!(world.caller(other), "1 0<0>@x%y");
        let invite = world.sent_to(bob, "INVITE ").pop().expect("the call");
        assert!(invite.contains("\r\nContact: <sip:100xy@192.0.2.1:5060>\r\n"), "{invite}");
        world.answer(other);
        world.hear_each_other(line, other).await;
        world.hang_up(line);
        world.finish().await;
    });
}

fn name(text: &'static str) -> NameAddr {
    NameAddr::parse(&text.into()).expect("a test writes proper names")
}

use std::time::Duration;

use jackfield_sdk::Code;

use super::*;

/// The beginning of time in [`Fake`].
const START: u64 = 1_750_000_000_000;

fn owner() -> Fake {
    from(Fake::new(), "100")
}

fn has_pin(fake: &Fake, pin: &str) -> bool {
    fake.run(|_| mailbox().pin()).expect("readable").is_some_and(|kept| kept.fits(pin))
}

/// F5: there is no default PIN. The owner's own phone gets in, and must choose one first.
#[test]
fn the_owner_chooses_a_pin_at_the_own_phone() {
    let fake = dials(owner(), &["271828", "271828", "#"]);
    let (result, said) = main(&fake, "100");
    assert_eq!(result, Ok(()));
    assert_eq!(said[..4], ["choose-pin", "repeat-pin", "pin-set", "you-have"]);
    assert!(has_pin(&fake, "271828"));
    // From now on it is asked for, at the own phone, too.
    let (_, said) = main(&dials(fake, &["271828", "#"]), "100");
    assert_eq!(said[..2], ["enter-pin", "you-have"]);
}

#[test]
fn a_weak_pin_is_not_taken_and_without_one_nobody_gets_in() {
    let fake = dials(owner(), &["123456", "111111", "27182"]);
    let (_, said) = main(&fake, "100");
    assert_eq!(said, ["choose-pin", "weak-pin", "choose-pin", "weak-pin", "choose-pin", "weak-pin", "goodbye"]);
    assert!(fake.stored("pin/default/100").is_none());
    let fake = dials(owner(), &["271828", "271829", "", "", "271828", ""]);
    let (_, said) = main(&fake, "100");
    assert_eq!(said[..3], ["choose-pin", "repeat-pin", "pins-differ"]);
    assert!(fake.stored("pin/default/100").is_none() && said.ends_with(&["goodbye".to_owned()]));
    let fake = dials(owner().config("pin-digits", "4"), &["2718", "2718"]);
    main(&fake, "100").0.unwrap();
    assert!(has_pin(&fake, "2718"), "the administrator allows shorter ones");
}

/// F5, F14: what a caller says of itself opens nothing, and neither does having been called.
#[test]
fn only_the_phone_that_proved_it_is_the_owner_is_the_owner() {
    let called = owner().attribute("direction", "outbound");
    for fake in [spoofed(), call(), called, from(Fake::new(), "1000")] {
        let fake = dials(fake, &["271828", "271828", "271828", "271828"]);
        let (_, said) = main(&fake, "100,s");
        assert!(!said.iter().any(|prompt| prompt == "you-have" || prompt == "choose-pin"), "{said:?}");
        assert!(fake.stored("pin/default/100").is_none());
    }
}

#[test]
fn the_own_phone_may_do_without_the_pin_where_the_dialplan_says_so() {
    let (_, said) = main(&with_pin(owner()), "100,s");
    assert_eq!(said[0], "you-have");
    let (_, said) = main(&with_pin(owner()), "100");
    assert_eq!(said[0], "enter-pin");
    let (_, said) = main(&dials(owner(), &[]), "100,s");
    assert_eq!(said[0], "choose-pin", "one must be chosen first");
    for fake in [with_pin(spoofed()), with_pin(call())] {
        let (_, said) = main(&fake, "100,s");
        assert_eq!(said, ["enter-pin", "wrong", "enter-pin", "wrong", "enter-pin", "wrong", "goodbye"]);
    }
}

#[test]
fn the_pin_opens_from_anywhere() {
    for fake in [with_pin(spoofed()), with_pin(call())] {
        let (_, said) = main(&dials(fake, &["271829", "271828", "#"]), "100");
        assert_eq!(said[..4], ["enter-pin", "wrong", "enter-pin", "you-have"], "one's own mistake is no alarm");
    }
}

#[test]
fn a_caller_names_the_mailbox() {
    let (_, said) = main(&dials(with_pin(call()), &["100", "271828", "#"]), "");
    assert_eq!(said[..3], ["enter-mailbox", "enter-pin", "you-have"]);
    let (_, said) = main(&dials(with_pin(owner()), &["#", "271828", "#"]), "");
    assert_eq!(said[..3], ["enter-mailbox", "enter-pin", "you-have"]);
    // A mailbox that is none, one without a PIN, one of another context: the same questions and the same answer.
    for number in ["555", "101", "100@sales"] {
        let (_, said) = main(&dials(with_pin(from(Fake::new(), "105")), &[number, "271828"]), "");
        assert_eq!(said[..3], ["enter-mailbox", "enter-pin", "wrong"], "{number}");
    }
    let fake = dials(from(Fake::new(), "105").config("mailboxes", "100"), &["555", "271828"]);
    let (_, said) = main(&fake, "");
    assert_eq!(said[..3], ["enter-mailbox", "enter-pin", "wrong"]);
}

#[test]
fn owners_can_be_listed() {
    let owners = "100=alice 100=bob 300=carol 20@sales=100";
    let check = |endpoint: &str, mailbox: &str, owns: bool| {
        let (_, said) = main(&from(Fake::new(), endpoint).config("owners", owners), mailbox);
        assert_eq!(said[0] == "choose-pin", owns, "{endpoint} {mailbox}");
    };
    check("alice", "100", true);
    check("bob", "100", true);
    check("100", "100", false);
    check("101", "101", true);
    check("101", "101@sales", false);
    check("100", "20@sales", true);
    let fake = from(Fake::new(), "carol").config("owners", owners).dials("#");
    let (_, said) = main(&fake, "");
    assert_eq!(said[..2], ["enter-mailbox", "choose-pin"]);
}

/// Three wrong ones in a call, then half a minute, then twice that.
#[test]
fn wrong_pins_close_the_mailbox_for_a_while() {
    let fake = dials(with_pin(call()), &["1", "2", "3"]);
    let (_, said) = main(&fake, "100");
    assert_eq!(said, ["enter-pin", "wrong", "enter-pin", "wrong", "enter-pin", "wrong", "goodbye"]);
    // The right one counts as little as a wrong one now, from wherever.
    let fake = from(fake, "102").dials(PIN);
    assert_eq!(main(&fake, "100").1, ["enter-pin", "locked", "goodbye"]);
    let fake = fake.now(START + 29_999).dials(PIN);
    assert_eq!(main(&fake, "100").1, ["enter-pin", "locked", "goodbye"]);
    let fake = fake.now(START + 30_000).dials("4");
    assert_eq!(main(&fake, "100").1[..2], ["enter-pin", "wrong"]);
    let fake = fake.now(START + 89_999).dials(PIN);
    assert_eq!(main(&fake, "100").1, ["enter-pin", "locked", "goodbye"]);
    let fake = fake.now(START + 90_000).dials(PIN).dials("#");
    assert_eq!(main(&fake, "100").1[..2], ["enter-pin", "you-have"]);
    assert!(fake.stored("wrong/mailbox/default/100").is_none(), "the owner was there");
}

/// A caller is closed out of all mailboxes, whatever number it says it has; callers that proved nothing share a bounded number of counts.
#[test]
fn wrong_pins_close_out_the_caller() {
    let fake = dials(with_pin(call()), &["1", "2", "3"]);
    main(&fake, "200").0.unwrap();
    let fake = fake.dials(PIN);
    assert_eq!(main(&fake, "100").1, ["enter-pin", "locked", "goodbye"]);
    let fake = from(fake, "102").dials(PIN).dials("#");
    assert_eq!(main(&fake, "100").1[..2], ["enter-pin", "you-have"]);

    let mut fake = from(Fake::new(), "");
    for number in 0..200 {
        fake = dials(fake.attribute("caller.number", &number.to_string()), &["1", "2", "3"]);
        main(&fake, "200").0.unwrap();
    }
    let number = |fake: &Fake, key: &str| fake.run(|_| jackfield_sdk::kv::keys(key, None, 1_000)).unwrap().len();
    assert!(number(&fake, "wrong/stranger/") <= 200 && number(&fake, "wrong/mailbox/") == 0);
}

/// Others cannot lock the owner out at the owner's own phone; the owner hears of them.
#[test]
fn the_own_phone_is_judged_alone() {
    let fake = dials(with_pin(call()), &["1", "2", "3"]);
    main(&fake, "100").0.unwrap();
    let fake = dials(from(fake, "100"), &[PIN, "#"]);
    assert_eq!(main(&fake, "100").1[..3], ["enter-pin", "alarm", "you-have"]);
    // The own phone is closed out by its own attempts.
    let fake = dials(fake, &["1", "2", "3", PIN]);
    main(&fake, "100").0.unwrap();
    assert_eq!(main(&fake, "100").1, ["enter-pin", "locked", "goodbye"]);
}

/// Who has a mailbox of its own cannot wipe its count by entering that.
#[test]
fn a_right_pin_takes_back_one_attempt() {
    let fake = with_pin(call());
    let fake = dials(fake, &["1", "2"]);
    main(&fake, "200").0.unwrap();
    let fake = dials(fake, &[PIN, "#"]);
    assert_eq!(main(&fake, "100").1[..2], ["enter-pin", "you-have"]);
    assert!(fake.stored("wrong/endpoint/101").expect("two are left").starts_with("2 "));
}

#[test]
fn authentication_fails_where_the_pin_is_wrong() {
    let authenticate = |fake: &Fake, arguments: &str| fake.run(|leg| crate::login::authenticate(leg, arguments));
    let fake = dials(with_pin(call()), &[PIN]);
    authenticate(&fake, "100").unwrap();
    assert_eq!(
        (fake.set("AUTH_MAILBOX").unwrap(), fake.set("AUTH_CONTEXT").unwrap()),
        ("100".into(), "default".into())
    );
    let fake = dials(with_pin(call()), &["1", "2", "3"]);
    assert_eq!(authenticate(&fake, "100").unwrap_err().code, Code::Denied);
    assert!(fake.set("AUTH_MAILBOX").is_none());
    assert!(authenticate(&fake, "100,x").is_err());
    assert!(fake.run(|leg| leg.wait(Duration::ZERO)).is_ok());
}

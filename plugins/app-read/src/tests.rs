use jackfield_testkit::Fake;

use super::*;

/// The variable `x`, `READSTATUS` and what was done.
#[track_caller]
fn check(fake: Fake, arguments: &str, digits: &str, status: &str, actions: &[&str]) {
    let result = fake.run(|leg| read(leg, arguments));
    assert!(result.is_ok(), "{result:?}");
    let set = |name: &str| fake.set(name).unwrap_or_else(|| "(none)".to_owned());
    assert_eq!((set("x").as_str(), set("READSTATUS").as_str()), (digits, status), "Read({arguments})");
    assert_eq!(fake.actions(), actions, "Read({arguments})");
}

fn keys(keys: &str) -> Fake {
    keys.chars().fold(Fake::new().attribute("state", "up"), |fake, key| fake.dials(&key.to_string()))
}

#[test]
fn reads_up_to_the_terminator_or_the_maximum() {
    check(keys("12#3"), "x,hello&enter-digits", "12", "OK", &["read 1 hello enter-digits", "read 1", "read 1"]);
    check(keys("1234"), "x,hello,2", "12", "OK", &["read 1 hello", "read 1"]);
    check(keys("1*2#"), "x,,3", "1*2", "OK", &["read 1", "read 1", "read 1"]);
    check(keys("12"), "x,hello,4", "12", "TIMEOUT", &["read 1 hello", "read 1", "read 1"]);
    check(keys("#"), "x", "", "OK", &["read 1"]);
}

#[test]
fn tries_again_when_nothing_is_entered() {
    check(keys(""), "x,hello,4,,3,2", "", "TIMEOUT", &["read 1 hello", "read 1 hello", "read 1 hello"]);
    check(
        Fake::new().attribute("state", "up").dials("").dials("7"),
        "x,hello,1,,3",
        "7",
        "OK",
        &["read 1 hello", "read 1 hello"],
    );
    check(keys("#5"), "x,hello,1,,2", "5", "OK", &["read 1 hello", "read 1 hello"]);
}

#[test]
fn options() {
    check(keys("1#2*"), "x,,9,t(*)", "1#2", "OK", &["read 1"; 4]);
    check(keys("1#"), "x,,2,t", "1#", "OK", &["read 1"; 2]);
    check(keys("#"), "x,,2,e", "#", "OK", &["read 1"]);
    check(keys("1#"), "x,,2,e", "1", "OK", &["read 1"; 2]);
    check(keys("1"), "x,busy,1,i", "1", "OK", &["read 1 tone:425/500,0/500"]);
    check(keys("1"), "x,350+440/100,1,i", "1", "OK", &["read 1 tone:350+440/100"]);
    check(Fake::new(), "x,hello,1,s", "", "SKIPPED", &[]);
    check(Fake::new().dials("1"), "x,hello,1,n", "1", "OK", &["read 1 hello"]);
    check(Fake::new().dials("1"), "x,hello,1", "1", "OK", &["answer", "read 1 hello"]);
}

#[test]
fn malformed_arguments_are_an_error() {
    for arguments in
        ["", ",hello", "a b,hello", "x${y},hello", "x,,many", "x,,1,z", "x,,1,,two", "x,,1,,1,soon", "x,1,2,,3,4,5"]
    {
        let fake = keys("1");
        assert_eq!(fake.run(|leg| read(leg, arguments)), Ok(()), "{arguments}");
        assert_eq!(fake.set("READSTATUS").as_deref(), Some("ERROR"), "{arguments}");
        assert!(fake.actions().is_empty(), "{arguments}");
        assert_eq!(fake.log().len(), 1, "{arguments}");
    }
    let many = format!("x,{}", ["a"; 65].join("&"));
    assert!(Arguments::parse(&many).is_err());
}

#[test]
fn a_sound_that_does_not_exist_is_an_error() {
    let fake = keys("1").without_sound("nope");
    assert!(fake.run(|leg| read(leg, "x,nope,1")).is_err());
    assert_eq!(fake.set("READSTATUS").as_deref(), Some("ERROR"));
}

#[test]
fn a_hang_up_is_told() {
    let fake = keys("12").hangs_up_after(1);
    assert!(fake.run(|leg| read(leg, "x,hello,4")).expect_err("the caller is gone").is_gone());
    assert_eq!(fake.set("READSTATUS").as_deref(), Some("HANGUP"));
    assert_eq!(fake.set("x").as_deref(), Some(""));
}

#[test]
fn numbers_are_bounded() {
    let check = |text: &str, max: usize, attempts: u32| {
        let arguments = Arguments::parse(text).expect("valid");
        assert_eq!((arguments.max, arguments.attempts), (max, attempts), "{text}");
    };
    check("x", 255, 1);
    check("x,,0", 255, 1);
    check("x,,-3", 255, 1);
    check("x,,999", 255, 1);
    check("x,,4,,0", 4, 1);
    check("x,,4,,-1", 4, 1);
    check("x,,4,,99999999", 4, 100);
    let timeouts = |text: &str| {
        let arguments = Arguments::parse(text).expect("valid");
        (arguments.first_timeout.as_millis(), arguments.next_timeout.as_millis())
    };
    assert_eq!(timeouts("x"), (10_000, 5_000));
    assert_eq!(timeouts("x,,,,,2.5"), (2_500, 2_500));
    assert_eq!(timeouts("x,,,,,0"), (10_000, 5_000));
    assert_eq!(timeouts("x,,,,,-1"), (10_000, 5_000));
    assert_eq!(timeouts("x,,,,,1e300"), (86_400_000, 86_400_000));
    assert_eq!(timeouts("x,,,,,nan"), (10_000, 5_000));
}

use jackfield_testkit::Fake;

use super::*;

#[test]
fn playback_answers_and_plays_all() {
    let fake = Fake::new();
    fake.run(|leg| playback(leg, "hello&goodbye")).unwrap();
    assert_eq!(fake.actions(), ["answer", "play hello", "play goodbye"]);
    assert_eq!(fake.set("PLAYBACKSTATUS").unwrap(), "SUCCESS");
}

#[test]
fn playback_may_stay_unanswered_or_be_skipped() {
    let fake = Fake::new();
    fake.run(|leg| playback(leg, "hello,noanswer")).unwrap();
    assert_eq!(fake.actions(), ["progress", "play hello"]);
    let fake = Fake::new();
    fake.run(|leg| playback(leg, "hello,skip")).unwrap();
    assert!(fake.actions().is_empty());
    let fake = Fake::new().attribute("state", "up");
    fake.run(|leg| playback(leg, "hello,skip")).unwrap();
    assert_eq!(fake.actions(), ["play hello"]);
}

#[test]
fn a_missing_sound_is_left_out_and_reported() {
    let fake = Fake::new().without_sound("nope");
    fake.run(|leg| playback(leg, "nope&hello")).unwrap();
    assert_eq!(fake.actions(), ["answer", "play hello"]);
    assert_eq!(fake.set("PLAYBACKSTATUS").unwrap(), "FAILED");
    assert_eq!(fake.log(), ["warn nope: invalid: no sound nope"]);
}

#[test]
fn a_hang_up_ends_it() {
    let fake = Fake::new().hangs_up_after(2);
    assert!(fake.run(|leg| playback(leg, "hello&goodbye")).unwrap_err().is_gone());
    assert_eq!(fake.run(|leg| playback(leg, " & ,skip")).unwrap_err(), Error::invalid("no sound is named"));
}

#[test]
fn background_goes_where_the_caller_dials() {
    let fake = Fake::new().dials("").dials("2");
    fake.run(|leg| background(leg, "main-menu&enter-digits&never")).unwrap();
    assert_eq!(fake.actions(), ["answer", "play main-menu", "play enter-digits"]);
    assert_eq!(fake.went().unwrap(), ",2,*");
    let fake = Fake::new().dials("3");
    fake.run(|leg| background(leg, "main-menu,n,en,menus")).unwrap();
    assert_eq!(
        (fake.actions(), fake.went()),
        (vec!["progress".into(), "play main-menu".into()], Some("menus,3,1".into()))
    );
}

#[test]
fn background_without_a_digit_goes_on() {
    let fake = Fake::new();
    fake.run(|leg| background(leg, "main-menu")).unwrap();
    assert_eq!((fake.went(), fake.set("BACKGROUNDSTATUS").unwrap()), (None, "SUCCESS".into()));
}

#[test]
fn digits_have_names() {
    let fake = Fake::new();
    fake.run(|leg| say_digits(leg, "40*#-x")).unwrap();
    assert_eq!(fake.actions()[1], "play digits/4 digits/0 digits/star digits/pound digits/minus");
}

#[test]
fn numbers_are_said_as_people_do() {
    let said = |number| english::number(number).unwrap().join(" ").replace("digits/", "");
    for (number, words) in [
        (0, "0"),
        (7, "7"),
        (20, "20"),
        (21, "20 1"),
        (100, "1 hundred"),
        (115, "1 hundred 15"),
        (1_000, "1 thousand"),
        (2_042, "2 thousand 40 2"),
        (1_000_001, "1 million 1"),
        (999_999_999, "9 hundred 90 9 million 9 hundred 90 9 thousand 9 hundred 90 9"),
        (-13, "minus 13"),
    ] {
        assert_eq!(said(number), words);
    }
    assert_eq!(english::number(1_000_000_000), None);
    assert_eq!(english::number(i64::MIN), None);
    let fake = Fake::new();
    assert!(fake.run(|leg| say_number(leg, "seven")).is_err());
    fake.run(|leg| say_number(leg, "12,f")).unwrap();
    assert_eq!(fake.actions(), ["answer", "play digits/12"]);
}

#[test]
fn every_sound_it_may_say_is_shipped() {
    let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts/en");
    let numbers = (0..=110).chain([1_000, 1_000_000, -1]).flat_map(|number| english::number(number).unwrap());
    for sound in numbers.chain("0123456789*#-".chars().filter_map(english::digit)) {
        assert!(shipped.join(format!("{sound}.wav")).is_file(), "{sound}");
    }
}

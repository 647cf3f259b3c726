use super::*;

/// A day, and a second.
const LONG_AGO: u64 = 86_401_000;

/// A visit of the owner, who does not need a PIN here.
fn visit(fake: Fake, keys: &[&str]) -> (Fake, Vec<String>) {
    let fake = dials(from(fake, "100"), keys);
    let (result, said) = main(&fake, "100,s");
    assert_eq!(result, Ok(()));
    (fake, said)
}

fn with_three() -> Fake {
    with_messages(with_pin(call()), &[3, 4, 5])
}

/// The messages that were played, by their length.
fn played(fake: &Fake, lengths: &[(String, u64)]) -> Vec<u64> {
    let of = |name: &str| lengths.iter().find(|(id, _)| name.ends_with(id.as_str())).map(|(_, seconds)| *seconds);
    fake.actions().iter().filter_map(|action| of(action.strip_prefix("play blob:")?)).collect()
}

fn lengths(fake: &Fake) -> Vec<(String, u64)> {
    index(fake).0.iter().map(|message| (message.id.clone(), message.length.as_secs())).collect()
}

#[test]
fn the_owner_hears_how_many_there_are() {
    let (fake, said) = visit(with_three(), &["#"]);
    assert_eq!(said, ["you-have", "new-messages-and", "old-messages", "main-menu", "goodbye"]);
    let numbers: Vec<String> =
        fake.actions().into_iter().filter(|action| action.starts_with("run SayNumber")).collect();
    assert_eq!(numbers, ["run SayNumber(3)", "run SayNumber(0)"]);
}

#[test]
fn messages_are_heard_in_order_back_and_again() {
    let fake = with_three();
    let lengths = lengths(&fake);
    let (fake, said) = visit(fake, &["1", "", "6", "", "6", "", "6", "4", "", "5", "", "4", "", "4", "#", "#"]);
    assert_eq!(played(&fake, &lengths), [3, 4, 5, 4, 4, 3]);
    assert_eq!(said.iter().filter(|prompt| *prompt == "no-more").count(), 2, "at either end");
    assert_eq!(counts(&fake), (0, 3), "what was heard is old");
}

#[test]
fn a_message_that_was_not_begun_stays_new() {
    let (fake, _) = visit(with_three(), &["1", "#", "#"]);
    assert_eq!(counts(&fake), (2, 1));
    let (fake, said) = visit(fake, &["2", "", "#", "1", "", "#", "#"]);
    assert_eq!(counts(&fake), (1, 2));
    assert!(!said.contains(&"no-messages".to_owned()));
}

#[test]
fn a_deleted_message_goes_when_the_visit_is_over() {
    let fake = with_three();
    let ids = lengths(&fake);
    let (fake, said) = visit(fake, &["1", "", "7", "6", "", "7", "7", "#", "#"]);
    assert_eq!(counts(&fake), (1, 1));
    assert_eq!(said.iter().filter(|prompt| *prompt == "deleted").count(), 2);
    assert_eq!(said.iter().filter(|prompt| *prompt == "kept").count(), 1, "undeleted");
    assert!(!fake.blobs().iter().any(|name| name.ends_with(&ids[0].0)), "the recording is gone, too");
    assert_eq!(fake.blobs().len(), 2);
}

/// What was deleted before the hang-up is deleted, and what was not heard is new.
#[test]
fn a_hang_up_ends_the_visit_as_any_other_end() {
    let fake = with_three();
    let before = fake.actions().len();
    // you-have, SayNumber, new-messages-and, SayNumber, old-messages, main menu, message, menu, deleted.
    let fake = dials(from(fake, "100"), &["1", "", "7"]).hangs_up_after(9);
    let (result, said) = main(&fake, "100,s");
    assert!(result.unwrap_err().is_gone(), "{:?}", &fake.actions()[before..]);
    assert_eq!(said.last().unwrap(), "deleted");
    assert_eq!((counts(&fake), fake.blobs().len()), ((2, 0), 2));
}

/// The server died in a visit: the deletion was acknowledged, so it holds.
#[test]
fn a_deletion_survives_a_crash() {
    let fake = with_three();
    fake.run(|_| mailbox().update(|index| index.0[1].deleted = true)).unwrap();
    assert_eq!(counts(&fake), (2, 0));
    let (fake, _) = visit(fake, &["#"]);
    assert_eq!((index(&fake).0.len(), fake.blobs().len()), (2, 2));
}

#[test]
fn a_message_is_saved_in_either_folder() {
    let (fake, said) = visit(with_three(), &["1", "", "9", "0", "#", "#"]);
    assert_eq!(counts(&fake), (3, 0), "kept as new");
    assert!(said.contains(&"kept".to_owned()));
    let (fake, _) = visit(fake, &["1", "", "9", "1", "#", "#"]);
    assert_eq!(counts(&fake), (2, 1));
    let (fake, said) = visit(fake, &["1", "", "9", "5", "#", "#"]);
    assert_eq!(counts(&fake), (1, 2), "any other key leaves it where it is");
    assert!(!said.contains(&"kept".to_owned()));
}

#[test]
fn the_envelope_tells_time_and_caller() {
    let today = "2026 01 15 08 05";
    let key = |ms: u64| format!("STRFTIME({},,%Y %m %d %H %M)", ms / 1_000);
    let fake = with_three().variable(&key(1_750_000_000_000), "2025 12 31 23 59");
    let fake = fake.now(1_760_000_000_000).variable(&key(1_760_000_000_000), today);
    let (fake, said) = visit(fake, &["1", "", "3", "#", "#"]);
    let at = said.iter().position(|prompt| prompt == "received").unwrap();
    assert_eq!(said[at..at + 4], ["received", "days-ago", "at", "from"]);
    let spoken: Vec<String> =
        fake.actions().into_iter().filter(|action| action.starts_with("run Say")).skip(2).collect();
    assert_eq!(spoken, ["run SayNumber(15)", "run SayNumber(23)", "run SayNumber(59)", "run SayDigits(101)"]);
    // Without a calendar the caller is still said; and without a number, that there is none.
    let nobody = with_messages(with_pin(call().attribute("caller.number", "")), &[3]);
    let (_, said) = visit(nobody, &["1", "", "3", "#", "#"]);
    let at = said.iter().position(|prompt| prompt == "received").unwrap();
    assert_eq!(said[at..at + 3], ["received", "from", "unknown-caller"]);
}

#[test]
fn a_message_without_its_recording_is_passed_over() {
    let fake = with_three();
    let id = index(&fake).0[0].id.clone();
    fake.run(|_| jackfield_sdk::blob::remove(&mailbox().blob(&id))).unwrap();
    let lengths = lengths(&fake);
    let (fake, _) = visit(fake, &["1", "6", "", "#", "#"]);
    assert_eq!(played(&fake, &lengths), [4]);
    assert_eq!(counts(&fake), (2, 1));
}

#[test]
fn an_empty_folder_and_silence() {
    let (_, said) = visit(with_pin(call()), &["1", "2", "8", "#"]);
    assert_eq!(said.iter().filter(|prompt| *prompt == "no-messages").count(), 2);
    let (_, said) = visit(with_pin(call()), &[]);
    assert_eq!(said[3..], ["main-menu", "main-menu", "main-menu", "goodbye"], "nobody is there");
}

#[test]
fn the_owner_records_a_greeting_and_takes_it_back() {
    let fake = with_pin(call()).records(4_000, "digit").records(5_000, "digit");
    let (fake, said) = visit(fake, &["0", "1", "2", "1", "#", "#"]);
    assert_eq!(fake.blobs(), ["default/100/greeting-unavailable"]);
    assert_eq!(said.iter().filter(|prompt| *prompt == "record-greeting").count(), 2, "the first was not liked");
    let (fake, _) = visit(fake.records(3_000, "digit"), &["0", "2", "1", "#", "#"]);
    assert_eq!(fake.blobs(), ["default/100/greeting-busy", "default/100/greeting-unavailable"]);
    // Neither liked nor tried again: the former one stays.
    let (fake, _) = visit(fake.records(3_000, "digit"), &["0", "2", "#", "#", "#"]);
    assert_eq!(fake.blobs().len(), 2);
    let (fake, _) = visit(fake, &["0", "4", "#", "#"]);
    assert!(fake.blobs().is_empty());
}

#[test]
fn a_greeting_that_nobody_accepted_leaves_nothing() {
    let fake = dials(from(with_pin(call()), "100"), &["0", "1"]).records(4_000, "gone");
    assert!(main(&fake, "100,s").0.unwrap_err().is_gone());
    assert!(fake.blobs().is_empty());
    let (fake, said) = visit(with_pin(call()).records(100, "digit"), &["0", "1", "#", "#", "#"]);
    assert!(said.contains(&"too-short".to_owned()));
    assert!(fake.blobs().is_empty());
}

#[test]
fn the_owner_changes_the_pin() {
    let (fake, said) = visit(with_pin(call()), &["0", "3", "314159", "314159", "#", "#"]);
    assert!(said.contains(&"pin-set".to_owned()));
    let kept = fake.run(|_| mailbox().pin()).unwrap().unwrap();
    assert!(kept.fits("314159") && !kept.fits(PIN));
    let (fake, said) = visit(fake, &["0", "3", "123456", "123456", "1", "#", "#"]);
    assert!(said.contains(&"weak-pin".to_owned()));
    assert!(fake.run(|_| mailbox().pin()).unwrap().unwrap().fits("314159"));
}

/// A recording that no index names is a message on its way, until it is a day old.
#[test]
fn strays_are_removed_when_they_are_old() {
    let now = 1_750_000_000_000;
    let name = |kind: &str, ms: u64| format!("default/100/{kind}-{ms:013}-0123abcd");
    let fake = with_three();
    let messages = fake.blobs().len();
    let (old, young) = (now - LONG_AGO, now - 86_000_000);
    let fake = fake.blob(&name("m", old), 1).blob(&name("m", young), 1).blob(&name("draft", old), 1);
    let fake = fake.blob("default/100/greeting-busy", 1).blob("default/1001/m-0000000000001-0123abcd", 1);
    let (fake, _) = visit(fake, &["#"]);
    assert_eq!(fake.blobs().len(), messages + 3);
    assert!(fake.blobs().contains(&name("m", young)));
    let (fake, _) = visit(fake.now(now + 2 * LONG_AGO), &["#"]);
    assert_eq!(fake.blobs().len(), messages + 2, "those of the index stay, however old");
}

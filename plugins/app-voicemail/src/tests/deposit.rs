use jackfield_sdk::{Code, Function};

use super::*;
use crate::function::{count, exists, info};

#[track_caller]
fn check(fake: &Fake, arguments: &str, status: &str, prompts: &[&str], messages: usize) {
    let result = voicemail(fake, arguments);
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(fake.set("VMSTATUS").as_deref(), Some(status));
    assert_eq!(said(fake, 0), prompts);
    assert_eq!((index(fake).0.len(), fake.blobs().len()), (messages, messages));
}

#[test]
fn a_message_is_recorded_then_indexed_then_acknowledged() {
    let fake = call().attribute("caller.name", "Bob");
    check(&fake, "100", "SUCCESS", &["unavailable", "leave-message", "saved"], 1);
    let message = index(&fake).0[0].clone();
    assert_eq!((message.number.as_str(), message.name.as_str(), message.length.as_secs()), ("101", "Bob", 2));
    assert_eq!((message.folder, message.deleted, message.at_ms), (Folder::Inbox, false, 1_750_000_000_000));
    assert_eq!(fake.blobs(), [format!("default/100/{}", message.id)]);
    let actions = fake.actions();
    let recorded = actions.iter().position(|action| action.starts_with("record ")).expect("it is recorded");
    assert_eq!(actions[recorded + 1..], ["play voicemail/saved"]);
}

#[test]
fn options_choose_the_greeting() {
    check(&call(), "100,b", "SUCCESS", &["busy", "leave-message", "saved"], 1);
    check(&call(), "100,s", "SUCCESS", &["saved"], 1);
    check(&call(), "100@default,u", "SUCCESS", &["unavailable", "leave-message", "saved"], 1);
    // The first # skips the greeting and what follows it.
    check(&call().dials("#"), "100", "SUCCESS", &["unavailable", "saved"], 1);
}

#[test]
fn the_owners_own_greeting_is_heard_instead() {
    let fake = call().blob("default/100/greeting-unavailable", 1).blob("default/100/greeting-unavailable-x", 1);
    voicemail(&fake, "100").unwrap();
    assert_eq!(fake.actions()[0], "play blob:default/100/greeting-unavailable");
    let fake = call().blob("default/100/greeting-busy", 1).blob("default/1000/greeting-unavailable", 1);
    voicemail(&fake, "100").unwrap();
    assert_eq!(fake.actions()[0], "play voicemail/unavailable");
}

#[test]
fn what_was_said_before_a_hang_up_is_a_message() {
    let fake = call().records(4_000, "gone");
    assert_eq!(voicemail(&fake, "100,s"), Ok(()));
    assert_eq!(fake.set("VMSTATUS").as_deref(), Some("SUCCESS"));
    assert_eq!(counts(&fake), (1, 0));
}

#[test]
fn what_is_too_short_is_not_kept() {
    check(&call().records(1_999, "digit"), "100,s", "USEREXIT", &["too-short"], 0);
    check(&call().records(1_000, "digit").config("min-seconds", "1"), "100,s", "SUCCESS", &["saved"], 1);
    let fake = call().records(500, "gone");
    assert!(voicemail(&fake, "100,s").unwrap_err().is_gone());
    assert_eq!((fake.set("VMSTATUS").as_deref(), fake.blobs().len()), (Some("USEREXIT"), 0));
}

#[test]
fn a_hang_up_in_the_greeting_leaves_nothing() {
    let fake = call().hangs_up_after(1);
    assert!(voicemail(&fake, "100").unwrap_err().is_gone());
    assert_eq!((fake.set("VMSTATUS").as_deref(), fake.blobs().len()), (Some("USEREXIT"), 0));
}

/// At the bound of messages, and at that of seconds: the last second is given, and no more.
#[test]
fn a_full_mailbox_takes_no_more() {
    let fake = with_messages(call().config("mailbox-messages", "2"), &[5, 5]);
    let before = fake.actions().len();
    voicemail(&fake, "100").unwrap();
    assert_eq!(fake.set("VMSTATUS").as_deref(), Some("FAILED"));
    assert_eq!(said(&fake, before), ["full"]);
    let fake = with_messages(call().config("mailbox-seconds", "10"), &[7, 100]);
    assert_eq!(index(&fake).0[1].length.as_secs(), 3);
    voicemail(&fake, "100").unwrap();
    assert_eq!((fake.set("VMSTATUS").as_deref(), counts(&fake)), (Some("FAILED"), (2, 0)));
}

#[test]
fn a_prompt_that_is_missing_loses_no_message() {
    let fake = call().without_sound("voicemail/unavailable").without_sound("voicemail/saved");
    voicemail(&fake, "100").unwrap();
    assert_eq!((fake.set("VMSTATUS").as_deref(), counts(&fake)), (Some("SUCCESS"), (1, 0)));
    assert_eq!(fake.log().iter().filter(|line| line.starts_with("warn invalid")).count(), 2);
}

#[test]
fn who_withholds_its_number_is_nobody() {
    let fake = call().attribute("caller.privacy", "id").attribute("caller.name", "Bob");
    voicemail(&fake, "100").unwrap();
    assert_eq!((index(&fake).0[0].number.as_str(), index(&fake).0[0].name.as_str()), ("", ""));
}

#[test]
fn mailboxes_that_are_none_take_nothing() {
    for arguments in ["", "a b", "100@", "@default", "../100", "A", "100,x", "100,u,3", &"1".repeat(33)] {
        let fake = call();
        assert_eq!(voicemail(&fake, arguments).unwrap_err().code, Code::Invalid, "{arguments}");
        assert_eq!(fake.set("VMSTATUS").as_deref(), Some("FAILED"));
        assert!(fake.actions().is_empty() && fake.blobs().is_empty());
    }
    let listed = call().config("mailboxes", "100-109 300 20-29@sales");
    for (name, exists) in [("100", true), ("109", true), ("110", false), ("1000", false), ("300", true), ("20", false)]
    {
        assert_eq!(voicemail(&listed, name).is_ok(), exists, "{name}");
    }
    assert!(voicemail(&listed, "25@sales").is_ok() && voicemail(&listed, "100@sales").is_err());
}

#[test]
fn functions_count() {
    let fake = with_messages(call().config("mailboxes", "100"), &[5, 5, 5]);
    let value = |function: fn(Function<'_>) -> Result<String>, arguments: &[&str]| {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        fake.run(|_| function(Function { arguments: &arguments, call: None }))
    };
    assert_eq!(value(count, &["100"]).unwrap(), "3");
    assert_eq!(value(count, &["100@default", "INBOX"]).unwrap(), "3");
    assert_eq!(value(count, &["100", "Old"]).unwrap(), "0");
    assert_eq!(value(count, &["101"]).unwrap(), "0");
    assert_eq!(value(info, &["100", "count"]).unwrap(), "3");
    assert_eq!(value(info, &["100", "count", "old"]).unwrap(), "0");
    assert_eq!(value(info, &["100", "exists"]).unwrap(), "1");
    assert_eq!(value(exists, &["101"]).unwrap(), "0");
    assert!(value(info, &["100", "password"]).is_err() && value(count, &["100", "Work"]).is_err());
}

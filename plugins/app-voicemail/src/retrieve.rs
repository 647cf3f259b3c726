//! `VoiceMailMain([mailbox[@context]][,options])`: an owner hears messages, records greetings, changes the PIN.

use std::cell::RefCell;
use std::time::Duration;

use jackfield_sdk::{Leg, Result, blob, system};

use crate::clock::say_when;
use crate::greeting::Greeting;
use crate::index::Folder;
use crate::login::{choose_pin, enter};
use crate::mailbox::{Mailbox, arguments};
use crate::say::{choose, pass_over, say, say_digits, say_number};

/// Keys that stop a message.
const MESSAGE_KEYS: &str = "345679*#";
/// A recording that no index names is removed when it is this old: a younger one may be a message on its way.
const STRAY_AFTER: Duration = Duration::from_secs(24 * 3_600);
/// Recordings of one mailbox that are looked at.
const BLOBS: u32 = 1_000;

/// Lets an owner in. Without a mailbox the caller is asked for one. Option `s`: at the owner's own phone without a PIN, once
/// one was chosen.
pub(crate) fn voicemail_main(leg: Leg, text: &str) -> Result {
    let (mailbox, options) = arguments(text, "s")?;
    let Some(mailbox) = enter(&leg, mailbox, options.contains('s'))? else { return say(&leg, "goodbye") };
    tidy(&mailbox)?;
    let visited = visit(&leg, &mailbox);
    // However the visit ended, what was deleted in it goes.
    let expunged = expunge(&mailbox);
    visited.and(expunged)
}

fn visit(leg: &Leg, mailbox: &Mailbox) -> Result {
    let index = mailbox.index()?;
    say(leg, "you-have")?;
    say_number(leg, index.count(Folder::Inbox) as u64)?;
    say(leg, "new-messages-and")?;
    say_number(leg, index.count(Folder::Old) as u64)?;
    say(leg, "old-messages")?;
    loop {
        match choose(leg, "main-menu")? {
            Some('1') => hear(leg, mailbox, Folder::Inbox)?,
            Some('2') => hear(leg, mailbox, Folder::Old)?,
            Some('0') => options(leg, mailbox)?,
            Some('#') | None => return say(leg, "goodbye"),
            Some(_) => {}
        }
    }
}

// === Messages ===

/// Goes through a folder as it is now.
fn hear(leg: &Leg, mailbox: &Mailbox, folder: Folder) -> Result {
    let messages: Vec<String> = mailbox.index()?.folder(folder).map(|message| message.id.clone()).collect();
    if messages.is_empty() {
        return say(leg, "no-messages");
    }
    let mut at = 0;
    let mut key = play(leg, mailbox, &messages[at])?;
    loop {
        let Some(pressed) = key.take().map_or_else(|| choose(leg, "message-menu"), |key| Ok(Some(key)))? else {
            return Ok(());
        };
        let id = &messages[at];
        match pressed {
            '3' => envelope(leg, mailbox, id)?,
            '4' if at > 0 => {
                at -= 1;
                key = play(leg, mailbox, &messages[at])?;
            }
            '5' => key = play(leg, mailbox, id)?,
            '6' if at + 1 < messages.len() => {
                at += 1;
                key = play(leg, mailbox, &messages[at])?;
            }
            '4' | '6' => say(leg, "no-more")?,
            '7' => delete_or_not(leg, mailbox, id)?,
            '9' => save(leg, mailbox, id)?,
            '#' => return Ok(()),
            _ => {}
        }
    }
}

/// Plays a message; the key that stopped it. What was heard is not new any more.
fn play(leg: &Leg, mailbox: &Mailbox, id: &str) -> Result<Option<char>> {
    match leg.play_until(format!("blob:{}", mailbox.blob(id)), MESSAGE_KEYS) {
        Ok(key) => {
            put(mailbox, id, Folder::Old)?;
            Ok(key)
        }
        // It cannot be heard: it stays as it is.
        Err(error) => pass_over(Err(error)).map(|()| None),
    }
}

fn put(mailbox: &Mailbox, id: &str, folder: Folder) -> Result {
    mailbox.update(|index| {
        if let Some(message) = index.find_mut(id) {
            message.folder = folder;
        }
    })
}

/// When the message came and from whom.
fn envelope(leg: &Leg, mailbox: &Mailbox, id: &str) -> Result {
    let index = mailbox.index()?;
    let Some(message) = index.find(id) else { return say(leg, "no-more") };
    say(leg, "received")?;
    say_when(leg, message.at_ms)?;
    say(leg, "from")?;
    let digits: String = message.number.chars().filter(char::is_ascii_digit).collect();
    match digits.is_empty() {
        true => say(leg, "unknown-caller"),
        false => say_digits(leg, &digits),
    }
}

fn delete_or_not(leg: &Leg, mailbox: &Mailbox, id: &str) -> Result {
    let deleted = mailbox.update(|index| {
        let message = index.find_mut(id)?;
        message.deleted = !message.deleted;
        Some(message.deleted)
    })?;
    match deleted {
        Some(false) => say(leg, "kept"),
        Some(true) | None => say(leg, "deleted"),
    }
}

fn save(leg: &Leg, mailbox: &Mailbox, id: &str) -> Result {
    let folder = match choose(leg, "save-menu")? {
        Some('0') => Folder::Inbox,
        Some('1') => Folder::Old,
        _ => return Ok(()),
    };
    put(mailbox, id, folder)?;
    say(leg, "kept")
}

// === Greetings and the PIN ===

fn options(leg: &Leg, mailbox: &Mailbox) -> Result {
    loop {
        match choose(leg, "options-menu")? {
            Some('1') => Greeting::Unavailable.record(leg, mailbox)?,
            Some('2') => Greeting::Busy.record(leg, mailbox)?,
            Some('3') => drop(choose_pin(leg, mailbox)?),
            Some('4') => {
                Greeting::Unavailable.forget(mailbox)?;
                Greeting::Busy.forget(mailbox)?;
                say(leg, "deleted")?;
            }
            Some('#') | None => return Ok(()),
            Some(_) => {}
        }
    }
}

// === What goes ===

/// Removes what was deleted: from the index first, so that it never names what is not there.
fn expunge(mailbox: &Mailbox) -> Result {
    let gone = RefCell::new(Vec::new());
    mailbox.update(|index| {
        let (deleted, kept) = std::mem::take(&mut index.0).into_iter().partition(|message| message.deleted);
        index.0 = kept;
        gone.replace(deleted);
    })?;
    gone.take().iter().try_for_each(|message| blob::remove(&mailbox.blob(&message.id)).map(drop))
}

/// Removes what a visit or a deposit left that was cut short.
fn tidy(mailbox: &Mailbox) -> Result {
    expunge(mailbox)?;
    let folder = mailbox.blob("");
    let index = mailbox.index()?;
    let old_ms = system::unix_ms().saturating_sub(STRAY_AFTER.as_millis() as u64);
    for blob in blob::list(&folder, None, BLOBS)? {
        let Some(name) = blob.name.strip_prefix(&folder) else { continue };
        let made_ms = name.split('-').nth(1).and_then(|time| time.parse::<u64>().ok());
        let is_stray = made_ms.is_some_and(|made| made < old_ms) && index.find(name).is_none();
        if is_stray {
            blob::remove(&blob.name)?;
        }
    }
    Ok(())
}

//! `VoiceMail(mailbox[@context][,options])`: a caller leaves a message.

use std::time::Duration;

use jackfield_sdk::{Code, Error, Leg, Level, Record, Result, blob, log};

use crate::greeting::{Greeting, new_name};
use crate::index::{Folder, Message};
use crate::mailbox::{Mailbox, arguments};
use crate::say::{say, say_until, warn};
use crate::setting;

/// What becomes of a deposit, as `VMSTATUS` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// The message is there.
    Success,
    /// The caller left none.
    UserExit,
    /// The mailbox takes none.
    Failed,
}

/// Records a message for a mailbox: options `u` greets as unavailable (unless given), `b` as busy, `s` not at all.
///
/// `VMSTATUS` is `SUCCESS`, `USEREXIT` if the caller left nothing, or `FAILED`.
pub(crate) fn voicemail(leg: Leg, text: &str) -> Result {
    let result = arguments(text, "ubs").and_then(|(mailbox, options)| {
        let mailbox = mailbox.ok_or_else(|| Error::invalid("VoiceMail needs a mailbox"))?;
        match mailbox.exists() {
            true => deposit(&leg, &mailbox, &options),
            false => Err(Error::invalid(format!("there is no mailbox {mailbox}"))),
        }
    });
    // A caller that is gone hears nothing more, but the dialplan's `h` wants to know.
    let status = match &result {
        Ok(Status::Success) => "SUCCESS",
        Ok(Status::UserExit) => "USEREXIT",
        Err(error) if error.is_gone() => "USEREXIT",
        Ok(Status::Failed) | Err(_) => "FAILED",
    };
    let set = leg.set_variable("VMSTATUS", status);
    result.and(set)
}

fn deposit(leg: &Leg, mailbox: &Mailbox, options: &str) -> Result<Status> {
    if !leg.is_answered() {
        leg.answer()?;
    }
    let quota = setting::quota();
    let Some(room) = mailbox.index()?.room(quota) else { return full(leg, mailbox) };
    if !options.contains('s') {
        let greeting = if options.contains('b') { Greeting::Busy } else { Greeting::Unavailable };
        if greeting.say(leg, mailbox)?.is_none() {
            say_until(leg, "leave-message", "#")?;
        }
    }
    let id = new_name("m");
    let mut message = Message {
        folder: Folder::Inbox,
        deleted: false,
        at_ms: jackfield_sdk::system::unix_ms(),
        length: Duration::ZERO,
        number: shown(leg, "caller.number"),
        name: shown(leg, "caller.name"),
        id,
    };
    let mut record = Record::to(mailbox.blob(&message.id)).at_most(setting::message().min(room));
    if let Some(silence) = setting::silence() {
        record = record.until_silence(silence);
    }
    let recorded = match leg.record(record) {
        // As many are recording as may, or the plugin's quota is used up.
        Err(error) if error.code == Code::Limit => return full(leg, mailbox),
        recorded => recorded?,
    };
    if recorded.duration < setting::shortest() {
        blob::remove(&recorded.blob)?;
        // A caller that has hung up has heard enough.
        say(leg, "too-short")?;
        return Ok(Status::UserExit);
    }
    message.length = recorded.duration;
    let kept = mailbox.update(|index| {
        let fits = index.room(quota).is_some_and(|room| message.length <= room);
        if fits {
            index.0.push(message.clone());
        }
        fits
    });
    match kept {
        Ok(true) => {}
        // Others were faster.
        Ok(false) => {
            blob::remove(&recorded.blob)?;
            return full(leg, mailbox);
        }
        Err(error) => {
            // Whether the index has it is not known. If not, the recording is removed at a later visit.
            warn(&error);
            return Err(error);
        }
    }
    log(Level::Info, &format!("a message for {mailbox}: {} s", message.length.as_secs()));
    // It is kept; what happens to the call now changes nothing.
    match say(leg, "saved") {
        Err(error) if !error.is_gone() => Err(error),
        _ => Ok(Status::Success),
    }
}

/// What the caller may be shown as: who withholds its number withholds it here, too (RFC 3325).
fn shown(leg: &Leg, attribute: &str) -> String {
    match leg.attribute("caller.privacy").as_deref() {
        Some("id") => String::new(),
        _ => leg.attribute(attribute).unwrap_or_default(),
    }
}

fn full(leg: &Leg, mailbox: &Mailbox) -> Result<Status> {
    log(Level::Warn, &format!("mailbox {mailbox} takes no message now"));
    say(leg, "full")?;
    Ok(Status::Failed)
}

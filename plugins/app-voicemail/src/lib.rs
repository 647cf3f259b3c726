//! `VoiceMail`, `VoiceMailMain`, `VMAuthenticate`, and the functions that count messages.
//!
//! A message is a blob `CONTEXT/NUMBER/m-TIME-RANDOM` and a line of the mailbox's index, one value of kv. The recording is
//! durable first, then the index names it by compare-and-swap, and only then the caller is told. So a message that was
//! acknowledged is there and whole whatever happens, two callers at once lose nothing, and what a crash leaves between
//! the two steps is a recording that no index names, removed at the owner's next visit once it is a day old.
//! A deletion goes the other way round: out of the index first, then the recording.

mod clock;
mod deposit;
mod function;
mod greeting;
mod guard;
mod index;
mod login;
mod mailbox;
mod pin;
mod retrieve;
mod say;
mod setting;

#[cfg(test)]
mod tests;

use jackfield_sdk::{apps, functions};

use crate::deposit::voicemail;
use crate::function::{count, exists, info};
use crate::login::authenticate;
use crate::retrieve::voicemail_main;

apps! {
    "VoiceMail" => voicemail,
    "VoiceMailMain" => voicemail_main,
    "VMAuthenticate" => authenticate,
}

functions! {
    "MAILBOX_EXISTS" => exists,
    "VMCOUNT" => count,
    "VM_INFO" => info,
}

//! `VMCOUNT`, `VM_INFO` and `MAILBOX_EXISTS`: what a dialplan can know of a mailbox.

use jackfield_sdk::{Error, Function, Result};

use crate::index::Folder;
use crate::mailbox::Mailbox;

/// `${VMCOUNT(mailbox[@context][,folder])}`: how many messages are in `INBOX` (unless given) or `Old`.
pub(crate) fn count(call: Function<'_>) -> Result<String> {
    count_in(&call, 1)
}

/// `${VM_INFO(mailbox[@context],attribute[,folder])}`: `count` as `VMCOUNT`, or `exists`.
pub(crate) fn info(call: Function<'_>) -> Result<String> {
    match call.argument(1).trim() {
        "count" => count_in(&call, 2),
        "exists" => exists(call),
        other => Err(Error::unsupported(format!("VM_INFO knows count and exists, not {other:?}"))),
    }
}

/// `${MAILBOX_EXISTS(mailbox[@context])}`: 1 or 0.
pub(crate) fn exists(call: Function<'_>) -> Result<String> {
    let exists = Mailbox::parse(call.argument(0)).is_ok_and(|mailbox| mailbox.exists());
    Ok(u8::from(exists).to_string())
}

fn count_in(call: &Function<'_>, folder: usize) -> Result<String> {
    let name = call.argument(folder).trim();
    let folder = Folder::parse(name).ok_or_else(|| Error::invalid(format!("{name:?} is not INBOX or Old")))?;
    Ok(Mailbox::parse(call.argument(0))?.index()?.count(folder).to_string())
}

//! Calls against a fake host.

mod deposit;
mod login;
mod retrieve;

use jackfield_sdk::Result;
use jackfield_testkit::Fake;

use crate::index::{Folder, Index};
use crate::mailbox::Mailbox;

/// The PIN of mailboxes that have one.
const PIN: &str = "271828";

/// A call from 101, which proved who it is, where the plugins that say numbers are installed.
fn call() -> Fake {
    from(Fake::new(), "101")
}

/// The same by another phone.
fn from(fake: Fake, endpoint: &str) -> Fake {
    let fake = fake.attribute("direction", "inbound").attribute("endpoint", endpoint);
    let fake = fake.attribute("caller.number", endpoint).attribute("state", "up");
    fake.application("SayNumber", Ok(())).application("SayDigits", Ok(()))
}

/// A call that proved nothing but says it is 100.
fn spoofed() -> Fake {
    from(Fake::new(), "").attribute("caller.number", "100").attribute("caller.name", "100")
}

fn dials(fake: Fake, all: &[&str]) -> Fake {
    all.iter().fold(fake, |fake, keys| fake.dials(keys))
}

fn mailbox() -> Mailbox {
    Mailbox::parse("100").expect("a mailbox")
}

/// Gives mailbox 100 its PIN.
fn with_pin(fake: Fake) -> Fake {
    fake.run(|_| mailbox().set_pin(PIN)).expect("it is set");
    fake
}

/// Leaves messages of so many seconds in mailbox 100.
fn with_messages(mut fake: Fake, seconds: &[u32]) -> Fake {
    for seconds in seconds {
        fake = fake.records(seconds * 1_000, "digit");
        fake.run(|leg| crate::deposit::voicemail(leg, "100,s")).expect("it is kept");
    }
    fake
}

fn index(fake: &Fake) -> Index {
    fake.stored("index/default/100").map(|text| Index::parse(text.as_bytes()).expect("whole")).unwrap_or_default()
}

/// New and old messages of mailbox 100.
fn counts(fake: &Fake) -> (usize, usize) {
    let index = index(fake);
    (index.count(Folder::Inbox), index.count(Folder::Old))
}

/// What was said by this plugin's prompts since so many actions.
fn said(fake: &Fake, from: usize) -> Vec<String> {
    let actions = fake.actions();
    let prompts = actions[from..].iter().flat_map(|action| action.split(' '));
    prompts.filter_map(|word| word.strip_prefix("voicemail/").map(str::to_owned)).collect()
}

fn voicemail(fake: &Fake, arguments: &str) -> Result {
    fake.run(|leg| crate::deposit::voicemail(leg, arguments))
}

/// One visit; what was said in it.
fn main(fake: &Fake, arguments: &str) -> (Result, Vec<String>) {
    let before = fake.actions().len();
    let result = fake.run(|leg| crate::retrieve::voicemail_main(leg, arguments));
    (result, said(fake, before))
}

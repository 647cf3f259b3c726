//! What a caller hears first, and how an owner records it.

use std::time::Duration;

use jackfield_sdk::{Leg, Record, Result, blob, system};

use crate::mailbox::Mailbox;
use crate::say::{choose, pass_over, say, say_until};

/// The longest greeting.
const GREETING: Duration = Duration::from_secs(60);
/// Attempts at a greeting.
const TRIES: u32 = 5;

/// Why the owner does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Greeting {
    Unavailable,
    Busy,
}

impl Greeting {
    /// The name of the prompt, and the end of the recording's.
    fn name(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Busy => "busy",
        }
    }

    fn blob(self, mailbox: &Mailbox) -> String {
        mailbox.blob(&format!("greeting-{}", self.name()))
    }

    /// Greets with the owner's own words, if there are any; `#` skips the rest, and is returned.
    pub(crate) fn say(self, leg: &Leg, mailbox: &Mailbox) -> Result<Option<char>> {
        let own = self.blob(mailbox);
        if blob::list(&own, None, 1)?.iter().any(|found| found.name == own) {
            match leg.play_until(format!("blob:{own}"), "#") {
                Err(error) => pass_over(Err(error))?,
                heard => return heard,
            }
        }
        say_until(leg, self.name(), "#")
    }

    /// Lets the owner record it until it is liked.
    pub(crate) fn record(self, leg: &Leg, mailbox: &Mailbox) -> Result {
        for _ in 0..TRIES {
            say(leg, "record-greeting")?;
            let draft = mailbox.blob(&new_name("draft"));
            let again = self.try_one(leg, mailbox, &draft);
            // One that was kept has another name by now.
            blob::remove(&draft)?;
            if !again? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether the owner wants to try again.
    fn try_one(self, leg: &Leg, mailbox: &Mailbox, draft: &str) -> Result<bool> {
        let recorded = leg.record(Record::to(draft).at_most(GREETING).until_silence(Duration::from_secs(5)))?;
        if recorded.duration < Duration::from_millis(500) {
            return say(leg, "too-short").map(|()| true);
        }
        leg.play(&recorded.prompt)?;
        match choose(leg, "accept-menu")? {
            Some('1') => {
                blob::rename(draft, &self.blob(mailbox))?;
                say(leg, "kept").map(|()| false)
            }
            Some('2') => Ok(true),
            _ => Ok(false),
        }
    }

    /// Goes back to the host's words.
    pub(crate) fn forget(self, mailbox: &Mailbox) -> Result {
        blob::remove(&self.blob(mailbox)).map(drop)
    }
}

/// The last part of a new recording's name; the time in it tells how old one is that nobody knows.
pub(crate) fn new_name(kind: &str) -> String {
    let random: String = system::random(4).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{kind}-{:013}-{random}", system::unix_ms())
}

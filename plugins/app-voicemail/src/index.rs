//! Which messages a mailbox has: one value of kv, changed by compare-and-swap.

use std::time::Duration;

use jackfield_sdk::{Code, Error, Result, kv};

use crate::mailbox::Mailbox;
use crate::setting::Quota;

/// The layout of the value: its first line.
const LAYOUT: &str = "1";
/// How often a change is tried: each time one is in vain, somebody else's went through.
const ATTEMPTS: u32 = 256;
/// Characters of a caller's number and name that are kept.
const TEXT_CHARS: usize = 32;

/// Where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Folder {
    /// Not heard, or kept as new.
    Inbox,
    /// Heard.
    Old,
}

impl Folder {
    /// A folder as dialplans name it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "" | "inbox" => Some(Self::Inbox),
            "old" => Some(Self::Old),
            _ => None,
        }
    }
}

/// A message, without its audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The last part of its recording's name.
    pub(crate) id: String,
    pub(crate) folder: Folder,
    /// Deleted by the owner, and to be removed when the visit is over.
    pub(crate) deleted: bool,
    /// When it began, in milliseconds since 1970.
    pub(crate) at_ms: u64,
    pub(crate) length: Duration,
    /// What the caller's number and name were said to be.
    pub(crate) number: String,
    pub(crate) name: String,
}

/// All messages of a mailbox, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Index(pub(crate) Vec<Message>);

impl Index {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let damaged = || Error::failed("the index of a mailbox is damaged");
        let mut lines = std::str::from_utf8(bytes).map_err(|_| damaged())?.lines();
        if lines.next() != Some(LAYOUT) {
            return Err(damaged());
        }
        lines.map(|line| Message::parse(line).ok_or_else(damaged)).collect::<Result<_>>().map(Self)
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{LAYOUT}\n");
        for message in &self.0 {
            text += &message.line();
        }
        text.into_bytes()
    }

    pub(crate) fn count(&self, folder: Folder) -> usize {
        self.folder(folder).count()
    }

    /// The messages of a folder that are not deleted.
    pub(crate) fn folder(&self, folder: Folder) -> impl Iterator<Item = &Message> {
        self.0.iter().filter(move |message| message.folder == folder && !message.deleted)
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Message> {
        self.0.iter().find(|message| message.id == id)
    }

    pub(crate) fn find_mut(&mut self, id: &str) -> Option<&mut Message> {
        self.0.iter_mut().find(|message| message.id == id)
    }

    /// How long a further message may be; none if there is no room for any.
    pub(crate) fn room(&self, quota: Quota) -> Option<Duration> {
        let used: Duration = self.0.iter().map(|message| message.length).sum();
        let left = quota.length.saturating_sub(used);
        (self.0.len() < quota.messages && left >= Duration::from_secs(1)).then_some(left)
    }
}

impl Message {
    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.split('\t');
        let mut part = || parts.next();
        let message = Self {
            id: part()?.to_owned(),
            folder: match part()? {
                "inbox" => Folder::Inbox,
                "old" => Folder::Old,
                _ => return None,
            },
            deleted: match part()? {
                "" => false,
                "deleted" => true,
                _ => return None,
            },
            at_ms: part()?.parse().ok()?,
            length: Duration::from_millis(part()?.parse().ok()?),
            number: part()?.to_owned(),
            name: part()?.to_owned(),
        };
        (parts.next().is_none() && !message.id.is_empty()).then_some(message)
    }

    fn line(&self) -> String {
        let folder = match self.folder {
            Folder::Inbox => "inbox",
            Folder::Old => "old",
        };
        let deleted = if self.deleted { "deleted" } else { "" };
        let (number, name) = (plain(&self.number), plain(&self.name));
        let (at, ms) = (self.at_ms, self.length.as_millis());
        format!("{}\t{folder}\t{deleted}\t{at}\t{ms}\t{number}\t{name}\n", self.id)
    }
}

/// What callers say of themselves, without what would end a field.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TEXT_CHARS).collect()
}

impl Mailbox {
    fn read(&self) -> Result<(Option<Vec<u8>>, Index)> {
        let bytes = kv::get(&self.key("index"))?;
        let index = bytes.as_deref().map(Index::parse).transpose()?.unwrap_or_default();
        Ok((bytes, index))
    }

    pub(crate) fn index(&self) -> Result<Index> {
        Ok(self.read()?.1)
    }

    /// Changes the index without losing what others change at the same time. What `change` returns is that of the change
    /// that went through; it is durable then.
    pub(crate) fn update<T>(&self, change: impl Fn(&mut Index) -> T) -> Result<T> {
        for _ in 0..ATTEMPTS {
            let (old, index) = self.read()?;
            let mut new = index.clone();
            let result = change(&mut new);
            let bytes = (!new.0.is_empty()).then(|| new.to_bytes());
            if new == index || kv::swap(&self.key("index"), old.as_deref(), bytes.as_deref())? {
                return Ok(result);
            }
        }
        Err(Error::new(Code::Busy, format!("mailbox {self} is changed by others all the time")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::MESSAGES_MAX;

    fn message(id: &str) -> Message {
        Message {
            id: id.to_owned(),
            folder: Folder::Old,
            deleted: true,
            at_ms: 1_750_000_000_000,
            length: Duration::from_millis(3_600_000),
            number: "+4930123456".to_owned(),
            name: "Jörg \"the\" Caller".to_owned(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let index = Index(vec![message("m-1"), Message { folder: Folder::Inbox, deleted: false, ..message("m-2") }]);
        assert_eq!(Index::parse(&index.to_bytes()).unwrap(), index);
        assert_eq!(Index::parse(&Index::default().to_bytes()).unwrap(), Index::default());
    }

    /// B8: what a caller says of itself makes no field and no line.
    #[test]
    fn a_callers_name_cannot_forge_a_message() {
        let forged =
            Message { name: "x\nm-9\tinbox\t\t1\t1\t\t".to_owned(), number: "1\t2".to_owned(), ..message("m-1") };
        let read = Index::parse(&Index(vec![forged]).to_bytes()).unwrap();
        assert_eq!(read.0.len(), 1);
        assert_eq!((read.0[0].number.as_str(), read.0[0].name.as_str()), ("12", "xm-9inbox11"));
    }

    #[test]
    fn a_damaged_index_is_an_error_and_never_an_empty_mailbox() {
        let good = Index(vec![message("m-1")]).to_bytes();
        for bad in [&b""[..], b"2\n", b"\xff", &good[..good.len() - 30], b"1\nm-1\tattic\t\t1\t1\t\t\n", b"1\n\n"] {
            assert!(Index::parse(bad).is_err(), "{bad:?}");
        }
    }

    /// The largest index there can be fits a value of kv.
    #[test]
    fn the_bound_of_messages_fits_a_value() {
        let long = Message { name: "€".repeat(100), number: "9".repeat(100), ..message("m-1750000000000-0123abcd") };
        let index = Index(vec![long; MESSAGES_MAX]);
        assert!(index.to_bytes().len() <= 64 << 10, "{}", index.to_bytes().len());
    }

    #[test]
    fn room_ends_at_either_bound() {
        let quota = Quota { messages: 2, length: Duration::from_secs(7_200) };
        let of = |lengths: &[u64]| {
            let sized = |seconds: &u64| Message { length: Duration::from_secs(*seconds), ..message("m") };
            Index(lengths.iter().map(sized).collect()).room(quota).map(|room| room.as_secs())
        };
        assert_eq!(of(&[]), Some(7_200));
        assert_eq!(of(&[7_000]), Some(200));
        assert_eq!(of(&[7_199]), Some(1));
        assert_eq!(of(&[7_200]), None);
        assert_eq!(of(&[1, 1]), None);
    }
}

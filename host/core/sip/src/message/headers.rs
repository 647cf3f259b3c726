//! The headers of a message: ordered, shared, read as types on demand.

use bytes::Bytes;

use super::header_name::HeaderName;

mod typed;
pub use typed::{CSeq, Contacts, RAck, Reason, Refresher, Replaces, SessionExpires};
pub(crate) use typed::{is_call_id, split_list, split_slices};

/// The headers of a message in their order.
///
/// No value ever holds CR or LF: parsing unfolds, and [`Headers::push`] replaces them, so that what is written by
/// [`super::Message::encode`] cannot grow a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(HeaderName, Bytes)>);

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// How many header lines there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every header in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&HeaderName, &Bytes)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// The value of the first header line with this name.
    pub fn get(&self, name: &HeaderName) -> Option<&Bytes> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// The value of the first header line with this name when it is UTF-8.
    pub fn get_str(&self, name: &HeaderName) -> Option<&str> {
        std::str::from_utf8(self.get(name)?).ok()
    }

    /// The values of all header lines with this name.
    pub fn get_all<'a>(&'a self, name: &'a HeaderName) -> impl DoubleEndedIterator<Item = &'a Bytes> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value)
    }

    /// True when a header line with this name is there.
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.get(name).is_some()
    }

    /// Adds a header line at the end; CR and LF in the value become spaces.
    pub fn push(&mut self, name: HeaderName, value: impl Into<Bytes>) {
        self.0.push((name, one_line(value.into())));
    }

    /// Adds a line of a parsed head, which holds no CR or LF by the way it was cut.
    pub(super) fn push_parsed(&mut self, name: HeaderName, value: Bytes) {
        debug_assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n')));
        self.0.push((name, value));
    }

    /// Adds a header line before all others; CR and LF in the value become spaces.
    pub fn push_front(&mut self, name: HeaderName, value: impl Into<Bytes>) {
        self.0.insert(0, (name, one_line(value.into())));
    }

    /// Sets a header to one value, in the place of the first line with its name, or at the end.
    pub fn set(&mut self, name: HeaderName, value: impl Into<Bytes>) {
        let value = one_line(value.into());
        let Some(first) = self.0.iter().position(|(own, _)| *own == name) else {
            self.0.push((name, value));
            return;
        };
        self.0[first].1 = value;
        let mut index = 0;
        self.0.retain(|(own, _)| {
            index += 1;
            index <= first + 1 || *own != name
        });
    }

    /// Takes out every header line with this name and tells whether there was one.
    pub fn remove(&mut self, name: &HeaderName) -> bool {
        let before = self.0.len();
        self.0.retain(|(own, _)| own != name);
        self.0.len() != before
    }

    /// Keeps only the header lines the predicate accepts.
    pub fn retain(&mut self, mut keep: impl FnMut(&HeaderName, &Bytes) -> bool) {
        self.0.retain(|(name, value)| keep(name, value));
    }

    /// Adds copies of all header lines with this name from another message, in their order.
    pub fn copy_from(&mut self, other: &Self, name: &HeaderName) {
        self.0.extend(other.0.iter().filter(|(own, _)| own == name).cloned());
    }

    pub(super) fn entry_mut(&mut self, name: &HeaderName) -> Option<(usize, &mut Bytes)> {
        let index = self.0.iter().position(|(own, _)| own == name)?;
        Some((index, &mut self.0[index].1))
    }

    pub(super) fn remove_at(&mut self, index: usize) {
        self.0.remove(index);
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = (&'a HeaderName, &'a Bytes);
    type IntoIter = Box<dyn Iterator<Item = Self::Item> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

impl FromIterator<(HeaderName, Bytes)> for Headers {
    fn from_iter<T: IntoIterator<Item = (HeaderName, Bytes)>>(pairs: T) -> Self {
        let mut headers = Self::new();
        for (name, value) in pairs {
            headers.push(name, value);
        }
        headers
    }
}

/// The value with every CR and LF replaced by a space; copies only when there is one.
fn one_line(value: Bytes) -> Bytes {
    if !value.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        return value;
    }
    value.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }).collect()
}

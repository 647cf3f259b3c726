//! One setting is one item: its key, what it means, its bound, its default and how it is read.
//!
//! The reference that `jackfield check --reference` prints is made from these items, and a default is written in TOML and read by
//! the same function as an administrator's value: the two cannot disagree.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use plugin::PublisherKey;
use sip::auth::Algorithm;
use toml_edit::{Item, Value};

/// A key of a table with a value of type `T`.
pub(crate) struct Setting<T> {
    pub(crate) key: &'static str,
    pub(crate) doc: &'static str,
    /// What values are allowed, for people.
    pub(crate) bound: &'static str,
    /// In TOML; `None` where the key must be given, or may be absent.
    pub(crate) default: Option<&'static str>,
    pub(crate) read: fn(&Item) -> Result<T, String>,
}

/// What can be said of a setting without knowing its type.
pub(crate) trait Described: Sync {
    fn key(&self) -> &'static str;
    fn doc(&self) -> &'static str;
    fn bound(&self) -> &'static str;
    fn default(&self) -> Option<&'static str>;
}

impl<T> Described for Setting<T> {
    fn key(&self) -> &'static str {
        self.key
    }

    fn doc(&self) -> &'static str {
        self.doc
    }

    fn bound(&self) -> &'static str {
        self.bound
    }

    fn default(&self) -> Option<&'static str> {
        self.default
    }
}

/// A table of the configuration and the keys it may have.
pub(crate) struct Table {
    /// The file it stands in.
    pub(crate) file: &'static str,
    /// Its header; `NAME` stands for a name the administrator chooses.
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) settings: &'static [&'static dyn Described],
}

impl<T> Setting<T> {
    /// The default, read as if it stood in the file.
    pub(crate) fn default_value(&self) -> Option<T> {
        let value: Value =
            self.default?.parse().expect("a default is TOML: the test `defaults_are_valid` reads them all");
        Some(
            (self.read)(&Item::Value(value))
                .expect("a default is in its bound: the test `defaults_are_valid` reads them all"),
        )
    }
}

pub(crate) fn text(item: &Item) -> Result<String, String> {
    let text = item.as_str().ok_or_else(|| format!("expected text in quotes, found {}", item.type_name()))?;
    match text.chars().find(|character| character.is_control()) {
        None => Ok(text.to_owned()),
        Some(character) => Err(format!("the control character {character:?} has no place here")),
    }
}

pub(crate) fn boolean(item: &Item) -> Result<bool, String> {
    item.as_bool().ok_or_else(|| format!("expected true or false, found {}", item.type_name()))
}

pub(crate) fn integer(item: &Item, bound: RangeInclusive<usize>) -> Result<usize, String> {
    let number = item.as_integer().ok_or_else(|| format!("expected a number, found {}", item.type_name()))?;
    let inside = usize::try_from(number).ok().filter(|number| bound.contains(number));
    inside.ok_or_else(|| format!("{number} is not between {} and {}", bound.start(), bound.end()))
}

/// A time such as `"30s"`, `"5m"`, `"1h"` or `"500ms"`, between two bounds in seconds.
pub(crate) fn duration(item: &Item, seconds: RangeInclusive<u64>) -> Result<Duration, String> {
    let written = text(item).map_err(|_| "expected a time such as \"30s\", \"5m\" or \"1h\"".to_owned())?;
    let digits = written.len() - written.trim_start_matches(|character: char| character.is_ascii_digit()).len();
    let (number, unit) = written.split_at(digits);
    let factor_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("\"{written}\" is not a time such as \"30s\", \"5m\" or \"1h\"")),
    };
    let time = number.parse().ok().and_then(|number: u64| number.checked_mul(factor_ms)).map(Duration::from_millis);
    let bound = Duration::from_secs(*seconds.start())..=Duration::from_secs(*seconds.end());
    time.filter(|time| bound.contains(time))
        .ok_or_else(|| format!("\"{written}\" is not between {} and {} seconds", seconds.start(), seconds.end()))
}

pub(crate) fn socket_address(item: &Item) -> Result<SocketAddr, String> {
    let written = text(item)?;
    written.parse().map_err(|_| format!("\"{written}\" is not an address with a port, such as \"0.0.0.0:5060\""))
}

pub(crate) fn ip_address(item: &Item) -> Result<IpAddr, String> {
    let written = text(item)?;
    written.parse().map_err(|_| format!("\"{written}\" is not an IP address, such as \"192.0.2.7\""))
}

/// A publisher's key.
pub(crate) fn publisher(item: &Item) -> Result<PublisherKey, String> {
    let written = text(item)?;
    written.parse().map_err(|error| format!("\"{written}\": {error}"))
}

/// A list of at most `length` values.
pub(crate) fn list<T>(item: &Item, length: usize, read: fn(&Item) -> Result<T, String>) -> Result<Vec<T>, String> {
    let array = item.as_array().ok_or_else(|| format!("expected a list in [ ], found {}", item.type_name()))?;
    if array.len() > length {
        return Err(format!("{} entries, at most {length}", array.len()));
    }
    array.iter().map(|value| read(&Item::Value(value.clone()))).collect()
}

/// One of some words.
pub(crate) fn word<T: Copy>(item: &Item, words: &[(&'static str, T)]) -> Result<T, String> {
    let written = text(item)?;
    let found = words.iter().find(|(word, _)| *word == written);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        format!("\"{written}\" is not one of {}", known.join(", "))
    })
}

/// So many domain names, in lower case.
pub(crate) fn domains(item: &Item, count: RangeInclusive<usize>) -> Result<Vec<String>, String> {
    let mut domains = Vec::new();
    for written in list(item, *count.end(), text)? {
        let domain = written.trim_end_matches('.').to_ascii_lowercase();
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if domain.len() > 253 || !domain.split('.').all(label) {
            return Err(format!("\"{written}\" is not a domain name"));
        }
        if domains.contains(&domain) {
            return Err(format!("\"{written}\" is listed twice"));
        }
        domains.push(domain);
    }
    match domains.len() < *count.start() {
        true => Err("at least one domain is needed".into()),
        false => Ok(domains),
    }
}

/// Digest algorithms, the preferred first.
pub(crate) fn digest(item: &Item) -> Result<Vec<Algorithm>, String> {
    let algorithms = list(item, 2, |item| word(item, &[("sha-256", Algorithm::Sha256), ("md5", Algorithm::Md5)]))?;
    if algorithms.is_empty() { Err("at least one algorithm is needed".into()) } else { Ok(algorithms) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(toml: &str) -> Item {
        Item::Value(toml.parse().unwrap())
    }

    #[test]
    fn times_have_units_and_bounds() {
        assert_eq!(duration(&item("\"90s\""), 1..=100), Ok(Duration::from_secs(90)));
        assert_eq!(duration(&item("\"2m\""), 1..=200), Ok(Duration::from_secs(120)));
        assert!(duration(&item("\"2m\""), 1..=100).unwrap_err().contains("between 1 and 100"));
        for wrong in ["\"90\"", "90", "\"m\"", "\"-1s\"", "\"99999999999999999999s\""] {
            assert!(duration(&item(wrong), 1..=100).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_value_of_the_wrong_type_is_named() {
        assert_eq!(boolean(&item("1")).unwrap_err(), "expected true or false, found integer");
        assert_eq!(integer(&item("-1"), 0..=9).unwrap_err(), "-1 is not between 0 and 9");
        assert_eq!(list(&item("[1]"), 3, text).unwrap_err(), "expected text in quotes, found integer");
        assert!(text(&item("\"a\\nb\"")).is_err(), "a line break would end a SIP header or a log line");
    }
}

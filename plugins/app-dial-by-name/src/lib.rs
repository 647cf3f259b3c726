//! `DialByName()` and `DIRECTORY(extension)`: the caller spells a name with the keys and is connected.
//!
//! The directory is the plugin's kv space: `extension/101` is a name, and `key/76484/101` finds it by the keys of each of
//! its words. An entry is written index first and removed index last, so a crash between leaves at worst an index
//! entry without a name, which the search ignores.

use std::time::Duration;

use jackfield_sdk::{Dial, Digits, Error, Function, Leg, Result, apps, functions, kv, system};

apps! { "DialByName" => dial_by_name }
functions! { "DIRECTORY" => name_of / set_name }

/// Keys of a name the caller is asked for.
const KEYS: u32 = 3;
/// People offered one after the other.
const OFFERED: usize = 8;
/// Index entries looked at for one search.
const SEARCHED: u32 = 100;
/// Bytes of a name.
const NAME_BYTES: usize = 100;

/// `DialByName()`: asks for three keys of a name, offers who fits, and dials who is chosen (`DIALSTATUS`).
fn dial_by_name(leg: Leg, _arguments: &str) -> Result {
    leg.answer()?;
    for _ in 0..setting("attempts", 3) {
        let keys = leg.read_digits(Digits::up_to(KEYS).prompt("dial-by-name/enter-name").first_within_secs(8))?;
        let found = if keys.is_empty() { Vec::new() } else { search(&keys)? };
        match choose(&leg, &found)? {
            Some(extension) => return connect(&leg, extension),
            None => leg.play(if found.is_empty() { "invalid" } else { "try-again" })?,
        }
    }
    leg.play("goodbye")
}

/// Offers each extension: 1 takes it, any other key or none goes to the next. Somebody alone is not asked about.
fn choose<'a>(leg: &Leg, found: &'a [String]) -> Result<Option<&'a str>> {
    if let [only] = found {
        return Ok(Some(only));
    }
    for extension in found.iter().take(OFFERED) {
        let said: Vec<String> = extension.chars().map(|digit| format!("digits/{digit}")).collect();
        if leg.read_digits(Digits::up_to(1).prompt(said).first_within_secs(3))? == "1" {
            return Ok(Some(extension));
        }
    }
    Ok(None)
}

fn connect(leg: &Leg, extension: &str) -> Result {
    leg.play("please-hold")?;
    let seconds = setting("ring-seconds", 30);
    let dialed = leg.dial(Dial::to(extension).ring_for(Duration::from_secs(seconds)).ring_tone())?;
    leg.set_variable("DIALSTATUS", &dialed.status)
}

/// Extensions whose names begin with these keys, each once.
fn search(keys: &str) -> Result<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    for key in kv::keys(&format!("key/{keys}"), None, SEARCHED)? {
        let extension = key.rsplit('/').next().unwrap_or_default();
        let known = kv::get(&format!("extension/{extension}"))?.is_some();
        if known && !found.iter().any(|other| other == extension) {
            found.push(extension.to_owned());
        }
    }
    Ok(found)
}

/// `${DIRECTORY(extension)}`: the name at an extension, or nothing.
fn name_of(call: Function<'_>) -> Result<String> {
    Ok(kv::get_text(&format!("extension/{}", extension(&call)?))?.unwrap_or_default())
}

/// `Set(DIRECTORY(extension)=Anna Smith)`; an empty name removes the entry.
fn set_name(call: Function<'_>, name: &str) -> Result {
    let extension = extension(&call)?;
    let name = name.trim();
    if name.len() > NAME_BYTES {
        return Err(Error::invalid(format!("a name has at most {NAME_BYTES} bytes")));
    }
    let entry = format!("extension/{extension}");
    let index = |name: &str| -> Vec<String> {
        name.split_whitespace()
            .map(keys_of)
            .filter(|keys| !keys.is_empty())
            .map(|keys| format!("key/{keys}/{extension}"))
            .collect()
    };
    let before = kv::get_text(&entry)?.unwrap_or_default();
    let (old, new) = (index(&before), index(name));
    for key in &new {
        kv::set(key, "")?;
    }
    match name {
        "" => kv::delete(&entry)?,
        name => kv::set(&entry, name)?,
    }
    old.iter().filter(|key| !new.contains(key)).try_for_each(|key| kv::delete(key))
}

fn extension<'a>(call: &'a Function<'_>) -> Result<&'a str> {
    let extension = call.argument(0).trim();
    match (1..=20).contains(&extension.len()) && extension.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(extension),
        false => Err(Error::invalid(format!("{extension:?} is not an extension"))),
    }
}

/// The keys that spell a word (ITU-T E.161); other characters are left out.
fn keys_of(word: &str) -> String {
    let key = |letter: char| match letter.to_ascii_lowercase() {
        'a'..='c' => Some('2'),
        'd'..='f' => Some('3'),
        'g'..='i' => Some('4'),
        'j'..='l' => Some('5'),
        'm'..='o' => Some('6'),
        'p'..='s' => Some('7'),
        't'..='v' => Some('8'),
        'w'..='z' => Some('9'),
        digit @ '0'..='9' => Some(digit),
        _ => None,
    };
    word.chars().filter_map(key).collect()
}

fn setting(key: &str, default: u64) -> u64 {
    system::config(key).and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use jackfield_testkit::Fake;

    use super::*;

    fn set(fake: &Fake, extension: &str, name: &str) -> Result {
        fake.run(|_leg| set_name(Function { arguments: &[extension.to_owned()], call: None }, name))
    }

    fn directory() -> Fake {
        let fake = Fake::new();
        for (extension, name) in [("101", "Anna Smith"), ("102", "Bob Smithers"), ("103", "Zoe O'Neil")] {
            set(&fake, extension, name).unwrap();
        }
        fake
    }

    #[test]
    fn words_become_keys() {
        assert_eq!(
            (keys_of("Smith"), keys_of("O'Neil"), keys_of("Ωmega9")),
            ("76484".into(), "66345".into(), "63429".into())
        );
    }

    #[test]
    fn an_entry_is_found_by_each_word_and_goes_with_its_name() {
        let fake = directory();
        assert_eq!(fake.stored("extension/101").unwrap(), "Anna Smith");
        assert!(fake.stored("key/2662/101").is_some() && fake.stored("key/76484/101").is_some());
        set(&fake, "101", "Anna Jones").unwrap();
        assert!(fake.stored("key/76484/101").is_none() && fake.stored("key/2662/101").is_some());
        set(&fake, "101", "").unwrap();
        assert!(fake.stored("extension/101").is_none() && fake.stored("key/2662/101").is_none());
    }

    #[test]
    fn bad_extensions_and_names_are_refused() {
        let fake = Fake::new();
        for extension in ["", "10a", "../x", "123456789012345678901"] {
            assert!(set(&fake, extension, "Anna").is_err(), "{extension}");
        }
        assert!(set(&fake, "101", &"x".repeat(101)).is_err());
    }

    #[test]
    fn somebody_alone_is_dialled_at_once() {
        let fake = directory().dials("963").dial_status("BUSY");
        fake.run(|leg| dial_by_name(leg, "")).unwrap();
        assert_eq!(fake.actions(), ["answer", "read 3 dial-by-name/enter-name", "play please-hold", "dial 103"]);
        assert_eq!(fake.set("DIALSTATUS").unwrap(), "BUSY");
    }

    #[test]
    fn several_are_offered() {
        let fake = directory().dials("764").dials("2").dials("1");
        fake.run(|leg| dial_by_name(leg, "")).unwrap();
        assert_eq!(fake.actions().last().unwrap(), "dial 102");
    }

    #[test]
    fn nobody_after_three_attempts_goes_on() {
        let fake = directory().dials("999").dials("").dials("111");
        fake.run(|leg| dial_by_name(leg, "")).unwrap();
        assert_eq!(fake.actions().iter().filter(|action| *action == "play invalid").count(), 3);
        assert_eq!(fake.actions().last().unwrap(), "play goodbye");
    }

    #[test]
    fn an_index_without_a_name_finds_nobody() {
        let fake = Fake::new().value("key/963/103", "").dials("963").config("attempts", "1");
        fake.run(|leg| dial_by_name(leg, "")).unwrap();
        assert_eq!(fake.actions()[2], "play invalid");
    }
}

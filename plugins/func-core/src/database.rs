//! `DB(family/key)` and its like: small values all calls of the tenant share, which outlive a restart (F24).

use jackfield_sdk::{Code, Error, Function, Result, kv};

/// Keys asked for at once, and how often `DB_KEYS` asks: it looks at no more than 10,000 keys.
const PAGE: u32 = 1_000;
const PAGES: usize = 10;
/// Bytes of a list of keys: what a variable holds.
const LIST_BYTES: usize = 8_192;

/// `${DB(family/key)}`: empty if there is none.
pub(crate) fn db(call: Function<'_>) -> Result<String> {
    Ok(kv::get_text(&key(call)?)?.unwrap_or_default())
}

/// `Set(DB(family/key)=value)`
pub(crate) fn set_db(call: Function<'_>, value: &str) -> Result {
    kv::set(&key(call)?, value)
}

/// `${DB_EXISTS(family/key)}`: 1 or 0; the value is in `DB_RESULT`.
pub(crate) fn db_exists(call: Function<'_>) -> Result<String> {
    let value = kv::get_text(&key(call)?)?;
    result(call, value.as_deref())?;
    Ok(if value.is_some() { "1" } else { "0" }.to_owned())
}

/// `${DB_DELETE(family/key)}`: what it was.
pub(crate) fn db_delete(call: Function<'_>) -> Result<String> {
    let key = key(call)?;
    let value = kv::get_text(&key)?;
    kv::delete(&key)?;
    result(call, value.as_deref())?;
    Ok(value.unwrap_or_default())
}

/// `${DB_KEYS(prefix)}`: the next part of the keys below the prefix, separated by commas; the families where there is none.
pub(crate) fn db_keys(call: Function<'_>) -> Result<String> {
    let prefix = call.argument(0).trim_matches('/');
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    let (mut after, mut list) = (None::<String>, String::new());
    for _ in 0..PAGES {
        let keys = kv::keys(&prefix, after.as_deref(), PAGE)?;
        for key in &keys {
            let part = key[prefix.len()..].split('/').next().unwrap_or_default();
            // Keys come in order: the same part again follows at once.
            let again = list.strip_suffix(part).is_some_and(|rest| rest.is_empty() || rest.ends_with(','));
            if again && !list.is_empty() {
                continue;
            }
            if list.len() + part.len() + 1 > LIST_BYTES {
                return Err(Error::new(Code::Limit, "the list of keys is too long"));
            }
            if !list.is_empty() {
                list.push(',');
            }
            list.push_str(part);
        }
        if keys.len() < PAGE as usize {
            return Ok(list);
        }
        after = keys.last().cloned();
    }
    Err(Error::new(Code::Limit, "there are too many keys"))
}

fn result(call: Function<'_>, value: Option<&str>) -> Result {
    match call.call {
        Some(leg) => leg.set_variable("DB_RESULT", value.unwrap_or_default()),
        None => Ok(()),
    }
}

/// `family/key`; a comma belongs to the key, as there is only one argument.
fn key(call: Function<'_>) -> Result<String> {
    let key = call.arguments.join(",");
    let both = key.split_once('/').is_some_and(|(family, key)| !family.is_empty() && !key.is_empty());
    if !both || key.chars().any(char::is_control) {
        return Err(Error::invalid(format!("{key:?} is not family/key")));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use jackfield_testkit::Fake;

    use super::*;

    fn call(fake: &Fake, key: &str, function: fn(Function<'_>) -> Result<String>) -> Result<String> {
        let arguments: Vec<String> = key.split(',').map(str::to_owned).collect();
        fake.run(|leg| function(Function { arguments: &arguments, call: Some(&leg) }))
    }

    /// F24: `DB`, `DB_EXISTS`, `DB_DELETE`.
    #[test]
    fn keeps_and_deletes() {
        let fake = Fake::new();
        let key = ["cidname/100".to_owned()];
        assert_eq!(call(&fake, "cidname/100", db).unwrap(), "");
        assert_eq!(call(&fake, "cidname/100", db_exists).unwrap(), "0");
        fake.run(|leg| set_db(Function { arguments: &key, call: Some(&leg) }, "Ali, Ce")).unwrap();
        assert_eq!(call(&fake, "cidname/100", db).unwrap(), "Ali, Ce");
        assert_eq!(call(&fake, "cidname/100", db_exists).unwrap(), "1");
        assert_eq!(fake.set("DB_RESULT").as_deref(), Some("Ali, Ce"));
        assert_eq!(call(&fake, "cidname/100", db_delete).unwrap(), "Ali, Ce");
        assert_eq!(call(&fake, "cidname/100", db_delete).unwrap(), "");
        assert_eq!(fake.stored("cidname/100"), None);
    }

    #[test]
    fn refuses_what_is_no_key() {
        for key in ["", "family", "/key", "family/", "family/a\nb"] {
            assert!(call(&Fake::new(), key, db).is_err(), "{key:?}");
        }
        assert!(call(&Fake::new(), "family/a,b/c", db).is_ok());
    }

    /// F24: `DB_KEYS`.
    #[test]
    fn lists_keys_one_part_at_a_time() {
        let mut fake = Fake::new();
        for key in ["a/1", "a/2/x", "a/2/y", "a/22", "ab/1", "b/1"] {
            fake = fake.value(key, "");
        }
        assert_eq!(call(&fake, "", db_keys).unwrap(), "a,ab,b");
        assert_eq!(call(&fake, "a", db_keys).unwrap(), "1,2,22");
        assert_eq!(call(&fake, "a/2/", db_keys).unwrap(), "x,y");
        assert_eq!(call(&fake, "c", db_keys).unwrap(), "");
        let mut fake = Fake::new();
        for nth in 0..2_500 {
            fake = fake.value(&format!("f{}/{nth}", nth % 3), "");
        }
        assert_eq!(call(&fake, "", db_keys).unwrap(), "f0,f1,f2");
        assert_eq!(call(&fake, "f0", db_keys).unwrap().split(',').count(), 834);
        for nth in 0..12_000 {
            fake = fake.value(&format!("many/{nth:08}"), "");
        }
        assert!(call(&fake, "many", db_keys).is_err());
    }
}

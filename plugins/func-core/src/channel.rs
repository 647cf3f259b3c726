//! `CHANNEL(item)`: properties of the leg, under Asterisk's names where it has one.

use jackfield_sdk::{Error, Function, Result};

/// `${CHANNEL(language)}`
pub(crate) fn channel(call: Function<'_>) -> Result<String> {
    let leg = call.leg()?;
    let item = item(call)?;
    Ok(match item.as_str() {
        "id" => leg.id(),
        item => leg.attribute(item).unwrap_or_default(),
    })
}

/// `Set(CHANNEL(language)=es)`. What the host lets nobody change is its error.
pub(crate) fn set_channel(call: Function<'_>, value: &str) -> Result {
    let leg = call.leg()?;
    let item = item(call)?;
    if item == "id" {
        return Err(Error::unsupported("a leg's id cannot be assigned"));
    }
    leg.set_attribute(&item, value)
}

/// The leg's attribute for an item.
fn item(call: Function<'_>) -> Result<String> {
    let item = call.argument(0).to_ascii_lowercase();
    Ok(match item.as_str() {
        "" => return Err(Error::invalid("CHANNEL() needs the name of a property")),
        "name" | "uniqueid" | "callid" => "id".to_owned(),
        "accountcode" => "account-code".to_owned(),
        "peername" => "endpoint".to_owned(),
        "useragent" => "user-agent".to_owned(),
        "audioreadformat" | "audiowriteformat" | "audionativeformat" => "codec".to_owned(),
        "exten" | "dnid" => "dialed.number".to_owned(),
        _ => item,
    })
}

#[cfg(test)]
mod tests {
    use jackfield_testkit::Fake;

    use super::*;

    fn read(fake: &Fake, item: &str) -> Result<String> {
        fake.run(|leg| channel(Function { arguments: &[item.to_owned()], call: Some(&leg) }))
    }

    #[test]
    fn knows_asterisk_s_names() {
        let fake = Fake::new().attribute("endpoint", "100").attribute("codec", "PCMA").attribute("account-code", "7");
        let check = |item: &str, expected: &str| assert_eq!(read(&fake, item).unwrap(), expected, "{item}");
        check("peername", "100");
        check("endpoint", "100");
        check("audioreadformat", "PCMA");
        check("accountcode", "7");
        check("exten", "600");
        check("uniqueid", "leg-0");
        check("language", "");
        fake.run(|leg| set_channel(Function { arguments: &["language".to_owned()], call: Some(&leg) }, "es")).unwrap();
        check("language", "es");
        assert!(read(&fake, "").is_err());
        let id = ["name".to_owned()];
        assert!(fake.run(|leg| set_channel(Function { arguments: &id, call: Some(&leg) }, "x")).is_err());
    }
}

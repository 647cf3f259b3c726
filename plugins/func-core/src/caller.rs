//! `CALLERID(name|num|all|dnid)`: who calls, and whom.

use jackfield_sdk::{Error, Function, Leg, Result};

/// `${CALLERID(num)}`
pub(crate) fn caller_id(call: Function<'_>) -> Result<String> {
    let leg = call.leg()?;
    let name = || leg.attribute("caller.name").unwrap_or_default();
    Ok(match part(call)? {
        Part::Name => name(),
        Part::Number => leg.caller_number(),
        Part::All => format!("\"{}\" <{}>", name(), leg.caller_number()),
        Part::Dialed => leg.dialed_number(),
    })
}

/// `Set(CALLERID(name)=Reception)`
pub(crate) fn set_caller_id(call: Function<'_>, value: &str) -> Result {
    let leg = call.leg()?;
    match part(call)? {
        Part::Name => set(leg, "caller.name", value),
        Part::Number => set(leg, "caller.number", value),
        Part::All => {
            let (name, number) = split(value);
            set(leg, "caller.name", name)?;
            set(leg, "caller.number", number)
        }
        Part::Dialed => Err(Error::unsupported("CALLERID(dnid) cannot be assigned")),
    }
}

enum Part {
    Name,
    Number,
    All,
    Dialed,
}

fn part(call: Function<'_>) -> Result<Part> {
    Ok(match call.argument(0).to_ascii_lowercase().as_str() {
        "name" => Part::Name,
        "num" | "number" => Part::Number,
        "all" => Part::All,
        "dnid" => Part::Dialed,
        other => return Err(Error::invalid(format!("CALLERID({other:?}) is not name, num, all or dnid"))),
    })
}

/// What a name or number is set to goes into messages to other phones: control characters never do.
fn set(leg: &Leg, attribute: &str, value: &str) -> Result {
    let clean: String = value.trim().chars().filter(|c| !c.is_control()).collect();
    leg.set_attribute(attribute, &clean)
}

/// `"Name" <number>`, `Name <number>` or `number`.
fn split(value: &str) -> (&str, &str) {
    let value = value.trim();
    match value.rsplit_once('<').and_then(|(name, rest)| Some((name, rest.strip_suffix('>')?))) {
        Some((name, number)) => {
            let name = name.trim();
            (name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name), number.trim())
        }
        None => ("", value),
    }
}

#[cfg(test)]
mod tests {
    use jackfield_testkit::Fake;

    use super::*;

    fn read(fake: &Fake, part: &str) -> Result<String> {
        fake.run(|leg| caller_id(Function { arguments: &[part.to_owned()], call: Some(&leg) }))
    }

    fn write(fake: &Fake, part: &str, value: &str) -> Result {
        fake.run(|leg| set_caller_id(Function { arguments: &[part.to_owned()], call: Some(&leg) }, value))
    }

    #[test]
    fn reads_and_writes_the_leg() {
        let fake = Fake::new().attribute("caller.name", "Alice");
        let check = |part: &str, expected: &str| assert_eq!(read(&fake, part).unwrap(), expected, "{part}");
        check("name", "Alice");
        check("num", "100");
        check("NUMBER", "100");
        check("all", "\"Alice\" <100>");
        check("dnid", "600");
        write(&fake, "name", " Bob\r\nX: 1\u{1b} ").unwrap();
        assert_eq!(read(&fake, "name").unwrap(), "BobX: 1");
        write(&fake, "all", "\"Front Desk\" <200>").unwrap();
        assert_eq!(read(&fake, "all").unwrap(), "\"Front Desk\" <200>");
        write(&fake, "num", "+34123").unwrap();
        assert_eq!(read(&fake, "num").unwrap(), "+34123");
    }

    #[test]
    fn refuses_other_parts_and_no_call() {
        assert!(read(&Fake::new(), "ton").is_err());
        assert!(write(&Fake::new(), "dnid", "1").is_err());
        assert!(caller_id(Function { arguments: &["num".to_owned()], call: None }).is_err());
    }

    #[test]
    fn takes_name_and_number_apart() {
        let check = |value: &str, name: &str, number: &str| assert_eq!(split(value), (name, number), "{value}");
        check("\"Jo <3\" <+34123>", "Jo <3", "+34123");
        check("Reception <100>", "Reception", "100");
        check("<100>", "", "100");
        check(" 100 ", "", "100");
        check("\"\" <>", "", "");
        check("a < b", "", "a < b");
        check("", "", "");
    }
}

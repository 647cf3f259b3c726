//! `STRFTIME(epoch,zone,format)`.

use jackfield_sdk::{Error, Function, Result, system};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// `${STRFTIME(,Europe/Madrid,%H:%M)}`: now where the epoch is left out, in the tenant's zone where the zone is.
pub(crate) fn strftime(call: Function<'_>) -> Result<String> {
    let moment = match call.argument(0).trim() {
        "" => i64::try_from(system::unix_ms()).ok(),
        epoch => milliseconds(epoch),
    };
    let timestamp = moment.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let timestamp = timestamp.ok_or_else(|| Error::invalid(format!("{:?} is not a time", call.argument(0))))?;
    let configured = || system::config("timezone").unwrap_or_else(|| "UTC".to_owned());
    let zone = match call.argument(1).trim() {
        "" => configured(),
        zone => zone.to_owned(),
    };
    let zone = TimeZone::get(&zone).map_err(|_| Error::invalid(format!("there is no time zone {zone:?}")))?;
    // The format is the rest: its commas are part of it.
    let format = call.arguments.get(2..).map(|rest| rest.join(",")).filter(|format| !format.is_empty());
    write(&timestamp.to_zoned(zone), format.as_deref().unwrap_or("%c"))
}

/// Seconds, with a fraction if there is one.
fn milliseconds(epoch: &str) -> Option<i64> {
    let (seconds, fraction) = epoch.split_once('.').unwrap_or((epoch, ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    let (seconds, fraction): (i64, i64) = (seconds.parse().ok()?, digits.parse().ok()?);
    let fraction = if epoch.starts_with('-') { -fraction } else { fraction };
    seconds.checked_mul(1_000)?.checked_add(fraction)
}

fn write(moment: &Zoned, format: &str) -> Result<String> {
    // Asterisk's own: `%3q` is the milliseconds, `%q` all three digits.
    let mut own = String::with_capacity(format.len());
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        let (before, directive) = rest.split_at(at);
        own.push_str(before);
        let digits = directive[1..].bytes().take_while(u8::is_ascii_digit).count();
        if directive[1 + digits..].starts_with('q') {
            let width = directive[1..=digits].parse::<usize>().unwrap_or(3).clamp(1, 3);
            own.push_str(&format!("{:03}", moment.millisecond())[..width]);
            rest = &directive[digits + 2..];
        } else {
            let end = directive.char_indices().nth(2).map_or(directive.len(), |(at, _)| at);
            own.push_str(&directive[..end]);
            rest = &directive[end..];
        }
    }
    own.push_str(rest);
    strtime::format(&own, moment).map_err(|error| Error::invalid(format!("the format {format:?}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(epoch: &str, zone: &str, format: &str) -> Result<String> {
        let format = format.split(',').map(str::to_owned);
        let arguments: Vec<String> = [epoch.to_owned(), zone.to_owned()].into_iter().chain(format).collect();
        strftime(Function { arguments: &arguments, call: None })
    }

    #[test]
    fn writes_a_moment_in_a_zone() {
        let check = |epoch: &str, zone: &str, format: &str, expected: &str| {
            assert_eq!(formatted(epoch, zone, format).unwrap(), expected, "{epoch} {zone} {format}");
        };
        check("0", "UTC", "%Y-%m-%d %H:%M:%S", "1970-01-01 00:00:00");
        check("1779278405", "Europe/Madrid", "%H:%M %Z", "14:00 CEST");
        check("1779278405", "America/New_York", "%A, %d %B %Y", "Wednesday, 20 May 2026");
        check("1779278405.5", "UTC", "%S.%3q %q %1q", "05.500 500 5");
        check("-1.5", "UTC", "%H:%M:%S.%3q", "23:59:58.500");
        check("1779278405", "UTC", "100%% %s", "100% 1779278405");
        check("1779278405", "UTC", "é", "é");
    }

    #[test]
    fn knows_now_and_the_zone_of_the_tenant() {
        let fake = jackfield_testkit::Fake::new().now(1_779_278_405_250).config("timezone", "Asia/Tokyo");
        assert_eq!(fake.run(|_| formatted("", "", "%H:%M:%S.%3q")).unwrap(), "21:00:05.250");
        assert!(fake.run(|_| formatted("", "", "")).unwrap().contains("2026"));
    }

    #[test]
    fn refuses_what_it_cannot_write() {
        for (epoch, zone, format) in [
            ("x", "UTC", "%H"),
            ("99999999999999999999", "UTC", "%H"),
            ("9223372036854775807", "UTC", "%H"),
            ("1", "Nowhere/At_All", "%H"),
            ("1", "../../etc/passwd", "%H"),
            ("1", "UTC", "%"),
            ("1", "UTC", "%é"),
        ] {
            assert!(formatted(epoch, zone, format).is_err(), "{epoch} {zone} {format}");
        }
    }
}

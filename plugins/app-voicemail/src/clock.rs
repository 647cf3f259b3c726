//! When a message came, as it is said: the day, seen from today, and the time.

use jackfield_sdk::{Leg, Result, system};

use crate::say::{say, say_number};

/// Says when: today or some days ago, at which hour and minute. The calendar is func-core's, in the zone of its setting; without it
/// nothing is said.
pub(crate) fn say_when(leg: &Leg, at_ms: u64) -> Result {
    let (then, now) = (local(leg, at_ms)?, local(leg, system::unix_ms())?);
    let (Some(then), Some(now)) = (then, now) else { return Ok(()) };
    match now.day - then.day {
        ..=0 => say(leg, "today")?,
        1 => say(leg, "yesterday")?,
        days => {
            say_number(leg, days.unsigned_abs())?;
            say(leg, "days-ago")?;
        }
    }
    say(leg, "at")?;
    say_number(leg, then.hour)?;
    say_number(leg, then.minute)
}

/// A moment on a wall.
#[derive(Debug, PartialEq, Eq)]
struct Local {
    /// Days since 1970-01-01.
    day: i64,
    hour: u64,
    minute: u64,
}

fn local(leg: &Leg, at_ms: u64) -> Result<Option<Local>> {
    let text = leg.evaluate(&format!("${{STRFTIME({},,%Y %m %d %H %M)}}", at_ms / 1_000))?;
    Ok(parse(&text))
}

fn parse(text: &str) -> Option<Local> {
    let parts: Vec<i64> = text.split(' ').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [year, month, day, hour, minute] = parts[..] else { return None };
    let (hour, minute) = (u64::try_from(hour).ok()?, u64::try_from(minute).ok()?);
    Some(Local { day: days(year, month, day), hour, minute })
}

/// Days since 1970-01-01 of a date of the Gregorian calendar: years begin in March, so that the leap day is a year's last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_over_leap_years() {
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(days(2000, 2, 29) + 1, days(2000, 3, 1));
        assert_eq!(days(2027, 1, 1) - days(2026, 12, 31), 1);
        assert_eq!(days(2024, 3, 1) - days(2024, 2, 28), 2);
        assert_eq!(days(2100, 3, 1) - days(2100, 2, 28), 1);
        assert_eq!(days(2026, 1, 15), 20_468);
    }

    #[test]
    fn what_is_no_time_is_none() {
        assert_eq!(parse("2026 01 15 08 05"), Some(Local { day: 20_468, hour: 8, minute: 5 }));
        for other in ["", "2026 01 15", "a b c d e", "2026 01 15 -1 00"] {
            assert_eq!(parse(other), None, "{other:?}");
        }
    }
}

//! Times of day that come again and again, in a tenant's time zone.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::limit::CRON_BYTES;

/// Five fields as in cron(5).
#[derive(Clone, Debug)]
pub struct TimesOfDay(Box<Cron>);

impl TimesOfDay {
    /// Reads minute, hour, day of the month, month and day of the week.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > CRON_BYTES {
            return Err(format!("a pattern of {} bytes: at most {CRON_BYTES}", text.len()));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        parser
            .parse(text)
            .map(|cron| Self(Box::new(cron)))
            .map_err(|error| format!("{text:?} is no pattern of minute, hour, day, month, weekday: {error}"))
    }

    /// The first of its times after a moment, both in milliseconds since 1970; none if it does not come within ten years. A zone that is not known is UTC.
    pub fn next(&self, zone: &str, after_unix_ms: u64) -> Option<u64> {
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        let after = Timestamp::from_millisecond(i64::try_from(after_unix_ms).ok()?).ok()?.to_zoned(zone);
        let next = self.0.find_next_occurrence(&after, false).ok()?;
        let last = after.checked_add(Span::new().years(10)).ok()?;
        u64::try_from(next.timestamp().as_millisecond()).ok().filter(|_| next <= last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times after a moment, as people read them there.
    fn times(pattern: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let pattern = TimesOfDay::parse(pattern).unwrap();
        let mut moment = u64::try_from(after.parse::<Timestamp>().unwrap().as_millisecond()).unwrap();
        let mut next = || {
            moment = pattern.next(zone, moment).unwrap();
            let local = Timestamp::from_millisecond(moment as i64).unwrap().in_tz(zone).unwrap();
            local.strftime("%a %d %H:%M %z").to_string()
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn a_pattern_is_a_time_of_day_where_the_tenant_is() {
        let monday = "2026-11-30T06:59:59.999Z";
        assert_eq!(
            times("0 8 * * mon-fri", "Europe/Berlin", monday, 6),
            [
                "Mon 30 08:00 +0100",
                "Tue 01 08:00 +0100",
                "Wed 02 08:00 +0100",
                "Thu 03 08:00 +0100",
                "Fri 04 08:00 +0100",
                "Mon 07 08:00 +0100"
            ]
        );
        assert_eq!(times("*/20 12 1 1,7 *", "UTC", monday, 2), ["Fri 01 12:00 +0000", "Fri 01 12:20 +0000"]);
        let (pattern, after) = (TimesOfDay::parse("30 23 * * *").unwrap(), 1_750_000_000_000);
        assert_eq!(pattern.next("No/Where", after), pattern.next("UTC", after));
    }

    /// The clock leaves out 02:00-03:00 in spring and has it twice in autumn.
    #[test]
    fn a_time_of_day_comes_once_on_the_days_on_which_the_clock_is_changed() {
        let (spring, autumn) = ("2026-03-28T12:00:00Z", "2026-10-24T12:00:00Z");
        let berlin = |pattern, after, count| times(pattern, "Europe/Berlin", after, count);
        assert_eq!(berlin("30 2 * * *", spring, 2), ["Sun 29 03:00 +0200", "Mon 30 02:30 +0200"]);
        assert_eq!(berlin("30 2 * * *", autumn, 2), ["Sun 25 02:30 +0200", "Mon 26 02:30 +0100"]);
        assert_eq!(
            berlin("30 * * * *", "2026-10-24T23:31:00Z", 3),
            ["Sun 25 02:30 +0200", "Sun 25 02:30 +0100", "Sun 25 03:30 +0100"]
        );
    }

    #[test]
    fn what_is_no_pattern_or_never_comes_is_told() {
        let long = format!("0{} 8 * * *", " ".repeat(CRON_BYTES));
        for wrong in ["", "0 8 * *", "0 0 8 * * *", "60 8 * * *", "0 8 * * someday", "@daily 8", &long] {
            assert!(TimesOfDay::parse(wrong).is_err(), "{wrong:?}");
        }
        let never = TimesOfDay::parse("0 0 30 2 *").unwrap();
        assert_eq!(never.next("UTC", 1_750_000_000_000), None);
        let leap = TimesOfDay::parse("0 0 29 2 *").unwrap();
        assert_eq!(leap.next("UTC", 1_750_000_000_000), Some(1_835_395_200_000));
    }
}

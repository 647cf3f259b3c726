//! `hh:mm-hh:mm,mon-fri,1-31,jan-dec[,zone]`: when an include, `GotoIfTime`, `ExecIfTime` or `IFTIME` holds.

use crate::calendar::{Calendar, LocalTime};
use crate::text::Fault;

/// A set of minutes, weekdays, days and months, and the zone they are meant in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TimeSpec {
    /// Ranges of minutes of the day, both ends included; a range may pass midnight.
    minutes: Vec<(u16, u16)>,
    /// Bit 0 is Sunday.
    weekdays: u8,
    /// Bit 1 is the first.
    days: u32,
    /// Bit 1 is January.
    months: u16,
    zone: Option<Box<str>>,
}

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const MINUTES: u16 = 24 * 60;

impl TimeSpec {
    /// Fields left out or `*` always hold. Lists are separated by `&`, ranges may wrap around.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault<'_>> {
        let fields: Vec<&str> = text.split([',', '|']).map(str::trim).collect();
        if fields.len() > 5 {
            return Err(Fault::new(text, "a time condition has at most five fields").hint(FORM));
        }
        let field = |nth: usize| fields.get(nth).copied().filter(|field| !field.is_empty() && *field != "*");
        let minutes = match field(0) {
            None => vec![(0, MINUTES - 1)],
            Some(times) => times.split('&').map(time_range).collect::<Result<_, _>>()?,
        };
        let weekdays = bits(field(1), 0, 6, |name| named(&WEEKDAYS, name))?;
        let days = bits(field(2), 1, 31, |number| number.parse().ok().filter(|day| (1..=31).contains(day)))?;
        let months = bits(field(3), 1, 12, |name| named(&MONTHS, name).map(|month| month + 1))?;
        let zone = field(4).map(Box::from);
        Ok(Self {
            minutes,
            weekdays: u8::try_from(weekdays & 0x7f).expect("seven bits"),
            days,
            months: u16::try_from(months & 0x1fff).expect("thirteen bits"),
            zone,
        })
    }

    /// Whether it is within now. In a zone nobody knows it never is.
    pub(crate) fn holds(&self, calendar: &dyn Calendar) -> bool {
        calendar.local_time(self.zone.as_deref()).is_some_and(|now| self.contains(&now))
    }

    fn contains(&self, now: &LocalTime) -> bool {
        let minute = u16::from(now.hour) * 60 + u16::from(now.minute);
        let within = |(from, to): &(u16, u16)| match from <= to {
            true => (*from..=*to).contains(&minute),
            false => minute >= *from || minute <= *to,
        };
        self.minutes.iter().any(within)
            && self.weekdays & (1_u8 << (now.weekday as u8)) != 0
            && self.days.checked_shr(u32::from(now.day)).unwrap_or(0) & 1 != 0
            && self.months.checked_shr(u32::from(now.month)).unwrap_or(0) & 1 != 0
    }
}

const FORM: &str = "write times,weekdays,days,months[,zone], like 09:00-17:30,mon-fri,*,*";

fn time_range(text: &str) -> Result<(u16, u16), Fault<'_>> {
    let range = match text.split_once('-') {
        None => minute(text).map(|minute| (minute, minute)),
        Some((from, to)) => minute(from).zip(minute(to)),
    };
    range.ok_or_else(|| Fault::new(text, format!("`{text}` is not a time or a range of times")).hint(FORM))
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let digits = |part: &str| part.len() <= 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

/// One bit for each value of a list of values and ranges.
fn bits<'a>(
    list: Option<&'a str>,
    first: u32,
    last: u32,
    value: impl Fn(&str) -> Option<u32>,
) -> Result<u32, Fault<'a>> {
    let Some(list) = list else { return Ok(u32::MAX) };
    let mut bits = 0;
    for item in list.split('&') {
        let (from, to) = item.split_once('-').unwrap_or((item, item));
        let ends = value(from.trim()).zip(value(to.trim()));
        let Some((from, to)) = ends else {
            return Err(Fault::new(item, format!("`{item}` is not a day, month or range of them")).hint(FORM));
        };
        let mut at = from;
        loop {
            bits |= 1 << at;
            if at == to {
                break;
            }
            at = if at == last { first } else { at + 1 };
        }
    }
    Ok(bits)
}

/// A name by its first three letters or more.
fn named(names: &[&str], name: &str) -> Option<u32> {
    let name = name.to_ascii_lowercase();
    let found = names.iter().position(|full| name.len() >= 3 && full.starts_with(&name))?;
    u32::try_from(found).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Weekday;

    /// Wednesday 2026-05-20.
    fn at(hour: u8, minute: u8) -> LocalTime {
        LocalTime { year: 2026, month: 5, day: 20, weekday: Weekday::Wednesday, hour, minute, ..LocalTime::default() }
    }

    #[test]
    fn holds_within_its_fields() {
        let check = |spec: &str, now: LocalTime, expected: bool| {
            assert_eq!(TimeSpec::parse(spec).unwrap().holds(&now), expected, "{spec} at {}:{}", now.hour, now.minute);
        };
        check("*,*,*,*", at(3, 0), true);
        check("", at(3, 0), true);
        check("09:00-17:00,mon-fri,*,*", at(9, 0), true);
        check("09:00-17:00,mon-fri,*,*", at(17, 0), true);
        check("09:00-17:00,mon-fri,*,*", at(17, 1), false);
        check("9:00-17:00|mon-fri|*|*", at(8, 59), false);
        check("22:00-06:00", at(23, 30), true);
        check("22:00-06:00", at(5, 59), true);
        check("22:00-06:00", at(12, 0), false);
        check("08:00-12:00&14:00-18:00,wed", at(13, 0), false);
        check("08:00-12:00&14:00-18:00,WED", at(15, 0), true);
        check("*,sat-sun", at(12, 0), false);
        check("*,fri-wed", at(12, 0), true);
        check("*,thu-tue", at(12, 0), false);
        check("*,mon&wednesday", at(12, 0), true);
        check("*,*,1-15", at(12, 0), false);
        check("*,*,15-25", at(12, 0), true);
        check("*,*,*,jan-apr", at(12, 0), false);
        check("*,*,*,nov-may", at(12, 0), true);
        check("12:00", at(12, 0), true);
        check("12:00", at(12, 1), false);
    }

    #[test]
    fn a_malformed_condition_is_told() {
        for spec in
            ["9-17", "25:00-26:00", "*,mo", "*,*,0", "*,*,32", "*,*,*,foo", "*,*,*,*,Europe/Madrid,x", "9:00:00"]
        {
            assert!(TimeSpec::parse(spec).is_err(), "{spec}");
        }
    }

    #[test]
    fn the_zone_is_asked_for_and_an_unknown_one_never_holds() {
        struct Zones;
        impl Calendar for Zones {
            fn local_time(&self, zone: Option<&str>) -> Option<LocalTime> {
                match zone {
                    None => Some(at(10, 0)),
                    Some("America/New_York") => Some(at(4, 0)),
                    Some(_) => None,
                }
            }
        }
        assert!(TimeSpec::parse("09:00-17:00").unwrap().holds(&Zones));
        assert!(!TimeSpec::parse("09:00-17:00,*,*,*,America/New_York").unwrap().holds(&Zones));
        assert!(!TimeSpec::parse("*,*,*,*,Nowhere/At_All").unwrap().holds(&Zones));
    }
}

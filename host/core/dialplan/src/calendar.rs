//! The wall clock, given by the caller: a plan asks only when a time condition or a time variable is met.

/// A day of the week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Sunday,
    #[default]
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
}

/// A moment, broken down for one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// The year, like 2026.
    pub year: i16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// The day of the week.
    pub weekday: Weekday,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59 (60 in a leap second).
    pub second: u8,
    /// The same moment as seconds since 1970-01-01 00:00 UTC.
    pub epoch_s: i64,
}

/// Where a running plan gets the time from.
pub trait Calendar {
    /// The present moment in `zone` (an IANA name like `Europe/Madrid`), or in the tenant's own zone when there is none.
    /// Nothing if the zone is unknown.
    fn local_time(&self, zone: Option<&str>) -> Option<LocalTime>;
}

/// A stopped clock that tells the same time in every zone.
impl Calendar for LocalTime {
    fn local_time(&self, _zone: Option<&str>) -> Option<LocalTime> {
        Some(*self)
    }
}

/// 1970-01-01 00:00 UTC, a Thursday.
impl Default for LocalTime {
    fn default() -> Self {
        Self { year: 1970, month: 1, day: 1, weekday: Weekday::Thursday, hour: 0, minute: 0, second: 0, epoch_s: 0 }
    }
}

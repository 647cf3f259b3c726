//! Call records: JSON lines, one file per tenant and day, brought to disk in groups (F25).

use std::{
    fmt, fs, io,
    io::{BufRead, BufReader},
    path::PathBuf,
    str::FromStr,
    sync::Arc,
};

use call::TenantId;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

pub(crate) mod file;
pub(crate) mod writer;

use writer::{Job, Message, WriterHandle};

/// Longest record, in bytes of JSON.
pub(crate) const RECORD_BYTES_MAX: usize = 64 * 1_024;

/// The call records of one tenant. Cheap to clone.
#[derive(Clone)]
pub struct Cdr {
    tenant: TenantId,
    dir: PathBuf,
    writer: Arc<WriterHandle>,
}

impl Cdr {
    pub(crate) fn new(tenant: TenantId, dir: PathBuf, writer: Arc<WriterHandle>) -> Self {
        Self { tenant, dir, writer }
    }

    /// Hands a record to the writer, waiting for room in its queue.
    ///
    /// The record is acknowledged when the receipt says so; a receipt may be dropped by who does not want to know.
    pub async fn append<T: Serialize>(&self, record: &T) -> Result<Receipt, CdrError> {
        let (job, receipt) = self.job(record)?;
        self.open_writer()?.jobs.send(Message::Append(job)).await.map_err(|_| CdrError::Closed)?;
        Ok(receipt)
    }

    /// As [`Cdr::append`], but refuses the record when the queue is full.
    pub fn try_append<T: Serialize>(&self, record: &T) -> Result<Receipt, CdrError> {
        let (job, receipt) = self.job(record)?;
        self.open_writer()?.jobs.try_send(Message::Append(job)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => CdrError::Full,
            mpsc::error::TrySendError::Closed(_) => CdrError::Closed,
        })?;
        Ok(receipt)
    }

    fn open_writer(&self) -> Result<&WriterHandle, CdrError> {
        if self.writer.closing() { Err(CdrError::Closed) } else { Ok(&self.writer) }
    }

    fn job<T: Serialize>(&self, record: &T) -> Result<(Job, Receipt), CdrError> {
        let mut line = serde_json::to_vec(record).map_err(CdrError::Record)?;
        if line.len() > RECORD_BYTES_MAX {
            return Err(CdrError::TooLong { bytes: line.len(), limit: RECORD_BYTES_MAX });
        }
        line.push(b'\n');
        let (done, receipt) = oneshot::channel();
        Ok((Job { tenant: self.tenant.clone(), line, done: Some(done) }, Receipt(receipt)))
    }

    /// The days with records, oldest first.
    pub fn days(&self) -> io::Result<Vec<Day>> {
        let mut days: Vec<Day> = file::list(&self.dir)?.into_iter().map(|name| name.day).collect();
        days.dedup();
        Ok(days)
    }

    /// The records of `day` after the first `skip`, at most `limit`, as JSON texts. Blocks on the disk.
    pub fn read(&self, day: Day, skip: usize, limit: usize) -> io::Result<Vec<String>> {
        let mut records = Vec::new();
        let mut to_skip = skip;
        for name in file::list(&self.dir)?.into_iter().filter(|name| name.day == day) {
            let reader = BufReader::new(fs::File::open(self.dir.join(name.to_string()))?);
            for line in reader.split(b'\n') {
                let line = line?;
                if records.len() == limit {
                    return Ok(records);
                }
                if to_skip > 0 {
                    to_skip -= 1;
                } else {
                    records.push(String::from_utf8_lossy(&line).into_owned());
                }
            }
        }
        Ok(records)
    }
}

impl fmt::Debug for Cdr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cdr").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// The promise of one record.
#[derive(Debug)]
pub struct Receipt(oneshot::Receiver<Result<(), CdrError>>);

impl Receipt {
    /// Waits until the record is on disk. After an error the writer still tries for as long as memory allows.
    pub async fn committed(self) -> Result<(), CdrError> {
        self.0.await.map_err(|_| CdrError::Closed)?
    }

    /// As [`Receipt::committed`], for a thread that may block.
    pub fn committed_blocking(self) -> Result<(), CdrError> {
        self.0.blocking_recv().map_err(|_| CdrError::Closed)?
    }
}

/// Why a record was not taken or is not acknowledged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CdrError {
    /// The store is being closed.
    #[error("the store is closed")]
    Closed,
    /// The writer cannot follow.
    #[error("the queue of call records is full")]
    Full,
    /// The record is not on disk yet, and may never be.
    #[error("call records cannot be written: {reason}")]
    Io {
        /// What the system said.
        reason: Arc<str>,
    },
    /// The record cannot be written as JSON.
    #[error("the record cannot be written as JSON: {0}")]
    Record(#[source] serde_json::Error),
    /// The record is longer than a record may be.
    #[error("the record has {bytes} bytes, the limit is {limit}")]
    TooLong {
        /// Bytes of JSON.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
}

/// A day of the calendar in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

impl Day {
    /// The day that holds a moment, in milliseconds since 1970.
    pub fn of_unix_ms(unix_ms: u64) -> Self {
        // Days are counted in years that begin in March, so that a leap day is the last of its year.
        let days = unix_ms / 86_400_000 + 719_468;
        let era = days / 146_097;
        let day_of_era = days % 146_097;
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        Self { year: year.min(9_999) as u16, month: month as u8, day: day as u8 }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let number = |range: std::ops::Range<usize>| -> Option<u16> {
            let digits = text.get(range)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        let parsed = || {
            let dashes = text.len() == 10 && text.get(4..5)? == "-" && text.get(7..8)? == "-";
            let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
            let real = dashes && (1..=12).contains(&month) && (1..=31).contains(&day);
            real.then_some(Self { year, month: month as u8, day: day as u8 })
        };
        parsed().ok_or(DayError)
    }
}

/// The text is not a day as `2026-08-23`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a day is written as 2026-08-23")]
pub struct DayError;

#[cfg(test)]
mod tests;

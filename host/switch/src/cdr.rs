//! A call's record as it is written (F25).

use std::time::{Duration, SystemTime};

use call::{CallId, Cause, Cdr, Disposition, Party, Side, TenantId};
use serde::Serialize;

/// One line of a tenant's records.
#[derive(Serialize)]
pub(crate) struct Line<'a> {
    /// When the call began, milliseconds since 1970.
    pub(crate) start_unix_ms: u64,
    #[serde(flatten)]
    pub(crate) cdr: &'a Cdr,
}

/// Milliseconds since 1970.
pub(crate) fn unix_ms(time: SystemTime) -> u64 {
    // A clock before 1970 is set wrong; a record with time 0 shows it.
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The record of a call whose task panicked: what is known from outside.
pub(crate) fn after_panic(call: CallId, tenant: TenantId, lasted: Duration) -> Cdr {
    Cdr {
        call,
        tenant,
        from: Party::default(),
        from_endpoint: None,
        to: String::new(),
        answered_by: None,
        context: String::new(),
        account_code: String::new(),
        plugin: None,
        answer_ms: None,
        end_ms: u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX),
        billed_ms: 0,
        disposition: Disposition::Failed,
        cause: Cause::NORMAL_TEMPORARY_FAILURE,
        hung_up_by: Side::Host,
        legs: Vec::new(),
    }
}

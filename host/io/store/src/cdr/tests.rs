use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use proptest::prelude::*;

use super::*;
use crate::{Options, Recovery, Store, Wallclock};

fn open(dir: &std::path::Path, now_ms: &Arc<AtomicU64>) -> Store {
    let wallclock = Wallclock::Given(Arc::clone(now_ms));
    Store::open_with(dir, Options { wallclock, reserve_bytes: 0, ..Options::default() }).unwrap()
}

fn cdr(store: &Store, tenant: &str) -> Cdr {
    store.tenant(&TenantId::new(tenant).unwrap()).cdr()
}

#[derive(serde::Serialize)]
struct Record {
    call: u32,
    text: &'static str,
}

async fn write(cdr: &Cdr, call: u32) {
    cdr.append(&Record { call, text: "line\nbreak" }).await.unwrap().committed().await.unwrap();
}

/// 2026-08-23 10:00 UTC.
const NOON: u64 = 1_787_479_200_000;

#[tokio::test]
async fn records_stand_in_order_in_the_file_of_their_tenant_and_day() {
    let dir = tempfile::tempdir().unwrap();
    let now_ms = Arc::new(AtomicU64::new(NOON));
    let store = open(dir.path(), &now_ms);
    let (acme, globex) = (cdr(&store, "acme"), cdr(&store, "globex"));
    write(&acme, 1).await;
    write(&globex, 2).await;
    write(&acme, 3).await;
    now_ms.fetch_add(86_400_000, Ordering::Relaxed);
    write(&acme, 4).await;
    let day = Day::of_unix_ms(NOON);
    assert_eq!(
        acme.read(day, 0, 10).unwrap(),
        [r#"{"call":1,"text":"line\nbreak"}"#, r#"{"call":3,"text":"line\nbreak"}"#]
    );
    assert_eq!(acme.read(day, 1, 1).unwrap().len(), 1);
    assert_eq!(globex.read(day, 0, 10).unwrap().len(), 1);
    let days: Vec<String> = acme.days().unwrap().iter().map(Day::to_string).collect();
    assert_eq!(days, ["2026-08-23", "2026-08-24"]);
    assert!(dir.path().join("cdr/acme/2026-08-23.jsonl").is_file());
    assert_eq!(cdr(&store, "initech").days().unwrap(), []);
}

/// K1: what a dying process left behind its last whole line is cut off at the next start, and nothing else.
#[tokio::test]
async fn a_torn_last_line_is_repaired_at_open() {
    let dir = tempfile::tempdir().unwrap();
    let now_ms = Arc::new(AtomicU64::new(NOON));
    let store = open(dir.path(), &now_ms);
    write(&cdr(&store, "acme"), 1).await;
    drop(store);
    let path = dir.path().join("cdr/acme/2026-08-23.jsonl");
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(&[b'x'; 100_000]).unwrap();
    drop(file);
    let store = open(dir.path(), &now_ms);
    assert_eq!(store.health().recovered, [Recovery::TornCdrLine { tenant: "acme".to_owned(), bytes: 100_000 }]);
    let acme = cdr(&store, "acme");
    write(&acme, 2).await;
    assert_eq!(acme.read(Day::of_unix_ms(NOON), 0, 10).unwrap().len(), 2);
    drop(store);
    // A file that is one torn line becomes empty; then there is nothing more to repair.
    fs::write(&path, b"{\"call\":").unwrap();
    drop(open(dir.path(), &now_ms));
    assert_eq!(fs::read(&path).unwrap(), b"");
    assert_eq!(open(dir.path(), &now_ms).health().recovered, []);
}

#[tokio::test]
async fn records_are_taken_in_bulk_and_all_are_there() {
    let dir = tempfile::tempdir().unwrap();
    let now_ms = Arc::new(AtomicU64::new(NOON));
    let store = open(dir.path(), &now_ms);
    let acme = cdr(&store, "acme");
    let mut last = None;
    for call in 0..20_000 {
        last = Some(acme.append(&Record { call, text: "" }).await.unwrap());
    }
    last.unwrap().committed().await.unwrap();
    let records = acme.read(Day::of_unix_ms(NOON), 0, usize::MAX).unwrap();
    assert_eq!(records.len(), 20_000);
    assert!(records[19_999].contains("19999"));
    assert_eq!(store.health().cdr_waiting, 0);
}

/// Without a receipt asked for, an orderly end still writes everything.
#[test]
fn closing_the_store_writes_what_waits() {
    let dir = tempfile::tempdir().unwrap();
    let now_ms = Arc::new(AtomicU64::new(NOON));
    let store = open(dir.path(), &now_ms);
    let acme = cdr(&store, "acme");
    for call in 0..500 {
        drop(acme.try_append(&Record { call, text: "" }).unwrap());
    }
    drop(store);
    assert_eq!(acme.read(Day::of_unix_ms(NOON), 0, usize::MAX).unwrap().len(), 500);
    assert!(matches!(acme.try_append(&Record { call: 0, text: "" }), Err(CdrError::Closed)));
}

/// The end comes between a failed fsync and the next file: what was cut off the one stands in the other.
#[test]
fn closing_the_store_writes_what_the_last_fsync_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &Arc::new(AtomicU64::new(NOON)));
    let records = dir.path().join("cdr/acme");
    fs::create_dir(&records).unwrap();
    std::os::unix::fs::symlink("/dev/null", records.join("2026-08-23.jsonl")).unwrap();
    drop(cdr(&store, "acme").try_append(&Record { call: 1, text: "" }).unwrap());
    drop(store);
    assert!(fs::read_to_string(records.join("2026-08-23.1.jsonl")).unwrap().contains(":1,"));
}

#[test]
fn a_record_has_a_longest() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &Arc::new(AtomicU64::new(NOON)));
    let error = cdr(&store, "acme").try_append(&"x".repeat(RECORD_BYTES_MAX)).unwrap_err();
    assert!(matches!(error, CdrError::TooLong { .. }), "{error}");
}

#[tokio::test]
async fn a_disk_that_takes_nothing_keeps_records_in_memory_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let now_ms = Arc::new(AtomicU64::new(NOON));
    let store = open(dir.path(), &now_ms);
    // A file where the tenant's directory has to be is as good as a full disk.
    let in_the_way = dir.path().join("cdr/acme");
    fs::write(&in_the_way, b"").unwrap();
    let acme = cdr(&store, "acme");
    let receipt = acme.append(&Record { call: 1, text: "" }).await.unwrap();
    assert!(matches!(receipt.committed().await, Err(CdrError::Io { .. })));
    let health = store.health();
    assert!(matches!(health.problems.as_slice(), [crate::Problem::Cdr { .. }]), "{health:?}");
    assert_eq!(health.cdr_waiting, 1);
    // Other tenants are not concerned.
    write(&cdr(&store, "globex"), 9).await;
    fs::remove_file(&in_the_way).unwrap();
    write(&acme, 2).await;
    let records = acme.read(Day::of_unix_ms(NOON), 0, 10).unwrap();
    assert!(records[0].contains(":1,") && records[1].contains(":2,"), "{records:?}");
    assert!(store.health().is_ok());
}

/// K3, K4: after a failed write that cannot be undone, and after a failed fsync, a file is not written again; what is not
/// safe in it stands in the next one.
#[tokio::test]
async fn a_file_that_failed_is_given_up_for_the_next() {
    // One refuses every write and cannot be cut, the other takes everything and cannot be synced.
    for device in ["/dev/full", "/dev/null"] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), &Arc::new(AtomicU64::new(NOON)));
        let acme = cdr(&store, "acme");
        let records = dir.path().join("cdr/acme");
        fs::create_dir(&records).unwrap();
        std::os::unix::fs::symlink(device, records.join("2026-08-23.jsonl")).unwrap();
        let receipt = acme.append(&Record { call: 1, text: "" }).await.unwrap();
        assert!(matches!(receipt.committed().await, Err(CdrError::Io { .. })), "{device}");
        assert!(matches!(store.health().problems.as_slice(), [crate::Problem::Cdr { .. }]), "{device}");
        write(&acme, 2).await;
        let next = fs::read_to_string(records.join("2026-08-23.1.jsonl")).unwrap();
        let lines: Vec<&str> = next.lines().collect();
        assert!(matches!(lines[..], [one, two] if one.contains(":1,") && two.contains(":2,")), "{device}: {next}");
        assert!(store.health().is_ok(), "{device}");
    }
}

#[test]
fn days_of_the_calendar() {
    for (unix_ms, expected) in [
        (0, "1970-01-01"),
        (951_782_399_000, "2000-02-28"),
        (951_782_400_000, "2000-02-29"),
        (951_868_800_000, "2000-03-01"),
        (1_735_689_599_999, "2024-12-31"),
        (1_735_689_600_000, "2025-01-01"),
        (4_107_542_400_000, "2100-03-01"),
        (NOON, "2026-08-23"),
    ] {
        assert_eq!(Day::of_unix_ms(unix_ms).to_string(), expected);
    }
    for wrong in ["", "2026-8-23", "2026-13-01", "2026-00-01", "2026-01-32", "2026/01/01", "+026-01-01", "2026-01-0é"]
    {
        assert_eq!(wrong.parse::<Day>(), Err(DayError), "{wrong}");
    }
}

proptest! {
    #[test]
    fn each_day_is_read_as_it_is_written_and_they_are_in_order(unix_ms in 0_u64..250_000_000_000_000) {
        let day = Day::of_unix_ms(unix_ms);
        prop_assert_eq!(day.to_string().parse(), Ok(day));
        prop_assert!(Day::of_unix_ms(unix_ms + 86_400_000) > day);
    }
}

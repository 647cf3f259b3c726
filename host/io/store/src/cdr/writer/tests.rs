use std::{fs, os::unix::fs::symlink, path::Path};

use super::*;

/// 2026-08-23 10:00 UTC.
const NOON: u64 = 1_787_479_200_000;

type Receipt = oneshot::Receiver<Result<(), CdrError>>;

/// A writer without its thread, at a time that the test says.
struct Rig {
    dir: tempfile::TempDir,
    now_ms: Arc<AtomicU64>,
    now: Instant,
    writer: Writer,
}

impl Rig {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let now_ms = Arc::new(AtomicU64::new(NOON));
        let writer = Writer::new(dir.path().into(), Wallclock::Given(Arc::clone(&now_ms)), Arc::default());
        Self { dir, now_ms, now: Instant::now(), writer }
    }

    /// A record comes.
    fn append(&mut self, tenant: &str, line: &str) -> Receipt {
        let (done, receipt) = oneshot::channel();
        let job = Job { tenant: TenantId::new(tenant).unwrap(), line: line.into(), done: Some(done) };
        self.writer.write(self.now, std::iter::once(Message::Append(job)));
        receipt
    }

    /// The thread wakes up after a while.
    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.writer.write(self.now, std::iter::empty());
    }

    /// Today's file of a tenant, or one of its parts, is a device.
    fn device(&self, tenant: &str, file: &str, device: &str) {
        fs::create_dir_all(self.path(tenant)).unwrap();
        symlink(device, self.path(tenant).join(file)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn pause(&self, tenant: &str) -> Duration {
        self.writer.troubles[&TenantId::new(tenant).unwrap()].pause
    }
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// K4: yesterday's file takes everything and cannot be synced; what it took stands in today's.
#[test]
fn what_the_file_before_could_not_keep_stands_in_the_next() {
    let mut rig = Rig::new();
    rig.device("acme", "2026-08-23.jsonl", "/dev/null");
    rig.append("acme", "one\n");
    rig.now_ms.fetch_add(86_400_000, Ordering::Relaxed);
    rig.append("acme", "two\n");
    rig.writer.sync(rig.now);
    assert_eq!(text(&rig.path("acme/2026-08-24.jsonl")), "one\ntwo\n");
    assert_eq!((rig.writer.counters.lost(), rig.writer.backlog_bytes), (0, 0));
}

/// However many tenants' disks fail, and in whichever way, no file stays open that is never written again.
#[test]
fn a_file_that_was_given_up_is_closed() {
    // One refuses every write and cannot be cut, the other takes everything and cannot be synced.
    for device in ["/dev/full", "/dev/null"] {
        let mut rig = Rig::new();
        for tenant in 0..OPEN_FILES_MAX + 2 {
            let tenant = format!("tenant-{tenant}");
            rig.device(&tenant, "2026-08-23.jsonl", device);
            rig.append(&tenant, "one\n");
            assert!(rig.writer.open.len() <= OPEN_FILES_MAX, "{device}");
        }
        rig.writer.sync(rig.now);
        assert_eq!(rig.writer.open.len(), 0, "{device}");
        rig.pass(RETRY);
        assert_eq!(text(&rig.path("tenant-0/2026-08-23.1.jsonl")), "one\n", "{device}: it is not forgotten");
    }
}

/// A disk that fails is asked less and less often, whoever else writes and however much comes for it.
#[test]
fn a_disk_that_fails_is_left_alone_for_longer_and_longer() {
    let mut rig = Rig::new();
    // A file where the tenant's directory has to be.
    fs::write(rig.path("acme"), b"").unwrap();
    let mut first = rig.append("acme", "one\n");
    assert!(matches!(first.try_recv(), Ok(Err(CdrError::Io { .. }))));
    let mut pause = RETRY;
    while pause < RETRY_MAX {
        assert_eq!(rig.pause("acme"), pause);
        rig.pass(pause);
        pause *= 2;
    }
    rig.pass(RETRY_MAX);
    assert_eq!(rig.pause("acme"), RETRY_MAX);
    fs::remove_file(rig.path("acme")).unwrap();
    rig.pass(RETRY_MAX - Duration::from_millis(1));
    let mut second = rig.append("acme", "two\n");
    rig.append("globex", "of another\n");
    assert!(!rig.path("acme").exists(), "not before its time");
    assert!(second.try_recv().is_err(), "who waits is answered by an attempt");
    assert_eq!(rig.writer.patience(rig.now), Some(Duration::from_millis(1)));
    rig.pass(Duration::from_millis(1));
    rig.writer.sync(rig.now);
    assert_eq!(text(&rig.path("acme/2026-08-23.jsonl")), "one\ntwo\n");
    assert!(matches!(second.try_recv(), Ok(Ok(()))));
    assert!(rig.writer.troubles.is_empty(), "the next failure is a first one again");
}

/// An fsync that fails each time costs a file each time: that it could be written before is no success.
#[test]
fn files_are_not_given_up_at_every_turn() {
    let mut rig = Rig::new();
    rig.device("acme", "2026-08-23.jsonl", "/dev/null");
    rig.append("acme", "one\n");
    rig.writer.sync(rig.now);
    assert_eq!(rig.pause("acme"), RETRY);
    rig.device("acme", "2026-08-23.1.jsonl", "/dev/null");
    rig.pass(RETRY);
    rig.writer.sync(rig.now);
    assert_eq!(rig.pause("acme"), RETRY * 2);
}

/// Over the bound the oldest records are lost, counted, and whoever waits for one is told.
#[test]
fn what_waits_in_memory_has_a_bound() {
    let mut rig = Rig::new();
    fs::write(rig.path("acme"), b"").unwrap();
    let line = "x".repeat(1 << 20);
    let fit = BACKLOG_BYTES_MAX / line.len();
    rig.append("acme", "the oldest");
    for _ in 1..fit {
        rig.append("acme", &line);
    }
    assert_eq!(rig.writer.counters.lost(), 0);
    let mut last = rig.append("acme", &line);
    assert_eq!(rig.writer.counters.lost(), 1);
    assert!(last.try_recv().is_err(), "it is kept");
    rig.append("acme", &line);
    assert_eq!((rig.writer.counters.lost(), rig.writer.backlog_bytes), (2, BACKLOG_BYTES_MAX));
    for _ in 0..fit {
        rig.append("acme", &line);
    }
    assert!(matches!(last.try_recv(), Ok(Err(CdrError::Io { .. }))));
}

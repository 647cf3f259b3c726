use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};

use super::*;
use crate::{BlobName, Day, Kv, mark};

fn tenant(store: &Store, name: &str) -> TenantStore {
    store.tenant(&TenantId::new(name).unwrap())
}

fn ast_db(store: &Store) -> Kv {
    tenant(store, "acme").kv(Class::AstDb).unwrap()
}

fn options() -> Options {
    Options { reserve_bytes: 0, ..Options::default() }
}

fn open(dir: &Path) -> Store {
    Store::open_with(dir, options()).unwrap()
}

#[test]
fn a_directory_in_use_is_refused_with_the_holders_pid() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let error = Store::open(dir.path()).unwrap_err();
    assert!(matches!(error, OpenError::Locked { pid: Some(pid), .. } if pid == std::process::id()));
    assert!(error.to_string().contains("is in use by another process (pid "), "{error}");
    drop(store);
    drop(open(dir.path()));
}

#[test]
fn a_directory_that_cannot_be_written_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    for bad in [file.clone(), file.join("below"), PathBuf::from("/proc/jackfield")] {
        let error = Store::open(&bad).unwrap_err();
        assert!(matches!(error, OpenError::Unwritable { .. }));
        assert!(error.to_string().contains(&bad.display().to_string()), "{error}");
    }
}

#[test]
fn a_full_disk_is_said_at_start() {
    let dir = tempfile::tempdir().unwrap();
    let error = Store::open_with(dir.path(), Options { reserve_bytes: u64::MAX, ..options() }).unwrap_err();
    assert!(error.to_string().contains("the disk is full: "), "{error}");
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    ast_db(&store).put(b"k", b"v").unwrap();
    let registrations = tenant(&store, "acme").registrations().unwrap();
    registrations.save("100", &["sip:100@192.0.2.1"]).unwrap();
    registrations.save("101", &["sip:101@192.0.2.1"]).unwrap();
    registrations.remove("101").unwrap();
    registrations.committed().await.unwrap();
    // The same user name in the other tenant (F8).
    tenant(&store, "globex").registrations().unwrap().save("100", &["sip:100@198.51.100.1"]).unwrap();
    store.committed().await.unwrap();
    drop((registrations, store));

    let store = open(dir.path());
    assert_eq!(ast_db(&store).get(b"k").unwrap().as_deref(), Some(&b"v"[..]));
    let loaded = tenant(&store, "acme").registrations().unwrap().load_all::<Vec<String>>().unwrap();
    assert_eq!(loaded.found, [("100".to_owned(), vec!["sip:100@192.0.2.1".to_owned()])]);
    assert_eq!(store.tenants().len(), 2);
    assert!(store.health().is_ok());
    assert_eq!(store.health().recovered, []);
}

#[test]
fn an_unreadable_registration_does_not_hide_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let registrations = tenant(&store, "acme").registrations().unwrap();
    for number in 0..2_500 {
        registrations.save(&format!("{number:04}"), &number).unwrap();
    }
    tenant(&store, "acme").kv(Class::Registration).unwrap().put(b"0007", b"no json").unwrap();
    let loaded = registrations.load_all::<u32>().unwrap();
    assert_eq!(loaded.found.len(), 2_499);
    assert_eq!(loaded.unreadable, ["0007"]);
}

/// crates.md: an empty snapshot makes sled's open fail, and deleting it recovers everything.
#[test]
fn an_empty_snapshot_is_set_aside_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    ast_db(&store).put(b"k", b"v").unwrap();
    store.committed_blocking().unwrap();
    drop(store);
    for entry in fs::read_dir(dir.path().join("kv")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_str().unwrap().starts_with("snap.") {
            fs::write(entry.path(), b"").unwrap();
        }
    }
    fs::write(dir.path().join("kv/snap.00000000000000FF"), b"").unwrap();
    let store = open(dir.path());
    assert_eq!(ast_db(&store).get(b"k").unwrap().as_deref(), Some(&b"v"[..]));
    assert!(matches!(store.health().recovered.as_slice(), [Recovery::SnapshotSetAside { .. }, ..]));
}

fn filled(dir: &Path) {
    let store = open(dir);
    for number in 0..2_000_u32 {
        ast_db(&store).put(&number.to_be_bytes(), &[number as u8; 300]).unwrap();
    }
    store.committed_blocking().unwrap();
    store.export_all().unwrap();
}

/// crates.md: a truncated log makes sled panic, or it takes what is left for all there was. K12: damage at rest is
/// noticed, and never brings wrong values out.
#[test]
fn a_truncated_database_is_replaced_by_the_newest_export() {
    let whole = tempfile::tempdir().unwrap();
    filled(whole.path());
    let length = fs::metadata(whole.path().join("kv/db")).unwrap().len();
    for (cut, expect_export) in [(0, true), (1, true), (4_096, true), (length / 2, true), (length - 1, false)] {
        let dir = tempfile::tempdir().unwrap();
        copy(whole.path(), dir.path());
        OpenOptions::new().write(true).open(dir.path().join("kv/db")).unwrap().set_len(cut).unwrap();
        let store = open(dir.path());
        let recovered = store.health().recovered;
        let from_export = recovered.iter().any(|repair| matches!(repair, Recovery::FromExport { .. }));
        assert!(from_export || !expect_export, "cut {cut} of {length}: {recovered:?}");
        for number in 0..2_000_u32 {
            let value = ast_db(&store).get(&number.to_be_bytes()).unwrap();
            assert_eq!(value.as_deref(), Some(&[number as u8; 300][..]), "cut {cut} of {length}: {number}");
        }
        // And it is a store that can be written, and opened again without another loss being seen.
        ast_db(&store).put(b"k", b"v").unwrap();
        drop(store);
        assert_eq!(open(dir.path()).health().recovered, [], "cut {cut} of {length}");
    }
}

/// What was written after the last export and is lost from the log is said to be lost; the older part stays.
#[test]
fn a_lost_tail_is_reported_and_the_rest_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    ast_db(&store).put(b"early", b"v").unwrap();
    store.committed_blocking().unwrap();
    drop(store);
    mark::note(dir.path(), 1_000).unwrap();
    let store = open(dir.path());
    assert!(
        matches!(store.health().recovered.as_slice(), [Recovery::TailLost { committed: 1_000, found }] if *found > 0)
    );
    assert!(ast_db(&store).get(b"early").unwrap().is_some());
}

/// K12: flipped bits in the log are found when the store is opened.
#[test]
fn flipped_bits_never_bring_wrong_values_out() {
    let whole = tempfile::tempdir().unwrap();
    filled(whole.path());
    let original = fs::read(whole.path().join("kv/db")).unwrap();
    for part in 0..24 {
        let dir = tempfile::tempdir().unwrap();
        copy(whole.path(), dir.path());
        let mut damaged = original.clone();
        let at = original.len() * part / 24 + 77;
        damaged[at.min(original.len() - 1)] ^= 0x10;
        fs::write(dir.path().join("kv/db"), damaged).unwrap();
        let store = open(dir.path());
        for number in 0..2_000_u32 {
            let value = ast_db(&store).get(&number.to_be_bytes()).unwrap();
            assert!(value.is_none_or(|value| value == [number as u8; 300]), "part {part}: {number}");
        }
    }
}

#[test]
fn a_lost_database_without_an_export_is_not_silently_replaced() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    fs::remove_dir_all(dir.path().join("exports")).unwrap();
    let db = dir.path().join("kv/db");
    let garbage: Vec<u8> = (0..200_000_u32).map(|number| (number * 7) as u8).collect();
    fs::write(&db, &garbage).unwrap();
    let error = Store::open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("to begin with nothing, move "), "{error}");
    assert!(db.exists());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Tells a child process which directory to work in; without it the tests below that are a child's body do nothing.
const CHILD_DIR: &str = "STORE_TEST_CHILD_DIR";

fn child_dir() -> Option<PathBuf> {
    std::env::var_os(CHILD_DIR).map(PathBuf::from)
}

/// This test binary again, to run only `test` as another process.
fn child_arguments(test: &str) -> [String; 4] {
    [format!("open::tests::{test}"), "--exact".to_owned(), "--nocapture".to_owned(), "--test-threads=1".to_owned()]
}

fn writing_child(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(child_arguments("child_that_writes_until_it_is_killed"))
        .env(CHILD_DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The body of the child of the test below.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(dir) = child_dir() else { return };
    let store = open(&dir);
    let acme = tenant(&store, "acme");
    let (kv, cdr, blobs) = (ast_db(&store), acme.cdr(), acme.blobs().unwrap());
    let registrations = acme.registrations().unwrap();
    let begin = kv.get(b"last").unwrap().map_or(0, |last| u64::from_be_bytes(last.try_into().unwrap()) + 1);
    let mut out = io::stdout();
    for number in begin.. {
        kv.put(format!("n/{number}").as_bytes(), &number.to_be_bytes()).unwrap();
        kv.put(b"last", &number.to_be_bytes()).unwrap();
        registrations.save(&format!("{}", number % 10), &number).unwrap();
        if number % 4 == 0 {
            let name = BlobName::new(&format!("rec-{}.wav", number % 12)).unwrap();
            blobs.put(&name, &number.to_be_bytes().repeat(500)).unwrap();
        }
        let receipt = cdr.try_append(&number).unwrap();
        store.committed_blocking().unwrap();
        receipt.committed_blocking().unwrap();
        writeln!(out, "ack {number}").unwrap();
        out.flush().unwrap();
    }
}

/// K1, F25: whatever was acknowledged before `kill -9` is there after it, whole; the rest is absent or whole.
#[test]
fn acknowledged_writes_survive_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..8 {
        let mut child = writing_child(dir.path());
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let acks = lines.map_while(Result::ok).filter_map(|line| line.split("ack ").nth(1)?.trim().parse::<u64>().ok());
        // Each round dies at another number of acknowledged writes; what the pipe still has counts as well.
        for (count, number) in acks.enumerate() {
            acknowledged.push(number);
            if count == 3 + round * 7 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        check_after_kill(dir.path(), &acknowledged);
    }
}

fn check_after_kill(dir: &Path, acknowledged: &[u64]) {
    let last = *acknowledged.last().expect("the child acknowledged something");
    let store = open(dir);
    let acme = tenant(&store, "acme");
    let registered = acme.registrations().unwrap().load_all::<u64>().unwrap();
    assert_eq!(registered.unreadable, [""; 0]);
    for (endpoint, number) in registered.found {
        assert!(number + 10 > last && number % 10 == endpoint.parse::<u64>().unwrap(), "{endpoint}: {number}");
    }
    let cdr = acme.cdr();
    let days: Vec<Day> = cdr.days().unwrap();
    let records: Vec<String> = days.iter().flat_map(|day| cdr.read(*day, 0, usize::MAX).unwrap()).collect();
    assert!(records.iter().all(|record| record.parse::<u64>().is_ok()), "a half-written record: {records:?}");
    for number in acknowledged {
        let value = ast_db(&store).get(format!("n/{number}").as_bytes()).unwrap();
        assert_eq!(value.as_deref(), Some(&number.to_be_bytes()[..]), "of {last}");
        assert!(records.contains(&number.to_string()), "record {number} of {last} is lost");
    }
    let blobs = acme.blobs().unwrap();
    for info in blobs.list("", None, 100) {
        let content = blobs.get(&info.name).unwrap().expect("it is listed");
        let number = u64::from_be_bytes(content[..8].try_into().unwrap());
        assert_eq!(content, number.to_be_bytes().repeat(500));
        assert!(number + 12 > last / 4 * 4, "{}: {number} is older than acknowledged {last}", info.name);
    }
}

/// The body of the child of the test below, inside a file system of 16 MiB.
#[test]
fn child_on_a_small_disk() {
    let Some(dir) = child_dir() else { return };
    let options = Options { reserve_bytes: 4 * 1_024 * 1_024, cache_bytes: 1_024 * 1_024, ..Options::default() };
    let store = Store::open_with(&dir, options).unwrap();
    let (kv, blobs) = (ast_db(&store), tenant(&store, "acme").blobs().unwrap());
    let mut written = Vec::new();
    let refused = loop {
        let number = written.len() as u32;
        match kv.put(&number.to_be_bytes(), &[number as u8; 4_000]) {
            Ok(()) => written.push(number),
            Err(error) => break error,
        }
        store.committed_blocking().unwrap();
    };
    assert!(matches!(refused, crate::WriteError::DiskFull(_)), "{refused}");
    assert!(matches!(store.health().problems.as_slice(), [Problem::DiskFull { .. }]));
    let name = BlobName::new("a").unwrap();
    assert!(matches!(blobs.put(&name, &[0; 1_000]), Err(crate::BlobError::DiskFull(_))));
    for number in &written {
        assert_eq!(kv.get(&number.to_be_bytes()).unwrap().unwrap(), [*number as u8; 4_000]);
    }
    // Something else fills the disk to the last byte: reads go on, records wait, and a blob is there whole or not.
    let filler = dir.join("filler");
    drop(fs::write(&filler, vec![0; 64 * 1_024 * 1_024]));
    assert_eq!(kv.get(&written[0].to_be_bytes()).unwrap().unwrap(), [0; 4_000]);
    let cdr = tenant(&store, "acme").cdr();
    let error = cdr.try_append(&"a record").unwrap().committed_blocking().unwrap_err();
    assert!(matches!(error, crate::CdrError::Io { .. }), "{error}");
    assert!(store.health().problems.iter().any(|problem| matches!(problem, Problem::Cdr { .. })));
    fs::remove_file(filler).unwrap();
    // With room again records and values are taken again; the waiting record comes first.
    cdr.try_append(&"another").unwrap().committed_blocking().unwrap();
    let records = cdr.read(cdr.days().unwrap()[0], 0, 10).unwrap();
    assert_eq!(records, [r#""a record""#, r#""another""#]);
    for number in &written {
        kv.delete(&number.to_be_bytes()).unwrap();
    }
    store.committed_blocking().unwrap();
    drop((kv, blobs, cdr, store));
    drop(Store::open(&dir));
    writeln!(io::stdout(), "small disk: done").unwrap();
}

/// K4: a full disk is reported, reads go on, and writing goes on when there is room.
#[test]
fn a_disk_that_fills_up_stops_writes_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    // In a mount namespace of its own, so that nothing is left mounted whatever happens.
    let script = r#"mount -t tmpfs -o size=16m tmpfs "$STORE_TEST_CHILD_DIR" || exit 77; exec "$0" "$@""#;
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .args(child_arguments("child_on_a_small_disk"))
        .env(CHILD_DIR, dir.path())
        .output();
    match output {
        Ok(output) if output.status.success() => {
            assert!(String::from_utf8_lossy(&output.stdout).contains("small disk: done"));
        }
        // Without the right to mount there is no small disk; exit code 1 is also unshare's refusal, which says so.
        Ok(output) if output.status.code() == Some(77) || output.stderr.starts_with(b"unshare:") => {
            println!("skipped: no right to mount a small file system (K4 needs root)");
        }
        Ok(output) => panic!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
        Err(error) => println!("skipped: no unshare here: {error}"),
    }
}

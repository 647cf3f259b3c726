use call::TenantId;

use super::*;
use crate::{Options, Quotas, Store};

fn open(dir: &Path) -> Store {
    let quotas = Quotas { blob_bytes: 10_000, ..Quotas::default() };
    Store::open_with(dir, Options { quotas, reserve_bytes: 0, ..Options::default() }).unwrap()
}

fn blobs(store: &Store, tenant: &str) -> Blobs {
    store.tenant(&TenantId::new(tenant).unwrap()).blobs().unwrap()
}

fn name(text: &str) -> BlobName {
    BlobName::new(text).unwrap()
}

fn names(list: &[BlobInfo]) -> Vec<&str> {
    list.iter().map(|info| info.name.as_str()).collect()
}

#[test]
fn a_name_is_never_a_path() {
    for good in ["a", "vm-100_msg.0001.wav", "A9", "messages/4321/1", &"x".repeat(192)] {
        assert_eq!(BlobName::new(good).unwrap().as_str(), good);
    }
    let long = "x".repeat(193);
    for bad in [
        "",
        ".",
        "..",
        "a..b",
        ".hidden",
        "-x",
        "a/",
        "/a",
        "a//b",
        "a/../b",
        "a/.b",
        "a+b",
        "a\\b",
        "a\0",
        "a b",
        "é",
        "/etc/passwd",
        "a\n",
        &long,
    ] {
        assert_eq!(BlobName::new(bad), Err(BlobNameError), "{bad:?}");
    }
}

#[test]
fn a_blob_is_there_after_finish_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let acme = blobs(&store, "acme");
    let mut writer = acme.create(&name("messages/rec.wav")).unwrap();
    writer.append(b"????").unwrap();
    writer.append(b" and the rest").unwrap();
    assert_eq!(acme.get(&name("messages/rec.wav")).unwrap(), None);
    writer.append(b" and silence").unwrap();
    writer.conclude(b"RIFF", 17).unwrap();
    assert!(writer.conclude(&[0; 18], 17).is_err());
    assert!(writer.conclude(b"RIFF", 18).is_err());
    assert_eq!(writer.finish().unwrap().bytes, 17);
    assert_eq!(acme.used_bytes(), 17);
    drop((acme, store));
    let store = open(dir.path());
    let acme = blobs(&store, "acme");
    assert_eq!(acme.get(&name("messages/rec.wav")).unwrap().unwrap(), b"RIFF and the rest");
    let mut text = String::new();
    acme.open_unchecked(&name("messages/rec.wav")).unwrap().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "RIFF and the rest");
    assert_eq!(blobs(&store, "globex").get(&name("messages/rec.wav")).unwrap(), None);
}

#[test]
fn a_blob_that_is_not_finished_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let acme = blobs(&store, "acme");
    let mut writer = acme.create(&name("rec.wav")).unwrap();
    writer.append(&[0; 5_000]).unwrap();
    assert_eq!(acme.used_bytes(), 5_000);
    drop(writer);
    assert_eq!(acme.used_bytes(), 0);
    assert_eq!(fs::read_dir(dir.path().join("blobs/acme")).unwrap().count(), 0);
    // What a dead process left is removed at the next start.
    let left = dir.path().join("blobs/acme/.unfinished-00000001");
    fs::write(&left, b"half").unwrap();
    drop((acme, store));
    let store = open(dir.path());
    assert_eq!(blobs(&store, "acme").list("", None, 10), []);
    assert!(!left.exists());
}

#[test]
fn a_new_blob_replaces_an_old_one_of_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let acme = blobs(&store, "acme");
    let first = acme.put(&name("greeting.wav"), b"hello").unwrap();
    let mut reader = acme.open_unchecked(&name("greeting.wav")).unwrap().unwrap();
    let second = acme.put(&name("greeting.wav"), b"good day").unwrap();
    assert!(second.generation > first.generation);
    assert_eq!(acme.get(&name("greeting.wav")).unwrap().unwrap(), b"good day");
    assert_eq!(acme.used_bytes(), 8);
    // Who was reading the old one reads it to its end.
    let mut old = String::new();
    reader.read_to_string(&mut old).unwrap();
    assert_eq!(old, "hello");
    // The process died between the rename and the removal of the old one: the newer one counts.
    let crc = crc32fast::hash(b"old");
    let stale = dir.path().join(format!("blobs/acme/00000001-{crc:08x}-greeting.wav"));
    fs::write(&stale, b"old").unwrap();
    drop((acme, store));
    let acme = blobs(&open(dir.path()), "acme");
    assert_eq!(acme.get(&name("greeting.wav")).unwrap().unwrap(), b"good day");
    assert_eq!(acme.used_bytes(), 8);
    assert!(!stale.exists());
}

#[test]
fn blobs_are_listed_in_pages_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let acme = blobs(&store, "acme");
    for text in ["b-1", "a-1", "a-3", "a-2"] {
        acme.put(&name(text), text.as_bytes()).unwrap();
    }
    assert_eq!(names(&acme.list("a-", None, 2)), ["a-1", "a-2"]);
    assert_eq!(names(&acme.list("a-", Some(&name("a-2")), 2)), ["a-3"]);
    assert_eq!(names(&acme.list("b", Some(&name("a-2")), 2)), ["b-1"]);
    assert!(acme.delete(&name("a-1")).unwrap());
    assert!(!acme.delete(&name("a-1")).unwrap());
    assert_eq!(acme.info(&name("a-1")), None);
    assert_eq!(acme.list("", None, 10).len(), 3);
    assert_eq!(acme.used_bytes(), 9);
}

#[test]
fn the_quota_holds_for_what_is_being_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let acme = blobs(&store, "acme");
    let mut writer = acme.create(&name("a")).unwrap();
    writer.append(&[0; 8_000]).unwrap();
    let error = acme.put(&name("b"), &[0; 3_000]).unwrap_err();
    assert!(matches!(error, BlobError::Quota { used: 8_000, needed: 3_000, limit: 10_000 }), "{error}");
    assert!(writer.append(&[0; 3_000]).is_err());
    // What was taken before the refusal is still a blob.
    assert_eq!(writer.finish().unwrap().bytes, 8_000);
    blobs(&store, "globex").put(&name("b"), &[0; 3_000]).unwrap();
}

/// A folder is a plugin's: what one takes the others have not.
#[test]
fn a_folder_has_a_quota_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let acme = blobs(&store, "acme");
    let mut writer = acme.create_within(&name("one/a"), Some(2_000)).unwrap();
    writer.append(&[0; 1_500]).unwrap();
    let mut other = acme.create_within(&name("one/b"), Some(2_000)).unwrap();
    let error = other.append(&[0; 501]).unwrap_err();
    assert!(matches!(error, BlobError::Quota { used: 1_500, needed: 501, limit: 2_000 }), "{error}");
    other.append(&[0; 500]).unwrap();
    drop(other);
    acme.create_within(&name("two/a"), Some(2_000)).unwrap().append(&[0; 2_000]).unwrap();
    writer.finish().unwrap();
    assert_eq!((acme.used_below("one"), acme.used_below("two"), acme.used_bytes()), (1_500, 0, 1_500));
    drop((acme, store));
    let acme = blobs(&open(dir.path()), "acme");
    assert_eq!(acme.used_below("one"), 1_500);
    acme.delete(&name("one/a")).unwrap();
    assert_eq!(acme.used_below("one"), 0);
}

#[test]
fn a_renamed_blob_replaces_another_and_keeps_its_content() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let acme = blobs(&store, "acme");
    acme.put(&name("p/new"), b"the new one").unwrap();
    acme.put(&name("p/greeting"), b"old").unwrap();
    assert!(!acme.rename(&name("p/none"), &name("p/greeting")).unwrap());
    assert!(acme.rename(&name("p/new"), &name("p/greeting")).unwrap());
    assert!(acme.rename(&name("p/greeting"), &name("p/greeting")).unwrap());
    assert_eq!(names(&acme.list("", None, 10)), ["p/greeting"]);
    assert_eq!((acme.used_bytes(), acme.used_below("p")), (11, 11));
    // The process died before the replaced one was removed.
    let crc = crc32fast::hash(b"old");
    fs::write(dir.path().join(format!("blobs/acme/00000002-{crc:08x}-p+greeting")), b"old").unwrap();
    drop((acme, store));
    let acme = blobs(&open(dir.path()), "acme");
    assert_eq!(acme.get(&name("p/greeting")).unwrap().unwrap(), b"the new one");
    assert_eq!(fs::read_dir(dir.path().join("blobs/acme")).unwrap().count(), 1);
}

/// K12: a blob that changed on disk is an error and never sound.
#[test]
fn a_damaged_blob_is_not_handed_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let acme = blobs(&store, "acme");
    acme.put(&name("a"), b"content").unwrap();
    let path = fs::read_dir(dir.path().join("blobs/acme")).unwrap().next().unwrap().unwrap().path();
    fs::write(path, b"contend").unwrap();
    assert!(matches!(acme.get(&name("a")), Err(BlobError::Corrupt { .. })));
}

use std::io::Cursor;

use super::*;
use crate::{Options, Store};

fn open(dir: &Path) -> Store {
    Store::open_with(dir, Options { reserve_bytes: 0, ..Options::default() }).unwrap()
}

fn tenant(store: &Store, name: &str) -> TenantStore {
    store.tenant(&TenantId::new(name).unwrap())
}

/// An export with an entry that expires, a plugin's binary entry and a blob of more than one line.
fn example(store: &Store) -> Vec<u8> {
    let acme = tenant(store, "acme");
    acme.kv(Class::AstDb).unwrap().put(b"family/key", "Zürich".as_bytes()).unwrap();
    let plugin = acme.kv(Class::PluginKv("voicemail".into())).unwrap();
    plugin.put_for(&[0, 1, 0xFF], &[0; 100], 1_000_000).unwrap();
    acme.blobs().unwrap().put(&BlobName::new("greeting.wav").unwrap(), &[7; 100_000]).unwrap();
    let mut out = Vec::new();
    let summary = acme.export(Scope::EntriesAndBlobs, &mut out).unwrap();
    assert_eq!(summary, ExportSummary { entries: 2, blobs: 1 });
    out
}

#[test]
fn a_tenant_is_taken_up_as_it_was_under_another_name() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let export = example(&store);
    let moved = tenant(&store, "moved");
    moved.kv(Class::AstDb).unwrap().put(b"family/key", b"is written over").unwrap();
    moved.kv(Class::AstDb).unwrap().put(b"other", b"stays").unwrap();
    let summary = moved.import(&mut Cursor::new(&export)).unwrap();
    assert_eq!(summary, ExportSummary { entries: 2, blobs: 1 });
    let db = moved.kv(Class::AstDb).unwrap();
    assert_eq!(db.get(b"family/key").unwrap().unwrap(), "Zürich".as_bytes());
    assert_eq!(db.get(b"other").unwrap().unwrap(), b"stays");
    let plugin = moved.kv(Class::PluginKv("voicemail".into())).unwrap();
    assert_eq!(plugin.get(&[0, 1, 0xFF]).unwrap().unwrap(), [0; 100]);
    let blob = moved.blobs().unwrap().get(&BlobName::new("greeting.wav").unwrap()).unwrap().unwrap();
    assert_eq!(blob, [7; 100_000]);
    let mut again = Vec::new();
    tenant(&store, "acme").export(Scope::Entries, &mut again).unwrap();
    assert!(again.len() < 1_000);
}

#[test]
fn a_cut_or_changed_export_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let export = example(&store);
    let target = tenant(&store, "target");
    let mut cuts: Vec<usize> = (0..export.len()).filter(|at| export[*at] == b'\n').collect();
    cuts.extend([0, 1, 10, export.len() / 2, export.len() - 1]);
    for cut in cuts.into_iter().filter(|cut| *cut < export.len()) {
        target.import(&mut Cursor::new(&export[..cut])).unwrap_err();
    }
    for at in (0..export.len()).step_by(997) {
        let mut changed = export.clone();
        changed[at] ^= 1;
        target.import(&mut Cursor::new(&changed)).unwrap_err();
    }
    assert_eq!(target.classes(), []);
    assert_eq!(target.blobs().unwrap().list("", None, 10), []);
}

#[test]
fn a_line_that_is_none_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let target = tenant(&open(dir.path()), "target");
    let first = r#"{"jackfield-export":{"version":1,"tenant":"acme"}}"#;
    for (text, expected) in [
        (r#"{"entry":{}}"#.to_owned(), "line 1"),
        (r#"{"jackfield-export":{"version":9,"tenant":"acme"}}"#.to_owned(), "not an export of version 1"),
        (format!("{first}\n{{\"what\":1}}"), "line 2"),
        (format!("{first}\n{first}"), "line 2 of the export: stands in the wrong place"),
        (
            format!("{first}\n{{\"entry\":{{\"class\":\"no\",\"key\":\"\",\"value\":\"\",\"expiry\":0}}}}"),
            "unknown class",
        ),
        (
            format!("{first}\n{{\"entry\":{{\"class\":\"astdb\",\"key\":\"0\",\"value\":\"\",\"expiry\":0}}}}"),
            "not hex",
        ),
        (format!("{first}\n{{\"blob\":{{\"name\":\"../x\"}}}}"), "line 2 of the export: a blob's name"),
    ] {
        let error = target.import(&mut Cursor::new(format!("{text}\n"))).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn sets_hold_every_tenant_and_old_ones_go() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    tenant(&store, "acme").kv(Class::AstDb).unwrap().put(b"k", b"v").unwrap();
    tenant(&store, "globex").kv(Class::AstDb).unwrap().put(b"k", b"v").unwrap();
    let root = dir.path().join("exports");
    for unix_ms in 1..=5 {
        export_set(store.trees(), &root, unix_ms).unwrap();
    }
    let sets = sets(&root).unwrap();
    assert_eq!(sets.len(), SETS_KEPT);
    assert!(sets[2].ends_with("000000000000005"));
    let mut tenants: Vec<String> = files(&sets[2]).unwrap().iter().map(|(tenant, _)| tenant.to_string()).collect();
    tenants.sort();
    assert_eq!(tenants, ["acme", "globex"]);
}

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use call::TenantId;

use super::*;
use crate::{Quotas, Store, Wallclock};

struct Fixture {
    _dir: tempfile::TempDir,
    store: Store,
    clock_ms: Arc<AtomicU64>,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let clock_ms = Arc::new(AtomicU64::new(1_000_000));
    let quotas = Quotas { plugin_kv_bytes: 2_000, ..Quotas::default() };
    let options =
        Options { quotas, reserve_bytes: 0, wallclock: Wallclock::Given(Arc::clone(&clock_ms)), ..Options::default() };
    Fixture { store: Store::open_with(dir.path(), options).unwrap(), clock_ms, _dir: dir }
}

impl Fixture {
    fn kv(&self, tenant: &str, class: Class) -> Kv {
        self.store.tenant(&TenantId::new(tenant).unwrap()).kv(class).unwrap()
    }

    fn pass_ms(&self, ms: u64) {
        self.clock_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

fn plugin(name: &str) -> Class {
    Class::PluginKv(name.into())
}

fn keys(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| std::str::from_utf8(&entry.key).unwrap()).collect()
}

#[test]
fn what_was_put_is_there_until_it_is_deleted() {
    let f = fixture();
    let kv = f.kv("acme", Class::AstDb);
    assert_eq!(kv.get(b"k").unwrap(), None);
    kv.put(b"k", b"one").unwrap();
    kv.put(b"k", b"two").unwrap();
    kv.put(b"", b"the empty key is a key").unwrap();
    kv.put(b"empty", b"").unwrap();
    assert_eq!(kv.get(b"k").unwrap().as_deref(), Some(&b"two"[..]));
    assert_eq!(kv.get(b"empty").unwrap().as_deref(), Some(&b""[..]));
    kv.delete(b"k").unwrap();
    kv.delete(b"never there").unwrap();
    assert_eq!(kv.get(b"k").unwrap(), None);
}

/// F8, F24, E4: the same key in two tenants, in two classes and in two plugins is a different entry each time.
#[test]
fn tenants_classes_and_plugins_do_not_see_each_other() {
    let f = fixture();
    let places = [
        f.kv("acme", Class::AstDb),
        f.kv("globex", Class::AstDb),
        f.kv("acme", Class::DeviceState),
        f.kv("acme", plugin("a")),
        f.kv("acme", plugin("ab")),
        f.kv("acme", plugin("")),
        f.kv("acme-a", plugin("b")),
    ];
    for (index, kv) in places.iter().enumerate() {
        kv.put(b"same", &[index as u8]).unwrap();
    }
    for (index, kv) in places.iter().enumerate() {
        assert_eq!(kv.get(b"same").unwrap(), Some(vec![index as u8]));
        assert_eq!(kv.scan(b"", None, 10).unwrap().len(), 1);
    }
    let acme = f.store.tenant(&TenantId::new("acme").unwrap());
    acme.remove().unwrap();
    assert_eq!(acme.kv(Class::AstDb).unwrap().get(b"same").unwrap(), None);
    assert_eq!(places[1].get(b"same").unwrap(), Some(vec![1]));
    assert_eq!(places[6].get(b"same").unwrap(), Some(vec![6]));
}

#[test]
fn compare_and_set_writes_only_over_what_was_expected() {
    let f = fixture();
    let kv = f.kv("acme", plugin("p"));
    kv.cas(b"k", None, Some(b"one")).unwrap();
    let changed = kv.cas(b"k", None, Some(b"other")).unwrap_err();
    assert!(matches!(changed, CasError::Changed { current: Some(current) } if current == b"one"));
    let changed = kv.cas(b"k", Some(b"two"), None).unwrap_err();
    assert!(matches!(changed, CasError::Changed { .. }));
    kv.cas(b"k", Some(b"one"), Some(b"two")).unwrap();
    kv.cas(b"k", Some(b"two"), None).unwrap();
    assert!(matches!(kv.cas(b"k", Some(b"two"), None), Err(CasError::Changed { current: None })));
}

#[test]
fn one_of_many_writers_wins_each_compare_and_set() {
    let f = fixture();
    let kv = f.kv("acme", plugin("counter"));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let mut current: Option<Vec<u8>> = kv.get(b"n").unwrap();
                    loop {
                        let number = current.as_deref().map_or(0, |text| u64::from_be_bytes(text.try_into().unwrap()));
                        match kv.cas(b"n", current.as_deref(), Some(&(number + 1).to_be_bytes())) {
                            Ok(()) => break,
                            Err(CasError::Changed { current: seen }) => current = seen,
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
            });
        }
    });
    assert_eq!(kv.get(b"n").unwrap().unwrap(), 800_u64.to_be_bytes());
    assert_eq!(kv.usage().entries, 1);
}

#[test]
fn an_expired_entry_is_gone_for_every_reader() {
    let f = fixture();
    let kv = f.kv("acme", plugin("p"));
    kv.put_for(b"short", b"1", 1_000).unwrap();
    kv.cas_for(b"long", None, b"2", 5_000).unwrap();
    kv.put(b"for good", b"3").unwrap();
    f.pass_ms(999);
    assert_eq!(kv.get(b"short").unwrap().as_deref(), Some(&b"1"[..]));
    f.pass_ms(1);
    assert_eq!(kv.get(b"short").unwrap(), None);
    assert_eq!(keys(&kv.scan(b"", None, 10).unwrap()), ["for good", "long"]);
    // An expired value is no value to a compare-and-set, and setting it anew without an expiry keeps it.
    kv.cas(b"short", None, Some(b"again")).unwrap();
    f.pass_ms(1_000_000);
    assert_eq!(keys(&kv.scan(b"", None, 10).unwrap()), ["for good", "short"]);
    assert_eq!(kv.sweep().unwrap(), 1);
    assert_eq!(kv.usage().entries, 2);
}

/// One class that cannot be read keeps nobody else's expired entries, and is asked again the next time.
#[test]
fn a_damaged_class_does_not_stop_the_sweep_of_the_others() {
    let f = fixture();
    let classes: Vec<Kv> = (0..8).map(|number| f.kv("acme", plugin(&number.to_string()))).collect();
    for kv in &classes {
        kv.put_for(b"short", b"1", 1_000).unwrap();
    }
    // What is below its handle is gone: every read of it fails.
    let trees = &classes[0].trees;
    assert!(trees.db.drop_tree(tree_name(&TenantId::new("acme").unwrap(), &plugin("3"))).unwrap());
    f.pass_ms(1_000);
    assert!(classes[3].sweep().is_err(), "it is damaged");
    assert_eq!(trees.sweep(), 7);
    assert!(classes.iter().enumerate().all(|(number, kv)| kv.usage().entries == u64::from(number == 3)));
    assert!(lock(&classes[3].tree.account).next_expiry <= 1_001_000, "it is still due");
}

#[test]
fn the_quota_counts_bytes_and_refuses_with_the_figures() {
    let f = fixture();
    let kv = f.kv("acme", plugin("p"));
    let other = f.kv("acme", plugin("other"));
    kv.put(b"a", &[0; 1_000]).unwrap();
    let used = kv.usage().bytes;
    assert!(used > 1_000);
    let error = kv.put(b"b", &[0; 1_000]).unwrap_err();
    assert!(matches!(error, WriteError::Quota { limit: 2_000, used: reported, .. } if reported == used), "{error}");
    // Another plugin of the tenant has its own quota; replacing a value charges only the difference; deleting gives back.
    other.put(b"b", &[0; 1_000]).unwrap();
    kv.put(b"a", &[0; 1_500]).unwrap();
    kv.delete(b"a").unwrap();
    assert_eq!(kv.usage(), Usage::default());
    kv.put(b"b", &[0; 1_000]).unwrap();
    // Entries without a value cost, too.
    let refused = (0..1_000).map(|index: u32| kv.put(&index.to_be_bytes(), b"")).find(Result::is_err);
    assert!(matches!(refused, Some(Err(WriteError::Quota { .. }))));
}

/// F64: a plugin's own quota is the smaller one, up to its last byte; the other way round the class's holds.
#[test]
fn a_handle_may_fill_less_than_its_class() {
    let f = fixture();
    let all = f.kv("acme", plugin("p"));
    all.put(b"a", b"1").unwrap();
    let entry = all.usage().bytes;
    let some = all.clone().within(3 * entry);
    assert_eq!((some.quota_bytes(), all.clone().within(9_999).quota_bytes()), (3 * entry, 2_000));
    some.put(b"b", b"2").unwrap();
    some.put(b"c", b"3").unwrap();
    assert_eq!(some.usage().bytes, some.quota_bytes(), "full to the last byte");
    let error = some.put(b"d", b"").unwrap_err();
    assert!(matches!(error, WriteError::Quota { limit, .. } if limit == 3 * entry), "{error}");
    assert!(matches!(some.cas(b"d", None, Some(b"")), Err(CasError::Write(WriteError::Quota { .. }))));
    // What is there may be replaced and deleted, and whoever has the whole class goes on.
    some.put(b"c", b"4").unwrap();
    all.put(b"d", b"5").unwrap();
    assert!(some.put(b"c", b"6").is_err(), "more is used than this handle may");
    some.delete(b"d").unwrap();
    some.put(b"c", b"6").unwrap();
}

/// What has expired does not lie on the disk until somebody needs its room.
#[test]
fn expired_entries_are_deleted_now_and_then() {
    let (dir, clock_ms) = (tempfile::tempdir().unwrap(), Arc::new(AtomicU64::new(1_000_000)));
    let options = Options {
        export_interval: std::time::Duration::from_millis(1),
        wallclock: Wallclock::Given(Arc::clone(&clock_ms)),
        ..Options::default()
    };
    let store = Store::open_with(dir.path(), options).unwrap();
    let kv = |tenant: &str, class| store.tenant(&TenantId::new(tenant).unwrap()).kv(class).unwrap();
    let (states, own) = (kv("acme", Class::DeviceState), kv("globex", plugin("p")));
    for kv in [&states, &own] {
        kv.put_for(b"soon", b"1", 10).unwrap();
        kv.put_for(b"later", b"2", 1_000).unwrap();
        kv.put(b"never", b"3").unwrap();
    }
    clock_ms.fetch_add(10, Ordering::Relaxed);
    while states.usage().entries > 2 || own.usage().entries > 2 {
        std::thread::yield_now();
    }
    clock_ms.fetch_add(1_000, Ordering::Relaxed);
    while states.usage().entries > 1 || own.usage().entries > 1 {
        std::thread::yield_now();
    }
    assert_eq!(states.get(b"never").unwrap().as_deref(), Some(&b"3"[..]));
}

#[test]
fn expired_entries_make_room() {
    let f = fixture();
    let kv = f.kv("acme", plugin("p"));
    kv.put_for(b"a", &[0; 1_500], 10).unwrap();
    assert!(kv.put(b"b", &[0; 1_500]).is_err());
    f.pass_ms(10);
    kv.put(b"b", &[0; 1_500]).unwrap();
    assert_eq!(kv.usage().entries, 1);
    // The value that expired and the value that replaces it may have the same key.
    kv.put_for(b"b", &[0; 1_500], 10).unwrap();
    f.pass_ms(10);
    kv.put(b"b", &[0; 1_600]).unwrap();
    assert_eq!(kv.usage().entries, 1);
}

/// H13: a full class is not read through for each refused write, only once something in it can have expired.
#[test]
fn a_full_class_is_swept_only_when_something_expires() {
    let f = fixture();
    let kv = f.kv("acme", plugin("p"));
    kv.put_for(b"a", &[0; 900], 5_000).unwrap();
    kv.put_for(b"b", &[0; 900], 9_000).unwrap();
    let due = |kv: &Kv| lock(&kv.tree.account).next_expiry;
    assert_eq!(due(&kv), 1_005_000);
    assert!(kv.put(b"c", &[0; 900]).is_err());
    f.pass_ms(5_000);
    kv.put(b"c", &[0; 900]).unwrap();
    assert_eq!(due(&kv), 1_009_000);
    // Known again after the class is opened anew.
    assert_eq!(measure(&kv.tree.tree).unwrap().next_expiry, 1_009_000);
}

#[test]
fn a_scan_goes_through_a_prefix_in_pages() {
    let f = fixture();
    let kv = f.kv("acme", Class::AstDb);
    for key in ["a/1", "a/2", "a/3", "a0", "b/1"] {
        kv.put(key.as_bytes(), key.as_bytes()).unwrap();
    }
    let first = kv.scan(b"a/", None, 2).unwrap();
    assert_eq!(keys(&first), ["a/1", "a/2"]);
    assert_eq!(keys(&kv.scan(b"a/", Some(b"a/2"), 2).unwrap()), ["a/3"]);
    assert_eq!(keys(&kv.scan(b"a/", Some(b"a/3"), 2).unwrap()), [""; 0]);
    // A place to go on from that lies before the prefix is the beginning; one behind it is the end.
    assert_eq!(keys(&kv.scan(b"b", Some(b"a"), 9).unwrap()), ["b/1"]);
    assert_eq!(keys(&kv.scan(b"a", Some(b"c"), 9).unwrap()), [""; 0]);
    assert_eq!(kv.scan(b"", None, 0).unwrap(), []);
}

#[test]
fn keys_and_values_have_a_longest() {
    let f = fixture();
    let kv = f.kv("acme", Class::AstDb);
    kv.put(&[b'k'; KEY_BYTES_MAX], &[0; VALUE_BYTES_MAX]).unwrap();
    let long = [0; VALUE_BYTES_MAX + 1];
    let error = kv.put(b"k", &long).unwrap_err();
    assert!(matches!(error, WriteError::Value(ValueError { what: "value", .. })));
    let error = kv.put(&long[..=KEY_BYTES_MAX], b"").unwrap_err();
    assert_eq!(error.to_string(), "the key has 1025 bytes, the limit is 1024");
}

/// K12: a value that is not what was written is an error for who asks for it, and only for him.
#[test]
fn a_damaged_value_is_never_handed_out() {
    let f = fixture();
    let kv = f.kv("acme", Class::AstDb);
    kv.put(b"a", b"good").unwrap();
    kv.put(b"c", b"good").unwrap();
    let sealed = seal_value(b"b", b"value", 0);
    for index in 0..sealed.len() {
        for bit in 0..8 {
            let mut damaged = sealed.clone();
            damaged[index] ^= 1 << bit;
            kv.tree.tree.insert(b"b", damaged).unwrap();
            assert!(matches!(kv.get(b"b"), Err(KvError::Corrupt { .. })), "byte {index}, bit {bit}");
        }
    }
    for cut in 0..sealed.len() {
        kv.tree.tree.insert(b"b", &sealed[..cut]).unwrap();
        assert!(matches!(kv.get(b"b"), Err(KvError::Corrupt { .. })), "cut at {cut}");
    }
    // A value under another key than its own is damage as well.
    kv.tree.tree.insert(b"b", seal_value(b"a", b"value", 0)).unwrap();
    assert!(matches!(kv.get(b"b"), Err(KvError::Corrupt { .. })));
    assert_eq!(keys(&kv.scan(b"", None, 10).unwrap()), ["a", "c"]);
    kv.put(b"b", b"written anew").unwrap();
    assert_eq!(kv.get(b"b").unwrap().as_deref(), Some(&b"written anew"[..]));
}

#[test]
fn the_name_of_a_tree_says_whose_it_is() {
    for class in [Class::AstDb, Class::Deployment, Class::DeviceState, Class::Registration, plugin("x:y/\0z")] {
        let tenant = TenantId::new("acme").unwrap();
        assert_eq!(tree_owner(&tree_name(&tenant, &class)), Some((tenant, class.clone())));
        assert_eq!(Class::from_label(&class.label()), Some(class));
    }
    for foreign in [&b"__sled__default"[..], b"", &key::encode(&[b"t1", b"../x", b"astdb", b""])] {
        assert_eq!(tree_owner(foreign), None);
    }
}

#[tokio::test]
async fn many_waiters_share_a_commit_and_all_hear_of_it() {
    let f = fixture();
    let kv = f.kv("acme", Class::AstDb);
    let waiting: Vec<_> = (0..200_u32)
        .map(|index| {
            kv.put(&index.to_be_bytes(), b"v").unwrap();
            let kv = kv.clone();
            tokio::spawn(async move { kv.committed().await })
        })
        .collect();
    for waiter in waiting {
        waiter.await.unwrap().unwrap();
    }
    // Handles may outlive the store: they go on reading, and promise nothing any more.
    drop(f.store);
    assert_eq!(kv.get(&7_u32.to_be_bytes()).unwrap().as_deref(), Some(&b"v"[..]));
    assert!(matches!(kv.committed().await, Err(crate::CommitError::Closed)));
}

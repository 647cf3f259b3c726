//! Prompts from files: the tenant's own first, then those of its plugins.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use arc_swap::ArcSwap;
use call::TenantId;
use switch::{SoundName, SoundSource};

/// Largest prompt file: ten minutes at 16 kHz.
pub(crate) const FILE_BYTES_MAX: u64 = 20 << 20;

/// The folders that are searched. Files and commands change them independently, so that neither undoes what the other did meanwhile.
#[derive(Default)]
pub(crate) struct Sounds {
    tenants: ArcSwap<BTreeMap<TenantId, Folders>>,
}

/// The folders of one tenant.
#[derive(Clone, Default)]
struct Folders {
    /// What the files say: the tenant's own, then those of its plugins.
    declared: Vec<PathBuf>,
    /// Those of plugins that were installed by command, by the plugin's id. They are searched right after the tenant's own.
    by_hand: BTreeMap<String, ByHand>,
}

#[derive(Clone)]
struct ByHand {
    folder: PathBuf,
    /// The plugin was removed: calls that are in it still hear its prompts, until the next reload.
    is_removed: bool,
}

impl Sounds {
    /// Puts in place what the files say of every tenant, in the order it is searched. A tenant whose files are refused has none there,
    /// and keeps what it had. `by_hand` is asked for the plugins that were installed by command when a tenant is new.
    pub(crate) fn declare(
        &self,
        files: &BTreeMap<TenantId, Option<Vec<PathBuf>>>,
        by_hand: impl Fn(&TenantId) -> BTreeMap<String, PathBuf>,
    ) {
        self.tenants.rcu(|before| {
            let tenants = files.iter().map(|(id, declared)| {
                let mut folders = before.get(id).cloned().unwrap_or_else(|| Folders {
                    by_hand: by_hand(id).into_iter().map(|(plugin, folder)| (plugin, ByHand::new(&folder))).collect(),
                    ..Folders::default()
                });
                folders.by_hand.retain(|_, plugin| !plugin.is_removed);
                folders.declared = declared.clone().unwrap_or(folders.declared);
                (id.clone(), folders)
            });
            tenants.collect::<BTreeMap<_, _>>()
        });
    }

    /// A plugin of a tenant has its prompts here from now on.
    pub(crate) fn install(&self, tenant: &TenantId, plugin: &str, folder: &Path) {
        self.change(tenant, |by_hand| drop(by_hand.insert(plugin.to_owned(), ByHand::new(folder))));
    }

    /// A plugin of a tenant is gone.
    pub(crate) fn remove(&self, tenant: &TenantId, plugin: &str) {
        self.change(tenant, |by_hand| {
            if let Some(plugin) = by_hand.get_mut(plugin) {
                plugin.is_removed = true;
            }
        });
    }

    fn change(&self, tenant: &TenantId, change: impl Fn(&mut BTreeMap<String, ByHand>)) {
        self.tenants.rcu(|before| {
            let mut tenants = BTreeMap::clone(before);
            change(&mut tenants.entry(tenant.clone()).or_default().by_hand);
            tenants
        });
    }
}

impl ByHand {
    fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), is_removed: false }
    }
}

impl Folders {
    /// In the order in which they are searched.
    fn searched(&self) -> impl Iterator<Item = &PathBuf> {
        let (own, declared) = self.declared.split_at(1.min(self.declared.len()));
        own.iter().chain(self.by_hand.values().map(|plugin| &plugin.folder)).chain(declared)
    }
}

impl SoundSource for Sounds {
    fn load(&self, tenant: &TenantId, language: &str, name: &SoundName) -> io::Result<Option<Vec<u8>>> {
        let tenants = self.tenants.load();
        for folder in tenants.get(tenant).into_iter().flat_map(Folders::searched) {
            for place in [folder.join(language), folder.clone()] {
                if let Some(bytes) = read(&place, name)? {
                    return Ok(Some(bytes));
                }
            }
        }
        Ok(None)
    }
}

/// The file of a sound below a folder. A link that leads out of the folder leads nowhere (G1).
fn read(folder: &Path, name: &SoundName) -> io::Result<Option<Vec<u8>>> {
    let found = |path: PathBuf| match path.canonicalize() {
        Ok(path) => Ok(Some(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    let Some(file) = found(folder.join(format!("{}.wav", name.as_str())))? else { return Ok(None) };
    let Some(folder) = found(folder.into())? else { return Ok(None) };
    if !file.starts_with(&folder) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file is outside its folder"));
    }
    let length = std::fs::metadata(&file)?.len();
    if length > FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("{length} bytes, at most {FILE_BYTES_MAX}")));
    }
    std::fs::read(&file).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: PathBuf, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// F8, F17: a tenant's own prompt replaces the plugin's, and no other tenant hears it.
    #[test]
    fn a_tenants_own_prompt_comes_first_and_stays_its_own() {
        let root = tempfile::tempdir().unwrap();
        let (acme, globex, plugin) = (root.path().join("acme"), root.path().join("globex"), root.path().join("plugin"));
        write(plugin.join("en/hello.wav"), "plugin");
        write(plugin.join("en/digits/4.wav"), "four");
        write(acme.join("hello.wav"), "acme");
        let id = |name: &str| TenantId::new(name).unwrap();
        let sounds = Sounds::default();
        let files = [(id("acme"), Some(vec![acme, plugin.clone()])), (id("globex"), Some(vec![globex, plugin]))];
        sounds.declare(&files.into(), |_| BTreeMap::new());
        let load = |tenant: &str, name: &str| {
            let bytes = sounds.load(&id(tenant), "en", &SoundName::new(name).unwrap()).unwrap();
            bytes.map(|bytes| String::from_utf8(bytes).unwrap())
        };
        assert_eq!(load("acme", "hello").as_deref(), Some("acme"));
        assert_eq!(load("globex", "hello").as_deref(), Some("plugin"));
        assert_eq!(load("acme", "digits/4").as_deref(), Some("four"));
        assert_eq!(load("acme", "missing"), None);
        assert_eq!(load("unknown", "hello"), None);
    }

    struct Rig {
        root: tempfile::TempDir,
        sounds: Sounds,
        acme: TenantId,
    }

    impl Rig {
        /// A tenant whose own `hello` is "own", and whose declared plugin has another and a `goodbye`.
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            write(root.path().join("own/hello.wav"), "own");
            write(root.path().join("declared/hello.wav"), "declared");
            write(root.path().join("declared/goodbye.wav"), "declared");
            write(root.path().join("added/hello.wav"), "added");
            write(root.path().join("added/goodbye.wav"), "added");
            Self { root, sounds: Sounds::default(), acme: TenantId::new("acme").unwrap() }
        }

        fn folder(&self, name: &str) -> PathBuf {
            self.root.path().join(name)
        }

        fn reload(&self, by_hand: &[&str]) {
            let declared = Some(vec![self.folder("own"), self.folder("declared")]);
            let by_hand = |_: &TenantId| by_hand.iter().map(|name| ((*name).to_owned(), self.folder(name))).collect();
            self.sounds.declare(&[(self.acme.clone(), declared)].into(), by_hand);
        }

        fn load(&self, name: &str) -> String {
            let bytes = self.sounds.load(&self.acme, "en", &SoundName::new(name).unwrap()).unwrap();
            String::from_utf8(bytes.unwrap_or_default()).unwrap()
        }
    }

    /// What a newly installed plugin brings is heard at once, but not before the tenant's own; a reload that began before it and ends
    /// after it does not take it away.
    #[test]
    fn a_plugin_by_command_is_searched_after_the_tenants_own() {
        let rig = Rig::new();
        rig.reload(&[]);
        assert_eq!(rig.load("goodbye"), "declared");
        rig.sounds.install(&rig.acme, "added", &rig.folder("added"));
        assert_eq!((rig.load("hello"), rig.load("goodbye")), ("own".into(), "added".into()));
        rig.reload(&[]);
        assert_eq!(rig.load("goodbye"), "added");
        // After a restart it is remembered.
        let restarted = Rig::new();
        restarted.reload(&["added"]);
        assert_eq!(restarted.load("goodbye"), "added");
    }

    #[test]
    fn a_removed_plugins_prompts_are_heard_until_the_next_reload() {
        let rig = Rig::new();
        rig.reload(&["added"]);
        rig.sounds.remove(&rig.acme, "added");
        assert_eq!(rig.load("goodbye"), "added", "calls may be in it");
        rig.reload(&["added"]);
        assert_eq!(rig.load("goodbye"), "declared");
    }

    /// F10: a tenant whose files are refused keeps its last good version, and the prompts with it.
    #[test]
    fn refused_files_take_no_prompts_away() {
        let rig = Rig::new();
        rig.reload(&[]);
        rig.sounds.declare(&[(rig.acme.clone(), None)].into(), |_| BTreeMap::new());
        assert_eq!((rig.load("hello"), rig.load("goodbye")), ("own".into(), "declared".into()));
    }

    #[test]
    fn a_link_out_of_the_folder_is_refused() {
        let root = tempfile::tempdir().unwrap();
        write(root.path().join("secret.wav"), "secret");
        let folder = root.path().join("acme");
        std::fs::create_dir(&folder).unwrap();
        std::os::unix::fs::symlink(root.path().join("secret.wav"), folder.join("hello.wav")).unwrap();
        assert!(read(&folder, &SoundName::new("hello").unwrap()).is_err());
    }
}

//! Prompts from files: the tenant's own first, then those of its plugins.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use call::TenantId;
use switch::{SoundName, SoundSource};

/// Largest prompt file: ten minutes at 16 kHz.
pub(crate) const FILE_BYTES_MAX: u64 = 20 << 20;

/// The folders that are searched, replaced whole on reload.
#[derive(Default)]
pub(crate) struct Sounds {
    folders: ArcSwap<BTreeMap<TenantId, Vec<PathBuf>>>,
}

impl Sounds {
    /// Puts the folders of every tenant in place, in the order they are searched.
    pub(crate) fn set(&self, folders: BTreeMap<TenantId, Vec<PathBuf>>) {
        self.folders.store(Arc::new(folders));
    }
}

impl Sounds {
    /// Searches one more folder of a tenant, right after its own: its newest plugin's.
    pub(crate) fn add(&self, tenant: &TenantId, folder: &Path) {
        self.folders.rcu(|folders| {
            let mut folders = BTreeMap::clone(folders);
            let of_tenant = folders.entry(tenant.clone()).or_default();
            of_tenant.retain(|known| known != folder);
            of_tenant.insert(1.min(of_tenant.len()), folder.to_owned());
            folders
        });
    }
}

impl SoundSource for Sounds {
    fn load(&self, tenant: &TenantId, language: &str, name: &SoundName) -> io::Result<Option<Vec<u8>>> {
        let folders = self.folders.load();
        for folder in folders.get(tenant).into_iter().flatten() {
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
        sounds.set([(id("acme"), vec![acme, plugin.clone()]), (id("globex"), vec![globex, plugin])].into());
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

    /// What a newly installed plugin brings is heard at once, but not before the tenant's own.
    #[test]
    fn a_folder_is_added_after_the_tenants_own() {
        let root = tempfile::tempdir().unwrap();
        let (own, before, added) = (root.path().join("own"), root.path().join("before"), root.path().join("added"));
        write(own.join("hello.wav"), "own");
        write(before.join("goodbye.wav"), "before");
        write(added.join("hello.wav"), "added");
        write(added.join("goodbye.wav"), "added");
        let acme = TenantId::new("acme").unwrap();
        let sounds = Sounds::default();
        sounds.set([(acme.clone(), vec![own, before])].into());
        sounds.add(&acme, &added);
        sounds.add(&acme, &added);
        let load = |name: &str| sounds.load(&acme, "en", &SoundName::new(name).unwrap()).unwrap();
        assert_eq!((load("hello"), load("goodbye")), (Some(b"own".to_vec()), Some(b"added".to_vec())));
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

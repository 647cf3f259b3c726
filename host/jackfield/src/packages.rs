//! Plugin packages: a file, or a folder with `plugin.toml`, one component, `prompts/`.

pub(crate) mod remote;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use dialplan::NameKind;
use plugin::{Archive, ArchiveError, Inspection, InstallError, Manifest, Origin, PublisherKey, limit};

use crate::config::{self, Package};
use crate::packages::remote::{Remote, RemoteError};

/// Where packages are found.
#[derive(Clone, Debug)]
pub(crate) struct Packages {
    bundled: Option<PathBuf>,
}

/// Why a package cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackageError {
    /// Nothing of that name came with the server.
    #[error("there is no bundled plugin `{name}`")]
    NotBundled { name: String, known: Vec<String> },
    /// The folder is none of a plugin.
    #[error("{}: no plugin's folder: there is no plugin.toml in it", .0.display())]
    NoManifest(PathBuf),
    /// The file is no package.
    #[error("{}: {source}", path.display())]
    Archive { path: PathBuf, source: ArchiveError },
    /// The folder has no component, or several.
    #[error("{}: {found} components (*.wasm), expected one", folder.display())]
    Component { folder: PathBuf, found: usize },
    /// A file beyond any use.
    #[error("{}: {length} bytes, at most {most}", path.display())]
    TooLarge { path: PathBuf, length: u64, most: usize },
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    /// It does not come from where it is.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// It is no plugin.
    #[error("{}: {source}", path.display())]
    Plugin { path: PathBuf, source: InstallError },
}

impl PackageError {
    /// What to do instead. `installed` are names that may be meant besides those of the bundled plugins.
    pub(crate) fn hint<'a>(&'a self, installed: impl IntoIterator<Item = &'a str>) -> Option<String> {
        let Self::NotBundled { name, known } = self else { return None };
        let names = known.iter().map(String::as_str).chain(installed);
        let all = || match known.is_empty() {
            true => "no plugins came with this server; name their folder with --plugins DIR".to_owned(),
            false => format!("there are {}; another's folder is named by a path with a / in it", known.join(", ")),
        };
        Some(config::suggestion(name, names).unwrap_or_else(all))
    }
}

/// A package that was read and looked at.
pub(crate) struct Opened {
    pub(crate) package: plugin::Package,
    pub(crate) inspection: Inspection,
    pub(crate) prompts: Prompts,
}

/// What a plugin says.
pub(crate) enum Prompts {
    /// Files below `prompts/` of this folder.
    Folder(PathBuf),
    /// Files in the package, by their path below `prompts/`.
    Packed(BTreeMap<String, Bytes>),
}

impl Opened {
    /// Looks at a package that was read from there.
    pub(crate) fn look(path: PathBuf, (package, prompts): (plugin::Package, Prompts)) -> Result<Self, PackageError> {
        let inspection = Inspection::of(&package).map_err(|source| PackageError::Plugin { path, source })?;
        Ok(Self { package, inspection, prompts })
    }
}

/// Without the component's bytes.
impl fmt::Debug for Opened {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manifest = &self.inspection.manifest;
        write!(formatter, "Opened({} {})", manifest.id, manifest.version)
    }
}

/// Packages opened once for a whole configuration, however many tenants name them.
pub(crate) struct Shelf<'a> {
    packages: &'a Packages,
    publishers: Vec<PublisherKey>,
    opened: RefCell<BTreeMap<Package, Outcome>>,
}

/// What came of opening a package.
type Outcome = Result<Arc<Opened>, Arc<PackageError>>;

impl<'a> Shelf<'a> {
    /// Nothing is opened yet. The publishers are the host's.
    pub(crate) fn new(packages: &'a Packages, publishers: Vec<PublisherKey>) -> Self {
        Self { packages, publishers, opened: RefCell::default() }
    }

    /// The publishers whose packages every tenant takes.
    pub(crate) fn publishers(&self) -> &[PublisherKey] {
        &self.publishers
    }

    /// Where packages are found.
    pub(crate) fn packages(&self) -> &'a Packages {
        self.packages
    }

    /// Opens a package, or tells again what came of it.
    pub(crate) fn open(&self, package: &Package) -> Outcome {
        let mut opened = self.opened.borrow_mut();
        let open = || self.packages.open(package).map(Arc::new).map_err(Arc::new);
        opened.entry(package.clone()).or_insert_with(open).clone()
    }
}

impl Packages {
    /// `bundled` is the folder of the plugins that came with the server.
    pub(crate) fn new(bundled: Option<PathBuf>) -> Self {
        Self { bundled }
    }

    /// Where a package is.
    fn path(&self, package: &Package) -> Result<PathBuf, PackageError> {
        match package {
            Package::Path(path) => Ok(path.clone()),
            Package::Bundled(name) => {
                let folder = self.bundled.as_ref().map(|bundled| bundled.join(name));
                let found = folder.filter(|folder| !name.contains('/') && folder.join("plugin.toml").is_file());
                found.ok_or_else(|| PackageError::NotBundled { name: name.clone(), known: self.bundled_names() })
            }
        }
    }

    /// Reads a package: manifest, component and prompts.
    pub(crate) fn read(&self, package: &Package) -> Result<(plugin::Package, Prompts), PackageError> {
        let path = self.path(package)?;
        if path.is_file() {
            let archive = read_bounded(&path, limit::PACKAGE_BYTES)?;
            let archive = Archive::read(&archive).map_err(|source| PackageError::Archive { path, source })?;
            return Ok((archive.package(), Prompts::Packed(archive.prompts)));
        }
        let manifest = path.join("plugin.toml");
        if !manifest.is_file() {
            return Err(PackageError::NoManifest(path));
        }
        let text = std::fs::read_to_string(&manifest);
        let text = text.map_err(|source| PackageError::Read { path: manifest, source })?;
        let wasm = read_bounded(&component(&path)?, limit::MAX_COMPONENT_BYTES)?;
        let origin = match package {
            Package::Bundled(_) => Origin::Bundled,
            Package::Path(_) => Origin::Folder,
        };
        Ok((plugin::Package { manifest: text, wasm, origin }, Prompts::Folder(path)))
    }

    /// Fetches a package from elsewhere.
    pub(crate) async fn fetch(place: &Remote) -> Result<(plugin::Package, Prompts), PackageError> {
        let file = place.fetch().await?;
        let path = PathBuf::from(place.to_string());
        let archive = Archive::read(&file).map_err(|source| PackageError::Archive { path, source })?;
        Ok((archive.package(), Prompts::Packed(archive.prompts)))
    }

    /// Reads a package and looks at it.
    pub(crate) fn open(&self, package: &Package) -> Result<Opened, PackageError> {
        let path = self.path(package)?;
        Opened::look(path, self.read(package)?)
    }

    /// The bundled plugin that provides a name, if one does.
    pub(crate) fn provider(&self, kind: NameKind, name: &str) -> Option<String> {
        let provides = |folder: &PathBuf| {
            let text = std::fs::read_to_string(folder.join("plugin.toml")).ok()?;
            let manifest = Manifest::parse("plugin.toml", &text).ok()?;
            let names = match kind {
                NameKind::Application => &manifest.apps,
                NameKind::Function => &manifest.functions,
            };
            names.iter().any(|own| own.eq_ignore_ascii_case(name)).then_some(manifest.id)
        };
        self.bundled_folders().iter().find_map(provides)
    }

    /// The names of the bundled plugins.
    pub(crate) fn bundled_names(&self) -> Vec<String> {
        let entries = self.bundled.as_ref().and_then(|bundled| std::fs::read_dir(bundled).ok());
        let folders =
            entries.into_iter().flatten().flatten().filter(|entry| entry.path().join("plugin.toml").is_file());
        let mut names: Vec<String> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The folders of the bundled plugins.
    pub(crate) fn bundled_folders(&self) -> Vec<PathBuf> {
        let bundled = self.bundled.iter();
        bundled.flat_map(|bundled| self.bundled_names().into_iter().map(|name| bundled.join(name))).collect()
    }
}

/// Reads a file that is not larger than it may be.
pub(crate) fn read_bounded(path: &Path, most: usize) -> Result<Bytes, PackageError> {
    let failed = |source| PackageError::Read { path: path.into(), source };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    // It may grow between the look and the reading; what is read is judged once more.
    if length > most as u64 {
        return Err(PackageError::TooLarge { path: path.into(), length, most });
    }
    let mut bytes = Vec::new();
    let mut file = std::fs::File::open(path).map_err(failed)?.take(most as u64 + 1);
    file.read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes.into())
}

/// The one component of a folder.
pub(crate) fn component(folder: &Path) -> Result<PathBuf, PackageError> {
    let failed = |source| PackageError::Read { path: folder.into(), source };
    let mut components = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            components.push(path);
        }
    }
    match (components.pop(), components.len()) {
        (Some(component), 0) => Ok(component),
        (last, more) => {
            Err(PackageError::Component { folder: folder.into(), found: more + usize::from(last.is_some()) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages_of(bundled: &tempfile::TempDir) -> Packages {
        Packages::new(Some(bundled.path().into()))
    }

    fn refused(read: Result<(plugin::Package, Prompts), PackageError>) -> PackageError {
        read.map(|(package, _)| package).unwrap_err()
    }

    #[test]
    fn a_package_is_a_folder_with_one_component() {
        let bundled = tempfile::tempdir().unwrap();
        let folder = bundled.path().join("app-echo");
        std::fs::create_dir(&folder).unwrap();
        let named = packages_of(&bundled).read(&Package::Path(folder.clone()));
        assert!(matches!(named, Err(PackageError::NoManifest(_))));
        std::fs::write(folder.join("plugin.toml"), "manifest").unwrap();
        let packages = packages_of(&bundled);
        let echo = Package::Bundled("app-echo".into());
        assert!(matches!(packages.read(&echo), Err(PackageError::Component { found: 0, .. })));
        std::fs::write(folder.join("app-echo.wasm"), "component").unwrap();
        let (package, _) = packages.read(&echo).unwrap();
        assert_eq!(package.origin, Origin::Bundled);
        assert_eq!((package.manifest.as_str(), &package.wasm[..]), ("manifest", &b"component"[..]));
        std::fs::write(folder.join("another.wasm"), "component").unwrap();
        assert!(matches!(packages.read(&echo), Err(PackageError::Component { found: 2, .. })));
        let unknown = refused(packages.read(&Package::Bundled("app-eco".into())));
        assert_eq!(unknown.to_string(), "there is no bundled plugin `app-eco`");
        assert_eq!(unknown.hint([]).as_deref(), Some("did you mean `app-echo`?"));
        let outside = refused(packages.read(&Package::Bundled("../app-echo".into())));
        assert!(matches!(outside, PackageError::NotBundled { .. }));
    }
}

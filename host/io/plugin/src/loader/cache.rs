//! The host's directory: components by digest, and their native code, authenticated.
//!
//! `components/DIGEST.wasm` · `compiled/DIGEST-FINGERPRINT.cwasm` with `.mac` beside it · `key` (32 bytes, for the MAC) · `tenants/NAME.json`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::{Digest, LoadError, compile, native};
use crate::generation::lock;
use crate::host::Compiler;

/// The host's directory.
pub(crate) struct Directory {
    root: PathBuf,
    key: [u8; 32],
    fingerprint: Arc<str>,
}

impl Directory {
    /// Makes what is missing; nobody but the server's user can read it.
    pub(crate) fn open(root: &Path, fingerprint: Arc<str>) -> io::Result<Self> {
        for folder in [root.to_owned(), root.join("components"), root.join("compiled"), root.join("tenants")] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        }
        let key = read_or_make_key(&root.join("key"))?;
        Ok(Self { root: root.to_owned(), key, fingerprint })
    }

    /// What compiled code depends on besides its source.
    pub(crate) fn fingerprint(&self) -> Arc<str> {
        self.fingerprint.clone()
    }

    /// Where a tenant's deployments are kept.
    pub(crate) fn journal(&self, tenant: &call::TenantId) -> PathBuf {
        self.root.join("tenants").join(format!("{tenant}.json"))
    }

    /// Where a tenant's recorded runs are kept.
    pub(crate) fn runs(&self, tenant: &call::TenantId) -> PathBuf {
        self.root.join("runs").join(tenant.to_string())
    }

    /// Keeps a component's bytes; durable when it returns.
    pub(crate) fn keep(&self, digest: Digest, wasm: &[u8]) -> Result<PathBuf, LoadError> {
        let path = self.root.join("components").join(format!("{digest}.wasm"));
        // A damaged file is written again: installing repairs.
        if fs::read(&path).is_ok_and(|kept| kept == wasm) {
            used(&path);
            return Ok(path);
        }
        write_atomically(&path, wasm).map_err(|error| LoadError::Store(format!("{}: {error}", path.display())))?;
        Ok(path)
    }

    /// A component kept before. Its digest is checked: a damaged file is not another version.
    pub(crate) fn component(&self, digest: Digest) -> Result<Vec<u8>, LoadError> {
        let path = self.root.join("components").join(format!("{digest}.wasm"));
        let wasm = fs::read(&path).map_err(|error| LoadError::Store(format!("{}: {error}", path.display())))?;
        match Digest::of(&wasm) == digest {
            true => Ok(wasm),
            false => Err(LoadError::Store(format!("{} is damaged", path.display()))),
        }
    }

    /// Native code of a component that was kept: from the cache, or compiled now.
    pub(crate) async fn compiled(
        self: &Arc<Self>,
        engine: &Engine,
        compiler: &Compiler,
        digest: Digest,
    ) -> Result<Component, LoadError> {
        let code = self.root.join("compiled").join(format!("{digest}-{}.cwasm", self.fingerprint));
        if let Some(component) = self.blocking(engine, move |own, engine| own.cached(engine, digest)).await? {
            return Ok(component);
        }
        let input = self.root.join("components").join(format!("{digest}.wasm"));
        let output = code.with_extension("new");
        compile::compile(engine, compiler, &input, &output).await?;
        self.blocking(engine, move |own, engine| {
            own.authenticate(digest, &output, &code).map_err(|error| LoadError::Store(error.to_string()))?;
            native::map_authenticated(engine, &code).map_err(|error| LoadError::Compile(format!("{error:#}")))
        })
        .await?
    }

    /// File work, away from the guests' threads.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        engine: &Engine,
        work: impl FnOnce(&Self, &Engine) -> T + Send + 'static,
    ) -> Result<T, LoadError> {
        let (own, engine) = (self.clone(), engine.clone());
        let done = tokio::task::spawn_blocking(move || work(&own, &engine)).await;
        done.map_err(|panic| LoadError::Store(panic.to_string()))
    }

    /// What is in the cache, if it is there and ours.
    fn cached(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let code = self.root.join("compiled").join(format!("{digest}-{}.cwasm", self.fingerprint));
        match self.authentic(digest, &code, &code.with_extension("mac")) {
            Ok(true) => match native::map_authenticated(engine, &code) {
                Ok(component) => {
                    used(&code);
                    used(&code.with_extension("mac"));
                    return Some(component);
                }
                Err(error) => tracing::warn!(%digest, %error, "cached plugin code does not load; compiling again"),
            },
            Ok(false) => {}
            Err(error) => tracing::warn!(%digest, %error, "cached plugin code cannot be read; compiling again"),
        }
        None
    }

    fn mac(&self, digest: Digest, code: &mut File) -> io::Result<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(&digest.0);
        mac.update(self.fingerprint.as_bytes());
        let mut buffer = vec![0; 64 << 10];
        loop {
            match code.read(&mut buffer)? {
                0 => return Ok(mac),
                read => mac.update(&buffer[..read]),
            }
        }
    }

    /// Whether the cached code is there and ours.
    fn authentic(&self, digest: Digest, code: &Path, tag: &Path) -> io::Result<bool> {
        let missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        let tag = match fs::read(tag) {
            Err(error) if missing(&error) => return Ok(false),
            other => other?,
        };
        let mut file = match File::open(code) {
            Err(error) if missing(&error) => return Ok(false),
            other => other?,
        };
        let genuine = self.mac(digest, &mut file)?.verify_slice(&tag).is_ok();
        if !genuine {
            tracing::warn!(%digest, "cached plugin code is not authentic; compiling again");
        }
        Ok(genuine)
    }

    /// The tag goes last: code without one is not loaded.
    fn authenticate(&self, digest: Digest, output: &Path, code: &Path) -> io::Result<()> {
        let tag = &code.with_extension("mac");
        match fs::remove_file(tag) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        fs::set_permissions(output, fs::Permissions::from_mode(0o600))?;
        let mut file = File::open(output)?;
        let mac = self.mac(digest, &mut file)?.finalize().into_bytes();
        file.sync_all()?;
        fs::rename(output, code)?;
        write_atomically(tag, &mac)
    }
}

/// Tells the collection that a file is in use: its time is the last use, not the last change.
fn used(path: &Path) {
    let touched = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
    if let Err(error) = touched {
        tracing::warn!(path = %path.display(), %error, "cannot be marked as used");
    }
}

/// One file at a time: what is written beside two installations of the same component has one name. Only administrators wait here.
static WRITING: Mutex<()> = Mutex::new(());

/// Writes a whole file or nothing: beside it, synced, renamed, and the folder synced.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let _one = lock(&WRITING);
    let beside = path.with_extension("tmp");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    let folder = path.parent().expect("every file of the directory is in a folder");
    File::open(folder)?.sync_all()
}

fn read_or_make_key(path: &Path) -> io::Result<[u8; 32]> {
    match fs::read(path) {
        Ok(bytes) => bytes
            .try_into()
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the key file does not have 32 bytes; remove it")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut key = [0; 32];
            getrandom::fill(&mut key).map_err(io::Error::other)?;
            write_atomically(path, &key)?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// J6: the same component is installed by several at once, in one tenant or in two: it is there, whole.
    #[test]
    fn the_same_file_is_written_by_many_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("component.wasm");
        let bytes = vec![7; 1 << 16];
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..20).for_each(|_| write_atomically(&path, &bytes).unwrap()));
            }
        });
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

//! The Wasm targets of the Rust toolchain: by rustup where it can download, else built from Debian's sources.
//!
//! The second way gives the ordinary target in the ordinary place, so that `cargo build --target wasm32-wasip2` simply
//! works afterwards. `JACKFIELD_RUSTUP=off` skips the first way (that is how the second is tried out).

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{Failure, Step, at};
use crate::packages::find;
use crate::setup::PLUGIN_TARGET;
use crate::workspace::Workspace;

/// The Debian suite that holds the sources of several recent Rust releases and a wasi-libc with the wasip2 library.
const SUITE: &str = "trixie-backports";

/// Makes sure that the compiler has the standard library of a target.
pub(crate) fn install(target: &str, workspace: &Workspace) -> Result<(), Failure> {
    if present(target)? {
        return Ok(());
    }
    let rustup_said = match with_rustup(target) {
        Ok(()) if present(target)? => return Ok(()),
        Ok(()) => "rustup said it added the target, but the compiler in use does not have it".to_owned(),
        Err(failure) => failure.to_string(),
    };
    eprintln!("{rustup_said}\nBuilding {target} from Debian's sources instead.");
    let debian = Debian::new(target, workspace);
    let debian_said = match debian.build() {
        Ok(()) if present(target)? => return debian.clean(),
        Ok(()) => "the standard library was built and copied, but the compiler does not find it".to_owned(),
        Err(failure) => failure.to_string(),
    };
    Err(Failure::Missing(format!(
        "the Rust target {target} is missing and neither way to get it worked:\n\
         - rustup: {rustup_said}\n\
         - Debian ({SUITE}): {debian_said}\n\
         Install it with `rustup target add {target}`, or use a toolchain that has it."
    )))
}

/// Whether the running compiler has the target's standard library.
fn present(target: &str) -> Result<bool, Failure> {
    let folder = library_folder(target)?;
    let Ok(entries) = fs::read_dir(&folder) else { return Ok(false) };
    Ok(entries.flatten().any(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    }))
}

fn library_folder(target: &str) -> Result<PathBuf, Failure> {
    rustc(&["--print", "target-libdir", "--target", target]).output().map(PathBuf::from)
}

fn rustc(arguments: &[&str]) -> Step {
    Step::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).args(arguments)
}

fn with_rustup(target: &str) -> Result<(), Failure> {
    if std::env::var_os("JACKFIELD_RUSTUP").is_some_and(|value| value == "off") {
        return Err(Failure::Missing("switched off by JACKFIELD_RUSTUP=off".into()));
    }
    Step::new("rustup").args(["target", "add", target]).run()
}

/// A build of one target's standard library from Debian's packages, in a scratch folder.
struct Debian<'a> {
    target: &'a str,
    scratch: PathBuf,
}

impl<'a> Debian<'a> {
    fn new(target: &'a str, workspace: &Workspace) -> Self {
        Self { target, scratch: workspace.target.join("xtask").join(target) }
    }

    fn build(&self) -> Result<(), Failure> {
        self.clean()?;
        at(&self.scratch, fs::create_dir_all(&self.scratch))?;
        let release = release()?;
        self.download(&release)?;
        self.link_sources(&release)?;
        let libraries = self.compile()?;
        self.copy_libraries(&libraries)?;
        match self.target == PLUGIN_TARGET {
            true => self.copy_c_library(),
            false => Ok(()),
        }
    }

    /// Fetches and unpacks the packages with a sources list of our own, so that the machine's apt set-up stays as it is.
    fn download(&self, release: &str) -> Result<(), Failure> {
        if find("apt-get").is_none() || find("dpkg-deb").is_none() {
            return Err(Failure::Missing("this machine has no apt".into()));
        }
        let mirror = mirror()?;
        let list = self.scratch.join("sources.list");
        let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
        at(&list, fs::write(&list, format!("deb [signed-by={keyring}] {mirror} {SUITE} main\n")))?;
        for folder in ["lists/partial", "cache/archives/partial"] {
            at(&self.scratch, fs::create_dir_all(self.scratch.join(folder)))?;
        }
        self.apt().arg("update").run()?;
        self.apt().arg("download").arg(format!("rust-src={release}*")).run()?;
        if self.target == PLUGIN_TARGET {
            self.apt().args(["download", "wasi-libc"]).run()?;
        }
        for entry in at(&self.scratch, fs::read_dir(&self.scratch))? {
            let path = at(&self.scratch, entry)?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                Step::new("dpkg-deb").arg("-x").args([&path, &self.scratch]).run()?;
            }
        }
        Ok(())
    }

    fn apt(&self) -> Step {
        let setting = |name: &str, value: &Path| format!("{name}={}", value.display());
        Step::new("apt-get")
            .args(["-o", &setting("Dir::Etc::sourcelist", &self.scratch.join("sources.list"))])
            .args(["-o", "Dir::Etc::sourceparts=/dev/null"])
            .args(["-o", &setting("Dir::State::lists", &self.scratch.join("lists"))])
            .args(["-o", &setting("Dir::Cache", &self.scratch.join("cache"))])
            // The scratch folder belongs to us, not to apt's own download user.
            .args(["-o", "APT::Sandbox::User=root"])
            .directory(&self.scratch)
    }

    /// `-Zbuild-std` looks for the library's sources below the sysroot, where rustup's component would put them.
    fn link_sources(&self, release: &str) -> Result<(), Failure> {
        let sources = self.scratch.join(format!("usr/src/rustc-{release}"));
        at(&sources, fs::metadata(&sources))?;
        let place = sysroot()?.join("lib/rustlib/src/rust");
        if place.join("library/std").is_dir() {
            return Ok(());
        }
        let parent = place.parent().expect("the place has three parents");
        at(parent, fs::create_dir_all(parent))?;
        if place.symlink_metadata().is_ok() {
            at(&place, fs::remove_file(&place))?;
        }
        at(&place, std::os::unix::fs::symlink(&sources, &place))
    }

    /// Builds an empty library together with the standard library; returns the folder with all their rlibs.
    fn compile(&self) -> Result<PathBuf, Failure> {
        let package = self.scratch.join("empty");
        at(&package, fs::create_dir_all(package.join("src")))?;
        let manifest = "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n";
        at(&package, fs::write(package.join("Cargo.toml"), manifest))?;
        at(&package, fs::write(package.join("src/lib.rs"), ""))?;
        let output = self.scratch.join("build");
        Step::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["build", "--release", "--target", self.target, "-Zbuild-std=std,panic_abort,test"])
            .directory(&package)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_DIR", &output)
            // Keeps link-time optimisation of the plugins possible.
            .env("RUSTFLAGS", "-Cembed-bitcode=yes")
            .run()?;
        Ok(output.join(self.target).join("release/deps"))
    }

    fn copy_libraries(&self, libraries: &Path) -> Result<(), Failure> {
        let place = library_folder(self.target)?;
        at(&place, fs::create_dir_all(&place))?;
        for entry in at(libraries, fs::read_dir(libraries))? {
            let path = at(libraries, entry)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(".rlib") && !name.starts_with("libempty-") {
                at(&path, fs::copy(&path, place.join(&name)))?;
            }
        }
        Ok(())
    }

    /// The start-up objects and the C library that the linker expects beside the Rust libraries.
    fn copy_c_library(&self) -> Result<(), Failure> {
        let source = self.scratch.join("usr/lib").join(self.target);
        let place = library_folder(self.target)?.join("self-contained");
        at(&place, fs::create_dir_all(&place))?;
        for name in ["crt1-command.o", "crt1-reactor.o", "libc.a"] {
            at(&source.join(name), fs::copy(source.join(name), place.join(name)))?;
        }
        Ok(())
    }

    /// Removes the scratch folder and the link into it: 200 MB that nobody needs again.
    fn clean(&self) -> Result<(), Failure> {
        let link = sysroot()?.join("lib/rustlib/src/rust");
        if fs::read_link(&link).is_ok_and(|place| place.starts_with(&self.scratch)) {
            at(&link, fs::remove_file(&link))?;
        }
        match fs::remove_dir_all(&self.scratch) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => at(&self.scratch, Err(error)),
            _ => Ok(()),
        }
    }
}

fn sysroot() -> Result<PathBuf, Failure> {
    rustc(&["--print", "sysroot"]).output().map(PathBuf::from)
}

/// The compiler's release, such as `1.95.0`.
fn release() -> Result<String, Failure> {
    let text = rustc(&["-vV"]).output()?;
    let release = text.lines().find_map(|line| line.strip_prefix("release: "));
    release.map(str::to_owned).ok_or_else(|| Failure::Missing("rustc -vV names no release".into()))
}

/// The mirror that this machine's own apt uses for Debian.
fn mirror() -> Result<String, Failure> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    files.sort();
    let texts = files.iter().filter_map(|file| fs::read_to_string(file).ok());
    texts
        .filter_map(|text| mirror_in(&text))
        .next()
        .ok_or_else(|| Failure::Missing("no Debian mirror in /etc/apt/sources.list*".into()))
}

/// The first address of a Debian archive in a sources file of either format; security archives have no backports.
fn mirror_in(text: &str) -> Option<String> {
    let one_line = |line: &str| {
        let rest = line.strip_prefix("deb ")?.trim_start();
        let rest = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']')?.1,
            None => rest,
        };
        rest.split_whitespace().next().map(str::to_owned)
    };
    let addresses = text.lines().map(str::trim).filter_map(|line| match line.strip_prefix("URIs:") {
        Some(uris) => uris.split_whitespace().next().map(str::to_owned),
        None => one_line(line),
    });
    addresses.into_iter().find(|address| address.trim_end_matches('/').ends_with("/debian"))
}

#[cfg(test)]
mod tests {
    use super::mirror_in;

    #[test]
    fn the_mirror_is_read_from_both_formats() {
        let one_line =
            "# comment\ndeb [arch=amd64] http://a.test/ubuntu x main\ndeb http://mirror.test/debian bookworm main\n";
        assert_eq!(mirror_in(one_line).as_deref(), Some("http://mirror.test/debian"));
        let deb822 = "Types: deb\nURIs: http://mirror.test/debian-security\nSuites: s\n\nTypes: deb\nURIs: http://mirror.test/debian/\n";
        assert_eq!(mirror_in(deb822).as_deref(), Some("http://mirror.test/debian/"));
        assert_eq!(mirror_in("deb https://packages.test/apt stable main"), None);
    }
}

//! Debian packages: only what is missing, by apt when we may, else the exact line to type.

use std::path::PathBuf;

use crate::command::{Failure, Step};

/// A program and the Debian package that brings it.
pub(crate) struct Package {
    pub(crate) program: &'static str,
    pub(crate) package: &'static str,
}

/// The SIP clients this project did not write, for `tests/interop`.
pub(crate) const INTEROP: &[Package] = &[
    Package { program: "sipp", package: "sip-tester" },
    Package { program: "docker-registry", package: "docker-registry" },
    Package { program: "baresip", package: "baresip-core" },
    Package { program: "linphonec", package: "linphone-cli" },
];

/// The proxy that the bench measures beside the server.
pub(crate) const BENCH: &[Package] = &[Package { program: "kamailio", package: "kamailio" }];

/// The speech synthesiser and the resampler behind `cargo xtask prompts`.
pub(crate) const SPEECH: &[Package] =
    &[Package { program: "espeak-ng", package: "espeak-ng" }, Package { program: "sox", package: "sox" }];

/// Installs the packages whose program is not on the path.
pub(crate) fn install(wanted: &[Package]) -> Result<(), Failure> {
    let missing: Vec<&str> =
        wanted.iter().filter(|wanted| find(wanted.program).is_none()).map(|wanted| wanted.package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    install_all(&missing)?;
    match wanted.iter().find(|wanted| find(wanted.program).is_none()) {
        None => Ok(()),
        Some(Package { program, package }) => Err(Failure::Missing(format!(
            "package {package} is installed, but its program `{program}` is still not on the path"
        ))),
    }
}

/// Installs these packages, or says how.
pub(crate) fn install_all(missing: &[&str]) -> Result<(), Failure> {
    let line = format!("apt-get install -y --no-install-recommends {}", missing.join(" "));
    if find("apt-get").is_none() {
        return Err(Failure::Missing(format!(
            "these Debian packages (or the same programs from elsewhere) are missing: {}",
            missing.join(" ")
        )));
    }
    if Step::new("id").arg("-u").output()? != "0" {
        return Err(Failure::Missing(format!("packages are missing and I am not root. Run:\n\n    sudo {line}\n")));
    }
    // The lists of a fresh machine may be empty or old, so a first failure is answered with an update.
    if apt_install(missing).run().is_err() {
        apt_get().arg("update").run()?;
        apt_install(missing).run()?;
    }
    Ok(())
}

fn apt_install(packages: &[&str]) -> Step {
    apt_get().args(["install", "-y", "--no-install-recommends"]).args(packages)
}

fn apt_get() -> Step {
    Step::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive")
}

/// The first program of that name on the path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

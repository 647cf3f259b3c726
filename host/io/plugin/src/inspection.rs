//! A package judged without compiling it: what it says of itself, what it wants, and whether the two agree.

use std::collections::BTreeSet;

use crate::deployment::InstallError;
use crate::grant::{Capability, Consent};
use crate::loader::inspect::{Inspected, inspect, look};
use crate::loader::{LoadError, Missing, Offer, World};
use crate::manifest::Manifest;
use crate::package::Package;
use crate::plan::Right;

/// A package that was read and not compiled: milliseconds instead of seconds, and nothing of it has run.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// What it says of itself.
    pub manifest: Manifest,
    inspected: Inspected,
}

/// A component beside what a server offers: all that stands between the two, where an installation names the first.
#[derive(Clone, Debug)]
pub struct Compatibility {
    /// What it imports and the server does not have so.
    pub missing: Vec<Missing>,
    /// What it exports that the server can call.
    pub worlds: Vec<World>,
    /// What it exports, as a sentence.
    pub exports: String,
    /// The capabilities it uses.
    pub uses: Vec<Capability>,
    /// Every function it imports.
    pub imports: Vec<String>,
}

impl Compatibility {
    /// Compares a component with an offer, without compiling it.
    ///
    /// # Errors
    /// It is no component that could be read.
    pub fn of(wasm: &[u8], offer: &Offer) -> Result<Self, LoadError> {
        let looked = look(wasm, offer)?;
        Ok(Self {
            missing: looked.missing,
            worlds: looked.worlds,
            exports: looked.exports,
            uses: looked.capabilities,
            imports: looked.imports,
        })
    }

    /// What this component and a manifest say differently of what the plugin provides.
    ///
    /// # Errors
    /// One of the two provides what the other does not.
    pub fn fits(&self, manifest: &Manifest) -> Result<(), InstallError> {
        fits(manifest, &self.worlds)
    }
}

impl Inspection {
    /// Reads a package that can be installed.
    ///
    /// # Errors
    /// Its manifest or its component is wrong, or the two do not fit.
    pub fn of(package: &Package) -> Result<Self, InstallError> {
        let inspection = Self::look(package)?;
        inspection.fits()?;
        Ok(inspection)
    }

    /// Reads a package of which manifest and component may contradict each other.
    ///
    /// # Errors
    /// Its manifest or its component is wrong.
    pub fn look(package: &Package) -> Result<Self, InstallError> {
        let manifest = Manifest::parse("plugin.toml", &package.manifest)?;
        Ok(Self { manifest, inspected: inspect(&package.wasm)? })
    }

    /// Whether manifest and component fit.
    ///
    /// # Errors
    /// The component uses what the manifest does not declare, or one of them provides what the other does not.
    pub fn fits(&self) -> Result<(), InstallError> {
        declares_its_uses(&self.manifest, &self.inspected.capabilities)?;
        fits(&self.manifest, &self.inspected.worlds)
    }

    /// What its component exports.
    pub fn worlds(&self) -> &[World] {
        &self.inspected.worlds
    }

    /// The capabilities its component uses.
    pub fn uses(&self) -> &[Capability] {
        &self.inspected.capabilities
    }

    /// Every function its component imports: `jackfield:pbx/kv@0.1.0 get`.
    pub fn imports(&self) -> &[String] {
        &self.inspected.imports
    }

    /// The functions its component imports by a right.
    pub(crate) fn functions_of(&self, right: Right) -> Vec<String> {
        let prefix = format!("jackfield:pbx/{right}@");
        let own = self.inspected.imports.iter().filter(|import| import.starts_with(&prefix));
        own.filter_map(|import| import.split_once(' ')).map(|(_, function)| function.to_owned()).collect()
    }

    /// What it may do where an administrator consents to this.
    ///
    /// # Errors
    /// More is consented to than it declares, or less than it needs.
    pub fn grant(&self, consent: &Consent) -> Result<BTreeSet<Capability>, InstallError> {
        grant(&self.manifest, &self.inspected.capabilities, consent)
    }
}

/// The grant of a deployment: what the manifest declares and the administrator consents to, which must hold all that is used.
pub(crate) fn grant(
    manifest: &Manifest,
    uses: &[Capability],
    consent: &Consent,
) -> Result<BTreeSet<Capability>, InstallError> {
    let declared: BTreeSet<Capability> = manifest.capabilities.keys().copied().collect();
    let granted = match consent {
        Consent::Declared => declared,
        Consent::Only(allowed) => {
            // Dropped in silence, it would look like allowed.
            let asked: Vec<Capability> = allowed.difference(&declared).copied().collect();
            if !asked.is_empty() {
                return Err(InstallError::NotDeclared { asked, declared: declared.into_iter().collect() });
            }
            allowed.clone()
        }
        // Of a plugin of which nothing is known; `plan` knows what it has.
        Consent::Growth(given) => {
            let given = |capability: &Capability| given.contains(&Right::Capability(*capability));
            declared.into_iter().filter(given).collect()
        }
    };
    let refused: Vec<Capability> = uses.iter().copied().filter(|used| !granted.contains(used)).collect();
    if refused.is_empty() { Ok(granted) } else { Err(InstallError::NotGranted(refused)) }
}

/// What a component uses its manifest must declare, whatever is consented to.
pub(crate) fn declares_its_uses(manifest: &Manifest, uses: &[Capability]) -> Result<(), InstallError> {
    let undeclared = uses.iter().copied().filter(|used| !manifest.capabilities.contains_key(used));
    let undeclared: Vec<Capability> = undeclared.collect();
    if undeclared.is_empty() { Ok(()) } else { Err(InstallError::Undeclared(undeclared)) }
}

/// What the manifest says it provides, the component must export, and the other way round.
pub(crate) fn fits(manifest: &Manifest, worlds: &[World]) -> Result<(), InstallError> {
    let mismatch = |text: &str| Err(InstallError::Mismatch(text.into()));
    let exports = |world| worlds.contains(&world);
    match (manifest.apps.is_empty(), exports(World::App)) {
        (false, false) => return mismatch("plugin.toml lists apps, but the component exports no applications"),
        (true, true) => return mismatch("the component exports applications, but plugin.toml lists no apps"),
        _ => {}
    }
    match (manifest.functions.is_empty(), exports(World::Function)) {
        (false, false) => return mismatch("plugin.toml lists functions, but the component exports none"),
        (true, true) => return mismatch("the component exports functions, but plugin.toml lists none"),
        _ => {}
    }
    match (manifest.strategies.is_empty(), exports(World::Strategy)) {
        (false, false) => return mismatch("plugin.toml lists strategies, but the component exports none"),
        (true, true) => return mismatch("the component exports strategies, but plugin.toml lists none"),
        _ => {}
    }
    match (manifest.service, exports(World::Service)) {
        (true, false) => mismatch("plugin.toml has a service, but the component exports none"),
        (false, true) => mismatch("the component exports a service, but plugin.toml does not say `service = true`"),
        _ => Ok(()),
    }
}

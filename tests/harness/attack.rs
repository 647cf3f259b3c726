//! A tenant whose applications and functions all misbehave (hostile.md 2H), in several plugins, so that the suspension of those that
//! trap does not spare the others.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What of `tests/guest/hostile` is one plugin: applications, and functions. A plugin of that component needs one of each.
const PLUGINS: [(&[&str], &[&str]); 8] = [
    (&["Trap", "Loop"], &["PANIC"]),
    (&["MemoryBomb", "Recurse"], &["BOMB"]),
    (&["HostFlood", "Bulk"], &["SPIN"]),
    (&["Leak", "Drip"], &["WAIT"]),
    (&["LogFlood", "Print"], &["GOOD"]),
    (&["HugeArgument", "ManyPrompts"], &["HUGE"]),
    (&["KvForever", "Fill"], &["KV"]),
    (&["IgnoreHangup", "Scan"], &["CALLER"]),
];

/// The first number; the others follow.
const FIRST: usize = 800;

/// What an attacking tenant has.
pub(crate) struct Attack {
    /// Packages, one folder each.
    pub(crate) packages: Vec<PathBuf>,
    /// What its dialplan says.
    pub(crate) dialplan: String,
    /// Numbers, each of which is an attack.
    pub(crate) numbers: Vec<String>,
}

impl Attack {
    /// Writes the packages of this component below a folder.
    pub(crate) fn lay_out(folder: &Path, component: &[u8]) -> std::io::Result<Self> {
        let mut attack = Self { packages: Vec::new(), dialplan: "\n[internal](+)\n".to_owned(), numbers: Vec::new() };
        for (index, (apps, functions)) in PLUGINS.iter().enumerate() {
            let id = format!("hostile-{index}");
            let package = folder.join(&id);
            std::fs::create_dir_all(&package)?;
            std::fs::write(package.join(format!("{id}.wasm")), component)?;
            let manifest = format!(
                "[plugin]\nid = \"{id}\"\nversion = \"0.1.0\"\ntitle = \"Hostile\"\n\n[provides]\napps = {apps:?}\n\
                 functions = {functions:?}\n\n[capabilities]\nkv = {{ quota = \"1MB\" }}\n"
            );
            std::fs::write(package.join("plugin.toml"), manifest)?;
            attack.packages.push(package);
            let apps = apps.iter().map(|name| format!("{name}()"));
            let functions = functions.iter().map(|name| format!("NoOp(${{{name}(a)}})"));
            apps.chain(functions).for_each(|step| attack.add(&step));
        }
        Ok(attack)
    }

    fn add(&mut self, step: &str) {
        let number = (FIRST + self.numbers.len()).to_string();
        writeln!(self.dialplan, "exten => {number},1,{step}\n same => n,Hangup()").expect("a String has room");
        self.numbers.push(number);
    }
}

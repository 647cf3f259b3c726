//! `jackfield plugin install`: shows what a package would be allowed, has that consented to, and installs what was shown.

use std::io::{BufRead, IsTerminal, Write};

use api::types::{InstallPlan, InstallRequest, Installed, PlannedRight};
use clap::Args;

use super::{absolute, change, named, user};
use crate::cmd::output::{Output, printable};
use crate::cmd::{Exit, Failure, Server, segment};

#[derive(Args)]
pub(super) struct Install {
    /// The tenant.
    tenant: String,
    /// A package file, a folder with plugin.toml and the component, the name of a bundled plugin, or where a package is
    /// (https://…, oci://REGISTRY/REPOSITORY:TAG).
    package: String,
    /// Take a package that nobody signed, such as a folder of your own.
    #[arg(long)]
    unsigned: bool,
    /// Trust this publisher with the plugin, pinned or not.
    #[arg(long, value_name = "KEY")]
    publisher: Option<String>,
    /// What to allow of what it asks for and does not have, as `--plan` lists it; may be repeated.
    #[arg(long = "grant", value_name = "NAME,…", value_delimiter = ',')]
    grants: Vec<String>,
    /// Ask nothing: all that it newly asks for is listed by --grant, or it is not installed.
    #[arg(long)]
    yes: bool,
    /// Show what it would be allowed, and install nothing.
    #[arg(long, conflicts_with = "yes")]
    plan: bool,
    /// Let some calls try it beside the active version: a share such as 10%, one dialled number as number=601, or one
    /// phone's calls as endpoint=100.
    #[arg(long, value_name = "SHARE")]
    canary: Option<String>,
    /// Why, for the history.
    #[arg(long, default_value = "")]
    why: String,
}

impl Install {
    pub(super) async fn run(self, server: &Server, output: Output) -> Result<(), Failure> {
        let mut request = InstallRequest {
            package: absolute(&self.package)?,
            unsigned: self.unsigned,
            publisher: self.publisher,
            grants: (!self.grants.is_empty()).then_some(self.grants),
            canary: self.canary,
            basis: None,
            who: user(),
            why: self.why,
        };
        let tenant = format!("/v1/tenants/{}", segment(&self.tenant));
        let plan: InstallPlan = server.post(&format!("{tenant}/plan"), &request).await?;
        if self.plan {
            output.value(&plan, || text(&plan));
            return Ok(());
        }
        if !plan.growth.is_empty() && !output.json {
            eprintln!("{}", text(&plan));
        }
        let given = request.grants.clone().unwrap_or_default();
        let missing: Vec<String> = plan.growth.iter().filter(|name| !given.contains(name)).cloned().collect();
        let said = plan.growth.is_empty() || self.yes && missing.is_empty();
        if !said {
            if self.yes || output.json || !std::io::stdin().is_terminal() {
                return Err(Failure::new(Exit::NotDone, line_to_type(&plan, &missing, self.yes)));
            }
            if !is_consented(&mut std::io::stdin().lock()) {
                return Err(Failure::new(Exit::NotDone, "not installed: nothing has changed"));
            }
            request.grants = Some(given.into_iter().chain(missing).collect());
        }
        request.basis = Some(plan.basis);
        let installed: Installed = server.post(&format!("{tenant}/plugins"), &request).await?;
        output.value(&installed, || change(&installed));
        Ok(())
    }
}

/// Asks who sits there. Anything but a yes is a no.
fn is_consented(answers: &mut impl BufRead) -> bool {
    eprint!("Allow this and install? [y/N] ");
    let mut line = String::new();
    let asked = std::io::stderr().flush().and_then(|()| answers.read_line(&mut line));
    asked.is_ok() && matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

/// What is not consented to, and the command that does.
fn line_to_type(plan: &InstallPlan, missing: &[String], yes: bool) -> String {
    let mut words: Vec<String> = std::env::args().skip(1).map(|word| quoted(&word)).collect();
    words.insert(0, "jackfield".into());
    words.extend((!yes).then(|| "--yes".to_owned()));
    if !missing.is_empty() {
        words.extend(["--grant".into(), missing.join(",")]);
    }
    let lacks = match missing {
        [] => "it is not said that nothing shall be asked".to_owned(),
        missing => format!("{} needs consent to {}", plan.id, missing.join(", ")),
    };
    format!("not installed: {lacks}; this consents: {}", words.join(" "))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=,@+".contains(character);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

fn text(plan: &InstallPlan) -> String {
    let who = match (&plan.signer, plan.bundled) {
        (_, true) => "bundled with the server".to_owned(),
        (Some(signer), _) => format!("signed by {signer}, serial {}", plan.serial),
        (None, _) => "signed by nobody".to_owned(),
    };
    let now = named(Some(&plan.version), Some(&plan.component));
    let mut lines = vec![format!("{} {now}: {}", plan.id, printable(&plan.title)), format!("  {who}")];
    if let Some(active) = &plan.replaces {
        lines.push(format!("  replaces {}", named(Some(&active.version), Some(&active.digest))));
    }
    let groups = [
        ("new", "It asks for:"),
        ("grown", "It asks for more of:"),
        ("same", "It keeps:"),
        ("less", "It asks for less of:"),
        ("gone", "It gives back:"),
        ("unused", "Declared, but nothing of it is imported; not granted:"),
    ];
    for (difference, title) in groups {
        let of: Vec<String> = plan.rights.iter().filter(|one| one.difference == difference).map(line).collect();
        if !of.is_empty() {
            lines.push(title.to_owned());
            lines.extend(of);
        }
    }
    if plan.rights.is_empty() {
        lines.push("It asks for nothing.".into());
    }
    lines.join("\n")
}

fn line(right: &PlannedRight) -> String {
    let bounds = match (right.had.as_str(), right.asks.as_str()) {
        (had, asks) if right.difference == "grown" || right.difference == "less" => {
            let or_any = |bounds: &str| if bounds.is_empty() { "(no bound)".to_owned() } else { bounds.to_owned() };
            format!(" {} instead of {}", or_any(asks), or_any(had))
        }
        (_, "") => String::new(),
        (_, asks) => format!(" {asks}"),
    };
    let imports = match right.imports.as_slice() {
        [] => String::new(),
        imports => format!(" [{}]", printable(&imports.join(", "))),
    };
    format!("  {:<10} {}{bounds}{imports}", right.name, right.means)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_consent() {
        for (typed, consents) in
            [("y\n", true), ("YES\n", true), ("", false), ("\n", false), ("n\n", false), ("yo\n", false)]
        {
            assert_eq!(is_consented(&mut typed.as_bytes()), consents, "{typed:?}");
        }
    }

    #[test]
    fn a_word_survives_the_shell() {
        assert_eq!(quoted("./build/package"), "./build/package");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
        assert_eq!(quoted(""), "''");
    }
}

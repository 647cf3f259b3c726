//! The reference as Markdown, which the documentation of the WIT is already.

use super::{Item, Page};

pub(super) fn index(title: &str, interfaces: &[Page<'_>], worlds: &[Page<'_>]) -> String {
    let mut text = format!("# {title}\n\nWhat plugins can do, and what they provide.\n\n## Interfaces\n\n");
    for page in interfaces {
        let first = page.docs.first().copied().unwrap_or_default();
        text += &format!("- [{0}]({0}.md): {first}\n", page.name);
    }
    text += "\n## Worlds\n";
    for world in worlds {
        text += &format!("\n{}\n\n```wit\n{}\n```\n", world.docs.join("\n"), world.code());
    }
    text
}

pub(super) fn page(page: &Page<'_>) -> String {
    let mut text = format!("# `{}`\n\n{}\n", page.name, page.docs.join("\n"));
    let used: Vec<&str> = page.items.iter().filter(|item| !item.is_own()).map(|item| item.code.as_str()).collect();
    if !used.is_empty() {
        text += &format!("\n```wit\n{}\n```\n", used.join("\n"));
    }
    for item in page.items.iter().filter(|item| item.is_own()) {
        let Item { code, docs, .. } = item;
        text += &format!("\n## `{}`\n\n```wit\n{code}\n```\n\n{}\n", item.title(), docs.join("\n"));
    }
    text
}

impl Page<'_> {
    /// As the WIT has it, without documentation.
    pub(super) fn code(&self) -> String {
        let lines: Vec<String> = self.items.iter().map(|item| format!("    {}\n", item.code)).collect();
        format!("{} {} {{\n{}}}", self.kind, self.name, lines.concat())
    }
}

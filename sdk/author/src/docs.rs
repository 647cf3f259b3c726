//! The reference of what plugins can do, made of the WIT that this program carries: a page for each interface.
//!
//! The files of `wit/` are read as text and not resolved: what an author reads here is what is written there, letter by letter.

mod html;
mod markdown;

use plugin::{WIT_0_1, WIT_VERSION};

/// How the reference is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Pages without style, to be read anywhere.
    Html,
    /// As it is in the WIT.
    Markdown,
}

impl Format {
    /// What the files end with.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Markdown => "md",
        }
    }
}

/// An interface or a world.
#[derive(Debug, Default)]
struct Page<'a> {
    /// `interface` or `world`.
    kind: &'a str,
    name: &'a str,
    docs: Vec<&'a str>,
    items: Vec<Item<'a>>,
}

/// A function or a type.
#[derive(Debug)]
struct Item<'a> {
    /// The resource it is a method of.
    of: Option<&'a str>,
    name: &'a str,
    /// As the WIT has it.
    code: String,
    docs: Vec<&'a str>,
}

/// The files of the reference, name and text: an index, and a page for each interface.
pub fn reference(format: Format) -> Vec<(String, String)> {
    let pages: Vec<Page<'_>> = WIT_0_1.iter().flat_map(|(_, text)| read(text)).collect();
    let title = format!("jackfield:pbx@{WIT_VERSION}");
    let (interfaces, worlds): (Vec<_>, Vec<_>) = pages.into_iter().partition(|page| page.kind == "interface");
    let names: Vec<&str> = interfaces.iter().map(|page| page.name).collect();
    let write = |page: &Page<'_>| match format {
        Format::Html => html::page(page, &names),
        Format::Markdown => markdown::page(page),
    };
    let index = match format {
        Format::Html => html::index(&title, &interfaces, &worlds),
        Format::Markdown => markdown::index(&title, &interfaces, &worlds),
    };
    let name = |stem: &str| format!("{stem}.{}", format.extension());
    let written = interfaces.iter().map(|page| (name(page.name), write(page)));
    std::iter::once((name("index"), index)).chain(written).collect()
}

/// The interfaces and worlds of a file.
fn read(text: &str) -> Vec<Page<'_>> {
    let mut pages: Vec<Page<'_>> = Vec::new();
    let mut docs = Vec::new();
    let mut resource = None;
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if let Some(doc) = line.strip_prefix("///") {
            docs.push(doc.strip_prefix(' ').unwrap_or(doc));
            continue;
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let name = rest.trim_end_matches(['{', ' ', ';']);
        match word {
            "interface" | "world" => {
                pages.push(Page { kind: word, name, docs: std::mem::take(&mut docs), items: Vec::new() });
            }
            "}" => resource = None,
            "" | "package" | "//" => docs.clear(),
            _ => {
                let Some(page) = pages.last_mut() else { continue };
                let of = resource;
                let (name, code) = match word {
                    "resource" => {
                        resource = Some(name);
                        (name, format!("resource {name}"))
                    }
                    "record" | "variant" | "enum" | "flags" => (name, whole(line, &mut lines)),
                    "type" => (name.split(' ').next().unwrap_or(name), line.to_owned()),
                    "use" | "import" | "export" | "include" => (name, line.to_owned()),
                    // A name that is a word of the language is written with a % before it.
                    function => (function.trim_end_matches(':').trim_start_matches('%'), line.to_owned()),
                };
                page.items.push(Item { of, name, code, docs: std::mem::take(&mut docs) });
            }
        }
    }
    pages
}

/// A type to its closing brace, the documentation of its fields included.
fn whole<'a>(first: &str, lines: &mut impl Iterator<Item = &'a str>) -> String {
    let mut code = first.to_owned();
    for line in lines {
        let indent = if line == "}" { "" } else { "    " };
        code = format!("{code}\n{indent}{line}");
        if line == "}" {
            break;
        }
    }
    code
}

impl Item<'_> {
    /// Whether it is of its own: what an interface takes from another is not.
    fn is_own(&self) -> bool {
        !self.code.starts_with("use ")
    }

    fn title(&self) -> String {
        match self.of {
            Some(resource) => format!("{resource}.{}", self.name),
            None => self.name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use wit_bindgen_core::wit_parser::{Resolve, SourceMap};

    use super::*;

    fn resolved() -> Resolve {
        let mut sources = SourceMap::new();
        WIT_0_1.iter().for_each(|(name, text)| sources.push_str(name, *text));
        let mut resolve = Resolve::new();
        resolve.push_group(sources.parse().unwrap_or_else(|(_, error)| panic!("{error:?}"))).unwrap();
        resolve
    }

    /// What the parser of WIT finds is in the pages, each function with its documentation.
    #[test]
    fn every_function_and_type_is_on_the_page_of_its_interface() {
        let files = reference(Format::Markdown);
        for (_, interface) in &resolved().interfaces {
            let name = interface.name.as_deref().unwrap();
            let (_, page) = files.iter().find(|(file, _)| *file == format!("{name}.md")).expect(name);
            for (function, definition) in &interface.functions {
                let title = function.trim_start_matches("[method]");
                assert!(page.contains(&format!("\n## `{title}`\n")), "{title} is in\n{page}");
                let docs = definition.docs.contents.as_deref().expect(title);
                docs.lines().for_each(|line| assert!(page.contains(line.trim()), "{line} is in\n{page}"));
            }
            for own in interface.types.keys().filter(|own| !page.contains(&format!("\n## `{own}`\n"))) {
                assert!(page.contains("use ") && page.contains(own.as_str()), "{own} is neither of {name} nor used");
            }
        }
    }

    #[test]
    fn a_method_has_its_signature_and_a_type_its_fields() {
        let files = reference(Format::Markdown);
        let page = |name: &str| files.iter().find(|(file, _)| file == name).unwrap().1.as_str();
        assert!(page("legs.md").contains("```wit\nanswer: func() -> result<_, error>;\n```"), "{}", page("legs.md"));
        assert!(
            page("types.md").contains("record error {\n    code: string,\n    detail: string,\n}"),
            "{}",
            page("types.md")
        );
        assert!(page("index.md").contains("[kv](kv.md)"), "{}", page("index.md"));
        assert!(
            page("index.md").contains("world app {\n    include imports;\n    export apps;\n}"),
            "{}",
            page("index.md")
        );
    }

    /// Balanced, escaped, and without anything from elsewhere.
    #[test]
    fn html_is_self_contained_and_its_links_lead_somewhere() {
        let files = reference(Format::Html);
        for (name, page) in &files {
            for tag in ["<p>", "<pre>", "<li>", "<ul>", "<code>", "<h2 "] {
                let end = tag.replace('<', "</").replace(' ', ">");
                assert_eq!(page.matches(tag).count(), page.matches(&end).count(), "{tag} in {name}");
            }
            assert!(["src=", "<script", "<link", "@import", "url("].iter().all(|from| !page.contains(from)), "{name}");
            for link in page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
                assert!(files.iter().any(|(file, _)| file == link), "{link} of {name}");
            }
        }
        let kv = &files.iter().find(|(name, _)| name == "kv.html").unwrap().1;
        assert!(kv.contains("result&lt;option&lt;list&lt;u8&gt;&gt;, error&gt;"), "{kv}");
    }
}

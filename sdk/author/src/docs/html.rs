//! The reference as HTML: each page stands alone, with its style in it.

use super::{Item, Page};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}\
pre{background:#8882;padding:.6rem;overflow-x:auto;border-radius:4px}h2{margin-top:2.2rem}nav a{margin-right:.8rem}\
:root{color-scheme:light dark}";

pub(super) fn index(title: &str, interfaces: &[Page<'_>], worlds: &[Page<'_>]) -> String {
    let mut body = format!("<h1>{}</h1>\n<p>What plugins can do, and what they provide.</p>\n<ul>\n", escaped(title));
    for page in interfaces {
        let first = page.docs.first().copied().unwrap_or_default();
        body += &format!("<li><a href=\"{0}.html\">{0}</a>: {1}</li>\n", page.name, inline(first));
    }
    body += "</ul>\n";
    for world in worlds {
        body += &format!("{}<pre>{}</pre>\n", prose(&world.docs), escaped(&world.code()));
    }
    document(title, &body)
}

pub(super) fn page(page: &Page<'_>, names: &[&str]) -> String {
    let links: Vec<String> = names.iter().map(|name| format!("<a href=\"{name}.html\">{name}</a>")).collect();
    let mut body = format!(
        "<nav><a href=\"index.html\">index</a>{}</nav>\n<h1>{}</h1>\n{}",
        links.concat(),
        page.name,
        prose(&page.docs)
    );
    let used: Vec<String> = page.items.iter().filter(|item| !item.is_own()).map(|item| escaped(&item.code)).collect();
    if !used.is_empty() {
        body += &format!("<pre>{}</pre>\n", used.join("\n"));
    }
    for item in page.items.iter().filter(|item| item.is_own()) {
        let Item { code, docs, .. } = item;
        let title = item.title();
        body += &format!("<h2 id=\"{title}\">{title}</h2>\n<pre>{}</pre>\n{}", escaped(code), prose(docs));
    }
    document(page.name, &body)
}

fn document(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style></head><body>\n{body}</body></html>\n"
    )
}

/// Paragraphs and lists: what the documentation of the WIT has of Markdown.
fn prose(lines: &[&str]) -> String {
    let blocks = lines.split(|line| line.is_empty()).filter(|block| !block.is_empty());
    blocks.map(block).collect()
}

fn block(lines: &[&str]) -> String {
    let list = lines.iter().position(|line| line.starts_with("- ")).unwrap_or(lines.len());
    let (text, items) = lines.split_at(list);
    let mut html = String::new();
    if !text.is_empty() {
        html += &format!("<p>{}</p>\n", inline(&text.join("\n")));
    }
    if !items.is_empty() {
        let items = items.join("\n");
        let items = items.trim_start_matches("- ").split("\n- ").map(|item| format!("<li>{}</li>\n", inline(item)));
        html += &format!("<ul>\n{}</ul>\n", items.collect::<String>());
    }
    html
}

/// Text with `code` in it.
fn inline(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let code = |(index, part)| match index % 2 {
        0 => escaped(part),
        _ => format!("<code>{}</code>", escaped(part)),
    };
    parts.map(code).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

//! Files to lines: comments are taken out, `#include` is followed.

use crate::diagnostic::{Diagnostic, Severity};
use crate::limit;
use crate::source::Source;

/// A line with something in it.
#[derive(Debug)]
pub(crate) struct Line {
    /// Index into [`Lines::files`].
    pub(crate) file: u16,
    /// From 1.
    pub(crate) number: u32,
    /// Without comment and surrounding space.
    pub(crate) text: String,
    /// Columns of space before it.
    pub(crate) indent: u32,
    /// How deep the file is included; a section begun in an included file ends with it.
    pub(crate) depth: u16,
}

/// All lines of a plan in the order they count.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) files: Vec<String>,
    pub(crate) lines: Vec<Line>,
    pub(crate) faults: Vec<Diagnostic>,
}

/// Loads `main` and everything it includes.
pub(crate) fn load(source: &dyn Source, main: &str) -> Lines {
    let mut lines = Lines::default();
    let mut open = Vec::new();
    lines.load_file(source, main, None, &mut open);
    lines
}

impl Lines {
    fn load_file(&mut self, source: &dyn Source, name: &str, from: Option<(u16, u32)>, open: &mut Vec<String>) {
        let (file, line) = match from {
            Some((file, line)) => (self.files[usize::from(file)].clone(), line),
            None => (name.to_owned(), 0),
        };
        let mut refuse = |message: String, hint: &str| {
            let hint = (!hint.is_empty()).then(|| hint.to_owned());
            let file = file.clone();
            self.faults.push(Diagnostic { severity: Severity::Error, file, line, column: None, message, hint });
        };
        let shown = crate::text::printable(name);
        if open.iter().any(|open| open == name) {
            return refuse(format!("`{shown}` includes itself"), "");
        }
        if open.len() > limit::FILE_DEPTH {
            return refuse(format!("files are included deeper than {}", limit::FILE_DEPTH), "");
        }
        if self.files.len() >= limit::FILES {
            return refuse(format!("more than {} files are included", limit::FILES), "");
        }
        let text = match source.load(name) {
            Ok(text) => text,
            Err(error) => return refuse(format!("cannot load `{shown}`: {error}"), ""),
        };
        if text.len() > limit::FILE_BYTES {
            return refuse(format!("`{shown}` is longer than {} bytes", limit::FILE_BYTES), "");
        }
        let index = u16::try_from(self.files.len()).expect("FILES is smaller than u16::MAX");
        self.files.push(name.to_owned());
        open.push(name.to_owned());
        self.read(source, index, &text, open);
        open.pop();
    }

    fn read(&mut self, source: &dyn Source, file: u16, text: &str, open: &mut Vec<String>) {
        let depth = u16::try_from(open.len()).expect("FILE_DEPTH is small");
        let mut comments = Comments::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (number, raw) in (1_u32..).zip(text.lines()) {
            if raw.len() > limit::LINE_BYTES {
                self.fault(file, number, format!("the line is longer than {} bytes", limit::LINE_BYTES), None);
                continue;
            }
            let stripped = comments.strip(raw, number);
            let trimmed = stripped.trim();
            if trimmed.is_empty() {
                continue;
            }
            if let Some(directive) = trimmed.strip_prefix('#') {
                self.directive(source, (file, number), directive, open);
                continue;
            }
            if self.lines.len() >= limit::LINES {
                return self.fault(file, number, format!("the plan has more than {} lines", limit::LINES), None);
            }
            let indent = stripped.len() - stripped.trim_start().len();
            let indent = u32::try_from(indent).expect("LINE_BYTES fits");
            self.lines.push(Line { file, number, text: trimmed.to_owned(), indent, depth });
        }
        if let Some(line) = comments.begun {
            self.fault(file, line, "the comment `;--` is not closed by `--;`".into(), None);
        }
    }

    fn directive(&mut self, source: &dyn Source, at: (u16, u32), directive: &str, open: &mut Vec<String>) {
        let (word, rest) = directive.split_once(char::is_whitespace).unwrap_or((directive, ""));
        match word {
            "include" | "tryinclude" => {
                let name = rest.trim();
                let name = name.strip_prefix('"').and_then(|n| n.strip_suffix('"')).unwrap_or(name);
                let name = name.strip_prefix('<').and_then(|n| n.strip_suffix('>')).unwrap_or(name);
                match file_name_fault(name) {
                    Some(fault) => self.fault(at.0, at.1, fault, None),
                    None if word == "tryinclude" && source.load(name).is_err() => {}
                    None => self.load_file(source, name, Some(at), open),
                }
            }
            "exec" => {
                let hint = "write the lines to a file and `#include` it".to_owned();
                self.fault(at.0, at.1, "`#exec` is refused: a plan runs no programs".into(), Some(hint));
            }
            _ => {
                let message = format!("`#{}` is not a directive", crate::text::printable(word));
                self.fault(at.0, at.1, message, Some("only `#include` is; a comment begins with `;`".into()));
            }
        }
    }

    fn fault(&mut self, file: u16, line: u32, message: String, hint: Option<String>) {
        let file = self.files[usize::from(file)].clone();
        self.faults.push(Diagnostic { severity: Severity::Error, file, line, column: None, message, hint });
    }
}

/// Why a name cannot be one of the tenant's files, whatever the source would do with it.
fn file_name_fault(name: &str) -> Option<String> {
    let shown = crate::text::printable(name);
    if name.is_empty() {
        Some("`#include` needs a file name".into())
    } else if name.starts_with('/') || name.contains(['\\', ':']) || name.split('/').any(|part| part == "..") {
        Some(format!("`{shown}` is outside the tenant's directory"))
    } else if name.chars().any(char::is_control) {
        Some(format!("`{shown}` is not a file name"))
    } else if name.contains(['*', '?']) {
        Some(format!("`{shown}`: file patterns are not followed, name each file"))
    } else {
        None
    }
}

/// `; to the end of the line` and `;-- over lines --;`, which nest.
#[derive(Default)]
struct Comments {
    open: u32,
    begun: Option<u32>,
}

impl Comments {
    /// The line without comments, `\;` being a plain `;`.
    fn strip(&mut self, line: &str, number: u32) -> String {
        let mut out = String::with_capacity(line.len());
        let mut rest = line;
        while !rest.is_empty() {
            if self.open > 0 {
                rest = self.strip_block(rest);
            } else if let Some(after) = rest.strip_prefix("\\;") {
                out.push(';');
                rest = after;
            } else if rest.starts_with(";--") && !rest.starts_with(";---") {
                (self.open, self.begun) = (1, Some(number));
                rest = &rest[3..];
            } else if rest.starts_with(';') {
                break;
            } else if let Some(after) = rest.strip_prefix('\\') {
                out.push('\\');
                rest = after;
            } else {
                let next = rest.find([';', '\\']).unwrap_or(rest.len());
                out.push_str(&rest[..next]);
                rest = &rest[next..];
            }
        }
        out
    }

    /// What follows the next event inside a block comment.
    fn strip_block<'a>(&mut self, rest: &'a str) -> &'a str {
        let (close, begin) = (rest.find("--;"), rest.find(";--"));
        match (close, begin) {
            (Some(close), begin) if begin.is_none_or(|begin| close < begin) => {
                self.open -= 1;
                if self.open == 0 {
                    self.begun = None;
                }
                &rest[close + 3..]
            }
            (_, Some(begin)) => {
                self.open += 1;
                &rest[begin + 3..]
            }
            _ => "",
        }
    }
}

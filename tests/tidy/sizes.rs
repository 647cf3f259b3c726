//! How long a file and a function may be, outside tests.

use super::source::{File, Tree};

/// A file beyond this is two files.
const FILE_LINES_MAX: usize = 800;
/// A function beyond this does two things.
const FUNCTION_LINES_MAX: usize = 70;

/// Files with too many lines outside tests.
pub(crate) fn files(tree: &Tree) -> Vec<String> {
    let lengths = tree.files.iter().map(|file| (file, file.code().count()));
    let long = lengths.filter(|(_, length)| *length > FILE_LINES_MAX);
    long.map(|(file, length)| format!("{}: {length} lines, at most {FILE_LINES_MAX}", file.path)).collect()
}

/// Functions with too many lines. rustfmt puts the closing brace under the line that opens, which is all we need to know.
pub(crate) fn functions(tree: &Tree) -> Vec<String> {
    tree.files.iter().flat_map(long_functions).collect()
}

fn long_functions(file: &File) -> Vec<String> {
    let lines: Vec<(usize, &str)> = file.code().collect();
    let mut offenders = Vec::new();
    for (index, (number, line)) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        let closing = format!("{indent}}}");
        let end = lines[index..].iter().find(|(_, line)| {
            *line == closing
                || line.ends_with(';') && line.starts_with(indent) && !line[indent.len()..].starts_with(' ')
        });
        let length = end.map_or(0, |(end, _)| end - number + 1);
        if length > FUNCTION_LINES_MAX {
            offenders.push(format!("{}:{number}: {name} has {length} lines, at most {FUNCTION_LINES_MAX}", file.path));
        }
    }
    offenders
}

/// The name of the function that starts on this line.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let opens = before.split_whitespace().all(|word| {
        matches!(word, "const" | "async" | "unsafe" | "extern" | "\"C\"")
            || word.starts_with("pub")
            || word.starts_with("in")
            || word.ends_with(')')
    });
    let name = after.split(['(', '<']).next()?;
    (opens && !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')).then_some(name)
}

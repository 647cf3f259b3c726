//! The lines of a message head (RFC 3261 §7.3.1), one reading for datagrams and streams alike (A6, A7).

use bytes::Bytes;

use super::super::scan;
use super::Problem;

/// The logical lines of a head, folds included, up to the empty line.
pub(in super::super) struct Lines<'a> {
    bytes: &'a [u8],
    position: usize,
    problem: Option<Problem>,
    done: bool,
}

impl<'a> Lines<'a> {
    pub(in super::super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0, problem: None, done: false }
    }

    /// Behind the last line that was read; behind the empty line when the head is over.
    pub(in super::super) fn position(&self) -> usize {
        self.position
    }

    /// What was wrong with the line ends so far.
    pub(in super::super) fn problem(&self) -> Option<Problem> {
        self.problem
    }

    /// Finds the end of the line that begins at `from`: where it ends and where the next begins.
    fn line_end(&mut self, from: usize) -> (usize, usize) {
        let end = scan::find_line_end(&self.bytes[from..]);
        let Some(end) = end.map(|offset| from + offset) else {
            self.problem = self.problem.or(Some(Problem::bad("head without an end")));
            self.done = true;
            return (self.bytes.len(), self.bytes.len());
        };
        if self.bytes[end..].starts_with(b"\r\n") {
            return (end, end + 2);
        }
        // §7: every line ends with CRLF. What others take for a line end must not be one more character for us.
        self.problem = self.problem.or(Some(Problem::bad("CR or LF alone")));
        (end, end + 1)
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.done {
            return None;
        }
        let start = self.position;
        let (mut end, mut next) = self.line_end(start);
        if end == start && !self.done {
            self.done = true;
            self.position = next;
            return None;
        }
        while !self.done && self.bytes.get(next).is_some_and(|byte| scan::is_space(*byte)) {
            (end, next) = self.line_end(next);
        }
        self.position = next;
        if end == start { None } else { Some(&self.bytes[start..end]) }
    }
}

/// Header name and raw value of a line; white space before the colon belongs to neither (`HCOLON`).
pub(in super::super) fn split_name(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = &line[..colon];
    let end = name.iter().rposition(|byte| !scan::is_space(*byte)).map_or(0, |last| last + 1);
    Some((&name[..end], &line[colon + 1..]))
}

/// The value with its folds turned into one space each (§7.3.1); copies only when there are folds.
pub(in super::super) fn unfold(bytes: &Bytes, value: &[u8]) -> Bytes {
    let Some(first) = value.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return scan::share(bytes, scan::trim(value));
    };
    let mut output = Vec::with_capacity(value.len());
    output.extend_from_slice(scan::trim(&value[..first]));
    for part in value[first..].split(|byte| matches!(byte, b'\r' | b'\n')) {
        let part = scan::trim(part);
        if !part.is_empty() {
            if !output.is_empty() {
                output.push(b' ');
            }
            output.extend_from_slice(part);
        }
    }
    Bytes::from(output)
}

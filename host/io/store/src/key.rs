//! The key encoder: a tuple of byte strings as one byte string.
//!
//! Every name of a tree and of an index is built here from typed parts, never by joining strings (hostile.md E4). The
//! encoding is injective, and no encoding is a prefix of another one, so a scan of one tenant cannot run into the next.

/// Ends a part. Sorts below [`ESCAPED_ZERO`], so that the order of encodings is the order of tuples.
const END: [u8; 2] = [0, 1];
/// Stands for a zero byte inside a part.
const ESCAPED_ZERO: [u8; 2] = [0, 0xFF];
/// Ends the whole tuple where another part could begin. Sorts below everything that can begin a part.
const END_OF_TUPLE: [u8; 2] = [0, 0];

/// The one encoding of `parts`.
pub(crate) fn encode(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|part| part.len() + 2).sum::<usize>() + 2);
    for part in parts {
        for &byte in *part {
            match byte {
                0 => out.extend_from_slice(&ESCAPED_ZERO),
                byte => out.push(byte),
            }
        }
        out.extend_from_slice(&END);
    }
    out.extend_from_slice(&END_OF_TUPLE);
    out
}

/// The parts whose encoding is `bytes`, or `None` for bytes that [`encode`] never makes.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut parts = Vec::new();
    let mut part = Vec::new();
    let mut rest = bytes;
    loop {
        match rest {
            [0, 0xFF, tail @ ..] => {
                part.push(0);
                rest = tail;
            }
            [0, 1, tail @ ..] => {
                parts.push(std::mem::take(&mut part));
                rest = tail;
            }
            [0, 0] if part.is_empty() => return Some(parts),
            [0, ..] | [] => return None,
            [byte, tail @ ..] => {
                part.push(*byte);
                rest = tail;
            }
        }
    }
}

#[cfg(test)]
mod tests;

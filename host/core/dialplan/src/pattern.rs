//! Extension patterns, and finding those that match a number, most specific first.
//!
//! Order as Asterisk documents it, place by place from the left: a digit before a set of few, before a set of many (`N` 8, `Z` 9,
//! `X` 10), before `.`, before `!`. Sets of one size are ordered by their first character.

use crate::limit;
use crate::text::Fault;

/// One place of a pattern. The order is the order of matching.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Element {
    /// How many ASCII characters, the first of them, and which.
    Set { size: u8, first: u8, bits: u128 },
    /// One character outside ASCII.
    Other(char),
    /// `.`: one or more of anything.
    OneOrMore,
    /// `!`: anything or nothing.
    Any,
}

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Element>);

impl Pattern {
    /// Without the leading `_`. `-` and spaces outside of sets mean nothing.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault<'_>> {
        let (mut elements, mut rest) = (Vec::new(), text);
        while let Some(c) = rest.chars().next() {
            let at = rest;
            rest = &rest[c.len_utf8()..];
            if matches!(elements.last(), Some(Element::OneOrMore | Element::Any)) {
                return Err(Fault::new(at, "nothing can follow `.` or `!` in a pattern"));
            }
            elements.push(match c {
                '-' | ' ' => continue,
                'X' | 'x' => range('0', '9'),
                'Z' | 'z' => range('1', '9'),
                'N' | 'n' => range('2', '9'),
                '.' => Element::OneOrMore,
                '!' => Element::Any,
                '[' => {
                    let close = rest.find(']').ok_or_else(|| Fault::new(at, "`[` is not closed by `]`"))?;
                    let set = &rest[..close];
                    rest = &rest[close + 1..];
                    parse_set(set)?
                }
                c if c.is_ascii() => range(c, c),
                c => Element::Other(c),
            });
            if elements.len() > limit::PATTERN {
                return Err(Fault::new(at, format!("a pattern has at most {} places", limit::PATTERN)));
            }
        }
        if elements.is_empty() {
            return Err(Fault::new(text, "the pattern is empty"));
        }
        Ok(Self(elements))
    }

    /// A pattern that is this text and nothing else.
    pub(crate) fn literal(text: &str) -> Self {
        Self(text.chars().map(|c| if c.is_ascii() { range(c, c) } else { Element::Other(c) }).collect())
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut chars = text.chars().filter(|c| *c != '-');
        for element in &self.0 {
            match element {
                Element::Any => return true,
                Element::OneOrMore => return chars.next().is_some(),
                element if chars.next().is_some_and(|c| element.has(c)) => {}
                _ => return false,
            }
        }
        chars.next().is_none()
    }

    /// What patterns are ordered by, for tests.
    #[cfg(test)]
    pub(crate) fn order(&self) -> &[Element] {
        &self.0
    }

    /// Whether `!` takes over at or before this place, for tests.
    #[cfg(test)]
    pub(crate) fn is_open_at(&self, place: usize) -> bool {
        self.0.iter().take(place + 1).any(|element| *element == Element::Any)
    }

    /// How many characters of `text` match, for telling why it does not.
    pub(crate) fn matching_chars(&self, text: &str) -> usize {
        let pairs = self.0.iter().zip(text.chars().filter(|c| *c != '-'));
        pairs.take_while(|(element, c)| element.has(*c)).count()
    }
}

impl Element {
    fn has(&self, c: char) -> bool {
        match self {
            Self::Set { bits, .. } => c.is_ascii() && bits >> (c as u32) & 1 == 1,
            Self::Other(own) => *own == c,
            Self::OneOrMore | Self::Any => true,
        }
    }
}

fn range(from: char, to: char) -> Element {
    set((from..=to).fold(0, |bits, c| bits | 1_u128 << (c as u32)))
}

fn set(bits: u128) -> Element {
    let size = u8::try_from(bits.count_ones()).expect("at most 128");
    let first = u8::try_from(bits.trailing_zeros()).expect("at most 128");
    Element::Set { size, first, bits }
}

/// The inside of `[…]`: characters and ranges like `2-5`.
fn parse_set(text: &str) -> Result<Element, Fault<'_>> {
    let chars: Vec<char> = text.chars().collect();
    let (mut bits, mut at) = (0_u128, 0);
    while at < chars.len() {
        let from = chars[at];
        let range_end = (chars.get(at + 1) == Some(&'-')).then(|| chars.get(at + 2).copied()).flatten();
        let to = range_end.unwrap_or(from);
        if !from.is_ascii() || !to.is_ascii() {
            return Err(Fault::new(text, "a set can only have ASCII characters"));
        }
        if to < from {
            return Err(Fault::new(text, format!("the range `{from}-{to}` runs backwards")));
        }
        bits = (from..=to).fold(bits, |bits, c| bits | 1 << (c as u32));
        at += if range_end.is_some() { 3 } else { 1 };
    }
    if bits == 0 {
        return Err(Fault::new(text, "the set `[]` is empty"));
    }
    Ok(set(bits))
}

/// All patterns of a context, so that a number visits only those that fit so far.
#[derive(Debug)]
pub(crate) struct Trie {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// In the order of matching.
    edges: Vec<(Element, u32)>,
    /// What ends here, in the order of the file.
    ends: Vec<u32>,
}

impl Default for Trie {
    fn default() -> Self {
        Self { nodes: vec![Node::default()] }
    }
}

impl Trie {
    pub(crate) fn insert(&mut self, pattern: &Pattern, value: u32) {
        let mut node = 0;
        for element in &pattern.0 {
            let place = self.nodes[node].edges.binary_search_by(|(other, _)| other.cmp(element));
            node = match place {
                Ok(found) => self.nodes[node].edges[found].1 as usize,
                Err(place) => {
                    let new = self.nodes.len();
                    self.nodes.push(Node::default());
                    let edge = (*element, u32::try_from(new).expect("EXTENSIONS × PATTERN fits"));
                    self.nodes[node].edges.insert(place, edge);
                    new
                }
            };
        }
        self.nodes[node].ends.push(value);
    }

    /// Calls `found` for whatever matches, most specific first, until it returns false.
    pub(crate) fn find(&self, text: &[char], found: &mut dyn FnMut(u32) -> bool) {
        self.find_from(0, text, found);
    }

    fn find_from(&self, node: usize, text: &[char], found: &mut dyn FnMut(u32) -> bool) -> bool {
        let node = &self.nodes[node];
        let Some((c, rest)) = text.split_first() else {
            let open = node.edges.iter().filter(|(element, _)| *element == Element::Any);
            let open = open.flat_map(|(_, next)| &self.nodes[*next as usize].ends);
            return node.ends.iter().chain(open).all(|value| found(*value));
        };
        node.edges.iter().filter(|(element, _)| element.has(*c)).all(|(element, next)| match element {
            Element::OneOrMore | Element::Any => self.nodes[*next as usize].ends.iter().all(|value| found(*value)),
            _ => self.find_from(*next as usize, rest, found),
        })
    }

    /// Whether a longer text beginning with this one would match something. `!` does not wait for more.
    pub(crate) fn wants_more(&self, text: &[char]) -> bool {
        self.wants_more_from(0, text)
    }

    fn wants_more_from(&self, node: usize, text: &[char]) -> bool {
        let edges = &self.nodes[node].edges;
        match text.split_first() {
            None => edges.iter().any(|(element, _)| *element != Element::Any),
            Some((c, rest)) => edges.iter().any(|(element, next)| match element {
                Element::Any => false,
                Element::OneOrMore => true,
                element => element.has(*c) && self.wants_more_from(*next as usize, rest),
            }),
        }
    }
}

#[cfg(test)]
mod tests;

//! `$[…]`: from text to operations, by precedence.
//!
//! From loosest to tightest: `?:` · `|` · `&` · `= != < > <= >=` · `+ -` · `* / %` · unary `- !` · `: =~ ~~` · brackets.
//! All of the two-sided ones group to the left, as Asterisk documents them.

use crate::limit;
use crate::template::{Compiler, Op, Quoting};
use crate::text::{Fault, nested_len};
use crate::value::{Binary, Unary};

/// Compiles the inside of `$[…]`. Leaves one value on the stack.
pub(crate) fn compile<'a>(compiler: &mut Compiler, inner: &'a str) -> Result<(), Fault<'a>> {
    let mut parser = Parser { compiler, rest: inner, depth: 0 };
    parser.skip_space();
    if parser.rest.is_empty() {
        parser.compiler.ops.push(Op::Open);
        return Ok(());
    }
    parser.conditional(true)?;
    match parser.rest {
        "" => Ok(()),
        rest if rest.starts_with(')') => Err(Fault::new(rest, "`)` closes nothing")),
        rest if rest.starts_with("?") => Err(Fault::new(rest, "a second `?` needs brackets")),
        rest => Err(Fault::new(rest, "an operator is expected here").hint(
            "operators are written in the plan, they never come from a variable; put text with spaces in quotes",
        )),
    }
}

struct Parser<'a, 'c> {
    compiler: &'c mut Compiler,
    rest: &'a str,
    depth: usize,
}

/// Two-sided operators, loosest level first; longer symbols before their beginnings.
const LEVELS: [&[(&str, Binary)]; 5] = [
    &[("|", Binary::Or)],
    &[("&", Binary::And)],
    &[
        ("!=", Binary::NotEqual),
        ("<=", Binary::LessOrEqual),
        (">=", Binary::GreaterOrEqual),
        ("==", Binary::Equal),
        ("=", Binary::Equal),
        ("<", Binary::Less),
        (">", Binary::Greater),
    ],
    &[("+", Binary::Add), ("-", Binary::Subtract)],
    &[("*", Binary::Multiply), ("/", Binary::Divide), ("%", Binary::Remainder)],
];

impl<'a> Parser<'a, '_> {
    /// `colon`: whether `:` is an operator here; in the first branch of `?:` it ends the branch instead.
    fn conditional(&mut self, colon: bool) -> Result<(), Fault<'a>> {
        self.level(0, colon)?;
        if !self.take("?") {
            return Ok(());
        }
        self.nest(|parser| parser.conditional(false))?;
        if !self.take("::") && !self.take(":") {
            return Err(Fault::new(self.rest, "`?` is not followed by `:`"));
        }
        self.nest(|parser| parser.conditional(colon))?;
        self.compiler.ops.push(Op::Conditional);
        Ok(())
    }

    fn level(&mut self, level: usize, colon: bool) -> Result<(), Fault<'a>> {
        let Some(operators) = LEVELS.get(level) else { return self.unary(colon) };
        self.level(level + 1, colon)?;
        while let Some(operator) = self.take_operator(operators)? {
            self.level(level + 1, colon)?;
            self.compiler.ops.push(Op::Binary(operator));
        }
        Ok(())
    }

    fn take_operator(&mut self, operators: &[(&str, Binary)]) -> Result<Option<Binary>, Fault<'a>> {
        for doubled in ["||", "&&"] {
            if self.rest.starts_with(doubled) {
                return Err(Fault::new(self.rest, format!("`{doubled}` is not an operator"))
                    .hint(format!("write `{}`", &doubled[..1])));
            }
        }
        // `=~` and `~~` bind tighter and have been taken if they were next.
        let found = operators.iter().find(|(symbol, _)| self.rest.starts_with(symbol) && !self.rest.starts_with("=~"));
        if let Some((symbol, operator)) = found {
            self.advance(symbol.len());
            return Ok(Some(*operator));
        }
        Ok(None)
    }

    fn unary(&mut self, colon: bool) -> Result<(), Fault<'a>> {
        let operator = match self.rest.as_bytes().first() {
            Some(b'-') => Unary::Negate,
            Some(b'!') if !self.rest.starts_with("!=") => Unary::Not,
            _ => return self.matching(colon),
        };
        self.advance(1);
        self.nest(|parser| parser.unary(colon))?;
        self.compiler.ops.push(Op::Unary(operator));
        Ok(())
    }

    fn matching(&mut self, colon: bool) -> Result<(), Fault<'a>> {
        self.operand()?;
        loop {
            let operator = if self.take("=~") {
                Binary::Search
            } else if self.take("~~") {
                Binary::Join
            } else if colon && !self.rest.starts_with("::") && self.take(":") {
                Binary::Match
            } else {
                return Ok(());
            };
            self.operand()?;
            self.compiler.ops.push(Op::Binary(operator));
        }
    }

    /// Brackets, or a word: quoted and unquoted text and what is filled in, without a space between.
    fn operand(&mut self) -> Result<(), Fault<'a>> {
        if self.rest.starts_with('(') {
            self.advance(1);
            self.nest(|parser| parser.conditional(true))?;
            if !self.take(")") {
                return Err(Fault::new(self.rest, "`(` is not closed by `)`"));
            }
            return Ok(());
        }
        self.compiler.ops.push(Op::Open);
        let before = self.rest;
        while self.word()? {}
        if self.rest.len() == before.len() {
            let message = if before.is_empty() { "a value is missing at the end" } else { "a value is expected here" };
            return Err(Fault::new(self.rest, message).hint("put what may be empty in quotes: `\"${NAME}\"`"));
        }
        self.skip_space();
        Ok(())
    }

    /// Appends one more piece of a word, if there is one.
    fn word(&mut self) -> Result<bool, Fault<'a>> {
        let Some(c) = self.rest.chars().next() else { return Ok(false) };
        if self.rest.starts_with("${") || self.rest.starts_with("$[") {
            let len = nested_len(self.rest)?;
            let (piece, rest) = self.rest.split_at(len);
            self.compiler.append(piece, Quoting::Keep)?;
            self.rest = rest;
            return Ok(true);
        }
        if c == '"' {
            return self.quoted();
        }
        if ends_word(self.rest, c) {
            return Ok(false);
        }
        if let Some(escaped) = self.rest.strip_prefix('\\') {
            let end = escaped.chars().next().map_or(0, char::len_utf8);
            self.text(&escaped[..end]);
            self.rest = &escaped[end..];
            return Ok(true);
        }
        let stops = self.rest.char_indices().skip(1);
        let mut stops = stops.filter(|(at, c)| "\\\"$".contains(*c) || ends_word(&self.rest[*at..], *c));
        let end = stops.next().map_or(self.rest.len(), |(at, _)| at);
        self.text(&self.rest[..end]);
        self.rest = &self.rest[end..];
        Ok(true)
    }

    /// `"…"`: `\"` is a quote, every other backslash stays, for regular expressions.
    fn quoted(&mut self) -> Result<bool, Fault<'a>> {
        let begin = self.rest;
        self.rest = &self.rest[1..];
        loop {
            let stop = self.rest.find(['"', '\\', '$']).ok_or_else(|| Fault::new(begin, "`\"` is not closed"))?;
            let (plain, rest) = self.rest.split_at(stop);
            self.text(plain);
            self.rest = rest;
            if rest.starts_with("${") || rest.starts_with("$[") {
                let (piece, rest) = rest.split_at(nested_len(rest)?);
                self.compiler.append(piece, Quoting::Keep)?;
                self.rest = rest;
            } else if let Some(rest) = rest.strip_prefix('"') {
                self.rest = rest;
                return Ok(true);
            } else if let Some(rest) = rest.strip_prefix("\\\"") {
                self.text("\"");
                self.rest = rest;
            } else {
                self.text(&rest[..1]);
                self.rest = &rest[1..];
            }
        }
    }

    fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.compiler.ops.push(Op::Text(text.into()));
        }
    }

    fn nest(&mut self, inner: impl FnOnce(&mut Self) -> Result<(), Fault<'a>>) -> Result<(), Fault<'a>> {
        if self.depth >= limit::NESTING {
            return Err(Fault::new(self.rest, format!("brackets nest deeper than {}", limit::NESTING)));
        }
        self.depth += 1;
        inner(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = self.rest.starts_with(symbol);
        if found {
            self.advance(symbol.len());
        }
        found
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
        self.skip_space();
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

/// Whether the word before `rest`, which begins with `c`, ends here.
fn ends_word(rest: &str, c: char) -> bool {
    c.is_whitespace() || "|&=!<>+-*/%():?".contains(c) || rest.starts_with("~~")
}

//! Text with `${…}` and `$[…]` compiled to operations on a stack of values.
//!
//! The structure is fixed here, once, from the text of the plan; running it only fills in values. That is what keeps a value from
//! ever becoming an argument, an operator or a function's name (F12).

use crate::limit;
use crate::text::{Fault, closing_bracket, is_literal, nested_len, split_once_outside, split_outside};
use crate::value::{Binary, Unary, Value};

/// One operation. `Open` begins a text on the stack, what follows is appended to it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Op {
    Open,
    Text(Box<str>),
    /// Appends the variable of this name.
    Name(Box<str>),
    /// Pops the slice (offset, then length, if any) and a name; appends the variable.
    Fetch {
        slice: u8,
    },
    /// Pops the slice and the arguments; appends the function's value.
    Call {
        name: Box<str>,
        arguments: u8,
        slice: u8,
    },
    /// As `Call`, for a function of the language itself.
    Native {
        function: Native,
        arguments: u8,
        slice: u8,
    },
    /// Pops one, pushes one.
    Unary(Unary),
    /// Pops two, pushes one.
    Binary(Binary),
    /// Pops the condition and both results, pushes one of them.
    Conditional,
    /// Pops the value of an expression and appends it.
    Result,
}

/// Functions that need what only the running plan knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Native {
    DialplanExists,
    Exception,
    Exists,
    Global,
    Hint,
    If,
    IfTime,
    IsNull,
    Local,
    Timeout,
}

impl Native {
    pub(crate) const ALL: [(&'static str, Self); 10] = [
        ("DIALPLAN_EXISTS", Self::DialplanExists),
        ("EXCEPTION", Self::Exception),
        ("EXISTS", Self::Exists),
        ("GLOBAL", Self::Global),
        ("HINT", Self::Hint),
        ("IF", Self::If),
        ("IFTIME", Self::IfTime),
        ("ISNULL", Self::IsNull),
        ("LOCAL", Self::Local),
        ("TIMEOUT", Self::Timeout),
    ];

    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, native)| *native)
    }

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, native)| *native == self).expect("every native is in ALL").0
    }
}

/// How quotes and backslashes of the plan's own text are treated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quoting {
    /// They belong to the value, as in an application's arguments.
    Keep,
    /// They have served to separate and are taken away, as in a function's arguments.
    Remove,
}

/// What a backslash takes its meaning from in a function's arguments. Others, like `\n` and `\x20`, are the function's to read.
const ESCAPED: [char; 10] = [',', '"', '\\', '(', ')', '[', ']', ':', '?', '$'];

/// Collects the operations of one line.
#[derive(Default)]
pub(crate) struct Compiler {
    pub(crate) ops: Vec<Op>,
    depth: usize,
}

impl Compiler {
    /// Pushes one value made of this text.
    pub(crate) fn piece<'a>(&mut self, text: &'a str, quoting: Quoting) -> Result<(), Fault<'a>> {
        self.ops.push(Op::Open);
        self.append(text, quoting)
    }

    /// Appends this text to the value on top.
    pub(crate) fn append<'a>(&mut self, text: &'a str, quoting: Quoting) -> Result<(), Fault<'a>> {
        if self.depth >= limit::NESTING {
            return Err(Fault::new(text, format!("`${{` and `$[` are nested deeper than {}", limit::NESTING)));
        }
        self.depth += 1;
        let (mut literal, mut rest) = (String::new(), text);
        while !rest.is_empty() {
            if rest.starts_with("${") || rest.starts_with("$[") {
                self.literal(&mut literal);
                let len = nested_len(rest)?;
                let inner = &rest[2..len - 1];
                if rest.starts_with("${") {
                    self.reference(inner, &rest[..len])?
                } else {
                    self.expression(inner)?
                }
                rest = &rest[len..];
                continue;
            }
            let c = rest.chars().next().expect("rest is not empty");
            match c {
                '"' if quoting == Quoting::Remove => rest = &rest[1..],
                '\\' if quoting == Quoting::Remove && rest[1..].starts_with(ESCAPED) => {
                    literal.push_str(&rest[1..2]);
                    rest = &rest[2..];
                }
                _ => {
                    let after = c.len_utf8();
                    let end = rest[after..].find(['$', '"', '\\']).map_or(rest.len(), |at| at + after);
                    literal.push_str(&rest[..end]);
                    rest = &rest[end..];
                }
            }
        }
        self.literal(&mut literal);
        self.depth -= 1;
        if self.ops.len() > limit::OPERATIONS {
            return Err(Fault::new(text, "the line is too complex").hint("divide it among several lines"));
        }
        Ok(())
    }

    fn literal(&mut self, literal: &mut String) {
        if !literal.is_empty() {
            self.ops.push(Op::Text(std::mem::take(literal).into()));
        }
    }

    /// `NAME`, `NAME:offset:length`, `FUNCTION(arguments)` or `FUNCTION(arguments):offset:length`.
    fn reference<'a>(&mut self, inner: &'a str, whole: &'a str) -> Result<(), Fault<'a>> {
        let name_end = reference_name_end(inner)?;
        let (name, rest) = inner.split_at(name_end);
        if name.trim().is_empty() {
            return Err(Fault::new(whole, "`${}` names no variable"));
        }
        if !rest.starts_with('(') {
            if rest.is_empty() && is_literal(name) {
                self.ops.push(Op::Name(name.into()));
                return Ok(());
            }
            self.piece(name, Quoting::Keep)?;
            let slice = self.slice(rest)?;
            self.ops.push(Op::Fetch { slice });
            return Ok(());
        }
        let Some(close) = closing_bracket(rest)? else {
            return Err(Fault::new(rest, "`(` is not closed by `)`"));
        };
        let (arguments, after) = (&rest[1..close], &rest[close + 1..]);
        let name = function_name(name)?;
        let native = Native::find(name);
        let count = match native {
            Some(Native::If | Native::IfTime) => self.choice(arguments)?,
            _ => self.arguments(arguments)?,
        };
        if !after.is_empty() && !after.starts_with(':') {
            return Err(Fault::new(after, "there is text between `)` and `}`"));
        }
        let slice = self.slice(after)?;
        self.ops.push(match native {
            Some(function) => Op::Native { function, arguments: count, slice },
            None => Op::Call { name: name.into(), arguments: count, slice },
        });
        Ok(())
    }

    /// Pushes the arguments of a function; an empty bracket has none.
    pub(crate) fn arguments<'a>(&mut self, text: &'a str) -> Result<u8, Fault<'a>> {
        if text.is_empty() {
            return Ok(0);
        }
        let parts = split_outside(text, b',')?;
        for part in &parts {
            self.piece(part, Quoting::Remove)?;
        }
        Ok(u8::try_from(parts.len()).expect("ARGUMENTS is less than 256"))
    }

    /// `condition?one:other` as three values.
    fn choice<'a>(&mut self, text: &'a str) -> Result<u8, Fault<'a>> {
        let (condition, branches) = split_once_outside(text, b'?')?;
        let Some(branches) = branches else {
            return Err(Fault::new(text, "the condition is not followed by `?`"));
        };
        let (one, other) = split_once_outside(branches, b':')?;
        for part in [condition, one, other.unwrap_or("")] {
            self.piece(part.trim(), Quoting::Remove)?;
        }
        Ok(3)
    }

    /// `:offset` or `:offset:length`.
    fn slice<'a>(&mut self, text: &'a str) -> Result<u8, Fault<'a>> {
        if text.is_empty() {
            return Ok(0);
        }
        let parts = split_outside(&text[1..], b':')?;
        if parts.len() > 2 {
            return Err(Fault::new(text, "a variable is followed by more than `:offset:length`"));
        }
        for part in &parts {
            if is_literal(part) && !part.trim().is_empty() && part.trim().parse::<i32>().is_err() {
                return Err(Fault::new(part, format!("`{}` is not a whole number", part.trim())));
            }
            self.piece(part, Quoting::Keep)?;
        }
        Ok(u8::try_from(parts.len()).expect("at most 2"))
    }

    fn expression<'a>(&mut self, inner: &'a str) -> Result<(), Fault<'a>> {
        if self.depth >= limit::NESTING {
            return Err(Fault::new(inner, format!("`${{` and `$[` are nested deeper than {}", limit::NESTING)));
        }
        self.depth += 1;
        crate::expression::compile(self, inner)?;
        self.depth -= 1;
        self.ops.push(Op::Result);
        Ok(())
    }
}

/// Where the name ends that a reference begins with: at the first `(` or `:` that is not nested.
fn reference_name_end(inner: &str) -> Result<usize, Fault<'_>> {
    let mut at = 0;
    while at < inner.len() {
        let rest = &inner[at..];
        if rest.starts_with("${") || rest.starts_with("$[") {
            at += nested_len(rest)?;
        } else if rest.starts_with(['(', ':']) {
            return Ok(at);
        } else {
            at += rest.chars().next().expect("rest is not empty").len_utf8();
        }
    }
    Ok(inner.len())
}

/// A function's name is written in the plan, never filled in.
pub(crate) fn function_name(name: &str) -> Result<&str, Fault<'_>> {
    let valid = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_literal(name) {
        let fault = Fault::new(name, "a function's name cannot be filled in from a variable");
        return Err(fault.hint("write the name; choose between functions with GotoIf"));
    }
    if name.is_empty() || !valid {
        let shown = crate::text::printable(name);
        return Err(Fault::new(name, format!("`{shown}` is not the name of a function")));
    }
    Ok(name)
}

/// The characters of `value` from `offset` (from the end if negative), `length` many (or up to `-length` before the end).
pub(crate) fn slice(value: &str, offset: i64, length: Option<i64>) -> &str {
    let count = i64::try_from(value.chars().count()).expect("a length fits");
    let begin = if offset < 0 { (count.saturating_add(offset)).max(0) } else { offset.min(count) };
    let end = match length {
        None => count,
        Some(length) if length < 0 => count.saturating_add(length).max(begin),
        Some(length) => begin.saturating_add(length).min(count),
    };
    let byte = |nth: i64| {
        let nth = usize::try_from(nth).expect("0 ≤ begin ≤ end ≤ count");
        value.char_indices().nth(nth).map_or(value.len(), |(at, _)| at)
    };
    &value[byte(begin)..byte(end)]
}

/// The same with the slice's texts: an offset that is not a number is 0, a length that is not one is none.
pub(crate) fn slice_text<'v>(value: &'v str, slice_values: &[Value]) -> &'v str {
    let number = |nth: usize| slice_values.get(nth).and_then(|value| value.text().trim().parse::<i64>().ok());
    match slice_values.len() {
        0 => value,
        _ => slice(value, number(0).unwrap_or(0), number(1)),
    }
}

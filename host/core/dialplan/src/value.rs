//! The values of `$[…]`: numbers and texts, and what each operator makes of them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use regex_lite::RegexBuilder;

use crate::limit;

/// A value on the way through a line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Number(Number),
}

/// A number: exact while it is whole and fits, as amounts and telephone numbers are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Whole(i128),
    Broken(f64),
}

/// Operators with two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    /// `:`, anchored at the beginning.
    Match,
    /// `=~`, anywhere.
    Search,
    /// `~~`.
    Join,
}

/// Operators with one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unary {
    Negate,
    Not,
}

impl Value {
    /// As it is written out.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Number(number) => Cow::Owned(number.to_string()),
        }
    }

    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }

    /// A condition holds unless it is empty or zero.
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty() && !Number::parse(text).is_some_and(Number::is_zero),
            Self::Number(number) => !number.is_zero(),
        }
    }

    fn number(&self) -> Option<Number> {
        match self {
            Self::Text(text) => Number::parse(text),
            Self::Number(number) => Some(*number),
        }
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Number(Number::Whole(truth.into()))
    }
}

impl Unary {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Negate => "-",
            Self::Not => "!",
        }
    }

    /// What is not a number counts as 0 when negated.
    pub(crate) fn apply(self, value: &Value) -> Value {
        match self {
            Self::Not => Value::from(!value.is_true()),
            Self::Negate => Value::Number(match value.number() {
                Some(Number::Whole(whole)) => match whole.checked_neg() {
                    Some(negative) => Number::Whole(negative),
                    None => Number::Broken(-(whole as f64)),
                },
                Some(Number::Broken(broken)) => Number::from(-broken),
                None => Number::ZERO,
            }),
        }
    }
}

impl Binary {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Or => "|",
            Self::And => "&",
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Match => ":",
            Self::Search => "=~",
            Self::Join => "~~",
        }
    }

    /// Total: what has no meaning is 0 and told as the second part.
    pub(crate) fn apply(self, left: Value, right: Value) -> (Value, Option<&'static str>) {
        match self {
            Self::Or => (if left.is_true() { left } else { right }, None),
            Self::And => (if left.is_true() && right.is_true() { left } else { Value::from(false) }, None),
            Self::Equal => (Value::from(compare(&left, &right) == Ordering::Equal), None),
            Self::NotEqual => (Value::from(compare(&left, &right) != Ordering::Equal), None),
            Self::Less => (Value::from(compare(&left, &right) == Ordering::Less), None),
            Self::LessOrEqual => (Value::from(compare(&left, &right) != Ordering::Greater), None),
            Self::Greater => (Value::from(compare(&left, &right) == Ordering::Greater), None),
            Self::GreaterOrEqual => (Value::from(compare(&left, &right) != Ordering::Less), None),
            Self::Match | Self::Search => search(&left.text(), &right.text(), self == Self::Match),
            Self::Join => {
                let mut text = left.into_text();
                text.push_str(crate::text::cut(&right.text(), limit::VALUE_BYTES.saturating_sub(text.len())));
                (Value::Text(text), None)
            }
            Self::Add | Self::Subtract | Self::Multiply | Self::Divide | Self::Remainder => {
                match (left.number(), right.number()) {
                    (Some(left), Some(right)) => self.arithmetic(left, right),
                    _ => (Value::from(false), Some("arithmetic with something that is not a number gives 0")),
                }
            }
        }
    }

    fn arithmetic(self, left: Number, right: Number) -> (Value, Option<&'static str>) {
        if matches!(self, Self::Divide | Self::Remainder) && right.is_zero() {
            return (Value::from(false), Some("a division by zero gives 0"));
        }
        let whole = match (left, right) {
            (Number::Whole(left), Number::Whole(right)) => match self {
                Self::Add => left.checked_add(right),
                Self::Subtract => left.checked_sub(right),
                Self::Multiply => left.checked_mul(right),
                Self::Remainder => left.checked_rem(right),
                _ => left.checked_rem(right).filter(|rest| *rest == 0).and_then(|_| left.checked_div(right)),
            },
            _ => None,
        };
        let number = whole.map_or_else(
            || {
                let (left, right) = (left.as_f64(), right.as_f64());
                Number::from(match self {
                    Self::Add => left + right,
                    Self::Subtract => left - right,
                    Self::Multiply => left * right,
                    Self::Remainder => left % right,
                    _ => left / right,
                })
            },
            Number::Whole,
        );
        (Value::Number(number), None)
    }
}

/// As numbers if both are, else as texts.
fn compare(left: &Value, right: &Value) -> Ordering {
    match (left.number(), right.number()) {
        (Some(Number::Whole(left)), Some(Number::Whole(right))) => left.cmp(&right),
        (Some(left), Some(right)) => left.as_f64().partial_cmp(&right.as_f64()).expect("numbers are never NaN"),
        _ => left.text().cmp(&right.text()),
    }
}

/// The first group if the expression has one, else how many characters matched; empty or 0 without a match.
fn search(text: &str, pattern: &str, anchored: bool) -> (Value, Option<&'static str>) {
    let pattern = if anchored { format!("^(?:{pattern})") } else { pattern.to_owned() };
    let regex = RegexBuilder::new(&pattern).size_limit(limit::REGEX_BYTES).nest_limit(limit::REGEX_NESTING).build();
    let Ok(regex) = regex else {
        return (Value::from(false), Some("a regular expression that is malformed or too large matches nothing"));
    };
    let groups = regex.captures_len() > 1;
    let value = match regex.captures(text) {
        Some(found) if groups => Value::Text(found.get(1).map_or("", |group| group.as_str()).to_owned()),
        Some(found) => {
            let matched = found.get(0).expect("group 0 is the whole match").as_str().chars().count();
            Value::Number(Number::Whole(i128::try_from(matched).expect("a count fits")))
        }
        None if groups => Value::Text(String::new()),
        None => Value::from(false),
    };
    (value, None)
}

impl Number {
    pub(crate) const ZERO: Self = Self::Whole(0);

    /// Digits with an optional minus and an optional fraction. `+34` is not a number but the beginning of a telephone number.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let some_digit = !whole.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty());
        if !some_digit || !all_digits(whole) || !fraction.is_none_or(all_digits) {
            return None;
        }
        match fraction {
            None => text.parse().ok().map(Self::Whole),
            Some(_) => text.parse().ok().filter(|broken: &f64| broken.is_finite()).map(Self::from),
        }
    }

    fn as_f64(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Broken(broken) => broken,
        }
    }

    pub(crate) fn is_zero(self) -> bool {
        match self {
            Self::Whole(whole) => whole == 0,
            Self::Broken(broken) => broken == 0.0,
        }
    }
}

/// Whole again if it is and is exact; out of range is 0, as there is no value for it.
impl From<f64> for Number {
    fn from(value: f64) -> Self {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if !value.is_finite() {
            Self::ZERO
        } else if value.fract() == 0.0 && value.abs() <= EXACT {
            Self::Whole(value as i128)
        } else {
            Self::Broken(value)
        }
    }
}

/// At most 15 significant digits, so that 0.1 + 0.2 reads 0.3.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(whole) => whole.fmt(f),
            Self::Broken(broken) => {
                let rounded: f64 = format!("{broken:.14e}").parse().expect("a formatted number parses");
                rounded.fmt(f)
            }
        }
    }
}

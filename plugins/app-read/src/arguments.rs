//! What is between the brackets of `Read(…)`.

use std::time::Duration;

/// The arguments, with what counts where one is left out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) variable: String,
    pub(crate) prompts: Vec<String>,
    pub(crate) max: usize,
    pub(crate) attempts: u32,
    pub(crate) first_timeout: Duration,
    pub(crate) next_timeout: Duration,
    pub(crate) terminators: String,
    /// `s`: return at once if the line is not up.
    pub(crate) skip: bool,
    /// `n`: read although the line is not up.
    pub(crate) without_answer: bool,
    /// `e`: a terminator without digits is the value.
    pub(crate) terminator_alone: bool,
}

/// Digits at most; also what 0 means.
const MAX_DIGITS: usize = 255;
/// Attempts at most: more is a mistake that keeps the line busy.
const MAX_ATTEMPTS: u32 = 100;
const MAX_PROMPTS: usize = 64;
const MAX_TIMEOUT: f64 = 86_400.0;
/// As Asterisk's `TIMEOUT(response)` and `TIMEOUT(digit)` are where nobody sets them.
const FIRST_TIMEOUT: Duration = Duration::from_secs(10);
const NEXT_TIMEOUT: Duration = Duration::from_secs(5);

impl Arguments {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let parts = split(text);
        let part = |nth: usize| parts.get(nth).map_or("", |part| part.trim());
        let variable = part(0);
        let valid = variable.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if variable.is_empty() || variable.len() > 80 || !valid {
            return Err(format!("Read({text:?}): the first argument is not the name of a variable"));
        }
        if parts.len() > 6 {
            return Err(format!("Read({text:?}): there are more than six arguments"));
        }
        let number = |nth: usize, what: &str| match part(nth) {
            "" => Ok(0),
            text => text.parse::<i64>().map_err(|_| format!("Read: {what} {text:?} is not a number")),
        };
        let max = usize::try_from(number(2, "the number of digits")?).unwrap_or(0);
        let attempts = u32::try_from(number(4, "the number of attempts")?.clamp(1, MAX_ATTEMPTS.into()));
        let timeout = match part(5) {
            "" => 0.0,
            text => text.parse::<f64>().map_err(|_| format!("Read: the time-out {text:?} is not a number"))?,
        };
        let timeout = (timeout > 0.0).then(|| Duration::from_secs_f64(timeout.min(MAX_TIMEOUT)));
        let options = Options::parse(part(3))?;
        let prompts = part(1).split('&').map(str::trim).filter(|prompt| !prompt.is_empty());
        let prompts: Vec<String> = prompts.map(|prompt| options.prompt(prompt)).collect();
        if prompts.len() > MAX_PROMPTS {
            return Err(format!("Read: there are more than {MAX_PROMPTS} prompts"));
        }
        Ok(Self {
            variable: variable.to_owned(),
            prompts,
            max: if max == 0 { MAX_DIGITS } else { max.min(MAX_DIGITS) },
            attempts: attempts.expect("it was clamped"),
            first_timeout: timeout.unwrap_or(FIRST_TIMEOUT),
            next_timeout: timeout.unwrap_or(NEXT_TIMEOUT),
            terminators: options.terminators.unwrap_or_else(|| "#".to_owned()),
            skip: options.skip,
            without_answer: options.without_answer,
            terminator_alone: options.terminator_alone,
        })
    }
}

#[derive(Default)]
struct Options {
    skip: bool,
    indication: bool,
    without_answer: bool,
    terminator_alone: bool,
    terminators: Option<String>,
}

impl Options {
    fn parse(text: &str) -> Result<Self, String> {
        let mut options = Self::default();
        let mut rest = text;
        while let Some(option) = rest.chars().next() {
            rest = &rest[option.len_utf8()..];
            match option {
                's' => options.skip = true,
                'i' => options.indication = true,
                'n' => options.without_answer = true,
                'e' => options.terminator_alone = true,
                't' => {
                    let inside = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
                    // Without brackets there is no terminator at all.
                    let (terminators, after) = inside.unwrap_or(("", rest));
                    options.terminators = Some(terminators.to_owned());
                    rest = after;
                }
                other => return Err(format!("Read: {other:?} is not one of the options s, i, n, t and e")),
            }
        }
        Ok(options)
    }

    /// With `i` the prompt is a tone: by name, or as frequencies and milliseconds.
    fn prompt(&self, prompt: &str) -> String {
        if !self.indication {
            return prompt.to_owned();
        }
        match prompt {
            "dial" => "tone:425/10000".to_owned(),
            "busy" => "tone:425/500,0/500".to_owned(),
            "congestion" => "tone:425/250,0/250".to_owned(),
            "ring" => "tone:425/1000,0/4000".to_owned(),
            other if other.starts_with("tone:") => other.to_owned(),
            other => format!("tone:{other}"),
        }
    }
}

/// At commas that are not within brackets or quotes; quotes are taken away.
fn split(text: &str) -> Vec<String> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let (mut open, mut quoted) = (0_u32, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => part.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if open == 0 && !quoted => parts.push(std::mem::take(&mut part)),
            _ => {
                match c {
                    '(' if !quoted => open += 1,
                    ')' if !quoted => open = open.saturating_sub(1),
                    _ => {}
                }
                part.push(c);
            }
        }
    }
    parts.push(part);
    parts
}

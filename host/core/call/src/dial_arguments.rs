//! The arguments of the dialplan's `Dial`: `PJSIP/100&SIP/101&Local/9@sales,30,gL(60000)`.

use std::time::Duration;

use crate::{DialOptions, Ringback, Target, limit};

/// Parsed arguments of `Dial`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialArguments {
    /// Who is rung.
    pub targets: Vec<Target>,
    /// For how long; [`limit::RINGING`] when nothing is said.
    pub timeout: Duration,
    /// How.
    pub options: DialOptions,
}

/// Why arguments of `Dial` are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialArgumentError {
    /// No target is named.
    #[error("Dial needs a target, such as PJSIP/100")]
    NoTarget,
    /// Too many targets.
    #[error("Dial has {count} targets; {} is the most", limit::TARGETS)]
    TooManyTargets {
        /// How many.
        count: usize,
    },
    /// The technology is not one of ours.
    #[error(
        "{0:?} cannot be dialled: PJSIP/NAME, SIP/NAME, sip:URI, Local/EXTEN@CONTEXT and a channel driver's SCHEME/ADDRESS can"
    )]
    Target(String),
    /// The time-out is not a number of seconds.
    #[error("{0:?} is not a number of seconds")]
    Timeout(String),
    /// An option has an argument that makes no sense, or lacks one.
    #[error("option {option} of Dial cannot be {argument:?}")]
    Argument {
        /// The option.
        option: char,
        /// Its argument.
        argument: String,
    },
    /// The option is not supported.
    #[error("option {0} of Dial is not supported")]
    Unsupported(char),
}

impl DialArguments {
    /// Reads the arguments. `context` is where a `Local` target without a context is looked up.
    pub fn parse(arguments: &str, context: &str) -> Result<Self, DialArgumentError> {
        let mut parts = arguments.splitn(3, ',').map(str::trim);
        let targets = parse_targets(parts.next().unwrap_or(""), context)?;
        let timeout = parse_timeout(parts.next().unwrap_or(""))?;
        let options = parse_options(parts.next().unwrap_or(""))?;
        Ok(Self { targets, timeout, options })
    }
}

fn parse_targets(text: &str, context: &str) -> Result<Vec<Target>, DialArgumentError> {
    let names: Vec<&str> = text.split('&').map(str::trim).filter(|name| !name.is_empty()).collect();
    match names.len() {
        0 => Err(DialArgumentError::NoTarget),
        count if count > limit::TARGETS => Err(DialArgumentError::TooManyTargets { count }),
        _ => names.into_iter().map(|name| parse_target(name, context)).collect(),
    }
}

fn parse_target(text: &str, context: &str) -> Result<Target, DialArgumentError> {
    let refused = || DialArgumentError::Target(text.to_owned());
    if Target::is_uri(text) {
        return Ok(Target::Uri(text.to_owned()));
    }
    let Some((technology, rest)) = text.split_once('/') else {
        // A bare name: what plugins and the API write.
        return Ok(Target::Endpoint(text.to_owned()));
    };
    if rest.is_empty() {
        return Err(refused());
    }
    if technology.eq_ignore_ascii_case("Local") {
        // `/n` keeps Asterisk from optimising the channel away; there is nothing to keep here.
        let rest = rest.strip_suffix("/n").unwrap_or(rest);
        let (exten, context) = rest.split_once('@').unwrap_or((rest, context));
        if exten.is_empty() || context.is_empty() {
            return Err(refused());
        }
        return Ok(Target::Local { exten: exten.to_owned(), context: context.to_owned() });
    }
    if !technology.eq_ignore_ascii_case("PJSIP") && !technology.eq_ignore_ascii_case("SIP") {
        // Asterisk's way to write an address of a channel driver.
        let uri = format!("{}:{rest}", technology.to_ascii_lowercase());
        return if Target::is_uri(&uri) { Ok(Target::Uri(uri)) } else { Err(refused()) };
    }
    // `PJSIP/endpoint/sip:user@host` names the address itself.
    if let Some((_, uri)) = rest.split_once('/') {
        return if uri.starts_with("sip:") || uri.starts_with("sips:") {
            Ok(Target::Uri(uri.to_owned()))
        } else {
            Err(refused())
        };
    }
    if rest.contains('@') {
        return Ok(Target::Uri(format!("sip:{rest}")));
    }
    Ok(Target::Endpoint(rest.to_owned()))
}

fn parse_timeout(text: &str) -> Result<Duration, DialArgumentError> {
    // Asterisk allows a second number, the delay of an announcement in another option.
    let seconds = text.split('^').next().unwrap_or("").trim();
    if seconds.is_empty() {
        return Ok(limit::RINGING);
    }
    let refused = || DialArgumentError::Timeout(text.to_owned());
    let seconds: f64 = seconds.parse().map_err(|_| refused())?;
    if !seconds.is_finite() || seconds < 0.0 {
        return Err(refused());
    }
    Ok(Duration::from_secs_f64(seconds.min(limit::RINGING.as_secs_f64())))
}

fn parse_options(text: &str) -> Result<DialOptions, DialArgumentError> {
    let mut options = DialOptions::default();
    let mut rest = text;
    while let Some(option) = rest.chars().next() {
        rest = &rest[option.len_utf8()..];
        let mut argument = None;
        if let Some(inner) = rest.strip_prefix('(') {
            let end = inner.find(')').ok_or(DialArgumentError::Argument { option, argument: inner.to_owned() })?;
            argument = Some(&inner[..end]);
            rest = &inner[end + 1..];
        }
        apply(&mut options, option, argument.filter(|argument| !argument.is_empty()))?;
    }
    Ok(options)
}

fn apply(options: &mut DialOptions, option: char, argument: Option<&str>) -> Result<(), DialArgumentError> {
    match option {
        'r' => options.ringback = Ringback::Tone,
        'm' => options.ringback = Ringback::Music(argument.map(str::to_owned)),
        'g' => options.go_on = true,
        'H' => options.caller_may_hang_up = true,
        'h' => options.callee_may_hang_up = true,
        'T' => options.caller_may_transfer = true,
        't' => options.callee_may_transfer = true,
        'L' => {
            // `L(x[:y[:z]])`: the warnings of y and z are announcements, which are not made.
            let milliseconds =
                argument.and_then(|argument| argument.split(':').next()?.parse().ok()).filter(|&ms: &u64| ms > 0);
            let Some(milliseconds) = milliseconds else {
                return Err(DialArgumentError::Argument { option, argument: argument.unwrap_or("").to_owned() });
            };
            options.limit = Some(Duration::from_millis(milliseconds));
        }
        ' ' => {}
        other => return Err(DialArgumentError::Unsupported(other)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parse(text: &str) -> DialArguments {
        DialArguments::parse(text, "default").unwrap()
    }

    fn endpoint(name: &str) -> Target {
        Target::Endpoint(name.to_owned())
    }

    #[test]
    fn all_ways_of_naming_an_endpoint_mean_the_same() {
        let expected = [endpoint("100"), endpoint("101"), endpoint("102")];
        assert_eq!(parse("PJSIP/100&SIP/101&102").targets, expected);
        assert_eq!(parse(" pjsip/100 & sip/101 &102& ,,").targets, expected);
    }

    #[test]
    fn other_targets_are_told_apart() {
        let uri = |text: &str| Target::Uri(text.to_owned());
        let local = |exten: &str, context: &str| Target::Local { exten: exten.to_owned(), context: context.to_owned() };
        assert_eq!(parse("sip:a@b.test").targets, [uri("sip:a@b.test")]);
        assert_eq!(parse("PJSIP/a@b.test").targets, [uri("sip:a@b.test")]);
        assert_eq!(parse("PJSIP/trunk/sip:1@b.test").targets, [uri("sip:1@b.test")]);
        for text in ["XMPP/bob@example.net", "xmpp/bob@example.net", "xmpp:bob@example.net"] {
            assert_eq!(parse(text).targets, [uri("xmpp:bob@example.net")]);
        }
        assert_eq!(parse("Local/9@sales/n").targets, [local("9", "sales")]);
        assert_eq!(parse("Local/9").targets, [local("9", "default")]);
    }

    #[test]
    fn time_and_options_are_read() {
        let arguments = parse("PJSIP/100,30,m(jazz)gHhTtL(60000:30000:10000)");
        assert_eq!(arguments.timeout, Duration::from_secs(30));
        let expected = DialOptions {
            ringback: Ringback::Music(Some("jazz".to_owned())),
            go_on: true,
            caller_may_hang_up: true,
            callee_may_hang_up: true,
            caller_may_transfer: true,
            callee_may_transfer: true,
            limit: Some(Duration::from_secs(60)),
        };
        assert_eq!(arguments.options, expected);
        assert_eq!(parse("100,2.5,r").timeout, Duration::from_millis(2500));
        assert_eq!(parse("100,,r").options.ringback, Ringback::Tone);
        assert_eq!(parse("100").timeout, limit::RINGING);
        assert_eq!(parse("100,1e300").timeout, limit::RINGING);
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let refused = |text: &str| DialArguments::parse(text, "default").unwrap_err();
        assert_eq!(refused(""), DialArgumentError::NoTarget);
        assert_eq!(refused("&,30"), DialArgumentError::NoTarget);
        assert_eq!(refused("DA HDI/1"), DialArgumentError::Target("DA HDI/1".to_owned()));
        assert_eq!(refused("PJSIP/"), DialArgumentError::Target("PJSIP/".to_owned()));
        assert_eq!(refused("Local/@x"), DialArgumentError::Target("Local/@x".to_owned()));
        assert_eq!(refused("100,soon"), DialArgumentError::Timeout("soon".to_owned()));
        assert_eq!(refused("100,-1"), DialArgumentError::Timeout("-1".to_owned()));
        assert_eq!(refused("100,30,U(sub)"), DialArgumentError::Unsupported('U'));
        assert_eq!(refused("100,30,M(macro)"), DialArgumentError::Unsupported('M'));
        assert_eq!(refused("100,30,L(x)"), DialArgumentError::Argument { option: 'L', argument: "x".to_owned() });
        assert_eq!(refused("100,30,L"), DialArgumentError::Argument { option: 'L', argument: String::new() });
        assert_eq!(refused("100,30,m(x"), DialArgumentError::Argument { option: 'm', argument: "x".to_owned() });
        let many = vec!["100"; limit::TARGETS + 1].join("&");
        assert_eq!(refused(&many), DialArgumentError::TooManyTargets { count: limit::TARGETS + 1 });
        assert_eq!(parse(&vec!["100"; limit::TARGETS].join("&")).targets.len(), limit::TARGETS);
    }
}

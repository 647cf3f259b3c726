//! `dial`: calling others for a leg.

use std::time::Duration;

use call::{DialOptions, Outcome, Request, Ringback, Target};
use wasmtime::component::Resource;

use super::legs::Handle;
use super::{Options, at_most, invalid, limit};
use crate::abi::v0_1::Error;
use crate::abi::v0_1::app::jackfield::pbx::dial::Host;
use crate::grant::Capability;
use crate::instance::State;

/// Targets of one dial.
const TARGETS: usize = 16;
/// Bytes of a target.
const TARGET_BYTES: usize = 256;

impl Host for State {
    async fn call(
        &mut self,
        caller: Resource<Handle>,
        targets: Vec<String>,
        timeout: u32,
        opts: Vec<(String, String)>,
    ) -> wasmtime::Result<Result<Vec<(String, String)>, Error>> {
        let leg = self.called_leg(&caller)?;
        let granted =
            self.generation.as_ref().and_then(|generation| generation.manifest.capabilities.get(&Capability::Dial));
        let most = granted.and_then(|bounds| bounds.max).map_or(TARGETS, |max| TARGETS.min(max as usize));
        let (targets, options) = match parse(&targets, &opts, most) {
            Ok(parsed) => parsed,
            Err(error) => return Ok(Err(error)),
        };
        let timeout = Duration::from_millis(timeout.into());
        Ok(self.wait_for(Request::Dial { leg, targets, timeout, options }).await.map(|outcome| match outcome {
            Outcome::Dialed { status, cause, answered_ms, dialed_ms, .. } => vec![
                ("status".into(), status.as_str().into()),
                ("cause".into(), cause.number().to_string()),
                ("answered-ms".into(), answered_ms.to_string()),
                ("dialed-ms".into(), dialed_ms.to_string()),
            ],
            _ => Vec::new(),
        }))
    }
}

fn parse(targets: &[String], opts: &[(String, String)], most: usize) -> Result<(Vec<Target>, DialOptions), Error> {
    if targets.is_empty() || targets.len() > most {
        return Err(limit(format!("{} targets: 1 to {most}", targets.len())));
    }
    let targets = targets.iter().map(|target| parse_target(target)).collect::<Result<_, _>>()?;
    let options = Options::new(opts, &["ringback", "limit-ms"], None)?;
    let ringback = match options.get("ringback") {
        None | Some("network") => Ringback::Network,
        Some("tone") => Ringback::Tone,
        Some("music") => Ringback::Music(None),
        Some(other) => return Err(invalid(format!("ringback {other:?} is not network, tone or music"))),
    };
    // The plugin goes on after the conversation; whether the caller does is the plugin's to decide.
    let options =
        DialOptions { ringback, go_on: true, limit: options.milliseconds("limit-ms")?, ..DialOptions::default() };
    Ok((targets, options))
}

fn parse_target(text: &str) -> Result<Target, Error> {
    at_most(text, TARGET_BYTES, "a target")?;
    if let Some(local) = text.strip_prefix("local:") {
        let (exten, context) =
            local.split_once('@').ok_or_else(|| invalid(format!("{text:?} is not local:EXTENSION@CONTEXT")))?;
        return Ok(Target::Local { exten: exten.into(), context: context.into() });
    }
    if Target::is_uri(text) {
        return Ok(Target::Uri(text.into()));
    }
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+*#".contains(&byte)) {
        true => Ok(Target::Endpoint(text.into())),
        false => Err(invalid(format!("{text:?} is not a target"))),
    }
}

//! `recording`: what a party says, to a blob of the tenant.

use std::time::Duration;

use call::{LegId, Outcome, Request};
use wasmtime::component::Resource;

use super::legs::Handle;
use super::{Options, invalid};
use crate::abi::v0_1::Error;
use crate::abi::v0_1::app::jackfield::pbx::recording::Host;
use crate::instance::State;

/// The shortest and the longest recording that can be asked for.
const LENGTH: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(7_200);

impl Host for State {
    async fn record(
        &mut self,
        caller: Resource<Handle>,
        name: String,
        max: u32,
        opts: Vec<(String, String)>,
    ) -> wasmtime::Result<Result<(String, u32), Error>> {
        let leg = self.called_leg(&caller)?;
        let request = match parse(leg, name, max, &opts) {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        Ok(self.wait_for(request).await.and_then(|outcome| match outcome {
            Outcome::Recorded { blob, duration_ms, .. } => Ok((blob, u32::try_from(duration_ms).unwrap_or(u32::MAX))),
            other => Err(super::error("failed", format!("no recording: {other:?}"))),
        }))
    }
}

fn parse(leg: LegId, blob: String, max: u32, opts: &[(String, String)]) -> Result<Request, Error> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_part = |part: &str| {
        part.bytes().next().is_some_and(letter)
            && part.bytes().all(|byte| letter(byte) || b"-_.".contains(&byte))
            && !part.contains("..")
    };
    if blob.len() > 128 || !blob.split('/').all(is_part) {
        return Err(invalid(format!("{blob:?} is not a name for a recording")));
    }
    let max = Duration::from_millis(max.into());
    if !LENGTH.contains(&max) {
        return Err(invalid("max is not between a second and two hours"));
    }
    let options = Options::new(opts, &["terminators", "silence-ms", "beep"], None)?;
    let beep = match options.get("beep") {
        None | Some("yes") => true,
        Some("no") => false,
        Some(other) => return Err(invalid(format!("beep {other:?} is not yes or no"))),
    };
    Ok(Request::Record {
        leg,
        blob,
        max,
        silence: options.milliseconds("silence-ms")?,
        terminators: options.get("terminators").unwrap_or("#").into(),
        beep,
    })
}

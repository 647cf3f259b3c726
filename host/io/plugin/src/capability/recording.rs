//! `recording`: what a party says, to a blob of the plugin.

use std::time::Duration;

use call::{LegId, Outcome, RecordingEnd, Request};
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
    ) -> wasmtime::Result<Result<Vec<(String, String)>, Error>> {
        let leg = self.called_leg(&caller)?;
        let own = self.own_blob(&name).map(|blob| (blob, self.blob_quota()));
        let request = match own.and_then(|own| parse(leg, own, max, &opts)) {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        Ok(self.wait_for(request).await.and_then(|outcome| match outcome {
            Outcome::Recorded { duration_ms, ended, .. } => Ok(tell(name, duration_ms, ended)),
            other => Err(super::error("failed", format!("no recording: {other:?}"))),
        }))
    }
}

fn tell(name: String, duration_ms: u64, ended: RecordingEnd) -> Vec<(String, String)> {
    let mut told = vec![
        ("blob".to_owned(), name),
        ("length-ms".to_owned(), duration_ms.to_string()),
        ("ended".to_owned(), ended.name().to_owned()),
    ];
    if let RecordingEnd::Digit(digit) = ended {
        told.push(("digit".to_owned(), digit.to_string()));
    }
    told
}

fn parse(
    leg: LegId,
    (blob, quota): (String, Option<u64>),
    max: u32,
    opts: &[(String, String)],
) -> Result<Request, Error> {
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
        quota,
        max,
        silence: options.milliseconds("silence-ms")?,
        terminators: options.get("terminators").unwrap_or("#").into(),
        beep,
    })
}

//! `jackfield plugin tail`: what a plugin says and how its runs end, as it happens.

use api::types::{Plugin, TailLine};
use clap::Args;

use super::top::bytes;
use crate::cmd::output::{Output, printable};
use crate::cmd::{Failure, Server, segment};

/// Seconds that one question waits for news: as long as the server's stop may have to wait for it.
const WAIT_S: u64 = 2;

/// Show what a plugin logs, how its applications' runs end and what they cost, and its failures, as they happen. Ctrl-C ends it.
#[derive(Args)]
pub(super) struct Tail {
    /// The tenant.
    tenant: String,
    /// The plugin's id.
    id: String,
    /// The lines of before to begin with.
    #[arg(long, default_value_t = 10, value_name = "COUNT")]
    lines: usize,
    /// Show those and end.
    #[arg(long)]
    once: bool,
}

impl Tail {
    pub(super) async fn run(self, server: &Server, output: Output) -> Result<(), Failure> {
        let plugin = format!("/v1/tenants/{}/plugins/{}", segment(&self.tenant), segment(&self.id));
        // One that is not there is told with what was probably meant.
        let _there: Plugin = server.get(&plugin).await?;
        let path = |after: u64, wait: u64| format!("{plugin}/tail?after={after}&wait_s={wait}");
        let mut lines: Vec<TailLine> = server.get(&path(0, 0)).await?;
        let mut seq = lines.last().map_or(0, |line| line.seq);
        lines.drain(..lines.len().saturating_sub(self.lines));
        loop {
            for line in &lines {
                output.value(line, || text(line));
            }
            if self.once {
                return Ok(());
            }
            lines = server.get(&path(seq, WAIT_S)).await?;
            if let (Some(first), Some(last)) = (lines.first(), lines.last()) {
                // A server that came up again counts from 1.
                let lost = first.seq.checked_sub(seq + 1).filter(|lost| *lost > 0);
                if let Some(lost) = lost {
                    eprintln!("({lost} lines came faster than they were read)");
                }
                seq = last.seq;
            }
        }
    }
}

fn text(line: &TailLine) -> String {
    let TailLine { time, version, run, .. } = line;
    let who = if run.is_empty() { "service" } else { run };
    let said = printable(&line.text);
    let what = match line.kind.as_str() {
        "said" => format!("{:5} {said}", line.level.as_deref().unwrap_or_default()),
        "failed" => format!("failed: {said}"),
        _ => {
            let cost = line.cost.unwrap_or_default();
            let end = if said.is_empty() { "ended".to_owned() } else { format!("ended: {said}") };
            let call = line.call.as_deref().unwrap_or_default();
            let (host_calls, moved) = (cost.host_calls, bytes(cost.moved));
            format!(
                "{end} after {:.1} s, {:.1} ms of computing, {host_calls} host calls, {moved} moved, {} of memory, call {call}",
                cost.ms as f64 / 1e3,
                cost.cpu_us as f64 / 1e3,
                bytes(cost.memory)
            )
        }
    };
    format!("{time} {version} {who}: {what}")
}

#[cfg(test)]
mod tests {
    use api::types::RunCost;

    use super::*;

    #[test]
    fn a_line_says_who_did_what() {
        let line = TailLine {
            seq: 1,
            time: "2026-12-01T13:00:00Z".into(),
            version: "0.1.0".into(),
            run: "Hello".into(),
            kind: "said".into(),
            level: Some("warn".into()),
            text: "no greeting".into(),
            call: None,
            cost: None,
        };
        assert_eq!(text(&line), "2026-12-01T13:00:00Z 0.1.0 Hello: warn  no greeting");
        let failed = TailLine { kind: "failed".into(), run: String::new(), text: "no\u{1b}[2J".into(), ..line.clone() };
        assert_eq!(text(&failed), "2026-12-01T13:00:00Z 0.1.0 service: failed: no\\u{1b}[2J");
        let cost = RunCost { ms: 4_210, cpu_us: 1_300, host_calls: 7, moved: 2_048, memory: 1 << 20 };
        let ended = TailLine { kind: "ended".into(), text: "gone: hung up".into(), cost: Some(cost), ..line };
        let said = text(&TailLine { call: Some("c1".into()), ..ended });
        assert_eq!(
            said,
            "2026-12-01T13:00:00Z 0.1.0 Hello: ended: gone: hung up after 4.2 s, 1.3 ms of computing, 7 host calls, 2K moved, 1.0M of memory, call c1"
        );
    }
}

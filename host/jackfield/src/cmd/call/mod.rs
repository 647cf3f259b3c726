//! `jackfield call`: a phone for tests. It calls a number as one of a tenant's endpoints, over real UDP and RTP.

mod phone;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use api::types::Health;
use call::TenantId;
use clap::Args;
use codec::{SampleRate, wav};
use serde::Serialize;

use super::output::Output;
use super::{Exit, Failure, Server};
use crate::config::{Claims, Credential, Loaded};
use phone::{Account, Order, Phone, Report};

/// Call a number as one of a tenant's phones, and tell what was heard.
///
/// The secret is read from the tenant's own file.
#[derive(Args)]
pub(crate) struct Call {
    #[command(flatten)]
    server: Server,
    /// The configuration directory [default: the folder `config` beside the data directory].
    #[arg(long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// Where the server receives SIP over UDP [default: what the running server says].
    #[arg(long, value_name = "ADDR:PORT")]
    sip: Option<SocketAddr>,
    /// The tenant.
    tenant: String,
    /// Who calls: the name of an endpoint.
    from: String,
    /// What is dialled.
    to: String,
    /// Digits to send once the call is up; `w` waits half a second.
    #[arg(long, value_name = "DIGITS")]
    dtmf: Option<String>,
    /// A WAV file to play once the call is up.
    #[arg(long, value_name = "FILE")]
    play: Option<PathBuf>,
    /// Where to write what is heard, as WAV.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Seconds after which to hang up, if the other side has not.
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Fail unless the other side hangs up.
    #[arg(long)]
    expect_hangup: bool,
}

/// What happened, as printed.
#[derive(Serialize)]
struct Verdict {
    ok: bool,
    /// The final status of the INVITE.
    status: u16,
    /// `them`, `us` or `refused`.
    ended_by: &'static str,
    /// Milliseconds from INVITE to the final answer.
    answered_after_ms: u64,
    /// Milliseconds from answer to end.
    duration_ms: u64,
    /// Milliseconds of sound (louder than silence) that were heard.
    heard_ms: u64,
    /// Every message of interest, with milliseconds since the INVITE.
    ladder: Vec<(u64, String)>,
}

impl Call {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        let account = self.account()?;
        let server = match self.sip {
            Some(address) => address,
            None => self.ask_address().await?,
        };
        let play = self.play.as_ref().map(|path| read_wav(path)).transpose()?;
        let order = Order {
            number: self.to.clone(),
            digits: self.dtmf.clone(),
            play,
            hang_up_after: Duration::from_secs(self.seconds),
        };
        let phone = Phone::start(server).map_err(|error| Failure::new(Exit::NotDone, error))?;
        let report = phone.call(&account, order).await.map_err(|error| Failure::new(Exit::NotDone, error))?;
        if let Some(path) = &self.record {
            let file = wav::write(&wav::Wav { rate: SampleRate::Hz8000, samples: report.heard.clone() });
            let written = std::fs::write(path, file);
            written.map_err(|error| Failure::new(Exit::NotDone, format!("{}: {error}", path.display())))?;
        }
        let verdict = self.verdict(report);
        output.value(&verdict, || text(&verdict));
        if verdict.ok { Ok(()) } else { Err(Failure::new(Exit::NotDone, "")) }
    }

    /// The endpoint's account, from the tenant's file.
    fn account(&self) -> Result<Account, Failure> {
        let beside = || self.server.data_dir().parent().unwrap_or(std::path::Path::new(".")).join("config");
        let config = self.config.clone().unwrap_or_else(beside);
        let missing = |message: String| Failure::new(Exit::NotFound, message);
        let id = TenantId::new(&self.tenant).map_err(|error| missing(format!("{}: {error}", self.tenant)))?;
        let mut loaded = Loaded::read(&config, &Claims::default());
        let tenant = loaded.tenants.remove(&id);
        let tenant = tenant.ok_or_else(|| missing(format!("no tenant `{id}` in {}", config.display())))?;
        let tenant = tenant.map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Failure::new(Exit::Configuration, lines.join("\n"))
        })?;
        let endpoint = tenant.endpoints.into_iter().find(|endpoint| endpoint.name == self.from);
        let endpoint = endpoint.ok_or_else(|| missing(format!("tenant {id} has no endpoint `{}`", self.from)))?;
        match endpoint.credential {
            Credential::Secret(secret) => {
                Ok(Account { user: endpoint.name, domain: tenant.domains[0].clone(), secret })
            }
            Credential::Hashes { .. } => {
                Err(Failure::new(Exit::Configuration, "only a hash of this endpoint's secret is configured"))
            }
        }
    }

    async fn ask_address(&self) -> Result<SocketAddr, Failure> {
        let health: Health = self.server.client().get("/v1/health").await?;
        let udp = health.sip.iter().find_map(|listener| listener.strip_prefix("udp:")?.parse().ok());
        udp.ok_or_else(|| {
            Failure::new(Exit::NotDone, "the server receives no SIP over UDP; name an address with --sip")
        })
    }

    fn verdict(&self, report: Report) -> Verdict {
        let answered = (200..300).contains(&report.status);
        let ended_by = match (answered, report.hung_up_by_peer) {
            (false, _) => "refused",
            (true, true) => "them",
            (true, false) => "us",
        };
        Verdict {
            ok: answered && (report.hung_up_by_peer || !self.expect_hangup),
            status: report.status,
            ended_by,
            answered_after_ms: millis(report.answered_after),
            duration_ms: millis(report.duration),
            heard_ms: heard_ms(&report.heard),
            ladder: report.ladder.into_iter().map(|(at, what)| (millis(at), what)).collect(),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Frames of 20 ms whose loudest sample is above what comfort noise and µ-law's rounding reach.
fn heard_ms(samples: &[i16]) -> u64 {
    const SILENCE: u16 = 200;
    let loud = samples.chunks(160).filter(|frame| frame.iter().any(|sample| sample.unsigned_abs() > SILENCE));
    20 * loud.count() as u64
}

fn read_wav(path: &std::path::Path) -> Result<media::engine::Prompt, Failure> {
    let failed = |error: String| Failure::new(Exit::NotDone, format!("{}: {error}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    media::engine::Prompt::from_wav(&bytes).map_err(|error| failed(error.to_string()))
}

fn text(verdict: &Verdict) -> String {
    let mut lines: Vec<String> = verdict.ladder.iter().map(|(at, what)| format!("{at:>7} ms  {what}")).collect();
    let Verdict { status, ended_by, duration_ms, heard_ms, .. } = verdict;
    lines.push(match *ended_by {
        "refused" => format!("not answered: {status}"),
        by => format!("answered; {duration_ms} ms long, ended by {by}; {heard_ms} ms of sound heard"),
    });
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::heard_ms;

    #[test]
    fn silence_is_not_heard() {
        let mut samples = vec![8; 8_000];
        assert_eq!(heard_ms(&samples), 0);
        samples[4_000..4_800].fill(3_000);
        assert_eq!(heard_ms(&samples), 100);
    }
}

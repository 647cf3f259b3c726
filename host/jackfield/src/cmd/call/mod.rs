//! `jackfield call`: a phone for tests. It calls a number as one of a tenant's endpoints, over real UDP and RTP.

mod phone;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use api::types::{self, Health};
use clap::Args;
use codec::{SampleRate, wav};
use serde::Serialize;
use sip::auth::{Credentials, Ha1};
use sip::message::StatusCode;

use super::output::Output;
use super::{Exit, Failure, Server};
use phone::{Account, Order, Phone, Report};

/// Call a number as one of a tenant's phones, and tell what was heard.
///
/// The running server says where it listens and what the phone logs in with. With --secret-file no server is asked: TENANT is then
/// the SIP domain, and --sip says where it is.
#[derive(Args)]
pub(crate) struct Call {
    #[command(flatten)]
    server: Server,
    /// A file with the phone's secret, for a server that cannot be asked.
    #[arg(long, value_name = "FILE", requires = "sip")]
    secret_file: Option<PathBuf>,
    /// Where the server receives SIP over UDP [default: what the running server says].
    #[arg(long, value_name = "ADDR:PORT", value_parser = super::socket_address)]
    sip: Option<SocketAddr>,
    /// The tenant.
    tenant: String,
    /// Who calls: the name of an endpoint.
    from: String,
    /// What is dialled.
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    to: String,
    /// Digits to send once the call is up; `w` waits half a second.
    #[arg(long, value_name = "DIGITS", value_parser = digits)]
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
    /// One sentence.
    verdict: String,
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
        let account = self.account().await?;
        let server = match self.sip {
            Some(address) => address,
            None => self.ask_address().await?,
        };
        let play = self.play.as_ref().map(|path| read_wav(path)).transpose()?;
        // Before the call: afterwards there would be nothing to write elsewhere.
        let record = self.record.as_ref().map(|path| std::fs::File::create(path).map_err(|error| at(path, error)));
        let mut record = record.transpose()?;
        let order = Order {
            number: self.to.clone(),
            digits: self.dtmf.clone(),
            play,
            hang_up_after: Duration::from_secs(self.seconds),
        };
        let phone = Phone::start(server).map_err(|error| Failure::new(Exit::NotDone, error))?;
        let report = phone.call(&account, order).await.map_err(|error| Failure::new(Exit::NotDone, error))?;
        if let (Some(path), Some(file)) = (&self.record, &mut record) {
            let bytes = wav::write(&wav::Wav { rate: SampleRate::Hz8000, samples: report.heard.clone() });
            std::io::Write::write_all(file, &bytes).map_err(|error| at(path, error))?;
        }
        let verdict = self.verdict(server, report);
        output.value(&verdict, || text(&verdict));
        if verdict.ok { Ok(()) } else { Err(Failure::new(Exit::NotDone, "")) }
    }

    /// What the phone logs in with.
    async fn account(&self) -> Result<Account, Failure> {
        if let Some(path) = &self.secret_file {
            let secret = std::fs::read_to_string(path).map_err(|error| at(path, error))?;
            let credentials =
                Credentials::new(&self.from, secret.trim_end_matches(['\r', '\n'])).with_realm(&self.tenant);
            return Ok(Account { user: self.from.clone(), domain: self.tenant.clone(), credentials });
        }
        let (tenant, endpoint) = (super::segment(&self.tenant), super::segment(&self.from));
        let path = format!("/v1/tenants/{tenant}/endpoints/{endpoint}/account");
        let types::Account { user, domain, ha1_sha256, ha1_md5 } = self.server.get(&path).await?;
        let parse = |hash: Option<String>| hash.and_then(|hash| Ha1::parse(&hash).ok());
        let ha1 =
            Ha1 { sha256: parse(ha1_sha256).and_then(|ha1| ha1.sha256), md5: parse(ha1_md5).and_then(|ha1| ha1.md5) };
        Ok(Account { credentials: Credentials::from_ha1(&user, &domain, ha1), user, domain })
    }

    async fn ask_address(&self) -> Result<SocketAddr, Failure> {
        let health: Health = self.server.get("/v1/health").await?;
        let udp = health.sip.iter().find_map(|listener| listener.strip_prefix("udp:")?.parse().ok());
        udp.ok_or_else(|| {
            Failure::new(Exit::NotDone, "the server receives no SIP over UDP; name an address with --sip")
        })
    }

    fn verdict(&self, server: SocketAddr, report: Report) -> Verdict {
        let answered = (200..300).contains(&report.status);
        let ended_by = match (answered, report.hung_up_by_peer) {
            (false, _) => "refused",
            (true, true) => "them",
            (true, false) => "us",
        };
        let (duration_ms, heard_ms) = (millis(report.duration), heard_ms(&report.heard));
        let silent =
            if heard_ms == 0 && self.play.is_none() { " (we were silent too; --play FILE speaks)" } else { "" };
        let heard = format!("{duration_ms} ms long; {heard_ms} ms of sound heard{silent}");
        let verdict = match ended_by {
            "refused" if report.status == 0 => {
                format!("no answer from {server} within {} s: is a server there?", self.seconds)
            }
            "refused" => not_answered(report.status, &self.to, server),
            "them" => format!("answered, and ended by the other side; {heard}"),
            _ if self.expect_hangup => {
                format!(
                    "answered, but the other side did not hang up within {} s as was expected; {heard}",
                    self.seconds
                )
            }
            _ => format!("answered, and ended by us after {} s; {heard}", self.seconds),
        };
        Verdict {
            ok: answered && (report.hung_up_by_peer || !self.expect_hangup),
            verdict,
            status: report.status,
            ended_by,
            answered_after_ms: millis(report.answered_after),
            duration_ms,
            heard_ms,
            ladder: report.ladder.into_iter().map(|(at, what)| (millis(at), what)).collect(),
        }
    }
}

/// What a refusal means to who calls.
fn not_answered(status: u16, number: &str, server: SocketAddr) -> String {
    let reason = StatusCode::new(status).map_or("", StatusCode::reason);
    let why = match status {
        401 | 403 | 407 => "the server does not accept this phone's secret".to_owned(),
        404 => format!("nothing in the dialplan takes {number}"),
        408 => format!("nobody answered at {server}, or nobody picked up"),
        480 => "the phone is not registered or does not disturb".to_owned(),
        486 | 600 => "busy".to_owned(),
        487 => "nobody picked up in time, so it was given up".to_owned(),
        503 => "the server could not carry the call, or could not be reached; its log says why".to_owned(),
        603 => "declined".to_owned(),
        _ => return format!("not answered: {status} {reason}").trim_end().to_owned(),
    };
    format!("not answered: {status} {reason}: {why}")
}

/// Digits that a phone has, and pauses.
fn digits(text: &str) -> Result<String, String> {
    let wrong = text.chars().find(|digit| !matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D' | 'w'));
    match wrong {
        None => Ok(text.to_owned()),
        Some(wrong) => Err(format!("{wrong:?} is no digit: 0-9, *, #, A-D, and w for half a second's wait")),
    }
}

fn at(path: &std::path::Path, error: std::io::Error) -> Failure {
    Failure::new(Exit::NotDone, format!("{}: {error}", path.display()))
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
    lines.push(verdict.verdict.clone());
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

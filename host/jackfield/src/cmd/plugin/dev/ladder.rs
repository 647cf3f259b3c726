//! The SIP messages of calls, one line each, as they pass.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bytes::Bytes;
use net::sip_driver::{Direction, MessageTap};
use sip::endpoint::Transport;

use crate::cmd::output::printable;

/// Messages that wait for a slow terminal; more are counted instead.
const WAITING: usize = 256;
/// Characters of a line: a stranger may send long ones.
const WIDTH: usize = 160;

/// Hands the messages of calls to a thread that prints them: a SIP shard waits for no terminal.
pub(super) struct Ladder {
    lines: SyncSender<String>,
    lost: AtomicU64,
}

impl Ladder {
    /// Prints to standard error until it is dropped.
    pub(super) fn start() -> Self {
        let (lines, printed): (_, Receiver<String>) = sync_channel(WAITING);
        std::thread::spawn(move || printed.iter().for_each(|line| eprintln!("{line}")));
        Self { lines, lost: AtomicU64::new(0) }
    }

    fn print(&self, line: String) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        let line = if lost == 0 { line } else { format!("SIP  ({lost} messages not shown)\n{line}") };
        if self.lines.try_send(line).is_err() {
            self.lost.fetch_add(lost + 1, Ordering::Relaxed);
        }
    }
}

impl MessageTap for Ladder {
    fn message(&self, direction: Direction, _: Transport, _: Option<SocketAddr>, remote: SocketAddr, bytes: &Bytes) {
        if let Some(what) = line(bytes) {
            let arrow = if direction == Direction::In { "-->" } else { "<--" };
            self.print(format!("SIP  {remote} {arrow} {what}"));
        }
    }
}

/// A message of a call as a line; registrations and keep-alives are none.
fn line(message: &[u8]) -> Option<String> {
    let head = message.split(|byte| *byte == b'\n').map(String::from_utf8_lossy);
    let mut lines = head.map(|line| line.trim_end().to_owned());
    let first = lines.next().filter(|first| !first.is_empty())?;
    let method = lines.take_while(|line| !line.is_empty()).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("cseq").then(|| value.split_whitespace().nth(1).unwrap_or_default().to_owned())
    })?;
    let what = match first.strip_prefix("SIP/2.0 ") {
        Some(status) => format!("{status} ({method})"),
        None => first.trim_end_matches(" SIP/2.0").to_owned(),
    };
    let short: String = printable(&what).chars().take(WIDTH).collect();
    (!matches!(method.as_str(), "REGISTER" | "OPTIONS" | "SUBSCRIBE" | "NOTIFY")).then_some(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_calls_are_lines() {
        let invite = b"INVITE sip:100@dev.test SIP/2.0\r\nVia: x\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\n";
        assert_eq!(line(invite).as_deref(), Some("INVITE sip:100@dev.test"));
        assert_eq!(line(b"SIP/2.0 200 OK\r\ncseq: 2 BYE\r\n\r\n").as_deref(), Some("200 OK (BYE)"));
        assert_eq!(line(b"REGISTER sip:dev.test SIP/2.0\r\nCSeq: 1 REGISTER\r\n\r\n"), None);
        assert_eq!(line(b"\r\n\r\n"), None);
        assert_eq!(
            line(b"INVITE sip:\x1b[2J SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n").as_deref(),
            Some("INVITE sip:\\u{1b}[2J")
        );
        let long = [b"INVITE sip:".as_slice(), &[b'a'; 9_000], b" SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n"].concat();
        assert_eq!(line(&long).unwrap().len(), WIDTH);
    }

    /// A terminal that takes nothing: the shard goes on, and later it is said how much is not shown.
    #[test]
    fn what_a_slow_terminal_does_not_take_is_counted() {
        let (lines, printed) = sync_channel(WAITING);
        let ladder = Ladder { lines, lost: AtomicU64::new(0) };
        (0..WAITING + 3).for_each(|number| ladder.print(number.to_string()));
        assert_eq!(printed.try_iter().count(), WAITING);
        ladder.print("next".into());
        assert_eq!(printed.try_recv().unwrap(), "SIP  (3 messages not shown)\nnext");
    }
}

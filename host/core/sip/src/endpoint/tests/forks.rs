//! Our INVITE is forked by a proxy (RFC 3261 §13.2.2.4).

use super::script::Script;
use crate::endpoint::*;
use crate::message::Method;

fn contact(host: u8) -> String {
    format!("Contact: <sip:bob@192.0.2.{host}:5060>\r\n")
}

/// The first 2xx wins; a 2xx of another fork is acknowledged and ended; copies are acknowledged again.
#[test]
fn f46_the_first_answer_wins() {
    let mut script = Script::new();
    let (session, invite) = script.originate(|_| {});
    script.reply(&invite, 180, "one", &contact(11));
    script.reply(&invite, 180, "two", &contact(12));
    script.reply(&invite, 183, "one", &contact(11));
    assert_eq!(script.take_events().len(), 3);
    script.reply(&invite, 200, "two", &contact(12));
    assert!(matches!(script.event(), Event::Answered { session: own, .. } if own == session));
    let ack = script.request();
    assert_eq!((ack.method.clone(), ack.uri.to_string().as_str()), (Method::Ack, "sip:bob@192.0.2.12:5060"));
    assert_eq!(ack.headers.to().unwrap().tag(), Some("two"));
    assert_ne!(ack.headers.via().unwrap().branch(), invite.headers.via().unwrap().branch(), "§17.1.1.3");
    // The other fork answers too.
    script.reply(&invite, 200, "one", &contact(11));
    let sent = script.take_sent();
    let lines: Vec<_> = sent.iter().map(|(to, bytes)| (to.remote().to_string(), bytes.slice(..3))).collect();
    assert_eq!(lines[0], ("192.0.2.11:5060".to_owned(), "ACK".into()));
    assert_eq!(lines[1], ("192.0.2.11:5060".to_owned(), "BYE".into()));
    assert_eq!(lines.len(), 2);
    // Copies of both.
    script.reply(&invite, 200, "one", &contact(11));
    script.reply(&invite, 200, "two", &contact(12));
    assert_eq!(script.sent_methods(), [Method::Ack, Method::Ack]);
    assert!(script.take_events().is_empty(), "the switch hears nothing of it");
    script.command(Command::HangUp { session, status: 480, reason: None }).unwrap();
    assert_eq!(script.request().uri.to_string(), "sip:bob@192.0.2.12:5060");
    script.run_out();
}

/// A fork that answers when the session is long over is ended all the same.
#[test]
fn a_late_answer_of_a_session_that_is_gone() {
    let mut script = Script::new();
    let (session, invite) = script.originate(|_| {});
    script.reply(&invite, 200, "one", &contact(11));
    script.take_sent();
    script.command(Command::HangUp { session, status: 480, reason: None }).unwrap();
    let bye = script.request();
    script.reply(&bye, 200, "one", "");
    assert_eq!(script.endpoint.sessions(), 0);
    script.reply(&invite, 200, "two", &contact(12));
    assert_eq!(script.sent_methods(), [Method::Ack, Method::Bye]);
    script.run_out();
}

/// Early dialogs have a bound; an answer from beyond it is taken all the same.
#[test]
fn early_dialogs_have_a_bound() {
    let mut script = Script::new();
    let (_, invite) = script.originate(|_| {});
    for number in 0..1_000 {
        script.reply(&invite, 180, &format!("fork{number}"), &contact(11));
    }
    let bound = script.endpoint.core.config.limits.early_dialogs;
    let session = script.endpoint.sessions.values().next().unwrap();
    assert_eq!(session.dialogs(), bound);
    script.reply(&invite, 200, "fork999", &contact(11));
    assert!(matches!(script.take_events().last(), Some(Event::Answered { .. })));
    let session = script.endpoint.sessions.values().next().unwrap();
    assert_eq!(session.dialogs(), 1);
}

/// Any number of late answers makes a bounded number of dialogs to end.
#[test]
fn late_answers_have_a_bound() {
    let mut script = Script::new();
    let (_, invite) = script.originate(|_| {});
    script.reply(&invite, 200, "first", &contact(11));
    script.take_sent();
    for number in 0..1_000 {
        script.reply(&invite, 200, &format!("late{number}"), &contact(11));
    }
    let bound = script.endpoint.core.config.limits.early_dialogs;
    assert_eq!(script.sent_methods().len(), 2 * bound);
}

/// RFC 3262 §4: a reliable response out of order is not acknowledged; a copy is not told twice.
#[test]
fn reliable_responses_are_taken_in_order() {
    let mut script = Script::new();
    let (_, invite) = script.originate(|originate| originate.reliable = Reliability::Preferred);
    let reliable = |rseq: u32| format!("{}Require: 100rel\r\nRSeq: {rseq}\r\n", contact(11));
    script.reply(&invite, 180, "one", &reliable(10));
    let prack = script.request();
    assert_eq!(prack.headers.rack().unwrap().unwrap().to_string(), "10 1 INVITE");
    assert_eq!(prack.headers.cseq().unwrap().number, 2);
    script.take_events();
    for rseq in [10, 12, 9] {
        script.reply(&invite, 180, "one", &reliable(rseq));
        assert!(script.take_sent().is_empty() && script.take_events().is_empty(), "RSeq {rseq}");
    }
    script.reply(&invite, 180, "one", &reliable(11));
    assert_eq!(script.request().headers.rack().unwrap().unwrap().rseq, 11);
    // Another fork counts by itself.
    script.reply(&invite, 180, "two", &reliable(500));
    assert_eq!(script.request().headers.cseq().unwrap().number, 2);
}

/// A redirection is told with its response (3xx).
#[test]
fn a_redirection_is_told() {
    let mut script = Script::new();
    let (_, invite) = script.originate(|_| {});
    script.reply(&invite, 302, "one", "Contact: <sip:carol@192.0.2.20>\r\n");
    let Event::Rejected { status: 302, response: Some(response), .. } = script.event() else { panic!() };
    assert_eq!(response.headers.contact().unwrap().uri().to_string(), "sip:carol@192.0.2.20");
    assert_eq!(script.request().method, Method::Ack);
    script.run_out();
}

/// §8.1.3.1, §17.1.4: what cannot be sent is a 503.
#[test]
fn f46_a_transport_error_is_a_503() {
    for (connection, closed) in [(0, false), (5, true)] {
        let mut script = Script::new();
        script.flow.connection = connection;
        script.flow.transport = if closed { Transport::Tcp } else { Transport::Udp };
        script.originate(|_| {});
        let flow = script.flow;
        let input = if closed {
            Input::FlowClosed { flow }
        } else {
            Input::TransmitFailed { destination: Destination::Flow(flow) }
        };
        script.endpoint.handle_input(script.now, input);
        let Some(Output::Event(Event::Rejected { status: 503, .. })) = script.endpoint.poll_output() else { panic!() };
        script.run_out();
    }
}

/// §9.1: no answer to the INVITE within 64*T1 of the CANCEL.
#[test]
fn a_cancel_that_nobody_answers() {
    let mut script = Script::new();
    let (session, invite) = script.originate(|_| {});
    script.reply(&invite, 100, "", "");
    script.command(Command::HangUp { session, status: 487, reason: None }).unwrap();
    let cancel = script.request();
    assert_eq!(cancel.method, Method::Cancel);
    assert_eq!(cancel.headers.via(), invite.headers.via(), "§9.1: the same branch");
    assert_eq!(cancel.uri, invite.uri);
    script.reply(&cancel, 200, "", "");
    script.take_events();
    script.pass_ms(32_000);
    assert!(matches!(script.event(), Event::Rejected { status: 487, .. }));
    script.run_out();
}

/// §17.1.3: responses that match no transaction are dropped: wrong branch, wrong method, foreign magic.
#[test]
fn responses_are_matched() {
    let mut script = Script::new();
    let (_, invite) = script.originate(|_| {});
    let good = super::script::reply(&invite, 180, "one", &contact(11));
    let branch = invite.headers.via().unwrap().branch().unwrap().to_owned();
    for bad in [
        good.replace(&branch, "z9hG4bK0000000000000000"),
        good.replace(&branch, "z9hG4bKx"),
        good.replace("CSeq: 1 INVITE", "CSeq: 1 BYE"),
        good.replace("CSeq: 1 INVITE", "CSeq: 1 CANCEL"),
    ] {
        script.receive(&bad);
        assert!(script.take_events().is_empty(), "{bad}");
    }
    script.receive(&good);
    assert_eq!(script.take_events().len(), 1);
}

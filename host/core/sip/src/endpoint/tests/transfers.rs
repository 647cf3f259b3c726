//! REFER and Replaces inside a call (RFC 3515, RFC 3891, RFC 5589), and requests outside of any.

use bytes::Bytes;

use super::wire::*;
use crate::endpoint::*;
use crate::message::{HeaderName, Method, NameAddr};

fn refer(session: SessionId, replaces: Option<Replaces>) -> Command {
    Command::Refer { session, refer_to: "sip:carol@chicago.example.com".parse().unwrap(), replaces, referred_by: None }
}

fn progress_of(event: &Event) -> Option<(u16, bool)> {
    match event {
        Event::ReferProgress { status, last, .. } => Some((*status, *last)),
        _ => None,
    }
}

/// RFC 5589 §6.1: blind transfer with its NOTIFYs.
#[test]
fn f46_blind_transfer() {
    let mut world = World::new(FAIR, 1);
    let (a, b) = world.call();
    world.command(Side::A, refer(a, None)).unwrap();
    let (target, replaces) = world.until(Side::B, |event| match event {
        Event::Refer { refer_to, replaces, .. } => Some((refer_to.uri().to_string(), replaces.clone())),
        _ => None,
    });
    assert_eq!((target.as_str(), replaces), ("sip:carol@chicago.example.com", None));
    world.command(Side::B, Command::AcceptRefer { session: b }).unwrap();
    assert_eq!(world.until(Side::A, progress_of), (100, false), "202");
    assert_eq!(world.until(Side::A, progress_of), (100, false), "NOTIFY");
    world.command(Side::B, Command::NotifyRefer { session: b, status: 180, last: false }).unwrap();
    assert_eq!(world.until(Side::A, progress_of), (180, false));
    world.command(Side::B, Command::NotifyRefer { session: b, status: 200, last: true }).unwrap();
    assert_eq!(world.until(Side::A, progress_of), (200, true));
    let notify = world.message(Side::B, "NOTIFY");
    assert!(notify.contains("\r\nEvent: refer\r\nSubscription-State: terminated;reason=noresource\r\n"), "{notify}");
    assert!(notify.ends_with("\r\n\r\nSIP/2.0 200 OK\r\n"), "{notify}");
    let more = Command::NotifyRefer { session: b, status: 200, last: true };
    assert_eq!(world.command(Side::B, more), Err(CommandError::WrongState));
    world.command(Side::A, hang_up(a)).unwrap();
    world.run_out();
}

#[test]
fn a_refused_transfer() {
    let mut world = World::new(FAIR, 2);
    let (a, b) = world.call();
    world.command(Side::A, refer(a, None)).unwrap();
    world.until(Side::B, |event| matches!(event, Event::Refer { .. }).then_some(()));
    world.command(Side::B, Command::RejectRefer { session: b, status: 603 }).unwrap();
    assert_eq!(world.until(Side::A, progress_of), (603, true));
    world.command(Side::A, hang_up(a)).unwrap();
    world.run_out();
}

/// RFC 5589 §7: the Replaces inside Refer-To names a dialog that its endpoint finds.
#[test]
fn f46_attended_transfer_finds_its_dialog() {
    let mut world = World::new(FAIR, 3);
    let (a, b) = world.call();
    let (first, second) = {
        let session = &world.endpoint(Side::B).sessions[&b];
        let dialog = session.first_dialog().unwrap();
        let tag = format!("{:016x}", session.tag());
        let remote = String::from_utf8(dialog.remote_tag.to_vec()).unwrap();
        let call_id = String::from_utf8(dialog.call_id.to_vec()).unwrap();
        (format!("{call_id};to-tag={tag};from-tag={remote}"), format!("{call_id};to-tag={tag};from-tag=x"))
    };
    let parse = |text: &str| Replaces::parse(&Bytes::copy_from_slice(text.as_bytes())).unwrap();
    assert_eq!(world.endpoint(Side::B).find_session(&parse(&first)), Some(b));
    assert_eq!(world.endpoint(Side::B).find_session(&parse(&second)), None);
    assert_eq!(world.endpoint(Side::B).find_session(&parse(&format!("{first};early-only"))), None);
    world.command(Side::A, refer(a, Some(parse(&first)))).unwrap();
    let replaces = world.until(Side::B, |event| match event {
        Event::Refer { replaces, .. } => replaces.clone(),
        _ => None,
    });
    assert_eq!(world.endpoint(Side::B).find_session(&replaces), Some(b));
    // The new call carries it as a header.
    let mut originate = world.originate(Side::A);
    originate.headers = vec![(HeaderName::Replaces, Bytes::from(first.into_bytes()))];
    world.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
    let (new, found) = world.until(Side::B, |event| match event {
        Event::Invite { session, replaces_session, .. } => Some((*session, *replaces_session)),
        _ => None,
    });
    assert_eq!(found, Some(b));
    world.command(Side::B, answer(new)).unwrap();
    world.until(Side::B, |event| matches!(event, Event::Confirmed { .. }).then_some(()));
    world.command(Side::B, hang_up(b)).unwrap();
    world.command(Side::B, hang_up(new)).unwrap();
    world.run_out();
}

/// A request outside any session, and one nobody answers.
#[test]
fn options_to_a_trunk() {
    let mut world = World::new(FAIR, 4);
    let party = || NameAddr::new("sip:pbx@acme.test".parse().unwrap());
    let destination = Destination::Flow(world.flow(Side::A));
    let uri = "sip:192.0.2.2".parse().unwrap();
    let request = OutboundRequest::new(ClientRequestId(7), Method::Options, destination, uri, (party(), party()));
    world.command(Side::A, Command::SendRequest(Box::new(request.clone()))).unwrap();
    let again = world.command(Side::A, Command::SendRequest(Box::new(request.clone())));
    assert_eq!(again, Err(CommandError::Limit), "the number is in use");
    let transaction = world.until(Side::B, |event| match event {
        Event::Request { transaction, .. } => Some(*transaction),
        _ => None,
    });
    let (headers, body) = (Vec::new(), Bytes::new());
    let respond = Command::Respond { transaction, status: 200, reason: None, headers, body };
    world.command(Side::B, respond.clone()).unwrap();
    assert_eq!(world.command(Side::B, respond), Err(CommandError::UnknownTransaction), "answered once");
    let status = |event: &Event| match event {
        Event::Response { request: ClientRequestId(7), status, .. } => Some(*status),
        _ => None,
    };
    assert_eq!(world.until(Side::A, status), 200);
    world.weather.loss = 100;
    world.command(Side::A, Command::SendRequest(Box::new(request))).unwrap();
    assert_eq!(world.until(Side::A, status), 408);
    world.run_out();
}

//! Requests outside sessions that we send: OPTIONS to a trunk, REGISTER, MESSAGE, NOTIFY.

use std::sync::Arc;
use std::time::Instant;

use super::write::{Writer, again, is_clean};
use super::{ClientRequestId, CommandError, Endpoint, Event, OutboundRequest};
use crate::auth::Credentials;
use crate::message::{Method, Response};
use crate::session::{CHALLENGES, authorize};
use crate::transaction::client::{self, User};

/// A request that waits for its response.
#[derive(Debug)]
pub(super) struct Outbound {
    credentials: Option<Credentials>,
    challenges: u8,
    cseq: u32,
}

impl Endpoint {
    pub(super) fn send_request(&mut self, now: Instant, request: OutboundRequest) -> Result<(), CommandError> {
        let clean = request.headers.iter().all(|(_, value)| is_clean(value))
            && request.identity.as_ref().is_none_or(|(call_id, _)| is_clean(call_id));
        if !clean || matches!(request.method, Method::Invite | Method::Ack | Method::Cancel) {
            return Err(CommandError::Invalid);
        }
        if self.core.client.is_full() || self.requests.contains_key(&request.request) {
            return Err(CommandError::Limit);
        }
        let key = self.core.client_key();
        let destination = request.destination;
        let (call_id, cseq) = match request.identity {
            Some(identity) => identity,
            None => (self.core.call_id(), 1),
        };
        let tag = self.core.secret.hash(&[b"from", &call_id]);
        let mut writer = Writer::request(&request.method, &request.uri);
        writer.via(destination.transport(), &self.core.sent_by(&destination), key.branch);
        writer.line("Max-Forwards", b"70");
        writer.line("From", &request.from.with_tag(&format!("{tag:016x}")).to_bytes());
        writer.line("To", &request.to.to_bytes());
        writer.line("Call-ID", &call_id);
        writer.display("CSeq", &format_args!("{cseq} {}", request.method));
        if let Some(user) = &request.contact_user {
            writer.line("Contact", &self.core.contact(user, &destination));
        }
        self.core.product(&mut writer, "User-Agent");
        writer.lines(&request.headers);
        let bytes = writer.body(b"", &request.body);
        self.requests.insert(request.request, Outbound { credentials: request.credentials, challenges: 0, cseq });
        self.core.send(now, key, (request.method, User::Request(request.request)), (destination, bytes));
        Ok(())
    }

    pub(super) fn on_outbound_response(
        &mut self,
        now: Instant,
        (key, request): (client::Key, ClientRequestId),
        response: &Arc<Response>,
    ) {
        let status = response.status.code();
        if !response.status.is_final() || matches!(status, 401 | 407) && self.authorized(now, (key, request), response)
        {
            return;
        }
        if self.requests.remove(&request).is_some() {
            self.core.io.event(Event::Response { request, status, response: Some(response.clone()) });
        }
    }

    /// Sends a challenged request again with credentials (§22.2); false when there are none or they were refused.
    fn authorized(&mut self, now: Instant, (key, id): (client::Key, ClientRequestId), response: &Response) -> bool {
        let Some(outbound) = self.requests.get_mut(&id) else { return false };
        let Some(credentials) = outbound.credentials.as_ref().filter(|_| outbound.challenges < CHALLENGES) else {
            return false;
        };
        let Some(method) = response.headers.cseq().map(|cseq| cseq.method) else { return false };
        let Some(transaction) = self.core.client.get(key) else { return false };
        let (request, destination) = (transaction.request().clone(), transaction.destination());
        let answer = authorize(&mut self.core.random, credentials, response, (&method, &request));
        let Some((name, value)) = answer else { return false };
        outbound.challenges += 1;
        outbound.cseq += 1;
        let fresh = self.core.client_key();
        let bytes = again(&request, (fresh.branch, outbound.cseq), &[(name.as_str(), &value)]);
        self.core.send(now, fresh, (method, User::Request(id)), (destination, bytes));
        true
    }

    pub(super) fn on_outbound_failure(&mut self, request: ClientRequestId, status: u16) {
        if self.requests.remove(&request).is_some() {
            self.core.io.event(Event::Response { request, status, response: None });
        }
    }
}

//! Answering digest challenges to our requests (RFC 3261 §22.2, §22.3).

use std::time::Instant;

use bytes::Bytes;
use rand::RngExt;
use rand::rngs::StdRng;

use super::{Purpose, Session};
use crate::auth::Credentials;
use crate::endpoint::core::Core;
use crate::endpoint::write;
use crate::message::{HeaderName, Method, Response, Uri};
use crate::transaction::client;

/// How many challenges in a row are answered: the first, one for a nonce that went stale, one of a second proxy.
pub(crate) const CHALLENGES: u8 = 3;

impl Session {
    /// Sends a challenged request again with credentials; false when there are none or they were refused.
    pub(super) fn retry_with_credentials(
        &mut self,
        (now, core): (Instant, &mut Core),
        (key, purpose): (client::Key, Purpose),
        response: &Response,
    ) -> bool {
        // A call that is being cancelled is not tried again.
        if self.challenges >= CHALLENGES || self.is_cancelling() {
            return false;
        }
        let Some(credentials) = &self.credentials else { return false };
        let Some(method) = response.headers.cseq().map(|cseq| cseq.method) else { return false };
        let Some(transaction) = core.client.get(key) else { return false };
        let request = transaction.request().clone();
        let Some((name, value)) = authorize(&mut core.random, credentials, response, (&method, &request)) else {
            return false;
        };
        self.challenges += 1;
        self.resend((now, core), (key, method), purpose, &[(name.as_str(), &value)])
    }
}

/// The header line that answers a challenge to a request of ours; none when it cannot be answered, or when the same
/// kind of answer was just refused and not because its nonce had grown old (§22.2: no loop).
pub(crate) fn authorize(
    random: &mut StdRng,
    credentials: &Credentials,
    response: &Response,
    (method, request): (&Method, &Bytes),
) -> Option<(HeaderName, Bytes)> {
    let challenge = credentials.choose(response).ok()?;
    let name = challenge.side.authorization_header();
    if write::has_line(request, name.as_str()) && !challenge.stale {
        return None;
    }
    let uri = Uri::parse(&request.slice_ref(write::request_uri(request))).ok()?;
    let body = write::body_of(request);
    let cnonce = format!("{:016x}", random.random::<u64>());
    Some(credentials.authorize(&challenge, method, &uri, body, &cnonce, 1))
}

//! The bindings of one address of record (RFC 3261 §10.3), as plain data that a store can keep.
//!
//! [`Bindings::register`] changes nothing: it gives the bindings as they would be, to be kept by the caller once they
//! are safe on disk. So a request that fails, here or at the disk, has no effect (§10.3 step 7).
//! Times are seconds of the wall clock since 1970, because bindings outlive the process.

use std::net::SocketAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::message::{
    Contacts, HeaderName, Headers, NameAddr, Params, Request, Response, StatusCode, SyntaxError, Uri,
};

/// Where one contact of the address of record is reached, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The contact's URI.
    pub uri: Uri,
    /// The other parameters of the Contact header as they were written, without `expires` and `q`.
    pub parameters: String,
    /// The preference in thousandths, 0 to 1000 (§20.10).
    pub q: u16,
    /// When the binding ends.
    pub expires_at: u64,
    /// When it was last refreshed; the smallest makes room first.
    pub updated_at: u64,
    /// The Call-ID of the registration, whose CSeq orders refreshes.
    pub call_id: String,
    /// The CSeq of the last refresh.
    pub cseq: u32,
    /// The Path values, first hop first (RFC 3327 §5.3): a request to this contact takes them as its Route.
    pub path: Vec<String>,
    /// How the registration came here, and hence how the contact is reached behind a NAT.
    pub received: Received,
    /// The User-Agent of the device.
    pub user_agent: String,
    /// The instance and flow of a device that speaks RFC 5626.
    pub outbound: Option<Outbound>,
}

/// How a registration came here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// The transport as in Via: `UDP`, `TCP`, `TLS`, `WS`, `WSS`.
    pub transport: String,
    /// Our address.
    pub local: SocketAddr,
    /// The address of the peer as we saw it.
    pub remote: SocketAddr,
    /// The connection, 0 for UDP. It ends with the process.
    pub connection: u64,
}

/// The identity of one flow of one device (RFC 5626 §4.1, §4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbound {
    /// The `+sip.instance` value without quotes.
    pub instance: String,
    /// The `reg-id` value.
    pub reg_id: u32,
}

/// The bindings of one address of record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bindings(Vec<Binding>);

/// What a registration may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Shorter requests are refused with 423; §10.3 allows that up to one hour only.
    pub min_expires: u32,
    /// Longer requests are shortened to this.
    pub max_expires: u32,
    /// What a request that names no time gets; §10.2.1.1 treats malformed times alike.
    pub default_expires: u32,
    /// Most contacts at a time.
    pub contacts_max: usize,
    /// What happens to one more.
    pub when_full: WhenFull,
    /// True when Path is taken from this peer; otherwise a request with Path is refused (B6).
    pub accept_path: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            min_expires: 60,
            max_expires: 3_600,
            default_expires: 3_600,
            contacts_max: 10,
            when_full: WhenFull::EvictOldest,
            accept_path: false,
        }
    }
}

/// What happens when a registration brings one contact too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The new registration is refused with 403.
    Refuse,
    /// The contact that was not refreshed for the longest time makes room.
    EvictOldest,
}

/// A registration that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The bindings from now on.
    pub bindings: Bindings,
    /// False when the request only asked for the bindings.
    pub changed: bool,
    /// Contacts that made room; their devices believe that they are registered.
    pub evicted: Vec<Binding>,
    /// Path of the request, to be given back (RFC 3327 §5.3).
    path: Vec<Bytes>,
    outbound: bool,
}

/// Why a registration changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// 400: the request contradicts §10.2 or §10.3.
    #[error("{0}")]
    BadRequest(&'static str),
    /// 403: one contact too many.
    #[error("too many contacts")]
    TooManyContacts,
    /// 403: a Path from somebody who is no edge proxy of ours (B6).
    #[error("Path is not accepted from this peer")]
    ForeignPath,
    /// 423: the asked time is too short.
    #[error("expiration below {min_expires} seconds")]
    IntervalTooBrief {
        /// What is at least needed.
        min_expires: u32,
    },
    /// 500: the CSeq is not above the one that made the binding (§10.3 step 7; the status is §12.2.2's for the same).
    #[error("CSeq out of order")]
    OutOfOrder,
}

impl RegisterError {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::TooManyContacts | Self::ForeignPath => StatusCode::FORBIDDEN,
            Self::IntervalTooBrief { .. } => StatusCode::INTERVAL_TOO_BRIEF,
            Self::OutOfOrder => StatusCode::SERVER_INTERNAL_ERROR,
        }
    }

    /// The answer, without a To tag.
    pub fn response(&self, request: &Request) -> Response {
        let mut response = Response::answering(request, self.status());
        self.write_headers(&mut response.headers);
        response
    }

    /// Adds the headers that the answer must have: Min-Expires to a 423 (§10.3).
    pub fn write_headers(&self, headers: &mut Headers) {
        if let Self::IntervalTooBrief { min_expires } = self {
            headers.set(HeaderName::MinExpires, min_expires.to_string());
        }
    }
}

impl From<SyntaxError> for RegisterError {
    fn from(error: SyntaxError) -> Self {
        Self::BadRequest(error.0)
    }
}

impl Registered {
    /// The 200, without a To tag.
    pub fn response(&self, now: u64, request: &Request) -> Response {
        let mut response = Response::answering(request, StatusCode::OK);
        self.write_headers(now, &mut response.headers);
        response
    }

    /// Adds the headers of the 200: every current binding with its remaining time (§10.3 step 8), the Path of the request
    /// (RFC 3327 §5.3), and that flows are kept (RFC 5626 §6).
    pub fn write_headers(&self, now: u64, headers: &mut Headers) {
        for binding in self.bindings.active(now) {
            headers.push(HeaderName::Contact, binding.to_contact(now));
        }
        for path in &self.path {
            headers.push(HeaderName::Path, path.clone());
        }
        if self.outbound {
            headers.push(HeaderName::Require, "outbound");
        }
    }
}

impl Binding {
    /// The Request-URI of a request to this contact: without the header part (§19.1.1 table 1).
    pub fn target(&self) -> Uri {
        self.uri.clone().without_headers()
    }

    /// True while the binding holds.
    pub fn is_active(&self, now: u64) -> bool {
        now < self.expires_at
    }

    /// The Contact value of a 200 to a registration.
    fn to_contact(&self, now: u64) -> String {
        let left = self.expires_at.saturating_sub(now);
        let q = match self.q {
            1_000 => String::new(),
            q => format!(";q=0.{q:03}"),
        };
        format!("<{}>{}{q};expires={left}", self.uri, self.parameters)
    }

    /// True when a request about this contact is about this binding: the same flow of the same device (RFC 5626 §6), or
    /// an equivalent URI (§10.3 step 7).
    fn is_for(&self, uri: &Uri, outbound: Option<&Outbound>) -> bool {
        match (&self.outbound, outbound) {
            (Some(own), Some(theirs)) => own == theirs,
            _ => self.uri.equivalent(uri),
        }
    }
}

impl Bindings {
    /// No bindings.
    pub fn new() -> Self {
        Self::default()
    }

    /// All bindings, expired ones too, in the order of their first registration.
    pub fn all(&self) -> &[Binding] {
        &self.0
    }

    /// True when there is not even an expired binding.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bindings that hold now: highest `q` first, of equals the one refreshed last.
    pub fn active(&self, now: u64) -> Vec<&Binding> {
        let mut active: Vec<&Binding> = self.0.iter().filter(|binding| binding.is_active(now)).collect();
        active.sort_by_key(|binding| (std::cmp::Reverse(binding.q), std::cmp::Reverse(binding.updated_at)));
        active
    }

    /// When the next binding ends.
    pub fn next_expiry(&self) -> Option<u64> {
        self.0.iter().map(|binding| binding.expires_at).min()
    }

    /// Takes out the bindings that have ended.
    pub fn expire(&mut self, now: u64) -> Vec<Binding> {
        self.0.extract_if(.., |binding| !binding.is_active(now)).collect()
    }

    /// Forgets over which connections the bindings came: those of an earlier run of the host are gone, and their numbers given anew.
    pub fn forget_connections(&mut self) {
        for binding in &mut self.0 {
            binding.received.connection = 0;
        }
    }

    /// The bindings after a REGISTER for this address of record, whose sender is authenticated and authorised for it.
    pub fn register(
        &self,
        now: u64,
        request: &Request,
        received: &Received,
        limits: &Limits,
    ) -> Result<Registered, RegisterError> {
        let registration = Registration::read(request, received, limits)?;
        let mut next = self.clone();
        next.expire(now);
        let contacts = match request.headers.contacts()? {
            Contacts::All => return registration.remove_all(self, next),
            Contacts::List(contacts) => contacts,
        };
        let changed = !contacts.is_empty();
        let mut outbound = false;
        for contact in &contacts {
            let asked = registration.contact(now, contact, limits)?;
            outbound |= asked.outbound.is_some();
            registration.apply(self, &mut next, asked)?;
        }
        let evicted = next.make_room(&registration, limits)?;
        let path = registration.path.iter().map(|path| Bytes::from(path.clone())).collect();
        Ok(Registered { bindings: next, changed, evicted, path, outbound })
    }

    /// Brings the number of bindings down to the limit, never at the cost of what this request just registered.
    fn make_room(&mut self, registration: &Registration<'_>, limits: &Limits) -> Result<Vec<Binding>, RegisterError> {
        let mut evicted = Vec::new();
        while self.0.len() > limits.contacts_max {
            if limits.when_full == WhenFull::Refuse {
                return Err(RegisterError::TooManyContacts);
            }
            let oldest = self
                .0
                .iter()
                .enumerate()
                .filter(|(_, binding)| !registration.made(binding))
                .min_by_key(|(_, binding)| binding.updated_at);
            let Some((index, _)) = oldest else { return Err(RegisterError::TooManyContacts) };
            evicted.push(self.0.remove(index));
        }
        Ok(evicted)
    }
}

/// What all contacts of one request have in common.
struct Registration<'a> {
    call_id: &'a str,
    cseq: u32,
    expires: Option<&'a Bytes>,
    path: Vec<String>,
    received: &'a Received,
    user_agent: &'a str,
    supports_outbound: bool,
}

impl<'a> Registration<'a> {
    fn read(request: &'a Request, received: &'a Received, limits: &Limits) -> Result<Self, RegisterError> {
        let headers = &request.headers;
        let to = headers.to().ok_or(RegisterError::BadRequest("To"))?;
        // RFC 4475 §3.3.4: an address of record is a SIP or SIPS URI.
        if !to.uri().is_sip() {
            return Err(RegisterError::BadRequest("address of record is no SIP URI"));
        }
        let path: Vec<String> = headers.name_addrs(&HeaderName::Path)?.iter().map(NameAddr::to_string).collect();
        if !path.is_empty() && !limits.accept_path {
            return Err(RegisterError::ForeignPath);
        }
        Ok(Self {
            call_id: headers.call_id().ok_or(RegisterError::BadRequest("Call-ID"))?,
            cseq: headers.cseq().ok_or(RegisterError::BadRequest("CSeq"))?.number,
            expires: headers.get(&HeaderName::Expires),
            path,
            received,
            user_agent: headers.get_str(&HeaderName::UserAgent).unwrap_or_default(),
            supports_outbound: headers.has_token(&HeaderName::Supported, "outbound"),
        })
    }

    /// §10.3 step 6: `Contact: *` is legal with an expiration of zero only.
    fn remove_all(&self, before: &Bindings, mut next: Bindings) -> Result<Registered, RegisterError> {
        if self.expires.is_none_or(|expires| expires.trim_ascii() != b"0") {
            return Err(RegisterError::BadRequest("Contact: * without Expires: 0"));
        }
        if before.0.iter().any(|binding| self.is_older(binding)) {
            return Err(RegisterError::OutOfOrder);
        }
        next.0.clear();
        Ok(Registered { bindings: next, changed: true, evicted: Vec::new(), path: Vec::new(), outbound: false })
    }

    /// True when the binding was made by this Call-ID with no lower CSeq (§10.3 step 7).
    fn is_older(&self, binding: &Binding) -> bool {
        binding.call_id == self.call_id && self.cseq <= binding.cseq
    }

    fn made(&self, binding: &Binding) -> bool {
        binding.call_id == self.call_id && self.cseq == binding.cseq
    }

    /// The binding that one contact asks for.
    fn contact(&self, now: u64, contact: &NameAddr, limits: &Limits) -> Result<Binding, RegisterError> {
        if !contact.uri().is_sip() {
            return Err(RegisterError::BadRequest("contact is no SIP URI"));
        }
        let expires = self.expires_of(contact, limits)?;
        let mut parameters = contact.params().clone();
        parameters.remove("expires");
        parameters.remove("q");
        Ok(Binding {
            // RFC 4475 §3.3.14: escaped headers are kept to be given back; `target` leaves them out.
            uri: contact.uri().clone(),
            q: contact.param("q").map_or(Some(1_000), q_value).ok_or(RegisterError::BadRequest("q"))?,
            expires_at: now + u64::from(expires),
            updated_at: now,
            call_id: self.call_id.to_owned(),
            cseq: self.cseq,
            path: self.path.clone(),
            received: self.received.clone(),
            user_agent: self.user_agent.to_owned(),
            outbound: if self.supports_outbound { outbound(contact.params()) } else { None },
            parameters: String::from_utf8_lossy(parameters.as_bytes()).into_owned(),
        })
    }

    /// The granted seconds: `expires`, else Expires, else the default (§10.2.1.1), between the limits (§10.3 step 7).
    fn expires_of(&self, contact: &NameAddr, limits: &Limits) -> Result<u32, RegisterError> {
        let asked = match contact.params().get("expires") {
            Some(parameter) => parameter.value,
            None => self.expires.map(|expires| expires.trim_ascii()),
        };
        // Malformed, hence also 2^32 (B6), counts as absent.
        let asked = asked.and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|digits| digits.parse().ok());
        let asked: u32 = asked.unwrap_or(limits.default_expires);
        if asked > 0 && asked < limits.min_expires && asked < 3_600 {
            return Err(RegisterError::IntervalTooBrief { min_expires: limits.min_expires });
        }
        Ok(asked.min(limits.max_expires))
    }

    /// Puts one asked binding in the place of the one it refreshes, at the end, or removes it.
    fn apply(&self, before: &Bindings, next: &mut Bindings, asked: Binding) -> Result<(), RegisterError> {
        let is_for = |binding: &&Binding| binding.is_for(&asked.uri, asked.outbound.as_ref());
        // What counts is the order before this request, of which two contacts may name the same binding.
        if before.0.iter().find(is_for).is_some_and(|binding| self.is_older(binding)) {
            return Err(RegisterError::OutOfOrder);
        }
        let found = next.0.iter().position(|binding| is_for(&binding));
        match (found, asked.expires_at > asked.updated_at) {
            (Some(index), true) => next.0[index] = asked,
            (Some(index), false) => drop(next.0.remove(index)),
            (None, true) => next.0.push(asked),
            (None, false) => {}
        }
        Ok(())
    }
}

fn outbound(parameters: &Params) -> Option<Outbound> {
    let instance = parameters.value("+sip.instance")?.to_owned();
    let reg_id = parameters.number("reg-id").filter(|reg_id| *reg_id > 0)?;
    Some(Outbound { instance, reg_id })
}

/// `qvalue` of §25.1 in thousandths.
fn q_value(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

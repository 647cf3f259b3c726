//! Dialogs: RFC 3261 §12.

use bytes::Bytes;
use smallvec::SmallVec;

use crate::endpoint::write::Writer;
use crate::endpoint::{Destination, Flow, Transport};
use crate::message::{HeaderName, Method, NameAddr, Request, Response, Uri};

#[cfg(test)]
mod tests;

/// A peer-to-peer relation of two user agents.
#[derive(Clone, Debug)]
pub(crate) struct Dialog {
    /// The Call-ID.
    pub(crate) call_id: Bytes,
    /// Our From or To value with its tag.
    pub(crate) local: Bytes,
    /// The peer's From or To value with its tag.
    pub(crate) remote: Bytes,
    /// The peer's tag; empty for peers of RFC 2543 (§12.1.1).
    pub(crate) remote_tag: Bytes,
    /// The number of our last request.
    pub(crate) local_cseq: u32,
    /// The number of the peer's last request, none before the first.
    remote_cseq: Option<u32>,
    /// The number of the peer's last reliable provisional response (RFC 3262 §4).
    pub(crate) rseq: Option<u32>,
    /// The Request-URI of our requests.
    target: Uri,
    routes: SmallVec<[Route; 1]>,
    /// Where the peer's last message came from.
    flow: Flow,
    /// Whether a NAT stands between the peer's address as it knows it and as we see it.
    translated: bool,
    /// How to reach the next hop.
    destination: Destination,
}

/// One proxy that wants to see every request.
#[derive(Clone, Debug)]
struct Route {
    value: Bytes,
    uri: Uri,
}

/// A message cannot make a dialog or change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DialogError {
    /// A Contact, Record-Route, From or To is missing or cannot be read (§12.1.1: Contact is a must).
    #[error("a header of the dialog is missing")]
    Malformed,
    /// §12.2.2: the request is older than one that was handled.
    #[error("the request is out of order")]
    OutOfOrder,
}

impl Dialog {
    /// The dialog of the answering side (§12.1.1), from an INVITE and our To value with tag.
    pub(crate) fn uas(request: &Request, local: Bytes, flow: Flow) -> Result<Self, DialogError> {
        let headers = &request.headers;
        let from = headers.from_().ok_or(DialogError::Malformed)?;
        let target = headers.contact().ok_or(DialogError::Malformed)?.into_uri();
        if !target.is_sip() {
            return Err(DialogError::Malformed);
        }
        let routes = routes(headers.record_routes().map_err(|_| DialogError::Malformed)?);
        let via = headers.via().ok_or(DialogError::Malformed)?;
        let mut dialog = Self {
            call_id: headers.get(&HeaderName::CallId).ok_or(DialogError::Malformed)?.clone(),
            local,
            remote: headers.get(&HeaderName::From).ok_or(DialogError::Malformed)?.clone(),
            remote_tag: from.tag_text().map(Bytes::from).unwrap_or_default(),
            local_cseq: 0,
            remote_cseq: headers.cseq().map(|cseq| cseq.number),
            rseq: None,
            target,
            routes,
            flow,
            translated: via.host().ip() != Some(flow.remote.ip()) && via.received().is_some(),
            destination: Destination::Flow(flow),
        };
        dialog.locate();
        Ok(dialog)
    }

    /// The dialog of the calling side (§12.1.2), from a response with a To tag to our request.
    pub(crate) fn uac(
        response: &Response,
        (local, local_cseq): (Bytes, u32),
        (asked, flow): (&Uri, Flow),
    ) -> Result<Self, DialogError> {
        let headers = &response.headers;
        let to = headers.to().ok_or(DialogError::Malformed)?;
        // §12.1.2: the Contact may be missing in a provisional response; what was asked stands in.
        let target = headers.contact().map_or_else(|| asked.clone(), NameAddr::into_uri);
        let mut routes = routes(headers.record_routes().map_err(|_| DialogError::Malformed)?);
        routes.reverse();
        let translated = target
            .host()
            .and_then(|host| host.ip())
            .is_some_and(|address| is_private(address) && address != flow.remote.ip());
        let mut dialog = Self {
            call_id: headers.get(&HeaderName::CallId).ok_or(DialogError::Malformed)?.clone(),
            local,
            remote: headers.get(&HeaderName::To).ok_or(DialogError::Malformed)?.clone(),
            remote_tag: to.tag_text().map(Bytes::from).unwrap_or_default(),
            local_cseq,
            remote_cseq: None,
            rseq: None,
            target,
            routes,
            flow,
            translated,
            destination: Destination::Flow(flow),
        };
        dialog.locate();
        Ok(dialog)
    }

    /// Whether a request with these identities is inside this dialog (§12.2.2); the local tag has already matched.
    pub(crate) fn matches(&self, call_id: &[u8], remote_tag: &[u8]) -> bool {
        self.call_id == call_id && self.remote_tag == remote_tag
    }

    /// Admits the number of a request of the peer (§12.2.2).
    pub(crate) fn admit(&mut self, cseq: u32) -> Result<(), DialogError> {
        if self.remote_cseq.is_some_and(|last| cseq <= last) {
            return Err(DialogError::OutOfOrder);
        }
        self.remote_cseq = Some(cseq);
        Ok(())
    }

    /// Takes the Contact of a target refresh (§12.2.1.2, §12.2.2; RFC 3311 §5.1) and the way it came.
    pub(crate) fn refresh(&mut self, contact: Option<NameAddr>, flow: Flow) {
        if let Some(contact) = contact.filter(|contact| contact.uri().is_sip()) {
            self.target = contact.into_uri();
        }
        self.flow = flow;
        self.locate();
    }

    /// Takes the whole route set of a 2xx, which an early dialog gets anew (§13.2.2.4).
    pub(crate) fn confirm(&mut self, response: &Response, flow: Flow) {
        if let Ok(list) = response.headers.record_routes() {
            self.routes = routes(list);
            self.routes.reverse();
        }
        self.refresh(response.headers.contact(), flow);
    }

    /// The way to the peer.
    pub(crate) fn destination(&self) -> Destination {
        self.destination
    }

    /// The next number of ours.
    pub(crate) fn next_cseq(&mut self) -> u32 {
        self.local_cseq += 1;
        self.local_cseq
    }

    /// A request inside the dialog up to its CSeq (§12.2.1.1); ACK and CANCEL give the number of their INVITE.
    pub(crate) fn request(&self, method: &Method, cseq: u32, (sent_by, branch): (&str, u64)) -> Writer {
        let strict = self.routes.first().filter(|route| !route.uri.is_loose_route());
        let mut writer = match strict {
            // §12.2.1.1: a strict router wants to find itself in the Request-URI.
            Some(route) => Writer::request(method, &route.uri.clone().without_headers()),
            None => Writer::request(method, &self.target),
        };
        writer.via(self.destination.transport(), sent_by, branch);
        writer.line("Max-Forwards", b"70");
        for route in &self.routes[usize::from(strict.is_some())..] {
            writer.line("Route", &route.value);
        }
        if strict.is_some() {
            writer.display("Route", &format_args!("<{}>", self.target));
        }
        writer.line("From", &self.local);
        writer.line("To", &self.remote);
        writer.line("Call-ID", &self.call_id);
        writer.display("CSeq", &format_args!("{cseq} {method}"));
        writer
    }

    /// Chooses the way to the next hop (§8.1.2 without DNS).
    ///
    /// A connection is used as long as it is open (RFC 5626's symmetry), and then another one to where the peer says that it is, but to
    /// no other host than it was on. By UDP the next hop's address is taken at its
    /// word when it is an address, unless a NAT shows in the peer's messages; then, and for names, the way the last
    /// message came is the way back.
    fn locate(&mut self) {
        let next = self.routes.first().map_or(&self.target, |route| &route.uri);
        let flow = self.flow;
        let named = next.param("transport").and_then(|name| Transport::from_name(name.as_bytes()));
        let transport = named.unwrap_or(if flow.connection == 0 { Transport::Udp } else { flow.transport });
        let address = next.host().and_then(|host| host.ip());
        self.destination = match address {
            Some(address) if flow.connection != 0 && transport == flow.transport && address == flow.remote.ip() => {
                let port = next.port().unwrap_or(transport.default_port());
                Destination::Reopen { flow, listener: (address, port).into() }
            }
            Some(address) if flow.connection == 0 && !(self.translated && self.routes.is_empty()) => {
                let remote = (address, next.port().unwrap_or(transport.default_port())).into();
                if transport == Transport::Udp && flow.remote.is_ipv4() == address.is_ipv4() {
                    Destination::Flow(Flow { remote, ..flow })
                } else {
                    Destination::Address { transport, remote }
                }
            }
            _ => Destination::Flow(flow),
        };
    }
}

fn routes(list: Vec<NameAddr>) -> SmallVec<[Route; 1]> {
    list.into_iter().map(|route| Route { value: route.to_bytes(), uri: route.into_uri() }).collect()
}

/// Addresses that are not unique in the world (RFC 1918, RFC 6598, RFC 4193, loopback, link-local).
fn is_private(address: std::net::IpAddr) -> bool {
    match address {
        std::net::IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        std::net::IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

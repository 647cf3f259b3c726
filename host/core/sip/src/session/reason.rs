//! The Reason header (RFC 3326).

use bytes::Bytes;

use crate::endpoint::{Reason, ReasonProtocol};
use crate::message::{Headers, quote};

/// The header value.
pub(super) fn value(reason: &Reason) -> Bytes {
    let protocol = match reason.protocol {
        ReasonProtocol::Q850 => "Q.850",
        ReasonProtocol::Sip => "SIP",
    };
    let mut value = format!("{protocol};cause={}", reason.cause);
    if !reason.text.is_empty() {
        value.push_str(";text=");
        value.push_str(&quote(&reason.text));
    }
    Bytes::from(value)
}

/// The first Reason of a protocol we know, Q.850 before SIP: it says more.
pub(super) fn read(headers: &Headers) -> Option<Reason> {
    let reasons = headers.reasons();
    let find = |name: &str, protocol: ReasonProtocol| {
        reasons.iter().find(|reason| reason.protocol.eq_ignore_ascii_case(name)).and_then(|reason| {
            Some(Reason {
                protocol,
                cause: u16::try_from(reason.cause?).ok()?,
                text: reason.text.clone().unwrap_or_default(),
            })
        })
    };
    find("Q.850", ReasonProtocol::Q850).or_else(|| find("SIP", ReasonProtocol::Sip))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::HeaderName;

    #[test]
    fn examples_of_rfc_3326() {
        let mut headers = Headers::new();
        headers.push(HeaderName::Reason, "SIP ;cause=200 ;text=\"Call completed elsewhere\"");
        let reason = read(&headers).unwrap();
        assert_eq!((reason.protocol, reason.cause), (ReasonProtocol::Sip, 200));
        assert_eq!(value(&reason), "SIP;cause=200;text=\"Call completed elsewhere\"");
        headers.push(HeaderName::Reason, "Q.850 ;cause=16 ;text=\"Terminated\"");
        assert_eq!(read(&headers).unwrap().cause, 16);
        let mut foreign = Headers::new();
        foreign.push(HeaderName::Reason, "X.25;cause=1, Q.850;cause=99999999999, SIP");
        assert_eq!(read(&foreign), None);
    }
}

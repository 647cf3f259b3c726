//! Digest authentication: RFC 7616 as RFC 8760 puts it into SIP, for both sides.
//!
//! The server keeps no state for strangers: a nonce is a MAC over its time, a serial number and the peer. Only who
//! proved to know the secret occupies a place in the bounded table of nonce counts.
//!
//! ```
//! use std::net::{IpAddr, Ipv4Addr};
//! use std::time::Instant;
//! use sip::auth::{Authorization, Challenger, Config, Credentials, Ha1, Side};
//! use sip::message::{Method, Request, Response, StatusCode, Uri};
//! # fn start() -> Instant { Instant::now() }
//! let now = start();
//! let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
//! let mut challenger = Challenger::new(now, [7; 32], Config::default());
//! let uri: Uri = "sip:acme.test".parse().unwrap();
//! let mut request = Request::new(Method::Register, uri.clone());
//!
//! let mut response = Response::answering(&request, StatusCode::UNAUTHORIZED);
//! challenger.challenge(now, Side::User, "acme.test", peer, false, &mut response.headers);
//!
//! let credentials = Credentials::new("100", "secret");
//! let challenge = credentials.choose(&response).unwrap();
//! let (name, value) = credentials.authorize(&challenge, &Method::Register, &uri, b"", "c0ffee", 1);
//! request.headers.push(name, value);
//!
//! let authorization = Authorization::find(&request, Side::User, "acme.test").unwrap();
//! assert_eq!(authorization.username(), "100");
//! let account = Ha1::derive("100", "acme.test", "secret");
//! assert!(challenger.verify(now, &authorization, &request, peer, Some(&account)).is_ok());
//! assert!(challenger.verify(now, &authorization, &request, peer, Some(&account)).is_err(), "a replay");
//! ```

use crate::message::{HeaderName, StatusCode};

mod challenger;
mod client;
mod digest;
mod header;

pub use challenger::{Challenger, Config, Rejected, Verified};
pub use client::{ChooseError, Credentials};
pub use digest::{Algorithm, Ha1, ParseHa1Error};
pub use header::{Authorization, AuthorizationError, Challenge, Qop};

/// Who asks for authentication: a user agent server or registrar with 401, or a proxy with 407 (RFC 3261 §22.2, §22.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// 401, `WWW-Authenticate`, `Authorization`.
    User,
    /// 407, `Proxy-Authenticate`, `Proxy-Authorization`.
    Proxy,
}

impl Side {
    /// The status of the challenge.
    pub fn status(self) -> StatusCode {
        match self {
            Self::User => StatusCode::UNAUTHORIZED,
            Self::Proxy => StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        }
    }

    /// The header of the challenge.
    pub fn challenge_header(self) -> HeaderName {
        match self {
            Self::User => HeaderName::WwwAuthenticate,
            Self::Proxy => HeaderName::ProxyAuthenticate,
        }
    }

    /// The header of the answer.
    pub fn authorization_header(self) -> HeaderName {
        match self {
            Self::User => HeaderName::Authorization,
            Self::Proxy => HeaderName::ProxyAuthorization,
        }
    }
}

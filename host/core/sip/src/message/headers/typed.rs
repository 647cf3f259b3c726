//! Header values as types. Absent and malformed are both `None` where the reader treats them alike; where the
//! difference decides the answer, the accessor says so with a `Result`.

use std::fmt;

use bytes::Bytes;

use super::super::header_name::HeaderName;
use super::super::method::Method;
use super::super::name_addr::NameAddr;
use super::super::params::Params;
use super::super::scan::{self, SyntaxError};
use super::super::text::Text;
use super::super::via::Via;
use super::Headers;
use crate::limit;

/// The `CSeq` header (§20.16).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CSeq {
    /// The sequence number, below 2^31 (§8.1.1.5).
    pub number: u32,
    /// The method of the request.
    pub method: Method,
}

impl CSeq {
    /// Reads the value.
    pub fn parse(bytes: &Bytes) -> Result<Self, SyntaxError> {
        let value = scan::trim(bytes);
        let space = value.iter().position(|byte| scan::is_space(*byte)).ok_or(SyntaxError("CSeq"))?;
        // §8.1.1.5: "must be less than 2**31".
        let number =
            scan::number(&value[..space]).filter(|number| *number < 1 << 31).ok_or(SyntaxError("CSeq number"))?;
        let method = Method::parse_part(bytes, scan::trim(&value[space..]))?;
        Ok(Self { number, method })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.number, self.method)
    }
}

impl From<&CSeq> for Bytes {
    fn from(value: &CSeq) -> Self {
        Self::from(value.to_string())
    }
}

/// The values of all Contact headers (§20.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contacts {
    /// `*`: every binding, in a REGISTER that removes them (§10.2.2).
    All,
    /// The addresses in order; empty when there is no Contact header.
    List(Vec<NameAddr>),
}

/// The `Replaces` header (RFC 3891).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Replaces {
    /// The Call-ID of the dialog to be replaced.
    pub call_id: Text,
    /// Its tag at our side.
    pub to_tag: Text,
    /// Its tag at the other side.
    pub from_tag: Text,
    /// Only a dialog that is still early may be replaced.
    pub early_only: bool,
}

impl Replaces {
    /// Reads the value.
    pub fn parse(bytes: &Bytes) -> Result<Self, SyntaxError> {
        let value = scan::share(bytes, scan::trim(bytes));
        let semicolon = value.iter().position(|byte| *byte == b';').ok_or(SyntaxError("Replaces"))?;
        let call_id = scan::share(&value, scan::trim(&value[..semicolon]));
        if !is_call_id(&call_id) {
            return Err(SyntaxError("Replaces Call-ID"));
        }
        let params = Params::parse_header(&value.slice(semicolon..))?;
        Ok(Self {
            call_id: Text::new(call_id).expect("a Call-ID is ASCII"),
            to_tag: params.shared("to-tag").ok_or(SyntaxError("Replaces to-tag"))?,
            from_tag: params.shared("from-tag").ok_or(SyntaxError("Replaces from-tag"))?,
            early_only: params.contains("early-only"),
        })
    }
}

impl fmt::Display for Replaces {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let early = if self.early_only { ";early-only" } else { "" };
        write!(formatter, "{};to-tag={};from-tag={}{early}", self.call_id, self.to_tag, self.from_tag)
    }
}

/// Who refreshes a session (RFC 4028 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refresher {
    /// The caller of the INVITE or UPDATE.
    Uac,
    /// Who answers it.
    Uas,
}

/// The `Session-Expires` header (RFC 4028 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionExpires {
    /// The session interval.
    pub seconds: u32,
    /// Who refreshes, when it is said.
    pub refresher: Option<Refresher>,
}

impl SessionExpires {
    /// Reads the value.
    pub fn parse(bytes: &Bytes) -> Result<Self, SyntaxError> {
        let (seconds, params) = number_and_params(bytes, "Session-Expires")?;
        let refresher = match params.value("refresher") {
            Some(who) if who.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(who) if who.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            Some(_) => return Err(SyntaxError("Session-Expires refresher")),
            None => None,
        };
        Ok(Self { seconds, refresher })
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refresher = match self.refresher {
            Some(Refresher::Uac) => ";refresher=uac",
            Some(Refresher::Uas) => ";refresher=uas",
            None => "",
        };
        write!(formatter, "{}{refresher}", self.seconds)
    }
}

/// The `RAck` header of a PRACK (RFC 3262 §7.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RAck {
    /// The RSeq of the provisional response.
    pub rseq: u32,
    /// Its CSeq.
    pub cseq: CSeq,
}

impl RAck {
    /// Reads the value.
    pub fn parse(bytes: &Bytes) -> Result<Self, SyntaxError> {
        let value = scan::trim(bytes);
        let space = value.iter().position(|byte| scan::is_space(*byte)).ok_or(SyntaxError("RAck"))?;
        let rseq = scan::number(&value[..space]).ok_or(SyntaxError("RAck number"))?;
        Ok(Self { rseq, cseq: CSeq::parse(&scan::share(bytes, &value[space..]))? })
    }
}

impl fmt::Display for RAck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.rseq, self.cseq)
    }
}

/// One value of the `Reason` header (RFC 3326).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reason {
    /// `SIP` or `Q.850`, as it was spelt.
    pub protocol: Text,
    /// The status code or Q.850 value.
    pub cause: Option<u32>,
    /// The text, without quotes.
    pub text: Option<String>,
}

impl Reason {
    fn parse(bytes: &Bytes) -> Result<Self, SyntaxError> {
        let semicolon = bytes.iter().position(|byte| *byte == b';').unwrap_or(bytes.len());
        let protocol = scan::share(bytes, scan::trim(&bytes[..semicolon]));
        if !scan::is_token(&protocol) {
            return Err(SyntaxError("Reason"));
        }
        let params = Params::parse_header(&bytes.slice(semicolon..))?;
        Ok(Self {
            protocol: Text::new(protocol).expect("a token is ASCII"),
            cause: params.number("cause"),
            text: params.value("text").map(str::to_owned),
        })
    }
}

impl Headers {
    /// The topmost Via.
    pub fn via(&self) -> Option<Via> {
        let first = self.list(&HeaderName::Via).next()?.ok()?;
        Via::parse(&first).ok()
    }

    /// Every Via, topmost first.
    pub fn vias(&self) -> Result<Vec<Via>, SyntaxError> {
        self.bounded(&HeaderName::Via, limit::VIAS_MAX, Via::parse)
    }

    /// Puts another Via in the place of the topmost one.
    pub fn set_top_via(&mut self, via: &Via) {
        let Some((_, value)) = self.entry_mut(&HeaderName::Via) else {
            return self.push_front(HeaderName::Via, via);
        };
        let mut output = via.to_bytes().to_vec();
        if let Ok(Some(comma)) = scan::find_outside(value, b",", false) {
            output.extend_from_slice(&value[comma..]);
        }
        *value = Bytes::from(output);
    }

    /// Takes the topmost Via away.
    pub fn pop_top_via(&mut self) {
        let Some((index, value)) = self.entry_mut(&HeaderName::Via) else { return };
        match scan::find_outside(value, b",", false) {
            Ok(Some(comma)) => *value = scan::share(value, scan::trim(&value[comma + 1..])),
            _ => self.remove_at(index),
        }
    }

    /// The From header; the underscore because `from` is Rust's word for conversions.
    pub fn from_(&self) -> Option<NameAddr> {
        self.name_addr(&HeaderName::From)
    }

    /// The To header.
    pub fn to(&self) -> Option<NameAddr> {
        self.name_addr(&HeaderName::To)
    }

    /// The Call-ID.
    pub fn call_id(&self) -> Option<&str> {
        self.get_str(&HeaderName::CallId)
    }

    /// The Call-ID, sharing the message's buffer.
    pub fn call_id_text(&self) -> Option<Text> {
        Text::new(self.get(&HeaderName::CallId)?.clone())
    }

    /// The CSeq header.
    pub fn cseq(&self) -> Option<CSeq> {
        CSeq::parse(self.get(&HeaderName::CSeq)?).ok()
    }

    /// The Max-Forwards header; values above 255 are malformed (§20.22).
    pub fn max_forwards(&self) -> Option<u8> {
        self.number(&HeaderName::MaxForwards).and_then(|number| u8::try_from(number).ok())
    }

    /// The Content-Length header as it came; writing a message computes its own.
    pub fn content_length(&self) -> Option<u32> {
        self.number(&HeaderName::ContentLength)
    }

    /// The Content-Type without parameters, as it was spelt; compare without case.
    pub fn content_type(&self) -> Option<&str> {
        let value = self.get_str(&HeaderName::ContentType)?;
        Some(value.split(';').next().unwrap_or(value).trim())
    }

    /// The Expires header.
    pub fn expires(&self) -> Option<u32> {
        self.number(&HeaderName::Expires)
    }

    /// The Min-SE header (RFC 4028 §5).
    pub fn min_se(&self) -> Option<u32> {
        number_and_params(self.get(&HeaderName::MinSe)?, "Min-SE").ok().map(|(number, _)| number)
    }

    /// The Session-Expires header; an error must be answered 400.
    pub fn session_expires(&self) -> Option<Result<SessionExpires, SyntaxError>> {
        self.get(&HeaderName::SessionExpires).map(SessionExpires::parse)
    }

    /// The RSeq header (RFC 3262 §7.1).
    pub fn rseq(&self) -> Option<u32> {
        self.number(&HeaderName::RSeq)
    }

    /// The RAck header; an error must be answered 400.
    pub fn rack(&self) -> Option<Result<RAck, SyntaxError>> {
        self.get(&HeaderName::RAck).map(RAck::parse)
    }

    /// The Replaces header; an error must be answered 400 (RFC 3891 §3).
    pub fn replaces(&self) -> Option<Result<Replaces, SyntaxError>> {
        self.get(&HeaderName::Replaces).map(Replaces::parse)
    }

    /// The Refer-To header; absent or an error must be answered 400 (RFC 3515 §2.4.2).
    pub fn refer_to(&self) -> Option<Result<NameAddr, SyntaxError>> {
        self.get(&HeaderName::ReferTo).map(NameAddr::parse)
    }

    /// The Reason values that can be read.
    pub fn reasons(&self) -> Vec<Reason> {
        let values = self.list(&HeaderName::Reason).take(limit::LIST_VALUES_MAX);
        values.filter_map(|value| Reason::parse(&value.ok()?).ok()).collect()
    }

    /// The Contact headers.
    pub fn contacts(&self) -> Result<Contacts, SyntaxError> {
        let mut lines = self.get_all(&HeaderName::Contact);
        if let (Some(only), None) = (lines.next(), lines.next())
            && scan::trim(only) == b"*"
        {
            return Ok(Contacts::All);
        }
        self.name_addrs(&HeaderName::Contact).map(Contacts::List)
    }

    /// The first address of the Contact headers, the remote target of a dialog.
    pub fn contact(&self) -> Option<NameAddr> {
        match self.contacts().ok()? {
            Contacts::All => None,
            Contacts::List(list) => list.into_iter().next(),
        }
    }

    /// The Route headers, topmost first.
    pub fn routes(&self) -> Result<Vec<NameAddr>, SyntaxError> {
        self.name_addrs(&HeaderName::Route)
    }

    /// The Record-Route headers, topmost first.
    pub fn record_routes(&self) -> Result<Vec<NameAddr>, SyntaxError> {
        self.name_addrs(&HeaderName::RecordRoute)
    }

    /// The single address of a header such as Referred-By.
    pub fn name_addr(&self, name: &HeaderName) -> Option<NameAddr> {
        NameAddr::parse(self.get(name)?).ok()
    }

    /// All addresses of a header, comma lists taken apart.
    pub fn name_addrs(&self, name: &HeaderName) -> Result<Vec<NameAddr>, SyntaxError> {
        self.bounded(name, limit::LIST_VALUES_MAX, NameAddr::parse)
    }

    /// The values of a comma list such as Supported, Require or Allow, white space trimmed, empty ones left out.
    pub fn tokens<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a str> {
        let lines = self.get_all(name).filter_map(|value| std::str::from_utf8(value).ok());
        lines.flat_map(|line| line.split(',').map(str::trim).filter(|token| !token.is_empty()))
    }

    /// True when a comma list names this token, in any case.
    pub fn has_token(&self, name: &HeaderName, token: &str) -> bool {
        self.tokens(name).any(|own| own.eq_ignore_ascii_case(token))
    }

    /// The value of a header that is one decimal number.
    pub fn number(&self, name: &HeaderName) -> Option<u32> {
        scan::number(scan::trim(self.get(name)?))
    }

    /// The values of a header, comma lists taken apart (§7.3.1), quotes and angle brackets honoured.
    ///
    /// An unclosed quote or bracket ends the list with an error.
    pub fn list<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = Result<Bytes, SyntaxError>> {
        self.get_all(name).flat_map(split_list)
    }

    fn bounded<T>(
        &self,
        name: &HeaderName,
        bound: usize,
        parse: impl Fn(&Bytes) -> Result<T, SyntaxError>,
    ) -> Result<Vec<T>, SyntaxError> {
        let mut values = Vec::new();
        for value in self.list(name) {
            if values.len() == bound {
                return Err(SyntaxError("number of values"));
            }
            values.push(parse(&value?)?);
        }
        Ok(values)
    }
}

/// The parts of one comma list, trimmed; empty parts come out empty.
pub(crate) fn split_list(value: &Bytes) -> impl Iterator<Item = Result<Bytes, SyntaxError>> {
    split_slices(value).map(|part| part.map(|part| scan::share(value, part)))
}

/// The same as slices.
pub(crate) fn split_slices(value: &[u8]) -> impl Iterator<Item = Result<&[u8], SyntaxError>> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let current = rest.take()?;
        match scan::find_outside(current, b",", true) {
            Err(error) => Some(Err(error)),
            Ok(Some(comma)) => {
                rest = Some(&current[comma + 1..]);
                Some(Ok(scan::trim(&current[..comma])))
            }
            Ok(None) => Some(Ok(scan::trim(current))),
        }
    })
}

/// `callid = word [ "@" word ]`.
pub(crate) fn is_call_id(bytes: &[u8]) -> bool {
    match bytes.iter().position(|byte| *byte == b'@') {
        Some(at) => scan::is_word(&bytes[..at]) && scan::is_word(&bytes[at + 1..]),
        None => scan::is_word(bytes),
    }
}

fn number_and_params(bytes: &Bytes, what: &'static str) -> Result<(u32, Params), SyntaxError> {
    let semicolon = bytes.iter().position(|byte| *byte == b';').unwrap_or(bytes.len());
    let number = scan::number(scan::trim(&bytes[..semicolon])).ok_or(SyntaxError(what))?;
    Ok((number, Params::parse_header(&bytes.slice(semicolon..))?))
}

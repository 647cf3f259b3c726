//! Every bound that remote input can reach in this crate, with the reason for its value.

/// Largest message in bytes, head and body: what one UDP datagram can carry (RFC 3261 §18.1.1 asks for 65,535).
pub const MESSAGE_BYTES_MAX: usize = 65_535;
/// Largest head, start line to empty line: half of a message. A stream has no other bound before its first message.
pub const HEAD_BYTES_MAX: usize = 32_768;
/// Most header lines in one message; RFC 4475's longest has 44, a call through ten proxies about 60.
pub const HEADERS_MAX: usize = 256;
/// Longest single header value; an Identity header with its token is about 1 KB, a Proxy-Authorization 600 bytes.
pub const HEADER_VALUE_BYTES_MAX: usize = 8_192;
/// Longest header name; RFC 4475 "longreq" has 93 bytes.
pub const HEADER_NAME_BYTES_MAX: usize = 128;
/// Longest method token; RFC 4475 "intmeth" has 43 bytes (A5).
pub const METHOD_BYTES_MAX: usize = 64;
/// Longest URI; RFC 4475 "longreq" has about 700 bytes. A longer Request-URI is answered 414.
pub const URI_BYTES_MAX: usize = 2_048;
/// Most Via values; Max-Forwards starts at 70 (RFC 3261 §8.1.1.6), so that no honest path is longer.
pub const VIAS_MAX: usize = 70;
/// Most values in any other comma list (Route, Record-Route, Contact, Supported …).
pub const LIST_VALUES_MAX: usize = 64;
/// Most parameters of one URI, Via, Contact or challenge.
pub const PARAMETERS_MAX: usize = 64;
/// Most challenge or authorization headers that are looked at; a call through three realms has three.
pub const CHALLENGES_MAX: usize = 8;
/// Most nonces in use whose count is kept: 24 bytes each, one per phone that authenticated lately.
pub const NONCES_MAX: usize = 65_536;
/// How many percent of a datagram from a peer that has proved nothing its answer may have (C8): the source may be forged,
/// and whoever owns it gets what we send.
pub const ANSWER_PERCENT_MAX: usize = 150;

/// True when an answer of this size may go to a peer that has proved nothing; otherwise silence is the answer.
pub const fn answer_fits(request_bytes: usize, answer_bytes: usize) -> bool {
    answer_bytes * 100 <= request_bytes * ANSWER_PERCENT_MAX
}

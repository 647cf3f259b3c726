//! The messages that break parsers: RFC 4475, RFC 5118, and what comes of cutting and flipping them (A1, A2, A3).

mod corpus;
mod ipv6;
mod mangled;
mod oracle;
mod smuggling;
mod verdicts;

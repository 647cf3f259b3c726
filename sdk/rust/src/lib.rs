//! The Rust SDK for Jackfield plugins.

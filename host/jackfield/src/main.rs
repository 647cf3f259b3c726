//! The Jackfield server.

fn main() {}

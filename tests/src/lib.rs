//! Jackfield's tests.

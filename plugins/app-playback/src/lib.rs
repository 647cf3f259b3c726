//! A Jackfield plugin.

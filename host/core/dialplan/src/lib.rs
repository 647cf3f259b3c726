//! The dialplan language: extensions.conf text to a program, and its execution step by step.

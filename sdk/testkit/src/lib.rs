//! A fake host for testing plugin logic natively.

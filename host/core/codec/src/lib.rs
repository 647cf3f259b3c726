//! Codecs: frames in, frames out.

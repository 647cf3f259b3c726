//! playback.

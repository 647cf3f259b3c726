//! The engine in virtual time with scripted peers on a seeded network.

mod bridge;
mod hostile;
mod playback;
mod record;
mod world;

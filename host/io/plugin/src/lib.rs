//! The plugin host: components in, decisions out.

//! One function for each parser of remote input. A target panics when a property of its parser does not hold.

#[cfg(feature = "scenario")]
pub(crate) mod http;
pub(crate) mod media;
#[cfg(feature = "scenario")]
pub(crate) mod plugin;
pub(crate) mod sip;

/// A parser under test.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    /// The name, also of the `cargo fuzz` target.
    pub(crate) name: &'static str,
    /// What is run on each input.
    pub(crate) run: fn(&[u8]),
    /// Inputs to begin with.
    pub(crate) seeds: &'static [&'static [u8]],
}

/// Every target. A new parser gets its file here and a line in this list.
pub(crate) fn all() -> Vec<Target> {
    vec![
        sip::MESSAGE,
        sip::URI,
        sip::FRAMER,
        sip::AUTH,
        media::SDP,
        media::NEGOTIATION,
        media::PACKET,
        media::ENGINE,
        media::WAV_FILE,
        // Without the plugin host in this program it is left out.
        #[cfg(feature = "scenario")]
        plugin::PACKAGE,
        #[cfg(feature = "scenario")]
        plugin::TIMES_OF_DAY,
        #[cfg(feature = "scenario")]
        http::URL,
        #[cfg(feature = "scenario")]
        http::HOSTS,
    ]
}

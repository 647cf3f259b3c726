//! Parsers of the plugin host.

use ::plugin::{Archive, TimesOfDay};
use bytes::Bytes;

use super::Target;

/// A package file: what can be read is written the same again, apart from its signature.
pub(crate) const PACKAGE: Target = Target { name: "plugin_package", run: package, seeds: &[UNSIGNED, EMPTY] };

/// A manifest, a component that is none, one prompt.
const UNSIGNED: &[u8] =
    b"\x89JFP\r\n\x1a\x01\x03\0\0\0\x0b\0plugin.toml\x08\0\0\0[plugin]\x0e\0component.wasm\x04\0\0\0\0asm\
\x11\0prompts/en/hi.wav\x0c\0\0\0RIFF\x04\0\0\0WAVE\0";
/// The mark and nothing else.
const EMPTY: &[u8] = b"\x89JFP\r\n\x1a\x01\x02\0\0\0";

/// What a plugin gives as times of day: each comes after the one before.
pub(crate) const TIMES_OF_DAY: Target = Target {
    name: "plugin_times_of_day",
    run: times_of_day,
    seeds: &[b"0 8 * * mon-fri", b"*/20 12 1 1,7 *", b"59 23 L * sun#2", b"30 2 15W 3-10/2 *"],
};

fn times_of_day(data: &[u8]) {
    let Ok(Ok(times)) = std::str::from_utf8(data).map(TimesOfDay::parse) else { return };
    let mut moment = 1_774_700_000_000;
    // Over a day on which clocks are changed.
    for _ in 0..3 {
        let Some(next) = times.next("Europe/Berlin", moment) else { return };
        assert!(next > moment);
        moment = next;
    }
}

fn package(data: &[u8]) {
    let Ok(archive) = Archive::read(&Bytes::copy_from_slice(data)) else { return };
    assert!(archive.prompts.keys().all(|name| !name.starts_with('/') && !name.contains("..")));
    let again = Archive::write(&archive.manifest, &archive.wasm, &archive.prompts, None).expect("it was read");
    match archive.signer() {
        None => assert_eq!(again, data),
        Some(_) => assert!(data.len() > again.len()),
    }
}

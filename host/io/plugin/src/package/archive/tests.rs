//! Packages as they should be, and every way in which one byte of them can be otherwise.

use super::*;

const SECRET: &str = "ed25519-secret:9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

fn key() -> SecretKey {
    SECRET.parse().unwrap()
}

fn prompts(names: &[&str]) -> BTreeMap<String, Bytes> {
    names.iter().map(|name| ((*name).to_owned(), Bytes::from_static(b"RIFF\x04\0\0\0WAVE"))).collect()
}

fn small(key: Option<&SecretKey>) -> Bytes {
    Archive::write("[plugin]", b"\0asm", &prompts(&["bye.wav", "en/hello.wav"]), key).unwrap()
}

fn packed(name: &str, content: &[u8]) -> Result<Bytes, ArchiveError> {
    let prompts = [(name.to_owned(), Bytes::copy_from_slice(content))].into();
    Archive::write("[plugin]", b"\0asm", &prompts, None)
}

#[test]
fn a_package_is_read_as_it_was_written() {
    let file = small(Some(&key()));
    assert_eq!(file, small(Some(&key())), "made again it is the same");
    let archive = Archive::read(&file).unwrap();
    assert_eq!((archive.manifest.as_str(), &archive.wasm[..]), ("[plugin]", &b"\0asm"[..]));
    assert_eq!(archive.prompts.keys().collect::<Vec<_>>(), ["bye.wav", "en/hello.wav"]);
    assert_eq!((archive.signer(), archive.digest()), (Some(key().public()), Digest::of(&file)));
    assert_eq!(Archive::read(&small(None)).unwrap().signer(), None);
}

/// I10: no byte of a package can be another; the signature leaves nothing out.
#[test]
fn a_changed_byte_anywhere_is_refused() {
    let file = small(Some(&key()));
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut changed = file.to_vec();
            changed[at] ^= 1 << bit;
            let read = Archive::read(&changed.into());
            assert!(read.is_err(), "byte {at}, bit {bit}: {read:?}");
        }
    }
}

#[test]
fn a_package_cut_off_anywhere_is_refused() {
    for file in [small(Some(&key())), small(None)] {
        for length in 0..file.len() {
            let read = Archive::read(&file.slice(..length));
            assert_eq!(read.unwrap_err(), ArchiveError::CutOff, "of {length} bytes");
        }
        let mut longer = file.to_vec();
        longer.push(0);
        assert_eq!(Archive::read(&longer.into()).unwrap_err(), ArchiveError::Trailing(1));
    }
    assert_eq!(Archive::read(&Bytes::from_static(b"PK\x03\x04")).unwrap_err(), ArchiveError::NoPackage);
    assert_eq!(Archive::read(&Bytes::from_static(b"\x89JFP\r\n\x1a\x02")).unwrap_err(), ArchiveError::Format(2));
}

/// The signature of one package is none for another, and who signs is signed as well.
#[test]
fn a_signature_fits_one_package_and_one_key() {
    let (file, other) = (small(Some(&key())), SecretKey::generate().unwrap());
    let body = file.len() - 96;
    let swapped = [&file[..body], other.public().as_bytes(), &file[body + 32..]].concat();
    assert_eq!(Archive::read(&swapped.into()).unwrap_err(), ArchiveError::Signature(other.public()));
    let another = Archive::write("[plugin] ", b"\0asm", &BTreeMap::new(), Some(&key())).unwrap();
    let moved = [&another[..another.len() - 64], &file[file.len() - 64..]].concat();
    assert_eq!(Archive::read(&moved.into()).unwrap_err(), ArchiveError::Signature(key().public()));
    // Without its signature it is one that nobody signed, and says so.
    let stripped = [&file[..body - 1], &[UNSIGNED]].concat();
    assert_eq!(Archive::read(&stripped.into()).unwrap().signer(), None);
}

/// G1: no name leads out of the folder that a package is unpacked to, and there is room for prompts only.
#[test]
fn names_lead_nowhere_else() {
    let wav = b"RIFF\x04\0\0\0WAVE";
    for good in ["hello.wav", "en/digits/4.wav", "en_GB/vm-intro.wav"] {
        assert!(packed(good, wav).is_ok(), "{good}");
    }
    let bad = [
        "../x.wav",
        "/x.wav",
        "a/../../x.wav",
        "./x.wav",
        "a//x.wav",
        "a\\x.wav",
        "a\0.wav",
        ".wav",
        "a/.wav",
        "x.wav/",
        "x",
        "x.cwasm",
        "x.so",
        "x.wasm",
        "x.WAV",
        "x.wav.wav",
        "ü.wav",
        "a b.wav",
        "",
    ];
    for name in bad {
        assert_eq!(packed(name, wav).unwrap_err(), ArchiveError::Name(format!("prompts/{name}")), "{name:?}");
    }
    // Neither under another roof, nor twice, nor out of order.
    let as_it_is = small(None);
    for (from, to) in [
        ("prompts/bye.wav", "pr0mpts/bye.wav"),
        ("prompts/bye.wav", "prompts/zye.wav"),
        ("component.wasm", "component.elf_"),
    ] {
        let at = as_it_is.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let mut renamed = as_it_is.to_vec();
        renamed[at..at + to.len()].copy_from_slice(to.as_bytes());
        assert!(matches!(Archive::read(&renamed.into()), Err(ArchiveError::Name(_))), "{to}");
    }
}

/// H19: machine code does not come in as a prompt.
#[test]
fn a_prompt_is_a_wav_file() {
    for content in [&b"\x7fELF\x02\x01\x01"[..], b"\0asm\x0d\0\x01\0", b"", b"RIFF"] {
        assert_eq!(packed("x.wav", content).unwrap_err(), ArchiveError::NoWav("prompts/x.wav".into()));
    }
}

#[test]
fn every_size_has_its_bound() {
    let sized = |manifest: usize, component: usize, prompt: usize| {
        let mut wav = b"RIFF\x04\0\0\0WAVE".to_vec();
        wav.resize(prompt, 0);
        let prompts = [("x.wav".to_owned(), wav.into())].into();
        Archive::write(&" ".repeat(manifest), &vec![0; component], &prompts, None)
    };
    let (manifest, component, prompt) = (limit::MAX_MANIFEST_BYTES, limit::MAX_COMPONENT_BYTES, limit::PROMPT_BYTES);
    assert!(sized(manifest, component, prompt).is_ok());
    let too_large = |name: &str, most| ArchiveError::FileTooLarge { name: name.into(), size: most + 1, most };
    assert_eq!(sized(manifest + 1, 0, 20).unwrap_err(), too_large("plugin.toml", manifest));
    assert_eq!(sized(0, component + 1, 20).unwrap_err(), too_large("component.wasm", component));
    assert_eq!(sized(0, 0, prompt + 1).unwrap_err(), too_large("prompts/x.wav", prompt));

    let many = |count: usize| {
        prompts(
            &(0..count)
                .map(|at| format!("{at}.wav"))
                .collect::<Vec<_>>()
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        )
    };
    assert!(Archive::write("", b"", &many(limit::PACKAGE_FILES - 2), None).is_ok());
    let error = Archive::write("", b"", &many(limit::PACKAGE_FILES - 1), None).unwrap_err();
    assert_eq!(error, ArchiveError::TooManyFiles(limit::PACKAGE_FILES + 1));
    let long = format!("{}.wav", "a".repeat(limit::PROMPT_NAME_BYTES - "prompts/.wav".len()));
    assert!(packed(&long, b"RIFF\x04\0\0\0WAVE").is_ok());
    assert!(matches!(packed(&format!("a{long}"), b"RIFF\x04\0\0\0WAVE"), Err(ArchiveError::Name(_))));
    let error = Archive::read(&vec![0; limit::PACKAGE_BYTES + 1].into()).unwrap_err();
    assert_eq!(error, ArchiveError::TooLarge { size: limit::PACKAGE_BYTES + 1 });
}

/// A length that lies asks for no memory.
#[test]
fn a_length_beyond_the_end_is_cut_off() {
    let mut file = small(None).to_vec();
    let at = file.windows(11).position(|window| window == b"plugin.toml").unwrap() + 11;
    file[at..at + 4].copy_from_slice(&60_000_u32.to_le_bytes());
    assert_eq!(Archive::read(&file.into()).unwrap_err(), ArchiveError::CutOff);
}

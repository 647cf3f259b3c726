//! A package as one file, `NAME-VERSION.jfp`: manifest, component, prompts, and a publisher's signature over all of it.
//!
//! ```text
//! 8   the mark 89 4A 46 50 0D 0A 1A 01; the last byte is the format
//! 4   how many files, little-endian
//!     each: 2 the length of its name, the name, 4 the length of its content, the content
//! 1   0: nobody signed, and the file ends here; 1: Ed25519
//! 32  the publisher's public key
//! 64  its signature over "jackfield package 1\n" and the SHA-256 of every byte before
//! ```
//!
//! The files are `plugin.toml`, `component.wasm`, then prompts in ascending order: the same content is always the same file, and what
//! a name may be leaves no way out of the folder it is unpacked to. The signature is over the whole file; there is no part of a
//! package that it leaves out.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

use super::key::{KeyError, PublisherKey, SecretKey};
use super::{Origin, Package};
use crate::limit;
use crate::loader::Digest;

const MARK: [u8; 7] = [0x89, b'J', b'F', b'P', b'\r', b'\n', 0x1a];
const FORMAT: u8 = 1;
const MANIFEST: &str = "plugin.toml";
const COMPONENT: &str = "component.wasm";
const PROMPTS: &str = "prompts/";
const WAV: &str = ".wav";
const UNSIGNED: u8 = 0;
const ED25519: u8 = 1;

/// A package file, taken apart; its signature holds.
#[derive(Clone)]
pub struct Archive {
    /// The text of `plugin.toml`.
    pub manifest: String,
    /// The component, or whatever is in its place: nobody has looked at it yet.
    pub wasm: Bytes,
    /// WAV files by their path below `prompts/`, as in `en/hello.wav`.
    pub prompts: BTreeMap<String, Bytes>,
    signer: Option<PublisherKey>,
    digest: Digest,
}

/// Why bytes are no package.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// It begins like something else.
    #[error("it is no plugin package (NAME-VERSION.jfp)")]
    NoPackage,
    /// It is of a later host.
    #[error("it is a package of format {0}; this server knows {FORMAT}")]
    Format(u8),
    /// The whole of it is too large.
    #[error("{size} bytes: a package may have {most}", most = limit::PACKAGE_BYTES)]
    TooLarge {
        /// How many there are.
        size: usize,
    },
    /// It ends too early.
    #[error("the package is cut off")]
    CutOff,
    /// Something follows its end.
    #[error("{0} bytes follow the package's end")]
    Trailing(usize),
    /// Too many prompts.
    #[error("{0} files: a package may have {most}", most = limit::PACKAGE_FILES)]
    TooManyFiles(usize),
    /// A file of a package has a name that none can have: anything but `plugin.toml`, `component.wasm`, `prompts/…/NAME.wav`.
    #[error(
        "it has the file {0:?}; a package has plugin.toml, component.wasm and prompts/**.wav, in this order and ascending"
    )]
    Name(String),
    /// One of its files is too large.
    #[error("{name} has {size} bytes, at most {most}")]
    FileTooLarge {
        /// Which.
        name: String,
        /// How many there are.
        size: usize,
        /// How many there may be.
        most: usize,
    },
    /// The manifest is no text.
    #[error("plugin.toml is not UTF-8 text")]
    Text,
    /// A prompt that is something else: machine code, for instance.
    #[error("{0} is not a WAV file")]
    NoWav(String),
    /// The kind of signature or the key is not one.
    #[error("its publisher's key: {0}")]
    Key(KeyError),
    /// A byte is not what the publisher signed.
    #[error("the signature is wrong: it is not what {0} signed")]
    Signature(PublisherKey),
}

impl Archive {
    /// Takes a package apart and checks its signature. Nothing of it is compiled or run.
    ///
    /// # Errors
    /// It is no package, damaged, too large, or not what its publisher signed.
    pub fn read(bytes: &Bytes) -> Result<Self, ArchiveError> {
        if bytes.len() > limit::PACKAGE_BYTES {
            return Err(ArchiveError::TooLarge { size: bytes.len() });
        }
        let mut reader = Reader { bytes: bytes.clone() };
        match reader.take(MARK.len() + 1) {
            Ok(mark) if mark[..MARK.len()] != MARK => return Err(ArchiveError::NoPackage),
            Ok(mark) if mark[MARK.len()] != FORMAT => return Err(ArchiveError::Format(mark[MARK.len()])),
            Err(_) if !MARK.starts_with(&bytes[..bytes.len().min(MARK.len())]) => return Err(ArchiveError::NoPackage),
            other => drop(other?),
        }
        let count = reader.length_u32()?;
        if count > limit::PACKAGE_FILES {
            return Err(ArchiveError::TooManyFiles(count));
        }
        let manifest = reader.named(MANIFEST)?;
        let wasm = reader.named(COMPONENT)?;
        let mut prompts = BTreeMap::new();
        for _ in 2..count {
            let (name, content) = reader.file()?;
            let below = prompt(&name).ok_or_else(|| ArchiveError::Name(name.clone()))?;
            if prompts.last_key_value().is_some_and(|(last, _): (&String, _)| last.as_str() >= below) {
                return Err(ArchiveError::Name(name));
            }
            if !is_wav(&content) {
                return Err(ArchiveError::NoWav(name));
            }
            prompts.insert(below.to_owned(), content);
        }
        let signer = reader.signature(bytes)?;
        match reader.bytes.len() {
            0 => {}
            more => return Err(ArchiveError::Trailing(more)),
        }
        let manifest = String::from_utf8(manifest.to_vec()).map_err(|_| ArchiveError::Text)?;
        Ok(Self { manifest, wasm, prompts, signer, digest: Digest::of(bytes) })
    }

    /// The file of a package, signed if there is a key. Made again from the same it is the same, byte by byte.
    ///
    /// # Errors
    /// What is packed has no place in a package; the name of the file is in the error.
    pub fn write(
        manifest: &str,
        wasm: &[u8],
        prompts: &BTreeMap<String, Bytes>,
        key: Option<&SecretKey>,
    ) -> Result<Bytes, ArchiveError> {
        let mut file = [&MARK[..], &[FORMAT]].concat();
        // A number that does not fit is beyond its limit, and refused below.
        let count = u32::try_from(2 + prompts.len()).map_err(|_| ArchiveError::TooManyFiles(prompts.len()))?;
        file.extend(count.to_le_bytes());
        append(&mut file, MANIFEST, manifest.as_bytes())?;
        append(&mut file, COMPONENT, wasm)?;
        for (name, content) in prompts {
            append(&mut file, &format!("{PROMPTS}{name}"), content)?;
        }
        match key {
            None => file.push(UNSIGNED),
            Some(key) => {
                file.push(ED25519);
                file.extend(key.public().as_bytes());
                file.extend(key.sign(&Digest::of(&file)));
            }
        }
        let file = Bytes::from(file);
        // What is written can be read: every rule stands once, in `read`.
        Self::read(&file).map(|_| file)
    }

    /// The publisher whose signature it has.
    pub fn signer(&self) -> Option<PublisherKey> {
        self.signer
    }

    /// The SHA-256 of the whole file.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What is to be installed.
    pub fn package(&self) -> Package {
        let origin = Origin::File { signer: self.signer, digest: self.digest };
        Package { manifest: self.manifest.clone(), wasm: self.wasm.clone(), origin }
    }
}

/// Without the bytes.
impl fmt::Debug for Archive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Archive({}, {} prompts, {:?})", self.digest.short(), self.prompts.len(), self.signer)
    }
}

/// What is not read yet.
struct Reader {
    bytes: Bytes,
}

impl Reader {
    fn take(&mut self, length: usize) -> Result<Bytes, ArchiveError> {
        if length > self.bytes.len() {
            return Err(ArchiveError::CutOff);
        }
        Ok(self.bytes.split_to(length))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ArchiveError> {
        let bytes = self.take(N)?;
        Ok(bytes[..].try_into().expect("as many were taken"))
    }

    fn length_u32(&mut self) -> Result<usize, ArchiveError> {
        let length = u32::from_le_bytes(self.array()?);
        Ok(usize::try_from(length).expect("a host has 32 bits at least"))
    }

    /// The next file.
    fn file(&mut self) -> Result<(String, Bytes), ArchiveError> {
        let length = u16::from_le_bytes(self.array()?);
        let name = self.take(length.into())?;
        let name = String::from_utf8(name.to_vec()).map_err(|_| {
            ArchiveError::Name(name.escape_ascii().take(limit::PROMPT_NAME_BYTES).map(char::from).collect())
        })?;
        let size = self.length_u32()?;
        let most = match name.as_str() {
            MANIFEST => limit::MAX_MANIFEST_BYTES,
            COMPONENT => limit::MAX_COMPONENT_BYTES,
            _ => limit::PROMPT_BYTES,
        };
        if size > most {
            let name = name.chars().take(limit::PROMPT_NAME_BYTES).collect();
            return Err(ArchiveError::FileTooLarge { name, size, most });
        }
        Ok((name, self.take(size)?))
    }

    /// The next file, which must be this one.
    fn named(&mut self, wanted: &str) -> Result<Bytes, ArchiveError> {
        match self.file()? {
            (name, content) if name == wanted => Ok(content),
            (name, _) => Err(ArchiveError::Name(name)),
        }
    }

    /// Who signed everything before, if somebody did.
    fn signature(&mut self, whole: &Bytes) -> Result<Option<PublisherKey>, ArchiveError> {
        let [kind] = self.array()?;
        match kind {
            UNSIGNED => return Ok(None),
            ED25519 => {}
            _ => return Err(ArchiveError::Key(KeyError::Public)),
        }
        let key = PublisherKey::from_bytes(self.array()?).map_err(ArchiveError::Key)?;
        let signed = Digest::of(&whole[..whole.len() - self.bytes.len()]);
        match key.signed(&signed, &self.array()?) {
            true => Ok(Some(key)),
            false => Err(ArchiveError::Signature(key)),
        }
    }
}

fn append(file: &mut Vec<u8>, name: &str, content: &[u8]) -> Result<(), ArchiveError> {
    let length = u16::try_from(name.len()).map_err(|_| ArchiveError::Name(name.into()))?;
    let size = u32::try_from(content.len()).map_err(|_| ArchiveError::TooLarge { size: content.len() })?;
    file.extend(length.to_le_bytes());
    file.extend(name.as_bytes());
    file.extend(size.to_le_bytes());
    file.extend(content);
    Ok(())
}

/// The path below `prompts/` of a prompt: segments of letters, digits, `-` and `_`, and nothing that leads elsewhere (G1).
fn prompt(name: &str) -> Option<&str> {
    let below = name.strip_prefix(PROMPTS)?;
    let legal = |segment: &str| {
        !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let fits = name.len() <= limit::PROMPT_NAME_BYTES && below.strip_suffix(WAV)?.split('/').all(legal);
    fits.then_some(below)
}

fn is_wav(content: &[u8]) -> bool {
    matches!(content, [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..])
}

#[cfg(test)]
mod tests;

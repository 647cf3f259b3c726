//! The hashes of RFC 7616 §3.4.

use std::fmt;

use md5::Md5;
use sha2::{Digest, Sha256};

/// A digest algorithm. `-sess` variants and SHA-512/256 are neither offered nor answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// `MD5`, for devices that know nothing better.
    Md5,
    /// `SHA-256` (RFC 8760).
    Sha256,
}

impl Algorithm {
    /// The token of the `algorithm` parameter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    pub(super) fn parse(token: &[u8]) -> Option<Self> {
        [Self::Md5, Self::Sha256].into_iter().find(|own| own.as_str().as_bytes().eq_ignore_ascii_case(token))
    }

    /// The hash of the parts joined by `:`.
    pub(super) fn hash(self, parts: &[&[u8]]) -> Hash {
        match self {
            Self::Md5 => Hash::new(&joined::<Md5>(parts)),
            Self::Sha256 => Hash::new(&joined::<Sha256>(parts)),
        }
    }
}

fn joined<D: Digest>(parts: &[&[u8]]) -> impl AsRef<[u8]> {
    let mut digest = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            digest.update(b":");
        }
        digest.update(part);
    }
    digest.finalize()
}

/// A hash of one of the algorithms.
#[derive(Clone, Copy)]
pub(super) struct Hash {
    bytes: [u8; 32],
    length: usize,
}

impl Hash {
    pub(super) fn new(hash: &impl AsRef<[u8]>) -> Self {
        let hash = hash.as_ref();
        let mut bytes = [0; 32];
        bytes[..hash.len()].copy_from_slice(hash);
        Self { bytes, length: hash.len() }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    pub(super) fn hex(&self) -> String {
        hex(self.as_bytes())
    }
}

/// `H(user:realm:secret)` in each algorithm the account may use: what is stored instead of the secret (F32).
///
/// An account without the MD5 value cannot be authenticated by MD5, whatever a device offers (B3).
#[derive(Clone, PartialEq, Eq)]
pub struct Ha1 {
    /// The MD5 value of an account that is allowed to use it.
    pub md5: Option<[u8; 16]>,
    /// The SHA-256 value.
    pub sha256: Option<[u8; 32]>,
}

impl Ha1 {
    /// Both values of an account.
    pub fn derive(user: &str, realm: &str, secret: &str) -> Self {
        let parts = [user.as_bytes(), realm.as_bytes(), secret.as_bytes()];
        let mut ha1 = Self { md5: Some([0; 16]), sha256: Some([0; 32]) };
        if let (Some(md5), Some(sha256)) = (&mut ha1.md5, &mut ha1.sha256) {
            md5.copy_from_slice(Algorithm::Md5.hash(&parts).as_bytes());
            sha256.copy_from_slice(Algorithm::Sha256.hash(&parts).as_bytes());
        }
        ha1
    }

    /// The same without the MD5 value: the account refuses MD5.
    #[must_use]
    pub fn without_md5(self) -> Self {
        Self { md5: None, ..self }
    }

    /// Reads a value from its hex digits: 32 for MD5, 64 for SHA-256.
    pub fn parse(text: &str) -> Result<Self, ParseHa1Error> {
        let bytes = unhex(text.as_bytes()).ok_or(ParseHa1Error)?;
        match bytes.len() {
            16 => Ok(Self { md5: bytes.try_into().ok(), sha256: None }),
            32 => Ok(Self { md5: None, sha256: bytes.try_into().ok() }),
            _ => Err(ParseHa1Error),
        }
    }

    /// The value of one algorithm, when the account may use it.
    pub fn value(&self, algorithm: Algorithm) -> Option<&[u8]> {
        match algorithm {
            Algorithm::Md5 => self.md5.as_ref().map(<[u8; 16]>::as_slice),
            Algorithm::Sha256 => self.sha256.as_ref().map(<[u8; 32]>::as_slice),
        }
    }

    /// The hex digits of the value of one algorithm, as [`Ha1::parse`] reads them.
    pub fn hex(&self, algorithm: Algorithm) -> Option<String> {
        self.value(algorithm).map(hex)
    }
}

/// A secret stays out of logs.
impl fmt::Debug for Ha1 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Ha1 {{ md5: {}, sha256: {} }}", self.md5.is_some(), self.sha256.is_some())
    }
}

/// Text that is no HA1 value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an HA1 value is 32 (MD5) or 64 (SHA-256) hex digits")]
pub struct ParseHa1Error;

/// `H(A2)`: `method:uri`, for `auth-int` with the hash of the body (RFC 7616 §3.4.3).
pub(super) fn ha2(algorithm: Algorithm, method: &str, uri: &[u8], body: Option<&[u8]>) -> String {
    match body {
        None => algorithm.hash(&[method.as_bytes(), uri]).hex(),
        Some(body) => {
            let body = algorithm.hash(&[body]).hex();
            algorithm.hash(&[method.as_bytes(), uri, body.as_bytes()]).hex()
        }
    }
}

/// Lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    digits.map(char::from).collect()
}

/// The bytes behind hex digits of either case.
pub(super) fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits
        .chunks_exact(2)
        .map(|pair| {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            u8::try_from(high << 4 | low).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_7616_section_3_9_1_examples() {
        let expected = [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ];
        for (algorithm, response) in expected {
            let ha1 = Ha1::derive("Mufasa", "http-auth@example.org", "Circle of Life").hex(algorithm).unwrap();
            let found = algorithm.hash(&[
                ha1.as_bytes(),
                b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                b"00000001",
                b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                b"auth",
                ha2(algorithm, "GET", b"/dir/index.html", None).as_bytes(),
            ]);
            assert_eq!(found.hex(), response);
        }
    }

    #[test]
    fn stored_values_come_back() {
        let ha1 = Ha1::derive("100", "acme.test", "secret");
        let md5 = Ha1::parse(&ha1.hex(Algorithm::Md5).unwrap()).unwrap();
        let sha256 = Ha1::parse(&ha1.hex(Algorithm::Sha256).unwrap()).unwrap();
        assert_eq!(Ha1 { md5: md5.md5, sha256: sha256.sha256 }, ha1);
        assert_eq!(ha1.clone().without_md5(), sha256);
        for bad in ["", "00", "zz", &"0".repeat(33), &"g".repeat(32), &"0".repeat(128)] {
            assert_eq!(Ha1::parse(bad), Err(ParseHa1Error), "{bad}");
        }
        assert!(!format!("{ha1:?}").contains(&ha1.hex(Algorithm::Md5).unwrap()));
    }
}

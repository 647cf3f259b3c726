//! Publishers' keys: Ed25519 (RFC 8032).

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::loader::{Digest, hex};

/// How a public key begins as text.
const PUBLIC: &str = "ed25519:";
/// How a secret key begins as text: nobody takes one for the other.
const SECRET: &str = "ed25519-secret:";
/// What is signed begins with this, so that a signature for something else is none for a package.
const CONTEXT: &[u8] = b"jackfield package 1\n";

/// Who publishes plugins: a public key. As text `ed25519:` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublisherKey([u8; 32]);

/// What a publisher signs with; forgotten by memory when dropped.
pub struct SecretKey(SigningKey);

/// A text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It looks otherwise.
    #[error("a publisher's key is `{PUBLIC}` and 64 hex digits")]
    Public,
    /// It looks otherwise.
    #[error("a secret key is `{SECRET}` and 64 hex digits, as `jackfield plugin key new` writes it")]
    Secret,
    /// The digits are no point of the curve, or one that verifies what nobody signed.
    #[error("it has the form of a key, but cannot be one")]
    Weak,
}

impl PublisherKey {
    /// The bytes of a key, unless they are none that can be trusted.
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        match VerifyingKey::from_bytes(&bytes) {
            Ok(key) if !key.is_weak() => Ok(Self(bytes)),
            Ok(_) | Err(_) => Err(KeyError::Weak),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether it signed this digest. Strict: a second signature of the same key and message cannot be made from the first.
    pub(crate) fn signed(&self, digest: &Digest, signature: &[u8; 64]) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(&self.0) else { return false };
        key.verify_strict(&message(digest), &Signature::from_bytes(signature)).is_ok()
    }

    /// As much as people can compare.
    pub fn short(&self) -> String {
        self.to_string()[..PUBLIC.len() + 12].to_owned()
    }
}

impl SecretKey {
    /// A new key from the system's randomness.
    ///
    /// # Errors
    /// The system has none.
    pub fn generate() -> Result<Self, std::io::Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(std::io::Error::other)?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// What others know it by.
    pub fn public(&self) -> PublisherKey {
        PublisherKey(self.0.verifying_key().to_bytes())
    }

    /// The text that [`SecretKey::from_str`] reads. Whoever has it is the publisher.
    pub fn to_text(&self) -> String {
        format!("{SECRET}{}", hex::Hex(self.0.as_bytes()))
    }

    pub(crate) fn sign(&self, digest: &Digest) -> [u8; 64] {
        self.0.sign(&message(digest)).to_bytes()
    }
}

fn message(digest: &Digest) -> Vec<u8> {
    [CONTEXT, &digest.0].concat()
}

impl FromStr for SecretKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let seed = text.trim().strip_prefix(SECRET).and_then(hex::read).ok_or(KeyError::Secret)?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }
}

/// Not the key itself.
impl fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SecretKey of {}", self.public())
    }
}

impl fmt::Display for PublisherKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PUBLIC}{}", hex::Hex(&self.0))
    }
}

impl fmt::Debug for PublisherKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for PublisherKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = text.trim().strip_prefix(PUBLIC).and_then(hex::read).ok_or(KeyError::Public)?;
        Self::from_bytes(bytes)
    }
}

impl Serialize for PublisherKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublisherKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032 §7.1, test 1: the key that a secret makes.
    #[test]
    fn a_secret_has_the_public_key_of_the_rfc() {
        let secret = "ed25519-secret:9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let secret: SecretKey = secret.parse().unwrap();
        let public = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(secret.public().to_string(), public);
        assert_eq!(public.parse(), Ok(secret.public()));
        assert_eq!(format!("{secret:?}"), format!("SecretKey of {public}"), "the secret stays out of logs");
        let again: SecretKey = secret.to_text().parse().unwrap();
        assert_eq!(again.public(), secret.public());
    }

    #[test]
    fn two_keys_are_two() {
        let (one, other) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
        let digest = Digest::of(b"a package");
        let signature = one.sign(&digest);
        assert!(one.public().signed(&digest, &signature) && !other.public().signed(&digest, &signature));
        assert!(!one.public().signed(&Digest::of(b"another"), &signature));
    }

    /// The neutral point verifies a signature of zeros on every message.
    #[test]
    fn what_cannot_be_trusted_is_no_key() {
        let neutral = format!("ed25519:01{}", "00".repeat(31));
        assert_eq!(neutral.parse::<PublisherKey>(), Err(KeyError::Weak));
        let no_point = format!("ed25519:02{}", "00".repeat(31));
        assert_eq!(no_point.parse::<PublisherKey>(), Err(KeyError::Weak));
        for wrong in
            ["", "ed25519:", "ed25519:d75a98", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"]
        {
            assert_eq!(wrong.parse::<PublisherKey>(), Err(KeyError::Public), "{wrong}");
        }
        // A secret key is not pinned by mistake.
        let secret = SecretKey::generate().unwrap().to_text();
        assert_eq!(secret.parse::<PublisherKey>(), Err(KeyError::Public));
    }
}

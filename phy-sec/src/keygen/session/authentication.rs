//! Who the other end is: tags under a key that both ends had before, over everything that was said.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Abort, TAG_BITS};
use crate::keygen::SecretKey;
use crate::{Error, Result};

/// The shortest key that authenticates, bytes: 128 bits, the least that NIST SP 800-131A leaves HMAC.
const SHORTEST: usize = 16;

/// How the ends of a session know each other.
#[derive(Debug)]
pub enum Authentication {
    /// By a key that both had before: an earlier session's, or one that was brought by hand.
    Shared(SharedKey),
    /// Not at all. Whoever can change messages on their way can be the other end. For evaluation of recordings, and for
    /// transports that authenticate by themselves.
    Insecure,
}

/// A key that both ends had before the session. Wiped when dropped; it neither prints nor clones.
///
/// It is not used up: the tags under it are HMAC-SHA256, so that one key serves many sessions against an adversary of
/// bounded computing power, a quantum computer included.
pub struct SharedKey {
    alice: Zeroizing<[u8; 32]>,
    bob: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedKey")
    }
}

impl SharedKey {
    /// From `bytes` that both ends hold, at least 16.
    ///
    /// # Errors
    /// [`Error::TooShort`].
    pub fn new(bytes: &[u8]) -> Result<Self> {
        if bytes.len() < SHORTEST {
            let got = bytes.len();
            return Err(Error::TooShort { what: "a shared key", need: SHORTEST, unit: "bytes", got });
        }
        // Each end says its tags under a key of its own, so that none can be sent back to where it came from.
        let kdf = Hkdf::<Sha256>::new(None, bytes);
        let of = |label: &[u8]| {
            let mut key = Zeroizing::new([0; 32]);
            // 32 bytes are far below the 8,160 that HKDF gives.
            kdf.expand(label, &mut *key).ok();
            key
        };
        Ok(Self { alice: of(b"phy-sec session, Alice"), bob: of(b"phy-sec session, Bob") })
    }

    /// From the key of an earlier session, which is used up by that.
    ///
    /// # Errors
    /// [`Error::TooShort`] for a key of fewer than 128 bits.
    pub fn from_key(key: SecretKey) -> Result<Self> {
        if key.bits() < 8 * SHORTEST {
            let got = key.bits();
            return Err(Error::TooShort { what: "a shared key", need: 8 * SHORTEST, unit: "bits", got });
        }
        Self::new(key.expose())
    }
}

/// What an end shows at the end of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// That it holds the reconciled bits: HMAC-SHA256 under them, cut to 64 bits, over all messages so far.
    pub(super) tag: [u8; TAG_BITS / 8],
    /// That it is the one who holds the shared key: HMAC-SHA256 under the sender's part of it, over the same and the tag.
    pub(super) sender: Option<[u8; 32]>,
}

/// Whose proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Alice,
    Bob,
}

impl Authentication {
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// `bits`: the reconciled ones; `said`: what the proof covers.
    pub(super) fn prove(&self, sender: Sender, bits: &[u8], said: &[&[u8]]) -> Proof {
        let mut tag = [0; TAG_BITS / 8];
        tag.copy_from_slice(&hmac(bits, said)[..TAG_BITS / 8]);
        let sender = match self {
            Self::Insecure => None,
            Self::Shared(key) => {
                let key = match sender {
                    Sender::Alice => &key.alice,
                    Sender::Bob => &key.bob,
                };
                Some(hmac(&**key, &[said, &[&tag]].concat()))
            }
        };
        Proof { tag, sender }
    }

    /// `expected`: as [`Self::prove`] makes it at this end.
    pub(super) fn check(expected: &Proof, got: &Proof) -> std::result::Result<(), Abort> {
        let known = match (&expected.sender, &got.sender) {
            (None, None) => true,
            (Some(expected), Some(got)) => bool::from(expected.ct_eq(got)),
            _ => false,
        };
        // Without the bits the sender's tag cannot be right either: different bits are said to be that.
        match (bool::from(expected.tag.ct_eq(&got.tag)), known) {
            (false, _) => Err(Abort::Verification),
            (true, false) => Err(Abort::Authentication),
            (true, true) => Ok(()),
        }
    }
}

fn hmac(key: &[u8], said: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of any length; were it otherwise, a tag of zeros would release nothing to a forger
    // who does not also make the other end fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for part in said {
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_its_own_tags() {
        let key = || Authentication::Shared(SharedKey::new(&[7; 16]).unwrap());
        let other = Authentication::Shared(SharedKey::new(&[8; 16]).unwrap());
        let proof = key().prove(Sender::Alice, b"bits", &[b"said"]);
        let check = |expected: &Proof| Authentication::check(expected, &proof);
        assert_eq!(check(&key().prove(Sender::Alice, b"bits", &[b"said"])), Ok(()));
        assert_eq!(check(&key().prove(Sender::Bob, b"bits", &[b"said"])), Err(Abort::Authentication));
        assert_eq!(check(&other.prove(Sender::Alice, b"bits", &[b"said"])), Err(Abort::Authentication));
        let insecure = Authentication::Insecure.prove(Sender::Alice, b"bits", &[b"said"]);
        assert_eq!(check(&insecure), Err(Abort::Authentication));
        assert_eq!(check(&key().prove(Sender::Alice, b"bats", &[b"said"])), Err(Abort::Verification));
        // The parts cannot be shifted into one another.
        assert_eq!(check(&key().prove(Sender::Alice, b"bits", &[b"sai", b"d"])), Err(Abort::Verification));
    }

    #[test]
    fn short_keys_are_refused() {
        let err = SharedKey::new(&[0; 15]).unwrap_err();
        assert_eq!(err.to_string(), "a shared key needs at least 16 bytes, got 15");
        let err = SharedKey::from_key(SecretKey::new(vec![0; 16], 127)).unwrap_err();
        assert_eq!(err.to_string(), "a shared key needs at least 128 bits, got 127");
        assert_eq!(
            format!("{:?}", Authentication::Shared(SharedKey::new(&[0; 16]).unwrap())),
            "Shared(SharedKey)"
        );
    }
}

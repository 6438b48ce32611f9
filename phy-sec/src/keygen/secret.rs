//! Key material. It wipes itself, and neither prints, clones nor compares with `==`.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::bits::Bits;

/// Bits out of a quantizer, or any other string of which another party has a noisy copy (sifted QKD keys, say).
///
/// ```compile_fail
/// let bits = phy_sec::keygen::RawBits::new(Default::default());
/// let copy = bits.clone(); // secrets have one owner
/// ```
pub struct RawBits {
    pub(super) bits: Bits,
}

impl RawBits {
    /// Takes `bits` over.
    #[must_use]
    pub fn new(bits: Bits) -> Self {
        Self { bits }
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bits.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }
}

/// Bits after reconciliation: the same at both ends, unless the verification that follows finds otherwise.
pub struct ReconciledBits {
    pub(super) bits: Bits,
    pub(super) leaked: usize,
    pub(super) uncorrected: usize,
}

impl ReconciledBits {
    /// How many bits.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bits.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }

    /// How many bits reconciliation said about them in public.
    #[must_use]
    pub fn leaked(&self) -> usize {
        self.leaked
    }

    /// Frames that this end knows to be wrong still. Those that it does not know of, verification finds.
    #[must_use]
    pub fn uncorrected(&self) -> usize {
        self.uncorrected
    }

    /// The bits themselves, for whoever reconciles strings of their own (sifted QKD keys) and hashes them elsewhere.
    #[must_use]
    pub fn expose(&self) -> &Bits {
        &self.bits
    }

    /// In how many places the two ends' bits differ, for whoever holds both (tests and evaluation).
    ///
    /// # Errors
    /// [`crate::Error::Shape`] if the lengths differ.
    pub fn errors(&self, other: &Self) -> crate::Result<usize> {
        let mut difference = self.bits.xor(&other.bits)?;
        let errors = difference.count_ones();
        difference.zeroize();
        Ok(errors)
    }
}

/// A released key.
///
/// ```compile_fail
/// fn same(a: &phy_sec::keygen::SecretKey, b: &phy_sec::keygen::SecretKey) -> bool {
///     a == b // would leak through its timing: use `matches`
/// }
/// ```
pub struct SecretKey {
    bytes: Zeroizing<Box<[u8]>>,
    bits: usize,
}

impl SecretKey {
    pub(super) fn new(bytes: Vec<u8>, bits: usize) -> Self {
        Self { bytes: Zeroizing::new(bytes.into_boxed_slice()), bits }
    }

    /// How many bits.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// The key itself, least significant bit of each byte first; zeros fill the last byte.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// `length` bytes for the application, by HKDF-SHA256 with this key as input and `purpose` as info (RFC 5869): as many
    /// keys as there are purposes, none of which tells anything of another. They are computationally secure, and hold no more
    /// entropy than this key does.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] for a length outside 1..=8160.
    pub fn derive(&self, purpose: &[u8], length: usize) -> crate::Result<Zeroizing<Box<[u8]>>> {
        self.derive_by(super::Kdf::HkdfSha256, purpose, length)
    }

    /// Whether both keys are the same, in a time that depends on their lengths only.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.bits == other.bits && bool::from(self.bytes.ct_eq(&other.bytes))
    }
}

/// The length alone.
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({} bits)", self.bits)
    }
}

/// The length alone.
impl fmt::Debug for RawBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawBits({} bits)", self.bits.len())
    }
}

/// The lengths alone.
impl fmt::Debug for ReconciledBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReconciledBits({} bits, {} leaked)", self.bits.len(), self.leaked)
    }
}

impl Drop for RawBits {
    fn drop(&mut self) {
        self.bits.zeroize();
    }
}

impl Drop for ReconciledBits {
    fn drop(&mut self) {
        self.bits.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_says_the_length_alone() {
        let key = SecretKey::new(vec![0xAB, 0xCD], 16);
        assert_eq!(format!("{key:?}"), "SecretKey(16 bits)");
        assert_eq!(format!("{:?}", RawBits::new(Bits::zeros(7))), "RawBits(7 bits)");
        assert!(key.matches(&SecretKey::new(vec![0xAB, 0xCD], 16)));
        assert!(!key.matches(&SecretKey::new(vec![0xAB, 0xCC], 16)));
        assert!(!key.matches(&SecretKey::new(vec![0xAB, 0xCD], 15)));
    }

    /// RFC 5869, test case 3: no salt, no info.
    #[test]
    fn derived_keys_are_those_of_the_rfc() {
        let key = SecretKey::new(vec![0x0b; 22], 176);
        let hex: String = key.derive(b"", 42).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        let want = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";
        assert_eq!(hex, want);
        assert_ne!(key.derive(b"a", 16).unwrap(), key.derive(b"b", 16).unwrap());
        assert_eq!(
            key.derive(b"", 0).unwrap_err().to_string(),
            "length must be within 1..=8160 bytes, got 0"
        );
        assert!(key.derive(b"", 8161).is_err() && key.derive(b"", 8160).is_ok());
    }
}

//! The last step: from a released key to the application's keys.
//!
//! No crate of the RustCrypto project has KMAC (November 2026); its cSHAKE does all of the work, and what SP 800-185, section 4 puts
//! around it is a dozen lines, held to NIST's own samples.

use cshake::digest::{ExtendableOutput, Update, XofReader};
use cshake::{CShake128, CShake256};
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::SecretKey;
use crate::{Error, Result};

/// How application keys are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kdf {
    /// HKDF-SHA256 without salt, the purpose as info (RFC 5869): at most 8,160 bytes.
    #[default]
    HkdfSha256,
    /// KMAC128 under the key, of the purpose, customised by `KDF` (NIST SP 800-56C Rev. 2, section 4.1, option 3, with SP
    /// 800-108r1, section 4.4): at most 65,536 bytes, no stronger than 128 bits.
    Kmac128,
    /// The same with KMAC256: no stronger than 256 bits.
    Kmac256,
}

impl Kdf {
    /// The name of every method, as configuration spells it.
    pub const ALL: &'static [&'static str] = &["hkdf_sha256", "kmac128", "kmac256"];

    /// As [`SecretKey::derive_by`], of a key that is at hand as bytes: one that was read back from a file.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a length that the method does not give, [`Error::TooShort`] for an empty key.
    pub fn derive(self, key: &[u8], purpose: &[u8], length: usize) -> Result<Zeroizing<Box<[u8]>>> {
        let (longest, rule) = self.longest();
        let refused = || Error::OutOfRange { field: "length", rule, got: length.to_string() };
        if key.is_empty() {
            return Err(Error::TooShort { what: "a derived key", need: 1, unit: "bytes of key", got: 0 });
        }
        if !(1..=longest).contains(&length) {
            return Err(refused());
        }
        let mut derived = Zeroizing::new(vec![0; length].into_boxed_slice());
        match self {
            Self::HkdfSha256 => {
                Hkdf::<Sha256>::new(None, key).expand(purpose, &mut derived).map_err(|_| refused())?;
            }
            Self::Kmac128 => kmac(CShake128::new_with_function_name, key, purpose, b"KDF", &mut derived),
            Self::Kmac256 => kmac(CShake256::new_with_function_name, key, purpose, b"KDF", &mut derived),
        }
        Ok(derived)
    }

    fn longest(self) -> (usize, &'static str) {
        match self {
            Self::HkdfSha256 => (255 * 32, "within 1..=8160 bytes"),
            Self::Kmac128 | Self::Kmac256 => (1 << 16, "within 1..=65536 bytes"),
        }
    }
}

impl SecretKey {
    /// `length` bytes for the application: as many keys as there are purposes, none of which tells anything of another.
    /// They are computationally secure, and hold no more entropy than this key does. KMAC's output depends on its length as
    /// well: a shorter key is not the beginning of a longer one.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a length that the method does not give.
    pub fn derive_by(&self, kdf: Kdf, purpose: &[u8], length: usize) -> Result<Zeroizing<Box<[u8]>>> {
        kdf.derive(self.expose(), purpose, length)
    }
}

/// KMAC of `data` under `key`, as long as `output` (SP 800-185, section 4.3). `new` takes the function's name and the customization.
fn kmac<const RATE: usize>(
    new: impl Fn(&[u8], &[u8]) -> cshake::CShake<RATE>,
    key: &[u8],
    data: &[u8],
    customization: &[u8],
    output: &mut [u8],
) {
    let mut xof = new(b"KMAC", customization);
    // bytepad(encode_string(key), rate)
    let rate = encode(RATE as u64, false);
    let length = encode(8 * key.len() as u64, false);
    xof.update(&rate);
    xof.update(&length);
    xof.update(key);
    let used = (rate.len() + length.len() + key.len()) % RATE;
    if used > 0 {
        xof.update(&[0; 168][..(RATE - used).min(168)]);
    }
    xof.update(data);
    xof.update(&encode(8 * output.len() as u64, true));
    xof.finalize_xof().read(output);
}

/// `left_encode`, or `right_encode`: the bytes of a number, and before or behind them how many (SP 800-185, section 2.3.1).
fn encode(number: u64, right: bool) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let skip = bytes.iter().take(7).take_while(|byte| **byte == 0).count();
    let count = [(8 - skip) as u8];
    if right { [&bytes[skip..], &count].concat() } else { [&count, &bytes[skip..]].concat() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02X}")).collect()
    }

    /// NIST, Cryptographic Standards and Guidelines, example values: KMAC_samples, samples 1 to 6.
    #[test]
    fn kmac_is_that_of_the_samples() {
        let key: Vec<u8> = (0x40..0x60).collect();
        let (short, long): (Vec<u8>, Vec<u8>) = ((0..4).collect(), (0..200).collect());
        let tagged = b"My Tagged Application";
        let mut output = [0; 32];
        for (data, customization, want) in [
            (&short, &b""[..], "E5780B0D3EA6F7D3A429C5706AA43A00FADBD7D49628839E3187243F456EE14E"),
            (&short, tagged, "3B1FBA963CD8B0B59E8C1A6D71888B7143651AF8BA0A7070C0979E2811324AA5"),
            (&long, tagged, "1F5B4E6CCA02209E0DCB5CA635B89A15E271ECC760071DFD805FAA38F9729230"),
        ] {
            kmac(CShake128::new_with_function_name, &key, data, customization, &mut output);
            assert_eq!(hex(&output), want);
        }
        let mut output = [0; 64];
        for (data, customization, want) in [
            (
                &short,
                &tagged[..],
                "20C570C31346F703C9AC36C61C03CB64C3970D0CFC787E9B79599D273A68D2F7F69D4CC3DE9D104A351689F27CF6F5951F0103F33F4F24871024D9C27773A8DD",
            ),
            (
                &long,
                b"",
                "75358CF39E41494E949707927CEE0AF20A3FF553904C86B08F21CC414BCFD691589D27CF5E15369CBBFF8B9A4C2EB17800855D0235FF635DA82533EC6B759B69",
            ),
            (
                &long,
                tagged,
                "B58618F71F92E1D56C1B8C55DDD7CD188B97B4CA4D99831EB2699A837DA2E4D970FBACFDE50033AEA585F1A2708510C32D07880801BD182898FE476876FC8965",
            ),
        ] {
            kmac(CShake256::new_with_function_name, &key, data, customization, &mut output);
            assert_eq!(hex(&output), want);
        }
    }

    /// SP 800-185, section 2.3.1: left_encode(0) is 01 00, right_encode(0) is 00 01.
    #[test]
    fn numbers_are_encoded_as_the_standard_says() {
        assert_eq!((encode(0, false), encode(0, true)), (vec![1, 0], vec![0, 1]));
        assert_eq!((encode(256, false), encode(65_535, true)), (vec![2, 1, 0], vec![255, 255, 2]));
    }

    #[test]
    fn every_method_keeps_purposes_and_methods_apart() {
        let key = SecretKey::new(vec![7; 32], 256);
        let mut seen = std::collections::HashSet::new();
        for (name, kdf) in Kdf::ALL.iter().zip([Kdf::HkdfSha256, Kdf::Kmac128, Kdf::Kmac256]) {
            assert_eq!(serde_json::to_string(&kdf).unwrap(), format!("\"{name}\""));
            for (purpose, length) in [(&b"a"[..], 32), (b"b", 32), (b"a", 33)] {
                let derived = key.derive_by(kdf, purpose, length).unwrap();
                assert_eq!(derived.len(), length);
                let again = key.derive_by(kdf, purpose, length).unwrap();
                assert_eq!(derived, again);
                seen.insert(derived.to_vec());
            }
            let longest = kdf.longest().0;
            assert!(key.derive_by(kdf, b"", longest).is_ok());
            assert!(key.derive_by(kdf, b"", 0).is_err() && key.derive_by(kdf, b"", longest + 1).is_err());
        }
        assert_eq!(seen.len(), 9);
        assert_eq!(key.derive(b"a", 32).unwrap(), key.derive_by(Kdf::HkdfSha256, b"a", 32).unwrap());
    }
}

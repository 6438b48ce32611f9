//! Privacy amplification: reconciled bits in, a shorter key out of which nobody knows anything, by a hash whose
//! seed is public (leftover hash lemma: Impagliazzo, Levin, Luby, STOC '89; with side information: Dodis et al. 2008).
//!
//! Both families of [`enum@Hash`] are universal: two different inputs meet with probability `2^-m` over the seeds, which is all that the
//! lemma asks for. So `m <= H_min - leaked - 2 log2(1/epsilon)` bits are within `epsilon` of uniform ([`length`]), at any length of
//! the input: there is no asymptotic term to be left out.

use kernels::{Backend, toeplitz};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{Ledger, ReconciledBits, SecretKey, Security, within};
use crate::bits::Bits;
use crate::{Error, Result};

/// A family of universal hashes from `n` to `m` bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hash {
    /// `y = T k` with a Toeplitz matrix of `n + m - 1` random bits (Krawczyk, CRYPTO '94).
    #[default]
    Toeplitz,
    /// `y = k1 + T k2` with the first `m` bits as they are and a Toeplitz matrix over the rest: `n - 1` random bits, and less
    /// work the more is released (Hayashi and Tsurumaru, IEEE Trans. Inf. Theory 62(4), 2016).
    ModifiedToeplitz,
}

impl Hash {
    /// The hash of `bits` to `m` bits that `seed` selects; ChaCha20 stretches it to the random bits of the matrix.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `1 <= m <= bits.len()`, or for more bits than the kernel takes (2^32).
    pub fn apply(self, bits: &Bits, m: usize, seed: [u8; 32], backend: &Backend) -> Result<Bits> {
        let n = bits.len();
        if !(1..=n).contains(&m) {
            return Err(Error::OutOfRange {
                field: "key length",
                rule: "at least 1 and at most the reconciled bits",
                got: format!("{m} of {n}"),
            });
        }
        let mut out = match self {
            Self::Toeplitz => product(bits.words(), n, m, seed, backend)?,
            Self::ModifiedToeplitz if n == m => bits.words().to_vec(),
            Self::ModifiedToeplitz => {
                let rest = Zeroizing::new(from(bits.words(), n, m));
                let mut out = product(&rest, n - m, m, seed, backend)?;
                for (out, first) in out.iter_mut().zip(bits.words()) {
                    *out ^= first;
                }
                out
            }
        };
        if let (Some(last), used @ 1..) = (out.last_mut(), m % 64) {
            *last &= (1 << used) - 1;
        }
        Bits::from_words(out, m)
    }
}

/// `T k` for the matrix of `m` rows that `seed` selects.
fn product(key: &[u64], n: usize, m: usize, seed: [u8; 32], backend: &Backend) -> Result<Vec<u64>> {
    let refused = |err: kernels::Error| Error::OutOfRange {
        field: "key length",
        rule: "what the kernel can hash",
        got: err.to_string(),
    };
    let mut rng = ChaCha20Rng::from_seed(seed);
    let words: Vec<u64> = (0..toeplitz::words(n + m - 1)).map(|_| rng.next_u64()).collect();
    let hash = toeplitz::Toeplitz::new(&words, n, m, backend.clone()).map_err(refused)?;
    let mut out = vec![0; toeplitz::words(m)];
    hash.hash(key, &mut out).map_err(refused)?;
    Ok(out)
}

/// Bits `start..n` of `words`.
fn from(words: &[u64], n: usize, start: usize) -> Vec<u64> {
    let (skip, shift) = (start / 64, start % 64);
    (0..toeplitz::words(n - start))
        .map(|k| {
            // Two shifts: a shift by 64 is not defined.
            let high = words.get(skip + k + 1).map_or(0, |word| word << 1 << (63 - shift));
            words[skip + k] >> shift | high
        })
        .collect()
}

/// How many bits of key `min_entropy` bits leave, of which `leaked` were said in public: the leftover hash lemma's, within
/// `epsilon` of uniform; 0 where nothing is left, and for arguments that are no numbers.
#[must_use]
pub fn length(min_entropy: f64, leaked: usize, epsilon: f64) -> usize {
    let left = min_entropy - leaked as f64 + 2.0 * epsilon.log2();
    // The conversion takes NaN and what is below 0 to 0.
    left.floor() as usize
}

/// A key of bits that another device or proof vouches for (sifted and reconciled QKD bits, say): as long as the leftover hash lemma
/// allows, `None` if that is nothing.
///
/// - `min_entropy`: of all the bits together against whoever listened to the channel, before anything was said of them; 0 to their number
/// - `leaked`: bits that were said of them
/// - `epsilon`: distance from a uniform key, 2^-256 to 0.5
/// - `seed`: public, uniform, drawn after the bits were fixed
///
/// # Errors
/// [`Error::OutOfRange`] for a `min_entropy` or an `epsilon` out of range.
pub fn vouched(
    bits: &Bits,
    min_entropy: f64,
    leaked: usize,
    Security { epsilon, hash }: Security,
    seed: [u8; 32],
    backend: &Backend,
) -> Result<Option<SecretKey>> {
    within("min_entropy", min_entropy, 0.0, bits.len() as f64, "within 0 and the number of bits")?;
    within("security.epsilon", epsilon, 2f64.powi(-256), 0.5, "within 2^-256..=0.5")?;
    let m = length(min_entropy, leaked, epsilon);
    if m == 0 {
        return Ok(None);
    }
    let mut key = hash.apply(bits, m, seed, backend)?;
    let bytes = key.to_bytes();
    key.zeroize();
    Ok(Some(SecretKey::new(bytes, m)))
}

/// As many bits as `ledger` releases, `None` if that is none.
///
/// - `seed`: public, uniform, independent of the bits
///
/// # Errors
/// Those of [`Hash::apply`]: a ledger that releases more bits than `reconciled` has.
pub fn amplify(
    reconciled: ReconciledBits,
    ledger: &Ledger,
    hash: Hash,
    seed: [u8; 32],
    backend: &Backend,
) -> Result<Option<SecretKey>> {
    let m = ledger.released_bits();
    if m == 0 {
        return Ok(None);
    }
    let mut key = hash.apply(&reconciled.bits, m, seed, backend)?;
    let bytes = key.to_bytes();
    key.zeroize();
    Ok(Some(SecretKey::new(bytes, m)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::Bits;
    use crate::keygen::entropy::Estimate;
    use crate::keygen::ledger::{Disclosed, Worth};

    /// A ledger that releases exactly `bits`.
    fn releasing(bits: usize) -> Ledger {
        let estimates =
            vec![Estimate { name: "test", point: 1.0, bound: 1.0, conditional: false, counts: true }];
        let worth = Worth { raw_bits: bits + 2, estimates, rho: 0.0, guess: 0.5 };
        Ledger::settle(worth, Disclosed::default(), 0.5)
    }

    /// 1,000 bits of 0.8 each, of which 300 were said, at 2^-20: 800 - 300 - 40. The two ends' keys are the same, and one bit changes half.
    #[test]
    fn vouched_bits_give_what_the_lemma_leaves() {
        let bits: Bits = (0..1000).map(|i| i * i % 7 < 3).collect();
        let security = Security { epsilon: 2f64.powi(-20), hash: Hash::ModifiedToeplitz };
        let key = |bits: &Bits, min_entropy, leaked| {
            vouched(bits, min_entropy, leaked, security, [7; 32], &Backend::default())
        };
        let first = key(&bits, 800.0, 300).unwrap().unwrap();
        assert_eq!(first.bits(), 460);
        assert!(first.matches(&key(&bits, 800.0, 300).unwrap().unwrap()));
        let mut other = bits.clone();
        other.flip(999);
        assert!(!first.matches(&key(&other, 800.0, 300).unwrap().unwrap()));
        assert!(key(&bits, 340.0, 300).unwrap().is_none());
        assert!(key(&bits, 1000.5, 0).is_err() && key(&bits, f64::NAN, 0).is_err());
    }

    /// Over the seeds, every bit of the key is fair and every pair of bits independent, whatever the input.
    #[test]
    fn output_is_uniform_over_the_seeds() {
        uniform(Hash::Toeplitz, 3); // the least promising of all inputs
        uniform(Hash::ModifiedToeplitz, 130);
    }

    fn uniform(hash: Hash, set: usize) {
        let mut input = Bits::zeros(200);
        input.flip(set);
        let (runs, m) = (4000, 24);
        let (mut ones, mut pairs) = (vec![0u32; m], vec![0u32; m - 1]);
        for run in 0..runs {
            let seed = std::array::from_fn(|k| (run >> (k % 4 * 8)) as u8 ^ k as u8);
            let reconciled = ReconciledBits { bits: input.clone(), leaked: 0, uncorrected: 0 };
            let key = amplify(reconciled, &releasing(m), hash, seed, &Backend::default()).unwrap().unwrap();
            let bit = |k: usize| u32::from(key.expose()[k / 8] >> (k % 8) & 1);
            (0..m).for_each(|k| ones[k] += bit(k));
            (1..m).for_each(|k| pairs[k - 1] += bit(k) ^ bit(k - 1));
        }
        let sigma = (f64::from(runs) / 4.0).sqrt();
        for count in ones.iter().chain(&pairs) {
            assert!((f64::from(*count) - f64::from(runs) / 2.0).abs() < 4.5 * sigma, "{ones:?} {pairs:?}");
        }
    }

    #[test]
    fn the_ledger_decides_the_length() {
        let bits = || ReconciledBits { bits: Bits::zeros(100), leaked: 0, uncorrected: 0 };
        assert!(amplify(bits(), &releasing(0), Hash::Toeplitz, [0; 32], &Backend::Scalar).unwrap().is_none());
        let key =
            amplify(bits(), &releasing(100), Hash::Toeplitz, [0; 32], &Backend::Scalar).unwrap().unwrap();
        assert_eq!((key.bits(), key.expose().len()), (100, 13));
        assert!(amplify(bits(), &releasing(101), Hash::Toeplitz, [0; 32], &Backend::Scalar).is_err());
    }

    /// Both against a matrix written out, its seed drawn as the library draws it.
    #[test]
    fn hashes_are_the_matrices_that_they_say() {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        for (n, m) in
            [(1, 1), (2, 1), (7, 7), (64, 63), (65, 64), (130, 1), (130, 129), (300, 128), (300, 200)]
        {
            let bits: Bits = (0..n).map(|_| rng.next_u32() & 1 == 1).collect();
            let seed: [u8; 32] = std::array::from_fn(|k| (n + 3 * m + k) as u8);
            let drawn = |count: usize| {
                let mut rng = ChaCha20Rng::from_seed(seed);
                let words: Vec<u64> = (0..toeplitz::words(count)).map(|_| rng.next_u64()).collect();
                move |at: usize| words[at / 64] >> (at % 64) & 1 == 1
            };
            let times = |key: &[bool], row: usize, t: &dyn Fn(usize) -> bool| {
                key.iter().enumerate().fold(false, |sum, (j, &k)| sum ^ (k & t(row + key.len() - 1 - j)))
            };
            let key: Vec<bool> = bits.iter().collect();
            let whole = drawn(n + m - 1);
            let want: Bits = (0..m).map(|row| times(&key, row, &whole)).collect();
            let got = Hash::Toeplitz.apply(&bits, m, seed, &Backend::default()).unwrap();
            assert!(got.matches(&want), "{n} to {m}");
            let rest = drawn(n - 1);
            let want: Bits = (0..m).map(|row| key[row] ^ (n > m && times(&key[m..], row, &rest))).collect();
            let got = Hash::ModifiedToeplitz.apply(&bits, m, seed, &Backend::default()).unwrap();
            assert!(got.matches(&want), "modified, {n} to {m}");
        }
        for hash in [Hash::Toeplitz, Hash::ModifiedToeplitz] {
            let err = hash.apply(&Bits::zeros(9), 10, [0; 32], &Backend::Scalar).unwrap_err();
            assert_eq!(
                err.to_string(),
                "key length must be at least 1 and at most the reconciled bits, got 10 of 9"
            );
            assert!(hash.apply(&Bits::zeros(9), 0, [0; 32], &Backend::Scalar).is_err());
        }
    }

    /// Worked by hand.
    #[test]
    fn the_leftover_hash_length() {
        assert_eq!(length(1000.5, 300, 2f64.powi(-40)), 620);
        assert_eq!(length(379.9, 300, 2f64.powi(-40)), 0);
        assert_eq!(length(f64::NAN, 0, 0.5), 0);
        assert_eq!(length(1000.0, 0, 0.0), 0);
    }
}

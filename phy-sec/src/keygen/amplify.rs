//! Privacy amplification: reconciled bits in, a shorter key out of which nobody knows anything, by a Toeplitz hash whose
//! seed is public (leftover hash lemma: Impagliazzo, Levin, Luby, STOC '89; with side information: Dodis et al. 2008).

use kernels::{Backend, toeplitz};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use zeroize::Zeroize;

use super::{Ledger, ReconciledBits, SecretKey};
use crate::{Error, Result};

/// As many bits as `ledger` releases, `None` if that is none.
///
/// - `seed`: public, uniform, independent of the bits; ChaCha20 stretches it to the `n + m - 1` bits of the hash
///
/// # Errors
/// [`Error::OutOfRange`] if the ledger releases more bits than `reconciled` has, or more than the kernel can hash.
pub fn amplify(
    reconciled: ReconciledBits,
    ledger: &Ledger,
    seed: [u8; 32],
    backend: &Backend,
) -> Result<Option<SecretKey>> {
    let (n, m) = (reconciled.len(), ledger.released_bits());
    if m == 0 {
        return Ok(None);
    }
    let unfit =
        |got: String| Error::OutOfRange { field: "key length", rule: "at most the reconciled bits", got };
    if m > n {
        return Err(unfit(format!("{m} of {n}")));
    }
    let mut rng = ChaCha20Rng::from_seed(seed);
    let words: Vec<u64> = (0..toeplitz::words(n + m - 1)).map(|_| rng.next_u64()).collect();
    let hash =
        toeplitz::Toeplitz::new(&words, n, m, backend.clone()).map_err(|err| unfit(err.to_string()))?;
    let mut out = vec![0; toeplitz::words(m)];
    hash.hash(reconciled.bits.words(), &mut out).map_err(|err| unfit(err.to_string()))?;
    // Of the final length from the start: a vector that shrinks or grows may leave a copy behind.
    let mut bytes = vec![0; m.div_ceil(8)];
    for (bytes, word) in bytes.chunks_mut(8).zip(&out) {
        bytes.copy_from_slice(&word.to_le_bytes()[..bytes.len()]);
    }
    out.zeroize();
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

    /// Over the seeds, every bit of the key is fair and every pair of bits independent, whatever the input.
    #[test]
    fn output_is_uniform_over_the_seeds() {
        let mut input = Bits::zeros(200);
        input.flip(3); // the least promising of all inputs
        let (runs, m) = (4000, 24);
        let (mut ones, mut pairs) = (vec![0u32; m], vec![0u32; m - 1]);
        for run in 0..runs {
            let seed = std::array::from_fn(|k| (run >> (k % 4 * 8)) as u8 ^ k as u8);
            let reconciled = ReconciledBits { bits: input.clone(), leaked: 0 };
            let key = amplify(reconciled, &releasing(m), seed, &Backend::default()).unwrap().unwrap();
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
        let bits = || ReconciledBits { bits: Bits::zeros(100), leaked: 0 };
        assert!(amplify(bits(), &releasing(0), [0; 32], &Backend::Scalar).unwrap().is_none());
        let key = amplify(bits(), &releasing(100), [0; 32], &Backend::Scalar).unwrap().unwrap();
        assert_eq!((key.bits(), key.expose().len()), (100, 13));
        assert!(amplify(bits(), &releasing(101), [0; 32], &Backend::Scalar).is_err());
    }
}

//! Toeplitz hashing over GF(2), `y[i] = ⊕_j t[i + n-1-j] k[j]`: the universal hash of privacy
//! amplification (Carter and Wegman 1979; Krawczyk, CRYPTO '94). Read [`scalar`] first: it is the definition.
//!
//! `n` key bits become `m` hash bits by way of a public seed `t` of `n + m - 1` bits. All bits are packed
//! in `u64` words, least significant first. The hash is a stretch of the product of two polynomials, the
//! seed's and the key's: bits `n-1` up to `n+m-1`. The fast version therefore multiplies polynomials: word
//! by word with carry-less multiplication for small blocks (`toeplitz/clmul.rs`), three half-size products in place
//! of four above that (`toeplitz/split.rs`), an additive FFT for the longest (`toeplitz/additive.rs`).
//!
//! Time and memory accesses depend on the lengths alone, never on the key.

#[cfg(target_arch = "x86_64")]
mod additive;
mod clmul;
mod split;

use zeroize::Zeroizing;

use crate::{
    Backend, Level,
    error::{Error, Result},
    gpu::DeviceToeplitz,
};

/// The longest key and hash, in bits: 2^32 each, so that no length computation overflows.
pub const MAX_BITS: usize = 1 << 32;

/// Words that hold `bits` bits.
pub const fn words(bits: usize) -> usize {
    bits.div_ceil(64)
}

/// The definition: for every key bit that is set, the seed's window of `n_out` bits from `n_in-1-j` on is added.
///
/// `seed`: `n_in + n_out - 1` bits, `key`: `n_in` bits, `out`: `n_out` bits; what lies above them in the
/// last word is ignored in `seed` and `key`, and zero in `out`.
///
/// # Panics
/// If a slice is not [`words`] of its bits long, or a length is zero.
pub fn scalar(seed: &[u64], n_in: usize, n_out: usize, key: &[u64], out: &mut [u64]) {
    assert_eq!(seed.len(), words(n_in + n_out - 1));
    assert_eq!((key.len(), out.len()), (words(n_in), words(n_out)));
    out.fill(0);
    for j in 0..n_in {
        // All ones or all zeros instead of a branch: the time does not tell the key.
        let mask = (key[j / 64] >> (j % 64) & 1).wrapping_neg();
        let start = n_in - 1 - j;
        let (skip, shift) = (start / 64, start % 64);
        for (w, out) in out.iter_mut().enumerate() {
            let low = seed[skip + w] >> shift;
            // Two shifts: a shift by 64 is not defined. Past the end there are no bits that matter.
            let high = seed.get(skip + w + 1).map_or(0, |next| next << 1 << (63 - shift));
            *out ^= (low | high) & mask;
        }
    }
    mask_last(out, n_out);
}

/// Clears what lies above `bits` in the last word.
fn mask_last(words: &mut [u64], bits: usize) {
    if let (Some(last), used @ 1..) = (words.last_mut(), bits % 64) {
        *last &= (1 << used) - 1;
    }
}

/// Lengths within range, and a seed of the words that they take.
pub(crate) fn check(seed: &[u64], n_in: usize, n_out: usize) -> Result<()> {
    for (field, bits) in [("n_in", n_in), ("n_out", n_out)] {
        if !(1..=MAX_BITS).contains(&bits) {
            return Err(Error::out_of_range(field, "within 1..=4294967296 bits", bits));
        }
    }
    Error::check_length("seed", words(n_in + n_out - 1), "words", seed.len())
}

/// Bit `n_in-1` of the seed at bit `64 words(n_in)`.
fn align(seed: &[u64], n_in: usize, n_out: usize) -> Vec<u64> {
    let mut aligned = vec![0; words(n_in) + words(n_out)];
    let shift = 64 * words(n_in) - (n_in - 1); // 1..=64
    let (skip, shift) = (shift / 64, shift % 64);
    for (w, word) in aligned.iter_mut().enumerate().skip(skip) {
        let low = seed.get(w - skip).map_or(0, |word| word << shift);
        let high =
            if w > skip { seed.get(w - skip - 1).map_or(0, |word| word >> 1 >> (63 - shift)) } else { 0 };
        *word = low | high;
    }
    aligned
}

/// A hash function: a seed, ready to hash any number of keys.
pub struct Toeplitz {
    n_in: usize,
    n_out: usize,
    backend: Backend,
    /// As handed over, unused bits cleared.
    seed: Vec<u64>,
    engine: Engine,
}

enum Engine {
    Scalar,
    /// The seed, shifted so that the hash begins at a word of the product: bit `n_in-1` at bit `64 words(n_in)`.
    Split(Vec<u64>),
    /// Long: its transform.
    #[cfg(target_arch = "x86_64")]
    Transform(Box<additive::Product>),
    Device(DeviceToeplitz),
}

impl Toeplitz {
    /// The hash from `n_in` to `n_out` bits that `seed` selects; `seed` holds `n_in + n_out - 1` bits.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless both lengths are within 1..=2^32, [`Error::Length`] unless `seed` holds
    /// exactly the words that its bits take; on a GPU what devices do.
    pub fn new(seed: &[u64], n_in: usize, n_out: usize, backend: Backend) -> Result<Self> {
        check(seed, n_in, n_out)?;
        let mut seed = seed.to_vec();
        mask_last(&mut seed, n_in + n_out - 1);
        let engine = match &backend {
            Backend::Scalar => Engine::Scalar,
            Backend::Simd(level) => {
                Engine::product(*level, align(&seed, n_in, n_out), words(n_out), words(n_in))
            }
            Backend::Gpu(gpu) => Engine::Device(DeviceToeplitz::new(&seed, n_in, n_out, gpu)?),
        };
        Ok(Toeplitz { n_in, n_out, backend, seed, engine })
    }

    /// Key bits.
    pub fn n_in(&self) -> usize {
        self.n_in
    }

    /// Hash bits.
    pub fn n_out(&self) -> usize {
        self.n_out
    }

    /// The seed's words, unused bits cleared.
    pub fn seed(&self) -> &[u64] {
        &self.seed
    }

    /// Where it runs.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Hashes `key` ([`words`]`(n_in)` words) into `out` ([`words`]`(n_out)` words); bits above `n_in` in the
    /// last word of the key are ignored, bits above `n_out` in the last word of `out` are zero.
    ///
    /// What the computation leaves behind in memory of its own is wiped, but for a GPU driver's transfers.
    ///
    /// # Errors
    /// [`Error::Length`]; on a GPU what devices do.
    pub fn hash(&self, key: &[u64], out: &mut [u64]) -> Result<()> {
        Error::check_length("key", words(self.n_in), "words", key.len())?;
        Error::check_length("hash", words(self.n_out), "words", out.len())?;
        match &self.engine {
            Engine::Scalar => scalar(&self.seed, self.n_in, self.n_out, key, out),
            Engine::Split(aligned) => {
                split::product(clmul::Multiplier::detect(), aligned, &masked(key, self.n_in), out);
                mask_last(out, self.n_out);
            }
            #[cfg(target_arch = "x86_64")]
            Engine::Transform(product) => {
                product.multiply(&masked(key, self.n_in), out);
                mask_last(out, self.n_out);
            }
            Engine::Device(device) => device.hash(key, out)?,
        }
        Ok(())
    }
}

/// The key without what lies above its bits; wiped when dropped.
fn masked(key: &[u64], n_in: usize) -> Zeroizing<Vec<u64>> {
    let mut masked = Zeroizing::new(key.to_vec());
    mask_last(&mut masked, n_in);
    masked
}

impl Engine {
    /// The shorter way that this machine has: a block of 32 by 32 words costs as much as 200 elements on one
    /// level of the transform, the seed's own transform counted in (bench `toeplitz`).
    fn product(level: Level, aligned: Vec<u64>, rows: usize, columns: usize) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let (Some(_), Some(levels)) = (level.as_avx2(), additive::Product::levels(rows, columns))
            && ((levels << levels) as f64) < 200.0 * split::blocks(rows, columns)
            && let Some(product) = additive::Product::new(&aligned, rows, columns)
        {
            return Engine::Transform(Box::new(product));
        }
        let _ = (level, rows, columns);
        Engine::Split(aligned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The bit formula itself, for small lengths.
    fn formula(seed: &[u64], n_in: usize, n_out: usize, key: &[u64]) -> Vec<u64> {
        let bit = |words: &[u64], i: usize| words[i / 64] >> (i % 64) & 1;
        let mut out = vec![0; words(n_out)];
        for i in 0..n_out {
            let y = (0..n_in).fold(0, |y, j| y ^ (bit(seed, i + n_in - 1 - j) & bit(key, j)));
            out[i / 64] |= y << (i % 64);
        }
        out
    }

    /// SplitMix64 in counter mode, as the inputs of the benches.
    fn random(seed: u64, n: usize) -> Vec<u64> {
        (1..=n as u64)
            .map(|i| {
                let z = seed
                    .wrapping_mul(0xD134_2543_DE82_EF95)
                    .wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
                let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                z ^ (z >> 31)
            })
            .collect()
    }

    fn hash(seed: &[u64], n_in: usize, n_out: usize, key: &[u64], backend: Backend) -> Vec<u64> {
        let mut out = vec![u64::MAX; words(n_out)];
        Toeplitz::new(seed, n_in, n_out, backend).unwrap().hash(key, &mut out).unwrap();
        out
    }

    /// By hand: t = 1 0 1 1 0, n = 3, m = 3, so T = [[1,0,1], [1,1,0], [0,1,1]] (first row t2 t1 t0).
    #[test]
    fn worked_by_hand() {
        for (key, want) in [(0b001, 0b011), (0b010, 0b110), (0b100, 0b101), (0b111, 0b000), (0b011, 0b101)] {
            for backend in [Backend::Scalar, Backend::default()] {
                assert_eq!(hash(&[0b01101], 3, 3, &[key], backend), [want], "{key:03b}");
            }
        }
    }

    #[test]
    fn refuses_wrong_lengths() {
        let new = |seed: &[u64], n_in, n_out| Toeplitz::new(seed, n_in, n_out, Backend::Scalar);
        assert_eq!(
            new(&[0], 0, 1).err().unwrap().to_string(),
            "n_in must be within 1..=4294967296 bits, got 0"
        );
        assert_eq!(new(&[0], 64, 2).err().unwrap().to_string(), "seed must hold 2 words, got 1");
        let error = new(&[0; 2], 64, 2).unwrap().hash(&[0; 2], &mut [0]).unwrap_err();
        assert_eq!(error.to_string(), "key must hold 1 words, got 2");
    }

    /// Sizes that take every branch of the splitting: squares, strips, odd word counts, one word.
    #[test]
    fn large_blocks_agree_with_scalar() {
        for (n_in, n_out) in
            [(8192, 4096), (4096, 8192), (5000, 3000), (64 * 33, 64 * 65 - 1), (20_000, 128), (70, 9000)]
        {
            let (seed, key) = (random(1, words(n_in + n_out - 1)), random(2, words(n_in)));
            let want = hash(&seed, n_in, n_out, &key, Backend::Scalar);
            assert!(want == hash(&seed, n_in, n_out, &key, Backend::default()), "{n_in} to {n_out}");
        }
    }

    proptest! {
        /// 1..=300 bits each way cross every tail of a word and of every vector width.
        #[test]
        fn agrees_with_the_formula(n_in in 1usize..=300, n_out in 1usize..=300, tag: u64) {
            let (seed, key) = (random(tag, words(n_in + n_out - 1)), random(!tag, words(n_in)));
            let want = formula(&seed, n_in, n_out, &key);
            for backend in [Backend::Scalar, Backend::default()] {
                prop_assert_eq!(&want, &hash(&seed, n_in, n_out, &key, backend));
            }
        }

        #[test]
        fn agrees_with_scalar(n_in in 1usize..=4000, n_out in 1usize..=4000, tag: u64) {
            let (seed, key) = (random(tag, words(n_in + n_out - 1)), random(!tag, words(n_in)));
            prop_assert_eq!(hash(&seed, n_in, n_out, &key, Backend::Scalar),
                            hash(&seed, n_in, n_out, &key, Backend::default()));
        }
    }
}

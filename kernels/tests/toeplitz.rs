//! Toeplitz hashing against its definition: every seed and every key of every small size, and linearity at any.

use kernels::{
    Backend,
    toeplitz::{Toeplitz, words},
};
use proptest::prelude::*;

fn hash(function: &Toeplitz, key: &[u64]) -> Vec<u64> {
    let mut out = vec![0; words(function.n_out())];
    function.hash(key, &mut out).unwrap();
    out
}

/// `y[i] = sum over j of seed[i + n_in - 1 - j] key[j]`, for lengths of at most 8.
fn definition(seed: u64, n_in: usize, n_out: usize, key: u64) -> u64 {
    let bit = |word: u64, i: usize| word >> i & 1;
    let sum = |i: usize| (0..n_in).fold(0, |y, j| y ^ bit(seed, i + n_in - 1 - j) & bit(key, j));
    (0..n_out).fold(0, |y, i| y | sum(i) << i)
}

/// All 64 sizes up to 8 by 8: of each all `2^(n_in + n_out - 1)` seeds, and of each of those all `2^n_in` keys.
#[test]
fn every_function_of_up_to_eight_bits_is_the_definition() {
    let mut compared = 0;
    for (n_in, n_out) in (1..=8).flat_map(|n_in| (1..=8).map(move |n_out| (n_in, n_out))) {
        for seed in 0..1u64 << (n_in + n_out - 1) {
            let scalar = Toeplitz::new(&[seed], n_in, n_out, Backend::Scalar).unwrap();
            let simd = Toeplitz::new(&[seed], n_in, n_out, Backend::default()).unwrap();
            let (mut by_scalar, mut by_simd) = ([0], [0]);
            for key in 0..1u64 << n_in {
                scalar.hash(&[key], &mut by_scalar).unwrap();
                simd.hash(&[key], &mut by_simd).unwrap();
                let want = definition(seed, n_in, n_out, key);
                assert_eq!((by_scalar[0], by_simd[0]), (want, want), "{n_in} {n_out} {seed:#x} {key:#x}");
                compared += 1;
            }
        }
    }
    // The sum of 2^(2 n_in + n_out - 1).
    assert_eq!(compared, 255 * (4usize.pow(9) - 4) / 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// `h(a + b) = h(a) + h(b)`, and the same of the seeds, at sizes up to 4,096.
    #[test]
    fn hashing_is_linear(
        n_in in 1usize..=4096,
        n_out in 1usize..=4096,
        bits in prop::collection::vec(any::<u64>(), 4 * 128),
    ) {
        let (seed_words, key_words) = (words(n_in + n_out - 1), words(n_in));
        let part = |k: usize, n: usize| &bits[128 * k..128 * k + n];
        let sum = |a: &[u64], b: &[u64]| a.iter().zip(b).map(|(a, b)| a ^ b).collect::<Vec<u64>>();
        for backend in [Backend::Scalar, Backend::default()] {
            let function = |seed: &[u64]| Toeplitz::new(seed, n_in, n_out, backend.clone()).unwrap();
            let (s, t) = (part(0, seed_words), part(1, seed_words));
            let (a, b) = (part(2, key_words), part(3, key_words));
            let (first, second) = (function(s), function(t));
            prop_assert_eq!(hash(&first, &sum(a, b)), sum(&hash(&first, a), &hash(&first, b)));
            prop_assert_eq!(hash(&function(&sum(s, t)), a), sum(&hash(&first, a), &hash(&second, a)));
        }
    }
}

//! For tests: strings, and two ends that meet message by message.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Progress, Reconciler};
use crate::bits::Bits;
use crate::keygen::RawBits;

/// `n` random bits and a copy, each bit of which is wrong with probability `q`.
pub(super) fn strings(n: usize, q: f64, seed: u64) -> (Bits, Bits) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let a: Bits = (0..n).map(|_| rng.next_u32() & 1 == 1).collect();
    let b = a.iter().map(|bit| bit ^ (f64::from(rng.next_u32()) < q * 2f64.powi(32))).collect();
    (a, b)
}

/// What came of it.
pub(super) struct Met {
    /// Errors left.
    pub(super) errors: usize,
    /// Bits that travelled.
    pub(super) said: usize,
    pub(super) questions: usize,
    /// Frames that Bob knows to be wrong.
    pub(super) uncorrected: usize,
}

/// Both ends, and that both count every bit that travels.
pub(super) fn meet(method: &Reconciler, a: &Bits, b: &Bits, rate: f64, seed: u64) -> Met {
    method.check().unwrap();
    let seed = ChaCha8Rng::seed_from_u64(seed).get_seed();
    let mut alice = method.alice(RawBits::new(a.clone()), rate, seed).unwrap();
    let mut bob = method.bob(RawBits::new(b.clone()), rate, seed).unwrap();
    let (mut answer, mut questions, mut said) = (None, 0, 0);
    loop {
        match bob.next(answer.as_ref()).unwrap() {
            Progress::Ask(ask) => {
                let bits = alice.answer(&ask).unwrap();
                said += bits.len();
                answer = Some(bits);
            }
            Progress::Done(bob) => {
                let alice = alice.finish();
                assert_eq!((alice.leaked(), bob.leaked()), (said, said));
                let errors = alice.errors(&bob).unwrap();
                return Met { errors, said, questions, uncorrected: bob.uncorrected() };
            }
        }
        questions += 1;
    }
}

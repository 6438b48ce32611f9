//! Both ends in one process: for evaluation, and for whoever holds both strings (sifted QKD keys, say).

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::cascade::{Counts, batch};
use super::{Progress, Reconciler};
use crate::keygen::{RawBits, ReconciledBits};
use crate::{Error, Result};

pub use super::cascade::batch::Outcome;

impl Reconciler {
    /// Reconciles frames, of one length, message by message. Cascade takes 64 at a time.
    ///
    /// - `alice`, `bob`: the frames as each end holds them
    /// - `error_rate`: at which they differ
    /// - `seed`: public, and not known to anybody before the frames are fixed; the same for all frames
    ///
    /// # Errors
    /// Those of [`Self::alice`]; [`Error::Shape`] for frames that do not fit each other.
    pub fn both(
        &self,
        alice: Vec<RawBits>,
        bob: Vec<RawBits>,
        error_rate: f64,
        seed: u64,
    ) -> Result<Outcome> {
        let method = self.resolved(alice.first().map_or(0, RawBits::len), error_rate);
        let seed = ChaCha20Rng::seed_from_u64(seed).get_seed();
        if let Self::Cascade(method) = &method {
            return batch::reconcile(method, alice, bob, error_rate, seed);
        }
        if alice.len() != bob.len() {
            let (need, got) = (format!("[{}]", alice.len()), format!("[{}]", bob.len()));
            return Err(Error::Shape { what: "Bob's frames", need, got });
        }
        let mut outcome = Outcome { alice: Vec::new(), bob: Vec::new(), counts: Vec::new() };
        for (alice, bob) in alice.into_iter().zip(bob) {
            if alice.len() != bob.len() {
                let (need, got) = (format!("[{}]", alice.len()), format!("[{}]", bob.len()));
                return Err(Error::Shape { what: "Bob's frame", need, got });
            }
            let (alice, bob, messages) = method.pair(alice, bob, error_rate, seed)?;
            outcome.counts.push(Counts { leaked: bob.leaked(), messages, ..Counts::default() });
            outcome.alice.push(alice);
            outcome.bob.push(bob);
        }
        Ok(outcome)
    }

    /// One frame, as a session does it: what both ends hold then, and how many questions it took.
    pub(super) fn pair(
        &self,
        alice: RawBits,
        bob: RawBits,
        error_rate: f64,
        seed: [u8; 32],
    ) -> Result<(ReconciledBits, ReconciledBits, usize)> {
        let (mut alice, mut bob) = (self.alice(alice, error_rate, seed)?, self.bob(bob, error_rate, seed)?);
        let (mut answer, mut messages) = (None, 0);
        loop {
            match bob.next(answer.as_ref())? {
                Progress::Ask(ask) => answer = Some(alice.answer(&ask)?),
                Progress::Done(bob) => return Ok((alice.finish(), bob, messages)),
            }
            messages += 1;
        }
    }
}

//! From nearly the same bits to the same bits, over a public channel that hears every parity.
//!
//! Alice's bits stay; Bob corrects his. He leads: [`BobSide::next`] asks, [`AliceSide::answer`] answers, and
//! both count. A reconciler is a file with a serde struct and its two sides, its `mod` line, and its row in the
//! table.

pub mod algebraic;
pub mod auto;
pub mod bch;
mod both;
pub mod cascade;
pub mod estimate;
mod frames;
pub mod ldpc;
#[cfg(test)]
mod meet;
pub mod polar;
pub mod reed_solomon;
pub mod strings;
pub mod winnow;

use serde::{Deserialize, Serialize};

use super::{RawBits, ReconciledBits};
use crate::bits::Bits;
use crate::{Error, Result};
use auto::Auto;
use bch::Bch;
pub use both::Outcome;
use cascade::Cascade;
use ldpc::Ldpc;
use polar::Polar;
use reed_solomon::ReedSolomon;
use winnow::Winnow;

/// A question of Bob's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Ask {
    /// The parities of all blocks of a pass.
    Pass {
        /// Counted from 0.
        pass: u8,
    },
    /// The parities of some ranges of some passes' orders.
    Ranges {
        /// `[pass, start, length]` of each.
        ranges: Vec<[u32; 3]>,
    },
    /// The Hamming syndromes of some blocks of the pass whose parities were asked for last.
    Blocks {
        /// Counted from 0, ascending.
        blocks: Vec<u32>,
    },
    /// The syndromes of all frames, or what stands for them.
    Syndromes,
    /// Single bits of frames.
    Reveal {
        /// `[frame, place]` of each.
        places: Vec<[u32; 2]>,
    },
}

/// What Bob has to say next.
#[derive(Debug)]
pub enum Progress {
    /// A question to Alice.
    Ask(Ask),
    /// There is nothing left to ask.
    Done(ReconciledBits),
}

macro_rules! table {
    ($($(#[$doc:meta])* $name:literal $method:ident $module:ident,)*) => {
        /// A reconciler, chosen by `method`.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "method")]
        pub enum Reconciler {
            $($(#[$doc])* #[serde(rename = $name)] $method($method),)*
        }

        impl Reconciler {
            /// The name of every method, as configuration spells it.
            pub const ALL: &'static [&'static str] = &[$($name),*];

            /// # Errors
            /// [`Error::OutOfRange`], naming the field.
            pub fn check(&self) -> Result<()> {
                match self { $(Self::$method(method) => method.check(),)* }
            }

            /// Alice's side, for bits that differ from Bob's at the given rate. Both sides take the same public `seed`.
            ///
            /// # Errors
            /// [`Error::OutOfRange`] for a rate outside 0..=0.5, [`Error::TooShort`] without bits.
            pub fn alice(&self, raw: RawBits, error_rate: f64, seed: [u8; 32]) -> Result<AliceSide> {
                usable(&raw, error_rate)?;
                match self {
                    $(Self::$method(method) =>
                        $module::Alice::new(method, raw, error_rate, seed).map(AliceSide::$method),)*
                }
            }

            /// Bob's side.
            ///
            /// # Errors
            /// As [`Self::alice`].
            pub fn bob(&self, raw: RawBits, error_rate: f64, seed: [u8; 32]) -> Result<BobSide> {
                usable(&raw, error_rate)?;
                match self {
                    $(Self::$method(method) =>
                        $module::Bob::new(method, raw, error_rate, seed).map(BobSide::$method),)*
                }
            }
        }

        /// The end whose bits stay.
        pub enum AliceSide {
            $($(#[$doc])* $method($module::Alice),)*
        }

        impl AliceSide {
            /// Answers a question, and counts each bit of the answer.
            ///
            /// # Errors
            /// [`Error::Malformed`] for a question that no honest Bob asks: ranges outside the string, or far more
            /// parities altogether than there are bits.
            pub fn answer(&mut self, ask: &Ask) -> Result<Bits> {
                match self { $(Self::$method(side) => side.answer(ask),)* }
            }

            /// The bits and what was said about them.
            #[must_use]
            pub fn finish(self) -> ReconciledBits {
                match self { $(Self::$method(side) => side.finish(),)* }
            }

            /// Bits said about the string so far.
            #[must_use]
            pub fn leaked(&self) -> usize {
                match self { $(Self::$method(side) => side.leaked(),)* }
            }
        }

        /// The end that corrects its bits.
        #[allow(clippy::large_enum_variant)] // one a session: a box in each row's arm would buy nothing
        pub enum BobSide {
            $($(#[$doc])* $method($module::Bob),)*
        }

        impl BobSide {
            /// Takes Alice's answer to the last question (`None` at first) and says what comes next.
            ///
            /// # Errors
            /// [`Error::Malformed`] for an answer that does not fit the question.
            pub fn next(&mut self, answer: Option<&Bits>) -> Result<Progress> {
                match self { $(Self::$method(side) => side.next(answer),)* }
            }

            /// Bits heard about the string so far.
            #[must_use]
            pub fn leaked(&self) -> usize {
                match self { $(Self::$method(side) => side.leaked(),)* }
            }
        }
    };
}

table! {
    /// Binary search for errors in blocks of shuffled bits, with backtracking.
    "cascade" Cascade cascade,
    /// Syndromes of low-density parity-check codes, and single bits of the frames that do not decode.
    "ldpc" Ldpc ldpc,
    /// The least certain bits of the polar transform and a checksum, decoded along a list.
    "polar" Polar polar,
    /// Syndromes of BCH codes: a secure sketch.
    "bch" Bch bch,
    /// The same of Reed-Solomon codes, for errors in clumps.
    "reed_solomon" ReedSolomon reed_solomon,
    /// Block parities, and Hamming syndromes of the odd ones; bits that were told of are dropped.
    "winnow" Winnow winnow,
    /// The one of them that says the least, by length and error rate.
    "auto" Auto auto,
}

impl Reconciler {
    /// The reconciler itself; of `auto` the one that it chooses for strings of `bits` bits that differ at `error_rate`.
    #[must_use]
    pub fn resolved(&self, bits: usize, error_rate: f64) -> Self {
        match self {
            Self::Auto(auto) => auto.choose(bits, error_rate).0,
            method => method.clone(),
        }
    }
}

impl Default for Reconciler {
    fn default() -> Self {
        Self::Cascade(Cascade::default())
    }
}

fn usable(raw: &RawBits, error_rate: f64) -> Result<()> {
    super::within("error rate", error_rate, 0.0, 0.5, "within 0..=0.5")?;
    // Positions travel as 32-bit numbers.
    if raw.len() > 1 << 31 {
        return Err(Error::OutOfRange {
            field: "raw bits",
            rule: "at most 2^31",
            got: raw.len().to_string(),
        });
    }
    if raw.is_empty() {
        return Err(Error::TooShort { what: "reconciliation", need: 1, unit: "bits", got: 0 });
    }
    Ok(())
}

/// Binary entropy: the least that has to be said about each bit, on average, to correct errors of rate `q`
/// (Slepian and Wolf, IEEE Trans. Inf. Theory 19(4), 1973).
#[must_use]
pub fn binary_entropy(q: f64) -> f64 {
    if q <= 0.0 || q >= 1.0 { 0.0 } else { -q * q.log2() - (1.0 - q) * (1.0 - q).log2() }
}

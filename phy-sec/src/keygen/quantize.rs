//! From real series to symbols of one or more bits. Which samples a quantizer keeps, and whatever else Alice says, is public,
//! and conditioned on in the ledger.
//!
//! A quantizer is a file with a serde struct that has `check`, `decide`, `theory` and `min_entropy`, its `mod` line, and its
//! row in the table.

mod adaptive_block;
mod cells;
mod differential;
mod equiprobable;
mod guard_band;
mod level_crossing;
mod optimal;
mod side;
mod threshold;
mod vector;

use ndarray::{Array2, ArrayView1};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

pub use adaptive_block::AdaptiveBlock;
pub use differential::Differential;
pub use equiprobable::{Distribution, Equiprobable};
pub use guard_band::{GuardBand, Sides};
pub use level_crossing::LevelCrossing;
pub use optimal::Optimal;
pub use threshold::{Centre, Threshold};
pub use vector::Vector;

use super::reconcile::binary_entropy;
use crate::bits::Bits;
use crate::{Error, Result};

/// Which end is quantizing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one whose bits become the key.
    Alice,
    /// The one who corrects his bits.
    Bob,
}

/// Where Bob's decision level comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LevelFrom {
    /// From his own series: nothing is said.
    #[default]
    Own,
    /// From Alice, who says hers in public, 64 bits a lane.
    Alice,
}

/// One symbol per place, `[row, time]`, rows one after another. A row is a lane of the series, or a pair of lanes.
#[derive(Default)]
pub struct Quantized {
    /// The symbol of each place, its first bit the most significant of `widths`; meaningless where it is not kept. Secret.
    pub symbols: Vec<u8>,
    /// Bits of each place's symbol. Public.
    pub widths: Vec<u8>,
    /// What Alice says in public of each place, beside its being kept; 0 where nothing. An offset within a cell is as
    /// likely in every cell: it is conditioned on, not charged.
    pub classes: Vec<u8>,
    /// Whether the place counts. Public.
    pub kept: Bits,
    /// What Alice has to tell Bob beside `kept`: his argument of the same name.
    pub announced: Vec<u64>,
    /// What of that is charged.
    pub announced_bits: usize,
    /// Whether the places that are kept stand for others around them, so that their distances say something.
    pub runs: bool,
}

impl Quantized {
    fn with_capacity(places: usize) -> Self {
        let mut empty = Self::default();
        for list in [&mut empty.symbols, &mut empty.widths, &mut empty.classes] {
            list.reserve_exact(places);
        }
        empty
    }

    fn push(&mut self, symbol: Option<u8>, width: u8, class: u8) {
        self.symbols.push(symbol.unwrap_or(0));
        self.widths.push(width);
        self.classes.push(class);
        self.kept.push(symbol.is_some());
    }

    /// For whoever holds all of them: the bits of the symbols that this end, Alice, and Bob both keep, and in how many of
    /// them `other` differs from hers.
    #[must_use]
    pub fn differences(&self, bob: &Self, other: &Self) -> (usize, usize) {
        let kept =
            self.kept.iter().zip(bob.kept.iter()).enumerate().filter(|(_, (alice, bob))| *alice && *bob);
        kept.fold((0, 0), |(bits, errors), (place, _)| {
            let wrong = self.symbols[place] ^ other.symbols[place];
            (bits + usize::from(self.widths[place]), errors + wrong.count_ones() as usize)
        })
    }

    /// The bits of the symbol at `place`, first to last.
    pub(super) fn bits(&self, place: usize) -> impl Iterator<Item = bool> + '_ {
        let (symbol, width) = (self.symbols[place], self.widths[place]);
        (0..width).rev().map(move |k| symbol >> k & 1 == 1)
    }
}

/// The number of places alone.
impl std::fmt::Debug for Quantized {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Quantized({} places)", self.symbols.len())
    }
}

impl Drop for Quantized {
    fn drop(&mut self) {
        self.symbols.zeroize();
    }
}

/// What to expect of jointly normal ends whose samples are independent over time.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Theory {
    /// Share of the raw bits that differ.
    pub kdr: f64,
    /// Symbols that both ends keep, over samples (pairs of samples where a symbol takes two lanes).
    pub kept: f64,
    /// Bits that a kept symbol of Alice's and Bob's have in common.
    pub mutual_information: f64,
}

impl Theory {
    fn of_signs(kdr: f64, kept: f64) -> Self {
        Self { kdr, kept, mutual_information: 1.0 - binary_entropy(kdr) }
    }
}

macro_rules! table {
    ($($(#[$doc:meta])* $name:literal $method:ident,)*) => {
        /// A quantizer, chosen by `method`.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "method")]
        pub enum Quantizer {
            $($(#[$doc])* #[serde(rename = $name)] $method($method),)*
        }

        impl Quantizer {
            /// The name of every method, as configuration spells it.
            pub const ALL: &'static [&'static str] = &[$($name),*];

            /// # Errors
            /// [`Error::OutOfRange`], naming the field.
            pub fn check(&self) -> Result<()> {
                match self { $(Self::$method(method) => method.check(),)* }
            }

            fn decide(&self, role: Role, series: &Array2<f64>, announced: &[u64]) -> Result<Quantized> {
                match self { $(Self::$method(method) => method.decide(role, series, announced),)* }
            }

            /// What to expect of jointly Gaussian ends with correlation `rho`.
            #[must_use]
            pub fn theory(&self, rho: f64) -> Theory {
                match self { $(Self::$method(method) => method.theory(rho),)* }
            }

            /// Min-entropy of a raw bit given what is said in public and an eavesdropper's *unquantized* measurement,
            /// whose correlation with both ends' is `rho`: `-log2` of her chance to guess a whole kept symbol, over
            /// its bits. See the guide to key generation for the model.
            #[must_use]
            pub fn min_entropy(&self, rho: f64) -> f64 {
                let entropy = match self { $(Self::$method(method) => method.min_entropy(rho),)* };
                if entropy.is_finite() { entropy.clamp(0.0, 1.0) } else { 0.0 }
            }
        }
    };
}

table! {
    /// The side of the mean or the median, every sample kept.
    "threshold" Threshold,
    /// The side of the mean; samples too close to it are dropped.
    "guard_band" GuardBand,
    /// One bit for a stretch of samples that are all high or all low.
    "level_crossing" LevelCrossing,
    /// Levels of their own for blocks of samples; one bit a sample, or several by the block's range.
    "adaptive_block" AdaptiveBlock,
    /// One to four bits a sample: equally likely cells with Gray labels, a guard band or offsets said in public.
    "equiprobable" Equiprobable,
    /// Whether the series rises or falls.
    "differential" Differential,
    /// Sectors of the phase and rings of the amplitude of complex gains.
    "vector" Vector,
    /// The equiprobable quantizer that promises the longest key for a stated channel and eavesdropper.
    "optimal" Optimal,
}

impl Quantizer {
    /// Quantizes `series`, `[lane, time]`. A constant lane is dropped whole: it holds no decision.
    ///
    /// - `announced`: what Alice said ([`Quantized::announced`]), for Bob; nothing for Alice
    ///
    /// # Errors
    /// [`Error::Shape`] if `announced` is not as long as the method wants it or the lanes do not go in pairs where they
    /// must; [`Error::OutOfRange`] for a field, or an announcement, out of range; [`Error::NotFinite`].
    pub fn quantize(&self, role: Role, series: &Array2<f64>, announced: &[u64]) -> Result<Quantized> {
        self.check()?;
        if let Some(index) = series.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what: "series to quantize", index });
        }
        self.decide(role, series, announced)
    }

    /// The method itself, or the one that `optimal` finds: what a session uses, so that the search is done once.
    #[must_use]
    pub fn resolved(&self) -> Self {
        match self {
            Self::Optimal(known) if known.check().is_ok() => Self::Equiprobable(known.choose()),
            method => method.clone(),
        }
    }
}

/// A method without announcements has heard none.
fn nothing_announced(announced: &[u64]) -> Result<()> {
    match announced.len() {
        0 => Ok(()),
        got => Err(Error::Shape { what: "announcement", need: "[0]".into(), got: format!("[{got}]") }),
    }
}

/// An announced level.
fn level_of(announced: &[u64], index: usize) -> Result<f64> {
    let level = f64::from_bits(announced[index]);
    if level.is_finite() { Ok(level) } else { Err(Error::NotFinite { what: "levels", index }) }
}

/// Mean and standard deviation (of the population).
fn mean_and_deviation(lane: ArrayView1<'_, f64>) -> (f64, f64) {
    let mean = lane.mean().unwrap_or(0.0);
    let variance = lane.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / lane.len().max(1) as f64;
    // Rounding leaves a constant lane with a variance of some 1e-32 of its mean's square.
    let deviation = variance.sqrt();
    (mean, if deviation > 1e-12 * mean.abs() { deviation } else { 0.0 })
}

#[cfg(test)]
mod tests;

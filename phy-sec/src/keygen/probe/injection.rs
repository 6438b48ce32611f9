//! Probes that somebody else sent: what is granted to him, and what shows him.
//!
//! What both ends measure of an injected probe they agree on, and no statistic of it tells that somebody chose it: an attacker whose gains look like fading
//! passes every estimate of entropy. So a share of probes that may be injected is **granted**, like the eavesdropper's correlation
//! ([`Active::injected`]). What can be *seen* is injection at one end alone: the other end does not see those excursions ([`Check`]).

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::keygen::quantize::{LevelCrossing, Quantizer, Role};
use crate::keygen::within;

/// An attacker who sends probes.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Active {
    /// Share of the measurements whose value he is taken to have chosen at both ends, 0 to 1. Every one of them is taken to have become a symbol: of the
    /// symbols that were kept, as many as that are charged as known.
    pub injected: f64,
    /// Least probability with which a kept symbol is guessed, whatever the eavesdropper's model says; 0 leaves it to the model. A trace of hers that guesses
    /// demonstrably better than its correlation explains sets it.
    pub guess: f64,
    /// Of Alice's excursions Bob must see more than this share, or there is no key; 0 asks nothing. One half and a little more is
    /// what Mathur et al. ask for (0.6, say); for slow channels, which have excursions.
    pub least_common: f64,
}

impl Active {
    /// # Errors
    /// [`crate::Error::OutOfRange`], naming the field.
    pub fn check(&self) -> Result<()> {
        within("active.injected", self.injected, 0.0, 1.0, "within 0..=1")?;
        within("active.guess", self.guess, 0.0, 1.0, "within 0..=1")?;
        within("active.least_common", self.least_common, 0.0, 0.99, "within 0..=0.99")
    }

    /// The probability with which a bit of a kept symbol is guessed, from the model's.
    ///
    /// - `samples`, `symbols`: measurements, and how many of them became symbols that both ends kept
    /// - `bits`: bits of a symbol, in the mean
    #[must_use]
    pub fn guess_of(&self, model: f64, samples: usize, symbols: usize, bits: f64) -> f64 {
        if self.injected == 0.0 && self.guess == 0.0 {
            return model;
        }
        let known = if symbols == 0 { 1.0 } else { self.injected * samples as f64 / symbols as f64 };
        let known = if self.injected > 0.0 { known.min(1.0) } else { 0.0 };
        let symbol = model.powf(bits.max(1.0)).max(self.guess);
        (known + (1.0 - known) * symbol).powf(1.0 / bits.max(1.0))
    }
}

/// Whether Bob sees what Alice sees: of the excursions that Alice names, those at whose middle Bob has one too (Mathur, Trappe, Mandayam, Ye and Reznik,
/// MobiCom 2008, section 5: fewer than half and a margin, and somebody spoofs).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Check {
    /// Excursions that Alice names.
    pub named: usize,
    /// Those of them that Bob has.
    pub common: usize,
    /// Those that he has on the same side.
    pub same: usize,
}

impl Check {
    /// Looks for the excursions of `alice` in `bob`, both `[lane, time]`.
    ///
    /// # Errors
    /// Those of the quantizer's configuration; [`crate::Error::NotFinite`].
    pub fn new(alice: &Array2<f64>, bob: &Array2<f64>, excursions: &LevelCrossing) -> Result<Self> {
        let quantizer = Quantizer::LevelCrossing(excursions.clone());
        let a = quantizer.quantize(Role::Alice, alice, &[])?;
        let b = quantizer.quantize(Role::Bob, bob, &[])?;
        let mut check = Self { named: 0, common: 0, same: 0 };
        for (place, named) in a.kept.iter().enumerate() {
            check.named += usize::from(named);
            if named && b.kept.get(place) == Some(true) {
                check.common += 1;
                check.same += usize::from(a.symbols[place] == b.symbols[place]);
            }
        }
        Ok(check)
    }

    /// Share of hers that he has; 0 where she has none.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.common as f64 / self.named.max(1) as f64
    }
}

#[cfg(test)]
mod tests;

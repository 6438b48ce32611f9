//! Of all equiprobable quantizers the one that promises the most secret bits a sample, for a stated channel, eavesdropper and
//! reconciler: it maximises
//!
//! `kept · (H∞(symbol | Eve) - f · bits · h(kdr))`
//!
//! of the Gaussian model over bits a sample, guard band and offsets. The result depends on nothing but these public
//! numbers, so both ends find the same; the digest of the settings covers what they found.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::{Distribution, Equiprobable, Quantized, Role, Sides, Theory};
use crate::Result;
use crate::keygen::reconcile::binary_entropy;
use crate::keygen::within;

/// What is known beforehand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Optimal {
    /// Correlation of the two ends' series without noise, 0 to 1: what probing delay leaves.
    pub rho: f64,
    /// Signal to noise ratio of each end's series, dB.
    pub snr_db: f64,
    /// Correlation that the eavesdropper is granted, 0 to 1.
    pub eve_rho: f64,
    /// Bits that reconciliation says, over the Slepian-Wolf bound.
    pub efficiency: f64,
}

impl Default for Optimal {
    fn default() -> Self {
        Self { rho: 1.0, snr_db: 20.0, eve_rho: 0.5, efficiency: 1.2 }
    }
}

impl Optimal {
    pub(super) fn check(&self) -> Result<()> {
        within("rho", self.rho, 0.0, 1.0, "within 0..=1")?;
        within("snr_db", self.snr_db, -20.0, 100.0, "within -20..=100")?;
        within("eve_rho", self.eve_rho, 0.0, 1.0, "within 0..=1")?;
        within("efficiency", self.efficiency, 1.0, 3.0, "within 1..=3")
    }

    /// Correlation of the two ends' series: `rho / (1 + 1/snr)`.
    #[must_use]
    pub fn correlation(&self) -> f64 {
        self.rho / (1.0 + 10f64.powf(-self.snr_db / 10.0))
    }

    /// Secret bits a sample that the model promises of `method`, 0 at least.
    #[must_use]
    pub fn rate(&self, method: &Equiprobable) -> f64 {
        let Theory { kdr, kept, .. } = method.theory(self.correlation());
        let said = self.efficiency * binary_entropy(kdr);
        // The entropy is the dear part: what reconciliation says more than is there needs none.
        if said >= 1.0 {
            return 0.0;
        }
        (kept * f64::from(method.bits) * (method.min_entropy(self.eve_rho) - said)).max(0.0)
    }

    /// The best of all; two bits without guard and offsets where nothing promises anything.
    #[must_use]
    pub fn choose(&self) -> Equiprobable {
        let mut best = (0.0, Equiprobable { offsets: 1, ..Equiprobable::default() });
        for method in candidates() {
            let rate = self.rate(&method);
            // A hair more is rounding, which another processor may do otherwise: the earlier candidate stays.
            if rate > best.0 + 1e-6 {
                best = (rate, method);
            }
        }
        best.1
    }

    pub(super) fn decide(&self, role: Role, series: &Array2<f64>, announced: &[u64]) -> Result<Quantized> {
        self.choose().decide(role, series, announced)
    }

    pub(super) fn theory(&self, rho: f64) -> Theory {
        self.choose().theory(rho)
    }

    pub(super) fn min_entropy(&self, rho: f64) -> f64 {
        self.choose().min_entropy(rho)
    }
}

fn candidates() -> impl Iterator<Item = Equiprobable> {
    let distribution = Distribution::Ranks;
    (1..=4).flat_map(move |bits| {
        let offsets = [1, 2, 4, 8].into_iter();
        let offsets = offsets.map(move |offsets| Equiprobable {
            bits,
            guard: 0.0,
            sides: Sides::Both,
            offsets,
            distribution,
        });
        let guards = [0.1, 0.2, 0.3, 0.45, 0.6].into_iter().flat_map(move |guard| {
            let sides = [Sides::Alice, Sides::Both].into_iter();
            sides.map(move |sides| Equiprobable { bits, guard, sides, offsets: 1, distribution })
        });
        offsets.chain(guards)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Better channels carry more bits, a closer Eve leaves fewer, and no candidate promises more than the choice.
    #[test]
    fn the_choice_is_the_best_and_below_capacity() {
        let mut last = 0.0;
        for snr_db in [5.0, 15.0, 25.0, 35.0] {
            let known = Optimal { snr_db, eve_rho: 0.3, ..Optimal::default() };
            let chosen = known.choose();
            let rate = known.rate(&chosen);
            assert!(rate >= last, "{snr_db}: {rate} after {last}");
            let rho = known.correlation();
            // The capacity of a source whose eavesdropper's value depends on the ends' common part.
            assert!(rate < -0.5 * (1.0 - rho * rho).log2(), "{snr_db}: {rate}");
            assert!(known.rate(&Equiprobable { bits: 1, offsets: 1, ..chosen }) <= rate + 1e-6);
            last = rate;
        }
        assert!(last > 1.0, "{last}");
        assert_eq!(Optimal { snr_db: -20.0, ..Optimal::default() }.choose().offsets, 1);
    }
}

//! Complex gains: the sector of the phase and the ring of the amplitude, equally likely, with Gray labels for both.
//! Lanes come in pairs, real part and imaginary part, as `component = "complex"` makes them; both ends need a common phase.
//!
//! Samples near a boundary of a sector or ring are dropped by Alice alone, so that what Bob measured has no part in
//! which samples count.
//!
//! Source: for sectors, Wang, Su, Ren, Kim, *Fast and scalable secret key generation exploiting channel phase randomness*,
//! INFOCOM 2011; the model is the circular complex normal distribution.

use ndarray::{Array2, ArrayView1};
use serde::{Deserialize, Serialize};

use super::cells::gray;
use super::{Quantized, Role, Theory, mean_and_deviation};
use crate::keygen::within;
use crate::{Error, Result};
use std::f64::consts::TAU;

/// Sectors and rings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Vector {
    /// Of the phase: 1, 2, 4, 8 or 16.
    pub sectors: u8,
    /// Of the amplitude: 1, 2 or 4. Sectors times rings are 2 to 16.
    pub rings: u8,
    /// Share of a sector's width, and of a ring's probability, that Alice drops around each boundary, 0 to 0.9.
    pub guard: f64,
}

/// Of the numerical integration.
const POINTS: u32 = 1000;

impl Default for Vector {
    fn default() -> Self {
        Self { sectors: 4, rings: 1, guard: 0.1 }
    }
}

impl Vector {
    pub(super) fn check(&self) -> Result<()> {
        within("guard", self.guard, 0.0, 0.9, "within 0..=0.9")?;
        let bad = |field, rule, got: u8| Err(Error::OutOfRange { field, rule, got: got.to_string() });
        if ![1, 2, 4, 8, 16].contains(&self.sectors) {
            return bad("sectors", "1, 2, 4, 8 or 16", self.sectors);
        }
        if ![1, 2, 4].contains(&self.rings) {
            return bad("rings", "1, 2 or 4", self.rings);
        }
        match self.sectors * self.rings {
            2..=16 => Ok(()),
            cells => bad("sectors times rings", "2 to 16", cells),
        }
    }

    fn width(&self) -> u8 {
        (self.sectors * self.rings).trailing_zeros() as u8
    }

    /// The cell of a sample of unit mean power, and whether it is clear of the boundaries.
    fn cell(&self, re: f64, im: f64) -> (u8, bool) {
        let near = |position: f64, low: bool, high: bool| {
            let part = position.fract();
            low && part < self.guard / 2.0 || high && part > 1.0 - self.guard / 2.0
        };
        let phase = (im.atan2(re) / TAU).rem_euclid(1.0) * f64::from(self.sectors);
        let sector = (phase as u8).min(self.sectors - 1);
        // P(|z|² < t) = 1 - exp(-t)
        let share = (1.0 - (-(re * re + im * im)).exp()) * f64::from(self.rings);
        let ring = (share as u8).min(self.rings - 1);
        let clear =
            !(self.sectors > 1 && near(phase, true, true) || near(share, ring > 0, ring + 1 < self.rings));
        (gray(sector) << self.rings.trailing_zeros() | gray(ring), clear)
    }

    /// The symbol of the lanes `2k` and `2k + 1` is in row `k`.
    pub(super) fn decide(&self, role: Role, series: &Array2<f64>, announced: &[u64]) -> Result<Quantized> {
        super::nothing_announced(announced)?;
        if series.nrows() % 2 == 1 {
            let (need, got) =
                ("[2 lanes for each gain, time]".into(), format!("[{}, {}]", series.nrows(), series.ncols()));
            return Err(Error::Shape { what: "series of complex gains", need, got });
        }
        let mut out = Quantized::with_capacity(series.len() / 2);
        for pair in series.axis_chunks_iter(ndarray::Axis(0), 2) {
            let (re, im) = (pair.row(0), pair.row(1));
            let centre = |lane: ArrayView1<'_, f64>| mean_and_deviation(lane);
            let ((mean_re, of_re), (mean_im, of_im)) = (centre(re), centre(im));
            let scale = of_re.hypot(of_im);
            for (&re, &im) in re.iter().zip(im) {
                // A part that never changes holds no phase.
                let usable = of_re > 0.0 && of_im > 0.0;
                let (label, clear) = self.cell((re - mean_re) / scale, (im - mean_im) / scale);
                out.push((usable && (clear || role == Role::Bob)).then_some(label), self.width(), 0);
            }
        }
        Ok(out)
    }

    /// Calls `add` with equally likely values of one gain, `[amplitudes, phases]` of them, the phases within one sector (the
    /// others are symmetric); without those near a boundary if `clear`.
    fn nodes(&self, [amplitudes, phases]: [usize; 2], clear: bool, mut add: impl FnMut(f64, f64)) {
        let half = if clear { self.guard / 2.0 } else { 0.0 };
        let rings = f64::from(self.rings);
        let node = |k: usize, count: usize| (k as f64 + 0.5) / count as f64;
        for ring in 0..self.rings {
            let low = if ring == 0 { 0.0 } else { half };
            let high = if ring + 1 == self.rings { 1.0 } else { 1.0 - half };
            let inner = if self.sectors == 1 { 0.0 } else { half };
            // So many nodes to a ring as its clear part is likely.
            let count = (amplitudes as f64 / rings * (high - low)).round().max(1.0) as usize;
            for step in 0..count {
                let share = (f64::from(ring) + low + (high - low) * node(step, count)) / rings;
                let amplitude = (-(1.0 - share).ln()).sqrt();
                for phase in 0..phases {
                    let part = inner + (1.0 - 2.0 * inner) * node(phase, phases);
                    let phase = TAU / f64::from(self.sectors) * part;
                    add(amplitude * phase.cos(), amplitude * phase.sin());
                }
            }
        }
    }

    /// Calls `add` with equally likely values of a gain given another, `(re, im)`, that it has correlation `rho` with: on
    /// a spiral whose points share the probability alike (Vogel, Math. Biosci. 44, 1979).
    fn given(rho: f64, (re, im): (f64, f64), mut add: impl FnMut(f64, f64)) {
        let spread = (1.0 - rho * rho).max(0.0).sqrt();
        let turn = TAU * (1.0 - 2.0 / (1.0 + 5f64.sqrt()));
        for k in 0..POINTS {
            let share = (f64::from(k) + 0.5) / f64::from(POINTS);
            let (sin, cos) = (turn * f64::from(k)).sin_cos();
            let radius = spread * (-(1.0 - share).ln()).sqrt();
            add(rho * re + radius * cos, rho * im + radius * sin);
        }
    }

    /// For complex correlation `rho`, to about 1e-3.
    pub(super) fn theory(&self, rho: f64) -> Theory {
        let cells = usize::from(self.sectors * self.rings);
        let mut joint = vec![0.0; cells * cells];
        self.nodes([40, 32], true, |re, im| {
            let mine = usize::from(self.cell(re, im).0);
            Self::given(rho, (re, im), |re, im| {
                joint[mine * cells + usize::from(self.cell(re, im).0)] += 1.0;
            });
        });
        let kept: f64 = joint.iter().sum();
        // One sector of Alice's stands for all: symbols are equally likely where there is no guard on the rings.
        let mut wrong = 0.0;
        let (mut own, mut other) = (vec![0.0; cells], vec![0.0; cells]);
        let rings = self.rings;
        for (index, &p) in joint.iter().enumerate() {
            let (a, b) = ((index / cells) as u8, (index % cells) as u8);
            wrong += p * f64::from((a ^ b).count_ones());
            own[index / cells] += p;
            other[usize::from(b & (rings - 1))] += p;
        }
        // Bob's sectors are equally likely altogether; his rings as they came.
        let mut information = 0.0;
        for (index, &p) in joint.iter().enumerate().filter(|(_, p)| **p > 0.0) {
            let bob = other[(index % cells) & usize::from(rings - 1)] / f64::from(self.sectors);
            information += p * (p * kept / (own[index / cells] * bob)).log2();
        }
        let of_phases = if self.sectors == 1 { 1.0 } else { 1.0 - self.guard };
        let of_rings = 1.0 - self.guard * f64::from(self.rings - 1) / f64::from(self.rings);
        Theory {
            kdr: wrong / kept / f64::from(self.width()),
            kept: of_phases * of_rings,
            mutual_information: (information / kept).max(0.0),
        }
    }

    /// Eve's complex value has correlation `rho` with the ends'.
    pub(super) fn min_entropy(&self, rho: f64) -> f64 {
        let rho = rho.abs().min(1.0);
        let cells = usize::from(self.sectors * self.rings);
        let (mut right, mut kept) = (0.0, 0.0);
        let mut posterior = vec![0.0; cells];
        self.nodes([32, 16], false, |re, im| {
            posterior.fill(0.0);
            Self::given(rho, (re, im), |re, im| {
                let (label, clear) = self.cell(re, im);
                posterior[usize::from(label)] += f64::from(u8::from(clear));
            });
            right += posterior.iter().copied().fold(0.0, f64::max);
            kept += posterior.iter().sum::<f64>();
        });
        if kept <= 0.0 { 0.0 } else { -(right / kept).min(1.0).log2() / f64::from(self.width()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sectors_and_rings() {
        let method = Vector { sectors: 4, rings: 2, guard: 0.0 };
        // P(|z|² < ln 2) = 1/2: amplitudes below 0.83 are in the inner ring.
        for (re, im, label) in [
            (0.3, 0.3, 0b000),
            (1.0, 1.0, 0b001),
            (-1.0, 1.0, 0b011),
            (-0.3, -0.3, 0b110),
            (1.0, -1.0, 0b101),
        ] {
            assert_eq!(method.cell(re, im), (label, true), "{re} {im}");
        }
        let guarded = Vector { guard: 0.2, ..method };
        assert!(!guarded.cell(1.0, 0.01).1 && !guarded.cell(0.6, 0.57).1 && guarded.cell(1.0, 1.0).1);
        let err = Vector { sectors: 16, rings: 4, guard: 0.0 }.check().unwrap_err();
        assert_eq!(err.to_string(), "sectors times rings must be 2 to 16, got 64");
        let err = method.decide(Role::Alice, &Array2::zeros((3, 4)), &[]).unwrap_err();
        assert_eq!(
            err.to_string(),
            "series of complex gains must have shape [2 lanes for each gain, time], got [3, 4]"
        );
    }

    /// Four sectors are the signs of two real numbers: acos(rho)/π, and Eve's chance is the square of the one for a sign.
    #[test]
    fn quadrants_are_two_signs() {
        let quadrants = Vector { sectors: 4, rings: 1, guard: 0.0 };
        for rho in [0.0, 0.5, 0.9, 0.99f64] {
            let got = quadrants.theory(rho);
            let want = rho.acos() / std::f64::consts::PI;
            assert!((got.kdr - want).abs() < 2e-3 && (got.kept - 1.0).abs() < 1e-9, "{rho}: {got:?}, {want}");
            let sign = 1.0 - crate::keygen::reconcile::binary_entropy(want);
            assert!((got.mutual_information - 2.0 * sign).abs() < 0.02, "{rho}: {got:?} {sign}");
            let sign = -crate::keygen::gaussian::guess(rho, 0.0, 0.0).log2();
            assert!(
                (quadrants.min_entropy(rho) - sign).abs() < 5e-3,
                "{rho}: {} {sign}",
                quadrants.min_entropy(rho)
            );
        }
        let rings = Vector { sectors: 1, rings: 4, guard: 0.0 };
        let (entropy, theory) = (rings.min_entropy(0.0), rings.theory(0.0));
        assert!((entropy - 1.0).abs() < 2e-2 && theory.mutual_information < 2e-3, "{entropy} {theory:?}");
    }
}

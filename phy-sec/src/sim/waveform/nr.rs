//! A 5G NR-like downlink slot: OFDM with normal cyclic prefix and a comb of demodulation reference symbols.
//!
//! Numerology and prefix lengths follow 3GPP TS 38.211 V16 section 5.3.1, the pseudo-random sequence section
//! 5.2.1, the reference symbols section 7.4.1.1 (configuration type 1, port 1000: every second subcarrier).
//! The rest of the grid is random data; there is no control channel, no synchronization block, no coding.

use std::ops::Range;

use ndarray::Array2;
use num_complex::Complex32;
use rand_chacha::ChaCha8Rng;
use rustfft::FftPlanner;
use serde::{Deserialize, Serialize};

use super::super::require;
use super::{Modulation, random_symbols};
use crate::Result;

/// Symbols in a slot.
const SYMBOLS: usize = 14;

/// An NR-like transmitter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NrComb {
    /// Resource blocks of 12 subcarriers.
    pub resource_blocks: usize,
    /// μ: the subcarrier spacing is `15 · 2^μ` kHz, 0 to 3.
    pub numerology: u32,
    /// Length of the Fourier transform, a multiple of 128; the sample rate is this times the spacing.
    pub fft_size: usize,
    /// Constellation of the data.
    pub modulation: Modulation,
    /// Symbols of the slot that carry reference symbols on their even subcarriers.
    pub pilot_symbols: Vec<usize>,
    /// Scrambling identity, 0 to 65535.
    pub identity: u32,
}

impl Default for NrComb {
    /// 24 blocks of 30 kHz subcarriers, 15.36 MS/s, reference symbols in symbols 2 and 11.
    fn default() -> Self {
        Self {
            resource_blocks: 24,
            numerology: 1,
            fft_size: 512,
            modulation: Modulation::Qpsk,
            pilot_symbols: vec![2, 11],
            identity: 0,
        }
    }
}

/// One slot and its truth.
#[derive(Debug, Clone)]
pub struct NrSlot {
    /// Complex baseband.
    pub samples: Vec<Complex32>,
    /// What each resource element holds: `[symbol, subcarrier]`, ascending frequency.
    pub grid: Array2<Complex32>,
    /// The body of each symbol (without its prefix), in samples.
    pub bodies: Vec<Range<usize>>,
}

impl NrComb {
    /// Subcarrier spacing, Hz.
    #[must_use]
    pub fn spacing(&self) -> f64 {
        15e3 * f64::from(1u32 << self.numerology.min(3))
    }

    /// Sample rate, Hz.
    #[must_use]
    pub fn sample_rate(&self) -> f64 {
        self.spacing() * self.fft_size as f64
    }

    /// Frequencies of the subcarriers that hold reference symbols, Hz from the carrier: a target for
    /// [`crate::sim::jammer::Jammer::Pilots`].
    #[must_use]
    pub fn pilot_frequencies(&self) -> Vec<f64> {
        let half = 6.0 * self.resource_blocks as f64;
        (0..12 * self.resource_blocks).step_by(2).map(|k| (k as f64 - half) * self.spacing()).collect()
    }

    /// Slot `slot` of a frame, with random data, of unit mean power.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] naming the field.
    pub fn slot(&self, slot: usize, rng: &mut ChaCha8Rng) -> Result<NrSlot> {
        self.check(slot)?;
        let subcarriers = 12 * self.resource_blocks;
        let data = random_symbols(rng, SYMBOLS * subcarriers, self.modulation.order());
        let mut grid = Array2::from_shape_vec(
            (SYMBOLS, subcarriers),
            data.into_iter().map(|s| self.modulation.point(s)).collect(),
        )
        .map_err(|e| crate::Error::Shape {
            what: "grid",
            need: "one symbol each".into(),
            got: e.to_string(),
        })?;
        for &l in &self.pilot_symbols {
            for (n, pilot) in self.reference(slot, l).into_iter().enumerate() {
                grid[[l, 2 * n]] = pilot;
            }
        }
        let fft = FftPlanner::new().plan_fft_inverse(self.fft_size);
        let scale = 1.0 / (subcarriers as f32).sqrt();
        let (mut samples, mut bodies) = (Vec::new(), Vec::new());
        for (l, row) in grid.rows().into_iter().enumerate() {
            let mut body = vec![Complex32::ZERO; self.fft_size];
            for (k, value) in row.iter().enumerate() {
                body[(k + self.fft_size - subcarriers / 2) % self.fft_size] = scale * value;
            }
            fft.process(&mut body);
            samples.extend_from_slice(&body[self.fft_size - self.prefix(slot, l)..]);
            bodies.push(samples.len()..samples.len() + self.fft_size);
            samples.extend_from_slice(&body);
        }
        Ok(NrSlot { samples, grid, bodies })
    }

    /// Length of the cyclic prefix: 144/2048 of the symbol, and 16·2^μ/2048 more twice a millisecond.
    fn prefix(&self, slot: usize, symbol: usize) -> usize {
        let per_half = 7 << self.numerology;
        let longer = (slot * SYMBOLS + symbol).is_multiple_of(per_half);
        self.fft_size / 128 * (9 + if longer { 1 << self.numerology } else { 0 })
    }

    /// `r(n) = ((1 - 2c(2n)) + j(1 - 2c(2n+1)))/√2` with `c_init = 2^17(14n_s + l + 1)(2N + 1) + 2N mod 2^31`.
    fn reference(&self, slot: usize, symbol: usize) -> Vec<Complex32> {
        let n = u64::from(self.identity);
        let place = (SYMBOLS * slot + symbol + 1) as u64;
        let c_init = ((1u64 << 17) * place * (2 * n + 1) + 2 * n) & 0x7fff_ffff;
        let count = 6 * self.resource_blocks;
        let c = gold(c_init as u32, 2 * count);
        let level = |bit: bool| std::f32::consts::FRAC_1_SQRT_2 * if bit { -1.0 } else { 1.0 };
        c.chunks_exact(2).map(|c| Complex32::new(level(c[0]), level(c[1]))).collect()
    }

    fn check(&self, slot: usize) -> Result<()> {
        require(self.numerology <= 3, "numerology", "within 0 and 3", self.numerology)?;
        let n = self.fft_size;
        let ok = n.is_multiple_of(128) && (128..=8192).contains(&n);
        require(ok, "fft_size", "a multiple of 128, within 128 and 8192", n)?;
        let blocks = self.resource_blocks;
        require((1..=275).contains(&blocks), "resource_blocks", "within 1 and 275", blocks)?;
        require(12 * blocks < n, "resource_blocks", "fewer subcarriers than fft_size", blocks)?;
        require(self.identity < 1 << 16, "identity", "within 0 and 65535", self.identity)?;
        let worst = self.pilot_symbols.iter().max().copied().unwrap_or(0);
        require(worst < SYMBOLS, "pilot_symbols", "within 0 and 13", worst)?;
        require(slot < 10 << self.numerology, "slot", "within one frame", slot)
    }
}

/// The first `n` bits of the length-31 Gold sequence `c` of TS 38.211 section 5.2.1 (and 36.211 section 7.2).
#[must_use]
pub fn gold(c_init: u32, n: usize) -> Vec<bool> {
    // Bit i of a register is x(now + i); both start 1600 steps before the output.
    let (mut x1, mut x2) = (1u32, c_init & 0x7fff_ffff);
    let step = |x1: &mut u32, x2: &mut u32| {
        let out = (*x1 ^ *x2) & 1 == 1;
        let new1 = (*x1 ^ (*x1 >> 3)) & 1;
        let new2 = (*x2 ^ (*x2 >> 1) ^ (*x2 >> 2) ^ (*x2 >> 3)) & 1;
        *x1 = *x1 >> 1 | new1 << 30;
        *x2 = *x2 >> 1 | new2 << 30;
        out
    };
    for _ in 0..1600 {
        step(&mut x1, &mut x2);
    }
    (0..n).map(|_| step(&mut x1, &mut x2)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{power, rng};

    /// The definition written out with arrays, for several seeds.
    #[test]
    fn gold_is_the_definition() {
        for c_init in [0u32, 1, 0x1234_5678, 0x7fff_ffff] {
            let n = 300;
            let (mut x1, mut x2) = (vec![0u8; n + 1700], vec![0u8; n + 1700]);
            x1[0] = 1;
            for (i, x2) in x2.iter_mut().take(31).enumerate() {
                *x2 = (c_init >> i & 1) as u8;
            }
            for i in 0..n + 1600 {
                x1[i + 31] = (x1[i + 3] + x1[i]) % 2;
                x2[i + 31] = (x2[i + 3] + x2[i + 2] + x2[i + 1] + x2[i]) % 2;
            }
            let want: Vec<_> = (0..n).map(|i| (x1[i + 1600] + x2[i + 1600]) % 2 == 1).collect();
            assert_eq!(gold(c_init, n), want);
        }
    }

    #[test]
    fn the_grid_comes_back() {
        let config = NrComb::default();
        let slot = config.slot(0, &mut rng(1)).unwrap();
        // 0.5 ms at 15.36 MS/s.
        assert_eq!(slot.samples.len(), 7680);
        assert!((power(&slot.samples) - 1.0).abs() < 0.05);
        let fft = FftPlanner::new().plan_fft_forward(512);
        for (l, body) in slot.bodies.iter().enumerate() {
            let mut bins = slot.samples[body.clone()].to_vec();
            fft.process(&mut bins);
            for k in 0..288 {
                let got = bins[(k + 512 - 144) % 512] * (288f32.sqrt() / 512.0);
                assert!((got - slot.grid[[l, k]]).norm() < 1e-4);
            }
            // The prefix repeats the end of the body.
            let prefix = config.prefix(0, l);
            for i in 1..=prefix {
                assert!((slot.samples[body.start - i] - slot.samples[body.end - i]).norm() < 1e-6);
            }
        }
        assert_eq!(config.pilot_frequencies().len(), 144);
        assert_eq!(config.pilot_frequencies()[72], 0.0);
    }

    /// A millisecond is a millisecond in every numerology.
    #[test]
    fn slots_add_up() {
        for numerology in 0..=3u32 {
            let config = NrComb { numerology, ..Default::default() };
            let total: usize =
                (0..1 << numerology).map(|s| config.slot(s, &mut rng(1)).unwrap().samples.len()).sum();
            assert_eq!(total as f64, config.sample_rate() * 1e-3);
        }
        assert!(NrComb { fft_size: 100, ..Default::default() }.slot(0, &mut rng(1)).is_err());
        assert!(NrComb { resource_blocks: 43, ..Default::default() }.slot(0, &mut rng(1)).is_err());
        assert!(NrComb { pilot_symbols: vec![14], ..Default::default() }.slot(0, &mut rng(1)).is_err());
    }
}

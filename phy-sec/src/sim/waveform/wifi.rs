//! 802.11a/g OFDM frames: IEEE 802.11-2020 clause 17, 20 MHz, from the octets of a PSDU to samples.
//!
//! Short training field (10 periods of 16 samples), long training field (guard of 32 and twice 64), SIGNAL,
//! and DATA scrambled, convolutionally coded, punctured, interleaved and mapped, with four pilots. Symbols
//! are joined without the optional window. Each field has unit mean power.

use std::ops::Range;

use ndarray::Array2;
use num_complex::Complex32;
use rustfft::FftPlanner;
use serde::{Deserialize, Serialize};

use super::super::require;
use super::Modulation;
use crate::Result;

mod coding;

/// Sample rate of the frames, Hz.
pub const SAMPLE_RATE: f64 = 20e6;
/// Distance of the subcarriers, Hz.
pub const SPACING: f64 = 312.5e3;
/// Samples of the Fourier transform.
const SIZE: usize = 64;
/// Samples of the guard interval.
const GUARD: usize = 16;
/// The pilots' subcarriers and the sequence on them (17.3.5.9).
pub const PILOTS: [(i32, f32); 4] = [(-21, 1.0), (-7, 1.0), (7, 1.0), (21, -1.0)];

/// The training sequence on subcarriers -26 to 26 in the long training field (equation 17-8).
#[rustfmt::skip]
pub const LONG_TRAINING: [f32; 53] = [
    1.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0, 1.0, -1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0,
    1.0, -1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, -1.0, -1.0, -1.0,
    -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, 1.0, 1.0, 1.0,
];

/// Signs of `1 + j` on subcarriers ±4, ±8, ... in the short training field (equation 17-6).
const SHORT_TRAINING: [(i32, f32); 12] = [
    (-24, 1.0),
    (-20, -1.0),
    (-16, 1.0),
    (-12, -1.0),
    (-8, -1.0),
    (-4, 1.0),
    (4, -1.0),
    (8, -1.0),
    (12, 1.0),
    (16, 1.0),
    (20, 1.0),
    (24, 1.0),
];

/// Data rates (Table 17-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Rate {
    /// BPSK, rate 1/2.
    #[default]
    #[serde(rename = "6")]
    Mbps6,
    /// BPSK, rate 3/4.
    #[serde(rename = "9")]
    Mbps9,
    /// QPSK, rate 1/2.
    #[serde(rename = "12")]
    Mbps12,
    /// QPSK, rate 3/4.
    #[serde(rename = "18")]
    Mbps18,
    /// 16-QAM, rate 1/2.
    #[serde(rename = "24")]
    Mbps24,
    /// 16-QAM, rate 3/4.
    #[serde(rename = "36")]
    Mbps36,
    /// 64-QAM, rate 2/3.
    #[serde(rename = "48")]
    Mbps48,
    /// 64-QAM, rate 3/4.
    #[serde(rename = "54")]
    Mbps54,
}

impl Rate {
    /// Every rate.
    pub const ALL: [Self; 8] = [
        Self::Mbps6,
        Self::Mbps9,
        Self::Mbps12,
        Self::Mbps18,
        Self::Mbps24,
        Self::Mbps36,
        Self::Mbps48,
        Self::Mbps54,
    ];

    /// Constellation, code rate as (numerator, denominator), RATE field R1..R4 (Table 17-6).
    fn parameters(self) -> (Modulation, (usize, usize), [u8; 4]) {
        match self {
            Self::Mbps6 => (Modulation::Bpsk, (1, 2), [1, 1, 0, 1]),
            Self::Mbps9 => (Modulation::Bpsk, (3, 4), [1, 1, 1, 1]),
            Self::Mbps12 => (Modulation::Qpsk, (1, 2), [0, 1, 0, 1]),
            Self::Mbps18 => (Modulation::Qpsk, (3, 4), [0, 1, 1, 1]),
            Self::Mbps24 => (Modulation::Qam16, (1, 2), [1, 0, 0, 1]),
            Self::Mbps36 => (Modulation::Qam16, (3, 4), [1, 0, 1, 1]),
            Self::Mbps48 => (Modulation::Qam64, (2, 3), [0, 0, 0, 1]),
            Self::Mbps54 => (Modulation::Qam64, (3, 4), [0, 0, 1, 1]),
        }
    }

    /// Constellation of the data subcarriers.
    #[must_use]
    pub fn modulation(self) -> Modulation {
        self.parameters().0
    }

    /// Data bits in one OFDM symbol (N_DBPS).
    #[must_use]
    pub fn data_bits(self) -> usize {
        let (modulation, (numerator, denominator), _) = self.parameters();
        48 * modulation.bits() * numerator / denominator
    }
}

/// A transmitter of 802.11a/g frames.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wifi {
    /// Data rate, Mbit/s.
    pub rate: Rate,
    /// Initial state of the scrambler, 1 to 127.
    pub scrambler: u8,
}

impl Default for Wifi {
    fn default() -> Self {
        Self { rate: Rate::default(), scrambler: 0b101_1101 }
    }
}

/// One frame and its truth.
#[derive(Debug, Clone)]
pub struct WifiFrame {
    /// Complex baseband at [`SAMPLE_RATE`].
    pub samples: Vec<Complex32>,
    /// Where the training fields are: samples 0 to 320.
    pub preamble: Range<usize>,
    /// What each OFDM symbol after the preamble holds on subcarriers -26 to 26: `[symbol, subcarrier]`, SIGNAL
    /// first. Symbol `k` starts, guard included, at sample `320 + 80k`.
    pub grid: Array2<Complex32>,
}

impl Wifi {
    /// The frame that carries `psdu` (the octets from the MAC header to the FCS).
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] unless `psdu` has 1 to 4095 octets and the scrambler is not all zero.
    pub fn modulate(&self, psdu: &[u8]) -> Result<WifiFrame> {
        require((1..=4095).contains(&psdu.len()), "psdu", "1 to 4095 octets long", psdu.len())?;
        require((1..=127).contains(&self.scrambler), "scrambler", "within 1 and 127", self.scrambler)?;
        let (modulation, code, rate_bits) = self.rate.parameters();
        let signal = coding::interleave(&coding::encode(&coding::signal(rate_bits, psdu.len()), (1, 2)), 1);
        let data = coding::data(psdu, self.scrambler, self.rate.data_bits());
        let coded = coding::encode(&data, code);
        let mut rows = vec![map(Modulation::Bpsk, &signal)];
        for block in coded.chunks(48 * modulation.bits()) {
            rows.push(map(modulation, &coding::interleave(block, modulation.bits())));
        }
        let mut grid = Array2::zeros((rows.len(), 53));
        let mut samples = training();
        let preamble = 0..samples.len();
        for ((n, points), mut row) in rows.iter().enumerate().zip(grid.rows_mut()) {
            let mut points = points.iter();
            for k in -26i32..=26 {
                let pilot = PILOTS.iter().find(|(place, _)| *place == k);
                row[(k + 26) as usize] = match (k, pilot) {
                    (0, _) => Complex32::ZERO,
                    (_, Some((_, sign))) => Complex32::new(sign * coding::polarity(n), 0.0),
                    _ => points.next().copied().unwrap_or_default(),
                };
            }
            let body = symbol(row.iter().copied().enumerate().map(|(i, x)| (i as i32 - 26, x)));
            samples.extend_from_slice(&body[SIZE - GUARD..]);
            samples.extend_from_slice(&body);
        }
        Ok(WifiFrame { samples, preamble, grid })
    }
}

/// One period of the long training field: 64 samples.
#[must_use]
pub fn long_training_symbol() -> Vec<Complex32> {
    symbol(LONG_TRAINING.iter().enumerate().map(|(i, x)| (i as i32 - 26, Complex32::new(*x, 0.0))))
}

/// One period of the short training field: 16 samples.
#[must_use]
pub fn short_training_symbol() -> Vec<Complex32> {
    let level = (13f32 / 6.0).sqrt();
    let mut x = symbol(SHORT_TRAINING.iter().map(|&(k, sign)| (k, sign * level * Complex32::new(1.0, 1.0))));
    x.truncate(16);
    x
}

/// Both training fields: 320 samples, 16 µs.
#[must_use]
pub fn training() -> Vec<Complex32> {
    let (short, long) = (short_training_symbol(), long_training_symbol());
    let mut x: Vec<_> = short.iter().copied().cycle().take(160).collect();
    x.extend_from_slice(&long[32..]);
    x.extend_from_slice(&long);
    x.extend_from_slice(&long);
    x
}

fn map(modulation: Modulation, bits: &[bool]) -> Vec<Complex32> {
    modulation.symbols(bits).into_iter().map(|s| modulation.point(s)).collect()
}

/// The body of an OFDM symbol, scaled so that 52 subcarriers of unit power give unit mean power.
fn symbol(subcarriers: impl Iterator<Item = (i32, Complex32)>) -> Vec<Complex32> {
    let mut x = vec![Complex32::ZERO; SIZE];
    for (k, value) in subcarriers {
        x[k.rem_euclid(SIZE as i32) as usize] = value / 52f32.sqrt();
    }
    FftPlanner::new().plan_fft_inverse(SIZE).process(&mut x);
    x
}

#[cfg(test)]
mod tests;

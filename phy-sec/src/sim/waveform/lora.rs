//! LoRa's chirp spread spectrum, uncoded: preamble, sync word, start-frame delimiter, payload chirps.
//!
//! Symbol `s` of spreading factor `SF` is a rising chirp over the bandwidth `B` in `2^SF / B` seconds whose
//! frequency starts at `-B/2 + s·B/2^SF` and wraps at `+B/2` (Vangelista, IEEE Signal Process. Lett. 24(12),
//! 2017; frame structure as measured by Robyns et al., "A multi-channel software decoder for the LoRa
//! modulation scheme", IoTBDS 2018).

use std::f64::consts::TAU;

use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::super::{phasor, require};
use crate::Result;

/// A LoRa transmitter; the sample rate is `oversampling` times the bandwidth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lora {
    /// Spreading factor, 5 to 12.
    pub spreading_factor: u32,
    /// Sample rate over bandwidth.
    pub oversampling: usize,
    /// Rising chirps at the start.
    pub preamble: usize,
    /// Sync word: 0x12 in private networks, 0x34 in public LoRaWAN.
    pub sync_word: u8,
}

impl Default for Lora {
    fn default() -> Self {
        Self { spreading_factor: 7, oversampling: 4, preamble: 8, sync_word: 0x12 }
    }
}

impl Lora {
    /// Samples in one chirp.
    #[must_use]
    pub fn chirp_len(&self) -> usize {
        self.oversampling << self.spreading_factor
    }

    /// Samples before the first payload chirp: preamble, two sync chirps, 2¼ falling chirps.
    #[must_use]
    pub fn header_len(&self) -> usize {
        (self.preamble + 4) * self.chirp_len() + self.chirp_len() / 4
    }

    /// The rising chirp of `symbol` (modulo `2^SF`), unit amplitude, starting at phase 0.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] for a spreading factor or an oversampling that makes no sense.
    pub fn chirp(&self, symbol: usize) -> Result<Vec<Complex32>> {
        self.check()?;
        let (chips, over) = ((1usize << self.spreading_factor) as f64, self.oversampling as f64);
        let s = (symbol % (1 << self.spreading_factor)) as f64;
        Ok((0..self.chirp_len())
            .map(|n| {
                // In chips of 1/B: phase 2π(s - 2^SF/2 + t/2)·t / 2^SF, and one turn less per chip once wrapped.
                let t = n as f64 / over;
                let wrapped = (t - (chips - s)).max(0.0);
                phasor(TAU * (((s - chips / 2.0 + t / 2.0) * t / chips).fract() - wrapped.fract()))
            })
            .collect())
    }

    /// A whole frame with payload `symbols`, each modulo `2^SF`.
    ///
    /// # Errors
    /// As [`Self::chirp`].
    pub fn modulate(&self, symbols: &[usize]) -> Result<Vec<Complex32>> {
        let up = self.chirp(0)?;
        let mut x = Vec::with_capacity(self.header_len() + symbols.len() * self.chirp_len());
        for _ in 0..self.preamble {
            x.extend_from_slice(&up);
        }
        for nibble in [self.sync_word >> 4, self.sync_word & 15] {
            x.extend(self.chirp(usize::from(nibble) * 8)?);
        }
        let down: Vec<_> = up.iter().map(Complex32::conj).collect();
        x.extend_from_slice(&down);
        x.extend_from_slice(&down);
        x.extend_from_slice(&down[..down.len() / 4]);
        for &symbol in symbols {
            x.extend(self.chirp(symbol)?);
        }
        Ok(x)
    }

    fn check(&self) -> Result<()> {
        let sf = self.spreading_factor;
        require((5..=12).contains(&sf), "spreading_factor", "within 5 and 12", sf)?;
        require(
            (1..=256).contains(&self.oversampling),
            "oversampling",
            "within 1 and 256",
            self.oversampling,
        )?;
        require(self.preamble <= 65_535, "preamble", "at most 65535", self.preamble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::rng;
    use crate::sim::waveform::{papr_db, random_symbols};

    /// Multiplied with the falling chirp and looked at once per chip, symbol `s` is the tone of bin `s`.
    fn detect(lora: &Lora, x: &[Complex32]) -> (usize, f32) {
        let chips = 1usize << lora.spreading_factor;
        let up = lora.chirp(0).unwrap();
        let flat: Vec<_> = x.iter().zip(&up).step_by(lora.oversampling).map(|(x, u)| x * u.conj()).collect();
        let mut bins = flat;
        rustfft::FftPlanner::new().plan_fft_forward(chips).process(&mut bins);
        let best = (0..chips).max_by(|&a, &b| bins[a].norm().total_cmp(&bins[b].norm())).unwrap();
        (best, bins[best].norm() / chips as f32)
    }

    #[test]
    fn symbols_come_back() {
        for (spreading_factor, oversampling) in [(7, 1), (7, 8), (9, 4), (12, 2)] {
            let lora = Lora { spreading_factor, oversampling, ..Default::default() };
            let symbols = random_symbols(&mut rng(1), 10, 1 << spreading_factor);
            let x = lora.modulate(&symbols).unwrap();
            assert_eq!(x.len(), lora.header_len() + 10 * lora.chirp_len());
            assert!(papr_db(&x) < 1e-4);
            for (x, &symbol) in x[lora.header_len()..].chunks(lora.chirp_len()).zip(&symbols) {
                let (got, height) = detect(&lora, x);
                assert_eq!(got, symbol);
                assert!((height - 1.0).abs() < 1e-3, "{height}");
            }
            let sync = &x[8 * lora.chirp_len()..];
            assert_eq!(detect(&lora, &sync[..lora.chirp_len()]).0, 8);
            assert_eq!(detect(&lora, &sync[lora.chirp_len()..2 * lora.chirp_len()]).0, 16);
        }
        assert!(Lora { spreading_factor: 13, ..Default::default() }.modulate(&[]).is_err());
    }

    #[test]
    fn the_frequency_rises_and_wraps() {
        let lora = Lora { oversampling: 8, ..Default::default() };
        let x = lora.chirp(32).unwrap();
        let bandwidths = |n: usize| f64::from((x[n + 1] * x[n].conj()).arg()) / TAU * 8.0;
        for (n, want) in [(0, -0.25), (256, 0.0), (760, 0.4922), (776, -0.4922), (1020, -0.2539)] {
            assert!((bandwidths(n) - want).abs() < 2e-3, "{n}: {}", bandwidths(n));
        }
    }

    /// The reference chirp that comes with recordings of a commercial node (SF 7, 125 kHz, 1 MS/s).
    #[test]
    fn the_chirp_is_the_recorded_nodes() {
        let Some(folder) = crate::testdata::folder("fingerprint/lora") else { return };
        let bytes = std::fs::read(folder.join("ref_upchirp.cf32")).unwrap();
        let number = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        let x: Vec<_> = bytes.chunks_exact(8).map(|b| Complex32::new(number(b), number(&b[4..]))).collect();
        let ours = Lora { oversampling: 8, ..Default::default() }.chirp(0).unwrap();
        assert_eq!(x.len(), ours.len());
        let error = crate::sim::waveform::evm(&ours, &x);
        assert!(error < 1e-4, "{error}");
    }
}

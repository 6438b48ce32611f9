//! Single-carrier PSK and QAM with root-raised-cosine pulses.

use std::f64::consts::PI;

use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::super::require;
use super::Modulation;
use crate::Result;

/// A single-carrier transmitter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SingleCarrier {
    /// Constellation.
    pub modulation: Modulation,
    /// Sample rate over symbol rate, at least 2.
    pub samples_per_symbol: usize,
    /// Roll-off of the pulse, 0 to 1: the signal is `(1 + rolloff)` symbol rates wide.
    pub rolloff: f64,
    /// Length of the pulse in symbols, even.
    pub span: usize,
}

impl Default for SingleCarrier {
    fn default() -> Self {
        Self { modulation: Modulation::Qpsk, samples_per_symbol: 4, rolloff: 0.25, span: 16 }
    }
}

impl SingleCarrier {
    /// The signal of `symbols`, of unit mean power in its middle. The pulse of symbol `k` peaks at sample
    /// `(k + span / 2) · samples_per_symbol`; the length is `(symbols + span) · samples_per_symbol`.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] for a pulse that cannot be.
    pub fn modulate(&self, symbols: &[usize]) -> Result<Vec<Complex32>> {
        let pulse = root_raised_cosine(self.rolloff, self.samples_per_symbol, self.span)?;
        let scale = (self.samples_per_symbol as f32).sqrt();
        let mut x = vec![Complex32::ZERO; (symbols.len() + self.span) * self.samples_per_symbol];
        for (k, &symbol) in symbols.iter().enumerate() {
            let point = scale * self.modulation.point(symbol);
            // The pulse has one sample more than `span` symbols; the last one is dropped at the very end.
            for (x, h) in x[k * self.samples_per_symbol..].iter_mut().zip(&pulse) {
                *x += point * h;
            }
        }
        Ok(x)
    }

    /// The matched filter's output at the symbols' peaks: what a synchronized receiver decides on.
    ///
    /// # Errors
    /// As [`Self::modulate`].
    pub fn demodulate(&self, x: &[Complex32], symbols: usize) -> Result<Vec<Complex32>> {
        let pulse = root_raised_cosine(self.rolloff, self.samples_per_symbol, self.span)?;
        let scale = 1.0 / (self.samples_per_symbol as f32).sqrt();
        let starts = (0..symbols).map(|k| x.get(k * self.samples_per_symbol..).unwrap_or(&[]));
        Ok(starts.map(|x| scale * x.iter().zip(&pulse).map(|(x, h)| x * h).sum::<Complex32>()).collect())
    }
}

/// Root-raised-cosine pulse of unit energy, `span · samples_per_symbol + 1` samples, its peak in the middle.
///
/// With `β` the roll-off and `t` in symbols: `h(t) = [sin(πt(1-β)) + 4βt cos(πt(1+β))] / [πt(1-(4βt)²)]`
/// (Proakis and Salehi, Digital Communications, 5th ed., section 9.2; limits at 0 and at `±1/(4β)`).
///
/// # Errors
/// [`crate::Error::OutOfRange`] unless `0 ≤ rolloff ≤ 1`, `2 ≤ samples_per_symbol ≤ 1024` and `span` is even,
/// 2 to 256.
pub fn root_raised_cosine(rolloff: f64, samples_per_symbol: usize, span: usize) -> Result<Vec<f32>> {
    require((0.0..=1.0).contains(&rolloff), "rolloff", "within 0 and 1", rolloff)?;
    require(
        (2..=1024).contains(&samples_per_symbol),
        "samples_per_symbol",
        "within 2 and 1024",
        samples_per_symbol,
    )?;
    require((2..=256).contains(&span) && span.is_multiple_of(2), "span", "even, within 2 and 256", span)?;
    let half = (span * samples_per_symbol / 2) as f64;
    let taps: Vec<f64> = (0..=span * samples_per_symbol)
        .map(|n| {
            let t = (n as f64 - half) / samples_per_symbol as f64;
            let x = 4.0 * rolloff * t;
            if t.abs() < 1e-9 {
                1.0 - rolloff + 4.0 * rolloff / PI
            } else if (x.abs() - 1.0).abs() < 1e-9 {
                let (sin, cos) = (PI / (4.0 * rolloff)).sin_cos();
                rolloff / 2f64.sqrt() * ((1.0 + 2.0 / PI) * sin + (1.0 - 2.0 / PI) * cos)
            } else {
                ((PI * t * (1.0 - rolloff)).sin() + x * (PI * t * (1.0 + rolloff)).cos())
                    / (PI * t * (1.0 - x * x))
            }
        })
        .collect();
    let norm = taps.iter().map(|h| h * h).sum::<f64>().sqrt();
    Ok(taps.iter().map(|h| (h / norm) as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::waveform::{evm, random_symbols};
    use crate::sim::{power, rng};

    /// The pulse followed by its matched filter is a Nyquist pulse: zero at every other symbol.
    #[test]
    fn a_matched_pair_has_no_intersymbol_interference() {
        for (rolloff, samples_per_symbol, span, most) in [
            (0.25, 4, 32, 1e-3),
            (0.25, 4, 128, 3e-5),
            (0.5, 8, 32, 1e-4),
            (0.35, 5, 40, 1e-4),
            (1.0, 2, 24, 5e-4),
        ] {
            let h = root_raised_cosine(rolloff, samples_per_symbol, span).unwrap();
            for k in 1..span {
                let isi: f64 =
                    h.iter().zip(&h[k * samples_per_symbol..]).map(|(a, b)| f64::from(a * b)).sum();
                assert!(isi.abs() < most, "{rolloff} {samples_per_symbol} {span} {k}: {isi}");
            }
        }
    }

    #[test]
    fn symbols_come_back() {
        for modulation in Modulation::ALL {
            let config = SingleCarrier { modulation, span: 64, rolloff: 0.35, ..Default::default() };
            let symbols = random_symbols(&mut rng(1), 400, modulation.order());
            let x = config.modulate(&symbols).unwrap();
            assert!((power(&x[200..1600]) - 1.0).abs() < 0.1, "{}", power(&x[200..1600]));
            let sent: Vec<_> = symbols.iter().map(|&s| modulation.point(s)).collect();
            let got = config.demodulate(&x, symbols.len()).unwrap();
            assert!(evm(&sent, &got) < 1e-3, "{}", evm(&sent, &got));
        }
        assert!(root_raised_cosine(1.5, 4, 8).is_err() && root_raised_cosine(0.3, 4, 7).is_err());
        assert!(root_raised_cosine(0.0, 4, 8).unwrap().iter().all(|h| h.is_finite()));
    }
}

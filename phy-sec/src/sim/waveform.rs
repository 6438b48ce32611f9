//! Victims: the waveforms that carry keys, fingerprints and jamming.
//!
//! Each has a configuration, takes bits or symbols, and returns complex baseband of about unit mean power.
//! They are physical layers as far as a measurement needs them: preambles, pilots and pulse shapes follow
//! their standards, payloads are uncoded unless the module says otherwise.

use num_complex::Complex32;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

mod constellation;
mod gfsk;
mod lora;
mod nr;
mod ook;
mod single_carrier;
pub mod wifi;

pub use constellation::Modulation;
pub use gfsk::Gfsk;
pub use lora::Lora;
pub use nr::{NrComb, NrSlot, gold};
pub use ook::Ook;
pub use single_carrier::{SingleCarrier, root_raised_cosine};
pub use wifi::{Wifi, WifiFrame};

/// `n` independent fair bits.
pub fn random_bits(rng: &mut ChaCha8Rng, n: usize) -> Vec<bool> {
    (0..n).map(|_| rng.random()).collect()
}

/// `n` independent symbols, each below `order`.
pub fn random_symbols(rng: &mut ChaCha8Rng, n: usize, order: usize) -> Vec<usize> {
    (0..n).map(|_| rng.random_range(0..order.max(1))).collect()
}

/// Error vector magnitude `√(Σ|y - g·x|² / Σ|g·x|²)` after the least-squares complex gain `g`; linear.
#[must_use]
pub fn evm(reference: &[Complex32], measured: &[Complex32]) -> f64 {
    let n = reference.len().min(measured.len());
    let (x, y) = (&reference[..n], &measured[..n]);
    let energy: f64 = x.iter().map(|x| f64::from(x.norm_sqr())).sum();
    let (mut re, mut im) = (0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let c = x.conj() * y;
        re += f64::from(c.re);
        im += f64::from(c.im);
    }
    let gain = Complex32::new((re / energy) as f32, (im / energy) as f32);
    let error: f64 = x.iter().zip(y).map(|(x, y)| f64::from((y - gain * x).norm_sqr())).sum();
    (error / (energy * f64::from(gain.norm_sqr()))).sqrt()
}

/// Peak over mean power, dB.
#[must_use]
pub fn papr_db(x: &[Complex32]) -> f64 {
    let peak = x.iter().map(|x| f64::from(x.norm_sqr())).fold(0.0, f64::max);
    10.0 * (peak / super::power(x)).log10()
}

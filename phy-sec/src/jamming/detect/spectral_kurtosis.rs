//! The generalised spectral kurtosis estimator: how steadily each bin's power comes. Noise gives 1, a carrier less, pulses more.
//!
//! `SK = (MNd + 1)/(M - 1) · (M S2/S1² - 1)` over `M` powers, each the mean or sum of `N` raw ones with shape `d` (1 for the
//! power of complex noise). Its first four moments under noise are exact; thresholds fit a Pearson law to the first three:
//! Nita and Gary, Mon. Not. R. Astron. Soc. 406(1), 2010, pp. L60-L64. The law is approximate: for `M = 1024`, one power each,
//! a tail asked 0.00135 has 0.0015. [`SpectralKurtosis`], the detector, calibrates its own threshold.

use num_complex::Complex32;
use serde::{Deserialize, Serialize};
use statrs::function::{
    beta::beta_reg,
    gamma::{gamma_lr, gamma_ur},
};

use super::window::{Statistic, WindowDetector};
use crate::{Backend, Error, Result};

/// The law that is fitted to the estimator's moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pearson {
    /// Gamma, shifted.
    Iii,
    /// Beta of the second kind, shifted: the closer one.
    Vi,
}

/// The estimator for sums of `m` powers and of their squares.
///
/// - `sum`, `squares`: `S1`, `S2`
/// - `m`: powers summed; `shape`: `N·d` of each, 1 for the power of complex noise in one bin
pub fn estimator(sum: f64, squares: f64, m: usize, shape: f64) -> f64 {
    let m = m as f64;
    (m * shape + 1.0) / (m - 1.0) * (m * squares / (sum * sum) - 1.0)
}

/// The second, third and fourth central moments under noise; the mean is 1.
///
/// # Errors
/// [`Error::OutOfRange`] unless `m` is at least 2 and `shape` positive.
pub fn moments(m: usize, shape: f64) -> Result<[f64; 3]> {
    if m < 2 {
        return Err(Error::OutOfRange { field: "m", rule: "at least 2", got: m.to_string() });
    }
    if !(shape > 0.0 && shape <= 1e9) {
        return Err(Error::OutOfRange {
            field: "shape",
            rule: "above 0 and at most 1e9",
            got: shape.to_string(),
        });
    }
    let (m, s) = (m as f64, shape);
    let n = m * s;
    let base = s * (s + 1.0) / ((n + 2.0) * (n + 3.0));
    let u2 = 2.0 * m * m * base / (m - 1.0);
    let u3 = 8.0 * m.powi(3) * base / ((m - 1.0).powi(2) * (n + 4.0) * (n + 5.0))
        * ((s + 4.0) * n - 5.0 * s - 2.0);
    let polynomial =
        m.powi(3) * s.powi(4) + 3.0 * m * m * s.powi(4) + m.powi(3) * s.powi(3) + 68.0 * m * m * s.powi(3)
            - 93.0 * m * s.powi(3)
            + 125.0 * m * m * s * s
            - 245.0 * m * s * s
            + 84.0 * s * s
            - 32.0 * m * s
            + 48.0 * s
            + 24.0;
    let u4 = 12.0 * m.powi(4) * base / ((m - 1.0).powi(3) * (n + 4.0) * (n + 5.0) * (n + 6.0) * (n + 7.0))
        * polynomial;
    Ok([u2, u3, u4])
}

type Tail = Box<dyn Fn(f64) -> f64>;

/// What noise falls below, and what it exceeds, with probability `tail` each.
///
/// # Errors
/// As [`moments`]; [`Error::OutOfRange`] unless `tail` is in 1e-12..0.5.
pub fn thresholds(m: usize, shape: f64, tail: f64, law: Pearson) -> Result<[f64; 2]> {
    let [u2, u3, _] = moments(m, shape)?;
    if !(1e-12..0.5).contains(&tail) {
        return Err(Error::OutOfRange {
            field: "tail",
            rule: "from 1e-12 to below 0.5",
            got: tail.to_string(),
        });
    }
    // Where the law begins, and its tails below and above.
    let (start, below, above): (f64, Tail, Tail) = match law {
        Pearson::Iii => {
            let (scale, shape) = (u3 / (2.0 * u2), 4.0 * u2.powi(3) / (u3 * u3));
            let start = 1.0 - 2.0 * u2 * u2 / u3;
            let at = move |x: f64| ((x - start) / scale).max(1e-300);
            (start, Box::new(move |x| gamma_lr(shape, at(x))), Box::new(move |x| gamma_ur(shape, at(x))))
        }
        Pearson::Vi => {
            // Mean, variance and third moment of `start + B`, B of the second kind (a, b), solved for b - 3.
            let half = u3 / u2 / 2.0;
            let y = (4.0 * u2 + (16.0 * u2 * u2 + 4.0 * half * half * (1.0 + 4.0 * u2)).sqrt())
                / (2.0 * half * half);
            let b = y + 3.0;
            let a = (b - 1.0) * (half * y - 1.0) / 2.0;
            let start = 1.0 - a / (b - 1.0);
            let share = move |x: f64| ((x - start) / (1.0 + x - start)).clamp(0.0, 1.0);
            (
                start,
                Box::new(move |x| beta_reg(a, b, share(x))),
                Box::new(move |x| beta_reg(b, a, 1.0 - share(x))),
            )
        }
    };
    let spread = u2.sqrt();
    let bisect = |mut low: f64, mut high: f64, inside: &dyn Fn(f64) -> bool| {
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            *(if inside(middle) { &mut high } else { &mut low }) = middle;
        }
        0.5 * (low + high)
    };
    let lower = bisect(start.max(0.0), 1.0, &|x| below(x) >= tail);
    let upper = bisect(1.0, 1.0 + 60.0 * spread + 10.0 * u3.abs().cbrt(), &|x| above(x) <= tail);
    Ok([lower, upper])
}

/// The most unusual bin of a window: how far its spectral kurtosis is from 1, in units of a Pearson VI threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpectralKurtosis {
    /// Bins of a spectrum, 4..=4096; the window is cut into spectra end to end, at least 4 of them.
    pub size: usize,
}

impl Default for SpectralKurtosis {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Tail of each side of the thresholds that the statistic is measured in.
const UNIT: f64 = 1e-5;

impl WindowDetector for SpectralKurtosis {
    const DEFAULT: Self = SpectralKurtosis { size: 16 };

    fn check(&self, samples: usize) -> Result<()> {
        if !(4..=4096).contains(&self.size) {
            let got = self.size.to_string();
            return Err(Error::OutOfRange { field: "size", rule: "within 4..=4096", got });
        }
        let need = 4 * self.size;
        if samples < need {
            return Err(Error::TooShort { what: "spectral kurtosis", need, unit: "samples", got: samples });
        }
        Ok(())
    }

    fn statistic(&self, samples: usize, backend: &Backend) -> Result<Statistic> {
        let size = self.size;
        let m = samples / size;
        let [lower, upper] = thresholds(m, 1.0, UNIT, Pearson::Vi)?;
        let mut sums = Kurtosis::new(size, backend)?;
        Ok(Box::new(move |x: &[Complex32]| {
            sums.reset();
            sums.push(&x[..m * size]);
            sums.values()
                .map(|sk| (sk - 1.0) / (upper - 1.0))
                .map(|over| if over < 0.0 { -over * (upper - 1.0) / (1.0 - lower) } else { over })
                .fold(0.0, f64::max)
        }))
    }
}

/// Sums of the powers of spectra and of their squares, bin by bin: spectra end to end without a window, whose bins are
/// independent in white noise. Whole spectra at a time.
pub struct Kurtosis {
    size: usize,
    transform: kernels::fft::Batch,
    spectra: Vec<Complex32>,
    sum: Vec<f32>,
    squares: Vec<f32>,
    count: usize,
}

/// Samples transformed at a time: they stay in the cache.
const BATCH: usize = 4096;

impl Kurtosis {
    /// # Errors
    /// [`Error::Kernel`] unless `size` is within 1..=2^24.
    pub fn new(size: usize, backend: &Backend) -> Result<Self> {
        let transform = kernels::fft::Batch::new(backend, size, kernels::fft::Direction::Forward)?;
        let spectra = vec![Complex32::ZERO; size * (BATCH / size).max(1)];
        Ok(Kurtosis { size, transform, spectra, sum: vec![0.0; size], squares: vec![0.0; size], count: 0 })
    }

    /// Adds the whole spectra of `x`; what is left over at its end is not used.
    pub fn push(&mut self, x: &[Complex32]) {
        let whole = x.len() / self.size * self.size;
        for x in x[..whole].chunks(self.spectra.len()) {
            let spectra = &mut self.spectra[..x.len()];
            if self.transform.process(x, spectra).is_err() {
                unreachable!("whole spectra in and out");
            }
            for spectrum in spectra.chunks_exact(self.size) {
                for ((sum, squares), x) in self.sum.iter_mut().zip(&mut self.squares).zip(spectrum) {
                    let power = x.re * x.re + x.im * x.im;
                    *sum += power;
                    *squares += power * power;
                }
            }
            self.count += x.len() / self.size;
        }
    }

    /// Spectra summed.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The estimator of each bin, in the order of the transform; not a number before the second spectrum, and for a bin
    /// without power.
    pub fn values(&self) -> impl Iterator<Item = f64> + '_ {
        let sums = self.sum.iter().zip(&self.squares);
        sums.map(|(sum, squares)| estimator((*sum).into(), (*squares).into(), self.count, 1.0))
    }

    /// Starts afresh.
    pub fn reset(&mut self) {
        self.sum.fill(0.0);
        self.squares.fill(0.0);
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim;

    /// `sk_thresholds_3sigma` of jamming.json.
    #[test]
    fn moments_and_thresholds_of_the_table() {
        let tail = 0.001_349_898_031_630_094_6;
        for (m, shape, u, iii, vi) in [
            (
                300,
                10.0,
                [0.007345611948117747, 0.0001369950559948312, 0.00016688723457220807],
                [0.767535783435593, 1.2821180624428823],
                [0.7664781876891555, 1.2831255281501788],
            ),
            (
                100,
                1.0,
                [0.03845806244435599, 0.007015142185617162, 0.007457470736617092],
                [0.638660285934801, 1.8330376248760283],
                [0.6048483188488534, 1.8605005519828666],
            ),
            (
                256,
                1.0,
                [0.015384389666195411, 0.0011589230375194813, 0.0009212709399253956],
                [0.7249537578880623, 1.4733903476602728],
                [0.715165394797753, 1.4819403963294087],
            ),
            (
                1024,
                1.0,
                [0.00389104690896328, 7.530400665881739e-05, 4.89908350895489e-05],
                [0.8383281523225283, 1.2131125433567846],
                [0.8370110119084093, 1.214341875743549],
            ),
            (
                6104,
                1.0,
                [0.0006548788298655248, 2.142435979426284e-06, 1.3038287388399225e-06],
                [0.9275702914895276, 1.0811489177523836],
                [0.9274788582221617, 1.0812377897426881],
            ),
            (
                8192,
                1.0,
                [0.0004880429405158712, 1.1901450118363006e-06, 7.216936202632851e-07],
                [0.9369638063825947, 1.0695364844676516],
                [0.9369050189923807, 1.069593847207573],
            ),
            (
                32,
                64.0,
                [0.06536451869921256, 0.008901384965011848, 0.014755301979898062],
                [0.4095428169692239, 1.9500910401936085],
                [0.3906395070024451, 1.966830401978005],
            ),
        ] {
            let got = moments(m, shape).unwrap();
            for (got, want) in got.iter().zip(u) {
                assert!((got / want - 1.0).abs() < 1e-11, "{m} {shape}: {got}, the table says {want}");
            }
            for (law, want) in [(Pearson::Iii, iii), (Pearson::Vi, vi)] {
                let got = thresholds(m, shape, tail, law).unwrap();
                for (got, want) in got.iter().zip(want) {
                    assert!((got - want).abs() < 1e-7, "{m} {shape} {law:?}: {got}, the table says {want}");
                }
            }
        }
        assert!(moments(1, 1.0).is_err());
        assert!(thresholds(100, 1.0, 0.5, Pearson::Vi).is_err());
    }

    /// Noise gives 1, a carrier nearly 0, a pulse of a duty of one eighth about 8: bin by bin, cut anywhere.
    #[test]
    fn tells_carriers_from_pulses() {
        let size = 64;
        let mut x = sim::noise(&mut sim::rng(1), 512 * size, 1.0);
        for (n, x) in x.iter_mut().enumerate() {
            let at =
                |bin: usize| Complex32::cis(std::f32::consts::TAU * ((bin * n) % size) as f32 / size as f32);
            *x += at(5) * 3.0;
            if n / size % 8 == 0 {
                *x += at(20) * 8.0;
            }
        }
        let mut whole = Kurtosis::new(size, &Backend::default()).unwrap();
        whole.push(&x);
        let values: Vec<f64> = whole.values().collect();
        assert!(values[5] < 0.1 && values[20] > 5.0, "{} {}", values[5], values[20]);
        let [lower, upper] = thresholds(512, 1.0, 1e-5, Pearson::Vi).unwrap();
        let others = values.iter().enumerate().filter(|(bin, _)| ![5, 20].contains(bin));
        assert!(others.clone().all(|(_, sk)| (lower..upper).contains(sk)), "{values:?}");
        let mut parts = Kurtosis::new(size, &Backend::default()).unwrap();
        x.chunks(64 * 7).for_each(|x| parts.push(x));
        assert_eq!((parts.count(), parts.values().collect::<Vec<_>>()), (512, values));
    }
}

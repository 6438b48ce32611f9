//! Window functions, as `scipy.signal.get_window` defines them (SciPy 1.17, `scipy/signal/windows`).
//!
//! All families that need no further argument, and Kaiser, Gaussian, Tukey and exponential. A *periodic*
//! window of `n` points is the symmetric one of `n + 1` with the last point dropped (`fftbins=True`):
//! what a spectrum wants; a filter design wants the symmetric one. Computed in `f64`, rounded once.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A window family with its parameters. In configuration: `window = "hann"`, `window = { kaiser = 8.6 }`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// All ones; SciPy's `boxcar`.
    Rectangular,
    /// Triangle that does not reach zero at its ends; SciPy's `triang`.
    Triangular,
    /// Triangle that reaches zero.
    Bartlett,
    /// Raised cosine: the default everywhere in this library.
    #[default]
    Hann,
    /// `0.54 - 0.46 cos`.
    Hamming,
    /// Three terms, 0.42, 0.5, 0.08.
    Blackman,
    /// Minimum four-term Blackman-Harris, -92 dB.
    BlackmanHarris,
    /// Minimum four-term after Nuttall, -93 dB.
    Nuttall,
    /// Five terms, for amplitudes: scalloping under 0.01 dB.
    FlatTop,
    /// Half a sine.
    Cosine,
    /// Parzen (de la Vallée Poussin).
    Parzen,
    /// Bohman.
    Bohman,
    /// Modified Bartlett-Hann.
    BartlettHann,
    /// The main lobe of a sinc; SciPy's `lanczos`.
    Lanczos,
    /// Taylor, `nbar = 4`, side lobes at -30 dB, normalised: SciPy's defaults.
    Taylor,
    /// `exp(-|n - centre| / tau)`, `tau` in samples; SciPy's default is 1.
    Exponential(f64),
    /// Cosine-tapered; the parameter in `[0, 1]` is the tapered share, SciPy's default 0.5.
    Tukey(f64),
    /// Kaiser with the parameter beta.
    Kaiser(f64),
    /// Gaussian with the standard deviation in samples.
    Gaussian(f64),
}

impl Window {
    /// Errors if the parameter is outside its range: beta at least 0, share in 0..=1, sigma and tau above 0.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn check(self) -> Result<()> {
        let (rule, value, fine) = match self {
            Window::Exponential(tau) => ("above 0 (exponential)", tau, tau > 0.0 && tau.is_finite()),
            Window::Tukey(share) => ("within 0..=1 (tukey)", share, (0.0..=1.0).contains(&share)),
            Window::Kaiser(beta) => ("within 0..=700 (kaiser)", beta, (0.0..=700.0).contains(&beta)),
            Window::Gaussian(sigma) => ("above 0 (gaussian)", sigma, sigma > 0.0 && sigma.is_finite()),
            Window::Rectangular
            | Window::Triangular
            | Window::Bartlett
            | Window::Hann
            | Window::Hamming
            | Window::Blackman
            | Window::BlackmanHarris
            | Window::Nuttall
            | Window::FlatTop
            | Window::Cosine
            | Window::Parzen
            | Window::Bohman
            | Window::BartlettHann
            | Window::Lanczos
            | Window::Taylor => return Ok(()),
        };
        if fine { Ok(()) } else { Err(Error::out_of_range("window", rule, value)) }
    }

    /// The `n` points, rounded from [`Window::coefficients_f64`].
    pub fn coefficients(self, n: usize, periodic: bool) -> Vec<f32> {
        self.coefficients_f64(n, periodic).into_iter().map(|w| w as f32).collect()
    }

    /// The `n` points. One point is always 1, none is empty, as in SciPy.
    ///
    /// A parameter outside the range of [`Window::check`] gives NaN or a shape of no use, never a panic.
    pub fn coefficients_f64(self, n: usize, periodic: bool) -> Vec<f64> {
        if n <= 1 {
            return vec![1.0; n];
        }
        let mut window = self.symmetric(if periodic { n + 1 } else { n });
        window.truncate(n);
        window
    }

    /// `n >= 2` points from end to end.
    fn symmetric(self, n: usize) -> Vec<f64> {
        let last = (n - 1) as f64;
        // u runs from 0 to 1, v from -1 to 1, k from -last/2 to last/2.
        let over = |f: &dyn Fn(f64) -> f64| (0..n).map(|i| f(i as f64 / last)).collect();
        let centred = |f: &dyn Fn(f64) -> f64| (0..n).map(|i| f(i as f64 - last / 2.0)).collect();
        match self {
            Window::Rectangular => vec![1.0; n],
            Window::Triangular => {
                let width = if n.is_multiple_of(2) { n as f64 } else { n as f64 + 1.0 };
                centred(&|k| 1.0 - 2.0 * k.abs() / width)
            }
            Window::Bartlett => over(&|u| 1.0 - (2.0 * u - 1.0).abs()),
            Window::Hann => over(&|u| cosines(&[0.5, 0.5], u)),
            Window::Hamming => over(&|u| cosines(&[0.54, 0.46], u)),
            Window::Blackman => over(&|u| cosines(&[0.42, 0.50, 0.08], u)),
            // Harris, Proc. IEEE 66(1), 1978.
            Window::BlackmanHarris => over(&|u| cosines(&[0.35875, 0.48829, 0.14128, 0.01168], u)),
            // Nuttall, IEEE Trans. ASSP 29(1), 1981.
            Window::Nuttall => over(&|u| cosines(&[0.3635819, 0.4891775, 0.1365995, 0.0106411], u)),
            // D'Antona and Ferrero, Digital Signal Processing for Measurement Systems, 2006.
            Window::FlatTop => {
                over(&|u| cosines(&[0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368], u))
            }
            Window::Cosine => (0..n).map(|i| (PI / n as f64 * (i as f64 + 0.5)).sin()).collect(),
            Window::Parzen => {
                let half = n as f64 / 2.0;
                centred(&|k| {
                    let r = k.abs() / half;
                    if k.abs() <= last / 4.0 {
                        1.0 - 6.0 * r * r * (1.0 - r)
                    } else {
                        2.0 * (1.0 - r).powi(3)
                    }
                })
            }
            Window::Bohman => over(&|u| {
                let v = (2.0 * u - 1.0).abs();
                // SciPy sets the ends to zero; the formula gives 1e-17 there.
                if v >= 1.0 { 0.0 } else { (1.0 - v) * (PI * v).cos() + (PI * v).sin() / PI }
            }),
            Window::BartlettHann => over(&|u| {
                let v = (u - 0.5).abs();
                0.62 - 0.48 * v + 0.38 * (2.0 * PI * v).cos()
            }),
            Window::Lanczos => over(&|u| sinc(2.0 * u - 1.0)),
            Window::Taylor => taylor(n, 4, 30.0),
            Window::Exponential(tau) => centred(&|k| (-k.abs() / tau).exp()),
            Window::Tukey(share) => {
                if share <= 0.0 {
                    return vec![1.0; n];
                }
                over(&|u| {
                    let edge = u.min(1.0 - u) * 2.0 / share;
                    if edge >= 1.0 { 1.0 } else { 0.5 * (1.0 - (PI * edge).cos()) }
                })
            }
            Window::Kaiser(beta) => {
                let top = bessel_i0(beta);
                over(&|u| bessel_i0(beta * (1.0 - (2.0 * u - 1.0).powi(2)).max(0.0).sqrt()) / top)
            }
            Window::Gaussian(sigma) => centred(&|k| (-0.5 * (k / sigma).powi(2)).exp()),
        }
    }
}

/// Generalised cosine, `Σ (-1)^k a_k cos(2πku)`.
fn cosines(terms: &[f64], u: f64) -> f64 {
    terms
        .iter()
        .zip(0..)
        .map(|(a, k)| if k % 2 == 0 { *a } else { -*a } * (2.0 * PI * f64::from(k) * u).cos())
        .sum()
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// Modified Bessel function of the first kind and order 0 by its power series, Abramowitz and Stegun
/// 9.6.12: all terms are positive, so nothing cancels.
pub fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut term, mut sum, mut k) = (1.0, 1.0, 1.0);
    while term > sum * 1e-17 {
        term *= quarter / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

/// Carrara, Goodman, Majewski, Spotlight Synthetic Aperture Radar, 1995, appendix D.2; side lobes `sll` dB down.
fn taylor(n: usize, nbar: usize, sll: f64) -> Vec<f64> {
    let b = 10f64.powf(sll / 20.0);
    let a = b.acosh() / PI;
    let nbar_f = nbar as f64;
    let s2 = nbar_f.powi(2) / (a.powi(2) + (nbar_f - 0.5).powi(2));
    let f = |m: f64| {
        let above: f64 = (1..nbar).map(|i| 1.0 - m * m / s2 / (a * a + (i as f64 - 0.5).powi(2))).product();
        let below: f64 =
            (1..nbar).map(|i| i as f64).filter(|i| *i != m).map(|i| 1.0 - m * m / (i * i)).product();
        let sign = if m as usize % 2 == 1 { 1.0 } else { -1.0 };
        sign * above / (2.0 * below)
    };
    let weights: Vec<(f64, f64)> = (1..nbar).map(|m| (m as f64, f(m as f64))).collect();
    let at = |k: f64| {
        let x = (k - n as f64 / 2.0 + 0.5) / n as f64;
        1.0 + 2.0 * weights.iter().map(|(m, f)| f * (2.0 * PI * m * x).cos()).sum::<f64>()
    };
    let top = at((n as f64 - 1.0) / 2.0);
    (0..n).map(|k| at(k as f64) / top).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(name: &str, parameter: &str) -> Window {
        let parameter = || parameter.parse().unwrap();
        match name {
            "boxcar" => Window::Rectangular,
            "triang" => Window::Triangular,
            "bartlett" => Window::Bartlett,
            "hann" => Window::Hann,
            "hamming" => Window::Hamming,
            "blackman" => Window::Blackman,
            "blackmanharris" => Window::BlackmanHarris,
            "nuttall" => Window::Nuttall,
            "flattop" => Window::FlatTop,
            "cosine" => Window::Cosine,
            "parzen" => Window::Parzen,
            "bohman" => Window::Bohman,
            "barthann" => Window::BartlettHann,
            "lanczos" => Window::Lanczos,
            "taylor" => Window::Taylor,
            "exponential" => Window::Exponential(parameter()),
            "tukey" => Window::Tukey(parameter()),
            "kaiser" => Window::Kaiser(parameter()),
            "gaussian" => Window::Gaussian(parameter()),
            other => panic!("{other} is not in the table"),
        }
    }

    /// `testdata/windows.csv`, written by SciPy 1.17.1: every family, even and odd lengths, both symmetries.
    #[test]
    fn as_scipy() {
        let mut rows = 0;
        for line in include_str!("../testdata/windows.csv").lines().skip(1) {
            let [name, parameter, periodic, points] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
            let want: Vec<f64> = points.split(' ').map(|p| p.parse().unwrap()).collect();
            let got = family(name, parameter).coefficients_f64(want.len(), periodic == "1");
            for (got, want) in got.iter().zip(&want) {
                assert!((got - want).abs() < 1e-13, "{line}\n{got} for {want}");
            }
            rows += 1;
        }
        assert_eq!(rows, 160);
    }

    #[test]
    fn one_point_is_one_and_none_is_empty() {
        assert_eq!(Window::Hann.coefficients(1, true), [1.0]);
        assert!(Window::Kaiser(8.0).coefficients(0, false).is_empty());
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        for window in [
            Window::Kaiser(f64::NAN),
            Window::Kaiser(-1.0),
            Window::Tukey(1.5),
            Window::Gaussian(0.0),
            Window::Exponential(-2.0),
        ] {
            assert!(window.check().is_err(), "{window:?}");
        }
        let error = Window::Tukey(1.5).check().unwrap_err();
        assert_eq!(error.to_string(), "window must be within 0..=1 (tukey), got 1.5");
    }
}

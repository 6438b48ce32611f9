//! Jointly Gaussian measurements, by numerical integration: what theory says of quantizers and of eavesdroppers.

use std::f64::consts::{PI, SQRT_2};

use statrs::function::erf::erfc;

/// Standard normal distribution function.
pub(super) fn phi(x: f64) -> f64 {
    0.5 * erfc(-x / SQRT_2)
}

pub(super) fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

/// Gaussian tails beyond this hold less than 1e-18.
const END: f64 = 9.0;

/// Simpson's rule over `[start, END]`.
fn integrate(start: f64, steps: usize, f: impl Fn(f64) -> f64) -> f64 {
    integrate_to(END, start, steps, f)
}

fn integrate_to(end: f64, start: f64, steps: usize, f: impl Fn(f64) -> f64) -> f64 {
    let start = start.min(end);
    let width = (end - start) / (2 * steps) as f64;
    let weight = |k: usize| match k {
        0 => 1.0,
        k if k == 2 * steps => 1.0,
        k if k % 2 == 1 => 4.0,
        _ => 2.0,
    };
    (0..=2 * steps).map(|k| weight(k) * f(start + width * k as f64)).sum::<f64>() * width / 3.0
}

/// Key disagreement rate and share of kept samples of sign quantization with guard bands: Alice keeps `|a| > alice`,
/// Bob `|b| > bob`, both unit normal with correlation `rho`.
pub(super) fn disagreement(rho: f64, alice: f64, bob: f64) -> (f64, f64) {
    let rho = rho.clamp(-1.0, 1.0);
    let spread = (1.0 - rho * rho).sqrt().max(1e-9);
    let same = integrate(alice, 4000, |a| density(a) * phi((rho * a - bob) / spread));
    let other = integrate(alice, 4000, |a| density(a) * phi((-bob - rho * a) / spread));
    let kept = 2.0 * (same + other);
    (if kept > 0.0 { 2.0 * other / kept } else { 0.0 }, kept)
}

/// With what probability an eavesdropper guesses Alice's sign, given that both ends kept the sample.
///
/// Alice, Bob and Eve are jointly normal; Eve's *unquantized* value has correlation `rho` with both ends' values,
/// whose own correlation is 1 (a genie: the noiseless channel) or 0.8, whichever serves her better. Her best guess is
/// the sign of her value, and the average over it of the greater posterior,
/// `E[max P(bit | e)] = P(sign e = sign a | kept)`, is what average min-entropy is the logarithm of
/// (Dodis, Ostrovsky, Reyzin, Smith, SIAM J. Comput. 38(1), 2008, section 2.4). The condition *kept* is what the
/// public index list tells her: it is on her side of the bar, so the list costs nothing more under this model.
///
/// Without a guard band this is `1/2 + asin(rho) / π`: soft values add nothing to a single sign.
pub(super) fn guess(rho: f64, alice: f64, bob: f64) -> f64 {
    let rho = rho.abs().min(1.0);
    [1.0, 0.8].into_iter().map(|pair| guess_at(rho, pair, alice, bob)).fold(0.5, f64::max).min(1.0)
}

fn guess_at(rho: f64, pair: f64, alice: f64, bob: f64) -> f64 {
    if pair >= 1.0 {
        // Both ends see the same value, so it clears the wider of the two bands.
        let start = alice.max(bob);
        let slope = rho / (1.0 - rho * rho).sqrt().max(1e-9);
        let right = integrate(start, 2000, |a| density(a) * phi(slope * a));
        return right / integrate(start, 2000, density);
    }
    // e given a and b has mean rho (a + b) / (1 + pair) and variance 1 - 2 rho² / (1 + pair).
    let variance = 1.0 - 2.0 * rho * rho / (1.0 + pair);
    if variance <= 1e-9 {
        return 0.0; // no such triple exists; the other case decides
    }
    let (spread, slope) = ((1.0 - pair * pair).sqrt(), rho / ((1.0 + pair) * variance.sqrt()));
    let joint = |a: f64, b: f64| density(a) * density((b - pair * a) / spread) / spread;
    // Twice in every session: a coarse grid, whose error the tests bound.
    let inner = |start: f64, f: &dyn Fn(f64) -> f64| integrate_to(6.5, start, 24, f);
    let right = inner(alice, &|a| {
        inner(bob, &|b| joint(a, b) * phi(slope * (a + b)) + joint(a, -b) * phi(slope * (a - b)))
    });
    2.0 * right / disagreement(pair, alice, bob).1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference table, section 5.4: one bit, guard band at both ends, guard band at one end.
    #[test]
    fn table_of_quantizers() {
        for (rho, want) in [
            (0.7, 0.253183),
            (0.8, 0.204833),
            (0.9, 0.143566),
            (0.95, 0.101083),
            (0.99, 0.045053),
            (0.999, 0.014236),
        ] {
            let (kdr, kept) = disagreement(rho, 0.0, 0.0);
            assert!((kdr - want).abs() < 6e-7 && (kept - 1.0).abs() < 1e-6, "{rho}: {kdr} {kept}");
            assert!((kdr - rho.acos() / PI).abs() < 1e-6);
        }
        for (rho, alice, bob, kdr, kept) in [
            (0.8, 0.2, 0.2, 0.11471, 0.7239),
            (0.8, 0.6, 0.6, 0.01522, 0.3844),
            (0.9, 0.2, 0.2, 0.04986, 0.7376),
            (0.9, 0.6, 0.6, 0.00095, 0.4294),
            (0.95, 0.2, 0.2, 0.01653, 0.7549),
            (0.95, 0.6, 0.6, 0.00001, 0.4642),
            (0.9, 0.2, 0.0, 0.09167, 0.8415),
            (0.9, 0.6, 0.0, 0.02632, 0.5485),
        ] {
            let got = disagreement(rho, alice, bob);
            assert!(
                (got.0 - kdr).abs() < 6e-6 && (got.1 - kept).abs() < 6e-5,
                "{rho} {alice} {bob}: {got:?}"
            );
        }
    }

    /// The reference table, section 6.2.
    #[test]
    fn eve_without_a_guard_band() {
        for (rho, agreement, entropy) in [
            (0.0, 0.5, 1.0),
            (0.3, 0.5970, 0.744),
            (0.5, 0.6667, 0.585),
            (0.9, 0.8564, 0.224),
            (0.99, 0.9549, 0.067),
        ] {
            let got = guess(rho, 0.0, 0.0);
            assert!((got - (0.5 + rho.asin() / PI)).abs() < 1e-5, "{rho}: {got}");
            assert!((got - agreement).abs() < 6e-5 && (-got.log2() - entropy).abs() < 6e-4, "{rho}: {got}");
        }
    }

    /// A kept sample is a loud one: she guesses it better, the more so the wider the band.
    #[test]
    fn a_guard_band_helps_eve() {
        let guesses = [0.0, 0.3, 0.6, 1.0].map(|alpha| guess(0.5, alpha, alpha));
        assert!(guesses.windows(2).all(|pair| pair[0] < pair[1]), "{guesses:?}");
        assert!(guess(1.0, 0.3, 0.3) > 0.999 && guess(0.0, 0.3, 0.3) < 0.5 + 1e-5);
    }
}

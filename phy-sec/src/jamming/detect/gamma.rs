//! Tails of the power of averaged noise, and the search for a threshold by its probability.

use statrs::function::gamma::gamma_ur;

/// Probability that the mean of `looks` unit exponentials reaches `x`: `Q(looks, looks·x)`.
pub(crate) fn tail(looks: usize, x: f64) -> f64 {
    let x = looks as f64 * x;
    if x <= 0.0 {
        return 1.0;
    }
    if looks > 64 {
        return gamma_ur(looks as f64, x);
    }
    // The finite series of an integer shape, from its first term on.
    let (mut term, mut sum) = ((-x).exp(), 0.0);
    for j in 1..=looks {
        sum += term;
        term *= x / j as f64;
    }
    sum
}

/// What the mean power of `looks` looks at noise of known mean 1 reaches with probability `pfa`.
pub(crate) fn known_level_multiplier(looks: usize, pfa: f64) -> f64 {
    solve(pfa, |multiplier| tail(looks, multiplier))
}

/// The multiplier at which the falling `pfa(multiplier)` is `want`: regula falsi (Illinois) between logarithms,
/// where the curve is nearly straight.
pub(super) fn solve(want: f64, pfa: impl Fn(f64) -> f64) -> f64 {
    let error = |log: f64| pfa(log.exp()).max(1e-300).ln() - want.ln();
    let (mut low, mut high) = (-2.0, 2.0);
    while error(low) < 0.0 && low > -60.0 {
        low -= 2.0;
    }
    while error(high) > 0.0 && high < 120.0 {
        high += 1.0;
    }
    let (mut at_low, mut at_high) = (error(low), error(high));
    for _ in 0..200 {
        if high - low < 1e-13 * (1.0 + high.abs()) || at_low == at_high {
            break;
        }
        let middle = high - at_high * (high - low) / (at_high - at_low);
        let at_middle = error(middle);
        if at_middle.abs() < 1e-12 {
            return middle.exp();
        }
        if at_middle > 0.0 {
            (low, at_low, at_high) = (middle, at_middle, at_high / 2.0);
        } else {
            (high, at_high, at_low) = (middle, at_middle, at_low / 2.0);
        }
    }
    (0.5 * (low + high)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scipy's gamma.isf(Pfa, N)/N (jamming.json, `energy_detector`).
    #[test]
    fn known_level_is_the_energy_detectors_threshold() {
        for (looks, pfa, want) in [
            (1000, 1e-2, 1.075032832086435),
            (1000, 1e-3, 1.1005780982933144),
            (100, 1e-3, 1.337702639113786),
            (10, 1e-1, 1.4205990292152817),
        ] {
            let got = known_level_multiplier(looks, pfa);
            assert!((got - want).abs() < 1e-8, "{looks} {pfa}: {got} {want}");
        }
        assert!((known_level_multiplier(1, 1e-6) - 1e6f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn the_series_equals_the_incomplete_gamma_function() {
        for looks in [1, 2, 7, 64] {
            for x in [0.01, 0.5, 1.0, 3.0] {
                let want = gamma_ur(looks as f64, looks as f64 * x);
                assert!((tail(looks, x) - want).abs() <= 1e-10 * want.max(1e-6), "{looks} {x}");
            }
        }
    }
}

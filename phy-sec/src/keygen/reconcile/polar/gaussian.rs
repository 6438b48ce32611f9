//! Capacity of Gaussian channels, and the sums of what they tell.
//!
//! A channel whose log-likelihood ratio is normal with mean `m` and variance `2m` is one number. Where a bit is seen through
//! two of them, means add; of the parity of two bits, the means of the *dual* channels add, those whose capacity is what the
//! channel lacks (reciprocal-channel approximation: Chung, On the construction of some capacity-approaching coding schemes, MIT
//! 2000; for polar codes Trifonov, IEEE Trans. Commun. 60(11), 2012). Everything is in logarithms: after sixteen steps means
//! reach from `e^-1000` to thousands.

use std::f64::consts::{LN_2, PI};
use std::sync::OnceLock;

/// The table's range of `ln m`, and its step: beyond, the capacity's limits for small and large `m` are exact to 1e-3 of
/// its logarithm.
const LOW: f64 = -7.0;
const HIGH: f64 = 5.5;
const STEP: f64 = 1.0 / 32.0;

/// Logarithms of the capacity and of what it lacks to 1, of a Gaussian channel with mean `m`, at steps of `ln m`.
struct Table {
    capacity: Vec<f64>,
    lack: Vec<f64>,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let count = ((HIGH - LOW) / STEP) as usize + 1;
        let (mut capacity, mut lack) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for index in 0..count {
            let missing = equivocation(libm::exp(LOW + index as f64 * STEP));
            capacity.push(libm::log(1.0 - missing));
            lack.push(libm::log(missing));
        }
        Table { capacity, lack }
    })
}

/// `E[log2(1 + e^-L)]`, `L` normal with mean `m` and variance `2m`.
fn equivocation(m: f64) -> f64 {
    // The integrand's exponent is completed to that of a normal law around 0, so that nothing cancels however small the
    // result is: ln(1 + e^-l) e^(l/2) falls off as e^(-|l|/2), and is even.
    let (reach, steps) = ((13.0 * libm::sqrt(m)).min(80.0), 1600);
    let width = reach / f64::from(steps);
    let sum: f64 = (0..=steps)
        .map(|step| {
            let l = f64::from(step) * width;
            // Both halves of the line: e^(l/2) ln(1 + e^-l) + e^(-l/2) ln(1 + e^l), against e^(-l²/4m).
            let up = libm::exp(l / 2.0) * libm::log1p(libm::exp(-l));
            let down = libm::exp(-l / 2.0) * (l + libm::log1p(libm::exp(-l)));
            let value = (up + down) * libm::exp(-l * l / (4.0 * m));
            if step == 0 || step == steps { value / 2.0 } else { value }
        })
        .sum();
    libm::exp(-m / 4.0) * sum * width / libm::sqrt(4.0 * PI * m) / LN_2
}

/// `ln` of the capacity at `ln m`.
fn ln_capacity(t: f64) -> f64 {
    if t < LOW { t - libm::log(4.0 * LN_2) } else { interpolate(&table().capacity, t) }
}

/// `ln` of what the capacity lacks to 1, at `ln m`.
fn ln_lack(t: f64) -> f64 {
    if t <= HIGH { interpolate(&table().lack, t) } else { far_lack(libm::exp(t)) }
}

/// As [`ln_lack`], for large `m`: the first terms of the asymptotic series.
fn far_lack(m: f64) -> f64 {
    -m / 4.0 + 0.5 * libm::log(PI / m) - libm::log(LN_2) - 17.87 / (4.0 * m)
}

fn interpolate(values: &[f64], t: f64) -> f64 {
    let place = ((t - LOW) / STEP).max(0.0);
    let index = (place as usize).min(values.len() - 2);
    let share = (place - index as f64).min(1.0);
    values[index] + share * (values[index + 1] - values[index])
}

/// The `t` at which a table, rising or falling, has the value `y`.
fn invert(values: &[f64], y: f64, rising: bool) -> f64 {
    let after = values.partition_point(|&value| if rising { value < y } else { value > y });
    let index = after.clamp(1, values.len() - 1) - 1;
    let share = (y - values[index]) / (values[index + 1] - values[index]);
    LOW + STEP * (index as f64 + share.clamp(0.0, 1.0))
}

/// `ln m` of the channel whose capacity is `e^y`.
fn of_ln_capacity(y: f64) -> f64 {
    let t = y + libm::log(4.0 * LN_2);
    if t < LOW { t } else { invert(&table().capacity, y, true) }
}

/// `ln m` of the channel whose capacity lacks `e^y` to 1.
fn of_ln_lack(y: f64) -> f64 {
    if y > ln_lack(HIGH) {
        return invert(&table().lack, y, false);
    }
    let mut m = -4.0 * y;
    for _ in 0..4 {
        m -= 4.0 * (y - far_lack(m));
    }
    libm::log(m.max(1.0))
}

/// `ln m` of the dual channel: an involution.
fn dual(t: f64) -> f64 {
    let capacity = ln_capacity(t);
    if capacity < -LN_2 { of_ln_lack(capacity) } else { of_ln_capacity(ln_lack(t)) }
}

fn ln_sum(a: f64, b: f64) -> f64 {
    let (most, least) = (a.max(b), a.min(b));
    most + libm::log1p(libm::exp(least - most))
}

/// `ln m` of the parity of two bits, each seen through a channel.
pub(super) fn parity(a: f64, b: f64) -> f64 {
    dual(ln_sum(dual(a), dual(b)))
}

/// `ln m` of one bit seen through both channels.
pub(super) fn both(a: f64, b: f64) -> f64 {
    ln_sum(a, b)
}

/// `ln m` of the channel of this capacity, which lacks `missing` to 1.
pub(super) fn of_capacity(capacity: f64, missing: f64) -> f64 {
    if missing < 0.5 { of_ln_lack(libm::log(missing)) } else { of_ln_capacity(libm::log(capacity)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Capacities of the binary-input Gaussian channel at noise variances `2/m`: a half at 0.9787² (the Shannon limit of rate
    /// 1/2, 0.187 dB), and the limits for small and large means.
    #[test]
    fn capacities_are_those_of_the_gaussian_channel() {
        let half = 2.0 / (0.97869f64 * 0.97869);
        assert!((equivocation(half) - 0.5).abs() < 1e-4, "{}", equivocation(half));
        for t in [-30.0, -7.5, -3.0, 0.0, 1.0, 3.0, 5.4, 5.6, 7.0] {
            assert!((dual(dual(t)) - t).abs() < 2e-3, "{t}: {}", dual(dual(t)));
        }
        assert!((ln_lack(HIGH) - far_lack(libm::exp(HIGH))).abs() < 1e-3);
        assert!((ln_capacity(LOW) - (LOW - libm::log(4.0 * LN_2))).abs() < 1e-3);
        // Nothing is lost where one bit is all but known, nothing gained where one is all but unknown.
        assert!((parity(1.0, 6.0) - 1.0).abs() < 1e-3 && (both(1.0, -40.0) - 1.0).abs() < 1e-12);
    }
}

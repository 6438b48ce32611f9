//! Does each cycle of the random walk visit the places around its start as often as it should? Section 2.14.

use super::{
    Config, Measured, Value, chi_squared,
    sequence::Sequence,
    special::igamc,
    walk::{NEAR, states},
};

pub(super) fn need(_: &Config) -> usize {
    1_000_000
}

pub(super) fn measure(sequence: &Sequence<'_>, _: &Config) -> Measured {
    sequence.walk().enough(sequence.len())?;
    Ok(values(sequence))
}

fn values(sequence: &Sequence<'_>) -> Vec<Value> {
    let walk = sequence.walk();
    let value = |x: i64| {
        let statistic = chi_squared(&walk.by_cycle[(x + NEAR) as usize], &probabilities(x));
        Value::new(format!("x={x:+}"), statistic, igamc(2.5, statistic / 2.0))
    };
    states(NEAR).map(value).collect()
}

/// That a cycle visits `x` not at all, once, ..., four times, more often (section 3.14).
fn probabilities(x: i64) -> [f64; 6] {
    let x = x.unsigned_abs() as f64;
    let again = 1.0 - 1.0 / (2.0 * x);
    std::array::from_fn(|k| match k {
        0 => again,
        5 => again.powi(4) / (2.0 * x),
        _ => again.powi(k as i32 - 1) / (4.0 * x * x),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bits::Bits, keygen::randomness::sequence::Plan};

    /// Section 2.14.4: three cycles; the state +1.
    #[test]
    fn worked_example() {
        let bits: Bits = "0110110101".chars().map(|c| c == '1').collect();
        let plan = Plan::default();
        let sequence = Sequence::new(&bits, &plan);
        assert_eq!(sequence.walk().cycles, 3);
        let got = &values(&sequence)[4];
        assert_eq!(got.label, "x=+1");
        // The standard rounds the probabilities to four digits on its way there.
        assert!((got.statistic - 4.333033).abs() < 5e-4 && (got.p_value - 0.502529).abs() < 1e-4, "{got:?}");
    }

    #[test]
    fn probabilities_add_up() {
        for x in states(NEAR) {
            assert!((probabilities(x).iter().sum::<f64>() - 1.0).abs() < 1e-15);
        }
        // Section 3.14's table for |x| = 3.
        let want = [0.8333, 0.0278, 0.0231, 0.0193, 0.0161, 0.0804];
        assert!(probabilities(-3).iter().zip(want).all(|(p, want)| (p - want).abs() < 5.1e-5));
    }
}

//! Are there as many ones as zeros? Section 2.1 (frequency test).

use std::f64::consts::FRAC_1_SQRT_2;

use super::{Config, Measured, Value, sequence::Sequence, special::erfc};

pub(super) fn need(_: &Config) -> usize {
    100
}

pub(super) fn measure(sequence: &Sequence<'_>, _: &Config) -> Measured {
    let n = sequence.len() as f64;
    let sum = 2.0 * sequence.ones() as f64 - n;
    let statistic = sum.abs() / n.sqrt();
    Ok(vec![Value::only(statistic, erfc(statistic * FRAC_1_SQRT_2))])
}

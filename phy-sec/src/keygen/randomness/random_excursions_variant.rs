//! Does the random walk visit the places around its start as often as it should? Section 2.15.

use super::{
    Config, Measured, Value,
    sequence::Sequence,
    special::erfc,
    walk::{FAR, states},
};

pub(super) fn need(_: &Config) -> usize {
    1_000_000
}

pub(super) fn measure(sequence: &Sequence<'_>, _: &Config) -> Measured {
    sequence.walk().enough(sequence.len())?;
    Ok(values(sequence))
}

/// The statistic is the number of visits.
fn values(sequence: &Sequence<'_>) -> Vec<Value> {
    let walk = sequence.walk();
    let cycles = walk.cycles as f64;
    let value = |x: i64| {
        let visits = f64::from(walk.visits[(x + FAR) as usize]);
        let spread = 2.0 * cycles * (4.0 * x.unsigned_abs() as f64 - 2.0);
        Value::new(format!("x={x:+}"), visits, erfc((visits - cycles).abs() / spread.sqrt()))
    };
    states(FAR).map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bits::Bits, keygen::randomness::sequence::Plan};

    /// Section 2.15.4: four visits to +1 in three cycles.
    #[test]
    fn worked_example() {
        let bits: Bits = "0110110101".chars().map(|c| c == '1').collect();
        let plan = Plan::default();
        let got = &values(&Sequence::new(&bits, &plan))[9];
        assert_eq!((got.label.as_str(), got.statistic), ("x=+1", 4.0));
        assert!((got.p_value - 0.683091).abs() < 5e-7, "{got:?}");
    }
}

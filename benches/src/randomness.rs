//! The million bits of workload W13, and what another implementation says of them.

use phy_sec::bits::Bits;
use phy_sec::keygen::randomness::{Report, Test};

use crate::inputs;

/// Bits of the workload.
const COUNT: usize = 1_000_000;

/// p-values of the first million bits of `sts_10x1M.u8` by nistrs 0.1.2, the first one of each test.
const REFERENCE: [(Test, f64); 15] = [
    (Test::Monobit, 0.149867),
    (Test::BlockFrequency, 0.535943),
    (Test::Runs, 0.213526),
    (Test::LongestRun, 0.849221),
    (Test::Rank, 0.341409),
    (Test::Dft, 0.446263),
    (Test::NonOverlapping, 0.331577),
    (Test::Overlapping, 0.514604),
    (Test::Universal, 0.901199),
    (Test::LinearComplexity, 0.432405),
    (Test::Serial, 0.040940),
    (Test::ApproximateEntropy, 0.286502),
    (Test::CumulativeSums, 0.187084),
    (Test::RandomExcursions, 0.727644),
    (Test::RandomExcursionsVariant, 0.214774),
];

/// The bits.
pub fn bits() -> Bits {
    inputs::random_bits(COUNT)
}

/// How many of the 15 tests do not say what the reference says, or are missing.
pub fn wrong(report: &Report) -> usize {
    let right = |(test, want): &(Test, f64)| {
        let tests = report.tests.iter().filter(|report| report.test == *test);
        tests.flat_map(|test| test.rows.first()).any(|row| (row.p_values[0] - want).abs() < 1e-6)
    };
    REFERENCE.len() - REFERENCE.iter().filter(|row| right(row)).count()
}

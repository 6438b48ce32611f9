//! Sequences sent over and over.

use super::*;

/// Every m-sequence correlates with itself by -1 wherever it is turned to: a transform of `|S|² = N + 1` but for `S(0) = ±1`.
#[test]
fn sequences_correlate_as_they_must() {
    for degree in 3..=16 {
        let x = m_sequence(degree).unwrap();
        let n = x.len();
        assert_eq!(n, (1 << degree) - 1);
        let mut bins = vec![Complex32::ZERO; n];
        Batch::new(&backend(), n, Direction::Forward).unwrap().process(&x, &mut bins).unwrap();
        assert!((bins[0].re.abs() - 1.0).abs() < 1e-3, "{degree}: {}", bins[0]);
        for bin in &bins[1..] {
            assert!((bin.norm_sqr() / (n as f32 + 1.0) - 1.0).abs() < 1e-3, "{degree}: {bin}");
        }
    }
    for (length, root) in [(3, 1), (64, 5), (139, 138), (839, 25), (65_535, 4)] {
        let x = zadoff_chu(length, root).unwrap();
        let mut bins = vec![Complex32::ZERO; length];
        Batch::new(&backend(), length, Direction::Forward).unwrap().process(&x, &mut bins).unwrap();
        assert!(
            bins.iter().all(|bin| (bin.norm_sqr() / length as f32 - 1.0).abs() < 2e-3),
            "{length} {root}"
        );
    }
    assert_eq!(
        zadoff_chu(15, 5).unwrap_err().to_string(),
        "root must be below the length, without a common divisor with it, got 5"
    );
    assert!(zadoff_chu(839, 839).is_err() && m_sequence(17).is_err());
}

/// Four taps from both sequences by both solutions: exact, but for the m-sequence's correlation, whose error is the known one.
#[test]
fn sounding_without_noise_is_exact() {
    for sequence in [Sequence::MSequence { degree: 7 }, Sequence::ZadoffChu { length: 139, root: 3 }] {
        let s = sequence.samples().unwrap();
        let n = s.len();
        let x = through(&s.repeat(7), &TAPS);
        let sum: Complex32 = TAPS.iter().sum();
        for solution in [Solution::Correlation, Solution::LeastSquares] {
            let sounding = Sounding { sequence, start: n, average: 2, solution, ..Sounding::default() };
            let csi = Estimator::Sounding(sounding).estimate(&x, 1e6, &backend()).unwrap();
            assert_eq!(csi.gains.dim(), (3, n, 1));
            assert!((csi.time[1] - 4.0 * n as f64 / 1e6).abs() < 1e-12);
            let biased = matches!(sequence, Sequence::MSequence { .. }) && solution == Solution::Correlation;
            for (l, gain) in csi.gains.iter().skip(2 * n).enumerate() {
                let tap = TAPS.get(l).copied().unwrap_or_default();
                let want = if biased { tap - (sum - tap) / n as f32 } else { tap };
                assert!((gain - want).norm() < 2e-5, "{sequence:?} {solution:?} tap {l}: {gain} {want}");
            }
        }
    }
    // Begun 100 samples into a period, and aligned: the strongest tap comes first.
    let x = through(&zadoff_chu(139, 3).unwrap().repeat(4), &TAPS);
    let sequence = Sequence::ZadoffChu { length: 139, root: 3 };
    let sounding = Sounding { sequence, start: 239, align: true, taps: 4, ..Sounding::default() };
    let csi = Estimator::Sounding(sounding).estimate(&x, 1e6, &backend()).unwrap();
    assert_eq!(csi.gains.dim(), (2, 4, 1));
    assert!(csi.gains.iter().take(4).zip(&TAPS).all(|(got, want)| (got - want).norm() < 2e-5));
}

#[test]
fn sounding_reaches_its_bound() {
    let power = 0.5;
    let mut random = rng(5);
    for sequence in [Sequence::MSequence { degree: 6 }, Sequence::ZadoffChu { length: 63, root: 2 }] {
        for (solution, average) in
            [(Solution::Correlation, 1), (Solution::Correlation, 4), (Solution::LeastSquares, 1)]
        {
            // Of noise alone the estimate is its own error.
            let x = noise(&mut random, 63 * 1200, power);
            let sounding = Sounding { sequence, average, solution, ..Sounding::default() };
            let csi = Estimator::Sounding(sounding).estimate(&x, 1e6, &backend()).unwrap();
            let variance = power * sounding.variance().unwrap();
            let errors = csi.gains.iter().map(|gain| f64::from(gain.norm_sqr()));
            if solution == Solution::Correlation {
                is_bound(errors, variance, &format!("{sequence:?}, {average} periods"));
            } else {
                // The noise of bin 0 is common to all taps, so a mean says less.
                let ratio = errors.sum::<f64>() / csi.gains.len() as f64 / variance;
                assert!((ratio - 1.0).abs() < 0.15, "{sequence:?} {ratio}");
            }
        }
    }
}

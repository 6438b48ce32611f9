use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::*;

fn noise(seed: u64, n: usize) -> Vec<Complex32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut real = || -> f32 { StandardNormal.sample(&mut rng) };
    (0..n).map(|_| Complex32::new(real(), real()) * 0.5f32.sqrt()).collect()
}

/// Noise of power 1 with tones of 20 dB in the given ranges.
fn scene(seed: u64, n: usize, bursts: &[Range<usize>]) -> Vec<Complex32> {
    let mut x = noise(seed, n);
    for range in bursts {
        x[range.clone()]
            .iter_mut()
            .enumerate()
            .for_each(|(i, x)| *x += Complex32::from_polar(10.0, 0.3 * i as f32));
    }
    x
}

/// Each block that is judged alone is a Bernoulli trial: no gap, no minimum, one threshold.
#[test]
fn false_alarms_are_as_stated() {
    for (pfa, block, floor_blocks) in [(1e-2, 16, 64), (1e-3, 16, 1024), (1e-2, 1, 24), (1e-3, 4, 32)] {
        let config = BurstConfig {
            block,
            floor_blocks,
            pfa,
            pfa_hold: pfa,
            max_gap: 0,
            min_length: 0,
            max_length: block,
            floor_quantile: 0.25,
        };
        let blocks = 200_000;
        let x = noise(7, block * blocks);
        let bursts = detect(&x, &config, &Backend::default()).unwrap();
        let alarms: u64 = bursts.iter().map(|b| (b.range.end - b.range.start) / block as u64).sum();
        // Neighbours share their floor, which correlates the trials a little: the interval is the binomial one all the same.
        let (mean, sigma) = (blocks as f64 * pfa, (blocks as f64 * pfa * (1.0 - pfa)).sqrt());
        println!(
            "asked {pfa}, block {block}, floor {floor_blocks}: {} ({alarms} of {blocks})",
            alarms as f64 / blocks as f64
        );
        assert!((alarms as f64 - mean).abs() < 1.96 * sigma, "asked {mean} +- {sigma}, got {alarms}");
    }
}

#[test]
fn finds_bursts_to_a_block() {
    let truth = [5000..6000, 20_000..20_500, 39_000..43_210];
    let x = scene(3, 60_000, &truth);
    let config = BurstConfig { max_gap: 64, ..BurstConfig::default() };
    let bursts = detect(&x, &config, &Backend::default()).unwrap();
    assert_eq!(bursts.len(), truth.len(), "{bursts:?}");
    for (found, truth) in bursts.iter().zip(&truth) {
        assert!(found.range.start.abs_diff(truth.start as u64) <= 16, "{found:?} {truth:?}");
        assert!(found.range.end.abs_diff(truth.end as u64) <= 32, "{found:?} {truth:?}");
        assert!((found.noise_power - 1.0).abs() < 0.1, "noise is 1, got {}", found.noise_power);
    }
}

#[test]
fn gaps_minimum_and_maximum() {
    let x = scene(4, 40_000, &[4096..5120, 5632..6144, 20_000..20_064, 24_000..34_000]);
    let config = BurstConfig {
        max_gap: 600,
        min_length: 128,
        max_length: 4096,
        pfa_hold: 1e-5,
        ..BurstConfig::default()
    };
    let lengths: Vec<_> = detect(&x, &config, &Backend::default())
        .unwrap()
        .into_iter()
        .map(|b| (b.range.end - b.range.start).div_ceil(64) * 64)
        .collect();
    // Joined over the gap; the short one dropped; the long one cut.
    assert_eq!(lengths, [2048, 4096, 4096, 10_000u64.div_ceil(64) * 64 - 8192]);
}

#[test]
fn absolute_ranges_after_a_gap() {
    let x = scene(5, 40_000, &[8192..9216]);
    let mut detector = BurstDetector::new(&BurstConfig::default(), &Backend::default()).unwrap();
    let mut out = Vec::new();
    detector.push(&x[..1000], &mut out).unwrap();
    detector.reset(1 << 40);
    detector.push(&x, &mut out).unwrap();
    detector.finish(&mut out);
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].range.start, (1 << 40) + 8192);
}

#[test]
fn scalar_and_simd_agree() {
    let x = scene(6, 30_000, &[5000..6000]);
    let config = BurstConfig::default();
    let found =
        |backend| detect(&x, &config, &backend).unwrap().into_iter().map(|b| b.range).collect::<Vec<_>>();
    assert_eq!(found(Backend::Scalar), found(Backend::default()));
}

#[test]
fn bad_input() {
    let config = BurstConfig::default();
    let backend = Backend::default();
    assert_eq!(detect(&[], &config, &backend).unwrap(), []);
    assert_eq!(detect(&[Complex32::ONE], &config, &backend).unwrap(), []);
    assert_eq!(
        detect(&vec![Complex32::ZERO; 100_000], &config, &backend).unwrap(),
        [],
        "silence is no burst"
    );
    assert_eq!(detect(&vec![Complex32::ONE; 100_000], &config, &backend).unwrap(), [], "a floor is no burst");
    let mut x = noise(1, 100);
    x[42].im = f32::NAN;
    assert_eq!(
        detect(&x, &config, &backend).unwrap_err().to_string(),
        "samples holds a NaN or an infinity at index 42"
    );
    let error = |config: BurstConfig| BurstDetector::new(&config, &backend).err().unwrap().to_string();
    assert_eq!(error(BurstConfig { block: 0, ..config.clone() }), "block must be 1 to 4096 samples, got 0");
    assert_eq!(error(BurstConfig { pfa: f64::NAN, ..config.clone() }), "pfa must be 1e-12 to 0.1, got NaN");
    assert_eq!(error(BurstConfig { pfa: 0.0, ..config.clone() }), "pfa must be 1e-12 to 0.1, got 0");
    assert_eq!(
        error(BurstConfig { floor_blocks: 1 << 40, ..config.clone() }),
        "floor_blocks must be 8 to 65536, got 1099511627776"
    );
    assert_eq!(
        error(BurstConfig { max_length: 10, ..config }),
        "max_length must be at least min_length and block, got 10"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Cutting the stream anywhere changes nothing.
    #[test]
    fn cuts_do_not_matter(cuts in prop::collection::vec(0usize..6000, 0..12), seed in 0u64..1000) {
        let x = scene(seed, 6000, &[700..1000, 1100..1300, 4000..5500]);
        let config = BurstConfig {
            floor_blocks: 100, max_gap: 128, min_length: 32, max_length: 1024, pfa: 1e-3, pfa_hold: 1e-2, ..BurstConfig::default()
        };
        let whole = detect(&x, &config, &Backend::default()).unwrap();
        let (mut detector, mut out) = (BurstDetector::new(&config, &Backend::default()).unwrap(), Vec::new());
        let mut cuts = cuts;
        cuts.extend([0, x.len()]);
        cuts.sort_unstable();
        for cut in cuts.windows(2) {
            detector.push(&x[cut[0]..cut[1]], &mut out).unwrap();
        }
        detector.finish(&mut out);
        prop_assert_eq!(out, whole);
    }
}

use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::*;

fn noise(seed: u64, n: usize) -> Vec<Complex32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut real = || -> f32 { StandardNormal.sample(&mut rng) };
    (0..n).map(|_| Complex32::new(real(), real()) * 0.05).collect()
}

/// Keyed tones over noise: usable bursts, and a weak one.
fn scene(n: usize) -> Vec<Complex32> {
    let mut x = noise(3, n);
    for (range, level) in [(900..2100, 1.0), (4000..4600, 0.15), (6000..9000, 0.7), (12_000..14_000, 1.0)] {
        for i in range {
            x[i] += Complex32::from_polar(level, 0.3 * i as f32 + (i / 8 % 3) as f32);
        }
    }
    x
}

fn config() -> FingerprintConfig {
    FingerprintConfig {
        bursts: BurstConfig { floor_blocks: 512, max_gap: 64, ..BurstConfig::default() },
        min_snr_db: 10.0,
        ..FingerprintConfig::default()
    }
}

fn streamed(x: &[Complex32], start: u64, cuts: &[usize]) -> Recording {
    let mut stream = Stream::new(&config(), 1e6, &Backend::default()).unwrap();
    stream.push(&x[..x.len().min(5000)]).unwrap();
    stream.reset(start); // what came before leaves nothing behind
    let (mut bursts, mut rest) = (Vec::new(), x);
    for cut in cuts {
        let (now, later) = rest.split_at((*cut).min(rest.len()));
        bursts.extend(stream.push(now).unwrap());
        rest = later;
    }
    bursts.extend(stream.push(rest).unwrap());
    let mut recording = stream.finish();
    bursts.append(&mut recording.bursts);
    Recording { bursts, ..recording }
}

#[test]
fn bursts_weak_ones_and_the_control() {
    let got = measure(&scene(16_000), 1e6, &config(), &Backend::default()).unwrap();
    let starts: Vec<u64> = got.bursts.iter().map(|b| b.range.start).collect();
    assert_eq!(starts.len(), 3, "{starts:?}");
    for (got, want) in starts.iter().zip([900, 6000, 12_000]) {
        assert!(got.abs_diff(want) <= 16, "{starts:?}");
    }
    assert_eq!((got.weak, got.continuous), (1, false));
    assert!(!got.noise.is_empty());
    for (noise, burst) in got.noise.iter().flat_map(|n| got.bursts.iter().map(move |b| (&n.range, &b.range)))
    {
        assert!(noise.end <= burst.start || noise.start >= burst.end, "{noise:?} {burst:?}");
    }
    let few = FingerprintConfig { max_per_recording: 2, ..config() };
    let two = measure(&scene(16_000), 1e6, &few, &Backend::default()).unwrap();
    assert_eq!(
        (&two.bursts[..], two.weak),
        (&got.bursts[..2], 1),
        "the first ones, and no look at the others"
    );
}

/// No burst, but no noise either: pieces. Noise alone: nothing but the control.
#[test]
fn a_continuous_transmission_is_cut_into_pieces() {
    let tone = |i: usize| Complex32::from_polar(1.0, 0.3 * i as f32);
    let x: Vec<_> = noise(4, 25_000).iter().enumerate().map(|(i, x)| x + tone(i)).collect();
    let got = streamed(&x, 100, &[]);
    assert!(got.continuous && got.noise.is_empty());
    let ranges: Vec<_> = got.bursts.iter().map(|b| b.range.clone()).collect();
    assert_eq!(ranges, [100..10_100, 10_100..20_100]);
    let got = measure(&noise(5, 25_000), 1e6, &config(), &Backend::default()).unwrap();
    assert!(!got.continuous && got.bursts.is_empty() && got.noise.len() == 6, "{}", got.noise.len());
}

/// Ten million samples in which somebody sends now and then: what is kept is what the documentation says.
#[test]
fn memory_is_bounded() {
    let config = FingerprintConfig {
        features: vec![Feature::IqOffset],
        max_per_recording: 40,
        segment: 4096,
        ..config()
    };
    let mut stream = Stream::new(&config, 1e6, &Backend::default()).unwrap();
    let (x, mut bursts) = (scene(20_000), 0);
    for _ in 0..200 {
        bursts += stream.push(&x).unwrap().len();
    }
    assert_eq!(bursts, 40);
    assert_eq!(stream.held.len(), 40 * 4096);
    assert!(stream.line.capacity() < 6 * PIECE, "{}", stream.line.capacity());
    assert!(stream.found.len() <= 4 * 40 * 4096 / 20_000 + 4 && stream.waiting.is_empty());
}

#[test]
fn a_bad_sample_is_named_and_leaves_the_stream_as_it_was() {
    let x = scene(16_000);
    let mut bad = x.clone();
    bad[9000].re = f32::NAN;
    let mut stream = Stream::new(&config(), 1e6, &Backend::default()).unwrap();
    let error = stream.push(&bad).unwrap_err().to_string();
    assert_eq!(error, "samples holds a NaN or an infinity at index 9000");
    let mut bursts = stream.push(&x).unwrap();
    let mut rest = stream.finish();
    bursts.append(&mut rest.bursts);
    assert_eq!(Recording { bursts, ..rest }, measure(&x, 1e6, &config(), &Backend::default()).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn cutting_changes_nothing(cuts in prop::collection::vec(0usize..6000, 0..10), start in 0u64..1 << 40) {
        let x = scene(16_000);
        let whole = streamed(&x, start, &[]);
        prop_assert_eq!(whole.bursts.len(), 3);
        prop_assert_eq!(whole, streamed(&x, start, &cuts));
    }
}

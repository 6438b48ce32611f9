use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

fn random(n: usize, bits: u32, seed: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| (rng.next_u64() >> (64 - bits)) as u8).collect()
}

/// Enough for what is far from chance; what passes is done with early, however many are allowed.
const QUICK: Config = Config { permutations: 120, seed: 5 };

/// Independent samples pass, of every width and biased ones too; the track's estimate is that of the most common value.
#[test]
fn independent_samples_pass() {
    for bits in [1, 2, 4] {
        let report = test(&random(10_000, bits, 3), bits, Config::default()).unwrap();
        assert!(report.passes, "{report:#?}");
        assert!(report.min_entropy <= f64::from(bits) && report.min_entropy > 0.8 * f64::from(bits));
    }
    let biased: Vec<u8> = random(10_000, 8, 4).into_iter().map(|byte| u8::from(byte < 60)).collect();
    let report = test(&biased, 1, Config::default()).unwrap();
    assert!(report.passes && (report.min_entropy + (196f64 / 256.0).log2()).abs() < 0.03, "{report:#?}");
}

fn failed(samples: &[u8], bits: u32) -> Vec<&'static str> {
    let report = test(samples, bits, QUICK).unwrap();
    assert!(!report.passes);
    let ranks = report.permutation.iter().filter(|rank| !rank.passes).map(|rank| rank.name);
    let square = |test: Option<ChiSquare>| test.is_some_and(|test| !test.passes);
    let others = [
        ("independence", square(report.independence)),
        ("goodness_of_fit", square(report.goodness_of_fit)),
        ("longest_repeat", !report.longest_repeat.passes),
    ];
    ranks.chain(others.into_iter().filter(|(_, failed)| *failed).map(|(name, _)| name)).collect()
}

/// Each kind of dependence is found by the test that was made for it.
#[test]
fn dependent_samples_fail() {
    // A chain that stays where it is three times in four.
    let noise = random(6_000, 8, 6);
    let mut state = 0;
    let chain: Vec<u8> = noise
        .iter()
        .map(|&byte| {
            state = if byte < 64 { byte % 4 } else { state };
            state
        })
        .collect();
    let found = failed(&chain, 2);
    for name in ["directional_runs", "runs_about_median", "periodicity_1", "independence", "longest_repeat"] {
        assert!(found.contains(&name), "{name}: {found:?}");
    }
    // A slow drift.
    let drift: Vec<u8> = noise.iter().zip(0..).map(|(&byte, k)| byte / 2 + (k * 100 / 6_000) as u8).collect();
    let found = failed(&drift, 8);
    for name in ["excursion", "covariance_32", "goodness_of_fit"] {
        assert!(found.contains(&name), "{name}: {found:?}");
    }
    // The same thousand bytes over again.
    let repeated: Vec<u8> = noise.iter().take(5000).chain(&noise[..1000]).copied().collect();
    assert!(failed(&repeated, 8).contains(&"longest_repeat"));
    // Bits of a chain.
    let bits: Vec<u8> = chain.iter().map(|symbol| symbol & 1).collect();
    assert!(failed(&bits, 1).contains(&"independence"));
}

#[test]
fn edges_are_values_and_errors() {
    let report = test(&[7; 2000], 3, QUICK).unwrap();
    assert!(!report.passes && report.min_entropy == 0.0);
    assert_eq!(
        test(&[1; 999], 1, QUICK).unwrap_err().to_string(),
        "IID tests needs at least 1000 samples, got 999"
    );
    // The number of threads does not matter, the seed does.
    let samples = random(2000, 4, 9);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let one = pool.install(|| test(&samples, 4, QUICK).unwrap());
    assert_eq!(one, test(&samples, 4, QUICK).unwrap());
    assert_ne!(one, test(&samples, 4, Config { seed: 6, ..QUICK }).unwrap());
}

//! Efficiency, failed strings and questions of any reconciler on a binary symmetric channel: a row of docs/results/polar.md and
//! docs/results/reconcilers.md for every error rate asked for.
//!
//! ```text
//! cargo run --release -p phy-sec --no-default-features --example reconcile_efficiency -- '{"method":"polar","list":8}' 4096 1000 0.02 0.05
//! ```
//!
//! Arguments: the reconciler as in configuration, as JSON; bits of a string; number of strings; error rates. A rate may be
//! followed by an efficiency, `0.05/1.3`, for methods that have one.

use std::time::Instant;

use phy_sec::bits::Bits;
use phy_sec::keygen::RawBits;
use phy_sec::keygen::reconcile::{Progress, Reconciler, binary_entropy};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Sums over strings.
#[derive(Default)]
struct Sums {
    failed: usize,
    /// Failed, and not known to Bob.
    unseen: usize,
    leaked: usize,
    /// Sum of squares, for the standard error.
    squares: f64,
    questions: usize,
    seconds: f64,
}

fn run(method: &Reconciler, bits: usize, rate: f64, seed: u64, sums: &mut Sums) -> Outcome<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let a: Bits = (0..bits).map(|_| rng.next_u32() & 1 == 1).collect();
    let b: Bits = a.iter().map(|bit| bit ^ (f64::from(rng.next_u32()) < rate * 2f64.powi(32))).collect();
    let mut public = [0; 32];
    rng.fill_bytes(&mut public);
    let start = Instant::now();
    let mut alice = method.alice(RawBits::new(a), rate, public)?;
    let mut bob = method.bob(RawBits::new(b), rate, public)?;
    let mut answer = None;
    loop {
        match bob.next(answer.as_ref())? {
            Progress::Ask(ask) => answer = Some(alice.answer(&ask)?),
            Progress::Done(bob) => {
                sums.seconds += start.elapsed().as_secs_f64();
                let wrong = alice.finish().errors(&bob)? > 0;
                sums.failed += usize::from(wrong);
                sums.unseen += usize::from(wrong && bob.uncorrected() == 0);
                sums.leaked += bob.leaked();
                sums.squares += (bob.leaked() as f64).powi(2);
                return Ok(());
            }
        }
        sums.questions += 1;
    }
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [method, bits, runs, rates @ ..] = &arguments[..] else {
        return Err("arguments: reconciler, bits, strings, error rates".into());
    };
    let config: serde_json::Value = serde_json::from_str(method)?;
    let (bits, runs): (usize, u64) = (bits.parse()?, runs.parse()?);
    println!("| method | bits | error rate | f | ± | failed | unseen | questions | Mbit/s, both ends |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for rate in rates {
        let (mut config, mut rate) = (config.clone(), rate.as_str());
        if let Some((q, efficiency)) = rate.split_once('/') {
            config["efficiency"] = efficiency.parse::<f64>()?.into();
            rate = q;
        }
        let rate: f64 = rate.parse()?;
        let method: Reconciler = serde_json::from_value(config.clone())?;
        method.check()?;
        let mut sums = Sums::default();
        for seed in 0..runs {
            run(&method, bits, rate, seed, &mut sums)?;
        }
        let (count, least) = (runs as f64, bits as f64 * binary_entropy(rate));
        let mean = sums.leaked as f64 / count;
        let error = ((sums.squares / count - mean * mean).max(0.0) / count).sqrt();
        println!(
            "| `{config}` | {bits} | {rate} | {:.4} | {:.4} | {}/{runs} | {} | {:.2} | {:.2} |",
            mean / least,
            error / least,
            sums.failed,
            sums.unseen,
            sums.questions as f64 / count,
            count * bits as f64 / sums.seconds / 1e6,
        );
    }
    Ok(())
}

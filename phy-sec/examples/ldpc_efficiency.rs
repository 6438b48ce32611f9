//! Efficiency and failed frames of the LDPC reconciler on a binary symmetric channel: a row of docs/results/ldpc.md for
//! every efficiency asked for.
//!
//! ```text
//! cargo run --release -p phy-sec --no-default-features --example ldpc_efficiency -- fixed 4096 0.082 2000 1.222 1.26
//! ```
//!
//! Arguments: protocol (`fixed`, `blind`, `symmetric`, with `/min_sum` behind it for the 8-bit decoder), bits of a
//! string, error rate, number of strings, efficiencies (none: the default).

use std::time::Instant;

use phy_sec::bits::Bits;
use phy_sec::keygen::RawBits;
use phy_sec::keygen::reconcile::{Progress, Reconciler, binary_entropy, ldpc::Ldpc};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What came of one string.
struct Run {
    failed: bool,
    leaked: usize,
    questions: usize,
    seconds: f64,
}

fn run(method: &Reconciler, bits: usize, rate: f64, seed: u64) -> Outcome<Run> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let a: Bits = (0..bits).map(|_| rng.next_u32() & 1 == 1).collect();
    let b: Bits = a.iter().map(|bit| bit ^ (f64::from(rng.next_u32()) < rate * 2f64.powi(32))).collect();
    let mut public = [0; 32];
    rng.fill_bytes(&mut public);
    let mut alice = method.alice(RawBits::new(a), rate, public)?;
    let mut bob = method.bob(RawBits::new(b), rate, public)?;
    let (mut answer, mut questions) = (None, 0);
    let mut seconds = 0.0;
    loop {
        let start = Instant::now();
        let progress = bob.next(answer.as_ref())?;
        seconds += start.elapsed().as_secs_f64();
        match progress {
            Progress::Ask(ask) => answer = Some(alice.answer(&ask)?),
            Progress::Done(bob) => {
                let leaked = bob.leaked();
                return Ok(Run { failed: alice.finish().errors(&bob)? > 0, leaked, questions, seconds });
            }
        }
        questions += 1;
    }
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [protocol, bits, rate, runs, rest @ ..] = &arguments[..] else {
        return Err("arguments: protocol, bits, error rate, strings, efficiencies".into());
    };
    let (protocol, decoder) = protocol.split_once('/').unwrap_or((protocol, "sum_product"));
    let (bits, rate, runs): (usize, f64, u64) = (bits.parse()?, rate.parse()?, runs.parse()?);
    let asked: Vec<Option<f64>> = match rest {
        [] => vec![None],
        rest => rest.iter().map(|f| f.parse().map(Some)).collect::<Result<_, _>>()?,
    };
    println!("| protocol | bits | error rate | f | failed | questions | Bob's Mbit/s |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for efficiency in asked {
        let config = Ldpc {
            protocol: serde_json::from_value(protocol.into())?,
            decoder: serde_json::from_value(decoder.into())?,
            efficiency,
            ..Ldpc::default()
        };
        let method = Reconciler::Ldpc(config);
        method.check()?;
        let (mut failed, mut leaked, mut questions, mut seconds) = (0, 0, 0, 0.0);
        for seed in 0..runs {
            let run = run(&method, bits, rate, seed)?;
            failed += usize::from(run.failed);
            leaked += run.leaked;
            questions += run.questions;
            seconds += run.seconds;
        }
        let all = (runs as usize * bits) as f64;
        println!(
            "| {protocol} ({decoder}) | {bits} | {rate} | {:.4} | {failed}/{runs} | {:.2} | {:.1} |",
            leaked as f64 / all / binary_entropy(rate),
            questions as f64 / runs as f64,
            all / seconds / 1e6,
        );
    }
    Ok(())
}

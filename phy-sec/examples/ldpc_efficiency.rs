//! Efficiency and failed frames of the LDPC reconciler on a binary symmetric channel: a row of docs/results/ldpc.md for
//! every efficiency asked for.
//!
//! ```text
//! cargo run --release -p phy-sec --no-default-features --example ldpc_efficiency -- fixed 4096 0.082 2000 1.222 1.26
//! ```
//!
//! Arguments: protocol (`fixed`, `blind`, `symmetric`, with `/min_sum` behind it for the 8-bit decoder), bits of a
//! string, error rate, strings (`2000`, or `500..2000` to go on after 500: each has its number as its seed), efficiencies
//! (none: the default); before them `sweeps=200` or `code=2` for another number of sweeps or another code. The last column is the failed strings' numbers, each with the number of bits that are wrong, and whether
//! Bob knows.

use std::time::Instant;

use phy_sec::bits::Bits;
use phy_sec::keygen::RawBits;
use phy_sec::keygen::reconcile::{Progress, Reconciler, binary_entropy, ldpc::Ldpc};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What came of one string.
struct Run {
    /// Bits wrong at the end, and frames that Bob knows not to have decoded.
    failed: Option<(usize, usize)>,
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
                let wrong = alice.finish().errors(&bob)?;
                return Ok(Run {
                    failed: (wrong > 0).then_some((wrong, bob.uncorrected())),
                    leaked,
                    questions,
                    seconds,
                });
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
    let (bits, rate): (usize, f64) = (bits.parse()?, rate.parse()?);
    let (first, end) = runs.split_once("..").unwrap_or(("0", runs));
    let seeds = first.parse::<u64>()?..end.parse::<u64>()?;
    let runs = seeds.clone().count();
    let mut base = Ldpc::default();
    let mut rest = rest;
    while let [setting, others @ ..] = rest
        && let Some((name, value)) = setting.split_once('=')
    {
        match name {
            "sweeps" => base.sweeps = value.parse()?,
            "code" => base.code = value.parse()?,
            _ => return Err("settings: sweeps, code".into()),
        }
        rest = others;
    }
    let asked: Vec<Option<f64>> = match rest {
        [] => vec![None],
        rest => rest.iter().map(|f| f.parse().map(Some)).collect::<Result<_, _>>()?,
    };
    println!("| protocol | bits | error rate | f | failed | questions | Bob's Mbit/s | which |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for efficiency in asked {
        let config = Ldpc {
            protocol: serde_json::from_value(protocol.into())?,
            decoder: serde_json::from_value(decoder.into())?,
            efficiency,
            ..base.clone()
        };
        let method = Reconciler::Ldpc(config);
        method.check()?;
        let (mut failed, mut leaked, mut questions, mut seconds) = (vec![], 0, 0, 0.0);
        for seed in seeds.clone() {
            let run = run(&method, bits, rate, seed)?;
            failed.extend(run.failed.map(|(wrong, known)| {
                format!("{seed}: {wrong}{}", if known > 0 { "" } else { ", unknown" })
            }));
            leaked += run.leaked;
            questions += run.questions;
            seconds += run.seconds;
        }
        let all = (runs * bits) as f64;
        println!(
            "| {protocol} ({decoder}) | {bits} | {rate} | {:.4} | {}/{runs} | {:.2} | {:.1} | {} |",
            leaked as f64 / all / binary_entropy(rate),
            failed.len(),
            questions as f64 / runs as f64,
            all / seconds / 1e6,
            failed.join("; "),
        );
    }
    Ok(())
}

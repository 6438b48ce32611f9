//! What every Cascade variant says, fails and costs: the table of `docs/results/cascade.md`.
//!
//! ```text
//! cargo run --release -p phy-sec --no-default-features --example cascade -- [FRAMES] [BITS]
//! ```
//!
//! Errors are drawn one by one with the given probability, so that the actual rate of a frame varies as it does in the field.

use std::time::Instant;

use phy_sec::bits::Bits;
use phy_sec::keygen::RawBits;
use phy_sec::keygen::reconcile::binary_entropy;
use phy_sec::keygen::reconcile::cascade::{Cascade, Schedule, Variant, batch};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The 95 % interval of a share (Wilson, J. Am. Stat. Assoc. 22, 1927).
fn interval(failed: usize, frames: usize) -> (f64, f64) {
    let (z, n) = (1.959964f64, frames as f64);
    let p = failed as f64 / n;
    let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), middle + half)
}

/// Seconds that this thread has computed, where the system says so (Linux); else seconds since `start`.
fn spent(start: Instant) -> f64 {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat");
    let ran = schedule.ok().and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    ran.map_or_else(|| start.elapsed().as_secs_f64(), |nanoseconds| nanoseconds * 1e-9)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let frames: usize = arguments.next().map_or(Ok(640), |text| text.parse())?;
    let n: usize = arguments.next().map_or(Ok(1 << 14), |text| text.parse())?;
    let start = Instant::now();
    println!("| variant | schedule | QBER | f | messages | failed of {frames} (95 %) | Mbit/s |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for &name in Variant::ALL {
        let variant: Variant = serde_json::from_value(name.into())?;
        for (schedule, spelled) in [(Schedule::Smallest, "smallest"), (Schedule::All, "all")] {
            for q in [0.01, 0.02, 0.03, 0.04, 0.05, 0.08] {
                let method = Cascade { variant, schedule };
                let mut rng = ChaCha8Rng::seed_from_u64(1);
                let (mut leaked, mut messages, mut failed, mut seconds) = (0, 0, 0, 0.0);
                let mut to_go = frames;
                while to_go > 0 {
                    let count = to_go.min(256);
                    to_go -= count;
                    let mut pair = || {
                        let words = (0..n.div_ceil(64)).map(|_| rng.next_u64()).collect();
                        let alice = Bits::from_words(words, n)?;
                        let mut bob = alice.clone();
                        for place in 0..n {
                            if (rng.next_u64() >> 11) as f64 * 2f64.powi(-53) < q {
                                bob.flip(place);
                            }
                        }
                        Ok((RawBits::new(alice), RawBits::new(bob)))
                    };
                    let pairs: Result<Vec<_>, phy_sec::Error> = (0..count).map(|_| pair()).collect();
                    let (alice, bob) = pairs?.into_iter().unzip();
                    let mut seed = [0; 32];
                    rng.fill_bytes(&mut seed);
                    let before = spent(start);
                    let outcome = batch::reconcile(&method, alice, bob, q, seed)?;
                    seconds += spent(start) - before;
                    for ((alice, bob), counts) in outcome.alice.iter().zip(&outcome.bob).zip(&outcome.counts)
                    {
                        failed += usize::from(alice.errors(bob)? > 0);
                        leaked += counts.leaked;
                        messages += counts.messages;
                    }
                }
                let total = frames as f64;
                let f = leaked as f64 / (total * n as f64 * binary_entropy(q));
                let (low, high) = interval(failed, frames);
                println!(
                    "| {name} | {spelled} | {q} | {f:.4} | {:.0} | {failed} ({low:.1e} to {high:.1e}) | {:.0} |",
                    messages as f64 / total,
                    total * n as f64 / 1e6 / seconds,
                );
            }
        }
    }
    Ok(())
}

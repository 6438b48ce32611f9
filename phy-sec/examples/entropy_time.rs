//! How long the ten estimators of SP 800-90B take over a million samples of every kind: a table of docs/results/entropy.md.
//!
//! ```text
//! cargo run --release -p phy-sec --no-default-features --example entropy_time
//! cargo run --release -p phy-sec --no-default-features --example entropy_time -- 1000000 text
//! ```
//!
//! Arguments: samples, and a word that the names of the kinds to run hold (none: all). Seconds on the clock and seconds that
//! the busiest thread computed, each the least of three: of a pool of one thread, and of one of two. Threads' times are
//! Linux's (`/proc/self/task`); elsewhere they are 0.

use std::fs;
use std::time::Instant;

use phy_sec::keygen::entropy::sp800_90b::assess;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// A kind of samples: its name, the width of a sample, and a sample by its place, from random numbers and the samples so far.
type Kind = (&'static str, u32, fn(usize, &mut ChaCha8Rng, &[u8]) -> u8);

/// A number below one.
fn share(rng: &mut ChaCha8Rng) -> f64 {
    f64::from(rng.next_u32()) / 2f64.powi(32)
}

/// The low `width` bits are ones with probability `p` each.
fn biased(rng: &mut ChaCha8Rng, width: u32, p: f64) -> u8 {
    (0..width).fold(0, |value, _| value << 1 | u8::from(share(rng) < p))
}

/// The last value with probability `p`, else a new one.
fn stays(rng: &mut ChaCha8Rng, so_far: &[u8], p: f64, width: u32) -> u8 {
    match so_far.last() {
        Some(&last) if share(rng) < p => last,
        _ => biased(rng, width, 0.5),
    }
}

/// A series of correlation `rho` between neighbours, in steps of an `1 / steps` of its deviation.
fn correlated(rng: &mut ChaCha8Rng, so_far: &[u8], rho: f64, steps: f64, width: u32) -> u8 {
    let middle = f64::from(1u32 << (width - 1));
    let last = so_far.last().map_or(0.0, |&last| (f64::from(last) + 0.5 - middle) / steps);
    let noise: f64 = StandardNormal.sample(rng);
    let next = rho * last + (1.0 - rho * rho).sqrt() * noise;
    (middle + next * steps).clamp(0.0, 2.0 * middle - 1.0) as u8
}

/// Words out of three hundred, the n-th in use 1/n as often as the first, with a blank between them.
fn text(rng: &mut ChaCha8Rng, so_far: &[u8]) -> u8 {
    let from = so_far.iter().rev().position(|&letter| letter == b' ').unwrap_or(so_far.len());
    // A word is known by its first letters: each goes on in one way most of the time.
    let seed = so_far[so_far.len() - from..].iter().fold(7u64, |hash, &letter| {
        (hash ^ u64::from(letter)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
    });
    let turn = (1.0 / (share(rng) + 0.02)) as u64 % 8;
    let letter = (seed.wrapping_add(turn).wrapping_mul(0xd6e8_feb8_6659_fd93) >> 33) % 30;
    if letter >= 26 || from > 11 { b' ' } else { b'a' + letter as u8 }
}

const KINDS: &[Kind] = &[
    ("bytes, random", 8, |_, rng, _| rng.next_u32() as u8),
    ("bytes, each bit a one with probability 0.9", 8, |_, rng, _| biased(rng, 8, 0.9)),
    ("bytes, 0 with probability 0.9, else random", 8, |_, rng, _| {
        if share(rng) < 0.9 { 0 } else { rng.next_u32() as u8 }
    }),
    ("bytes, each the one before with probability 0.75", 8, |_, rng, so_far| stays(rng, so_far, 0.75, 8)),
    ("bytes, normal with correlation 0.95", 8, |_, rng, so_far| correlated(rng, so_far, 0.95, 32.0, 8)),
    ("bytes, normal with correlation 0.95, 4 a deviation", 8, |_, rng, so_far| {
        correlated(rng, so_far, 0.95, 4.0, 8)
    }),
    ("bytes, text", 8, |_, rng, so_far| text(rng, so_far)),
    ("bytes, constant", 8, |_, _, _| 80),
    ("bytes, 0, 80, 160 over and over", 8, |at, _, _| (at % 3) as u8 * 80),
    ("bytes, 0 to 255 over and over", 8, |at, _, _| at as u8),
    ("bytes, half a million random ones twice", 8, |at, rng, so_far| {
        if at < 500_000 { rng.next_u32() as u8 } else { so_far[at - 500_000] }
    }),
    ("bytes, random, one in a million different from a constant", 8, |at, _, _| u8::from(at == 654_321) + 3),
    ("4 bits, random", 4, |_, rng, _| biased(rng, 4, 0.5)),
    ("4 bits, each bit a one with probability 0.9", 4, |_, rng, _| biased(rng, 4, 0.9)),
    ("4 bits, each the one before with probability 0.75", 4, |_, rng, so_far| stays(rng, so_far, 0.75, 4)),
    ("4 bits, normal with correlation 0.95", 4, |_, rng, so_far| correlated(rng, so_far, 0.95, 2.0, 4)),
    ("bits, random", 1, |_, rng, _| biased(rng, 1, 0.5)),
    ("bits, ones with probability 0.9", 1, |_, rng, _| biased(rng, 1, 0.9)),
    ("bits, each the one before with probability 0.9", 1, |_, rng, so_far| stays(rng, so_far, 0.8, 1)),
    ("bits, 0 and 1 over and over", 1, |at, _, _| at as u8 & 1),
    ("bits, parity of their number's ones", 1, |at, _, _| at.count_ones() as u8 & 1),
];

/// Nanoseconds that each thread of this process has computed.
fn computed() -> Vec<(String, f64)> {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return Vec::new() };
    let time = |task: fs::DirEntry| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        Some((task.file_name().into_string().ok()?, text.split(' ').next()?.parse().ok()?))
    };
    tasks.flatten().filter_map(time).collect()
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let samples: usize = arguments.first().map_or(Ok(1_000_000), |n| n.parse())?;
    let wanted = arguments.get(1).map_or("", String::as_str);
    let pools = [1, 2].map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build());
    println!(
        "| {samples} | bits a sample | min-entropy | s, one thread | of computing | s, two threads | of computing, the busier |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (name, width, sample) in KINDS.iter().filter(|(name, ..)| name.contains(wanted)) {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut values = Vec::with_capacity(samples);
        for at in 0..samples {
            let value = sample(at, &mut rng, &values);
            values.push(value);
        }
        let mut row = String::new();
        let mut entropy = 0.0;
        for pool in &pools {
            let pool = pool.as_ref().map_err(ToString::to_string)?;
            let (mut wall, mut busiest) = (f64::INFINITY, f64::INFINITY);
            for _ in 0..3 {
                let before = computed();
                let start = Instant::now();
                entropy = pool.install(|| assess(&values, *width))?.min_entropy;
                wall = wall.min(start.elapsed().as_secs_f64());
                let spent = |(task, after): (String, f64)| {
                    after - before.iter().find(|(name, _)| *name == task).map_or(0.0, |(_, before)| *before)
                };
                busiest = busiest.min(computed().into_iter().map(spent).fold(0.0, f64::max) * 1e-9);
            }
            row += &format!(" {wall:.3} | {busiest:.3} |");
        }
        println!("| {name} | {width} | {entropy:.4} |{row}");
    }
    Ok(())
}

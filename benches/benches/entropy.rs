//! The estimators of SP 800-90B, section 6.3: all ten over a million bytes and over their eight million bits, as NIST's tool
//! takes them by default, and over a million bits.
//!
//! ```text
//! cargo bench -p phy-sec-benches --bench entropy
//! ```
//!
//! Throughput is in samples. `one_thread` is what a core does; `threads` is what this machine does.

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use phy_sec::keygen::entropy::sp800_90b::assess;
use phy_sec_benches::inputs;

const SAMPLES: usize = 1_000_000;

fn bench(c: &mut Criterion) {
    let noise: Vec<u8> = (0..SAMPLES as u64).map(|k| (inputs::word(1, k) >> 56) as u8).collect();
    // A chain that stays three times in four.
    let mut symbol = 0;
    let memory: Vec<u8> = (0..SAMPLES as u64)
        .map(|k| {
            let word = inputs::word(2, k);
            symbol = if word >> 62 == 0 { (word >> 8) as u8 } else { symbol };
            symbol
        })
        .collect();
    let bits: Vec<u8> = noise.iter().map(|byte| byte >> 7).collect();
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool of one thread");
    for (name, samples, width, entropy) in [
        ("bytes", &noise, 8, 7.0..8.0),
        ("bytes_with_memory", &memory, 8, 0.2..0.5),
        ("bits", &bits, 1, 0.8..1.0),
    ] {
        let got = assess(samples, width).expect("samples").min_entropy;
        assert!(entropy.contains(&got), "fast and wrong: {got}");
        let mut group = c.benchmark_group(format!("sp800_90b/{name}"));
        group.throughput(Throughput::Elements(SAMPLES as u64));
        group
            .sample_size(10)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(5));
        group.bench_function("one_thread", |b| {
            b.iter(|| one.install(|| assess(black_box(samples), width)));
        });
        group.bench_function("threads", |b| b.iter(|| assess(black_box(samples), width)));
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);

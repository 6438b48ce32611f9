//! Key generation's rows. So far: the SP 800-22 tests, each and all, on a million bits.
//!
//! ```text
//! cargo bench -p phy-sec-benches --bench keygen -- randomness
//! ```
//!
//! Throughput is in bits. Every answer is checked first against another implementation's.

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use phy_sec::keygen::randomness::{Config, Test, report, test};
use phy_sec_benches::randomness::{bits, wrong};

fn randomness(c: &mut Criterion) {
    let (bits, config) = (bits(), Config::default());
    let checked = report(&bits, 1, &config).expect("a million bits");
    assert_eq!(wrong(&checked), 0, "fast and wrong: {}", checked.verdict);
    let mut group = c.benchmark_group(format!("randomness/{}", bits.len()));
    group.throughput(Throughput::Elements(bits.len() as u64));
    for which in Test::ALL {
        group.bench_function(which.name(), |b| b.iter(|| test(*which, black_box(&bits), &config)));
    }
    group.bench_function("all", |b| b.iter(|| report(black_box(&bits), 1, &config)));
    group.finish();
}

criterion_group! {
    name = all;
    config = Criterion::default()
        .sample_size(15)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = randomness
}
criterion_main!(all);

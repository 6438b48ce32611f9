//! Jamming detection: the monitor's throughput on noise and on a jammed band, and the sliding CFAR detectors.
//!
//! ```text
//! cargo bench -p phy-sec-benches --bench jamming -- monitor
//! ```
//!
//! Throughput is in samples for the monitor, which must keep up with a radio, and in cells for the detectors.

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use num_complex::Complex32;
use phy_sec::{
    Backend,
    jamming::{
        Config,
        detect::{Cfar, Sliding},
        detect_jamming,
    },
    sim::{
        self,
        jammer::{self, Jammer, Ratio},
    },
};

const SAMPLE_RATE: f64 = 1e6;
const NOISE_POWER: f64 = 1e-3;

/// Noise, and noise with a tone and then a barrage in it.
fn scenes() -> [(&'static str, Vec<Complex32>, usize); 2] {
    let mut rng = sim::rng(1);
    let noise = sim::noise(&mut rng, 1 << 19, NOISE_POWER);
    let mut jammed = noise.clone();
    for (start, kind) in [(0.2, Jammer::Tone { frequency: 137e3 }), (0.35, Jammer::Barrage)] {
        let switched = Jammer::Window { start, duration: 0.05, of: Box::new(kind) };
        let ratio = Ratio::Jnr { db: 15.0, noise_power: NOISE_POWER };
        jammed = jammer::mix(&jammed, &switched, ratio, SAMPLE_RATE, &mut rng).expect("a jammer").samples;
    }
    [("noise", noise, 0), ("jammed", jammed, 2)]
}

fn monitor(c: &mut Criterion) {
    for (scene, x, events) in scenes() {
        for size in [256, 1024] {
            let mut rows = c.benchmark_group(format!("monitor{size}/{scene}"));
            rows.throughput(Throughput::Elements(x.len() as u64)).sample_size(10);
            for (name, backend) in [("scalar", Backend::Scalar), ("simd", Backend::default())] {
                let config = Config { sample_rate: SAMPLE_RATE, size, learn: 0.1, ..Config::default() };
                let run = || detect_jamming(black_box(&x), config.clone(), backend.clone());
                // A jammer may be told in parts; noise has none.
                let got = run().expect("finite samples").len();
                assert!(got >= events && (events > 0 || got == 0), "fast and wrong: {got} events");
                rows.bench_function(name, |b| b.iter(run));
            }
            rows.finish();
        }
    }
}

fn cfar(c: &mut Criterion) {
    let power: Vec<f32> = sim::noise(&mut sim::rng(2), 1 << 14, 1.0).iter().map(|x| x.norm_sqr()).collect();
    for cfar in Cfar::ALL {
        let name = serde_json::to_value(cfar).expect("a named method")["method"].to_string();
        let sliding = Sliding { cfar: *cfar, ..Sliding::default() };
        let mut rows = c.benchmark_group(format!("cfar/{}", name.trim_matches('"')));
        rows.throughput(Throughput::Elements(power.len() as u64));
        rows.bench_function("sliding", |b| b.iter(|| sliding.detect(black_box(&power))));
        rows.finish();
    }
}

criterion_group! {
    name = all;
    config = Criterion::default()
        .sample_size(15)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = monitor, cfar
}
criterion_main!(all);

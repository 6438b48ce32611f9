//! Sweeps of belief propagation: 64 frames of 802.11n's n = 1944 side by side, and its circulants one frame at a time.
//!
//! ```text
//! cargo bench -p phy-sec-benches --bench ldpc
//! ```
//!
//! Throughput is in bits of codewords; ten sweeps each. The fast answers are checked against the definition first.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kernels::Backend;
use kernels::ldpc::{Entry, Layout, min_sum, sum_product};
use phy_sec_benches::inputs;

const RULE: min_sum::Rule = min_sum::Rule::NORMALISED;

/// The matrix as circulants, or written out for `frames` frames side by side.
fn layout(frames: Option<usize>) -> Layout {
    let rows: Vec<Vec<Entry>> = inputs::WIFI_1944
        .iter()
        .flat_map(|row| {
            (0..if frames.is_some() { 81 } else { 1 }).map(move |lane| {
                let entries = row.iter().enumerate().filter(|(_, shift)| **shift >= 0);
                let entry = |(column, shift): (usize, &i32)| match frames {
                    Some(_) => {
                        Entry { column: (column * 81 + (lane + *shift as usize) % 81) as u32, shift: 0 }
                    }
                    None => Entry { column: column as u32, shift: *shift as u32 },
                };
                entries.map(entry).collect()
            })
        })
        .collect();
    let columns = if frames.is_some() { 1944 } else { 24 };
    Layout::new(frames.unwrap_or(81), columns, &rows).expect("a valid matrix")
}

type SumProduct = fn(&Backend, &Layout, &[f32], &mut [f32], &mut [f32], &mut [f32]);
type MinSum = fn(&Backend, &Layout, &[i8], &mut [i8], &mut [i8], &mut [i8]);

fn eight_bits(c: &mut Criterion) {
    let fast: MinSum = |backend, layout, t, p, m, f| min_sum::sweep(backend, layout, RULE, t, p, m, f);
    let plain: MinSum = |_, layout, t, p, m, f| min_sum::scalar(layout, RULE, t, p, m, f);
    let llr = inputs::wifi_llr(&inputs::wifi_codewords());
    for (name, frames) in [("side_by_side", Some(64)), ("circulants", None)] {
        let layout = layout(frames);
        let start: Vec<i8> = llr[..layout.bits()].iter().map(|v| v.clamp(&-31, &31)).copied().collect();
        let target = vec![0; layout.checks()];
        let run = |sweep: MinSum| {
            let (mut posterior, mut messages) = (start.clone(), vec![0; layout.edges()]);
            let mut failed = vec![0; layout.lanes()];
            for _ in 0..10 {
                sweep(&Backend::default(), &layout, &target, &mut posterior, &mut messages, &mut failed);
            }
            posterior
        };
        assert_eq!(run(fast), run(plain), "fast and wrong");
        let mut group = c.benchmark_group(format!("min_sum/{name}"));
        group.throughput(Throughput::Elements(layout.bits() as u64));
        group.bench_function("scalar", |b| b.iter(|| black_box(run(plain))));
        group.bench_function("simd", |b| b.iter(|| black_box(run(fast))));
    }
}

fn sums_and_products(c: &mut Criterion) {
    let layout = layout(Some(16));
    let llr = inputs::wifi_llr(&inputs::wifi_codewords());
    let start: Vec<f32> = llr[..layout.bits()].iter().map(|&v| f32::from(v) / 4.0).collect();
    let target = vec![1.0; layout.checks()];
    let run = |sweep: SumProduct| {
        let (mut posterior, mut messages) = (start.clone(), vec![0.0; layout.edges()]);
        let mut failed = vec![0.0; layout.lanes()];
        for _ in 0..10 {
            sweep(&Backend::default(), &layout, &target, &mut posterior, &mut messages, &mut failed);
        }
        posterior
    };
    let mut group = c.benchmark_group("sum_product/side_by_side");
    group.sample_size(10);
    group.throughput(Throughput::Elements(layout.bits() as u64));
    group.bench_function("scalar", |b| {
        b.iter(|| black_box(run(|_, layout, t, p, m, f| sum_product::scalar(layout, t, p, m, f))));
    });
    group.bench_function("simd", |b| b.iter(|| black_box(run(sum_product::sweep))));
}

criterion_group!(benches, eight_bits, sums_and_products);
criterion_main!(benches);

//! Kernels with a GPU version, beside the processor's. Run with `--features gpu`; the first line names the
//! adapter, and on a software adapter the figures say nothing about GPUs. Slices in, slices out, so the
//! copies are in the time; `chain` rows are those that stay on the device in between.

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kernels::{
    Backend, Gpu,
    convert::Number,
    gpu::{AdapterKind, Choice, DeviceStft, GpuBuffer},
    stft_power::{StftConfig, StftPower},
    toeplitz::{Toeplitz, words},
};
use phy_sec_benches::inputs::word;

fn open() -> Option<Arc<Gpu>> {
    match Gpu::open(&Choice::Best) {
        Ok(gpu) => {
            eprintln!("adapter: {gpu} ({})", gpu.adapter().driver);
            Some(gpu)
        }
        Err(error) => {
            eprintln!("SKIPPED, nothing was measured: {error}");
            None
        }
    }
}

/// A GPU is filled; a software adapter is spared.
fn samples(gpu: &Gpu) -> usize {
    if gpu.adapter().kind == AdapterKind::Software { 1 << 18 } else { 1 << 24 }
}

fn raw(samples: usize) -> Vec<u8> {
    (0..samples as u64 / 2).flat_map(|i| word(40, i).to_le_bytes()).collect()
}

/// The relative RMS distance of two spectra.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    let square = |v: f32| f64::from(v).powi(2);
    let error: f64 = a.iter().zip(b).map(|(a, b)| square(a - b)).sum();
    (error / b.iter().map(|b| square(*b)).sum::<f64>()).sqrt()
}

fn spectra(c: &mut Criterion) {
    let Some(gpu) = open() else { return };
    let samples = samples(&gpu);
    let bytes = raw(samples);
    for size in [64, 1024, 2048, 8192] {
        let config = StftConfig { size, hop: size / 2, ..Default::default() };
        let frames = config.frames(samples);
        let mut group = c.benchmark_group(format!("gpu/stft_power_ci16/{size}"));
        group.throughput(Throughput::Elements(samples as u64)).sample_size(10);
        let mut results = Vec::new();
        for backend in [Backend::default(), Backend::Gpu(Arc::clone(&gpu))] {
            let mut out = vec![0.0; frames * size];
            let mut stft = StftPower::new(config.clone(), backend.clone()).expect("a valid configuration");
            group.bench_function(backend.to_string(), |b| {
                b.iter(|| {
                    stft.process_raw(Number::I16, black_box(&bytes), &mut out).expect("a working device");
                });
            });
            stft.process_raw(Number::I16, &bytes, &mut out).expect("a working device");
            results.push(out);
        }
        let error = distance(&results[1], &results[0]);
        assert!(error < 1e-6, "fast and wrong: {error:e}");

        // Raw samples to a Welch spectrum, one transfer each way; a shorter stretch, so that it fits one buffer.
        let stft = DeviceStft::new(&config, &gpu).expect("a valid configuration");
        let part = &bytes[..bytes.len().min(4 << 23)];
        group.throughput(Throughput::Elements(part.len() as u64 / 4));
        group.bench_function(format!("gpu chain to Welch ({gpu})"), |b| {
            b.iter(|| {
                let raw = GpuBuffer::upload(&gpu, black_box(part))?;
                stft.mean(&stft.power(Number::I16, &raw)?)?.to_vec()
            });
        });
        group.finish();
    }
}

fn hashes(c: &mut Criterion) {
    let Some(gpu) = open() else { return };
    let software = gpu.adapter().kind == AdapterKind::Software;
    for bits in if software { [1 << 12, 1 << 15] } else { [1 << 16, 1 << 20] } {
        let (n_in, n_out) = (bits, bits / 2);
        let stream = |seed, bits| (0..words(bits) as u64).map(|i| word(seed, i)).collect::<Vec<_>>();
        let (seed, key) = (stream(61, n_in + n_out - 1), stream(60, n_in));
        let mut group = c.benchmark_group(format!("gpu/toeplitz/{n_in}x{n_out}"));
        group.throughput(Throughput::Elements(n_in as u64)).sample_size(10);
        let mut results = Vec::new();
        for backend in [Backend::default(), Backend::Gpu(Arc::clone(&gpu))] {
            let hash = Toeplitz::new(&seed, n_in, n_out, backend.clone()).expect("valid lengths");
            let mut out = vec![0; words(n_out)];
            group.bench_function(backend.to_string(), |b| {
                b.iter(|| hash.hash(black_box(&key), &mut out).expect("a working device"));
            });
            hash.hash(&key, &mut out).expect("a working device");
            results.push(out);
        }
        assert!(results[0] == results[1], "fast and wrong");
        group.finish();
    }
}

criterion_group!(benches, spectra, hashes);
criterion_main!(benches);

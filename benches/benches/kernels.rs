//! Each kernel's rows: `scalar` (the definition), `simd`, and what a plain use of `rustfft` does where there is one.
//!
//! ```text
//! cargo bench -p phy-sec-benches --bench kernels -- stft
//! ```
//!
//! Throughput is in samples (bits for hashing and packing). Every fast answer is checked against the definition first.

use std::{hint::black_box, time::Duration};

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use kernels::{
    Backend, bits,
    channelizer::{self, Channelizer},
    convert::{self, Endian, Number},
    correlate, energy,
    fir::{self, Decimator, Fir, Taps},
    moments, nco,
    overlap_save::OverlapSave,
    stft_power::{self, Scaling, StftConfig, StftPower},
    toeplitz::{self, Toeplitz},
    welch::welch,
    window::Window,
    xcorr::{self, Template},
};
use num_complex::Complex32;
use phy_sec_benches::inputs;
use rustfft::FftPlanner;

fn group<'a>(c: &'a mut Criterion, name: &str, n: usize) -> BenchmarkGroup<'a, WallTime> {
    let mut group = c.benchmark_group(format!("{name}/{n}"));
    group.throughput(Throughput::Elements(n as u64));
    group
}

/// Panics, "fast and wrong", unless the relative RMS error is below `limit`.
fn check(what: &str, want: &[f32], got: &[f32], limit: f64) {
    assert_eq!(want.len(), got.len(), "{what}");
    let square = |v: f32| f64::from(v).powi(2);
    let error: f64 = want.iter().zip(got).map(|(w, g)| square(w - g)).sum();
    let size: f64 = want.iter().map(|w| square(*w)).sum();
    assert!(error <= limit * limit * size, "{what}, fast and wrong: {}", (error / size).sqrt());
}

fn reals(x: &[Complex32]) -> &[f32] {
    bytemuck::cast_slice(x)
}

fn conversion(c: &mut Criterion) {
    let simd = Backend::default();
    let raw = inputs::raw_cs16();
    let n = 1 << 16;
    for (name, number) in [
        ("cu8", Number::U8),
        ("cs8", Number::I8),
        ("ci16", Number::I16),
        ("ci32", Number::I32),
        ("cf32", Number::F32),
        ("cf64", Number::F64),
    ] {
        for (order, endian) in [("le", Endian::Little), ("be", Endian::Big)] {
            let bytes = &raw[..2 * n * number.bytes()];
            let (mut x, mut want) = (vec![0f32; 2 * n], vec![0f32; 2 * n]);
            convert::scalar::to_f32(number, endian, bytes, &mut want);
            convert::to_f32(&simd, number, endian, bytes, &mut x);
            assert!(
                want.iter().zip(&x).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan()),
                "{name} {order}"
            );
            let mut group = group(c, &format!("to_f32/{name}_{order}"), n);
            group.bench_function("scalar", |b| {
                b.iter(|| convert::scalar::to_f32(number, endian, black_box(bytes), &mut x));
            });
            group.bench_function("simd", |b| {
                b.iter(|| convert::to_f32(&simd, number, endian, black_box(bytes), &mut x));
            });
            group.finish();
        }
        let x: Vec<f32> = reals(&inputs::noise(n)).iter().map(|x| x * 0.2).collect();
        let mut bytes = vec![0; 2 * n * number.bytes()];
        let mut group = group(c, &format!("from_f32/{name}_le"), n);
        group.bench_function("scalar", |b| {
            b.iter(|| convert::scalar::from_f32(number, Endian::Little, black_box(&x), &mut bytes));
        });
        group.bench_function("simd", |b| {
            b.iter(|| convert::from_f32(&simd, number, Endian::Little, black_box(&x), &mut bytes));
        });
        group.finish();
    }
}

fn sums(c: &mut Criterion) {
    let simd = Backend::default();
    for n in [256, 4096, 1 << 20] {
        let x = inputs::noise(n);
        let got = energy::energy(&simd, &x);
        assert!((got / energy::scalar(&x) - 1.0).abs() < 1e-4, "fast and wrong: {got}");
        let mut group = group(c, "energy", n);
        group.bench_function("scalar", |b| b.iter(|| energy::scalar(black_box(&x))));
        group.bench_function("simd", |b| b.iter(|| energy::energy(&simd, black_box(&x))));
        group.finish();
    }
    let n = 1 << 16;
    let x = inputs::noise(n);
    let mut rows = group(c, "moments", n);
    let (got, want) = (moments::moments(&simd, &x).m22, moments::scalar(&x, 2, 2).re);
    assert!((got / want - 1.0).abs() < 1e-6, "fast and wrong: {got}");
    rows.bench_function("scalar", |b| {
        let orders = [(1, 0), (2, 0), (1, 1), (3, 0), (2, 1), (4, 0), (3, 1), (2, 2)];
        b.iter(|| orders.map(|(p, q)| moments::scalar(black_box(&x), p, q)));
    });
    rows.bench_function("simd", |b| b.iter(|| moments::moments(&simd, black_box(&x))));
    rows.finish();
    let mut rows = group(c, "even_moments", n);
    let got = moments::even_moments(&simd, &x).m33;
    assert!((got / moments::scalar(&x, 3, 3).re - 1.0).abs() < 1e-6, "fast and wrong: {got}");
    rows.bench_function("scalar", |b| {
        let orders = [(2, 0), (1, 1), (4, 0), (3, 1), (2, 2), (6, 0), (5, 1), (4, 2), (3, 3)];
        b.iter(|| orders.map(|(p, q)| moments::scalar(black_box(&x), p, q)));
    });
    rows.bench_function("simd", |b| b.iter(|| moments::even_moments(&simd, black_box(&x))));
    rows.finish();
    let mut rows = group(c, "conjugate_dot", n);
    let (got, want) = (correlate::conjugate_dot(&simd, &x, &x), correlate::scalar(&x, &x));
    assert!((got - want).norm() < 1e-5 * want.norm(), "fast and wrong: {got}");
    rows.bench_function("scalar", |b| b.iter(|| correlate::scalar(black_box(&x), &x)));
    rows.bench_function("simd", |b| b.iter(|| correlate::conjugate_dot(&simd, black_box(&x), &x)));
    rows.finish();
    // A cyclic prefix of 802.11 at 20 MS/s: 64 samples apart.
    let mut rows = group(c, "autocorrelation64", n);
    let autocorrelation = |backend, x| correlate::autocorrelation(backend, x, 64);
    let (got, want) = (autocorrelation(&simd, &x), autocorrelation(&Backend::Scalar, &x));
    assert!((got - want).norm() < 1e-5 * energy::scalar(&x), "fast and wrong: {got}");
    for (name, backend) in [("scalar", &Backend::Scalar), ("simd", &simd)] {
        rows.bench_function(name, |b| b.iter(|| autocorrelation(backend, black_box(&x))));
    }
    rows.finish();
}

fn spectra(c: &mut Criterion) {
    let n = 1 << 17;
    let x = inputs::noise(n);
    for size in [64, 1024, 8192] {
        let config = StftConfig { size, hop: size / 2, scaling: Scaling::None, ..Default::default() };
        let mut stft = StftPower::new(config.clone(), Backend::default()).expect("a good configuration");
        let mut out = vec![0f32; stft.frames(n) * size];
        let mut want = out.clone();
        stft_power::scalar(&config, &x, &mut want).expect("lengths fit");
        stft.process(&x, &mut out).expect("lengths fit");
        check("stft", &want, &out, 1e-6);
        let mut rows = group(c, &format!("stft_power{size}"), n);
        rows.bench_function("scalar", |b| b.iter(|| stft_power::scalar(&config, black_box(&x), &mut out)));
        rows.bench_function("simd", |b| b.iter(|| stft.process(black_box(&x), &mut out)));
        let (window, fft) = (Window::Hann.coefficients(size, true), FftPlanner::new().plan_fft_forward(size));
        rows.bench_function("plain rustfft", |b| {
            b.iter(|| {
                for (x, out) in x.windows(size).step_by(size / 2).zip(out.chunks_exact_mut(size)) {
                    let mut frame: Vec<_> = x.iter().zip(&window).map(|(x, w)| x * w).collect();
                    fft.process(&mut frame);
                    out.iter_mut().zip(&frame).for_each(|(out, x)| *out = x.norm_sqr());
                }
            });
        });
        check("plain rustfft", &want, &out, 1e-6);
        rows.finish();
    }
    let config = StftConfig::default();
    let want = welch(config.clone(), Backend::Scalar, &x).expect("long enough");
    check("welch", &want, &welch(config.clone(), Backend::default(), &x).expect("long enough"), 1e-6);
    let mut rows = group(c, "welch1024", n);
    rows.bench_function("scalar", |b| b.iter(|| welch(config.clone(), Backend::Scalar, black_box(&x))));
    rows.bench_function("simd", |b| b.iter(|| welch(config.clone(), Backend::default(), black_box(&x))));
    rows.finish();
}

fn filters(c: &mut Criterion) {
    let simd = Backend::default();
    let n = 1 << 16;
    let x = inputs::noise(n);
    let complex = Taps::from(inputs::taps());
    let real = Taps::from(inputs::taps()[..64].iter().map(|tap| tap.re).collect::<Vec<_>>());
    let mut out = vec![Complex32::ZERO; n];
    for (name, taps) in [("fir64_real", &real), ("fir128_complex", &complex)] {
        let want = fir::scalar(taps, 1, &x);
        let mut fir = Fir::new(&simd, taps.clone()).expect("taps");
        fir.push(&x, &mut out).expect("lengths fit");
        check(name, reals(&want), reals(&out), 1e-6);
        let mut rows = group(c, name, n);
        rows.bench_function("scalar", |b| b.iter(|| fir::scalar(taps, 1, black_box(&x))));
        rows.bench_function("simd", |b| b.iter(|| fir.push(black_box(&x), &mut out)));
        let mut filter = OverlapSave::new(&simd, taps.clone()).expect("taps");
        let mut stream = Vec::new();
        rows.bench_function("overlap_save", |b| {
            b.iter(|| {
                stream.clear();
                filter.push(black_box(&x), &mut stream);
            });
        });
        rows.finish();
    }
    let want = fir::scalar(&real, 8, &x);
    let mut decimator = Decimator::new(&simd, real.clone(), 8).expect("taps");
    let mut kept = vec![Complex32::ZERO; n / 8];
    decimator.push(&x, &mut kept).expect("lengths fit");
    check("decimator", reals(&want), reals(&kept), 1e-6);
    let mut rows = group(c, "decimate8_64_real", n);
    rows.bench_function("scalar", |b| b.iter(|| fir::scalar(&real, 8, black_box(&x))));
    rows.bench_function("simd", |b| b.iter(|| decimator.push(black_box(&x), &mut kept)));
    rows.finish();

    let prototype = inputs::prototype();
    let want = channelizer::scalar(&prototype, 64, &x[..1 << 14]);
    let mut bank = Channelizer::new(&simd, &prototype, 64).expect("a prototype");
    bank.push(&x, &mut out).expect("lengths fit");
    check("channelizer", reals(&want), reals(&out[..1 << 14]), 1e-6);
    let mut rows = group(c, "channelizer64_1024", n);
    rows.bench_function("scalar", |b| b.iter(|| channelizer::scalar(&prototype, 64, black_box(&x))));
    rows.bench_function("simd", |b| b.iter(|| bank.push(black_box(&x), &mut out)));
    rows.finish();

    let (template, x) = (inputs::template(), &inputs::planted()[..n]);
    let want = xcorr::scalar(&template, &x[..1 << 13]);
    let mut search = Template::new(&simd, &template).expect("a template");
    check("xcorr", &want, &search.correlate(&x[..1 << 13]), 1e-5);
    let mut rows = group(c, "xcorr1024", n);
    rows.bench_function("scalar", |b| b.iter(|| xcorr::scalar(&template, black_box(x))));
    rows.bench_function("simd", |b| b.iter(|| search.correlate(black_box(x))));
    // A quarter zeros, and a half 80 dB weaker: the places of those are not summed one by one.
    let mut padded = x.to_vec();
    padded[n / 4..n / 2].fill(Complex32::ZERO);
    padded[n / 2..].iter_mut().for_each(|x| *x *= 1e-4);
    check(
        "xcorr",
        &xcorr::scalar(&template, &padded[n / 4 - 4096..][..1 << 13]),
        &search.correlate(&padded[n / 4 - 4096..][..1 << 13]),
        1e-5,
    );
    rows.bench_function("simd, padded", |b| b.iter(|| search.correlate(black_box(&padded))));
    rows.finish();
}

fn rotation(c: &mut Criterion) {
    let simd = Backend::default();
    let n = 1 << 16;
    let mut x = inputs::noise(n);
    let (mut want, mut got) = (x.clone(), x.clone());
    nco::scalar(&mut want, 0.1234, 1.0).expect("a frequency");
    nco::rotate(&simd, &mut got, 0.1234, 1.0).expect("a frequency");
    check("nco", reals(&want), reals(&got), 1e-6);
    let mut rows = group(c, "nco", n);
    rows.bench_function("scalar", |b| b.iter(|| nco::scalar(black_box(&mut x), 0.1234, 1.0)));
    let mut oscillator = nco::Nco::new(&simd, 0.1234, 1.0).expect("a frequency");
    rows.bench_function("simd", |b| b.iter(|| oscillator.push(black_box(&mut x))));
    rows.finish();
}

fn binary(c: &mut Criterion) {
    let simd = Backend::default();
    let n = 1 << 20;
    let packed = inputs::key(n);
    let (mut unpacked, mut again) = (vec![false; n], vec![0; n / 64]);
    bits::unpack(&simd, &packed, &mut unpacked);
    bits::pack(&simd, &unpacked, &mut again);
    assert!(packed == again, "fast and wrong");
    let mut rows = group(c, "pack", n);
    rows.bench_function("scalar", |b| b.iter(|| bits::scalar::pack(black_box(&unpacked), &mut again)));
    rows.bench_function("simd", |b| b.iter(|| bits::pack(&simd, black_box(&unpacked), &mut again)));
    rows.finish();
    let mut rows = group(c, "unpack", n);
    rows.bench_function("scalar", |b| b.iter(|| bits::scalar::unpack(black_box(&packed), &mut unpacked)));
    rows.bench_function("simd", |b| b.iter(|| bits::unpack(&simd, black_box(&packed), &mut unpacked)));
    rows.finish();
    for n in [1 << 10, 1 << 14, 1 << 17, 1 << 20] {
        let (key, seed) = (inputs::key(n), &inputs::seed(3 << 19)[..3 * n / 128]);
        let hash = Toeplitz::new(seed, n, n / 2, Backend::default()).expect("lengths fit");
        let (mut want, mut got) = (vec![0; n / 128], vec![0; n / 128]);
        toeplitz::scalar(seed, n, n / 2, &key, &mut want);
        hash.hash(&key, &mut got).expect("lengths fit");
        assert!(want == got, "fast and wrong");
        let mut rows = group(c, "toeplitz", n);
        if n <= 1 << 17 {
            rows.bench_function("scalar", |b| {
                b.iter(|| toeplitz::scalar(seed, n, n / 2, black_box(&key), &mut want));
            });
        }
        rows.bench_function("simd", |b| b.iter(|| hash.hash(black_box(&key), &mut got)));
        rows.finish();
    }
}

criterion_group! {
    name = all;
    config = Criterion::default()
        .sample_size(15)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = conversion, sums, spectra, filters, rotation, binary
}
criterion_main!(all);

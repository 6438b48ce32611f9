//! The GPU against the scalar definitions, on whatever adapter there is: Mesa's lavapipe will do. Without one
//! the tests say so and pass, but not in CI. Those named `small_` are quick enough for SwiftShader.
#![cfg(feature = "gpu")]

use std::sync::Arc;

use kernels::{
    Backend, Error, Gpu,
    convert::{self, Endian, Number},
    gpu::{Choice, DeviceStft, DeviceToeplitz, GpuBuffer, Limits, to_f32},
    stft_power::{self, Detrend, Scaling, StftConfig, StftPower},
    toeplitz::{self, Toeplitz, words},
    window::Window,
};
use num_complex::Complex32;

fn open(limits: Limits) -> Option<Arc<Gpu>> {
    match Gpu::open_with(&Choice::Best, limits) {
        Ok(gpu) => Some(gpu),
        Err(error @ Error::NoAdapter { .. }) => {
            assert!(
                std::env::var_os("CI").is_none(),
                "CI must have a GPU adapter (mesa-vulkan-drivers): {error}"
            );
            eprintln!("SKIPPED, nothing was tested: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Small enough that everything below is cut into many batches.
const SMALL: Limits = Limits { buffer: 1 << 20, binding: 96 << 10, workgroups: 9 };

/// SplitMix64 in counter mode.
fn random(seed: u64, n: usize) -> Vec<u64> {
    (1..=n as u64)
        .map(|i| {
            let z = (seed << 32).wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        })
        .collect()
}

/// `n` samples of raw bytes; floats are uniform within ±1.
fn raw(number: Number, seed: u64, n: usize) -> Vec<u8> {
    let words = random(seed, 2 * n);
    let unit = |w: &u64| (*w as i64) as f64 / 2f64.powi(63);
    match number {
        Number::F32 => words.iter().flat_map(|w| (unit(w) as f32).to_le_bytes()).collect(),
        Number::F64 => words.iter().flat_map(|w| unit(w).to_le_bytes()).collect(),
        _ => words.iter().flat_map(|w| w.to_le_bytes()[..number.bytes()].to_vec()).collect(),
    }
}

fn samples(number: Number, bytes: &[u8]) -> Vec<Complex32> {
    let mut x = vec![Complex32::ZERO; bytes.len() / (2 * number.bytes())];
    convert::scalar::to_f32(number, Endian::Little, bytes, bytemuck::cast_slice_mut(&mut x));
    x
}

fn relative_rms(want: &[f32], got: &[f32]) -> f64 {
    assert_eq!(want.len(), got.len());
    let square = |v: f32| f64::from(v).powi(2);
    let error: f64 = want.iter().zip(got).map(|(w, g)| square(w - g)).sum();
    (error / want.iter().map(|w| square(*w)).sum::<f64>()).sqrt()
}

/// Measured on lavapipe: at most 3e-7 for sizes up to 8192.
fn check_stft(gpu: &Arc<Gpu>, config: &StftConfig, number: Number, n: usize) -> Vec<f32> {
    let bytes = raw(number, 1, n);
    let x = samples(number, &bytes);
    let mut want = vec![0.0; config.frames(n) * config.size];
    stft_power::scalar(config, &x, &mut want).unwrap();
    let mut got = vec![f32::NAN; want.len()];
    let mut stft = StftPower::new(config.clone(), Backend::Gpu(Arc::clone(gpu))).unwrap();
    stft.process_raw(number, &bytes, &mut got).unwrap();
    if !want.is_empty() {
        let error = relative_rms(&want, &got);
        println!("size {:4} hop {:5} {number:?}: {error:.2e}", config.size, config.hop);
        assert!(error < 1e-6, "{config:?} {number:?} {n}: {error:e}");
    }
    // From samples instead of bytes: conversion is exact, so the bits agree.
    let mut again = vec![f32::NAN; want.len()];
    stft.process(&x, &mut again).unwrap();
    assert!(got == again, "{config:?} {number:?} {n}");
    got
}

#[test]
fn small_stft_of_every_size_and_format() {
    let Some(gpu) = open(Limits::default()) else { return };
    for size in [64, 128, 256, 512, 1024, 2048, 4096, 8192] {
        let config = StftConfig { size, hop: size / 2, window: Window::BlackmanHarris, ..Default::default() };
        check_stft(&gpu, &config, Number::I16, 3 * size + 5);
    }
    let config = StftConfig { size: 256, hop: 100, scaling: Scaling::None, ..Default::default() };
    for number in Number::ALL {
        check_stft(&gpu, &config, number, 1000);
    }
}

#[test]
fn stft_of_every_tail_and_hop() {
    let Some(gpu) = open(Limits::default()) else { return };
    // 32 frames of 64 share a workgroup: counts around its multiples, none, and one.
    let config = StftConfig { size: 64, hop: 64, ..Default::default() };
    for frames in [0, 1, 2, 31, 32, 33, 63, 64, 65, 1000] {
        check_stft(&gpu, &config, Number::U8, frames * 64 + 63 * (frames % 2));
    }
    // Odd starts within a word; hops beyond the frame.
    for (size, hop) in [(64, 1), (64, 33), (128, 129), (2048, 777), (4096, 4097), (8192, 31)] {
        let config = StftConfig { size, hop, window: Window::Hamming, ..Default::default() };
        check_stft(&gpu, &config, Number::I8, size + 20 * hop + 3);
    }
    let config = StftConfig { size: 64, hop: 1 << 40, ..Default::default() };
    check_stft(&gpu, &config, Number::I16, 100);

    // Full-scale tone in each size: energy in one bin, and it is the right one.
    for size in [64, 2048, 4096, 8192] {
        let config = StftConfig {
            size,
            hop: size,
            window: Window::Rectangular,
            scaling: Scaling::Spectrum,
            ..Default::default()
        };
        let bin = size - 5;
        let tone = |n: usize| std::f64::consts::TAU * (bin * n % size) as f64 / size as f64;
        let x: Vec<_> = (0..size).map(|n| Complex32::from_polar(1.0, tone(n) as f32)).collect();
        let mut power = vec![0.0; size];
        StftPower::new(config, Backend::Gpu(Arc::clone(&gpu))).unwrap().process(&x, &mut power).unwrap();
        assert!((power[bin] - 1.0).abs() < 1e-6, "{size}: {}", power[bin]);
        let rest: f32 = power.iter().sum::<f32>() - power[bin];
        assert!(rest.abs() < 1e-6, "{size}: {rest}");
    }
}

#[test]
fn stft_takes_the_mean_off() {
    let Some(gpu) = open(Limits::default()) else { return };
    for size in [64, 1024, 8192] {
        let config = StftConfig { size, hop: size / 4, detrend: Detrend::Constant, ..Default::default() };
        check_stft(&gpu, &config, Number::U8, 4 * size + 1);
        let mut stft = StftPower::new(config.clone(), Backend::Gpu(Arc::clone(&gpu))).unwrap();
        let mut power = vec![1.0; config.frames(2 * size) * size];
        stft.process(&vec![Complex32::new(0.75, -0.5); 2 * size], &mut power).unwrap();
        assert!(power.iter().all(|p| *p < 1e-12), "{size}");
    }
}

/// The same bits whether one batch or many: slices, chains, means, hashes.
#[test]
fn batches_change_nothing() {
    let (Some(whole), Some(cut)) = (open(Limits::default()), open(SMALL)) else { return };
    for (size, hop, detrend) in [
        (64, 32, Detrend::None),
        (256, 256, Detrend::Constant),
        (2048, 1000, Detrend::None),
        (4096, 5000, Detrend::Constant),
        (8192, 4099, Detrend::None),
    ] {
        let config = StftConfig { size, hop, detrend, ..Default::default() };
        let bytes = raw(Number::I16, 7, 60_000);
        let run = |gpu: &Arc<Gpu>| {
            let stft = DeviceStft::new(&config, gpu).unwrap();
            let mut out = vec![f32::NAN; config.frames(60_000) * size];
            let before = gpu.counters().dispatches;
            stft.process(Number::I16, &bytes, &mut out).unwrap();
            let dispatches = gpu.counters().dispatches - before;
            // The chain's result must fit one buffer: of a quarter of the samples.
            let raw = GpuBuffer::upload(gpu, &bytes[..60_000]).unwrap();
            let power = stft.power(Number::I16, &raw).unwrap();
            let reals = to_f32(Number::I16, &raw).unwrap().to_vec().unwrap();
            let samples: &[Complex32] = bytemuck::cast_slice(&reals);
            let same = stft.power_of_samples(&GpuBuffer::upload(gpu, samples).unwrap()).unwrap();
            let (power_bits, same) = (power.to_vec().unwrap(), same.to_vec().unwrap());
            assert!(power_bits == same && out[..same.len()] == same, "{config:?}");
            (out, dispatches, reals, stft.mean(&power).ok().map(|mean| mean.to_vec().unwrap()))
        };
        let (want, few, reals, mean) = run(&whole);
        let (got, many, same_reals, same_mean) = run(&cut);
        assert!(many >= 3 * few, "not cut: {many} dispatches, {few} uncut");
        assert!(want == got && reals == same_reals, "{config:?}");
        // 64 rows of 2048 bins and more do not fit the small limits: an error, not another sum.
        assert_eq!(same_mean.is_some(), size <= 256);
        assert!(same_mean.is_none() || same_mean == mean);
    }
    for (n_in, n_out) in [(700_001, 123), (300, 90_001), (100_003, 50_021)] {
        let seed = random(1, words(n_in + n_out - 1));
        let key = random(2, words(n_in));
        let run = |gpu: &Arc<Gpu>| {
            let mut hash = vec![u64::MAX; words(n_out)];
            let before = gpu.counters().dispatches;
            DeviceToeplitz::new(&seed, n_in, n_out, gpu).unwrap().hash(&key, &mut hash).unwrap();
            (hash, gpu.counters().dispatches - before)
        };
        let (want, one) = run(&whole);
        let (got, many) = run(&cut);
        assert!(want == got && one == 1 && many > 1, "{n_in} x {n_out}: {one}, {many} dispatches");
    }
}

/// Every code of the short formats, tails of every length, and the formats that are refused.
#[test]
fn small_conversion_is_exact() {
    let Some(gpu) = open(Limits::default()) else { return };
    for (number, codes) in [
        (Number::U8, 256),
        (Number::I8, 256),
        (Number::U16, 65_536),
        (Number::I16, 65_536),
        (Number::F32, 300),
    ] {
        let mut bytes: Vec<u8> = match number {
            Number::F32 => raw(number, 3, codes / 2),
            _ => (0..codes as u32).flat_map(|c| c.to_le_bytes()[..number.bytes()].to_vec()).collect(),
        };
        for _ in 0..6 {
            let mut want = vec![0.0; bytes.len() / number.bytes()];
            convert::to_f32(&Backend::default(), number, Endian::Little, &bytes, &mut want);
            let got = to_f32(number, &GpuBuffer::upload(&gpu, &bytes).unwrap()).unwrap().to_vec().unwrap();
            assert!(want == got, "{number:?} of {} bytes", bytes.len());
            bytes.truncate(bytes.len() - number.bytes());
        }
    }
    let error = to_f32(Number::F64, &GpuBuffer::upload(&gpu, &[0_u8; 8]).unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "number must be u8, i8, u16, i16 or f32 on a GPU (convert others first), got f64"
    );
}

#[test]
fn small_hash_is_exact() {
    let Some(gpu) = open(Limits::default()) else { return };
    let backend = Backend::Gpu(gpu);
    let mut lengths: Vec<(usize, usize)> = vec![(5_000, 3_001), (16_384, 256), (16_385, 257), (40_000, 1)];
    // All tails of the words of 32 and 64 bits, on both sides.
    let edges = [1, 2, 31, 32, 33, 63, 64, 65, 95, 96, 97, 127, 128, 129, 255, 256, 257];
    lengths.extend(edges.into_iter().flat_map(|n_in| [1, 31, 32, 33, 64, 257].map(|n_out| (n_in, n_out))));
    for (n_in, n_out) in lengths {
        let seed = random(n_in as u64, words(n_in + n_out - 1));
        let key = random(n_out as u64, words(n_in)); // bits beyond n_in are noise: they must not matter
        let mut want = vec![0; words(n_out)];
        let mut got = vec![u64::MAX; words(n_out)];
        toeplitz::scalar(&seed, n_in, n_out, &key, &mut want);
        Toeplitz::new(&seed, n_in, n_out, backend.clone()).unwrap().hash(&key, &mut got).unwrap();
        assert!(want == got, "{n_in} x {n_out}");
    }
}

#[test]
fn large_hash_is_the_processors() {
    let Some(gpu) = open(Limits::default()) else { return };
    let (n_in, n_out) = (1 << 16, 1 << 15);
    let seed = random(8, words(n_in + n_out - 1));
    let key = random(9, words(n_in));
    let run = |backend| {
        let mut hash = vec![0; words(n_out)];
        Toeplitz::new(&seed, n_in, n_out, backend).unwrap().hash(&key, &mut hash).unwrap();
        hash
    };
    assert!(run(Backend::Gpu(gpu)) == run(Backend::default()));
}

/// Raw bytes to a Welch spectrum: one transfer there, one back, and the second time nothing new is made.
#[test]
fn small_chain_uploads_once_and_reuses() {
    let Some(gpu) = open(Limits::default()) else { return };
    let config = StftConfig { size: 512, hop: 256, ..Default::default() };
    let stft = DeviceStft::new(&config, &gpu).unwrap();
    let bytes = raw(Number::I16, 4, 50_000);
    let mut want = vec![0.0; config.frames(50_000) * 512];
    stft_power::scalar(&config, &samples(Number::I16, &bytes), &mut want).unwrap();
    let frames = want.len() / 512;
    let mean: Vec<f32> = (0..512)
        .map(|k| {
            (want.iter().skip(k).step_by(512).map(|p| f64::from(*p)).sum::<f64>() / frames as f64) as f32
        })
        .collect();

    let mut last = None;
    for _ in 0..3 {
        let before = gpu.counters();
        let raw = GpuBuffer::upload(&gpu, &bytes).unwrap();
        let got = stft.mean(&stft.power(Number::I16, &raw).unwrap()).unwrap().to_vec().unwrap();
        let after = gpu.counters();
        assert!(relative_rms(&mean, &got) < 1e-6, "{:e}", relative_rms(&mean, &got));
        let dispatches = after.dispatches - before.dispatches;
        assert_eq!(after.readbacks - before.readbacks, 1);
        // Each dispatch has a few bytes of parameters.
        assert_eq!(after.uploads - before.uploads, 1 + dispatches);
        last = Some((after.pipelines - before.pipelines, after.buffers - before.buffers));
    }
    assert_eq!(last, Some((0, 0)), "pipelines and buffers of the third run");

    // One device for all threads.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut got = vec![0.0; want.len()];
                stft.process(Number::I16, &bytes, &mut got).unwrap();
                assert!(relative_rms(&want, &got) < 1e-6);
            });
        }
    });

    let wiped = GpuBuffer::upload(&gpu, &[7_u64; 100]).unwrap();
    assert_eq!(format!("{wiped:?}"), format!("GpuBuffer<u64>(100 values on {gpu})"));
    wiped.wipe().unwrap();
    let mut read = [0_u64; 3];
    GpuBuffer::upload(&gpu, &[5, 6, 7]).unwrap().read_and_wipe(&mut read).unwrap();
    assert_eq!(read, [5, 6, 7]);
    assert_eq!(GpuBuffer::<u64>::zeroed(&gpu, 100).unwrap().to_vec().unwrap(), [0; 100]);
    assert_eq!(GpuBuffer::upload(&gpu, &[1_u8, 2, 3]).unwrap().to_vec().unwrap(), [1, 2, 3]);
    assert!(GpuBuffer::<f32>::upload(&gpu, &[]).unwrap().to_vec().unwrap().is_empty());
}

#[test]
fn small_errors_are_values() {
    let Some(gpu) = open(SMALL) else { return };
    let text = |error: Option<Error>| error.unwrap().to_string();

    let adapters = Gpu::adapters().unwrap();
    assert!(adapters.iter().enumerate().all(|(i, adapter)| adapter.index == i));
    assert!(adapters.contains(gpu.adapter()));
    assert_eq!(Backend::Gpu(Arc::clone(&gpu)).to_string(), format!("gpu ({})", gpu.adapter()));
    let by_name = Gpu::open(&Choice::Name(gpu.adapter().name.to_uppercase())).unwrap();
    assert_eq!(by_name.adapter().name, gpu.adapter().name);
    assert_eq!(Gpu::open(&Choice::Index(gpu.adapter().index)).unwrap().adapter(), gpu.adapter());
    let none = text(Gpu::open(&Choice::Name("no such adapter".into())).err());
    assert!(none.starts_with("no GPU adapter fits `no such adapter`; found: 0: "), "{none}");
    assert!(matches!(Gpu::open(&Choice::Index(99)), Err(Error::NoAdapter { .. })));
    let greedy = Limits { buffer: 1 << 60, ..Limits::default() };
    assert!(matches!(Gpu::open_with(&Choice::Best, greedy), Err(Error::OverLimit { .. })));

    let big = text(GpuBuffer::upload(&gpu, &vec![0_u8; (1 << 20) + 1]).err());
    assert_eq!(big, "a GPU buffer needs 1048577 bytes, over the GPU device's limit of 1048576");
    assert!(matches!(GpuBuffer::<u64>::zeroed(&gpu, usize::MAX), Err(Error::OverLimit { .. })));
    let size =
        |size| StftPower::new(StftConfig { size, ..Default::default() }, Backend::Gpu(Arc::clone(&gpu)));
    assert_eq!(text(size(48).err()), "size must be a power of two within 64..=8192 on a GPU, got 48");
    assert!(matches!(size(16_384), Err(Error::OutOfRange { .. })));
    let seed = vec![0; words(10_000_000)];
    let hash = Toeplitz::new(&seed, 9_999_001, 1_000, Backend::Gpu(Arc::clone(&gpu)));
    assert_eq!(text(hash.err()), "a GPU buffer needs 1250000 bytes, over the GPU device's limit of 1048576");
    let tiny = open(Limits { buffer: 65_536, binding: 1024, workgroups: 3 }).unwrap();
    let stft = DeviceStft::new(&StftConfig { size: 512, hop: 1, ..Default::default() }, &tiny).unwrap();
    let error = text(stft.process(Number::I16, &[0; 2048], &mut [0.0; 512]).err());
    assert_eq!(error, "one STFT frame needs 4096 bytes, over the GPU device's limit of 1024");
    let error = text(stft.process(Number::I16, &[0; 2047], &mut []).err());
    assert_eq!(error, "raw input must hold 2044 bytes, got 2047");

    // A device that goes away in the middle of things.
    let buffer = GpuBuffer::upload(&gpu, &[1_u8; 4096]).unwrap();
    let mut stft = StftPower::new(StftConfig::default(), Backend::Gpu(Arc::clone(&gpu))).unwrap();
    stft.process(&[Complex32::ONE; 1024], &mut [0.0; 1024]).unwrap();
    gpu.close();
    let error = text(stft.process(&[Complex32::ONE; 1024], &mut [0.0; 1024]).err());
    assert!(error.starts_with("the GPU device is lost: "), "{error}");
    assert!(matches!(buffer.to_vec(), Err(Error::DeviceLost { .. })));
    assert!(matches!(buffer.wipe(), Err(Error::DeviceLost { .. })));
    assert!(matches!(GpuBuffer::upload(&gpu, &[1_u8]), Err(Error::DeviceLost { .. })));
}

//! The kernels on the peers harness's workloads, in its own JSON lines: `summary.py` prints "ours / best peer".
//!
//! ```text
//! cargo run --release -p phy-sec-benches --bin peers -- -t 1 W1 W5
//! ```
//!
//! Every answer is checked against a `f64` reference computed here; a line with a wrong `err` is no result.

use std::{collections::BTreeSet, error::Error, process::ExitCode};

use kernels::{
    Backend,
    channelizer::Channelizer,
    convert::{self, Endian, Number},
    fft::{Batch, Direction},
    ldpc::{self, Entry as Circulant, Layout, min_sum},
    moments::{self, EvenMoments},
    overlap_save::OverlapSave,
    stft_power::{Scaling, StftConfig, StftPower},
    toeplitz::{self, Toeplitz},
    welch::Welch,
    window::Window,
    xcorr::Template,
};
use num_complex::{Complex32, Complex64};
use phy_sec::bits::Bits;
use phy_sec::keygen::RawBits;
use phy_sec::keygen::randomness::{Config, Test, report, test};
use phy_sec::keygen::reconcile::binary_entropy;
use phy_sec::keygen::reconcile::cascade::{Cascade, Schedule, Variant, batch};
use phy_sec_benches::{
    inputs,
    measure::{Relative, Workload, time, widen},
    randomness,
};
use rayon::prelude::*;
use rustfft::FftPlanner;

type Outcome = Result<(), Box<dyn Error>>;

/// A workload's name and what runs it.
type Entry = (&'static str, fn(&Run) -> Outcome);

const WORKLOADS: [Entry; 11] = [
    ("W1", fft),
    ("W2", spectrogram),
    ("W3", welch),
    ("W4", filters),
    ("W5", correlate),
    ("W9", even_moments),
    ("W10", ldpc),
    ("W11", cascade),
    ("W12", hash),
    ("W13", randomness_tests),
    ("W14", conversion),
];

/// What every line says.
struct Run {
    threads: usize,
    backend: Backend,
    peer: String,
}

impl Run {
    fn workload<'a>(&'a self, name: &'a str, n: usize, unit: &'a str) -> Workload<'a> {
        Workload { name, peer: &self.peer, threads: self.threads, work: n as f64 / 1e6, unit, n }
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome {
    let (mut threads, mut wanted) = (1, BTreeSet::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "-t" {
            threads = arguments.next().ok_or("-t needs a number of threads")?.parse()?;
        } else if WORKLOADS.iter().any(|(name, _)| *name == argument) {
            wanted.insert(argument);
        } else {
            let known = WORKLOADS.map(|(name, _)| name).join(", ");
            return Err(format!("{argument}: not a workload; there are {known}").into());
        }
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let backend = Backend::default();
    let run = Run { threads, peer: format!("phy-sec {} {backend}", env!("CARGO_PKG_VERSION")), backend };
    for (name, workload) in WORKLOADS {
        if wanted.is_empty() || wanted.contains(name) {
            workload(&run)?;
        }
    }
    Ok(())
}

fn checksum(x: &[f32]) -> f64 {
    x.iter().map(|x| f64::from(*x).powi(2)).sum()
}

/// W1: forward FFT, out of place, 2^22 samples in frames.
fn fft(run: &Run) -> Outcome {
    let x = inputs::noise(1 << 22);
    let mut out = vec![Complex32::ZERO; x.len()];
    for size in [64, 1024, 4096, 65536] {
        let mut batch = Batch::new(&run.backend, size, Direction::Forward)?;
        let times = time(|| batch.process(&x, &mut out).expect("lengths fit"));
        let reference = FftPlanner::<f64>::new().plan_fft_forward(size);
        let mut error = Relative::default();
        for (x, out) in x.chunks_exact(size).zip(out.chunks_exact(size)) {
            let mut want = widen(x);
            reference.process(&mut want);
            out.iter().zip(want).for_each(|(got, want)| error.add_complex(*got, want));
        }
        let sum = checksum(bytemuck::cast_slice(&out));
        run.workload(&format!("W1.fft{size}"), x.len(), "MS/s").report(&times, Some(error.value()), sum);
    }
    Ok(())
}

/// W2 and W3: 1024 points, periodic Hann rounded to `f32`, hop 512.
fn frames(scaling: Scaling) -> StftConfig {
    StftConfig { size: 1024, hop: 512, window: Window::Hann, scaling, ..Default::default() }
}

/// `|FFT(hann x)|²` of every frame in `f64`.
fn power_reference(x: &[Complex32], mut each: impl FnMut(usize, &[f64])) {
    let window: Vec<f64> = Window::Hann.coefficients(1024, true).into_iter().map(f64::from).collect();
    let fft = FftPlanner::<f64>::new().plan_fft_forward(1024);
    for (index, frame) in x.windows(1024).step_by(512).enumerate() {
        let mut frame = widen(frame);
        frame.iter_mut().zip(&window).for_each(|(x, w)| *x *= w);
        fft.process(&mut frame);
        let power: Vec<f64> = frame.iter().map(Complex64::norm_sqr).collect();
        each(index, &power);
    }
}

fn spectrogram(run: &Run) -> Outcome {
    let x = inputs::noise(1 << 24);
    let mut stft = StftPower::new(frames(Scaling::None), run.backend.clone())?;
    let mut out = vec![0.0; stft.frames(x.len()) * 1024];
    let times = time(|| stft.process(&x, &mut out).expect("lengths fit"));
    let mut error = Relative::default();
    power_reference(&x, |index, want| {
        out[index * 1024..][..1024].iter().zip(want).for_each(|(got, want)| error.add(*got, *want));
    });
    run.workload("W2.spectrogram", x.len(), "MS/s").report(&times, Some(error.value()), out[12345].into());
    Ok(())
}

fn welch(run: &Run) -> Outcome {
    let x = inputs::noise(1 << 24);
    let mut stream = Welch::new(frames(Scaling::Density), run.backend.clone())?;
    let mut out = Vec::new();
    let times = time(|| {
        stream.push(&x).expect("a checked configuration");
        out = stream.finish().expect("whole frames");
    });
    let (mut sum, mut count) = (vec![0.0; 1024], 0.0);
    power_reference(&x, |_, power| {
        sum.iter_mut().zip(power).for_each(|(sum, power)| *sum += power);
        count += 1.0;
    });
    let weights: f64 = Window::Hann.coefficients(1024, true).into_iter().map(|w| f64::from(w).powi(2)).sum();
    let mut error = Relative::default();
    out.iter().zip(sum).for_each(|(got, sum)| error.add(*got, sum / count / weights));
    run.workload("W3.welch", x.len(), "MS/s").report(&times, Some(error.value()), checksum(&out));
    Ok(())
}

/// Linear convolution in `f64`, all at once.
fn convolution(x: &[Complex32], h: &[Complex32]) -> Vec<Complex64> {
    let size = (x.len() + h.len()).next_power_of_two();
    let mut planner = FftPlanner::<f64>::new();
    let forward = planner.plan_fft_forward(size);
    let (mut a, mut b) = (widen(x), widen(h));
    for x in [&mut a, &mut b] {
        x.resize(size, Complex64::ZERO);
        forward.process(x);
    }
    a.iter_mut().zip(&b).for_each(|(a, b)| *a *= b / size as f64);
    planner.plan_fft_inverse(size).process(&mut a);
    a
}

/// W4: the filter of 128 taps and the channelizer of 64 channels.
fn filters(run: &Run) -> Outcome {
    fir(run)?;
    channelizer(run)
}

fn channelizer(run: &Run) -> Outcome {
    let (x, prototype) = (inputs::noise(1 << 22), inputs::prototype());
    let mut bank = Channelizer::new(&run.backend, &prototype, 64)?;
    let mut out = vec![Complex32::ZERO; x.len()];
    let times = time(|| {
        bank.reset();
        bank.push(&x, &mut out).expect("lengths fit");
    });
    // y[m, r] = sum_b h[64 b + r] x[64 (m - b) + 63 - r], then one transform, in f64.
    let fft = FftPlanner::<f64>::new().plan_fft_inverse(64);
    let mut error = Relative::default();
    for (m, out) in out.chunks_exact(64).enumerate() {
        let mut want = [Complex64::ZERO; 64];
        for (n, tap) in prototype.iter().enumerate().take(64 * (m + 1)) {
            let x = x[64 * m + 63 - n];
            want[n % 64] += Complex64::new(x.re.into(), x.im.into()) * f64::from(*tap);
        }
        fft.process(&mut want);
        out.iter().zip(want).for_each(|(got, want)| error.add_complex(*got, want));
    }
    let sum = checksum(bytemuck::cast_slice(&out));
    run.workload("W4.pfb64", x.len(), "MS/s").report(&times, Some(error.value()), sum);
    Ok(())
}

fn fir(run: &Run) -> Outcome {
    let (x, taps) = (inputs::noise(1 << 22), inputs::taps());
    let want = convolution(&x, &taps);
    let report = |peer: &str, times: &[f64], out: &[Complex32]| {
        let mut error = Relative::default();
        out.iter().zip(&want).for_each(|(got, want)| error.add_complex(*got, *want));
        let name = format!("{} {peer}", run.peer);
        let workload = Workload { peer: &name, ..run.workload("W4.fir128", x.len(), "MS/s") };
        workload.report(times, Some(error.value()), checksum(bytemuck::cast_slice(out)));
    };
    let mut filter = OverlapSave::new(&run.backend, taps.clone())?;
    let mut out = Vec::with_capacity(x.len() + filter.step());
    let times = time(|| {
        out.clear();
        filter.push(&x, &mut out);
        filter.finish(&mut out);
    });
    report("overlap-save", &times, &out);
    if run.threads == 1 {
        let mut filter = kernels::fir::Fir::new(&run.backend, taps)?;
        out.resize(x.len(), Complex32::ZERO);
        let times = time(|| {
            filter.reset();
            filter.push(&x, &mut out).expect("lengths fit");
        });
        report("direct", &times, &out);
    }
    Ok(())
}

fn correlate(run: &Run) -> Outcome {
    let (x, template) = (inputs::planted(), inputs::template());
    let mut search = Template::new(&run.backend, &template)?;
    let mut out = Vec::with_capacity(x.len() + (1 << 16));
    let times = time(|| {
        out.clear();
        search.push(&x, &mut out);
        search.finish(&mut out);
    });
    let reversed: Vec<_> = template.iter().rev().map(Complex32::conj).collect();
    let sums = convolution(&x, &reversed);
    let square = |x: &Complex32| f64::from(x.re).powi(2) + f64::from(x.im).powi(2);
    let norm: f64 = template.iter().map(square).sum();
    let mut energy: f64 = x[..template.len()].iter().map(square).sum();
    let mut error = Relative::default();
    for (k, got) in out.iter().enumerate() {
        error.add(*got, sums[k + template.len() - 1].norm_sqr() / (energy * norm));
        energy += x.get(k + template.len()).map_or(0.0, square) - square(&x[k]);
    }
    for place in inputs::planted_places() {
        if out[place] < 0.1 {
            return Err(format!("the template at {place} reads {}", out[place]).into());
        }
    }
    run.workload("W5.xcorr1024", x.len(), "MS/s").report(&times, Some(error.value()), checksum(&out));
    Ok(())
}

/// W9's order: E[x^p x*^q] for (2,0) (1,1) (4,0) (3,1) (2,2) (6,0) (5,1) (4,2) (3,3).
fn list(m: &EvenMoments) -> [Complex64; 9] {
    let real = |m| Complex64::new(m, 0.0);
    [m.m20, real(m.m11), m.m40, m.m31, real(m.m22), m.m60, m.m51, m.m42, real(m.m33)]
}

fn even_moments(run: &Run) -> Outcome {
    let x = inputs::noise(1 << 22);
    let share = x.len() / run.threads.next_power_of_two();
    let mut out = [Complex64::ZERO; 9];
    let times = time(|| {
        let parts: Vec<_> =
            x.par_chunks(share).map(|x| list(&moments::even_moments(&run.backend, x))).collect();
        out =
            std::array::from_fn(|i| parts.iter().map(|part| part[i]).sum::<Complex64>() / parts.len() as f64);
    });
    let orders = [(2, 0), (1, 1), (4, 0), (3, 1), (2, 2), (6, 0), (5, 1), (4, 2), (3, 3)];
    let (mut wrong, mut size) = (0.0, 0.0);
    for ((p, q), got) in orders.into_iter().zip(out) {
        let want = moments::scalar(&x, p, q);
        wrong += (got - want).norm_sqr();
        size += want.norm_sqr();
    }
    run.workload("W9.moments6", x.len(), "MS/s").report(&times, Some((wrong / size).sqrt()), out[1].re);
    Ok(())
}

/// W11: 200 keys of 10,000 bits, 5 % errors, both ends in one process; `err` is the frame error rate, the checksum the
/// number of parities said.
fn cascade(run: &Run) -> Outcome {
    let (n, count) = (10_000, 200);
    let (alice, bob) = inputs::keys(n, count);
    let share = count.div_ceil(run.threads);
    let raw = |bits: &[Bits]| bits.iter().cloned().map(RawBits::new).collect::<Vec<_>>();
    for (variant, schedule) in [
        (Variant::Original, Schedule::Smallest),
        (Variant::Original, Schedule::All),
        (Variant::Yanetal, Schedule::Smallest),
        (Variant::Option7, Schedule::Smallest),
        (Variant::Option8, Schedule::Smallest),
    ] {
        let method = Cascade { variant, schedule };
        let mut outcomes = Vec::new();
        let times = time(|| {
            let parts = alice.par_chunks(share).zip(bob.par_chunks(share));
            let part = |(alice, bob)| batch::reconcile(&method, raw(alice), raw(bob), 0.05, [7; 32]);
            outcomes = parts.map(part).collect::<Result<Vec<_>, _>>().expect("frames of one length");
        });
        let (mut failed, mut leaked) = (0u32, 0);
        for (alice, bob) in outcomes.iter().flat_map(|outcome| outcome.alice.iter().zip(&outcome.bob)) {
            failed += u32::from(alice.errors(bob)? > 0);
            leaked += bob.leaked();
        }
        let f = leaked as f64 / (n * count) as f64 / binary_entropy(0.05);
        let peer = format!("{} {variant:?}, {schedule:?}, efficiency {f:.4}", run.peer);
        let workload = Workload { peer: &peer, ..run.workload("W11.cascade", n * count, "Mbit_key/s") };
        workload.report(&times, Some(f64::from(failed) / count as f64), leaked as f64);
    }
    Ok(())
}

/// W10: 802.11n, n = 1944, rate 1/2: 64 frames side by side through the 8-bit layered min-sum.
fn ldpc(run: &Run) -> Outcome {
    const N: usize = 1944;
    let checks = |row: &[i32; 24], lane: usize| -> Vec<Circulant> {
        let entries = row.iter().enumerate().filter(|(_, shift)| **shift >= 0);
        let bit = |(column, shift): (usize, &i32)| column * 81 + (lane + *shift as usize) % 81;
        entries.map(|entry| Circulant { column: bit(entry) as u32, shift: 0 }).collect()
    };
    let rows: Vec<_> =
        inputs::WIFI_1944.iter().flat_map(|row| (0..81).map(move |lane| checks(row, lane))).collect();
    let layout = Layout::new(64, N, &rows)?;
    // `values` and `syndromes`, `[frame, ..]`, to bits; at most `most` sweeps, all of them unless `early`.
    let decode = |values: &[u8], syndromes: Option<&[u8]>, most: usize, early: bool, out: &mut [u8]| {
        let batch = |index: usize, values: &[u8], out: &mut [u8]| {
            let mut turned = vec![0u8; 64 * N];
            ldpc::side_by_side(values, N, &mut turned);
            let mut posterior: Vec<i8> = turned.iter().map(|&v| (v as i8).clamp(-31, 31)).collect();
            let mut target = vec![0u8; layout.checks()];
            if let Some(syndromes) = syndromes {
                ldpc::side_by_side(&syndromes[index * target.len()..][..target.len()], N / 2, &mut target);
            }
            let target: Vec<i8> = target.iter().map(|&bit| (bit << 7) as i8).collect();
            let mut messages = vec![0; layout.edges()];
            let mut failed = [0; 64];
            for _ in 0..most {
                failed.fill(0);
                let rule = min_sum::Rule::NORMALISED;
                min_sum::sweep(
                    &run.backend,
                    &layout,
                    rule,
                    &target,
                    &mut posterior,
                    &mut messages,
                    &mut failed,
                );
                if early && failed.iter().all(|failed| *failed >= 0) {
                    break;
                }
            }
            turned.iter_mut().zip(&posterior).for_each(|(bit, value)| *bit = u8::from(*value < 0));
            ldpc::apart(&turned, N, out);
        };
        let parts = values.par_chunks(64 * N).zip(out.par_chunks_mut(64 * N)).enumerate();
        parts.for_each(|(index, (values, out))| batch(index, values, out));
    };
    let wrong = |out: &[u8], want: &[u8]| {
        let frames = out.chunks_exact(N).zip(want.chunks_exact(N));
        frames.filter(|(out, want)| out != want).count() as f64 / (want.len() / N) as f64
    };
    let codewords = inputs::wifi_codewords();
    let llr: Vec<u8> = inputs::wifi_llr(&codewords).into_iter().map(|v| v as u8).collect();
    let mut out = vec![0; llr.len()];
    for (name, most, early) in [("W10.ldpc1944_10it", 10, false), ("W10.ldpc1944_early20", 20, true)] {
        let times = time(|| decode(&llr, None, most, early, &mut out));
        run.workload(name, llr.len(), "Mbit_coded/s").report(&times, Some(wrong(&out, &codewords)), 0.0);
    }
    for percent in [2, 3, 5, 7] {
        let rate = f64::from(percent) / 100.0;
        let (alice, bob) = inputs::wifi_reconcile(rate);
        let one = Layout::new(1, N, &rows)?;
        let mut syndromes = vec![0; alice.len() / 2];
        for (alice, syndrome) in alice.chunks_exact(N).zip(syndromes.chunks_exact_mut(N / 2)) {
            one.syndrome(alice, syndrome);
        }
        let size = (4.0 * ((1.0 - rate) / rate).ln() * 0.75).round() as i8;
        let mut out = vec![0; bob.len()];
        let times = time(|| {
            let values: Vec<u8> = bob.iter().map(|&bit| if bit == 1 { -size } else { size } as u8).collect();
            decode(&values, Some(&syndromes), 50, true, &mut out);
        });
        let name = format!("W10.reconcile_q{percent}");
        run.workload(&name, bob.len(), "Mbit_key/s").report(&times, Some(wrong(&out, &alice)), 0.0);
    }
    Ok(())
}

/// W12: 2^20 bits to 2^19, the seed's preparation included.
fn hash(run: &Run) -> Outcome {
    let (n, m) = (1 << 20, 1 << 19);
    let (key, seed) = (inputs::key(n), inputs::seed(n + m));
    let mut out = vec![0; m / 64];
    let mut want = out.clone();
    toeplitz::scalar(&seed, n, m, &key, &mut want);
    let wrong = |out: &[u64]| out.iter().zip(&want).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>();
    let sum =
        |out: &[u64]| out.iter().zip(0u64..).fold(0, |sum, (w, i)| sum ^ w.wrapping_mul(2 * i + 1)) >> 12;
    let times = time(|| {
        let hash = Toeplitz::new(&seed, n, m, run.backend.clone()).expect("lengths fit");
        hash.hash(&key, &mut out).expect("lengths fit");
    });
    run.workload("W12.toeplitz", n, "Mbit_in/s").report(&times, Some(wrong(&out).into()), sum(&out) as f64);
    out.fill(0);
    let hash = Toeplitz::new(&seed, n, m, run.backend.clone())?;
    let times = time(|| hash.hash(&key, &mut out).expect("lengths fit"));
    let peer = format!("{} seed prepared", run.peer);
    let workload = Workload { peer: &peer, ..run.workload("W12.toeplitz", n, "Mbit_in/s") };
    workload.report(&times, Some(wrong(&out).into()), sum(&out) as f64);
    Ok(())
}

/// W13: the 15 SP 800-22 tests on 10^6 bits; then each alone, for its share of the time.
fn randomness_tests(run: &Run) -> Outcome {
    let bits = randomness::bits();
    let config = Config { parallel: run.threads > 1, ..Config::default() };
    let checked = report(&bits, 1, &config)?;
    let wrong = randomness::wrong(&checked) as f64;
    let sum: f64 = checked.tests.iter().flat_map(|test| &test.rows).map(|row| row.p_values[0]).sum();
    let times = time(|| drop(report(&bits, 1, &config)));
    run.workload("W13.sts", bits.len(), "Mbit/s").report(&times, Some(wrong), sum);
    if run.threads == 1 {
        for which in Test::ALL {
            let times = time(|| drop(test(*which, &bits, &config)));
            run.workload(&format!("W13.{}", which.name()), bits.len(), "Mbit/s").report(&times, None, 0.0);
        }
    }
    Ok(())
}

/// W14: raw samples of 16 and 8 bits to floats of full scale 1.
fn conversion(run: &Run) -> Outcome {
    let n = 1 << 24;
    let mut out = vec![0f32; 2 * n];
    let (cs16, cu8) = (inputs::raw_cs16(), inputs::raw_cu8());
    type Value = fn(&[u8], usize) -> f64;
    let value_16: Value = |raw, i| f64::from(i16::from_le_bytes([raw[2 * i], raw[2 * i + 1]])) / 32768.0;
    let value_8: Value = |raw, i| (f64::from(raw[i]) - 127.5) / 128.0;
    let value_s8: Value = |raw, i| f64::from(raw[i] as i8) / 128.0;
    for (name, number, raw, value) in [
        ("W14.cs16", Number::I16, &cs16, value_16),
        ("W14.cu8", Number::U8, &cu8, value_8),
        ("W14.cs8", Number::I8, &cu8, value_s8),
    ] {
        let share = out.len().div_ceil(run.threads);
        let times = time(|| {
            out.par_chunks_mut(share).zip(raw.par_chunks(share * number.bytes())).for_each(|(out, raw)| {
                convert::to_f32(&run.backend, number, Endian::Little, raw, out);
            });
        });
        let error = out
            .iter()
            .enumerate()
            .map(|(i, got)| (f64::from(*got) - value(raw, i)).abs())
            .fold(0.0, f64::max);
        run.workload(name, n, "MS/s").report(&times, Some(error), checksum(&out));
    }
    Ok(())
}

//! The monitor on a stream: how fast, how late, and with how much of the processor and of memory.
//!
//! ```text
//! cargo run --release -p phy-sec --example stream -- [RATE in MS/s, default 20] [SECONDS, default 20]
//! ```
//!
//! Three parts, each with the noise of a receiver and a tone in every tenth of a second:
//! - the detector alone, in samples per second of its own thread's processor time;
//! - source, ring and detector, as fast as they go;
//! - the same at the radio's pace: processor time of every thread, memory at the beginning and at the end, and the time
//!   from when the last sample of the block that decided was taken to when the change of state was known.
//!
//! Processor times are the kernel's (`/proc`), so they hold on a busy machine; delays are only as good as the machine is quiet.

use std::time::{Duration, Instant};

use ndarray::ArrayViewMut2;
use num_complex::Complex32;
use phy_sec::{
    Backend,
    jamming::{Config, Monitor, State},
    sim,
};
use sdr_io::{
    Datatype, Read, Source, StreamInfo,
    runtime::{Next, Runtime, RuntimeConfig},
};

/// A stretch of signal again and again, at the radio's pace or as fast as it is taken.
struct Loop {
    info: StreamInfo,
    signal: Vec<Complex32>,
    at: usize,
    sample: u64,
    left: u64,
    begun: Option<Instant>,
    paced: bool,
}

impl Source for Loop {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self, mut out: ArrayViewMut2<'_, Complex32>) -> sdr_io::Result<Option<Read>> {
        let samples = out.ncols().min(self.signal.len() - self.at).min(self.left as usize);
        if samples == 0 {
            return Ok(None);
        }
        let mut row = out.row_mut(0);
        if let Some(row) = row.as_slice_mut() {
            row[..samples].copy_from_slice(&self.signal[self.at..self.at + samples]);
        }
        self.at = (self.at + samples) % self.signal.len();
        let read = Read { samples, sample_start: self.sample, global_index: self.sample, ..Read::default() };
        self.sample += samples as u64;
        self.left -= samples as u64;
        if self.paced {
            let begun = *self.begun.get_or_insert_with(Instant::now);
            let due = Duration::from_secs_f64(self.sample as f64 / self.info.sample_rate.unwrap_or(1.0));
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
        }
        Ok(Some(read))
    }
}

fn source(rate: f64, seconds: f64, paced: bool) -> Box<Loop> {
    let info = StreamInfo::new("simulated", Datatype::CF32_LE, 1, Some(rate));
    // A tenth of a second; the tone is on for 2 ms in its second half.
    let period = (rate / 10.0) as usize;
    let mut signal = sim::noise(&mut sim::rng(1), period, 1e-3);
    let tone = (rate * 2e-3) as usize;
    for (n, x) in signal[period * 6 / 10..].iter_mut().take(tone).enumerate() {
        *x += Complex32::from_polar(
            0.1,
            (std::f64::consts::TAU * 0.137 * n as f64 % std::f64::consts::TAU) as f32,
        );
    }
    let left = (rate * seconds) as u64;
    Box::new(Loop { info, signal, at: 0, sample: 0, left, begun: None, paced })
}

fn config(rate: f64) -> Config {
    Config { sample_rate: rate, learn: 0.05, ..Config::default() }
}

/// Nanoseconds that the calling thread has run.
fn own_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(f64::NAN)
}

/// Bytes that this process has in memory.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = resident.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) * 1024.0
}

/// Seconds of processor time of this process, threads that ended included.
fn process_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: f64 = after.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<f64>().ok()).sum();
    ticks / 100.0 // Linux's USER_HZ
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<f64>());
    let rate = numbers.next().transpose()?.unwrap_or(20.0) * 1e6;
    let seconds = numbers.next().transpose()?.unwrap_or(20.0);

    // The detector alone.
    let signal = source(rate, 1.0, false).signal;
    for size in [256, 1024] {
        let mut monitor = Monitor::new(Config { size, ..config(rate) }, Backend::default())?;
        monitor.push(&signal)?;
        let (begun, mut samples) = (own_time(), 0);
        while samples < 60_000_000 {
            for block in signal.chunks(8192) {
                monitor.push(block)?;
            }
            samples += signal.len();
        }
        let spent = own_time() - begun;
        println!("detector alone, {size} bins: {:.1} MS/s of one core's time", samples as f64 / spent * 1e3);
    }

    for paced in [false, true] {
        let length = if paced { seconds } else { 60e6 / rate };
        let stream =
            RuntimeConfig { wait: !paced, ring: if paced { 1024 } else { 32 }, ..RuntimeConfig::default() };
        let mut runtime = Runtime::new(source(rate, length, paced), stream)?;
        let mut consumer = runtime.subscribe("detector", 0);
        let mut monitor = Monitor::new(config(rate), Backend::default())?;
        let mut late = Vec::new();
        let mut early = None;
        let (begun, before) = (Instant::now(), process_time());
        runtime.start(None);
        loop {
            match consumer.next(Duration::from_secs(1)) {
                Next::Block(block) => {
                    if block.lost_before.is_gap() {
                        monitor.gap(block.read.sample_start)?;
                    }
                    monitor.push(block.channel(0))?;
                    let end = block.read.sample_start + block.read.samples as u64;
                    for change in monitor.transitions().iter().filter(|change| change.to > State::Clear) {
                        // Its last sample was taken so long before the block was complete.
                        let older = end.saturating_sub(change.sample) as f64 / rate;
                        late.push(block.arrived.elapsed().as_secs_f64() + older);
                    }
                }
                Next::Idle => {}
                Next::End => break,
            }
            if early.is_none() && begun.elapsed() > Duration::from_secs(2) {
                early = Some(resident());
            }
        }
        let wall = begun.elapsed().as_secs_f64();
        let spent = process_time() - before;
        let counters = runtime.finish()?;
        let megasamples = counters.samples as f64 / 1e6;
        if paced {
            late.sort_by(f64::total_cmp);
            let at = |share: f64| {
                late.get(((late.len() - 1) as f64 * share) as usize).map_or(f64::NAN, |s| s * 1e3)
            };
            let seat = &counters.consumers[0];
            println!(
                "paced at {:.1} MS/s for {wall:.1} s: {:.0} % of one core, {} samples dropped, memory {:.1} MB after 2 s and \
                 {:.1} MB at the end",
                rate / 1e6,
                100.0 * spent / wall,
                seat.dropped,
                early.unwrap_or(f64::NAN) / 1e6,
                resident() / 1e6,
            );
            println!(
                "from sample to state, {} changes: p50 {:.3} ms, p99 {:.3} ms, most {:.3} ms",
                late.len(),
                at(0.5),
                at(0.99),
                at(1.0)
            );
        } else {
            println!(
                "source, ring and detector: {:.1} MS/s by the clock, {:.1} MS/s of one core's time",
                megasamples / wall,
                megasamples / spent
            );
        }
    }
    Ok(())
}

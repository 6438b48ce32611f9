//! One measurement as the peers harness takes and prints it: a warm-up, at least five repetitions and
//! until the budget is spent, the median; one JSON line.

use std::{
    env, fs,
    time::{Duration, Instant},
};

use num_complex::{Complex32, Complex64};
use serde_json::json;

/// What was measured, and in what.
pub struct Workload<'a> {
    /// As in the harness: `W1.fft1024`.
    pub name: &'a str,
    /// `phy-sec ...`.
    pub peer: &'a str,
    /// Threads that were given.
    pub threads: usize,
    /// Units of work in one repetition.
    pub work: f64,
    /// `MS/s`, `Mbit_in/s`.
    pub unit: &'a str,
    /// Samples or bits in one repetition.
    pub n: usize,
}

/// Times `body`; returns the repetitions, fastest first.
pub fn time(mut body: impl FnMut()) -> Vec<f64> {
    let budget =
        env::var("PEERS_BUDGET_S").ok().and_then(|s| s.parse().ok()).map_or(2.0, |s: f64| s.clamp(0.0, 40.0));
    let budget = Duration::from_secs_f64(budget);
    body();
    let (mut times, begin) = (Vec::new(), Instant::now());
    while times.len() < 101 && (times.len() < 5 || begin.elapsed() < budget) {
        let start = Instant::now();
        body();
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    times
}

impl Workload<'_> {
    /// Prints the line. `err`: relative RMS, greatest absolute error or count of wrong bits, as the workload has it.
    pub fn report(&self, times: &[f64], err: Option<f64>, checksum: f64) {
        let median = times[times.len() / 2];
        let load = fs::read_to_string("/proc/loadavg").ok();
        let load = load.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
        let line = json!({
            "workload": self.name,
            "peer": self.peer,
            "threads": self.threads,
            "value": self.work / median,
            "unit": self.unit,
            "n": self.n,
            "value_min": self.work / times[times.len() - 1],
            "value_max": self.work / times[0],
            "reps": times.len(),
            "median_s": median,
            "err": err,
            "checksum": checksum,
            "load1": load,
        });
        println!("{line}");
    }
}

/// Adds up a relative RMS error, `‖y - r‖ / ‖r‖`.
#[derive(Default)]
pub struct Relative {
    error: f64,
    reference: f64,
}

impl Relative {
    /// One real value.
    pub fn add(&mut self, got: f32, want: f64) {
        self.error += (f64::from(got) - want).powi(2);
        self.reference += want.powi(2);
    }

    /// One complex value.
    pub fn add_complex(&mut self, got: Complex32, want: Complex64) {
        self.add(got.re, want.re);
        self.add(got.im, want.im);
    }

    /// The error so far.
    pub fn value(&self) -> f64 {
        (self.error / self.reference.max(f64::MIN_POSITIVE)).sqrt()
    }
}

/// `f32` samples widened.
pub fn widen(x: &[Complex32]) -> Vec<Complex64> {
    x.iter().map(|x| Complex64::new(x.re.into(), x.im.into())).collect()
}

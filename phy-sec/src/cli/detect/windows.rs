//! `phy-sec detect SOURCE --method NAME`: one detector of the table over windows end to end, with a false-alarm probability
//! that holds for white noise.

use anyhow::{Context as _, bail};
use phy_sec::{
    jamming::detect::{Calibration, Detector, Judged, WindowTest},
    keygen::evaluate::name,
};
use serde::Serialize;

use super::super::{Context, Outcome, report, source};
use super::Args;

/// Which detector, and over what.
#[derive(clap::Args)]
pub(crate) struct WindowArgs {
    /// Instead of the monitor, one detector over windows of white noise: NAME or NAME:FIELD=VALUE,...; `all` is every one
    #[arg(long, value_name = "NAME")]
    method: Option<String>,
    /// Samples of a window
    #[arg(long, value_name = "N", default_value_t = 1024, requires = "method")]
    window: usize,
    /// Draws by which a threshold without a formula is calibrated
    #[arg(long, value_name = "N", default_value_t = 100_000, requires = "method")]
    trials: usize,
}

impl WindowArgs {
    pub(super) fn asked(&self) -> bool {
        self.method.is_some()
    }
}

/// A stretch of windows detected, one after the other.
#[derive(Serialize)]
struct Stretch {
    schema: &'static str,
    method: &'static str,
    sample_start: u64,
    sample_count: u64,
    /// Of the strongest window.
    statistic: f64,
    threshold: f64,
    pfa: f64,
}

pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let text = args.windows.method.as_deref().unwrap_or("all");
    let mut detectors: Vec<Detector> = if text == "all" {
        Detector::ALL.to_vec()
    } else {
        name::parse("method", text).context("--method")?
    };
    let pfa = args.pfa.unwrap_or(1e-3);
    if let Some(power) = args.noise_power {
        for detector in &mut detectors {
            if let Detector::Energy(energy) = detector {
                energy.noise_power = power;
            }
        }
    }
    let mut calibration = Calibration::new(args.windows.trials, 1)?;
    let mut source = source::open(&args.source, context)?;
    let file = &args.source.source;
    let samples = args.windows.window;
    let working = context.working("calibrating");
    let mut tests = Vec::new();
    for detector in &detectors {
        let test = WindowTest::new(*detector, samples, pfa, &mut calibration, &context.backend);
        tests.push((detector.name(), test.with_context(|| format!("--method {}", detector.name()))?));
    }
    drop(working);
    let mut found: Vec<Vec<Stretch>> = detectors.iter().map(|_| Vec::new()).collect();
    let mut counts = vec![[0u64; 2]; tests.len()];
    source::for_each_block(file, source.as_mut(), |read, block| {
        for (((method, test), found), [judged, detected]) in tests.iter_mut().zip(&mut found).zip(&mut counts)
        {
            if read.lost_before.is_gap() {
                test.gap(read.sample_start);
            }
            let windows = test.push(block).context("the samples cannot be used")?;
            *judged += windows.len() as u64;
            for window in windows.into_iter().filter(|window| window.detected) {
                *detected += 1;
                add(found, method, window, samples as u64, test.threshold(), pfa);
            }
        }
        Ok(())
    })?;
    if counts.iter().all(|[judged, _]| *judged == 0) {
        bail!("{file} holds less than one window of {samples} samples: nothing was judged");
    }
    if context.json {
        found.iter().flatten().try_for_each(|stretch| context.print_json(stretch))?;
    } else {
        let mut table =
            report::table(&["method", "windows", "detected", "threshold", "strongest", "at sample"]);
        for (((method, test), found), [judged, detected]) in tests.iter().zip(&found).zip(&counts) {
            let strongest = found.iter().max_by(|a, b| a.statistic.total_cmp(&b.statistic));
            table.add_row([
                (*method).to_owned(),
                judged.to_string(),
                detected.to_string(),
                format!("{:.6}", test.threshold()),
                strongest.map_or("-".to_owned(), |stretch| format!("{:.6}", stretch.statistic)),
                strongest.map_or("-".to_owned(), |stretch| stretch.sample_start.to_string()),
            ]);
        }
        context.print(&table)?;
        context.print(format!(
            "Of white noise, {:.3} windows of each {} would be detected. A victim's signal is none: what is modulated or \
             coloured is detected as well.",
            pfa * counts[0][0] as f64,
            counts[0][0]
        ))?;
    }
    Ok(if found.iter().all(Vec::is_empty) { Outcome::Quiet } else { Outcome::Notable })
}

/// Lengthens the last stretch, or begins one.
fn add(
    found: &mut Vec<Stretch>,
    method: &'static str,
    window: Judged,
    samples: u64,
    threshold: f64,
    pfa: f64,
) {
    match found.last_mut() {
        Some(last) if last.sample_start + last.sample_count == window.sample_start => {
            last.sample_count += samples;
            last.statistic = last.statistic.max(window.statistic);
        }
        _ => found.push(Stretch {
            schema: "phy-sec.detected/1",
            method,
            sample_start: window.sample_start,
            sample_count: samples,
            statistic: window.statistic,
            threshold,
            pfa,
        }),
    }
}

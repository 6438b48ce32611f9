//! `phy-sec fingerprint features`: the joint fit of a known waveform to the bursts of a recording.

use std::ops::Range;

use anyhow::{Context as _, bail};
use phy_sec::fingerprint::impairment::{Config, Estimator, Impairment, Impairments, Reference};
use serde_json::json;

use crate::cli::{
    Context, Outcome, report,
    source::{self, SourceArgs},
};

/// Samples of a recording, or of a reference, that are looked at in one piece.
const MOST: usize = 1 << 26;
/// Samples of the reference on either side of the part that is fitted: what lies between two samples depends on them.
const AROUND: usize = 64;

/// Which recording, which waveform.
#[derive(clap::Args)]
pub(crate) struct FeatureArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Recording of the waveform that the bursts hold, at the same rate (default: the 802.11a/g preamble)
    #[arg(long, value_name = "FILE")]
    reference: Option<String>,
    /// Which samples of the reference are fitted, START..END, at most 65536 with 64 on either side (default: all)
    #[arg(long, value_name = "RANGE", value_parser = part, requires = "reference")]
    part: Option<Range<usize>>,
    /// Fit the receiver's DC too
    #[arg(long)]
    dc: bool,
    /// Fit the cubic part of the amplifier too
    #[arg(long)]
    amplifier: bool,
}

fn part(text: &str) -> Result<Range<usize>, String> {
    let ends = text.split_once("..").and_then(|(start, end)| Some(start.parse().ok()?..end.parse().ok()?));
    ends.filter(|range: &Range<usize>| range.start < range.end)
        .ok_or_else(|| "two numbers of samples, such as 1000..3000".to_owned())
}

/// Runs the command.
pub(super) fn run(args: &FeatureArgs, context: &Context) -> anyhow::Result<Outcome> {
    let name = &args.source.source;
    let mut opened = source::open(&args.source, context)?;
    let rate = source::sample_rate(opened.as_ref(), name)?;
    let reference = reference(args, rate, context)?;
    let config = Config { dc: args.dc, amplifier: args.amplifier, ..Config::default() };
    let mut estimator = Estimator::new(reference, &config)?;
    let samples = source::read_all(name, opened.as_mut(), MOST)?;
    let working = context.working("fitting");
    let bursts = estimator.find(&samples).with_context(|| format!("cannot measure {name}"))?;
    drop(working);
    if bursts.is_empty() {
        context.warn(format!("no burst of the waveform in {name}"));
    }
    for burst in &bursts {
        if context.json {
            context.print_json(&line(name, burst))?;
        } else {
            context.print(text(burst))?;
        }
    }
    Ok(Outcome::Quiet)
}

fn reference(args: &FeatureArgs, rate: f64, context: &Context) -> anyhow::Result<Reference> {
    let Some(name) = &args.reference else {
        return Reference::wifi_at(rate).with_context(|| args.source.source.clone());
    };
    let mut opened = source::open_with(name, &args.source.raw.options()?, context)?;
    if let Some(own) = opened.info().sample_rate.filter(|own| (own / rate - 1.0).abs() > 1e-6) {
        bail!("{name} has {own} Hz, and {} has {rate} Hz", args.source.source);
    }
    let samples = source::read_all(name, opened.as_mut(), MOST)?;
    let used = args.part.clone().unwrap_or(0..samples.len());
    if used.end > samples.len() {
        bail!("{name} has {} samples, and --part is {}..{}", samples.len(), used.start, used.end);
    }
    let start = used.start.saturating_sub(AROUND);
    let end = samples.len().min(used.end.saturating_add(AROUND));
    let around = &samples[start..end];
    Reference::new(around, used.start - start..used.end - start, rate)
        .with_context(|| format!("{name} cannot be the reference"))
}

/// `phy-sec.impairments/1` of `docs/json.md`.
fn line(name: &str, burst: &Impairments) -> serde_json::Value {
    json!({
        "schema": "phy-sec.impairments/1", "source": name, "sample_start": burst.start, "sample_count": burst.samples,
        "gain": [burst.gain.re, burst.gain.im],
        "values": burst.to_json(),
    })
}

fn text(burst: &Impairments) -> String {
    let mut table = report::table(&["impairment", "value", "standard error", "unit"]);
    for which in Impairment::ALL {
        let (value, error) = match burst.get(*which) {
            Ok(got) => {
                let error = got.standard_error.map_or_else(String::new, |error| format!("{error:.2e}"));
                (format!("{:.6e}", got.value), error)
            }
            Err(why) => (why.to_string(), String::new()),
        };
        table.add_row([which.name(), &value, &error, which.unit()]);
    }
    format!("burst at sample {}, {} samples fitted\n\n{table}\n", burst.start, burst.samples)
}

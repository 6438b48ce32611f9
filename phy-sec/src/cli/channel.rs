//! `phy-sec channel`: the gains that a recording of a known waveform tells.

use anyhow::bail;
use num_complex::Complex32;
use phy_sec::channel::{Csi, estimate::Estimator};
use sdr_io::Lost;
use serde::Serialize;

use super::{
    Context, Outcome,
    source::{self, SourceArgs},
};

/// Samples between two gaps that are looked at in one piece.
const MOST: usize = 1 << 28;

/// Which recording, and what is in it.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// wifi, comb, sounding, lora or rssi, with its defaults; the table [channel] of --config sets more
    #[arg(long)]
    method: Option<String>,
    /// Print CSV that `keygen agree` reads: the time of day and a magnitude for each subcarrier, or a running number and level (dB) where there is one: ends
    /// that miss bursts of their own cannot be paired by that
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// One line of `phy-sec.channel/1` of `docs/json.md`.
#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    source: &'a str,
    method: &'a str,
    time: f64,
    gains: Vec<[f32; 2]>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let (estimator, method) = estimator(args, context)?;
    let name = &args.source.source;
    let mut source = source::open(&args.source, context)?;
    let sample_rate = source::sample_rate(source.as_ref(), name)?;
    let mut estimates = Vec::new();
    // When the piece began, s from the first sample; what was lost before it counts where somebody counted it.
    let (mut piece, mut start) = (Vec::new(), 0.0);
    let (mut lost, mut uncounted) = (0u64, false);
    let mut tuned = source.info().center_frequency;
    let mut judge = |piece: &mut Vec<Complex32>, start: f64| -> anyhow::Result<()> {
        if !piece.is_empty() {
            estimates.push((start, estimator.estimate(piece, sample_rate, &context.backend)?));
            piece.clear();
        }
        Ok(())
    };
    let bar = context.progress(source.info().samples.unwrap_or(0), "reading");
    source::for_each_block(name, source.as_mut(), |read, block| {
        bar.inc(block.len() as u64);
        // What comes after a gap or a retuning does not follow what came before it.
        if read.lost_before != Lost::None || piece.is_empty() {
            judge(&mut piece, start)?;
            match read.lost_before {
                Lost::Count(samples) => lost = lost.saturating_add(samples),
                // A retuning loses nothing that anybody could have counted.
                Lost::Unknown => uncounted |= read.sample_start > 0 && read.center_frequency == tuned,
                Lost::None => {}
            }
            tuned = read.center_frequency;
            start = read.sample_start.saturating_add(lost) as f64 / sample_rate;
        }
        if piece.len() + block.len() > MOST {
            bail!("more than the {MOST} samples that are analysed at once");
        }
        piece.extend_from_slice(block);
        Ok(())
    })?;
    drop(bar);
    judge(&mut piece, start)?;
    if uncounted {
        context.warn(format!("{name} lacks samples that nobody counted: times after the gap are too early"));
    }
    if context.json {
        for (time, gains) in rows(&estimates) {
            let gains = gains.iter().map(|gain| [gain.re, gain.im]).collect();
            context.print_json(&Line {
                schema: "phy-sec.channel/1",
                source: name,
                method: &method,
                time,
                gains,
            })?;
        }
    } else if args.csv {
        context.write(csv(&estimates).as_bytes())?;
    } else {
        context.print(text(&estimates, &method))?;
    }
    Ok(Outcome::Quiet)
}

fn estimator(args: &Args, context: &Context) -> anyhow::Result<(Estimator, String)> {
    let configured = context.configured("channel", "method").and_then(|method| method.as_str());
    let Some(method) = args.method.as_deref().or(configured) else {
        bail!("which waveform it holds has to be said: --method NAME, one of {}", Estimator::ALL.join(", "));
    };
    if !Estimator::ALL.contains(&method) {
        bail!("--method {}: there are {}", super::files::quoted(method), Estimator::ALL.join(", "));
    }
    let estimator = if configured == Some(method) {
        context.required("channel")?
    } else {
        serde_json::from_value(serde_json::json!({ "method": method }))?
    };
    Ok((estimator, method.to_owned()))
}

/// Time, s from the recording's first sample, and gains of each estimate.
fn rows(estimates: &[(f64, Csi)]) -> impl Iterator<Item = (f64, Vec<Complex32>)> + '_ {
    estimates.iter().flat_map(|(start, csi)| {
        let rows = csi.gains.outer_iter().zip(&csi.time);
        rows.map(move |(row, time)| (start + time, row.iter().copied().collect()))
    })
}

/// Mean power of gains, dB; `None` of silence, which has no level.
fn level_db(gains: &[Complex32]) -> Option<f64> {
    let square = |part: f32| f64::from(part) * f64::from(part);
    let power: f64 = gains.iter().map(|gain| square(gain.re) + square(gain.im)).sum();
    (power > 0.0).then(|| 10.0 * (power / gains.len() as f64).log10())
}

fn csv(estimates: &[(f64, Csi)]) -> String {
    let single = estimates.iter().all(|(_, csi)| csi.gains.dim().1 == 1);
    let mut text = if single { "index,rssi\n".to_owned() } else { String::new() };
    for (index, (time, gains)) in rows(estimates).enumerate() {
        if single {
            // Silence is a measurement that is missing.
            if let Some(level) = level_db(&gains) {
                text += &format!("{index},{level:.4}\n");
            }
            continue;
        }
        let micro = (time * 1e6).round() as u64;
        let second = micro / 1_000_000;
        let clock = [second / 3600 % 24, second / 60 % 60, second % 60, micro % 1_000_000];
        text += &clock.map(|field| field.to_string()).join(",");
        for gain in gains {
            text += &format!(",{:.6e}", gain.norm());
        }
        text.push('\n');
    }
    text
}

fn text(estimates: &[(f64, Csi)], method: &str) -> String {
    let all: Vec<_> = rows(estimates).collect();
    let Some((_, first)) = all.first() else {
        return format!("{method}: nothing of the kind was found");
    };
    let (count, each) = (all.len(), first.len());
    let mut text = format!(
        "{method}: {count} estimates of {each} gains each\n\n{:>14}  {:>9}\n",
        "time (s)", "level (dB)"
    );
    const MOST: usize = 40;
    for (time, gains) in all.iter().take(MOST) {
        let level = level_db(gains).map_or_else(|| "-".to_owned(), |level| format!("{level:.2}"));
        text += &format!("{time:>14.6}  {level:>9}\n");
    }
    if count > MOST {
        text += &format!("... and {} more: --json or --csv has them all\n", count - MOST);
    }
    text.trim_end().to_owned()
}

//! `phy-sec replay`: a recording into another file, in whole or at the speed of the radio.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use ndarray::Array2;
use sdr_io::{CreateOptions, Datatype, Sink, sigmf::SigmfSink};
use serde_json::json;

use super::{
    Context, Outcome,
    live::{self, Signals},
    source::{self, SourceArgs},
};

/// Samples read at once, of all channels together.
const BLOCK: usize = 1 << 16;

/// From where to where.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// What to write: NAME.sigmf-meta, NAME.sigmf, NAME.wav, NAME.cf32, ...
    sink: PathBuf,
    /// How samples are stored (default: as the source delivers them, or as the extension says)
    #[arg(long, value_name = "DATATYPE")]
    format: Option<String>,
    /// Replace an existing file
    #[arg(long)]
    overwrite: bool,
    /// Stop after so much signal (30s, 10min)
    #[arg(long, value_name = "TIME", value_parser = live::duration)]
    duration: Option<f64>,
}

/// Copies block by block, with gaps, frequencies, times, and, from SigMF to SigMF, everything else that is known.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let signals = Signals::catch()?;
    let name = &args.source.source;
    let mut source = live::open(name, &args.source.raw.options()?)?;
    let info = source.info().clone();
    if info.samples.is_none() && args.duration.is_none() {
        bail!("{name} has no end: say with --duration how much of it");
    }
    if source::path(name) == args.sink.to_string_lossy() {
        bail!("{name}: this is what is to be read; write to another file");
    }
    let format = args.format.as_deref().map(Datatype::parse).transpose()?;
    let lower = args.sink.to_string_lossy().to_ascii_lowercase();
    let sigmf = [".sigmf", ".sigmf-meta", ".sigmf-data"].iter().any(|end| lower.ends_with(end));
    let options = CreateOptions {
        datatype: format.or(sigmf.then_some(info.datatype)),
        channels: info.channels,
        sample_rate: info.sample_rate,
        overwrite: args.overwrite,
        ..CreateOptions::default()
    };
    let mut sink: Box<dyn Sink> = match source.metadata().filter(|_| sigmf) {
        Some(metadata) => Box::new(SigmfSink::with_metadata(&args.sink, metadata.clone(), &options)?),
        None => sdr_io::create(&args.sink, &options)?,
    };
    let mut left = match (args.duration, info.sample_rate) {
        (None, _) => u64::MAX,
        (Some(seconds), Some(rate)) => (seconds * rate).ceil() as u64,
        (Some(_), None) => bail!("--duration needs a sample rate: give it with --rate HZ"),
    };
    let mut block = Array2::zeros((info.channels, (BLOCK / info.channels.max(1)).max(1)));
    let (mut samples, mut gaps) = (0u64, 0u64);
    let bar = context.progress(info.samples.unwrap_or(left).min(left), "replaying");
    while left > 0 && !signals.stop() {
        let width = usize::try_from(left).unwrap_or(usize::MAX).min(block.ncols());
        let view = block.slice_axis_mut(ndarray::Axis(1), ndarray::Slice::from(..width));
        let Some(read) = source.read(view).with_context(|| name.clone())? else { break };
        sink.write(block.view(), &read)?;
        (samples, left) = (samples + read.samples as u64, left - read.samples as u64);
        gaps += u64::from(read.lost_before.is_gap());
        bar.inc(read.samples as u64);
    }
    drop(bar);
    if sigmf {
        let end = info.sample_start.saturating_add(samples);
        let inside = |a: &&sdr_io::sigmf::Annotation| {
            a.sample_start.saturating_add(a.sample_count.unwrap_or(0)) <= end
        };
        for annotation in source.annotations().iter().filter(inside) {
            sink.annotate(annotation.clone())?;
        }
    }
    let clipped = sink.clipped();
    sink.finish()?;
    let to = args.sink.display().to_string();
    if clipped > 0 {
        context.warn(format!("{clipped} components were beyond full scale and are saturated"));
    }
    if context.json {
        context.print_json(&json!({
            "schema": "phy-sec.replay/1", "source": name, "sink": to, "samples": samples, "gaps": gaps,
            "clipped": clipped,
        }))?;
    } else {
        context.print(format!("{to}: {samples} samples, {gaps} gap(s)"))?;
    }
    Ok(Outcome::Quiet)
}

//! `phy-sec mitigate`: a recording without its jammer.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use ndarray::{Array2, Axis, Slice};
use num_complex::Complex32;
use phy_sec::{
    event::Event,
    jamming::{
        Config, Monitor,
        mitigate::{Mitigation, Mitigator, Removed, suggest},
    },
};
use sdr_io::{CreateOptions, Lost, Read, Sink};
use serde::Serialize;

use super::{
    Context, Outcome, report,
    source::{self, SourceArgs},
};

/// Samples of all channels together that are read at once.
const BLOCK: usize = 1 << 16;

/// Which recording, and what is done to it.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// The recording that is written: .sigmf-meta, .sigmf, .wav, .cf32, ...; nothing is overwritten
    out: PathBuf,
    /// Channels of a raw file, one after the other in every sample
    #[arg(long)]
    channels: Option<usize>,
    /// auto (what fits the strongest event that `detect` finds), or notch, tracking_notch, blanking, excision, mask, null, beam with their
    /// defaults, or JSON: {"method": "notch", "frequencies": [100e3]}
    #[arg(long, default_value = "auto", value_name = "NAME|JSON")]
    method: String,
}

/// `phy-sec.mitigation/1` of `docs/json.md`.
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    source: &'a str,
    out: &'a std::path::Path,
    mitigation: &'a Mitigation,
    class: Option<&'a str>,
    why: Option<&'static str>,
    /// Over all stretches.
    samples: u64,
    power_in: f64,
    power_out: f64,
    removed_db: Option<f64>,
    zeroed: Option<f64>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let name = &args.source.source;
    let mut options = args.source.raw.options()?;
    options.channels = args.channels;
    let mut source = source::open_array(name, &options, context)?;
    let sample_rate = source::sample_rate(source.as_ref(), name)?;
    let channels = source.info().channels;
    let (mitigation, answered) = match args.method.as_str() {
        "auto" => {
            let Some((mitigation, event, why)) = chosen(args, &options, context, sample_rate, channels)?
            else {
                if !context.json {
                    context.print("no jamming event: nothing was written")?;
                }
                return Ok(Outcome::Quiet);
            };
            (mitigation, Some((event, why)))
        }
        text => (method(text)?, None),
    };
    let mut mitigator = Mitigator::new(mitigation.clone(), channels, sample_rate)?;
    let create = CreateOptions {
        channels: mitigator.channels_out(),
        sample_rate: Some(sample_rate),
        description: Some(format!("{} of {}", mitigation.name(), source::path(name))),
        ..CreateOptions::default()
    };
    let mut writer = Writer { sink: sdr_io::create(&args.out, &create)?, first: Read::default(), written: 0 };
    let mut block = Array2::zeros((channels, (BLOCK / channels).max(1)));
    let bar = context.progress(source.info().samples.unwrap_or(0), "mitigating");
    let mut begun = false;
    while let Some(read) = source.read(block.view_mut()).with_context(|| name.to_owned())? {
        // What is on the other side of a gap or a retuning does not follow.
        if !begun || read.lost_before != Lost::None || read.center_frequency != writer.first.center_frequency
        {
            let rest = mitigator.finish()?;
            writer.write(&rest)?;
            (writer.first, writer.written, begun) = (read, 0, true);
        }
        let samples = block.slice_axis(Axis(1), Slice::from(..read.samples));
        let out = mitigator.push(samples).with_context(|| format!("{name} cannot be used"))?;
        writer.write(&out)?;
        bar.inc(read.samples as u64);
    }
    drop(bar);
    let rest = mitigator.finish()?;
    writer.write(&rest)?;
    let clipped = writer.sink.clipped();
    writer.sink.finish()?;
    if clipped > 0 {
        context.warn(format!("{clipped} values were beyond full scale and were cut"));
    }
    let removed: Removed = mitigator.removed();
    let removed_db = match (report::db(removed.power_in), report::db(removed.power_out)) {
        (Some(before), Some(after)) => Some(before - after),
        _ => None,
    };
    let report = Report {
        schema: "phy-sec.mitigation/1",
        source: name,
        out: &args.out,
        mitigation: &mitigation,
        class: answered.as_ref().map(|(event, _)| event.class.as_str()),
        why: answered.as_ref().map(|(_, why)| *why),
        samples: removed.samples,
        power_in: removed.power_in,
        power_out: removed.power_out,
        removed_db,
        zeroed: removed.zeroed,
    };
    if context.json {
        context.print_json(&report)?;
        return Ok(Outcome::Quiet);
    }
    if let Some((event, why)) = &answered {
        context.print(format!(
            "{}, {:.0} to {:.0} Hz: {why}",
            event.class, event.freq_lower_edge, event.freq_upper_edge
        ))?;
    }
    context.print(format!(
        "{}: {} samples, {} lower in power{}; written to {}",
        serde_json::to_string(&mitigation)?,
        removed.samples,
        removed_db.map_or("-".to_owned(), |db| format!("{db:.2} dB")),
        removed.zeroed.map_or(String::new(), |share| format!(", {:.2} % set to zero", 100.0 * share)),
        args.out.display()
    ))?;
    Ok(Outcome::Quiet)
}

/// What is written, stretch by stretch.
struct Writer {
    sink: Box<dyn Sink>,
    /// What the source said of the stretch's first block.
    first: Read,
    /// Samples of the stretch that were written.
    written: u64,
}

impl Writer {
    fn write(&mut self, samples: &Array2<Complex32>) -> anyhow::Result<()> {
        if samples.ncols() == 0 {
            return Ok(());
        }
        let time = match (self.first.time, self.first.sample_rate) {
            (Some(time), Some(rate)) => time.after(self.written, rate),
            _ => None,
        };
        let read = Read {
            samples: samples.ncols(),
            sample_start: self.first.sample_start + self.written,
            global_index: self.first.global_index + self.written,
            lost_before: if self.written == 0 { self.first.lost_before } else { Lost::None },
            time,
            not_finite: 0,
            ..self.first
        };
        self.sink.write(samples.view(), &read)?;
        self.written += samples.ncols() as u64;
        Ok(())
    }
}

fn method(text: &str) -> anyhow::Result<Mitigation> {
    let value = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).context("--method is no JSON")?
    } else {
        serde_json::json!({ "method": text })
    };
    serde_json::from_value(value).map_err(|error| anyhow::anyhow!("--method: {error}"))
}

/// The answer to the strongest event, by power times duration; `None` without events.
fn chosen(
    args: &Args,
    options: &sdr_io::OpenOptions,
    context: &Context,
    sample_rate: f64,
    channels: usize,
) -> anyhow::Result<Option<(Mitigation, Event, &'static str)>> {
    let name = &args.source.source;
    let mut source = source::open_array(name, options, context)?;
    let mut config: Config = context.config("jamming")?;
    config.sample_rate = sample_rate;
    config.center_frequency = source.info().center_frequency.unwrap_or(config.center_frequency);
    let center = config.center_frequency;
    let mut monitor = Monitor::new(config, context.backend.clone())?;
    let mut events = Vec::new();
    source::for_each_block(name, source.as_mut(), |read, block| {
        if read.lost_before.is_gap() {
            events.extend(monitor.gap(read.sample_start)?);
        }
        events.extend(monitor.push(block)?);
        Ok(())
    })?;
    events.extend(monitor.finish()?);
    let weight = |event: &Event| {
        event.sample_count as f64 * 10f64.powf(event.parameter("jnr_db").unwrap_or(0.0) / 10.0)
    };
    let Some(event) = events.into_iter().max_by(|a, b| weight(a).total_cmp(&weight(b))) else {
        return Ok(None);
    };
    let suggestion = suggest(&event, sample_rate, center);
    match suggestion.mitigation {
        Some(mitigation) => Ok(Some((mitigation, event, suggestion.why))),
        // Its own direction is enough to null it.
        None if channels > 1 => {
            Ok(Some((Mitigation::Null(Default::default()), event, "an array nulls its direction")))
        }
        None => bail!("{}: {}", event.class, suggestion.why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_by_name_and_as_json() {
        for default in Mitigation::all() {
            assert_eq!(method(default.name()).unwrap(), default);
        }
        let notch = method(r#"{"method": "notch", "frequencies": [1e5]}"#).unwrap();
        assert!(matches!(notch, Mitigation::Notch(notch) if notch.frequencies == [1e5]));
        for text in ["", "nothing", "{", r#"{"method": "notch", "frequency": 1}"#] {
            assert!(method(text).is_err(), "{text}");
        }
    }
}

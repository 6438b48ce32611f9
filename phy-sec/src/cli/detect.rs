//! `phy-sec detect`: the jamming events of a recording.

mod windows;

use anyhow::{Context as _, bail};
use comfy_table::Table;
use phy_sec::{
    event::{Event, write_ndjson},
    jamming::{Config, Monitor},
};
use sdr_io::Lost;

use super::{
    Context, Outcome, report,
    source::{self, SourceArgs},
};

/// What to listen to, and what is known of it.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// False-alarm probability of a block of noise (default: the configuration's, 1e-4)
    #[arg(long, allow_negative_numbers = true)]
    pfa: Option<f64>,
    /// Power of the receiver's noise over the whole band, full scale 1: then everything above it is reported,
    /// from the first sample on, instead of what is louder than what was learned
    #[arg(long, value_name = "POWER", allow_negative_numbers = true)]
    noise_power: Option<f64>,
    #[command(flatten)]
    windows: windows::WindowArgs,
}

/// Reads the first channel once and reports each event as soon as it is over.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    if args.windows.asked() {
        return windows::run(args, context);
    }
    let mut config: Config = context.config("jamming")?;
    let mut source = source::open(&args.source, context)?;
    let name = &args.source.source;
    config.sample_rate = source::sample_rate(source.as_ref(), name)?;
    if let Some(configured) = context.configured("jamming", "sample_rate") {
        context.warn(format!(
            "[jamming] sample_rate = {configured} does not count: {name} was made at {} Hz, by itself or by --rate",
            config.sample_rate
        ));
    }
    config.center_frequency = source.info().center_frequency.unwrap_or(config.center_frequency);
    config.pfa = args.pfa.unwrap_or(config.pfa);
    config.noise_power = args.noise_power.or(config.noise_power);

    let mut monitor = Monitor::new(config.clone(), context.backend.clone())?;
    let mut output = Output {
        context,
        table: report::table(&HEADER),
        count: 0,
        clock: Clock { sample: 0, time: 0.0, sample_rate: config.sample_rate },
    };
    let mut totals = Totals::default();
    // Whether samples are missing, and nobody knows how many.
    let mut uncounted = false;
    // Samples since the monitor began.
    let mut samples = 0u64;
    // The first sample, for as long as all the others are the same.
    let mut constant = None;
    let mut varies = false;
    let bar = context.progress(source.info().samples.unwrap_or(0), "listening");
    source::for_each_block(name, source.as_mut(), |read, block| {
        let retuned = |new: Option<f64>, old: f64| new.is_some_and(|new| new != old);
        if retuned(read.center_frequency, config.center_frequency)
            || retuned(read.sample_rate, config.sample_rate)
        {
            // Another band or rate is another floor: nothing learned so far applies to it.
            output.take(monitor.finish()?)?;
            totals.add(samples, &monitor);
            samples = 0;
            config.center_frequency = read.center_frequency.unwrap_or(config.center_frequency);
            config.sample_rate = read.sample_rate.unwrap_or(config.sample_rate);
            output.clock = output.clock.at_rate(read.sample_start, config.sample_rate);
            monitor = Monitor::new(config.clone(), context.backend.clone())?;
            monitor.gap(read.sample_start)?;
        } else if read.lost_before.is_gap() || samples == 0 {
            output.take(monitor.gap(read.sample_start)?)?;
            uncounted |= read.lost_before == Lost::Unknown && read.sample_start > 0;
        }
        // Where nobody counted them, the times are those of the samples that there are.
        if let Lost::Count(lost) = read.lost_before {
            output.clock = output.clock.after(lost, read.sample_start);
        }
        output.take(monitor.push(block).context("the samples cannot be used")?)?;
        if let Some(first) = constant.or(block.first().copied()) {
            constant = Some(first);
            varies = varies || block.iter().any(|x| *x != first);
        }
        samples += block.len() as u64;
        bar.inc(block.len() as u64);
        Ok(())
    })?;
    output.take(monitor.finish()?)?;
    totals.add(samples, &monitor);
    drop(bar);
    // An empty answer would be taken for a clean one, and a line at 0 Hz for a jammer.
    if let (Some(first), false) = (constant, varies) {
        if output.count == 0 {
            bail!(
                "{name}: every sample is {first}: the radio recorded nothing, and there is nothing to judge"
            );
        }
        context.warn(format!("{name}: every sample is {first}: a radio that is stuck shows that too"));
    }
    let warning = totals.warning(config.block());
    if let (Some(warning), 0, 0) = (&warning, totals.examined, output.count) {
        bail!("{name}: {warning}");
    }

    if !context.json {
        if output.count > 0 {
            context.print(&output.table)?;
        }
        context.print(format!(
            "{} samples, {} blocks judged: {} event(s), {} short or sparse stretches left out as activity",
            totals.samples, totals.examined, output.count, totals.dismissed
        ))?;
        if totals.silent > 0 {
            context.print(format!(
                "{} of the blocks have no power at all: nothing is learned of them",
                totals.silent
            ))?;
        }
        if config.noise_power.is_none() {
            context.print(format!(
                "{} blocks, the first ones and later quiet ones, were learned from: a jammer that was on from the first \
                 sample on is taken for ordinary, unless it is a steady line. --noise-power POWER judges every block by \
                 the noise",
                totals.learned
            ))?;
        }
    }
    if let Some(warning) = warning {
        context.warn(warning);
    }
    if uncounted && output.count > 0 {
        context.warn(format!("{name} lacks samples that nobody counted: times after the gap are too early"));
    }
    Ok(if output.count > 0 { Outcome::Notable } else { Outcome::Quiet })
}

/// What was counted over the whole recording: every stretch of one frequency and rate has a monitor of its own.
#[derive(Default)]
struct Totals {
    samples: u64,
    examined: u64,
    learned: u64,
    dismissed: u64,
    silent: u64,
    /// Stretches with samples.
    stretches: u64,
    /// Those of them, and their samples, in which no block was judged.
    unjudged: (u64, u64),
}

impl Totals {
    fn add(&mut self, samples: u64, monitor: &Monitor) {
        if samples == 0 {
            return; // retuned before the first one came
        }
        let counts = monitor.counts();
        self.samples += samples;
        self.examined += counts.examined;
        self.learned += counts.learned;
        self.dismissed += counts.dismissed;
        self.silent += counts.silent;
        self.stretches += 1;
        if counts.examined == 0 {
            self.unjudged = (self.unjudged.0 + 1, self.unjudged.1 + samples);
        }
    }

    fn warning(&self, block: usize) -> Option<String> {
        let (stretches, samples) = self.unjudged;
        if stretches == 0 {
            return None;
        }
        Some(if stretches == self.stretches {
            let whole = samples / block as u64;
            if self.silent == whole && whole > 0 {
                return Some(format!(
                    "{samples} samples have no power, or so little that it vanishes in 32 bits (full scale is 1); nothing \
                     was judged"
                ));
            }
            format!(
                "{samples} samples, {whole} whole blocks of {block}, are too few to learn from; nothing was judged"
            )
        } else {
            format!(
                "{stretches} of {} stretches between retunings, {samples} samples, are too short to learn from; \
                 nothing was judged in them",
                self.stretches
            )
        })
    }
}

/// From samples to seconds, over changes of the sample rate.
#[derive(Clone, Copy)]
struct Clock {
    /// Where the present rate began, and how many seconds after the recording did.
    sample: u64,
    time: f64,
    sample_rate: f64,
}

impl Clock {
    fn time(self, sample: u64) -> f64 {
        self.time + sample.saturating_sub(self.sample) as f64 / self.sample_rate
    }

    /// The same clock when `lost` samples are missing before `sample`.
    fn after(self, lost: u64, sample: u64) -> Self {
        Self { sample, time: self.time(sample) + lost as f64 / self.sample_rate, ..self }
    }

    /// The same clock with another rate from `sample` on.
    fn at_rate(self, sample: u64, sample_rate: f64) -> Self {
        Self { sample, time: self.time(sample), sample_rate }
    }
}

const HEADER: [&str; 7] =
    ["time (s)", "length (s)", "frequency (Hz)", "class", "JNR (dB)", "confidence", "why"];

/// Lines of JSON at once, or rows of a table for the end.
struct Output<'a> {
    context: &'a Context,
    table: Table,
    count: usize,
    clock: Clock,
}

impl Output<'_> {
    fn take(&mut self, events: Vec<Event>) -> anyhow::Result<()> {
        self.count += events.len();
        if self.context.json {
            let mut lines = Vec::new();
            write_ndjson(&events, &mut lines)?;
            return self.context.write(&lines);
        }
        for event in events {
            let jnr = event.parameter("jnr_db").map_or("-".to_owned(), |jnr| format!("{jnr:.1}"));
            self.table.add_row([
                format!("{:.6}", self.clock.time(event.sample_start)),
                format!("{:.6}", event.sample_count as f64 / self.clock.sample_rate),
                format!("{:.0} .. {:.0}", event.freq_lower_edge, event.freq_upper_edge),
                event.class,
                jnr,
                format!("{:.6}", event.confidence),
                event.comment,
            ]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_on_over_a_change_of_rate() {
        let slow = Clock { sample: 0, time: 0.0, sample_rate: 1000.0 };
        let fast = slow.at_rate(500, 2000.0);
        assert_eq!((slow.time(250), fast.time(500), fast.time(2500)), (0.25, 0.5, 1.5));
        assert_eq!(fast.at_rate(2500, 1000.0).time(3500), 2.5);
        assert_eq!(slow.after(5000, 500).time(1000), 6.0);
    }
}

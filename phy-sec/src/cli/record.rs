//! `phy-sec record`: a stream into SigMF files that are whole whenever the recording ends, however it ends.

use std::{
    collections::VecDeque,
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use sdr_io::{
    CreateOptions, Datatype,
    record::{Enough, Level, RecordOptions, Recorder, Rotate, full_scale},
    runtime::{Next, Received},
};
use serde_json::json;

use super::{
    Context, Outcome,
    live::{self, LiveArgs, PATIENCE, Signals, Stream, metrics, output::Outputs},
    report::db,
};

/// What to record, and until when.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    live: LiveArgs,
    /// NAME.sigmf-meta: the pair of files to write
    file: PathBuf,
    /// How samples are stored, by the SigMF name (default: as the source delivers them)
    #[arg(long, value_name = "DATATYPE")]
    format: Option<String>,
    /// Replace existing files
    #[arg(long)]
    overwrite: bool,
    /// Stop after so many bytes of samples (500MB, 10GB)
    #[arg(long, value_name = "SIZE", value_parser = live::size)]
    size: Option<u64>,
    /// Begin a new file after so much (1GB, 10min)
    #[arg(long, value_name = "SIZE|TIME", value_parser = live::rotate)]
    rotate: Option<Rotate>,
    /// Stop cleanly before the disk has less than this left
    #[arg(long, value_name = "SIZE", value_parser = live::size, default_value = "500MB")]
    keep_free: u64,
    /// Begin when a block's mean power reaches this (dB full scale)
    #[arg(long, value_name = "DB", allow_negative_numbers = true)]
    trigger: Option<f64>,
    /// With --trigger: signal from before it that is recorded too, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 0.1)]
    pre_trigger: f64,
    /// Leave out the SHA-512 of the samples, which takes a third of a core at 20 MS/s
    #[arg(long)]
    no_hash: bool,
    /// What the recording is, for its metadata
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Print the state as JSON every so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = live::duration)]
    status: Option<f64>,
    /// Where those lines go: - (standard output), a file, tcp:HOST:PORT; may be given more than once
    #[arg(long, value_name = "WHERE", default_values_t = ["-".to_owned()])]
    output: Vec<String>,
    /// Serve counters for Prometheus, at ADDR:PORT
    #[arg(long, value_name = "ADDR")]
    metrics: Option<String>,
}

/// Records until a limit, the end, or Ctrl-C.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let signals = Signals::catch()?;
    let mut outputs = Outputs::open(if args.status.is_some() { &args.output } else { &[] })?;
    let server = args.metrics.as_deref().map(metrics::Server::start).transpose()?;
    let mut stream = Stream::open(&args.live)?;
    let info = stream.runtime.info().clone();
    let format = args.format.as_deref().map(Datatype::parse).transpose()?;
    let most_samples = match (args.live.duration, info.sample_rate) {
        (Some(seconds), Some(rate)) => Some((seconds * rate).ceil() as u64),
        (Some(_), None) => anyhow::bail!("--duration needs a sample rate: give it with --rate HZ"),
        (None, _) => None,
    };
    let options = RecordOptions {
        create: CreateOptions {
            datatype: Some(format.unwrap_or(info.datatype)),
            overwrite: args.overwrite,
            description: args.description.clone(),
            ..CreateOptions::default()
        },
        most_samples,
        most_bytes: args.size,
        rotate: args.rotate,
        keep_free: args.keep_free,
        hash: !args.no_hash,
    };
    let mut recorder = Recorder::new(&args.file, &info, options)?;
    let mut trigger = Trigger::new(args, &stream, info.sample_rate.unwrap_or(1e6))?;
    let mut consumer = stream.subscribe("recorder", trigger.keeps);
    let top = full_scale(info.datatype);
    stream.start();

    let mut shown =
        Shown { every: args.status, last: Instant::now(), clipped: 0, peak_db: None, mean_db: None };
    let why = loop {
        signals.resume(&stream.runtime);
        for notice in stream.runtime.notices() {
            let (text, line) = live::notice(&notice);
            context.warn(text);
            outputs.send(&line, context)?;
        }
        if signals.stop() {
            break "stopped";
        }
        let block = match consumer.next(PATIENCE) {
            Next::Block(block) => block,
            Next::Idle => {
                recorder.flush()?;
                continue;
            }
            Next::End => break "the source ended",
        };
        let mut enough = None;
        for block in trigger.take(block, top) {
            enough = recorder.push(block.samples(), &block.read())?;
            if enough.is_some() {
                break;
            }
        }
        match enough {
            Some(Enough::Limit) => break "as much as was asked for",
            Some(Enough::DiskFull) => break "the disk has no more room",
            None => {}
        }
        if shown.last.elapsed() >= Duration::from_secs_f64(args.status.unwrap_or(1.0)) {
            recorder.flush()?;
            let level = recorder.level();
            let counters = stream.runtime.counters();
            shown.update(&level);
            if shown.every.is_some() {
                outputs.send(&shown.line(&recorder, &counters), context)?;
            }
            if !context.json && std::io::stderr().is_terminal() {
                let text = shown.text(&recorder, &counters, info.sample_rate, trigger.open);
                let _ = write!(std::io::stderr(), "\r\x1b[K{text}");
            }
            if let Some(server) = &server {
                server.publish(shown.page(&recorder, &counters, outputs.dropped()));
            }
            shown.last = Instant::now();
        }
    };
    if !context.json && std::io::stderr().is_terminal() {
        let _ = writeln!(std::io::stderr());
    }
    shown.update(&recorder.level());
    drop(consumer);
    let (samples, gaps) = recorder.samples();
    let bytes = recorder.bytes();
    // The files first: they are whole even if the stream ended with an error.
    let files = recorder.finish().context("the recording could not be completed")?;
    let counters = stream.runtime.counters();
    let ended = stream.runtime.finish();
    let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    if context.json {
        context.print_json(&json!({
            "schema": "phy-sec.record/1",
            "source": args.live.source.source,
            "files": names,
            "samples": samples,
            "bytes": bytes,
            "gaps_recorded": gaps,
            "clipped_samples": shown.clipped,
            "peak_db": shown.peak_db,
            "why": why,
            "stream": live::counters(&counters),
        }))?;
    } else {
        let files = match &names[..] {
            [] => "no file".to_owned(),
            [one] => one.clone(),
            [first, .., last] => format!("{} files, {first} to {last}", names.len()),
        };
        context.print(format!("{files}: {samples} samples, {bytes} bytes, {gaps} gap(s); {why}"))?;
        if shown.clipped > 0 {
            context.warn(format!("{} samples were at full scale: lower the gain", shown.clipped));
        }
        live::warn_of_losses(context, &counters);
    }
    ended.with_context(|| args.live.source.source.clone())?;
    Ok(Outcome::Quiet)
}

/// Holds back what comes before the level is reached, but for the last seconds of it.
struct Trigger {
    level: Option<f64>,
    open: bool,
    held: VecDeque<Received>,
    keeps: usize,
}

impl Trigger {
    fn new(args: &Args, stream: &Stream, rate: f64) -> anyhow::Result<Self> {
        if !(0.0..=3600.0).contains(&args.pre_trigger) {
            anyhow::bail!("--pre-trigger is from 0 to 3600 s, got {}", args.pre_trigger);
        }
        let blocks = (args.pre_trigger * rate / stream.runtime.block() as f64).ceil() as usize;
        let keeps = if args.trigger.is_some() { blocks.max(1) } else { 0 };
        let level = args.trigger.map(|db| 10f64.powf(db / 10.0));
        Ok(Self { level, open: level.is_none(), held: VecDeque::new(), keeps })
    }

    /// The blocks to record now that `block` has come.
    fn take(&mut self, block: Received, top: f32) -> Vec<Received> {
        if self.open {
            return vec![block];
        }
        let mut level = Level::default();
        level.push(block.channel(0), top);
        self.open = self.level.is_none_or(|least| level.mean_power >= least);
        if self.open {
            let mut all: Vec<_> = self.held.drain(..).collect();
            all.push(block);
            return all;
        }
        self.held.push_back(block);
        while self.held.len() > self.keeps {
            self.held.pop_front();
        }
        Vec::new()
    }
}

/// What is shown while it records.
struct Shown {
    every: Option<f64>,
    last: Instant,
    clipped: u64,
    peak_db: Option<f64>,
    mean_db: Option<f64>,
}

impl Shown {
    fn update(&mut self, level: &Level) {
        self.clipped += level.clipped;
        if level.samples > 0 {
            self.mean_db = db(level.mean_power);
            self.peak_db = db(f64::from(level.peak).powi(2));
        }
    }

    fn text(
        &self,
        recorder: &Recorder,
        counters: &sdr_io::runtime::Counters,
        rate: Option<f64>,
        open: bool,
    ) -> String {
        if !open {
            return "waiting for the trigger".into();
        }
        let seconds =
            rate.map_or(String::new(), |rate| format!("{:.1} s, ", recorder.samples().0 as f64 / rate));
        let level = self.mean_db.map_or("silent".into(), |db| format!("{db:.1} dBFS"));
        let peak = self.peak_db.map_or(String::new(), |db| format!(" (peak {db:.1})"));
        format!(
            "{seconds}{:.1} MB  {level}{peak}  {} clipped  {}",
            recorder.bytes() as f64 / 1e6,
            self.clipped,
            live::losses(counters).unwrap_or_else(|| "nothing lost".into())
        )
    }

    fn line(&self, recorder: &Recorder, counters: &sdr_io::runtime::Counters) -> serde_json::Value {
        json!({
            "schema": "phy-sec.status/1",
            "recorded_samples": recorder.samples().0,
            "recorded_bytes": recorder.bytes(),
            "level_db": self.mean_db,
            "peak_db": self.peak_db,
            "clipped_samples": self.clipped,
            "stream": live::counters(counters),
        })
    }

    fn page(&self, recorder: &Recorder, counters: &sdr_io::runtime::Counters, unsent: u64) -> String {
        let mut page = metrics::Page::default();
        page.stream(counters)
            .one(
                "recorded_bytes_total",
                "counter",
                "Bytes of samples that were recorded.",
                recorder.bytes() as f64,
            )
            .one("clipped_samples_total", "counter", "Samples at full scale.", self.clipped as f64)
            .one("level_dbfs", "gauge", "Mean power, dB full scale.", self.mean_db.unwrap_or(f64::NAN))
            .one("output_dropped_total", "counter", "Lines that a server did not get.", unsent as f64);
        page.text()
    }
}

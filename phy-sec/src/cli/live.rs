//! What the commands share that follow a stream as it comes: how it is opened and run, when it stops, and sizes as people write them.

pub(crate) mod metrics;
pub(crate) mod output;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::bail;
use clap::ValueEnum;
use sdr_io::{
    OpenOptions, Source,
    record::Rotate,
    runtime::{Consumer, Counters, Notice, Restart, Runtime, RuntimeConfig},
};
use serde_json::{Value, json};

use super::{Context, source::SourceArgs};

/// How a stream is run.
#[derive(clap::Args, Clone)]
pub(crate) struct LiveArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Stop after so much signal (30s, 10min, 2h; a bare number is seconds)
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) duration: Option<f64>,
    /// When the source fails or is silent for 3 s
    #[arg(long, value_enum, default_value_t = OnFailure::Quit)]
    on_failure: OnFailure,
    /// Give up after so many times of opening it anew (default: never)
    #[arg(long, value_name = "N")]
    restarts: Option<u64>,
    /// Signal that the buffer holds for who is too slow, in seconds, 0.01 to 60
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5)]
    buffer: f64,
    /// Samples of a block (default: a quarter to half a millisecond of signal, at least 512)
    #[arg(long, value_name = "N", default_value_t = 0)]
    block: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum OnFailure {
    /// End with an error
    Quit,
    /// Open it anew, for ever or --restarts times; pauses double from 0.1 to 5 s
    Restart,
    /// Wait for SIGUSR1, then open it anew
    Pause,
}

/// Set by Ctrl-C and by SIGTERM: finish and close everything whole. The second Ctrl-C ends the process at once.
#[derive(Clone)]
pub(crate) struct Signals {
    stop: Arc<AtomicBool>,
    resume: Arc<AtomicBool>,
}

impl Signals {
    pub(crate) fn catch() -> anyhow::Result<Self> {
        use signal_hook::{consts, flag};
        let signals = Self { stop: Arc::default(), resume: Arc::default() };
        for signal in [consts::SIGINT, consts::SIGTERM] {
            flag::register_conditional_shutdown(signal, 130, signals.stop.clone())?;
            flag::register(signal, signals.stop.clone())?;
        }
        #[cfg(unix)]
        flag::register(consts::SIGUSR1, signals.resume.clone())?;
        Ok(signals)
    }

    pub(crate) fn stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Hands SIGUSR1 on to the stream.
    pub(crate) fn resume(&self, runtime: &Runtime) {
        if self.resume.swap(false, Ordering::Relaxed) {
            runtime.resume();
        }
    }
}

/// Whether samples come at their own speed, so that whoever is too slow loses some: radios, and files in real time.
fn is_live(name: &str, format: &str) -> bool {
    let paced = |pair: &str| {
        matches!(pair.split_once('=').unwrap_or((pair, "1")), ("realtime", "true" | "1" | "yes"))
    };
    let query =
        name.strip_prefix("file:").and_then(|rest| rest.split_once('?')).map_or("", |(_, query)| query);
    !["raw", "sigmf", "sigmf archive", "wav"].contains(&format) || query.split('&').any(paced)
}

/// Opens a source without reading it first, so radios and recordings that repeat themselves are welcome.
pub(crate) fn open(name: &str, options: &OpenOptions) -> anyhow::Result<Box<dyn Source>> {
    if name == "-" {
        bail!("standard input is not read: give a file or a radio");
    }
    Ok(sdr_io::open(name, options)?)
}

/// A stream that is ready to run.
pub(crate) struct Stream {
    pub(crate) runtime: Runtime,
    pub(crate) live: bool,
    reopen: Option<sdr_io::runtime::Reopen>,
}

impl Stream {
    pub(crate) fn open(args: &LiveArgs) -> anyhow::Result<Self> {
        let options = args.source.raw.options()?;
        let name = args.source.source.clone();
        let source = open(&name, &options)?;
        if !(0.01..=60.0).contains(&args.buffer) {
            bail!("--buffer is from 0.01 to 60 s, got {}", args.buffer);
        }
        let live = is_live(&name, source.info().format);
        let mut config = RuntimeConfig {
            block: args.block,
            wait: !live,
            restart: match args.on_failure {
                OnFailure::Quit => Restart::Quit,
                OnFailure::Restart => Restart::Restart,
                OnFailure::Pause => Restart::Pause,
            },
            restarts: args.restarts,
            ..RuntimeConfig::default()
        };
        let block = config.block_for(source.info());
        let blocks = args.buffer * source.info().sample_rate.unwrap_or(1e6) / block as f64;
        // A file waits; there is nothing to buffer for.
        config.ring = if live { (blocks.ceil() as usize).clamp(8, 1 << 16) } else { 8 };
        let reopen: Option<sdr_io::runtime::Reopen> = match args.on_failure {
            OnFailure::Quit => None,
            OnFailure::Restart | OnFailure::Pause => Some(Box::new(move || sdr_io::open(&name, &options))),
        };
        Ok(Self { runtime: Runtime::new(source, config)?, live, reopen })
    }

    pub(crate) fn subscribe(&mut self, name: &str, keeps: usize) -> Consumer {
        self.runtime.subscribe(name, keeps)
    }

    pub(crate) fn start(&mut self) {
        self.runtime.start(self.reopen.take());
    }
}

/// What happened to the stream, for people and for scripts.
pub(crate) fn notice(notice: &Notice) -> (String, Value) {
    let line =
        |what: &str, detail: Value| json!({ "schema": "phy-sec.stream/1", "notice": what, "detail": detail });
    match notice {
        Notice::Silent { after } => {
            let seconds = after.as_secs_f64();
            (format!("the source is silent since {seconds:.1} s"), line("silent", seconds.into()))
        }
        Notice::Failed { message } => {
            (format!("the source failed: {message}"), line("failed", message.clone().into()))
        }
        Notice::Restarted { attempt } => {
            (format!("the source was opened anew ({attempt})"), line("restarted", (*attempt).into()))
        }
        Notice::Paused => ("paused; SIGUSR1 opens the source anew".into(), line("paused", Value::Null)),
    }
}

/// The counters as they stand in every JSON answer.
pub(crate) fn counters(counters: &Counters) -> Value {
    json!({
        "samples": counters.samples,
        "lost_samples": counters.lost,
        "uncounted_gaps": counters.uncounted_gaps,
        "gaps": counters.gaps,
        "restarts": counters.restarts,
        "silences": counters.silences,
        "ring_fill": counters.ring_fill,
        "ring_blocks": counters.ring,
        "memory_blocks": counters.allocated,
        "consumers": counters.consumers.iter().map(|seat| json!({
            "name": seat.name,
            "dropped_samples": seat.dropped,
            "drops": seat.drops,
            "behind": seat.behind,
        })).collect::<Vec<_>>(),
    })
}

/// In words, if something is missing.
pub(crate) fn losses(counters: &Counters) -> Option<String> {
    let dropped: u64 = counters.consumers.iter().map(|seat| seat.dropped).sum();
    (counters.gaps > 0 || dropped > 0).then(|| {
        format!(
            "{} gap(s) in the source: {} samples lost, {} time(s) nobody counted how many; {dropped} dropped because this \
             computer was too slow",
            counters.gaps, counters.lost, counters.uncounted_gaps
        )
    })
}

/// Tells what is missing, at the end.
pub(crate) fn warn_of_losses(context: &Context, now: &Counters) {
    if let Some(losses) = losses(now) {
        context.warn(losses);
    }
}

/// `10min`, `30s`, `2h`, `1.5`.
pub(crate) fn duration(text: &str) -> Result<f64, String> {
    let units = [("min", 60.0), ("ms", 1e-3), ("h", 3600.0), ("s", 1.0)];
    let (digits, unit) =
        units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit))).unwrap_or((text, 1.0));
    let seconds = digits.trim().parse::<f64>().ok().map(|value| value * unit);
    seconds
        .filter(|seconds| *seconds > 0.0 && *seconds <= 1e9)
        .ok_or_else(|| "a time above 0, such as 30s, 10min or 2h".into())
}

/// `1GB`, `500MB`, `4096`; `GiB` counts by 1024.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let units = [
        ("KiB", 1u64 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
        ("kB", 1000),
        ("KB", 1000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
        ("B", 1),
    ];
    let (digits, unit) =
        units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit))).unwrap_or((text, 1));
    let bytes = digits.trim().parse::<f64>().ok().map(|value| value * unit as f64);
    bytes
        .filter(|bytes| (0.0..=1e18).contains(bytes))
        .map(|bytes| bytes as u64)
        .ok_or_else(|| "a size such as 500MB, 1GB or 2GiB".into())
}

/// A size or a time.
pub(crate) fn rotate(text: &str) -> Result<Rotate, String> {
    if text.ends_with('B') {
        return size(text).map(Rotate::Bytes);
    }
    match text.ends_with(|c: char| c.is_ascii_digit()) {
        true => Err("a size or a time with its unit: 1GB, 10min".into()),
        false => duration(text).map(Rotate::Seconds),
    }
}

/// How long a loop waits for a block before it looks whether it should stop.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_as_people_write_them() {
        assert_eq!((size("1GB"), size("2MiB"), size("4096")), (Ok(1_000_000_000), Ok(2 << 20), Ok(4096)));
        assert_eq!((duration("10min"), duration("1.5"), duration("2h")), (Ok(600.0), Ok(1.5), Ok(7200.0)));
        assert_eq!((duration("500ms"), duration("3s")), (Ok(0.5), Ok(3.0)));
        assert_eq!(rotate("1GB"), Ok(Rotate::Bytes(1_000_000_000)));
        assert_eq!(rotate("10min"), Ok(Rotate::Seconds(600.0)));
        for text in ["", "GB", "-1GB", "nan", "1e300GB", "fast", "10"] {
            assert!(rotate(text).is_err(), "{text}");
        }
        assert!(duration("0").is_err() && duration("inf").is_err() && size("").is_err());
    }

    #[test]
    fn what_comes_at_its_own_speed() {
        for (name, format, live) in [
            ("a.cu8", "raw", false),
            ("file:a.cu8", "raw", false),
            ("file:a.cu8?rate=1M&realtime=true", "wav", true),
            ("file:a.cu8?realtime", "raw", true),
            ("file:a.cu8?realtime=no", "sigmf", false),
            ("soapy:driver=none", "soapy", true),
        ] {
            assert_eq!(is_live(name, format), live, "{name}");
        }
    }
}

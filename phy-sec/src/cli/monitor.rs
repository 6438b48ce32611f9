//! `phy-sec monitor`: jamming detection on a stream as it comes.

mod keeper;
mod view;

use std::{
    collections::BTreeMap,
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use jiff::Timestamp;
use phy_sec::{
    event::Event,
    jamming::{self, Config, Monitor, State, Transition},
};
use sdr_io::{
    Read, Time,
    record::{Level, full_scale},
    runtime::{Next, Received},
};
use serde_json::{Value, json};

use super::{
    Context, Outcome,
    live::{self, LiveArgs, PATIENCE, Signals, Stream, metrics, output::Outputs},
    report::db,
    source,
};
use keeper::Keeper;
use view::View;

/// What to watch, and where to tell.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    live: LiveArgs,
    /// False-alarm probability of a block of noise (default: the configuration's, 1e-4)
    #[arg(long, allow_negative_numbers = true)]
    pfa: Option<f64>,
    /// Power of the receiver's noise over the whole band, full scale 1: then nothing is learned
    #[arg(long, value_name = "POWER", allow_negative_numbers = true)]
    noise_power: Option<f64>,
    /// Where lines of JSON go, besides: a file, tcp:HOST:PORT, or - for standard output; may be given more than once
    #[arg(long, value_name = "WHERE")]
    output: Vec<String>,
    /// With JSON: a line with the counters every so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = live::duration, default_value = "10")]
    status: f64,
    /// Write the signal of each event into this folder, as SigMF
    #[arg(long, value_name = "DIR")]
    record_events: Option<PathBuf>,
    /// Signal from before an event that is written too, in seconds, 0 to 10
    #[arg(long, value_name = "SECONDS", default_value_t = 0.05)]
    pre_trigger: f64,
    /// Stop writing events before the disk has less than this left
    #[arg(long, value_name = "SIZE", value_parser = live::size, default_value = "500MB")]
    keep_free: u64,
    /// Serve counters for Prometheus, at ADDR:PORT
    #[arg(long, value_name = "ADDR")]
    metrics: Option<String>,
}

/// Watches the first channel until the end, --duration, or Ctrl-C.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let signals = Signals::catch()?;
    let name = args.live.source.source.clone();
    let mut stream = Stream::open(&args.live)?;
    let info = stream.runtime.info().clone();
    let mut config: Config = context.config("jamming")?;
    let Some(rate) = info.sample_rate else {
        anyhow::bail!("{name} does not say its sample rate: give it with --rate HZ")
    };
    config.sample_rate = rate;
    config.center_frequency = info.center_frequency.unwrap_or(config.center_frequency);
    config.pfa = args.pfa.unwrap_or(config.pfa);
    config.noise_power = args.noise_power.or(config.noise_power);
    if !(0.0..=10.0).contains(&args.pre_trigger) {
        anyhow::bail!("--pre-trigger is from 0 to 10 s, got {}", args.pre_trigger);
    }
    if info.channels > 1 {
        context.warn(format!("{name} has {} channels; only the first is looked at", info.channels));
    }
    let mut names = args.output.clone();
    if context.json && !names.iter().any(|name| name == "-") {
        names.push("-".into());
    }
    let server = args.metrics.as_deref().map(metrics::Server::start).transpose()?;
    if let Some(server) = &server {
        context.warn(format!("metrics at http://{}/metrics", server.address()));
    }
    // An event is reported after its last block, and is no longer than this.
    let kept = args.pre_trigger + config.max_duration.min(10.0) + 0.2;
    let block = stream.runtime.block();
    let keeper = args
        .record_events
        .as_ref()
        .map(|folder| Keeper::new(folder, &info, block, kept, args.pre_trigger, args.keep_free))
        .transpose()?;
    let keeps = if keeper.is_some() { Keeper::memory(kept, &info, block) } else { 0 };
    let mut consumer = stream.subscribe("detector", keeps);
    let plain = !context.json && !names.iter().any(|name| name == "-");
    let terminal = plain && std::io::stdout().is_terminal();
    let mut watch = Watch {
        monitor: Monitor::new(config.clone(), context.backend.clone())?,
        outputs: Outputs::open(&names)?,
        view: terminal.then(|| View::new(source::terminal_width())),
        clock: Clock { anchor: None, live: stream.live, rate },
        observer: info.hardware.clone().unwrap_or_else(|| name.clone()),
        events: BTreeMap::new(),
        level: Level::default(),
        clipped: 0,
        lateness: Duration::ZERO,
        keeper,
        plain,
        config,
        context,
    };
    let top = full_scale(info.datatype);
    let most = args.live.duration.map(|seconds| (seconds * rate).ceil() as u64);
    stream.start();

    let (mut drawn, mut told) = (Instant::now(), Instant::now());
    let mut samples = 0u64;
    let mut spectrum = vec![0.0f32; watch.config.size];
    loop {
        signals.resume(&stream.runtime);
        for notice in stream.runtime.notices() {
            let (text, line) = live::notice(&notice);
            watch.say(text)?;
            watch.outputs.send(&line, context)?;
        }
        if signals.stop() || most.is_some_and(|most| samples >= most) {
            break;
        }
        match consumer.next(PATIENCE) {
            Next::Block(block) => {
                watch.take(&block, samples == 0, top)?;
                samples += block.read.samples as u64;
            }
            Next::Idle => {}
            Next::End => break,
        }
        if watch.view.is_some() {
            spectrum
                .iter_mut()
                .zip(watch.monitor.spectrum())
                .for_each(|(sum, power)| *sum += 0.05 * (power - *sum));
        }
        if drawn.elapsed() >= Duration::from_millis(200) && (watch.view.is_some() || server.is_some()) {
            let counters = stream.runtime.counters();
            watch.draw(&counters, &spectrum)?;
            if let Some(server) = &server {
                server.publish(watch.page(&counters));
            }
            drawn = Instant::now();
        }
        if told.elapsed().as_secs_f64() >= args.status {
            let line = watch.status(&stream.runtime.counters());
            watch.outputs.send(&line, context)?;
            told = Instant::now();
        }
    }
    let events = watch.monitor.finish()?;
    watch.tell(events)?;
    let counters = stream.runtime.counters();
    let line = watch.status(&counters);
    watch.outputs.send(&line, context)?;
    drop(consumer);
    let found: u64 = watch.events.values().sum();
    if watch.plain {
        let judged = watch.monitor.counts();
        context.print(format!(
            "{samples} samples, {} blocks judged: {found} event(s), {} short or sparse stretches left out as activity",
            judged.examined, judged.dismissed
        ))?;
        if judged.examined == 0 {
            context.warn("too few samples to learn from; nothing was judged");
        }
    }
    live::warn_of_losses(context, &counters);
    if let Some(keeper) = watch.keeper.take() {
        let (written, left_out) = (keeper.written.clone(), keeper.left_out.clone());
        drop(keeper); // waits for what is being written
        if left_out.load(Ordering::Relaxed) > 0 {
            context.warn(format!(
                "{} event(s) were written, {} not: too many at once, or no room on the disk",
                written.load(Ordering::Relaxed),
                left_out.load(Ordering::Relaxed)
            ));
        }
    }
    stream.runtime.finish().with_context(|| name)?;
    Ok(if found > 0 { Outcome::Notable } else { Outcome::Quiet })
}

/// From samples to the time of day.
#[derive(Clone, Copy)]
struct Clock {
    anchor: Option<(u64, Timestamp)>,
    live: bool,
    rate: f64,
}

impl Clock {
    /// The source's own time where it has one; else this computer's, if the samples come as they are taken.
    fn set(&mut self, read: &Read) {
        let time = match read.time {
            Some(Time::Utc(time)) => Some(time),
            _ if self.live => {
                let now = Time::Utc(Timestamp::now());
                // The block was complete by now: its first sample is older by its length.
                match now {
                    Time::Utc(now) => {
                        now.checked_sub(Duration::from_secs_f64(read.samples as f64 / self.rate)).ok()
                    }
                    Time::Hardware(_) => None,
                }
            }
            _ => None,
        };
        self.anchor = time.map(|time| (read.sample_start, time));
    }

    fn at(&self, sample: u64) -> Option<String> {
        let (start, time) = self.anchor?;
        let time = if sample >= start {
            Time::Utc(time).after(sample - start, self.rate)?
        } else {
            let back = Duration::try_from_secs_f64((start - sample) as f64 / self.rate).ok()?;
            Time::Utc(time.checked_sub(back).ok()?)
        };
        match time {
            Time::Utc(time) => Some(format!("{time:.6}")),
            Time::Hardware(_) => None,
        }
    }
}

struct Watch<'a> {
    config: Config,
    context: &'a Context,
    monitor: Monitor,
    outputs: Outputs,
    view: Option<View>,
    clock: Clock,
    observer: String,
    /// By class.
    events: BTreeMap<String, u64>,
    level: Level,
    clipped: u64,
    /// From a block's arrival to its judgement, the longest since it was last told.
    lateness: Duration,
    keeper: Option<Keeper>,
    plain: bool,
}

impl Watch<'_> {
    fn take(&mut self, block: &Received, first: bool, top: f32) -> anyhow::Result<()> {
        let read = block.read();
        let retuned = |new: Option<f64>, old: f64| new.is_some_and(|new| new != old);
        if retuned(read.center_frequency, self.config.center_frequency)
            || retuned(read.sample_rate, self.config.sample_rate)
        {
            // Another band or rate is another floor: nothing learned so far applies to it.
            let events = self.monitor.finish()?;
            self.tell(events)?;
            self.config.center_frequency = read.center_frequency.unwrap_or(self.config.center_frequency);
            self.config.sample_rate = read.sample_rate.unwrap_or(self.config.sample_rate);
            self.clock.rate = self.config.sample_rate;
            self.monitor = Monitor::new(self.config.clone(), self.context.backend.clone())?;
            self.monitor.gap(read.sample_start)?;
            self.clock.set(&read);
        } else if read.lost_before.is_gap() || first {
            let events = self.monitor.gap(read.sample_start)?;
            self.tell(events)?;
            self.clock.set(&read);
        }
        let samples = block.channel(0);
        let events = self.monitor.push(samples).context("the samples cannot be used")?;
        if let Some(keeper) = &mut self.keeper {
            keeper.push(block);
        }
        self.tell(events)?;
        self.level.push(samples, top);
        self.lateness = self.lateness.max(block.arrived.elapsed());
        Ok(())
    }

    /// Events, and the changes of the state that came with them.
    fn tell(&mut self, events: Vec<Event>) -> anyhow::Result<()> {
        for transition in self.monitor.transitions() {
            self.tell_state(transition)?;
        }
        for event in events {
            *self.events.entry(event.class.clone()).or_default() += 1;
            if let Some(keeper) = &self.keeper {
                keeper.keep(&event);
            }
            let seen = jamming::alert::Seen {
                start: self.clock.at(event.sample_start),
                end: self.clock.at(event.sample_end()),
                created: Some(format!("{:.6}", Timestamp::now())),
                observer: self.observer.clone(),
                sample_rate: self.config.sample_rate,
            };
            let line = jamming::alert::alert(&event, &seen);
            self.outputs.send(&line, self.context)?;
            let when = seen
                .start
                .unwrap_or_else(|| format!("{:.6} s", event.sample_start as f64 / self.config.sample_rate));
            let answer = line["phy_sec"]["answer"]["method"].as_str().unwrap_or_default();
            self.say(format!(
                "{when}  {}  {:.0} .. {:.0} Hz  {:.6} s  answer: {answer}  {}",
                event.label,
                event.freq_lower_edge,
                event.freq_upper_edge,
                event.sample_count as f64 / self.config.sample_rate,
                event.comment
            ))?;
        }
        Ok(())
    }

    fn tell_state(&mut self, change: Transition) -> anyhow::Result<()> {
        let time = self.clock.at(change.sample);
        let line = json!({
            "schema": "phy-sec.state/1",
            "@timestamp": time,
            "from": change.from.name(),
            "to": change.to.name(),
            "sample": change.sample,
        });
        // What rises and falls with every burst is for the picture and for scripts.
        if change.to.max(change.from) >= State::Jamming {
            let when =
                time.unwrap_or_else(|| format!("{:.6} s", change.sample as f64 / self.config.sample_rate));
            self.say(format!("{when}  {} -> {}", change.from.name(), change.to.name()))?;
        }
        self.outputs.send(&line, self.context)
    }

    /// For people: into the picture, or a line.
    fn say(&mut self, text: String) -> anyhow::Result<()> {
        match &mut self.view {
            Some(view) => view.event(text),
            None if self.plain => self.context.print(text)?,
            None => {}
        }
        Ok(())
    }

    fn draw(&mut self, counters: &sdr_io::runtime::Counters, spectrum: &[f32]) -> anyhow::Result<()> {
        let half = self.config.sample_rate / 2.0;
        let edges = [self.config.center_frequency - half, self.config.center_frequency + half];
        let Some(view) = &mut self.view else { return Ok(()) };
        let level = db(self.level.mean_power).map_or("silent".into(), |db| format!("{db:.1} dBFS"));
        let counts = self.monitor.counts();
        let head = format!(
            "{level}  {} event(s)  learned {} blocks  {}",
            self.events.values().sum::<u64>(),
            counts.learned,
            live::losses(counters).unwrap_or_else(|| "nothing lost".into())
        );
        let picture = view.draw(self.monitor.state(), &head, spectrum, edges);
        let mut out = std::io::stdout().lock();
        out.write_all(picture.as_bytes())
            .and_then(|()| out.flush())
            .context("cannot write to standard output")
    }

    fn status(&mut self, counters: &sdr_io::runtime::Counters) -> Value {
        let level = std::mem::take(&mut self.level);
        self.clipped += level.clipped;
        let counts = self.monitor.counts();
        json!({
            "schema": "phy-sec.status/1",
            "@timestamp": format!("{:.6}", Timestamp::now()),
            "state": self.monitor.state().name(),
            "events": self.events.values().sum::<u64>(),
            "blocks_judged": counts.examined,
            "blocks_conspicuous": counts.conspicuous,
            "blocks_learned": counts.learned,
            "level_db": if level.samples > 0 { db(level.mean_power) } else { None },
            "peak_db": if level.samples > 0 { db(f64::from(level.peak).powi(2)) } else { None },
            "clipped_samples": self.clipped,
            "longest_delay": std::mem::take(&mut self.lateness).as_secs_f64(),
            "output_dropped": self.outputs.dropped(),
            "stream": live::counters(counters),
        })
    }

    fn page(&self, counters: &sdr_io::runtime::Counters) -> String {
        let counts = self.monitor.counts();
        let mut page = metrics::Page::default();
        let classes: Vec<_> = jamming::Class::ALL
            .iter()
            .map(|class| {
                let found = self.events.get(class.name()).copied().unwrap_or(0);
                (format!("{{class=\"{class}\"}}"), found as f64)
            })
            .collect();
        page.stream(counters)
            .one(
                "state",
                "gauge",
                "0 clear, 1 activity, 2 suspected, 3 jamming.",
                f64::from(self.monitor.state() as u8),
            )
            .family("events_total", "counter", "Events that were reported.", &classes)
            .one("blocks_judged_total", "counter", "Blocks that were judged.", counts.examined as f64)
            .one("blocks_conspicuous_total", "counter", "Conspicuous ones.", counts.conspicuous as f64)
            .one(
                "level_dbfs",
                "gauge",
                "Mean power since the last status, dB full scale.",
                db(self.level.mean_power).unwrap_or(f64::NAN),
            )
            .one(
                "clipped_samples_total",
                "counter",
                "Samples at full scale.",
                (self.clipped + self.level.clipped) as f64,
            )
            .one(
                "longest_delay_seconds",
                "gauge",
                "From a block's arrival to its judgement, the longest since the last status.",
                self.lateness.as_secs_f64(),
            )
            .one(
                "output_dropped_total",
                "counter",
                "Lines that a server did not get.",
                self.outputs.dropped() as f64,
            );
        page.text()
    }
}

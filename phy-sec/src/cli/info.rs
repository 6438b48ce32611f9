//! `phy-sec info`: what a recording is, and whether its level makes sense.

use num_complex::Complex32;
use sdr_io::{Datatype, Lost, StreamInfo};
use serde::Serialize;

use super::{
    Context, Outcome,
    report::{self, db},
    source::{self, SourceArgs},
};

/// What to look at.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
}

/// `phy-sec.info/1` of `docs/json.md`.
#[derive(Serialize)]
struct Info<'a> {
    schema: &'static str,
    source: &'a str,
    format: &'static str,
    datatype: String,
    channels: usize,
    samples: u64,
    sample_rate: Option<f64>,
    center_frequency: Option<f64>,
    duration: Option<f64>,
    mean_power_db: Option<f64>,
    peak_db: Option<f64>,
    dc: Option<[f64; 2]>,
    clipped: Option<f64>,
    not_finite: u64,
    gaps: u64,
    lost_samples: Option<u64>,
    captures: Vec<Capture>,
    trailing_bytes: u64,
    annotations: usize,
}

/// A stretch of one frequency with nothing missing inside.
#[derive(Serialize)]
struct Capture {
    sample_start: u64,
    samples: u64,
    center_frequency: Option<f64>,
}

/// Reads the whole recording once.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let name = &args.source.source;
    let mut source = source::open_tolerant(&args.source, context)?;
    let stream = source.info().clone();
    let bar = context.progress(stream.samples.unwrap_or(0), "reading");
    let mut level = Level::new(&stream);
    let mut captures: Vec<Capture> = Vec::new();
    let mut gaps = 0;
    let mut lost = Some(0);
    let mut not_finite = 0;
    source::for_each_block(name, source.as_mut(), |read, block| {
        let samples = block.len() as u64;
        let tuned = captures.last().map(|capture| capture.center_frequency);
        let retuned = tuned.is_some_and(|tuned| tuned != read.center_frequency);
        match read.lost_before {
            Lost::None => {}
            // A source that is retuned breaks off; that samples were lost is not said by that.
            Lost::Unknown if retuned => {}
            Lost::Count(count) => {
                gaps += 1;
                lost = lost.map(|lost| lost + count);
            }
            Lost::Unknown => {
                gaps += 1;
                lost = None;
            }
        }
        match captures.last_mut() {
            Some(capture) if !retuned && !read.lost_before.is_gap() => capture.samples += samples,
            _ => captures.push(Capture {
                sample_start: read.sample_start,
                samples,
                center_frequency: read.center_frequency,
            }),
        }
        not_finite += read.not_finite as u64;
        level.push(block);
        bar.inc(block.len() as u64);
        Ok(())
    })?;
    drop(bar);

    let n = level.samples as f64;
    let known = level.samples > 0;
    let info = Info {
        schema: "phy-sec.info/1",
        source: name,
        format: stream.format,
        datatype: stream.datatype.to_string(),
        channels: stream.channels,
        samples: level.samples,
        sample_rate: stream.sample_rate,
        center_frequency: stream.center_frequency,
        duration: stream.sample_rate.map(|rate| n / rate),
        mean_power_db: known.then(|| db(level.power / n)).flatten(),
        peak_db: known.then(|| db(f64::from(level.peak).powi(2))).flatten(),
        dc: known.then(|| [level.dc.re / n, level.dc.im / n]),
        clipped: level.ceiling.filter(|_| known).map(|_| level.clipped as f64 / n),
        not_finite,
        gaps,
        lost_samples: lost,
        captures,
        trailing_bytes: stream.partial_bytes,
        annotations: source.annotations().len(),
    };
    if stream.partial_bytes > 0 {
        context.warn(format!(
            "{name} ends inside a sample, {} byte(s) after the last whole one: it was cut, or the datatype is wrong; \
             other commands refuse it unless file:PATH?partial=1 says otherwise",
            stream.partial_bytes
        ));
    }
    if context.json {
        context.print_json(&info)?;
    } else {
        context.print(text(&info))?;
    }
    Ok(Outcome::Quiet)
}

fn text(info: &Info) -> comfy_table::Table {
    let mut table = report::table(&["", info.source]);
    let mut row = |name: &str, value: Option<String>| {
        table.add_row([name, value.as_deref().unwrap_or("not known")]);
    };
    row("format", Some(format!("{}, {}, {} channel(s)", info.format, info.datatype, info.channels)));
    row("samples", Some(info.samples.to_string()));
    row("sample rate", info.sample_rate.map(|rate| format!("{rate} Hz")));
    row("duration", info.duration.map(|duration| format!("{duration:.6} s")));
    row("centre frequency", frequencies(&info.captures));
    row("mean power", info.mean_power_db.map(|power| format!("{power:.1} dB full scale")));
    row("peak", info.peak_db.map(|peak| format!("{peak:.1} dB full scale")));
    row("DC", info.dc.map(|[re, im]| format!("{re:+.5} {im:+.5}i")));
    row("clipped", info.clipped.map(|share| format!("{:.3} % of samples", 100.0 * share)));
    row("NaN or infinite", Some(format!("{} samples (counted as zero)", info.not_finite)));
    let lost = info.lost_samples.map_or("an unknown number of".into(), |lost| lost.to_string());
    row("gaps", Some(format!("{}, {lost} samples lost", info.gaps)));
    if info.trailing_bytes > 0 {
        row("left over", Some(format!("{} byte(s) after the last whole sample", info.trailing_bytes)));
    }
    row("annotations", Some(info.annotations.to_string()));
    table
}

/// The one frequency, or those of the captures in turn.
fn frequencies(captures: &[Capture]) -> Option<String> {
    /// Lines of the table.
    const MOST: usize = 8;
    let first = captures.first()?.center_frequency;
    if captures.iter().all(|capture| capture.center_frequency == first) {
        return first.map(|frequency| format!("{frequency} Hz"));
    }
    let mut lines: Vec<String> = captures
        .iter()
        .take(MOST)
        .map(|capture| {
            let frequency = capture.center_frequency.map_or("not known".into(), |f| format!("{f} Hz"));
            format!("{frequency} from sample {}, {} samples", capture.sample_start, capture.samples)
        })
        .collect();
    if captures.len() > MOST {
        lines.push(format!("and {} more captures", captures.len() - MOST));
    }
    Some(lines.join("\n"))
}

/// Sums over the recording, in `f64` because it may be long.
struct Level {
    samples: u64,
    power: f64,
    dc: num_complex::Complex64,
    peak: f32,
    clipped: u64,
    /// The greatest value of an integer format; floating point has none.
    ceiling: Option<f32>,
}

impl Level {
    fn new(stream: &StreamInfo) -> Self {
        Self {
            samples: 0,
            power: 0.0,
            dc: 0.0.into(),
            peak: 0.0,
            clipped: 0,
            ceiling: ceiling(stream.datatype),
        }
    }

    fn push(&mut self, block: &[Complex32]) {
        self.samples += block.len() as u64;
        for x in block {
            self.power += f64::from(x.re).powi(2) + f64::from(x.im).powi(2);
            self.dc += num_complex::Complex64::new(x.re.into(), x.im.into());
            self.peak = self.peak.max(x.norm());
            if self.ceiling.is_some_and(|ceiling| x.re.abs() >= ceiling || x.im.abs() >= ceiling) {
                self.clipped += 1;
            }
        }
    }
}

/// The largest positive value that the format holds, at full scale 1.
fn ceiling(datatype: Datatype) -> Option<f32> {
    use sdr_io::Number;
    match datatype.number() {
        Number::U8 => Some(127.5 / 128.0),
        Number::I8 => Some(127.0 / 128.0),
        Number::U16 | Number::I16 => Some(32767.0 / 32768.0),
        Number::U32 | Number::I32 => Some(1.0),
        Number::F32 | Number::F64 => None,
    }
}

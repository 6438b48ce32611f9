//! The demo's jamming part: a busy channel with three jammers, or recordings with a jammer mixed in.

use std::{fs, ops::Range, path::Path};

use anyhow::{Context as _, bail};
use kernels::stft_power::{Scaling, StftConfig};
use num_complex::Complex32;
use phy_sec::{
    event::Event,
    jamming::{Class, Config, detect_jamming},
    sim::{
        self,
        jammer::{Jammer, Ratio, SweepShape, mix},
        waveform::{SingleCarrier, random_symbols},
    },
    spectrum::spectrogram,
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use sdr_io::{Datatype, OpenOptions};
use serde_json::Value;

use super::{Figure, Row, Section};
use crate::cli::{
    Context,
    plot::{self, Region},
    source,
};

/// A jammer of the truth: where it was, what it is called there, and what it should be called here.
struct Truth {
    samples: Range<usize>,
    /// Hz from the centre.
    band: (f64, f64),
    class: Class,
    name: String,
}

/// A burst network at 1 MS/s, 15 dB over the noise, jammed three times by 5 dB more than it has.
pub(crate) fn simulated(context: &Context) -> anyhow::Result<Section> {
    let rate = 1e6;
    let noise_power = 1e-4;
    let mut rng = sim::rng(context.seed);
    let (mut x, bursts) = network(&mut rng, 400_000, noise_power)?;
    let jammers = [
        (100_000..150_000, Jammer::Tone { frequency: 137e3 }, 20.0, Class::Tone),
        (
            200_000..250_000,
            Jammer::Sweep { shape: SweepShape::Sawtooth, from: -400e3, to: 350e3, period: 2.5e-3 },
            20.0,
            Class::Sweep,
        ),
        (
            300_000..350_000,
            Jammer::Pulsed { period: 3e-3, duty: 0.4, of: Box::new(Jammer::Barrage) },
            20.0,
            Class::Pulsed,
        ),
    ];
    let mut truths = Vec::new();
    for (samples, jammer, jnr_db, class) in jammers {
        let band = extent(&jammer, rate);
        let name = format!("{} at JNR {jnr_db} dB", jammer.name());
        let start = samples.start as f64 / rate;
        let duration = samples.len() as f64 / rate;
        let jammer = Jammer::Window { start, duration, of: Box::new(jammer) };
        x = mix(&x, &jammer, Ratio::Jnr { db: jnr_db, noise_power }, rate, &mut rng)?.samples;
        truths.push(Truth { samples, band, class, name });
    }

    let config = Config { sample_rate: rate, ..context.config("jamming")? };
    let working = context.working("listening");
    let events = detect_jamming(&x, config.clone(), context.backend.clone())?;
    drop(working);
    let mut section = Section { title: "Jamming", ..Section::default() };
    let mut false_alarms = events.len();
    for truth in &truths {
        let (row, used) = judge("simulated network", truth, &events, &config);
        false_alarms -= used;
        section.rows.push(row);
    }
    section.rows.push(Row {
        scene: "simulated network".into(),
        truth: format!("{bursts} bursts of its own and noise, nothing else"),
        decision: format!("{false_alarms} false alarm(s)"),
        right: Some(false_alarms == 0),
        detail: format!("Pfa {:.0e} a block of {} samples", config.pfa, config.block()),
    });
    section.figures.push(figure("A network's bursts and three jammers", &x, &config, &events)?);
    section.objects = objects("simulated network", &events)?;
    Ok(section)
}

/// Each recording clean, and with a tone, a sweep and a barrage in its second half.
pub(crate) fn recorded(context: &Context, data: &Path) -> anyhow::Result<Section> {
    let mut section = Section { title: "Jamming", ..Section::default() };
    let recordings = recordings(data, context)?;
    let mut clean_events = 0;
    let progress = context.progress(recordings.len() as u64, "jamming");
    for recording in &recordings {
        let config = Config { sample_rate: recording.rate, ..context.config("jamming")? };
        let clean = detect_jamming(&recording.samples, config.clone(), context.backend.clone())?;
        clean_events += clean.len();
        section.rows.push(Row {
            scene: recording.name.clone(),
            truth: "as recorded: no jammer".into(),
            decision: format!("{} false alarm(s)", clean.len()),
            right: Some(clean.is_empty()),
            detail: format!("{:.2} ms", recording.samples.len() as f64 / recording.rate * 1e3),
        });
        section.objects.extend(objects(&format!("{}, clean", recording.name), &clean)?);
        for (jammer, jsr_db, class) in mixed_in(recording.rate) {
            let n = recording.samples.len();
            let samples = n / 2..n * 9 / 10;
            let name = format!("{} at JSR {jsr_db} dB", jammer.name());
            let truth =
                Truth { samples: samples.clone(), band: extent(&jammer, recording.rate), class, name };
            let start = samples.start as f64 / recording.rate;
            let duration = samples.len() as f64 / recording.rate;
            let jammer = Jammer::Window { start, duration, of: Box::new(jammer) };
            let mut rng = sim::rng(context.seed);
            let x = mix(&recording.samples, &jammer, Ratio::Jsr(jsr_db), recording.rate, &mut rng)?.samples;
            let events = detect_jamming(&x, config.clone(), context.backend.clone())?;
            let (row, used) = judge(&recording.name, &truth, &events, &config);
            clean_events += events.len() - used;
            section.rows.push(row);
            let source = format!("{} + {}", recording.name, truth.name);
            section.objects.extend(objects(&source, &events)?);
            if section.figures.is_empty() && class == Class::Sweep {
                section.figures.push(figure(&source, &x, &config, &events)?);
            }
        }
        progress.inc(1);
    }
    drop(progress);
    section.rows.push(Row {
        scene: format!("all {} recordings", recordings.len()),
        truth: "clean, and the stretches without a jammer of the others".into(),
        decision: format!("{clean_events} false alarm(s)"),
        right: Some(clean_events == 0),
        detail: "jammers simulated, from the middle of each recording on".into(),
    });
    Ok(section)
}

/// The jammers mixed into a recording: ratio to its mean power, and what they should be called.
fn mixed_in(rate: f64) -> [(Jammer, f64, Class); 3] {
    let sweep = Jammer::Sweep {
        shape: SweepShape::Sawtooth,
        from: -0.4 * rate,
        to: 0.4 * rate,
        period: 2000.0 / rate,
    };
    [
        (Jammer::Tone { frequency: 0.137 * rate }, 5.0, Class::Tone),
        (sweep, 10.0, Class::Sweep),
        (Jammer::Barrage, 10.0, Class::Wideband),
    ]
}

/// QPSK bursts at 15 dB over the noise, one at once and then at random times, and their number.
fn network(rng: &mut ChaCha8Rng, n: usize, noise_power: f64) -> anyhow::Result<(Vec<Complex32>, usize)> {
    let mut x = sim::noise(rng, n, noise_power);
    let transmitter = SingleCarrier::default();
    let amplitude = (noise_power * sim::from_db(15.0)).sqrt() as f32;
    let (mut at, mut bursts) = (0, 0);
    while at < n {
        let length = rng.random_range(250..1000);
        let order = transmitter.modulation.order();
        let burst = transmitter.modulate(&random_symbols(rng, length, order))?;
        for (x, burst) in x[at..].iter_mut().zip(&burst) {
            *x += amplitude * burst;
        }
        at += burst.len() + rng.random_range(500..8000);
        bursts += 1;
    }
    Ok((x, bursts))
}

/// From the lowest to the highest frequency, Hz from the centre.
fn extent(jammer: &Jammer, rate: f64) -> (f64, f64) {
    let bands = jammer.bands(rate);
    bands.iter().fold((f64::MAX, f64::MIN), |(low, high), band| (low.min(band.0), high.max(band.1)))
}

/// The row of one jammer, and how many events it explains.
fn judge(scene: &str, truth: &Truth, events: &[Event], config: &Config) -> (Row, usize) {
    let (start, end) = (truth.samples.start as u64, truth.samples.end as u64);
    let overlap = |event: &Event| end.min(event.sample_end()).saturating_sub(start.max(event.sample_start));
    let own: Vec<&Event> = events.iter().filter(|event| overlap(event) > 0).collect();
    let rate = config.sample_rate;
    let span =
        |start: u64, end: u64| format!("{:.2}-{:.2} ms", start as f64 / rate * 1e3, end as f64 / rate * 1e3);
    let band = |low: f64, high: f64| {
        if high > low {
            format!("{:.0} .. {:.0} kHz", low / 1e3, high / 1e3)
        } else {
            format!("{:.0} kHz", low / 1e3)
        }
    };
    let row = Row {
        scene: scene.into(),
        truth: format!("{}, {}, {}", truth.name, span(start, end), band(truth.band.0, truth.band.1)),
        ..Row::default()
    };
    let Some(event) = own.iter().max_by_key(|event| overlap(event)) else {
        return (Row { decision: "nothing".into(), right: Some(false), ..row }, 0);
    };
    // A bin and the jammer's own sharpness in frequency, a quarter of its length in time.
    let slack = (end - start) / 4;
    let timely = event.sample_start.abs_diff(start) <= slack && event.sample_end().abs_diff(end) <= slack;
    let margin = if truth.class == Class::Tone { 1.5 * config.bin_width() } else { 0.05 * rate };
    let placed = (event.freq_lower_edge - truth.band.0).abs() <= margin
        && (event.freq_upper_edge - truth.band.1).abs() <= margin;
    let ratio = |name| event.parameter(name).map_or("-".to_owned(), |db| format!("{db:.1} dB"));
    // Not the JSR of the truth, which is over the victim's own power while it sends.
    let mut detail =
        format!("{} over the quietest block, {} over the mean learned", ratio("jnr_db"), ratio("jsr_db"));
    for (name, unit, scale) in
        [("sweep_rate", "MHz/ms", 1e-9), ("pulse_period", "ms", 1e3), ("duty", "", 1.0)]
    {
        if let Some(value) = event.parameter(name) {
            detail.push_str(&format!(", {} {:.3} {unit}", name.replace('_', " "), value * scale));
        }
    }
    let decision = format!(
        "{}, {}, {}",
        event.class,
        span(event.sample_start, event.sample_end()),
        band(event.freq_lower_edge, event.freq_upper_edge)
    );
    let right = event.class == truth.class.name() && timely && placed;
    (Row { decision, right: Some(right), detail, ..row }, own.len())
}

/// The events as the report holds them, each with its source.
fn objects(source: &str, events: &[Event]) -> anyhow::Result<Vec<Value>> {
    let object = |event: &Event| -> anyhow::Result<Value> {
        let mut object = serde_json::to_value(event)?;
        object["source"] = source.into();
        Ok(object)
    };
    events.iter().map(object).collect()
}

/// The spectrogram with a box around each event.
fn figure(title: &str, x: &[Complex32], config: &Config, events: &[Event]) -> anyhow::Result<Figure> {
    let rate = config.sample_rate;
    let stft = StftConfig {
        size: config.size,
        hop: config.size,
        scaling: Scaling::Density,
        sample_rate: rate,
        ..StftConfig::default()
    };
    let picture = spectrogram(x, stft, 0.0, kernels::Backend::default())?;
    let power_db = picture.power.mapv(|power| 10.0 * power.max(1e-30).log10());
    let regions = events.iter().map(|event| Region {
        time: event.sample_start as f64 / rate..event.sample_end() as f64 / rate,
        frequency: event.freq_lower_edge..event.freq_upper_edge,
        label: event.class.clone(),
    });
    let regions: Vec<Region> = regions.collect();
    let png = plot::spectrogram(
        "",
        power_db.view(),
        0.0..x.len() as f64 / rate,
        -rate / 2.0..rate / 2.0,
        &regions,
    )?;
    Ok(Figure {
        title: format!("Jamming: {title}"),
        caption: "Power over time and frequency; a box around each event, named by its class".into(),
        png,
    })
}

struct Recording {
    name: String,
    rate: f64,
    samples: Vec<Complex32>,
}

/// The LTE captures (rate in the name) and the 802.11 captures.
fn recordings(data: &Path, context: &Context) -> anyhow::Result<Vec<Recording>> {
    /// More samples than any of these recordings holds.
    const MOST: usize = 1 << 24;
    let mut recordings = Vec::new();
    for (folder, datatype) in [("jamming/lte_victims", "cf32_le"), ("fingerprint/wifi_80211", "ci16_le")] {
        let folder = data.join(folder);
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "dat")) {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let rate = match (datatype, name.contains("11.52"), name.contains("1.92M")) {
                ("ci16_le", ..) => 20e6,
                (_, true, _) => 11.52e6,
                (_, _, true) => 1.92e6,
                _ => bail!("{}: the name does not tell the sample rate", path.display()),
            };
            let options = OpenOptions {
                datatype: Some(Datatype::parse(datatype)?),
                sample_rate: Some(rate),
                ..OpenOptions::default()
            };
            let uri = path.to_string_lossy();
            let mut opened = source::open_with(&uri, &options, context)?;
            let samples = source::read_all(&uri, opened.as_mut(), MOST)?;
            recordings.push(Recording { name, rate, samples });
        }
    }
    Ok(recordings)
}

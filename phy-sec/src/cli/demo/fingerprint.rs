//! The demo's fingerprinting: five simulated transmitters and a stranger, or the labelled recordings.

use std::path::Path;

use num_complex::Complex32;
use phy_sec::{
    Result,
    burst::{BurstConfig, detect},
    fingerprint::{
        classify::Example,
        enroll::Gallery,
        evaluate::{Evaluation, Observation, evaluate},
        feature,
        recording::{FingerprintConfig, measure},
    },
    sim::{
        self,
        impairment::{Impairments, IqImbalance},
        waveform::{SingleCarrier, random_symbols},
    },
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use sdr_io::{Datatype, OpenOptions};
use serde_json::json;

use super::{Figure, Row, Section, relative};
use crate::cli::{
    Context,
    fingerprint::{Measured, evaluate_measured, measure_folder},
    plot::{self, Series},
    source,
};

const SAMPLE_RATE: f64 = 1e6;
const BURSTS: usize = 4;
const RECORDINGS: usize = 12;

/// Transmitters as a lot of cheap radios might be: oscillators within a few ppm at 433.92 MHz, a carrier leak and an image of their own.
/// The last one is never enrolled.
const TRANSMITTERS: [(&str, f64, f64, f64, f64); 6] = [
    ("alpha", -5200.0, -14.0, 0.6, 0.03),
    ("bravo", -1900.0, -19.0, -0.3, 0.08),
    ("charlie", 700.0, -13.0, 0.9, -0.04),
    ("delta", 1900.0, -21.0, 0.2, 0.10),
    ("echo", 5600.0, -16.0, -0.8, -0.06),
    ("stranger", -3600.0, -11.0, 1.2, 0.02),
];

/// One recording: bursts with quiet between them, through a channel and at a distance of its own.
fn simulate(transmitter: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Complex32>> {
    let (_, cfo, leak_db, gain_db, phase) = TRANSMITTERS[transmitter];
    // Temperature moves the oscillator from one recording to the next.
    let cfo = cfo + rng.random_range(-150.0..150.0);
    let noise_power = sim::from_db(-rng.random_range(20.0..30.0));
    let impairments = Impairments {
        tx_iq: IqImbalance { gain_db, phase },
        iq_offset: Complex32::new(10f32.powf(leak_db as f32 / 20.0), 0.0),
        phase_noise_linewidth: 2.0,
        cfo,
        ..Impairments::default()
    };
    let turn = |rng: &mut ChaCha8Rng| Complex32::cis(rng.random_range(0.0..std::f32::consts::TAU));
    // A direct path and an echo two samples later.
    let (direct, echo) = (turn(rng), turn(rng) * rng.random_range(0.0..0.15));
    let mut x = Vec::new();
    for _ in 0..BURSTS {
        x.resize(x.len() + rng.random_range(3000..6000), Complex32::ZERO);
        let symbols = random_symbols(rng, 2000, 4);
        let mut burst = SingleCarrier::default().modulate(&symbols)?;
        impairments.transmit(&mut burst, SAMPLE_RATE, rng)?;
        let late = burst.clone();
        burst.iter_mut().for_each(|x| *x *= direct);
        burst.iter_mut().skip(2).zip(&late).for_each(|(x, late)| *x += echo * late);
        x.extend(burst);
    }
    x.resize(x.len() + 5000, Complex32::ZERO);
    let noise = sim::noise(rng, x.len(), noise_power);
    x.iter_mut().zip(&noise).for_each(|(x, n)| *x += n);
    Ok(x)
}

/// Each transmitter's recordings are groups of their own: no two share a channel.
fn recording_name(transmitter: usize, number: usize) -> String {
    format!("{}-{number}", TRANSMITTERS[transmitter].0)
}

/// Five transmitters and a stranger.
pub(crate) fn simulated(context: &Context) -> anyhow::Result<Section> {
    let config: FingerprintConfig = context.config("fingerprint")?;
    let cases: Vec<(usize, usize)> =
        (0..TRANSMITTERS.len()).flat_map(|t| (0..RECORDINGS).map(move |r| (t, r))).collect();
    let bar = context.progress(cases.len() as u64, "measuring");
    let measured: Result<Vec<_>> = cases
        .into_par_iter()
        .map(|(transmitter, number)| {
            // Each recording has a generator of its own, so that their order does not matter.
            let seed =
                context.seed.wrapping_mul(1000).wrapping_add((transmitter * RECORDINGS + number) as u64);
            let x = simulate(transmitter, &mut sim::rng(seed))?;
            let recording = measure(&x, SAMPLE_RATE, &config, &context.backend)?;
            bar.inc(1);
            Ok((transmitter, number, recording))
        })
        .collect();
    drop(bar);
    let measured = measured?;
    let (mut bursts, mut noise) = (Vec::new(), Vec::new());
    for (transmitter, number, recording) in &measured {
        let (name, group) = (TRANSMITTERS[*transmitter].0, recording_name(*transmitter, *number));
        let own = recording.observations(name, &group, transmitter + 1 < TRANSMITTERS.len());
        bursts.extend(own.0);
        noise.extend(own.1);
    }
    let names = feature::names(&config.features);
    let working = context.working("cross-validating");
    let evaluation = evaluate("simulated", &names, &bursts, &noise, &config.evaluate(), context.seed)?;
    drop(working);

    // The last recording of each is identified by a gallery that knows the others.
    let last: Vec<String> = (0..TRANSMITTERS.len()).map(|t| recording_name(t, RECORDINGS - 1)).collect();
    let examples: Vec<Example> = bursts
        .iter()
        .filter(|b| b.enrolled && !last.contains(&b.recording))
        .map(|b| Example { emitter: &b.emitter, recording: &b.recording, features: &b.features })
        .collect();
    let gallery = Gallery::enroll(&names, &examples, &config.enroll)?;
    let mut rows = Vec::new();
    let mut series = Vec::new();
    for (transmitter, (name, ..)) in TRANSMITTERS.iter().enumerate() {
        let own: Vec<&Observation> = bursts.iter().filter(|b| b.emitter == *name).collect();
        let points = own.iter().map(|b| gallery.model().project(&b.features)).collect();
        series.push(Series { name: (*name).to_owned(), points });
        let held: Vec<_> =
            own.iter().filter(|b| b.recording == last[transmitter]).map(|b| b.features.clone()).collect();
        let found = gallery.identify_all(&held)?;
        let truth = if transmitter + 1 < TRANSMITTERS.len() { Some(*name) } else { None };
        rows.push(Row {
            scene: format!("recording {} of {name}, {} bursts", RECORDINGS, held.len()),
            truth: truth.map_or("unknown (not enrolled)".into(), str::to_owned),
            decision: found.decision.name().unwrap_or("unknown").to_owned(),
            right: Some(found.decision.name() == truth),
            detail: format!(
                "score {:.1}, unknown below {:.1}; {}",
                found.score,
                found.threshold,
                found.because(3).join(", ")
            ),
        });
    }
    rows.push(summary("all recordings in turn", &evaluation));
    let figure = Figure {
        title: "Fingerprints".into(),
        caption: "Every burst on the two axes that tell the enrolled transmitters apart best, in units of the spread \
                  within one of them. The stranger was not enrolled."
            .into(),
        png: plot::scatter("first discriminant axis", "second discriminant axis", &series)?,
    };
    let objects = vec![serde_json::to_value(&evaluation)?];
    Ok(Section { title: "RF fingerprinting", objects, rows, figures: vec![figure] })
}

/// The figures of an evaluation as a line of the table.
fn summary(scene: &str, evaluation: &Evaluation) -> Row {
    let percent = |v: Option<f64>| v.map_or("not measured".into(), |v| format!("{:.1} %", 100.0 * v));
    let number = |v: Option<f64>| v.map_or("not measured".into(), |v| format!("{v:.3}"));
    Row {
        scene: format!(
            "{scene}: {} emitters, {} bursts, split by recording",
            evaluation.emitters, evaluation.bursts
        ),
        truth: "labels".into(),
        decision: format!(
            "{} of bursts right, balanced {}",
            percent(evaluation.accuracy),
            percent(evaluation.balanced_accuracy)
        ),
        right: None,
        detail: format!(
            "noise alone {}, EER {}; unknown: AUROC {}, {} of the strangers' bursts given a name, {} of the others' none",
            percent(evaluation.noise_only_balanced_accuracy),
            number(evaluation.eer),
            number(evaluation.auroc_unknown),
            percent(evaluation.false_acceptance),
            percent(evaluation.false_rejection)
        ),
    }
}

/// The labelled folders and the Mode S recording.
pub(crate) fn recorded(context: &Context, data: &Path) -> anyhow::Result<Section> {
    let config: FingerprintConfig = context.config("fingerprint")?;
    let folder = data.join("fingerprint");
    let mut section = Section { title: "RF fingerprinting", ..Section::default() };
    for name in ["ism_433", "pluto_5g"] {
        let folder = folder.join(name);
        let measured = measure_folder(&folder, &config, context)?;
        let evaluation = evaluate_measured(&relative(&folder, data), &measured, &config, context)?;
        section.rows.push(summary(name, &evaluation));
        section.objects.push(serde_json::to_value(&evaluation)?);
        if name == "ism_433" {
            section.figures.push(cfo_figure(&measured, &config)?);
        }
    }
    let mode_s = folder.join("mode_s").join("modes1.bin");
    let options = OpenOptions {
        datatype: Some(Datatype::parse("cu8")?),
        sample_rate: Some(2e6),
        ..OpenOptions::default()
    };
    let name = mode_s.to_string_lossy();
    let mut opened = source::open_with(&name, &options, context)?;
    let x = source::read_all(&name, opened.as_mut(), 1 << 27)?;
    let working = context.working("looking for bursts");
    let (found, replies) = mode_s_bursts(&x, context)?;
    drop(working);
    section.rows.push(Row {
        scene: "mode_s: Mode S replies of one aircraft".into(),
        truth: "at least 300 bursts as long as a reply".into(),
        decision: format!("{replies} bursts as long as a reply, whoever sent them"),
        right: Some(replies >= 300),
        detail: format!("{found} bursts of any length above 50 us"),
    });
    section.objects.push(json!({
        "schema": "phy-sec.bursts/1", "source": relative(&mode_s, data), "bursts": found, "replies": replies,
    }));
    Ok(section)
}

/// Bursts, and those as long as a short (64 us) or long (120 us) reply (ICAO Annex 10, volume IV).
fn mode_s_bursts(x: &[Complex32], context: &Context) -> anyhow::Result<(usize, usize)> {
    let config =
        BurstConfig { block: 4, max_gap: 8, min_length: 100, floor_blocks: 4096, ..BurstConfig::default() };
    let bursts = detect(x, &config, &context.backend)?;
    let reply = |length: u64| (110..=145).contains(&length) || (210..=270).contains(&length);
    Ok((bursts.len(), bursts.iter().filter(|b| reply(b.range.end - b.range.start)).count()))
}

/// Carrier offset against bandwidth of every burst, one colour an emitter.
fn cfo_figure(measured: &[Measured], config: &FingerprintConfig) -> anyhow::Result<Figure> {
    let names = feature::names(&config.features);
    let at = |name: &str| names.iter().position(|n| n == name);
    let mut series: Vec<Series> = Vec::new();
    if let (Some(x), Some(y)) = (at("frequency_center"), at("pulse_width")) {
        for m in measured.iter().filter(|m| m.label.enrolled) {
            let points = m.recording.bursts.iter().filter_map(|b| {
                Some((b.features[x].ok()?.value / 1e3, 1e6 * 10f64.powf(b.features[y].ok()?.value)))
            });
            match series.iter_mut().find(|s| s.name == m.label.emitter) {
                Some(s) => s.points.extend(points),
                None => series.push(Series { name: m.label.emitter.clone(), points: points.collect() }),
            }
        }
    }
    Ok(Figure {
        title: "ISM transmitters".into(),
        caption: "Bursts of the enrolled transmitters: carrier against median pulse width.".into(),
        png: plot::scatter("frequency (kHz)", "pulse width (us)", &series)?,
    })
}

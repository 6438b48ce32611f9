//! `phy-sec fingerprint`: enrol transmitters, identify them, evaluate how well that goes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use phy_sec::fingerprint::{
    classify::Example,
    enroll::{Gallery, Identification, MAX_GALLERY_BYTES},
    evaluate::{Evaluation, Observation, Split, evaluate},
    feature,
    recording::{FingerprintConfig, Recording, Stream, Vector},
};
use rayon::prelude::*;
use sdr_io::{OpenOptions, Source};
use serde_json::json;

use super::{
    Context, Outcome,
    files::{self, Kind, Output},
    report, source,
};
use labels::Label;

mod bursts;
mod features;
mod labels;

/// What to do.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Learn the transmitters of a labelled folder (labels.csv) and write a gallery
    Enroll {
        /// Folder with labels.csv: file, emitter, role, recording, samples, datatype, sample_rate
        folder: PathBuf,
        /// Gallery file to write; an existing file is replaced if it is a gallery
        #[arg(long, value_name = "FILE")]
        gallery: PathBuf,
    },
    /// Say for each burst which enrolled transmitter sent it, or that none did
    Identify {
        /// Folder (with labels.csv or without) or recordings
        #[arg(required = true)]
        sources: Vec<PathBuf>,
        /// Gallery file to read
        #[arg(long, value_name = "FILE")]
        gallery: PathBuf,
        #[command(flatten)]
        raw: source::RawArgs,
    },
    /// Find the bursts of a protocol and who says that he sent them
    Bursts(bursts::BurstArgs),
    /// Fit a known waveform to every burst: each impairment with its standard error (802.11a/g preambles, or --reference)
    Features(features::FeatureArgs),
    /// Measure identification on a labelled folder: grouped by recording, with the noise-only control
    Evaluate {
        /// Folder with labels.csv
        folder: PathBuf,
        /// What the split keeps together: recording, or random (which flatters)
        #[arg(long, value_parser = split)]
        split: Option<Split>,
        /// Parts that are tested in turn; at most as many as there are enrolled recordings
        #[arg(long, allow_negative_numbers = true)]
        folds: Option<usize>,
    },
}

fn split(name: &str) -> Result<Split, String> {
    match name {
        "recording" => Ok(Split::Recording),
        "random" => Ok(Split::Random),
        other => Err(format!("{other:?} is neither recording nor random")),
    }
}

/// Runs the subcommand.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let mut config: FingerprintConfig = context.config("fingerprint")?;
    match &args.command {
        Command::Enroll { folder, gallery } => enroll(folder, gallery, &config, context),
        Command::Identify { sources, gallery, raw } => identify(sources, gallery, raw, &config, context),
        Command::Bursts(args) => bursts::run(args, context),
        Command::Features(args) => features::run(args, context),
        Command::Evaluate { folder, split, folds } => {
            config.split = split.unwrap_or(config.split);
            config.folds = folds.or(config.folds);
            let measured = measure_folder(folder, &config, context)?;
            let source = folder.display().to_string();
            let evaluation = evaluate_measured(&source, &measured, &config, context)?;
            if context.json {
                context.print_json(&evaluation)?;
            } else {
                context.print(text(&evaluation))?;
            }
            Ok(Outcome::Quiet)
        }
    }
}

/// A labelled recording that has been measured.
pub(crate) struct Measured {
    pub(crate) label: Label,
    pub(crate) recording: Recording,
}

/// Reads and measures every recording of a labelled folder, several at once.
pub(crate) fn measure_folder(
    folder: &Path,
    config: &FingerprintConfig,
    context: &Context,
) -> anyhow::Result<Vec<Measured>> {
    let labels = labels::read(folder)?;
    let bar = context.progress(labels.len() as u64, "measuring");
    let measured: anyhow::Result<Vec<Measured>> = labels
        .into_par_iter()
        .map(|label| {
            let options = label.options();
            let path = folder.join(&label.file);
            let name = path.to_string_lossy();
            let mut opened = source::open_with(&name, &options, context)?;
            if let (Some(said), Some(held)) = (label.samples, opened.info().samples)
                && said != held
            {
                bail!("{name}: {} says {said} samples, and it holds {held}", labels::FILE);
            }
            let mut bursts = Vec::new();
            let recording = measure(&name, opened.as_mut(), label.sample_rate, config, context, |burst| {
                bursts.push(burst);
                Ok(())
            })?;
            let recording = Recording { bursts, ..recording };
            bar.inc(1);
            Ok(Measured { label, recording })
        })
        .collect();
    drop(bar);
    measured
}

/// Measures a recording of any length in bounded memory: its bursts go to `each`, and the rest is returned. What lies
/// before a gap or a retuning is a recording of its own.
fn measure(
    name: &str,
    source: &mut dyn Source,
    sample_rate: f64,
    config: &FingerprintConfig,
    context: &Context,
    mut each: impl FnMut(Vector) -> anyhow::Result<()>,
) -> anyhow::Result<Recording> {
    let cannot = || format!("cannot measure {name}");
    let mut stream = Stream::new(config, sample_rate, &context.backend).with_context(cannot)?;
    let mut whole = Recording::default();
    let mut end = |part: Recording, each: &mut dyn FnMut(Vector) -> anyhow::Result<()>| {
        whole.noise.extend(part.noise);
        whole.weak += part.weak;
        whole.continuous |= part.continuous;
        part.bursts.into_iter().try_for_each(each)
    };
    source::for_each_block(name, source, |read, block| {
        if read.lost_before.is_gap() {
            end(stream.finish(), &mut each)?;
            stream.reset(read.sample_start);
        }
        stream.push(block).with_context(cannot)?.into_iter().try_for_each(&mut each)
    })?;
    end(stream.finish(), &mut each)?;
    Ok(whole)
}

/// Bursts and the control's stretches as observations.
pub(crate) fn observations(measured: &[Measured]) -> (Vec<Observation>, Vec<Observation>) {
    let (mut bursts, mut noise) = (Vec::new(), Vec::new());
    for Measured { label, recording } in measured {
        let own = recording.observations(&label.emitter, &label.recording, label.enrolled);
        bursts.extend(own.0);
        noise.extend(own.1);
    }
    (bursts, noise)
}

/// Evaluates what was measured of a labelled folder, which the answer calls `source`.
pub(crate) fn evaluate_measured(
    source: &str,
    measured: &[Measured],
    config: &FingerprintConfig,
    context: &Context,
) -> anyhow::Result<Evaluation> {
    let silent: Vec<&str> =
        measured.iter().filter(|m| m.recording.bursts.is_empty()).map(|m| &*m.label.file).collect();
    let (bursts, noise) = observations(measured);
    let names = feature::names(&config.features);
    let working = context.working("cross-validating");
    let mut evaluation = evaluate(source, &names, &bursts, &noise, &config.evaluate(), context.seed)?;
    drop(working);
    if let [slowest, .., fastest] = labels::rates(measured.iter().map(|m| &m.label))[..] {
        evaluation.warnings.push(format!(
            "the recordings were made at different rates, {slowest} to {fastest} Hz: what tells them apart may be the rate"
        ));
    }
    if !silent.is_empty() {
        evaluation.warnings.push(format!("no burst that can be used in {}", silent.join(", ")));
    }
    Ok(evaluation)
}

fn enroll(
    folder: &Path,
    path: &Path,
    config: &FingerprintConfig,
    context: &Context,
) -> anyhow::Result<Outcome> {
    let output = Output::new(path, Kind::Gallery, &[])?;
    let measured = measure_folder(folder, config, context)?;
    let (bursts, _) = observations(&measured);
    let examples: Vec<Example> = bursts
        .iter()
        .filter(|b| b.enrolled)
        .map(|b| Example { emitter: &b.emitter, recording: &b.recording, features: &b.features })
        .collect();
    let enrolled = measured.iter().map(|m| &m.label).filter(|label| label.enrolled);
    let rates = labels::rates(enrolled);
    if let [slowest, .., fastest] = rates[..] {
        bail!(
            "{}: the enrolled recordings were made at different rates, {slowest} to {fastest} Hz; a gallery is of one rate",
            folder.join(labels::FILE).display()
        );
    }
    let mut gallery = Gallery::enroll(&feature::names(&config.features), &examples, &config.enroll)?;
    if let [rate] = rates[..] {
        gallery = gallery.at_sample_rate(rate)?;
    }
    output.write(gallery.to_json().as_bytes())?;
    let emitters = gallery.emitters().len();
    if context.json {
        context.print_json(&json!({
            "schema": "phy-sec.enrollment/1", "source": folder, "gallery": path, "emitters": emitters,
            "bursts": examples.len(), "threshold": gallery.threshold(), "sample_rate": gallery.sample_rate(),
        }))?;
    } else {
        context.print(format!(
            "{emitters} transmitters from {} bursts: {}; unknown below a score of {:.2}",
            examples.len(),
            path.display(),
            gallery.threshold()
        ))?;
    }
    Ok(Outcome::Quiet)
}

fn identify(
    sources: &[PathBuf],
    gallery_path: &Path,
    raw: &source::RawArgs,
    config: &FingerprintConfig,
    context: &Context,
) -> anyhow::Result<Outcome> {
    let gallery = read_gallery(gallery_path)?;
    if gallery.features() != feature::names(&config.features) {
        bail!(
            "{} was enrolled with other features than the configuration's: {}",
            gallery_path.display(),
            gallery.features().join(", ")
        );
    }
    // Every burst is identified, however many there are.
    let config = FingerprintConfig { max_per_recording: usize::MAX, ..config.clone() };
    let mut outcome = Outcome::Quiet;
    let mut table = report::table(&["file", "sample", "decision", "score", "nearest", "because of"]);
    let files = recordings(sources, raw)?;
    let bar = context.progress(files.len() as u64, "identifying");
    let mut identified = 0;
    for File { name, path, options, listed } in files {
        let path = path.to_string_lossy();
        let open = || -> anyhow::Result<(Box<dyn Source>, f64)> {
            let opened = source::open_with(&path, &options, context)?;
            // Before the samples are read: there may be a gigabyte of them.
            let rate = source::sample_rate(opened.as_ref(), &name)?;
            let fits = gallery.check_rate(rate);
            fits.with_context(|| format!("{name} does not fit {}", gallery_path.display()))?;
            Ok((opened, rate))
        };
        let (mut opened, rate) = match open() {
            Ok(ready) => ready,
            Err(error) if !listed => {
                // Nobody named it: it lies beside the recordings.
                context.warn(format!("skipped: {error:#}"));
                bar.inc(1);
                continue;
            }
            Err(error) => return Err(error),
        };
        identified += 1;
        let mut bursts = 0u64;
        let measured = measure(&path, opened.as_mut(), rate, &config, context, |burst| {
            bursts += 1;
            let found = gallery.identify(&burst.values())?;
            if found.decision.name().is_none() {
                outcome = Outcome::Notable;
            }
            if context.json {
                return context.print_json(&line(&name, burst.range.start, burst.range.end, &found));
            }
            table.add_row([
                name.clone(),
                burst.range.start.to_string(),
                found.decision.name().unwrap_or("unknown").to_owned(),
                format!("{:.2}", found.score),
                found.nearest.clone(),
                found.because(3).join(", "),
            ]);
            Ok(())
        });
        match measured {
            Ok(whole) if bursts == 0 => context.warn(format!(
                "no burst in {name}{}",
                if whole.weak > 0 { ": all were too weak to tell anything" } else { "" }
            )),
            Ok(_) => {}
            Err(error) if !listed => context.warn(format!("skipped after {bursts} burst(s): {error:#}")),
            Err(error) => return Err(error),
        }
        bar.inc(1);
    }
    drop(bar);
    if identified == 0 {
        bail!("there is no recording in {}", join(sources));
    }
    if !context.json {
        context.print(table)?;
        context.print(format!("unknown below a score of {:.2}", gallery.threshold()))?;
    }
    Ok(outcome)
}

/// `phy-sec.identification/1` of `docs/json.md`.
fn line(file: &str, start: u64, end: u64, found: &Identification) -> serde_json::Value {
    let number = |v: f64| v.is_finite().then_some(v);
    json!({
        "schema": "phy-sec.identification/1", "file": file, "sample_start": start, "sample_count": end - start,
        "decision": found.decision.name(), "score": number(found.score), "threshold": found.threshold,
        "nearest": found.nearest, "evidence": found.evidence.iter().take(5).collect::<Vec<_>>(),
    })
}

fn join(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// A recording to identify.
struct File {
    /// What it is called in the answer.
    name: String,
    path: PathBuf,
    /// What it does not say itself.
    options: OpenOptions,
    /// Named by somebody, not only found in a folder.
    listed: bool,
}

/// The recordings that the command line names.
fn recordings(sources: &[PathBuf], raw: &source::RawArgs) -> anyhow::Result<Vec<File>> {
    let mut files: Vec<File> = Vec::new();
    for source in sources {
        if !source.is_dir() {
            files.push(File {
                name: source.display().to_string(),
                path: source.clone(),
                options: raw.options()?,
                listed: true,
            });
        } else if source.join(labels::FILE).exists() {
            for label in labels::read(source)? {
                files.push(File {
                    path: source.join(&label.file),
                    options: label.options(),
                    name: label.file,
                    listed: true,
                });
            }
        } else {
            let mut inside: Vec<PathBuf> = fs::read_dir(source)
                .with_context(|| format!("cannot read {}", source.display()))?
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<Result<_, _>>()?;
            // The samples of a SigMF pair are read through its metadata.
            inside.retain(|path| path.is_file() && path.extension().is_none_or(|e| e != "sigmf-data"));
            inside.sort();
            for path in inside {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                files.push(File { name, path, options: raw.options()?, listed: false });
            }
        }
    }
    Ok(files)
}

fn read_gallery(path: &Path) -> anyhow::Result<Gallery> {
    let bytes = files::read(path, MAX_GALLERY_BYTES as u64)?;
    Gallery::from_json(&bytes).with_context(|| format!("{} cannot be used", path.display()))
}

fn text(evaluation: &Evaluation) -> String {
    let percent = |v: Option<f64>| v.map_or("not measured".into(), |v| format!("{:.1} %", 100.0 * v));
    let number = |v: Option<f64>| v.map_or("not measured".into(), |v| format!("{v:.3}"));
    let mut table = report::table(&["", &evaluation.source]);
    let split = match evaluation.split {
        Split::Recording => "by recording",
        Split::Random => "RANDOM: flatters",
    };
    for (name, value) in [
        ("split", format!("{split}, {} folds", evaluation.folds)),
        (
            "enrolled",
            format!(
                "{} emitters, {} recordings, {} bursts",
                evaluation.emitters, evaluation.recordings, evaluation.bursts
            ),
        ),
        (
            "strangers",
            format!("{} emitters, {} bursts", evaluation.unknown_emitters, evaluation.unknown_bursts),
        ),
        ("accuracy", percent(evaluation.accuracy)),
        ("balanced accuracy", percent(evaluation.balanced_accuracy)),
        ("  noise alone", percent(evaluation.noise_only_balanced_accuracy)),
        ("  chance", percent(evaluation.chance)),
        ("accuracy by recording", percent(evaluation.recording_accuracy)),
        ("equal error rate", number(evaluation.eer)),
        ("AUROC, strangers", number(evaluation.auroc_unknown)),
        ("false rejection", percent(evaluation.false_rejection)),
        ("false acceptance", percent(evaluation.false_acceptance)),
    ] {
        table.add_row([name, &value]);
    }
    let warnings: String = evaluation.warnings.iter().map(|w| format!("\nwarning: {w}")).collect();
    format!("{table}{warnings}")
}

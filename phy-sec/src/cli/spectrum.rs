//! `phy-sec spectrum`: a recording's power over time and frequency as a picture, in memory that does not grow with it.

use std::path::{Path, PathBuf};

use anyhow::bail;
use kernels::{
    stft_power::{Detrend, Scaling, StftConfig},
    window::Window,
};
use ndarray::ArrayView2;
use phy_sec::spectrum::Stft;
use sdr_io::Lost;
use serde::Serialize;

use super::{
    Context, Outcome,
    files::{Kind, Output},
    plot::{self, Series},
    report::db,
    source::{self, SourceArgs},
};

/// What to draw.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// The picture; an existing file is replaced if it is a PNG picture
    #[arg(short, long, value_name = "FILE.png", default_value = "spectrum.png")]
    out: PathBuf,
    /// Samples per frame; frames overlap by half
    #[arg(long, default_value_t = 1024)]
    size: usize,
    /// Draw the mean power density (Welch) instead of power over time
    #[arg(long)]
    density: bool,
}

/// `phy-sec.spectrum/1` of `docs/json.md`.
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    source: &'a str,
    sample_rate: f64,
    center_frequency: Option<f64>,
    frames: u64,
    samples_left_out: u64,
    gaps: u64,
    samples_lost: u64,
    bin_width: f64,
    start_frequency: f64,
    power_density_db: Vec<Option<f64>>,
    png: &'a Path,
}

/// Reads the recording once, draws it up to where it is retuned, and prints its mean power density with `--json`.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let name = &args.source.source;
    let output = Output::new(&args.out, Kind::Png, &[source::path(name).as_ref()])?;
    let mut source = source::open(&args.source, context)?;
    let sample_rate = source::sample_rate(source.as_ref(), name)?;
    let center_frequency = source.info().center_frequency;
    let config = StftConfig {
        size: args.size,
        hop: (args.size / 2).max(1),
        window: Window::Hann,
        scaling: Scaling::Density,
        detrend: Detrend::None,
        sample_rate,
    };
    let mut stft = Stft::new(config, context.backend.clone())?;
    let mut picture = Picture::new(args.size);
    let mut mean = vec![0.0; args.size];
    let mut frames = 0u64;
    // Samples at other frequencies than the first.
    let mut elsewhere = 0u64;
    let mut tunings = 1u64;
    let mut tuned = center_frequency;
    // Places where samples are missing, and how many of them are known to be.
    let (mut gaps, mut lost) = (0u64, 0u64);

    let bar = context.progress(source.info().samples.unwrap_or(0), "reading");
    source::for_each_block(name, source.as_mut(), |read, block| {
        bar.inc(block.len() as u64);
        if read.center_frequency != tuned {
            tuned = read.center_frequency;
            tunings += 1;
        }
        // One picture has one frequency axis: that of the first tuning.
        if tunings > 1 {
            elsewhere += block.len() as u64;
            return Ok(());
        }
        if read.lost_before.is_gap() {
            gaps += u64::from(read.sample_start > 0);
            if let Lost::Count(count) = read.lost_before {
                lost = lost.saturating_add(count);
            }
            stft.reset(read.sample_start);
        }
        for frame in stft.push(block)?.chunks_exact(args.size) {
            for (mean, &power) in mean.iter_mut().zip(frame) {
                *mean += f64::from(power);
            }
            picture.push(frame);
            frames += 1;
        }
        Ok(())
    })?;
    drop(bar);
    if tunings > 1 {
        context.warn(format!(
            "{name} is retuned {} time(s): drawn are the samples before that, at {} Hz, and not the {elsewhere} after it",
            tunings - 1,
            center_frequency.unwrap_or(0.0)
        ));
    }
    if gaps > 0 {
        context.warn(format!(
            "{name} has {gaps} gap(s), {lost} samples known to be lost: what is drawn moves together there, and no frame spans one"
        ));
    }
    if frames == 0 {
        bail!("{name} holds fewer than the {} samples of one frame; choose a smaller --size", args.size);
    }

    if mean.iter().all(|&sum| sum == 0.0) {
        context.warn(format!("{name}: no sample has any power, and the picture shows none"));
    }
    let density: Vec<Option<f64>> = mean.iter().map(|&sum| db(sum / frames as f64)).collect();
    let bin_width = sample_rate / args.size as f64;
    let center = center_frequency.unwrap_or(0.0);
    let start_frequency = center - (args.size / 2) as f64 * bin_width;
    let frequency = start_frequency..start_frequency + sample_rate;
    // Its own name: where it lies is nobody's business in a picture that travels.
    let title = Path::new(source::path(name)).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let png = if args.density {
        let (scale, unit) = plot::frequency_unit(&frequency);
        let point = |(bin, db): (usize, &Option<f64>)| {
            Some(((start_frequency + bin as f64 * bin_width) / scale, (*db)?))
        };
        let points = density.iter().enumerate().filter_map(point).collect();
        let series = [Series { name: title.clone(), points }];
        plot::lines(&title, &format!("frequency ({unit})"), "power density (dB/Hz)", &series)?
    } else {
        let duration = frames as f64 * stft.config().hop as f64 / sample_rate;
        plot::spectrogram(&title, picture.power_db()?.view(), 0.0..duration, frequency, &[])?
    };
    output.write(&png)?;

    if context.json {
        context.print_json(&Report {
            schema: "phy-sec.spectrum/1",
            source: name,
            sample_rate,
            center_frequency,
            frames,
            samples_left_out: elsewhere,
            gaps,
            samples_lost: lost,
            bin_width,
            start_frequency,
            power_density_db: density,
            png: output.path(),
        })?;
    } else {
        let peak = density
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.partial_cmp(b.1).unwrap_or(std::cmp::Ordering::Equal));
        if let Some((bin, Some(peak))) = peak {
            let frequency = start_frequency + bin as f64 * bin_width;
            context.print(format!("{frames} frames; strongest: {peak:.1} dB/Hz at {frequency} Hz"))?;
        }
        context.print(format!("Picture: {}", output.path().display()))?;
    }
    Ok(Outcome::Quiet)
}

/// A spectrogram of bounded size: bins that share a row, and columns that share a place, are one that holds their maximum.
struct Picture {
    /// Rows of the picture.
    bins: usize,
    /// Frames that a column holds.
    pool: usize,
    /// Frames in the last column so far.
    filled: usize,
    columns: Vec<f32>,
    /// A frame by rows.
    row: Vec<f32>,
}

impl Picture {
    const COLUMNS: usize = 1024;
    /// More than a screen has.
    const ROWS: usize = 2048;

    /// - `bins`: of a frame
    fn new(bins: usize) -> Self {
        let bins = bins.min(Self::ROWS);
        Self { bins, pool: 1, filled: 1, columns: Vec::new(), row: vec![0.0; bins] }
    }

    fn push(&mut self, frame: &[f32]) {
        self.row.fill(0.0);
        for (bin, &power) in frame.iter().enumerate() {
            let row = &mut self.row[bin * self.bins / frame.len()];
            *row = row.max(power);
        }
        if self.filled == self.pool {
            if self.columns.len() == Self::COLUMNS * self.bins {
                self.halve();
            }
            self.columns.extend_from_slice(&self.row);
            self.filled = 1;
        } else {
            let last = self.columns.len() - self.bins;
            maximum(&mut self.columns[last..], &self.row);
            self.filled += 1;
        }
    }

    fn halve(&mut self) {
        let bins = self.bins;
        for column in 0..Self::COLUMNS / 2 {
            self.columns.copy_within(2 * column * bins..(2 * column + 1) * bins, column * bins);
            let (before, after) = self.columns.split_at_mut((2 * column + 1) * bins);
            maximum(&mut before[column * bins..(column + 1) * bins], &after[..bins]);
        }
        self.columns.truncate(Self::COLUMNS / 2 * bins);
        self.pool *= 2;
    }

    /// `[column, bin]`, dB; silence is the smallest number that is not zero.
    fn power_db(&self) -> anyhow::Result<ndarray::Array2<f32>> {
        let shape = (self.columns.len() / self.bins, self.bins);
        let power = ArrayView2::from_shape(shape, &self.columns)?;
        Ok(power.mapv(|power| 10.0 * power.max(f32::MIN_POSITIVE).log10()))
    }
}

fn maximum(into: &mut [f32], from: &[f32]) {
    for (into, &from) in into.iter_mut().zip(from) {
        *into = into.max(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However many bins a frame has, the strong one is still to be seen, in its row.
    #[test]
    fn a_picture_has_no_more_rows_than_a_screen() {
        let mut picture = Picture::new(5000);
        let mut frame = vec![0.1; 5000];
        frame[1234] = 1.0;
        picture.push(&frame);
        assert_eq!(picture.columns.len(), Picture::ROWS);
        assert_eq!(picture.columns.iter().position(|&power| power == 1.0), Some(1234 * Picture::ROWS / 5000));
    }

    /// However many frames come, the one strong frame is still to be seen, in its place.
    #[test]
    fn a_picture_keeps_the_maximum_and_its_place() {
        let total = 5000;
        for strong in [0, 1, 1023, 1024, 2047, 2048, 4999] {
            let mut picture = Picture::new(2);
            for frame in 0..total {
                picture.push(&[if frame == strong { 1.0 } else { 0.1 }, 0.0]);
            }
            let columns: Vec<f32> = picture.columns.iter().step_by(2).copied().collect();
            assert!(columns.len() <= Picture::COLUMNS);
            assert_eq!(columns.iter().position(|&power| power == 1.0), Some(strong / picture.pool));
            assert_eq!(columns.len(), total.div_ceil(picture.pool));
        }
    }
}

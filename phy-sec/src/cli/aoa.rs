//! `phy-sec aoa`: the directions that an array hears.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use ndarray::{Array2, Axis, Slice};
use phy_sec::jamming::array::{
    self, ArrayConfig, Calibration, Covariance, Criterion, Directions, Geometry, Method, Snapshots,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Context, Outcome,
    files::{Kind, Output},
    plot::{self, Series},
    report,
    source::{self, SourceArgs},
};

/// Samples of all antennas together that are read at once.
const BLOCK: usize = 1 << 16;

/// Which recording, and where the antennas were: its channels, in order.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// Channels of a raw file, one after the other in every sample
    #[arg(long)]
    channels: Option<usize>,
    /// Wavelengths from one antenna to the next, on a line
    #[arg(long, value_name = "WAVELENGTHS", default_value_t = 0.5)]
    spacing: f64,
    /// The antennas are on a circle of this radius (wavelengths), the first on the x axis
    #[arg(long, value_name = "WAVELENGTHS", conflicts_with = "spacing")]
    circle: Option<f64>,
    /// The antennas are anywhere: x,y or x,y,z of each in wavelengths, with semicolons between them
    #[arg(long, value_name = "X,Y;X,Y;...", conflicts_with_all = ["spacing", "circle"], allow_hyphen_values = true)]
    positions: Option<String>,
    /// music, root_music, capon or esprit; the second and the last are for lines
    #[arg(long, default_value = "music")]
    method: String,
    /// Number of sources (default: counted)
    #[arg(long)]
    sources: Option<usize>,
    /// How sources are counted: mdl or aic
    #[arg(long, default_value = "mdl")]
    criterion: String,
    /// Average a line with its mirror image: parts two echoes of one signal
    #[arg(long)]
    forward_backward: bool,
    /// Average the overlapping parts of so many antennas of a line: parts echoes of one signal
    #[arg(long, default_value_t = 0)]
    smoothing: usize,
    /// Look at pieces of this length (s) instead of the whole recording
    #[arg(long, value_name = "SECONDS")]
    every: Option<f64>,
    /// A recording of one source at a known direction: gains and phases of the receivers are taken from it
    #[arg(long, value_name = "SOURCE", requires = "calibrate_at")]
    calibrate: Option<String>,
    /// Where that source was, degrees
    #[arg(long, value_name = "DEGREES", requires = "calibrate", allow_hyphen_values = true)]
    calibrate_at: Option<f64>,
    /// Draw the spectrum over azimuth of the first piece; an existing file is replaced if it is a PNG picture
    #[arg(long, value_name = "FILE.png")]
    plot: Option<PathBuf>,
}

/// One line of `phy-sec.directions/1` of `docs/json.md`.
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    source: &'a str,
    method: &'static str,
    sample_start: u64,
    samples: usize,
    #[serde(flatten)]
    found: &'a Directions,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let name = &args.source.source;
    let output = match &args.plot {
        Some(path) => Some(Output::new(path, Kind::Png, &[source::path(name).as_ref()])?),
        None => None,
    };
    let mut open = args.source.raw.options()?;
    open.channels = args.channels;
    let mut source = source::open_array(name, &open, context)?;
    let antennas = source.info().channels;
    if antennas < 2 {
        bail!(
            "{name} has one channel: a direction takes two antennas or more (--channels N for a raw file of several)"
        );
    }
    let config = config(args, antennas)?;
    let calibration = match (&args.calibrate, args.calibrate_at) {
        (Some(name), Some(degrees)) => {
            let mut source = source::open_array(name, &open, context)?;
            let covariance = whole(name, source.as_mut())?;
            Some(
                Calibration::from_source(
                    &covariance,
                    &config.geometry,
                    degrees.to_radians(),
                    config.elevation,
                )
                .with_context(|| format!("{name} does not calibrate the array"))?,
            )
        }
        _ => None,
    };
    let piece = match args.every {
        None => usize::MAX,
        Some(seconds) => {
            let samples = seconds * source::sample_rate(source.as_ref(), name)?;
            if !(samples >= antennas as f64) {
                bail!(
                    "--every {seconds}: a piece must hold at least {antennas} samples, one for each antenna"
                );
            }
            samples as usize
        }
    };
    let mut answer =
        Answer { args, context, config, calibration, output, table: report::table(&HEADER), pieces: 0 };
    let mut snapshots = Snapshots::new(antennas)?;
    let mut start = 0;
    let mut block = Array2::zeros((antennas, (BLOCK / antennas).max(1)));
    let bar = context.progress(source.info().samples.unwrap_or(0), "listening");
    loop {
        let width = block.ncols().min(piece - snapshots.count());
        let read = source
            .read(block.slice_axis_mut(Axis(1), Slice::from(..width)))
            .with_context(|| name.to_owned())?;
        let Some(read) = read else { break };
        if snapshots.count() == 0 {
            start = read.sample_start;
        }
        snapshots.push(block.slice_axis(Axis(1), Slice::from(..read.samples)))?;
        bar.inc(read.samples as u64);
        if snapshots.count() == piece {
            answer.give(start, &snapshots)?;
            snapshots.reset();
        }
    }
    drop(bar);
    if snapshots.count() >= antennas || answer.pieces == 0 {
        answer.give(start, &snapshots)?;
    }
    if !context.json {
        context.print(&answer.table)?;
    }
    Ok(Outcome::Quiet)
}

const HEADER: [&str; 7] = ["sample", "azimuth (°)", "± (°)", "bound (°)", "SNR (dB)", "power", "sources"];

struct Answer<'a> {
    args: &'a Args,
    context: &'a Context,
    config: ArrayConfig,
    calibration: Option<Calibration>,
    output: Option<Output>,
    table: comfy_table::Table,
    pieces: usize,
}

impl Answer<'_> {
    fn give(&mut self, start: u64, snapshots: &Snapshots) -> anyhow::Result<()> {
        let mut covariance = snapshots.finish()?;
        if let Some(calibration) = &self.calibration {
            covariance = calibration.apply(&covariance)?;
        }
        let found = array::directions_of(&covariance, &self.config)?;
        if let Some(output) = self.output.take() {
            output.write(&picture(&covariance, &self.config)?)?;
        }
        self.pieces += 1;
        if self.context.json {
            return self.context.print_json(&Report {
                schema: "phy-sec.directions/1",
                source: &self.args.source.source,
                method: self.config.method.name(),
                sample_start: start,
                samples: snapshots.count(),
                found: &found,
            });
        }
        let degrees = |rad: Option<f64>| rad.map_or("-".to_owned(), |rad| format!("{:.3}", rad.to_degrees()));
        for direction in &found.directions {
            self.table.add_row([
                start.to_string(),
                format!("{:.3}", direction.azimuth.to_degrees()),
                degrees(direction.standard_error),
                degrees(direction.bound),
                direction.snr_db.map_or("-".into(), |db| format!("{db:.1}")),
                direction.power.map_or("-".into(), |power| format!("{power:.3e}")),
                found.sources.to_string(),
            ]);
        }
        if found.directions.is_empty() {
            self.table.add_row([
                start.to_string(),
                "none".into(),
                "-".into(),
                "-".into(),
                "-".into(),
                "-".into(),
                found.sources.to_string(),
            ]);
        }
        Ok(())
    }
}

/// The spectrum of the method, of MUSIC for one that has none.
fn picture(covariance: &Covariance, config: &ArrayConfig) -> anyhow::Result<Vec<u8>> {
    let method = if config.method == Method::Capon { Method::Capon } else { Method::Music };
    let spectrum = array::spectrum(covariance, &ArrayConfig { method, ..config.clone() })?;
    let points = spectrum.into_iter().map(|(azimuth, level)| (azimuth.to_degrees(), level)).collect();
    plot::lines(
        &format!("{} spectrum", method.name()),
        "azimuth (°)",
        "below the peak (dB)",
        &[Series { name: method.name().into(), points }],
    )
}

fn whole(name: &str, source: &mut dyn sdr_io::Source) -> anyhow::Result<Covariance> {
    let antennas = source.info().channels;
    let mut snapshots = Snapshots::new(antennas)?;
    let mut block = Array2::zeros((antennas, (BLOCK / antennas).max(1)));
    while let Some(read) = source.read(block.view_mut()).with_context(|| name.to_owned())? {
        snapshots.push(block.slice_axis(Axis(1), Slice::from(..read.samples)))?;
    }
    Ok(snapshots.finish()?)
}

fn config(args: &Args, antennas: usize) -> anyhow::Result<ArrayConfig> {
    let geometry = match (&args.positions, args.circle) {
        (Some(text), _) => Geometry::Positions(positions(text)?),
        (None, Some(radius)) => Geometry::Circular { antennas, radius },
        (None, None) => Geometry::Linear { antennas, spacing: args.spacing },
    };
    if geometry.antennas() != antennas {
        bail!(
            "--positions names {} antennas, and the recording has {antennas} channels",
            geometry.antennas()
        );
    }
    Ok(ArrayConfig {
        geometry,
        method: word::<Method>("--method", &args.method)?,
        sources: args.sources,
        criterion: word::<Criterion>("--criterion", &args.criterion)?,
        forward_backward: args.forward_backward,
        smoothing: args.smoothing,
        ..ArrayConfig::default()
    })
}

fn word<T: DeserializeOwned>(option: &str, text: &str) -> anyhow::Result<T> {
    serde_json::from_value(text.into()).map_err(|error| anyhow::anyhow!("{option}: {error}"))
}

fn positions(text: &str) -> anyhow::Result<Vec<[f64; 3]>> {
    let one = |text: &str| -> Option<[f64; 3]> {
        let values: Vec<f64> = text.split(',').map(|x| x.trim().parse().ok()).collect::<Option<_>>()?;
        match values[..] {
            [x, y] => Some([x, y, 0.0]),
            [x, y, z] => Some([x, y, z]),
            _ => None,
        }
    };
    text.split(';')
        .map(|part| one(part).with_context(|| format!("--positions: {part:?} is no x,y or x,y,z")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_as_people_write_them() {
        assert_eq!(positions("0,0; 0.5,-1,2").unwrap(), [[0.0; 3], [0.5, -1.0, 2.0]]);
        for text in ["", "1", "1,2,3,4", "a,b", "1,2;"] {
            assert!(positions(text).is_err(), "{text}");
        }
    }
}

//! Recordings as the command names them: a path or a URI, and what the file does not say itself.

use anyhow::{Context as _, bail};
use ndarray::{Array2, Axis, Slice};
use num_complex::Complex32;
use sdr_io::{Datatype, Lost, NonFinite, OpenOptions, Read, Source};

use super::Context;

/// Samples read at once, of all channels together: a few blocks of them stay in a processor's cache, and a file
/// cannot ask for more memory by claiming more channels.
const BLOCK: usize = 1 << 16;

/// A source, and the options that raw files need.
#[derive(clap::Args, Clone)]
pub(crate) struct SourceArgs {
    /// File or URI: raw, .sigmf-meta, .sigmf, .wav; file:PATH?rate=250k&freq=433.92M&datatype=cu8. A stated
    /// core:sha512 is checked first; ?verify=0 leaves it unchecked
    pub(crate) source: String,
    #[command(flatten)]
    pub(crate) raw: RawArgs,
}

/// What a raw file does not say about itself.
#[derive(clap::Args, Clone)]
pub(crate) struct RawArgs {
    /// Sample format, by its SigMF name: cu8, ci8, ci16_le, cf32_le, ... (default: from the file's extension)
    #[arg(long)]
    datatype: Option<String>,
    /// Sample rate (Hz; 250k, 2.4M)
    #[arg(long, value_name = "HZ", value_parser = rate, allow_hyphen_values = true)]
    rate: Option<f64>,
    /// Centre frequency (Hz; 433.92M, 2.412G)
    #[arg(long, value_name = "HZ", value_parser = hertz, allow_hyphen_values = true)]
    freq: Option<f64>,
}

fn hertz(text: &str) -> Result<f64, String> {
    sdr_io::parse_hertz(text).ok_or_else(|| "a number of Hz, such as 250e3, 250k or 433.92M".to_owned())
}

/// A stream slower than a sample in a quarter of an hour is a slip of the keyboard, and its times are beyond printing.
fn rate(text: &str) -> Result<f64, String> {
    match hertz(text)? {
        rate if (1e-3..=1e12).contains(&rate) => Ok(rate),
        rate => Err(format!("the sample rate must be from 0.001 to 1e12 Hz, got {rate:e}")),
    }
}

impl RawArgs {
    pub(crate) fn options(&self) -> anyhow::Result<OpenOptions> {
        Ok(OpenOptions {
            datatype: self.datatype.as_deref().map(Datatype::parse).transpose()?,
            sample_rate: self.rate,
            center_frequency: self.freq,
            ..OpenOptions::default()
        })
    }
}

/// Opens a source for a look at its level: NaN and infinite samples are counted instead of ending the look.
pub(crate) fn open_tolerant(args: &SourceArgs, context: &Context) -> anyhow::Result<Box<dyn Source>> {
    let options = OpenOptions { not_finite: NonFinite::Zero, partial: true, ..args.raw.options()? };
    open_with(&args.source, &options, context)
}

/// Opens a source.
pub(crate) fn open(args: &SourceArgs, context: &Context) -> anyhow::Result<Box<dyn Source>> {
    open_with(&args.source, &args.raw.options()?, context)
}

/// The path in a path or URI, as far as it can be told: to see whether something else would overwrite it.
pub(crate) fn path(name: &str) -> &str {
    match name.strip_prefix("file:") {
        None => name,
        Some(rest) => rest.split('?').next().unwrap_or(rest),
    }
}

/// Columns of the terminal, if there is one.
pub(crate) fn terminal_width() -> usize {
    terminal_size::terminal_size_of(std::io::stdout()).map_or(80, |(width, _)| width.0.into())
}

/// Opens a file or URI, checks it against its checksum if it has one, and says so if it has channels that will not be
/// looked at.
pub(crate) fn open_with(
    name: &str,
    options: &OpenOptions,
    context: &Context,
) -> anyhow::Result<Box<dyn Source>> {
    let source = open_array(name, options, context)?;
    let channels = source.info().channels;
    if channels > 1 {
        context.warn(format!("{name} has {channels} channels; only the first is looked at"));
    }
    Ok(source)
}

/// The same for those who look at every channel.
pub(crate) fn open_array(
    name: &str,
    options: &OpenOptions,
    context: &Context,
) -> anyhow::Result<Box<dyn Source>> {
    if name == "-" {
        bail!("standard input is not read: give a file");
    }
    let open = |options: &OpenOptions| {
        sdr_io::open(name, options).map_err(|error| {
            let advice = match &error {
                sdr_io::Error::NoDatatype { .. } => " (--datatype NAME)",
                _ => "",
            };
            let said = format!("{error}{advice}");
            // Most errors name the file themselves, and it is enough to be told once.
            let named = said.contains(path(name));
            let error = anyhow::Error::from(error);
            match (named, advice) {
                (true, "") => error,
                (true, _) => anyhow::anyhow!(said),
                (false, _) => error.context(format!("cannot open {name}")),
            }
        })
    };
    let mut source = open(options)?;
    if source.metadata().is_some_and(|metadata| metadata.global.sha512.is_some()) {
        // `verify=0` in the URI wins over this.
        let _working = context.working("checking SHA-512");
        source = open(&OpenOptions { verify: true, ..options.clone() }).with_context(
            || "the samples cannot be trusted; file:PATH?verify=0 leaves the checksum unchecked",
        )?;
    }
    for note in source.notes() {
        context.warn(note);
    }
    if source.info().samples.is_none() && source.info().format == "soapy" {
        bail!("{name} is a radio, and this command reads to the end: record it first");
    }
    if source.info().samples.is_none() {
        bail!("{name} repeats itself for ever, and this command reads to the end: leave `loop` out");
    }
    Ok(source)
}

/// The sample rate, without which a frequency means nothing.
pub(crate) fn sample_rate(source: &dyn Source, name: &str) -> anyhow::Result<f64> {
    match source.info().sample_rate {
        Some(rate) => Ok(rate),
        None => bail!("{name} does not say its sample rate: give it with --rate HZ"),
    }
}

/// Hands the first channel of the recording `name` to `each`, block by block, with what the source says of each block.
pub(crate) fn for_each_block(
    name: &str,
    source: &mut dyn Source,
    mut each: impl FnMut(&Read, &[Complex32]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let channels = source.info().channels;
    let mut block = Array2::zeros((channels, (BLOCK / channels.max(1)).max(1)));
    while let Some(read) = source.read(block.view_mut()).with_context(|| name.to_owned())? {
        let first = block.index_axis(Axis(0), 0);
        let first = first.slice_axis(Axis(0), Slice::from(..read.samples));
        match first.as_slice() {
            Some(samples) => each(&read, samples).with_context(|| {
                format!(
                    "{name}, samples {} to {}",
                    read.sample_start,
                    read.sample_start + read.samples as u64
                )
            })?,
            None => bail!("a block of samples is not contiguous"),
        }
    }
    Ok(())
}

/// Everything a recording holds in its first channel, for batch work on short files.
///
/// Fails at a gap: the samples behind it do not follow those before it.
pub(crate) fn read_all(name: &str, source: &mut dyn Source, most: usize) -> anyhow::Result<Vec<Complex32>> {
    let mut samples = Vec::new();
    for_each_block(name, source, |read, block| {
        if read.lost_before != Lost::None && read.sample_start > 0 {
            bail!("a gap or a retuning comes before sample {}", read.sample_start);
        }
        if samples.len() + block.len() > most {
            bail!("more than the {most} samples that are analysed at once");
        }
        samples.extend_from_slice(block);
        Ok(())
    })?;
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_frequencies_as_people_write_them() {
        assert_eq!((rate("250k"), rate("1.92M"), rate("250e3")), (Ok(250e3), Ok(1.92e6), Ok(250e3)));
        assert_eq!((hertz("433.92M"), hertz("-1e3"), hertz("0")), (Ok(433.92e6), Ok(-1e3), Ok(0.0)));
        for text in ["1e-300", "0", "-1", "1e300", "inf", "nan", "fast", "k", ""] {
            let said = rate(text).unwrap_err();
            assert!(said.len() < 100, "{said}");
        }
    }

    #[test]
    fn the_path_in_a_name() {
        for (name, want) in
            [("a.cu8", "a.cu8"), ("file:a.cu8", "a.cu8"), ("file:/b/a.cu8?rate=1&loop=1", "/b/a.cu8")]
        {
            assert_eq!(path(name), want);
        }
    }
}

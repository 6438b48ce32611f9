//! Recordings that are read: whole, or block by block.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use num_complex::Complex32;
use numpy::{
    IntoPyArray, PyArray2,
    ndarray::{Array2, Axis, Slice},
};
use pyo3::{exceptions::PyMemoryError, prelude::*, types::PyList};
use sdr_io::{Datatype, Lost, NonFinite, OpenOptions, Read, ReplayOptions, Time};
use serde_json::{Value, json};

use crate::{
    array, config,
    error::{Failure, InputError, OutOfRangeError, ShapeError, detached},
};

/// Samples read at a time, of all channels together: enough to keep the disk busy, little to hold.
const BLOCK: usize = 1 << 18;

/// Most samples of all channels together in one block of a recording without end, 128 MiB: nothing else bounds it.
const ENDLESS: usize = 1 << 24;

/// What a recording does not say itself, as the keywords of `read` and `open`.
#[allow(clippy::too_many_arguments)] // they are Python's keywords, each with its name
fn options(
    datatype: Option<&str>,
    channels: Option<usize>,
    sample_rate: Option<f64>,
    center_frequency: Option<f64>,
    header_bytes: u64,
    partial: bool,
    not_finite: &str,
    verify: bool,
) -> PyResult<OpenOptions> {
    Ok(OpenOptions {
        datatype: datatype.map(Datatype::parse).transpose().map_err(Failure::from)?,
        channels,
        sample_rate,
        center_frequency,
        header_bytes,
        partial,
        not_finite: match not_finite {
            "refuse" => NonFinite::Refuse,
            "zero" => NonFinite::Zero,
            other => {
                return Err(OutOfRangeError::new_err(format!(
                    "not_finite must be \"refuse\" or \"zero\"; got {other:?}"
                )));
            }
        },
        verify,
        extensions: Vec::new(),
        replay: ReplayOptions::default(),
    })
}

/// Read a recording, or a stretch of one, into memory.
///
/// Parameters
/// ----------
/// uri : str or os.PathLike
///     A path (``capture.sigmf-meta``, ``capture.sigmf``, ``capture.wav``, ``capture.cu8``) or a URI with options
///     (``file:capture.bin?datatype=ci16_le&rate=20M``).
/// start : int
///     The first sample.
/// count : int, optional
///     Samples of each channel; to the end where ``None``.
/// datatype, channels, sample_rate, center_frequency, header_bytes
///     What a raw file does not say: how it stores samples, interleaved channels, Hz, Hz, bytes to skip.
/// partial : bool
///     Read a file that ends inside a sample up to there, instead of refusing it.
/// not_finite : str
///     ``"refuse"`` samples that are NaN or infinite, or make them ``"zero"``.
/// verify : bool
///     Check the samples against ``core:sha512`` first.
///
/// Returns
/// -------
/// Recording
///     ``samples``, complex64, ``[channel, sample]``, full scale 1, and what is known of them.
///
/// Raises
/// ------
/// OSError
///     The operating system refused.
/// InputError
///     A recording that cannot be used as it is; the text says where and why.
#[pyfunction]
#[pyo3(signature = (
    uri, *, start=0, count=None, datatype=None, channels=None, sample_rate=None, center_frequency=None,
    header_bytes=0, partial=false, not_finite="refuse", verify=false
))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn read(
    py: Python<'_>,
    uri: PathBuf,
    #[pyo3(from_py_with = array::start)] start: u64,
    count: Option<&Bound<'_, PyAny>>,
    datatype: Option<&str>,
    channels: Option<usize>,
    sample_rate: Option<f64>,
    center_frequency: Option<f64>,
    header_bytes: u64,
    partial: bool,
    not_finite: &str,
    verify: bool,
) -> PyResult<Recording> {
    let options = options(
        datatype,
        channels,
        sample_rate,
        center_frequency,
        header_bytes,
        partial,
        not_finite,
        verify,
    )?;
    let count = count.map(|count| array::at_most("count", count, isize::MAX as usize)).transpose()?;
    let uri = uri.to_string_lossy().into_owned();
    let (samples, blocks, source) = detached(py, || read_all(&uri, &options, start, count))?;
    let metadata = metadata_of(source.as_ref())?;
    let blocks_list = PyList::empty(py);
    for block in blocks {
        blocks_list.append(describe(py, &block)?)?;
    }
    Ok(Recording {
        samples: samples.into_pyarray(py).unbind(),
        info: config::to_object(py, &info(source.as_ref()))?.unbind(),
        blocks: blocks_list.unbind(),
        annotations: config::to_object(py, metadata.get("annotations").unwrap_or(&json!([])))?.unbind(),
        metadata: config::to_object(py, &metadata)?.unbind(),
    })
}

/// Samples, and where they stand.
type Block<'py> = (Bound<'py, PyArray2<Complex32>>, Bound<'py, PyAny>);

type Everything = (Array2<Complex32>, Vec<Read>, Box<dyn sdr_io::Source>);

/// The samples, `[channel, sample]`, and the stretches that they come in: neighbours without a gap are one.
///
/// They are read straight into the array that is handed over. A file holds what it says it holds, so its length is
/// known; a recording without end has no more than `count`, and its array grows as the samples come.
fn read_all(
    uri: &str,
    options: &OpenOptions,
    start: u64,
    count: Option<usize>,
) -> Result<Everything, Failure> {
    let mut source = sdr_io::open(uri, options)?;
    if source.info().samples.is_none() && count.is_none() {
        return Err(InputError::new_err(format!("`{uri}` has no end: give count")).into());
    }
    if start != source.info().sample_start {
        source.seek(start)?;
    }
    let (channels, block) = (source.info().channels, (BLOCK / source.info().channels).max(1));
    let end =
        |info: &sdr_io::StreamInfo| info.samples.map(|samples| info.sample_start.saturating_add(samples));
    let there =
        end(source.info()).map(|end| usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX));
    let most = count.unwrap_or(usize::MAX).min(there.unwrap_or(usize::MAX));
    let mut samples = zeros(channels, if there.is_some() { most } else { most.min(block) })?;
    let mut reads: Vec<Read> = Vec::new();
    let (mut filled, mut left) = (0, count.unwrap_or(usize::MAX));
    while left > 0 {
        if filled == samples.ncols() {
            if there.is_some() {
                break;
            }
            let grown = samples.ncols().saturating_mul(2).min(most);
            let old = std::mem::replace(&mut samples, zeros(channels, grown)?);
            samples.slice_axis_mut(Axis(1), Slice::from(..filled)).assign(&old);
        }
        let width = left.min(block).min(samples.ncols() - filled);
        let room = samples.slice_axis_mut(Axis(1), Slice::from(filled..filled + width));
        let Some(read) = source.read(room)? else { break };
        filled += read.samples;
        left -= read.samples;
        match reads.last_mut() {
            Some(last)
                if !read.lost_before.is_gap()
                    && last.sample_start + last.samples as u64 == read.sample_start
                    && (last.center_frequency, last.sample_rate)
                        == (read.center_frequency, read.sample_rate) =>
            {
                last.samples += read.samples;
                last.not_finite += read.not_finite;
            }
            _ => reads.push(read),
        }
    }
    if filled < samples.ncols() {
        samples = samples.slice_axis(Axis(1), Slice::from(..filled)).to_owned();
    }
    Ok((samples, reads, source))
}

/// `[channel, sample]`, or Python's own error where there is not so much memory.
fn zeros(channels: usize, samples: usize) -> Result<Array2<Complex32>, Failure> {
    let much =
        || PyMemoryError::new_err(format!("{samples} samples of {channels} channels do not fit: give count"));
    let mut flat = Vec::new();
    let length = channels.checked_mul(samples).ok_or_else(much)?;
    flat.try_reserve_exact(length).map_err(|_| much())?;
    flat.resize(length, Complex32::ZERO);
    Ok(Array2::from_shape_vec((channels, samples), flat)
        .map_err(|error| ShapeError::new_err(error.to_string()))?)
}

fn info(source: &dyn sdr_io::Source) -> Value {
    let info = source.info();
    json!({
        "format": info.format,
        "datatype": info.datatype,
        "channels": info.channels,
        "sample_rate": info.sample_rate,
        "center_frequency": info.center_frequency,
        "sample_start": info.sample_start,
        "samples": info.samples,
        "duration": info.duration(),
        "segments": info.segments,
        "partial_bytes": info.partial_bytes,
        "description": info.description,
        "hardware": info.hardware,
    })
}

/// The SigMF metadata as it would be written, or `null`.
fn metadata_of(source: &dyn sdr_io::Source) -> PyResult<Value> {
    let Some(metadata) = source.metadata() else { return Ok(Value::Null) };
    let mut text = Vec::new();
    metadata.write(&mut text).map_err(|error| InputError::new_err(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| InputError::new_err(error.to_string()))
}

fn describe<'py>(py: Python<'py>, read: &Read) -> PyResult<Bound<'py, PyAny>> {
    let lost = match read.lost_before {
        Lost::None => json!(0),
        Lost::Count(count) => json!(count),
        Lost::Unknown => Value::Null,
    };
    let time = match read.time {
        None => Value::Null,
        Some(Time::Utc(time)) => json!(time.to_string()),
        Some(Time::Hardware(nanoseconds)) => json!(nanoseconds),
    };
    let value = json!({
        "samples": read.samples,
        "sample_start": read.sample_start,
        "global_index": read.global_index,
        "lost_before": lost,
        "time": time,
        "sample_rate": read.sample_rate,
        "center_frequency": read.center_frequency,
        "not_finite": read.not_finite,
    });
    config::to_object(py, &value)
}

/// A recording in memory.
#[pyclass(module = "phy_sec", frozen, get_all)]
pub(crate) struct Recording {
    /// numpy.ndarray: complex64, ``[channel, sample]``, full scale 1. ``samples[0]`` is the first channel.
    samples: Py<PyArray2<Complex32>>,
    /// dict: ``format``, ``datatype``, ``channels``, ``sample_rate``, ``center_frequency``, ``samples``, ``duration``, ...; ``None`` for
    /// what nobody says.
    info: Py<PyAny>,
    /// list of dict: the stretches without a gap or a retuning inside: ``samples``, ``sample_start``, ``global_index``,
    /// ``lost_before`` (samples missing before it; ``None`` where nobody counted them), ``time``, ``sample_rate``, ``center_frequency``.
    blocks: Py<PyList>,
    /// list of dict: SigMF annotations.
    annotations: Py<PyAny>,
    /// dict or None: all that a SigMF recording says about itself.
    metadata: Py<PyAny>,
}

/// Open a recording to read it block by block: of any size, in little memory.
///
/// Parameters
/// ----------
/// uri : str or os.PathLike
///     As :func:`read`.
/// datatype, channels, sample_rate, center_frequency, header_bytes, partial, not_finite, verify
///     As :func:`read`.
/// realtime : bool
///     At the speed of the radio instead of the disk's.
/// repeat : bool
///     From the beginning again when it ends.
///
/// Returns
/// -------
/// Source
///     Its ``read`` gives the blocks, ``None`` at the end.
///
/// Raises
/// ------
/// OSError
///     The operating system refused.
/// InputError
///     A recording that cannot be used as it is.
#[pyfunction]
#[pyo3(signature = (
    uri, *, datatype=None, channels=None, sample_rate=None, center_frequency=None, header_bytes=0, partial=false,
    not_finite="refuse", verify=false, realtime=false, repeat=false
))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn open(
    py: Python<'_>,
    uri: PathBuf,
    datatype: Option<&str>,
    channels: Option<usize>,
    sample_rate: Option<f64>,
    center_frequency: Option<f64>,
    header_bytes: u64,
    partial: bool,
    not_finite: &str,
    verify: bool,
    realtime: bool,
    repeat: bool,
) -> PyResult<Source> {
    let mut options = options(
        datatype,
        channels,
        sample_rate,
        center_frequency,
        header_bytes,
        partial,
        not_finite,
        verify,
    )?;
    options.replay = ReplayOptions { realtime, repeat };
    let uri = uri.to_string_lossy().into_owned();
    let source = detached(py, || sdr_io::open(&uri, &options))?;
    Ok(Source(Mutex::new(source)))
}

/// A recording that is open for reading: see :func:`open`.
#[pyclass(module = "phy_sec")]
pub(crate) struct Source(Mutex<Box<dyn sdr_io::Source>>);

impl Source {
    fn get(&mut self) -> &mut Box<dyn sdr_io::Source> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Source {
    /// Read the next samples.
    ///
    /// Parameters
    /// ----------
    /// count : int
    ///     At most so many of each channel, 1 to ``2**28``; fewer before a gap, at the end, and where a recording that
    ///     is repeated would give more than ``2**24`` of all channels together.
    ///
    /// Returns
    /// -------
    /// (numpy.ndarray, dict) or None
    ///     complex64, ``[channel, sample]``, and where they stand, as in :attr:`Recording.blocks`; ``None`` at the end.
    #[pyo3(signature = (count=65536))]
    fn read<'py>(
        &mut self,
        py: Python<'py>,
        #[pyo3(from_py_with = array::count)] count: usize,
    ) -> PyResult<Option<Block<'py>>> {
        let source = self.get();
        let channels = source.info().channels.max(1);
        // A file holds what it says it holds: memory follows its size, not the caller's number or its channels.
        let most = match source.info().samples {
            Some(samples) => usize::try_from(samples).unwrap_or(usize::MAX),
            None => ENDLESS / channels,
        };
        let count = count.min(most.max(1));
        let block = detached(py, || {
            let mut block = Array2::zeros((channels, count));
            let read = source.read(block.view_mut())?;
            Ok::<_, sdr_io::Error>(read.map(|read| {
                let samples = if read.samples == count {
                    block
                } else {
                    block.slice_axis(Axis(1), Slice::from(..read.samples)).to_owned()
                };
                (samples, read)
            }))
        })?;
        block.map(|(samples, read)| Ok((samples.into_pyarray(py), describe(py, &read)?))).transpose()
    }

    /// Go to a sample.
    ///
    /// Parameters
    /// ----------
    /// sample : int
    ///     Its ``sample_start``.
    fn seek(&mut self, py: Python<'_>, #[pyo3(from_py_with = array::start)] sample: u64) -> PyResult<()> {
        let source = self.get();
        detached(py, || source.seek(sample))
    }

    /// dict: what is known of the whole recording, as :attr:`Recording.info`.
    #[getter]
    fn info<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        config::to_object(py, &info(self.get().as_ref()))
    }

    /// dict or None: all that a SigMF recording says about itself.
    #[getter]
    fn metadata<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        config::to_object(py, &metadata_of(self.get().as_ref())?)
    }
}

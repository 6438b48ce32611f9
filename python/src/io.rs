//! Recordings: bytes to samples, files to arrays and back.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use kernels::convert;
use num_complex::Complex32;
use numpy::{
    IntoPyArray, PyArray1, PyArray2,
    ndarray::{Array2, Axis, Slice},
};
use pyo3::{
    prelude::*,
    types::{PyDict, PyList},
};
use sdr_io::{CreateOptions, Datatype, Lost, NonFinite, OpenOptions, Read, ReplayOptions, Time, sigmf};
use serde_json::{Value, json};

use crate::{
    array, backend, config,
    error::{Failure, InputError, MalformedError, OutOfRangeError, ShapeError, detached},
};

/// Samples read at a time, of all channels together: enough to keep the disk busy, little to hold.
const BLOCK: usize = 1 << 18;

/// Samples from bytes, full scale 1.
///
/// Parameters
/// ----------
/// data : bytes or numpy.ndarray
///     Whole samples; of an array its bytes as they lie in memory, whatever its type.
/// datatype : str
///     As SigMF names it, ``"cu8"``, ``"ci8"``, ``"ci16_le"``, ``"ci32_be"``, ``"cf32_le"``, ``"ri16_le"``, ..., or as other tools do,
///     ``"cs16"``, ``"sc16"``, ``"complex64"``.
/// backend : str
///     ``"simd"`` or ``"scalar"``.
///
/// Returns
/// -------
/// numpy.ndarray
///     complex64, ``[sample]``; real samples have no imaginary part. Signed codes are divided by their full scale
///     (``ci16``: ``code / 32768``), unsigned ones are offset binary (``cu8``: ``(code - 127.5) / 128``). A NaN or an infinity of
///     float formats goes through.
///
/// Raises
/// ------
/// InputError
///     Not a datatype.
/// ShapeError
///     The bytes are not a whole number of samples.
#[pyfunction]
#[pyo3(name = "convert", signature = (data, datatype, *, backend="simd"))]
pub(crate) fn convert_bytes<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    datatype: &str,
    backend: &str,
) -> PyResult<Bound<'py, PyArray1<Complex32>>> {
    let datatype = Datatype::parse(datatype).map_err(Failure::from)?;
    let data = array::bytes("data", data)?;
    let bytes = array::slice(&data)?;
    let size = datatype.bytes_per_sample();
    if bytes.len() % size != 0 {
        return Err(ShapeError::new_err(format!(
            "data must hold whole samples of {datatype}, {size} bytes each; got {} bytes",
            bytes.len()
        )));
    }
    let backend = backend::open(py, backend)?;
    let samples = detached(py, || {
        let to_f32 = |out: &mut [f32]| {
            convert::to_f32(&backend, datatype.number(), datatype.endian(), bytes, out);
        };
        let mut samples = vec![Complex32::default(); bytes.len() / size];
        if datatype.complex() {
            to_f32(bytemuck::cast_slice_mut(&mut samples));
        } else {
            let mut real = vec![0.0; samples.len()];
            to_f32(&mut real);
            samples.iter_mut().zip(real).for_each(|(sample, real)| sample.re = real);
        }
        Ok::<_, Failure>(samples)
    })?;
    Ok(array::row(py, samples))
}

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
    let (rows, blocks, source) = detached(py, || read_all(&uri, &options, start, count))?;
    let (channels, samples) = (rows.len(), rows.first().map_or(0, Vec::len));
    let flat = Array2::from_shape_vec((channels, samples), rows.concat())
        .map_err(|error| ShapeError::new_err(error.to_string()))?;
    let metadata = metadata_of(source.as_ref())?;
    let blocks_list = PyList::empty(py);
    for block in blocks {
        blocks_list.append(describe(py, &block)?)?;
    }
    Ok(Recording {
        samples: flat.into_pyarray(py).unbind(),
        info: config::to_object(py, &info(source.as_ref()))?.unbind(),
        blocks: blocks_list.unbind(),
        annotations: config::to_object(py, metadata.get("annotations").unwrap_or(&json!([])))?.unbind(),
        metadata: config::to_object(py, &metadata)?.unbind(),
    })
}

/// Samples, and where they stand.
type Block<'py> = (Bound<'py, PyArray2<Complex32>>, Bound<'py, PyAny>);

type Everything = (Vec<Vec<Complex32>>, Vec<Read>, Box<dyn sdr_io::Source>);

/// The samples by channel, and the stretches that they come in: neighbours without a gap are one.
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
    let channels = source.info().channels;
    let mut block = Array2::zeros((channels, (BLOCK / channels).max(1)));
    let mut rows = vec![Vec::new(); channels];
    let mut reads: Vec<Read> = Vec::new();
    let mut left = count.unwrap_or(usize::MAX);
    while left > 0 {
        let width = left.min(block.ncols());
        let Some(read) = source.read(block.slice_axis_mut(Axis(1), Slice::from(..width)))? else { break };
        for (row, new) in rows.iter_mut().zip(block.rows()) {
            row.extend(new.iter().take(read.samples));
        }
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
    Ok((rows, reads, source))
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
    ///     At most so many of each channel, 1 to ``2**28``; fewer before a gap and at the end.
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
        let channels = source.info().channels;
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

/// Begin to write a recording. Its extension decides the format; nothing appears under the name before ``finish``.
///
/// Parameters
/// ----------
/// path : str or os.PathLike
///     ``.sigmf-meta``, ``.sigmf`` (archive), ``.wav``, ``.cu8``, ``.cs16``, ``.cf32``, ...
/// datatype : str, optional
///     How to store the samples; as the extension says, or else ``"cf32_le"``.
/// channels : int
///     Rows of every block.
/// sample_rate : float, optional
///     Hz.
/// overwrite : bool
///     Replace an existing file.
/// description, author, hardware, license : str, optional
///     For SigMF: what it is, who made it, the receiver, the URL of its licence.
///
/// Returns
/// -------
/// Sink
///     Takes the samples.
///
/// Raises
/// ------
/// OSError
///     The operating system refused.
/// InputError
///     It exists already, or an option is impossible.
#[pyfunction]
#[pyo3(signature = (
    path, *, datatype=None, channels=1, sample_rate=None, overwrite=false, description=None, author=None,
    hardware=None, license=None
))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn create(
    py: Python<'_>,
    path: PathBuf,
    datatype: Option<&str>,
    channels: usize,
    sample_rate: Option<f64>,
    overwrite: bool,
    description: Option<String>,
    author: Option<String>,
    hardware: Option<String>,
    license: Option<String>,
) -> PyResult<Sink> {
    let options = CreateOptions {
        datatype: datatype.map(Datatype::parse).transpose().map_err(Failure::from)?,
        channels,
        sample_rate,
        overwrite,
        description,
        author,
        hardware,
        license,
    };
    let sink = detached(py, || sdr_io::create(&path, &options))?;
    Ok(Sink { sink: Mutex::new(Some(sink)), next: Read::default() })
}

/// A recording in the making: see :func:`create`.
#[pyclass(module = "phy_sec")]
pub(crate) struct Sink {
    sink: Mutex<Option<Box<dyn sdr_io::Sink>>>,
    /// Where the next block stands.
    next: Read,
}

impl Sink {
    fn get(&mut self) -> PyResult<&mut Box<dyn sdr_io::Sink>> {
        self.sink
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
            .ok_or_else(|| InputError::new_err("this recording is finished: create another"))
    }
}

#[pymethods]
impl Sink {
    /// Append samples.
    ///
    /// Parameters
    /// ----------
    /// samples : numpy.ndarray
    ///     complex64, ``[sample]``, or ``[channel, sample]``.
    /// center_frequency : float, optional
    ///     Hz; another one than before begins a new capture.
    /// lost_before : int
    ///     Samples that are missing before these.
    /// time : str, optional
    ///     When the first of these was taken, ISO 8601: ``"2026-01-31T12:00:00Z"``.
    #[pyo3(signature = (samples, *, center_frequency=None, lost_before=0, time=None))]
    fn write(
        &mut self,
        py: Python<'_>,
        samples: &Bound<'_, PyAny>,
        center_frequency: Option<f64>,
        lost_before: u64,
        time: Option<&str>,
    ) -> PyResult<()> {
        let samples = array::channels("samples", samples)?;
        let view = array::by_channel(&samples)?;
        let time = match time {
            None => None,
            Some(text) => Some(Time::Utc(text.parse().map_err(|_| {
                InputError::new_err(format!(
                    "time must be as 2026-01-31T12:00:00Z; got {text:?}: use datetime.isoformat() with a timezone"
                ))
            })?)),
        };
        let read = Read {
            samples: view.ncols(),
            global_index: self.next.global_index + lost_before,
            lost_before: if lost_before > 0 { Lost::Count(lost_before) } else { Lost::None },
            time,
            center_frequency,
            ..self.next
        };
        if read.samples == 0 {
            return Ok(());
        }
        let sink = self.get()?;
        detached(py, || sink.write(view, &read))?;
        self.next.sample_start = read.sample_start + read.samples as u64;
        self.next.global_index = read.global_index + read.samples as u64;
        Ok(())
    }

    /// Add an annotation, in any order. Only SigMF has them.
    ///
    /// Parameters
    /// ----------
    /// annotation : dict
    ///     With SigMF's names, ``core:sample_start`` at least; an event of :mod:`phy_sec.jamming` is one.
    fn annotate(&mut self, annotation: &Bound<'_, PyDict>) -> PyResult<()> {
        let annotation = annotation_of(annotation)?;
        Ok(self.get()?.annotate(annotation).map_err(Failure::from)?)
    }

    /// int: real components so far that exceeded full scale and were saturated.
    #[getter]
    fn clipped(&mut self) -> PyResult<u64> {
        Ok(self.get()?.clipped())
    }

    /// Complete the file and give it its name.
    fn finish(&mut self, py: Python<'_>) -> PyResult<()> {
        self.get()?;
        let sink = self.sink.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        match sink {
            Some(sink) => detached(py, || sink.finish()),
            None => Ok(()),
        }
    }
}

/// Read as a recording's metadata reads it, so that the same mistakes are found.
fn annotation_of(annotation: &Bound<'_, PyDict>) -> PyResult<sigmf::Annotation> {
    let recording = json!({
        "global": { "core:datatype": "cf32_le", "core:version": "1.2.0" },
        "captures": [],
        "annotations": [config::to_value("annotation", annotation)?],
    });
    let refuse = |text: String| MalformedError::new_err(text.replace("annotations[0]", "annotation"));
    sigmf::Metadata::parse(recording.to_string().as_bytes())
        .map_err(|error| refuse(error.to_string()))?
        .annotations
        .pop()
        .ok_or_else(|| refuse("annotation".to_owned()))
}

/// Write a recording that is in memory: the inverse of :func:`read`.
///
/// Parameters
/// ----------
/// path : str or os.PathLike
///     As :func:`create`.
/// samples : numpy.ndarray
///     complex64, ``[sample]``, or ``[channel, sample]``.
/// sample_rate, center_frequency : float, optional
///     Hz.
/// time : str, optional
///     When the first sample was taken, ISO 8601.
/// annotations : list of dict, optional
///     With SigMF's names; events of :mod:`phy_sec.jamming` are such.
/// datatype, overwrite, description, author, hardware, license
///     As :func:`create`.
///
/// Returns
/// -------
/// int
///     Real components that exceeded full scale and were saturated: 0 for floating point.
///
/// Raises
/// ------
/// OSError
///     The operating system refused.
/// InputError
///     It exists already, an option is impossible, a sample is no number, an annotation does not fit.
#[pyfunction]
#[pyo3(signature = (
    path, samples, *, sample_rate=None, center_frequency=None, time=None, annotations=None, datatype=None,
    overwrite=false, description=None, author=None, hardware=None, license=None
))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn write(
    py: Python<'_>,
    path: PathBuf,
    samples: &Bound<'_, PyAny>,
    sample_rate: Option<f64>,
    center_frequency: Option<f64>,
    time: Option<&str>,
    annotations: Option<Vec<Bound<'_, PyDict>>>,
    datatype: Option<&str>,
    overwrite: bool,
    description: Option<String>,
    author: Option<String>,
    hardware: Option<String>,
    license: Option<String>,
) -> PyResult<u64> {
    let channels = array::by_channel(&array::channels("samples", samples)?)?.nrows();
    let mut sink =
        create(py, path, datatype, channels, sample_rate, overwrite, description, author, hardware, license)?;
    sink.write(py, samples, center_frequency, 0, time)?;
    for annotation in annotations.unwrap_or_default() {
        sink.annotate(&annotation)?;
    }
    let clipped = sink.clipped()?;
    sink.finish(py)?;
    Ok(clipped)
}

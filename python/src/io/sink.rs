//! Recordings that are written.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use pyo3::{prelude::*, types::PyDict};
use sdr_io::{CreateOptions, Datatype, Lost, Read, Time, sigmf};
use serde_json::json;

use crate::{
    array, config,
    error::{Failure, InputError, MalformedError, detached},
};

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

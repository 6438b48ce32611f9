//! Recordings: bytes to samples, files to arrays and back.

mod sink;
mod source;

use kernels::convert;
use num_complex::Complex32;
use numpy::PyArray1;
use pyo3::prelude::*;
use sdr_io::Datatype;

use crate::{
    array, backend,
    error::{Failure, ShapeError, detached},
};

pub(crate) use sink::{Sink, create, write};
pub(crate) use source::{Recording, Source, open, read};

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

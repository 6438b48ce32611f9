//! Arrays as arguments: borrowed as they lie in memory, or refused with what to do about it. Nothing is
//! converted or copied behind the caller's back: a silent copy of a recording costs more than the call.

use num_complex::Complex32;
use numpy::{
    Element, IntoPyArray, PyArray1, PyArray2, PyReadonlyArray, PyUntypedArray, PyUntypedArrayMethods,
    ndarray::{Array2, ArrayView2, Axis, Dimension, Ix1, Ix2, Ix3, IxDyn},
    prelude::*,
};
use pyo3::prelude::*;

use crate::error::{OutOfRangeError, ShapeError};

/// What an array of `Self` is called in an error's text.
pub(crate) trait Named: Element {
    const NAME: &'static str;
}

macro_rules! named {
    ($($element:ty => $name:literal),* $(,)?) => {
        $(impl Named for $element { const NAME: &'static str = $name; })*
    };
}
named! { Complex32 => "complex64", f32 => "float32", f64 => "float64", u8 => "uint8", u16 => "uint16", u64 => "uint64", bool => "bool" }

/// `x: [sample]`, complex64, contiguous.
pub(crate) type Samples<'py> = PyReadonlyArray<'py, Complex32, Ix1>;

/// A 1-D contiguous array, borrowed.
pub(crate) fn series<'py, T: Named>(
    name: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<PyReadonlyArray<'py, T, Ix1>> {
    contiguous(name, value, 1)
}

/// A 2-D contiguous array, borrowed.
pub(crate) fn table<'py, T: Named>(
    name: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<PyReadonlyArray<'py, T, Ix2>> {
    contiguous(name, value, 2)
}

/// A 3-D contiguous array, borrowed.
pub(crate) fn cube<'py, T: Named>(
    name: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<PyReadonlyArray<'py, T, Ix3>> {
    contiguous(name, value, 3)
}

fn contiguous<'py, T: Named, D: Dimension>(
    name: &str,
    value: &Bound<'py, PyAny>,
    dimensions: usize,
) -> PyResult<PyReadonlyArray<'py, T, D>> {
    let refuse = |got: String, advice: String| {
        ShapeError::new_err(format!("{name} must be a {dimensions}-D {} array; got {got}: {advice}", T::NAME))
    };
    let Ok(array) = value.cast::<PyUntypedArray>() else {
        let advice = format!("use np.asarray({name}, np.{})", numpy_name(T::NAME));
        return Err(refuse(value.get_type().name()?.to_string(), advice));
    };
    let dtype = array.dtype();
    let got = format!("{} of shape {}", dtype, value.getattr("shape")?);
    if !dtype.is_equiv_to(&T::get_dtype(value.py())) {
        let advice = format!("use np.ascontiguousarray({name}, np.{})", numpy_name(T::NAME));
        return Err(refuse(got, advice));
    }
    if array.ndim() != dimensions {
        let advice = match (dimensions, array.ndim()) {
            (1, 0) => format!("use {name}.reshape(1)"),
            (1, _) => format!("pass one row at a time, or {name}.ravel() for a single series"),
            (_, 0..) => "reshape it so that each axis is there".to_owned(),
        };
        return Err(refuse(got, advice));
    }
    let borrowed = value.cast::<numpy::PyArray<T, D>>().ok().and_then(|array| array.try_readonly().ok());
    match borrowed {
        Some(borrowed) if array.is_c_contiguous() && borrowed.as_slice().is_ok() => Ok(borrowed),
        _ => Err(refuse(format!("{got} with gaps in memory"), format!("use np.ascontiguousarray({name})"))),
    }
}

/// `bool` is no longer an attribute of every NumPy in use.
fn numpy_name(name: &str) -> &str {
    if name == "bool" { "bool_" } else { name }
}

/// The borrowed samples; [`series`] has checked that they lie in a row.
pub(crate) fn slice<'a, T: Named>(array: &'a PyReadonlyArray<'_, T, Ix1>) -> PyResult<&'a [T]> {
    array.as_slice().map_err(|error| ShapeError::new_err(error.to_string()))
}

/// `samples: [sample]` or `[channel, sample]`, complex64, contiguous.
pub(crate) fn channels<'py>(
    name: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<PyReadonlyArray<'py, Complex32, IxDyn>> {
    let one = value.cast::<PyUntypedArray>().is_ok_and(|array| array.ndim() == 1);
    contiguous(name, value, if one { 1 } else { 2 })
}

/// The same, `[channel, sample]`: one channel where there is but one axis.
pub(crate) fn by_channel<'a>(
    samples: &'a PyReadonlyArray<'_, Complex32, IxDyn>,
) -> PyResult<ArrayView2<'a, Complex32>> {
    let view = samples.as_array();
    let view = if view.ndim() == 1 { view.insert_axis(Axis(0)) } else { view };
    view.into_dimensionality().map_err(|error| ShapeError::new_err(error.to_string()))
}

/// `values` as `[row, column]`, without a copy.
pub(crate) fn rows<'py, T: Named>(
    py: Python<'py>,
    values: Vec<T>,
    columns: usize,
) -> PyResult<Bound<'py, PyArray2<T>>> {
    let rows = values.len().checked_div(columns).unwrap_or(0);
    let values = Array2::from_shape_vec((rows, columns), values)
        .map_err(|error| ShapeError::new_err(error.to_string()))?;
    Ok(values.into_pyarray(py))
}

/// `values` as a 1-D array, without a copy.
pub(crate) fn row<T: Named>(py: Python<'_>, values: Vec<T>) -> Bound<'_, PyArray1<T>> {
    values.into_pyarray(py)
}

/// The bytes of `data`, a `bytes` object, another contiguous buffer of bytes, or a contiguous array of any type.
pub(crate) fn bytes<'py>(name: &str, data: &Bound<'py, PyAny>) -> PyResult<PyReadonlyArray<'py, u8, Ix1>> {
    let numpy = data.py().import("numpy")?;
    let array = if data.is_instance_of::<PyUntypedArray>() {
        if !data.getattr("flags")?.getattr("c_contiguous")?.extract::<bool>()? {
            return Err(ShapeError::new_err(format!(
                "{name} must be contiguous; got an array with gaps in memory: use np.ascontiguousarray({name})"
            )));
        }
        // A flat view, not a copy; neither here nor in `frombuffer` are the bytes touched.
        data.call_method0("ravel")?.call_method1("view", ("uint8",))?
    } else {
        numpy
            .call_method1("frombuffer", (data, "uint8"))
            .or_else(|error| {
                // `frombuffer` refuses an empty buffer.
                if data.len().is_ok_and(|len| len == 0) {
                    numpy.call_method1("empty", (0, "uint8"))
                } else {
                    Err(error)
                }
            })
            .map_err(|_| {
                ShapeError::new_err(format!(
                    "{name} must be bytes or an array; got {}: use bytes({name}) or np.asarray({name})",
                    data.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string())
                ))
            })?
    };
    array.cast::<PyArray1<u8>>()?.try_readonly().map_err(|error| ShapeError::new_err(error.to_string()))
}

/// A length from Python, with the argument's name in the error.
pub(crate) fn at_most(name: &str, value: &Bound<'_, PyAny>, limit: usize) -> PyResult<usize> {
    value.extract().ok().filter(|&count| count <= limit).ok_or_else(|| {
        let got = value.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string());
        OutOfRangeError::new_err(format!("{name} must be a whole number within 0..={limit}; got {got}"))
    })
}

/// `count`: samples to read at once.
pub(crate) fn count(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    at_most("count", value, 1 << 28)
}

/// `seed`: any whole number of 64 bits.
pub(crate) fn seed(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    whole("seed", value)
}

/// `start`, `index`: an absolute sample.
pub(crate) fn start(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    whole("start", value)
}

fn whole(name: &str, value: &Bound<'_, PyAny>) -> PyResult<u64> {
    value.extract().map_err(|_| {
        let got = value.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string());
        OutOfRangeError::new_err(format!("{name} must be a whole number within 0..=2^64-1; got {got}"))
    })
}

//! Keyword arguments as configuration, reports as dictionaries: Python objects to and from the serde forms that the
//! command reads and prints. The library's structs own names, defaults and ranges; nothing is repeated here.

use pyo3::{
    IntoPyObjectExt,
    prelude::*,
    types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Number, Value};

use crate::error::{InputError, InternalError, NotFiniteError};

/// `config` read as the keyword arguments of `function`; what is left out is the library's default.
pub(crate) fn parse<T: DeserializeOwned>(function: &str, config: Option<&Bound<'_, PyDict>>) -> PyResult<T> {
    parse_with(function, config, [])
}

/// The same, with named arguments of the function itself put among them.
pub(crate) fn parse_with<T: DeserializeOwned, const N: usize>(
    function: &str,
    config: Option<&Bound<'_, PyDict>>,
    named: [(&str, Value); N],
) -> PyResult<T> {
    let mut values = match config {
        Some(config) => entries(function, config)?,
        None => Map::new(),
    };
    values.extend(named.map(|(name, value)| (name.to_owned(), value)));
    read(function, Value::Object(values))
}

/// One value, such as the name of a window.
pub(crate) fn argument<T: DeserializeOwned>(name: &str, value: &Bound<'_, PyAny>) -> PyResult<T> {
    read(name, to_value(name, value)?)
}

fn read<T: DeserializeOwned>(what: &str, value: Value) -> PyResult<T> {
    let keys: Vec<String> =
        value.as_object().map(|values| values.keys().cloned().collect()).unwrap_or_default();
    let whole = value.clone();
    serde_json::from_value(value).map_err(|error| {
        let text = error.to_string();
        // serde does not say which value it was: it is the one that gives the same error on its own.
        let missing = text.starts_with("missing");
        let culprit = keys.into_iter().filter(|_| !missing).find(|key| {
            let alone = Value::Object(Map::from_iter([(key.clone(), whole[key].clone())]));
            serde_json::from_value::<T>(alone).is_err_and(|error| error.to_string() == text)
        });
        let text = plain(&text);
        InputError::new_err(match culprit {
            Some(key) if !text.contains(&format!("`{key}`")) => format!("{what}: {key}: {text}"),
            _ => format!("{what}: {text}"),
        })
    })
}

/// serde's words in Python's.
fn plain(text: &str) -> String {
    [
        ("unknown field", "unknown keyword"),
        ("missing field", "missing keyword"),
        ("unknown variant", "unknown name"),
        ("expected usize", "expected a whole number of at least 0"),
        ("expected u64", "expected a whole number of at least 0"),
        ("expected u32", "expected a whole number of at least 0"),
        ("expected f64", "expected a number"),
        ("expected f32", "expected a number"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// A Python object as serde sees it. NumPy's scalars and arrays count as numbers and lists; a name in a tuple with
/// its parameter, `("kaiser", 8.6)`, as the library's `{"kaiser": 8.6}`; `None` as a thing left out.
pub(crate) fn to_value(name: &str, object: &Bound<'_, PyAny>) -> PyResult<Value> {
    if object.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(value) = object.cast::<PyBool>() {
        return Ok(Value::Bool(value.is_true()));
    }
    if object.is_instance_of::<PyInt>() {
        let number =
            object.extract::<u64>().map(Number::from).or_else(|_| object.extract::<i64>().map(Number::from));
        return number.map(Value::Number).map_err(|_| {
            InputError::new_err(format!(
                "{name} must fit 64 bits; got {}",
                object.str().map_or_else(|_| "?".into(), |s| s.to_string())
            ))
        });
    }
    if let Ok(value) = object.cast::<PyFloat>() {
        let value = value.extract::<f64>()?;
        return Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| NotFiniteError::new_err(format!("{name} must be finite; got {value}")));
    }
    if let Ok(value) = object.cast::<PyString>() {
        return Ok(Value::String(value.extract()?));
    }
    if let Ok(value) = object.cast::<PyDict>() {
        return entries(name, value).map(Value::Object);
    }
    if let Ok(value) = object.cast::<PyTuple>()
        && value.len() == 2
        && let Ok(method) = value.get_item(0)?.extract::<String>()
    {
        let parameter = to_value(&method, &value.get_item(1)?)?;
        return Ok(Value::Object(Map::from_iter([(method, parameter)])));
    }
    if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
        return object
            .try_iter()?
            .map(|item| to_value(name, &item?))
            .collect::<PyResult<_>>()
            .map(Value::Array);
    }
    if let Ok(value) = object.call_method0("tolist") {
        return to_value(name, &value);
    }
    Err(InputError::new_err(format!(
        "{name} must be a number, a text, a list or a dict; got {}",
        object.get_type().name()?
    )))
}

fn entries(name: &str, table: &Bound<'_, PyDict>) -> PyResult<Map<String, Value>> {
    let mut values = Map::new();
    for (key, value) in table {
        let key: String = key.extract().map_err(|_| {
            InputError::new_err(format!("{name}: the keys of a dict must be text; got {key}"))
        })?;
        // A default is what is not said: `None` says nothing.
        if !value.is_none() {
            let value = to_value(&key, &value)?;
            values.insert(key, value);
        }
    }
    Ok(values)
}

/// What the library reports, as the dictionary that the command prints as JSON.
pub(crate) fn report<'py>(py: Python<'py>, report: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    let value = serde_json::to_value(report)
        .map_err(|error| InternalError::new_err(format!("a report cannot be written: {error}")))?;
    to_object(py, &value)
}

/// A serde value as plain Python: dict, list, str, float, int, bool, None.
pub(crate) fn to_object<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Null => Ok(py.None().into_bound(py)),
        Value::Bool(value) => value.into_bound_py_any(py),
        Value::Number(value) => match (value.as_u64(), value.as_i64()) {
            (Some(value), _) => value.into_bound_py_any(py),
            (_, Some(value)) => value.into_bound_py_any(py),
            _ => value.as_f64().into_bound_py_any(py),
        },
        Value::String(value) => value.into_bound_py_any(py),
        Value::Array(values) => {
            let list = PyList::empty(py);
            for value in values {
                list.append(to_object(py, value)?)?;
            }
            Ok(list.into_any())
        }
        Value::Object(values) => {
            let dict = PyDict::new(py);
            for (key, value) in values {
                dict.set_item(key, to_object(py, value)?)?;
            }
            Ok(dict.into_any())
        }
    }
}

/// What has a configuration with defaults: its name and the defaults themselves.
macro_rules! table {
    ($($name:literal => $config:ty),* $(,)?) => {
        const CONFIGURATIONS: &[&str] = &[$($name),*];

        fn default_of<'py>(py: Python<'py>, of: &str) -> Option<PyResult<Bound<'py, PyAny>>> {
            match of {
                $($name => Some(report(py, &<$config>::default())),)*
                _ => None,
            }
        }
    };
}

table! {
    "stft" => kernels::stft_power::StftConfig,
    "bursts" => phy_sec::burst::BurstConfig,
    "jamming" => phy_sec::jamming::Config,
    "array" => phy_sec::jamming::array::ArrayConfig,
    "keygen" => phy_sec::keygen::Config,
    "randomness" => phy_sec::keygen::randomness::Config,
    "fingerprint" => phy_sec::fingerprint::recording::FingerprintConfig,
    "enroll" => phy_sec::fingerprint::enroll::EnrollConfig,
    "evaluate" => phy_sec::fingerprint::evaluate::EvaluateConfig,
    "fading" => phy_sec::sim::fading::FadingConfig,
    "impairments" => phy_sec::sim::impairment::Impairments,
    "link" => phy_sec::sim::link::LinkConfig,
    "injection" => phy_sec::sim::adversary::injection::Injection,
    "wifi" => phy_sec::sim::waveform::Wifi,
    "nr_comb" => phy_sec::sim::waveform::NrComb,
    "single_carrier" => phy_sec::sim::waveform::SingleCarrier,
    "gfsk" => phy_sec::sim::waveform::Gfsk,
    "lora" => phy_sec::sim::waveform::Lora,
    "ook" => phy_sec::sim::waveform::Ook,
}

/// The library's default configuration, as keywords.
///
/// Parameters
/// ----------
/// of : str
///     ``"stft"`` (also of ``welch`` and ``spectrogram``), ``"bursts"``, ``"link"``, ...: the error for a name that is not there
///     lists them all.
///
/// Returns
/// -------
/// dict
///     Every keyword that the configuration takes, with its default.
///
/// Raises
/// ------
/// InputError
///     Nothing of that name.
#[pyfunction]
pub(crate) fn defaults<'py>(py: Python<'py>, of: &str) -> PyResult<Bound<'py, PyAny>> {
    default_of(py, of).unwrap_or_else(|| {
        Err(InputError::new_err(format!("of must be one of {CONFIGURATIONS:?}; got {of:?}")))
    })
}

/// A number among the keywords, under its name.
pub(crate) fn number(name: &str, value: f64) -> PyResult<Value> {
    Number::from_f64(value)
        .map(Value::Number)
        .ok_or_else(|| NotFiniteError::new_err(format!("{name} must be finite; got {value}")))
}

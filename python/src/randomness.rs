//! The SP 800-22 tests.

use phy_sec::{bits::Bits, keygen::randomness::Config};
use pyo3::{prelude::*, types::PyDict};

use crate::{
    array,
    bits::packed,
    config,
    error::{Failure, detached},
};

/// Put bits to the fifteen tests of NIST SP 800-22 Rev. 1a.
///
/// Passing is a diagnostic and never a proof of entropy: the output of a generator with a known seed passes.
///
/// Parameters
/// ----------
/// bits : numpy.ndarray
///     bool, ``[bit]``, at least 100 for each sequence. A test that needs more says so in ``not_applicable``.
/// sequences : int
///     Cut the bits into so many sequences of equal length. With more than one, ``proportion`` (section 4.2.1) and, from 55
///     on, ``uniformity`` (section 4.2.2) mean something.
/// **config
///     ``alpha``, ``tests`` (names), ``exact`` (class probabilities), ``parallel``, and the parameters of ``block_frequency``,
///     ``non_overlapping``, ``overlapping``, ``universal``, ``linear_complexity``, ``serial``, ``approximate_entropy``, a dict each.
///     Defaults: ``phy_sec.defaults("randomness")``.
///
/// Returns
/// -------
/// dict
///     ``tests`` (each with ``test``, ``applicable``, ``not_applicable`` and ``rows``: ``label``, ``statistics``, ``p_values``,
///     ``passed``, ``proportion``, ``proportion_interval``, ``uniformity``, ``conspicuous``), ``p_values``, ``below_alpha``,
///     ``expected_below_alpha``, ``conspicuous``, ``verdict``, ``caveat``: as ``phy-sec randomness --json`` prints it.
///
/// Raises
/// ------
/// ShapeError
///     ``bits`` is not a contiguous 1-D bool array.
/// TooShortError
///     A sequence has fewer than 100 bits.
/// OutOfRangeError
///     A parameter is outside its range, or a sequence has more than ``2**28`` bits.
#[pyfunction]
#[pyo3(signature = (bits, *, sequences=1, **config))]
pub(crate) fn randomness<'py>(
    py: Python<'py>,
    bits: &Bound<'py, PyAny>,
    #[pyo3(from_py_with = count)] sequences: usize,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let config: Config = config::parse("randomness", config)?;
    let bits = array::series::<bool>("bits", bits)?;
    let bits = array::slice(&bits)?;
    let report = detached(py, || {
        let bits = Bits::from_words(packed(bits), bits.len())?;
        Ok::<_, Failure>(phy_sec::keygen::randomness::report(&bits, sequences, &config)?)
    })?;
    config::report(py, &report)
}

fn count(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    array::at_most("sequences", value, 1 << 28)
}

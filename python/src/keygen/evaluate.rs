//! Many chains at once: over recordings, over simulated links.

use phy_sec::keygen::{
    Config,
    evaluate::{Methods, Recording, evaluate as over, name},
    sweep::{Point, Sweep},
};
use pyo3::{
    prelude::*,
    types::{PyDict, PyList},
};

use crate::{
    array, backend, config,
    error::{Failure, OutOfRangeError, detached},
};

/// The methods that words stand for.
fn methods(
    preprocess: Option<Vec<String>>,
    quantize: Option<Vec<String>>,
    reconcile: Option<Vec<String>>,
) -> PyResult<Methods> {
    let mut methods = Methods::default();
    for text in preprocess.iter().flatten() {
        methods.preprocess.extend(name::parse_steps(text).map_err(Failure::from)?);
    }
    for text in quantize.iter().flatten() {
        methods.quantize.extend(name::parse("quantize", text).map_err(Failure::from)?);
    }
    for text in reconcile.iter().flatten() {
        methods.reconcile.extend(name::parse("reconcile", text).map_err(Failure::from)?);
    }
    Ok(methods)
}

/// Run every combination of methods over what two ends measured.
///
/// A method is a word: its name, or ``"guard_band:alpha=0.1|0.3,sides=alice"`` where a field is not the default; several values
/// between bars are several methods. Steps are joined by ``+``, and ``"none"`` is no step.
///
/// Parameters
/// ----------
/// alice, bob : numpy.ndarray, Trace or Csi
///     What the ends measured: see :func:`agree`.
/// eve : numpy.ndarray, Trace or Csi, optional
///     What an eavesdropper measured, all antennas of a ``Csi`` together. Then each chain is run twice, with what the configuration grants her and with what this shows.
/// preprocess, quantize, reconcile : list of str, optional
///     What is combined; without it the default.
/// seed : int
///     Of everything random that is said in public.
/// backend : str
///     See :func:`phy_sec.backends`.
/// **config
///     The rest of the chain: see :func:`agree`. ``model={"rho": 0.3}`` is what the eavesdropper is granted.
///
/// Returns
/// -------
/// list of dict
///     ``preprocess``, ``quantize``, ``reconcile`` (words), ``eve`` (``"model"`` or ``"trace"``), ``entropy_per_bit``, ``error``,
///     ``report`` (that of :func:`agree`): as ``phy-sec keygen evaluate --json`` prints it.
///
/// Raises
/// ------
/// ShapeError, NotFiniteError
///     The measurements cannot be used.
/// OutOfRangeError
///     A method that does not exist, or a value outside its range.
#[pyfunction]
#[pyo3(signature = (alice, bob, *, eve=None, preprocess=None, quantize=None, reconcile=None, model=None, seed, backend="simd", **config))]
#[expect(clippy::too_many_arguments, reason = "one for each keyword")]
pub(crate) fn evaluate<'py>(
    py: Python<'py>,
    alice: &Bound<'py, PyAny>,
    bob: &Bound<'py, PyAny>,
    eve: Option<&Bound<'py, PyAny>>,
    preprocess: Option<Vec<String>>,
    quantize: Option<Vec<String>>,
    reconcile: Option<Vec<String>>,
    model: Option<&Bound<'py, PyAny>>,
    #[pyo3(from_py_with = array::seed)] seed: u64,
    backend: &str,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let base = base("evaluate", model, config)?;
    let chains = methods(preprocess, quantize, reconcile)?.chains(&base).map_err(Failure::from)?;
    let trace = |name, value| super::trace(name, value, &base).map(|(trace, _)| trace);
    let recording = Recording {
        name: String::new(),
        source: Vec::new(),
        alice: trace("alice", alice)?,
        bob: trace("bob", bob)?,
        eve: eve.map(|eve| super::overheard(eve, &base).map(|(eve, _)| eve)).transpose()?,
    };
    let backend = backend::open(py, backend)?;
    let rows = py.detach(|| over(&[recording], &chains, seed, &backend));
    let list = PyList::empty(py);
    for row in &rows {
        list.append(config::report(py, row)?)?;
    }
    Ok(list.into_any())
}

/// Run chains over simulated links, for every combination of what is listed: secret bits a probe, beside the Gaussian capacity.
///
/// Parameters
/// ----------
/// rho : list of float, optional
///     Correlations of the two ends' complex gains, above 0 and below 1.
/// snr_db : list of float, optional
///     Signal to noise ratios at both ends, dB, instead of ``rho``.
/// eve_rho : list of float, optional
///     Correlations of the eavesdropper's gains with each end's; she is granted as much. Without it 0.5.
/// probes : list of int, optional
///     Numbers of probes; without it 20,000.
/// preprocess, quantize, reconcile : list of str, optional
///     Methods, as :func:`evaluate` takes them.
/// component : str
///     Of the complex gains; the ends have a common phase.
/// link : dict, optional
///     What else the link is: ``phy_sec.defaults("link")`` names its keywords. Without it one subcarrier, and probes so far apart that each
///     sees a channel of its own.
/// eve_trace : bool
///     Run each chain also with what the eavesdropper's own simulated trace shows.
/// seed : int
///     A point's own seed is made of it and of the point's numbers.
/// backend : str
///     See :func:`phy_sec.backends`.
/// **config
///     The rest of the chain: see :func:`agree`.
///
/// Returns
/// -------
/// list of dict
///     A point each: ``rho``, ``snr_db``, ``eve_rho``, ``probes``, the methods, ``kdr``, ``entropy_per_bit``, ``released_bits``,
///     ``bits_per_probe``, ``capacity_lower``, ``capacity_upper``, ...: as ``phy-sec keygen sweep --json`` prints it.
///
/// Raises
/// ------
/// OutOfRangeError
///     A method that does not exist, or a value outside its range.
#[pyfunction]
#[pyo3(signature = (*, rho=None, snr_db=None, eve_rho=None, probes=None, preprocess=None, quantize=None, reconcile=None,
    component="complex", link=None, eve_trace=false, seed, backend="simd", **config))]
#[expect(clippy::too_many_arguments, reason = "one for each keyword")]
pub(crate) fn sweep<'py>(
    py: Python<'py>,
    rho: Option<Vec<f64>>,
    snr_db: Option<Vec<f64>>,
    eve_rho: Option<Vec<f64>>,
    probes: Option<Vec<usize>>,
    preprocess: Option<Vec<String>>,
    quantize: Option<Vec<String>>,
    reconcile: Option<Vec<String>>,
    component: &str,
    link: Option<&Bound<'py, PyDict>>,
    eve_trace: bool,
    #[pyo3(from_py_with = array::seed)] seed: u64,
    backend: &str,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let base = base("sweep", None, config)?;
    let component = serde_json::from_value(component.into()).map_err(|_| {
        OutOfRangeError::new_err(format!("component must be one that agree takes; got {component:?}"))
    })?;
    let mut sweep = Sweep {
        rho: rho.unwrap_or_default(),
        snr_db: snr_db.unwrap_or_default(),
        methods: methods(preprocess, quantize, reconcile)?,
        component,
        eve_trace,
        ..Sweep::default()
    };
    if let Some(eve_rho) = eve_rho {
        sweep.eve_rho = eve_rho;
    }
    if let Some(probes) = probes {
        sweep.probes = probes;
    }
    if let Some(link) = link {
        sweep.link = config::parse("link", Some(link))?;
    }
    let backend = backend::open(py, backend)?;
    let points: Vec<Point> = detached(py, || sweep.run(&base, seed, &backend))?;
    let list = PyList::empty(py);
    for point in &points {
        list.append(config::report(py, point)?)?;
    }
    Ok(list.into_any())
}

/// The chain that is varied.
fn base(
    function: &str,
    model: Option<&Bound<'_, PyAny>>,
    config: Option<&Bound<'_, PyDict>>,
) -> PyResult<Config> {
    match model {
        Some(model) => config::parse_with(function, config, [("eve", config::to_value("model", model)?)]),
        None => config::parse(function, config),
    }
}

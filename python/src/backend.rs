//! `backend="simd"`: the same names as the command's `--backend`.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use kernels::{Backend, Gpu, Level};
use pyo3::prelude::*;

use crate::error::{Failure, OutOfRangeError, detached};

/// Devices stay open between calls: opening one takes longer than most of what is done on it.
static DEVICES: LazyLock<Mutex<HashMap<String, Arc<Gpu>>>> = LazyLock::new(Mutex::default);

/// The backend of that name: `scalar`, `simd`, `gpu`, `gpu:1`, `gpu:llvmpipe`.
pub(crate) fn open(py: Python<'_>, name: &str) -> PyResult<Backend> {
    match name {
        "scalar" => Ok(Backend::Scalar),
        "simd" => Ok(Backend::Simd(Level::new())),
        _ => match name.strip_prefix("gpu") {
            Some(choice) if choice.is_empty() || choice.starts_with(':') => {
                device(py, choice.trim_start_matches(':')).map(Backend::Gpu)
            }
            _ => Err(OutOfRangeError::new_err(format!(
                "backend must be \"scalar\", \"simd\" or \"gpu\"; got {name:?}: phy_sec.backends() lists what is here"
            ))),
        },
    }
}

fn device(py: Python<'_>, choice: &str) -> PyResult<Arc<Gpu>> {
    detached(py, || {
        let mut devices = DEVICES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gpu) = devices.get(choice) {
            return Ok(Arc::clone(gpu));
        }
        let wanted = choice.parse().unwrap_or_default();
        let gpu = Gpu::open(&wanted)?;
        devices.insert(choice.to_owned(), Arc::clone(&gpu));
        Ok::<_, kernels::Error>(gpu)
    })
}

/// Where the kernels can run on this machine.
///
/// Returns
/// -------
/// list of str
///     Names for the ``backend`` arguments: ``"scalar"`` (plain loops, the definition), ``"simd"`` (the best
///     instruction set of this processor; the default) and ``"gpu:NAME"`` for each Vulkan, Metal or DX12 adapter; ``"gpu"``
///     alone takes the best of them.
#[pyfunction]
pub(crate) fn backends(py: Python<'_>) -> PyResult<Vec<String>> {
    let adapters = detached(py, || Ok::<_, Failure>(Gpu::adapters().unwrap_or_default()))?;
    let cpu = ["scalar", "simd"].map(str::to_owned);
    Ok(cpu.into_iter().chain(adapters.into_iter().map(|adapter| format!("gpu:{}", adapter.name))).collect())
}

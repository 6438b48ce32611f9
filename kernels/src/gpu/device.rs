//! An opened device: adapter choice, and the one place where its errors are caught.

use std::{
    collections::HashMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::{AdapterInfo, AdapterKind, Choice, Counters, Limits, Program, buffer::Pool, command::Pipeline};
use crate::error::{Error, Result};

/// An opened device with its compiled kernels and returned buffers. Share it: one serves all threads.
pub struct Gpu {
    adapter: AdapterInfo,
    limits: Limits,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    fate: Arc<Fate>,
    pub(super) pipelines: Mutex<HashMap<Program, Arc<Pipeline>>>,
    pub(super) pool: Mutex<Pool>,
    pub(super) count: Count,
}

/// What callbacks of the device report from other threads.
#[derive(Default)]
struct Fate {
    lost: OnceLock<String>,
    /// The first error that no scope caught, until someone is told.
    fault: Mutex<Option<Error>>,
}

/// [`Counters`], as they grow.
#[derive(Default)]
pub(super) struct Count {
    pub(super) pipelines: AtomicU64,
    pub(super) buffers: AtomicU64,
    pub(super) reused: AtomicU64,
    pub(super) dispatches: AtomicU64,
    pub(super) uploads: AtomicU64,
    pub(super) readbacks: AtomicU64,
}

impl Gpu {
    /// The adapters of this machine, in the order of the drivers. Empty without a driver.
    ///
    /// # Errors
    /// [`Error::GpuNotBuilt`] without the feature `gpu`.
    pub fn adapters() -> Result<Vec<AdapterInfo>> {
        Ok(enumerate().into_iter().map(|(_, info)| info).collect())
    }

    /// Opens an adapter with WebGPU's default limits.
    ///
    /// # Errors
    /// [`Error::NoAdapter`] if none fits, [`Error::AdapterRefused`] if it will not open, [`Error::OverLimit`]
    /// if it has less than the default limits, [`Error::GpuNotBuilt`] without the feature `gpu`.
    pub fn open(choice: &Choice) -> Result<Arc<Gpu>> {
        Gpu::open_with(choice, Limits::default())
    }

    /// As [`Gpu::open`], with other limits. The device enforces them.
    ///
    /// # Errors
    /// As [`Gpu::open`].
    pub fn open_with(choice: &Choice, limits: Limits) -> Result<Arc<Gpu>> {
        let (adapter, info) = choose(choice)?;
        let required_limits = wgpu::Limits {
            max_buffer_size: limits.buffer,
            max_storage_buffer_binding_size: limits.binding,
            max_compute_workgroups_per_dimension: limits.workgroups,
            ..wgpu::Limits::defaults()
        };
        let mut over = None;
        required_limits.check_limits_with_fail_fn(&adapter.limits(), true, |what, need, limit| {
            over = Some(Error::OverLimit { what, need, unit: "units", limit });
        });
        if let Some(over) = over {
            return Err(over);
        }
        let descriptor = wgpu::DeviceDescriptor { required_limits, ..Default::default() };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|e| Error::AdapterRefused { adapter: info.to_string(), reason: e.to_string() })?;

        let fate = Arc::new(Fate::default());
        let (lost, fault) = (Arc::clone(&fate), Arc::clone(&fate));
        device.set_device_lost_callback(move |reason, text| {
            let _ = lost.lost.set(if text.is_empty() { format!("{reason:?}") } else { text });
        });
        // Without a handler wgpu panics on an error outside our scopes.
        device.on_uncaptured_error(Arc::new(move |error| {
            lock(&fault.fault).get_or_insert_with(|| describe(error, "a command of an earlier call"));
        }));
        Ok(Arc::new(Gpu {
            adapter: info,
            limits,
            device,
            queue,
            fate,
            pipelines: Mutex::default(),
            pool: Mutex::default(),
            count: Count::default(),
        }))
    }

    /// The adapter it runs on.
    pub fn adapter(&self) -> &AdapterInfo {
        &self.adapter
    }

    /// What it may be asked for at once.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// What it has done so far.
    pub fn counters(&self) -> Counters {
        let Count { pipelines, buffers, reused, dispatches, uploads, readbacks } = &self.count;
        Counters {
            pipelines: pipelines.load(Relaxed),
            buffers: buffers.load(Relaxed),
            reused: reused.load(Relaxed),
            dispatches: dispatches.load(Relaxed),
            uploads: uploads.load(Relaxed),
            readbacks: readbacks.load(Relaxed),
        }
    }

    /// Gives the buffers that wait for reuse back to the driver.
    pub fn trim(&self) {
        *lock(&self.pool) = Pool::default();
    }

    /// Gives the device up at once, whoever else holds it; all that they ask of it then is
    /// [`Error::DeviceLost`].
    pub fn close(&self) {
        self.trim();
        self.device.destroy();
        let _ = self.fate.lost.set("closed".into());
    }

    /// Runs commands in error scopes: what they do wrong is the result, never a panic.
    pub(super) fn guarded<T>(&self, what: &str, commands: impl FnOnce() -> T) -> Result<T> {
        self.check()?;
        let filters =
            [wgpu::ErrorFilter::Internal, wgpu::ErrorFilter::Validation, wgpu::ErrorFilter::OutOfMemory];
        let scopes = filters.map(|filter| self.device.push_error_scope(filter));
        let value = commands();
        // Innermost first. All are popped, the innermost error wins.
        let mut result = Ok(value);
        for scope in scopes.into_iter().rev() {
            if let Some(error) = pollster::block_on(scope.pop())
                && result.is_ok()
            {
                result = Err(describe(error, what));
            }
        }
        self.check()?;
        result
    }

    /// Waits for a submission.
    pub(super) fn wait(&self, submission: wgpu::SubmissionIndex) -> Result<()> {
        let poll = wgpu::PollType::Wait { submission_index: Some(submission), timeout: None };
        // wgpu 30 panics if the device is lost while it waits (`Device::poll`, "handle_error_fatal").
        let outcome = catch_unwind(AssertUnwindSafe(|| self.device.poll(poll)));
        self.check()?;
        match outcome {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Error::DeviceFault { reason: error.to_string() }),
            Err(_) => {
                let _ = self.fate.lost.set("while waiting for it".into());
                self.check()
            }
        }
    }

    /// What callbacks have reported since the last call.
    fn check(&self) -> Result<()> {
        if let Some(reason) = self.fate.lost.get() {
            return Err(Error::DeviceLost { reason: reason.clone() });
        }
        lock(&self.fate.fault).take().map_or(Ok(()), Err)
    }
}

/// The adapter's name and its interface, for reports.
impl fmt::Display for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.adapter.fmt(f)
    }
}

/// What the mutexes guard is whole after any panic: single insertions.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn describe(error: wgpu::Error, what: &str) -> Error {
    match error {
        wgpu::Error::OutOfMemory { .. } => Error::OutOfMemory { what: what.into() },
        wgpu::Error::Validation { description, .. } | wgpu::Error::Internal { description, .. } => {
            Error::DeviceFault { reason: format!("{what}: {description}") }
        }
    }
}

fn enumerate() -> Vec<(wgpu::Adapter, AdapterInfo)> {
    let backends = wgpu::Instance::enabled_backend_features();
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let adapters = pollster::block_on(instance.enumerate_adapters(backends));
    adapters
        .into_iter()
        .enumerate()
        .map(|(index, adapter)| (describe_adapter(index, &adapter), adapter))
        .map(|(info, adapter)| (adapter, info))
        .collect()
}

fn describe_adapter(index: usize, adapter: &wgpu::Adapter) -> AdapterInfo {
    let info = adapter.get_info();
    AdapterInfo {
        index,
        name: info.name,
        api: info.backend.to_str().into(),
        kind: match info.device_type {
            wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
            wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
            wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
            wgpu::DeviceType::Cpu => AdapterKind::Software,
            wgpu::DeviceType::Other => AdapterKind::Other,
        },
        driver: format!("{} {}", info.driver, info.driver_info).trim().into(),
    }
}

fn choose(choice: &Choice) -> Result<(wgpu::Adapter, AdapterInfo)> {
    let adapters = enumerate();
    let found = adapters.iter().map(|(_, info)| format!("{}: {info}", info.index)).collect::<Vec<_>>();
    let fits = |info: &AdapterInfo| match choice {
        Choice::Best => true,
        Choice::Index(index) => info.index == *index,
        Choice::Name(name) => {
            format!("{} {}", info.name, info.driver).to_lowercase().contains(&name.to_lowercase())
        }
    };
    // `min_by_key` takes the first of equals: the driver's own order.
    adapters.into_iter().filter(|(_, info)| fits(info)).min_by_key(|(_, info)| info.kind).ok_or_else(|| {
        Error::NoAdapter {
            wanted: choice.to_string(),
            found: if found.is_empty() {
                "none (is a Vulkan, Metal or DX12 driver installed?)".into()
            } else {
                found.join("; ")
            },
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A driver that is out of memory cannot be had at will; what becomes of its error can.
    #[test]
    fn errors_keep_their_kind() {
        let source = || Box::new(fmt::Error);
        assert_eq!(
            describe(wgpu::Error::OutOfMemory { source: source() }, "a buffer of 4096 bytes").to_string(),
            "the GPU is out of memory: a buffer of 4096 bytes"
        );
        let error = wgpu::Error::Validation { source: source(), description: "too many threads".into() };
        assert_eq!(describe(error, "hash").to_string(), "the GPU refused a command: hash: too many threads");
    }
}

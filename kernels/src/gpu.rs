//! The GPU, behind the feature `gpu`: adapters, an opened device, its buffers, and the kernels on them.
//!
//! A [`Gpu`] is asked for by name or number, never guessed from the environment. It is opened with WebGPU's
//! default limits, whatever the adapter could do, so that what runs on one runs on all; batches are cut to
//! fit them. Configured kernels (`StftPower`, `Toeplitz`) take it as [`crate::Backend::Gpu`], slices in and
//! out. To keep intermediate results on the device, chain the kernels of this module over [`GpuBuffer`]:
//!
//! ```no_run
//! # use kernels::{convert::Number, gpu::*, stft_power::StftConfig};
//! # fn run(bytes: &[u8]) -> kernels::Result<()> {
//! let gpu = Gpu::open(&Choice::Best)?;
//! let stft = DeviceStft::new(&StftConfig::default(), &gpu)?;
//! let raw = GpuBuffer::upload(&gpu, bytes)?;      // one upload
//! let power = stft.power(Number::I16, &raw)?;     // [frame, bin], stays there
//! let welch = stft.mean(&power)?;                 // [bin], stays there
//! let welch = welch.to_vec()?;                    // one readback
//! # Ok(()) }
//! ```
//!
//! Without the feature the same types exist, but no value of [`Gpu`] does: [`Gpu::open`] says how to build
//! with it, and every `match` on a backend stays whole.
//!
//! Nothing here panics on what a device does: each command runs in error scopes, a lost device is an error.

#[cfg(not(feature = "gpu"))]
mod absent;
#[cfg(feature = "gpu")]
mod buffer;
#[cfg(feature = "gpu")]
mod command;
mod convert;
#[cfg(feature = "gpu")]
mod device;
mod stft_power;
mod toeplitz;

use std::{convert::Infallible, fmt, str::FromStr};

#[cfg(not(feature = "gpu"))]
pub use absent::{Gpu, GpuBuffer};
#[cfg(feature = "gpu")]
pub use {buffer::GpuBuffer, device::Gpu};

#[cfg(not(feature = "gpu"))]
use absent::{Binding, Commands, Readback};
#[cfg(feature = "gpu")]
use {buffer::Binding, command::Commands, command::Readback};

pub use convert::to_f32;
pub use stft_power::DeviceStft;
pub use toeplitz::DeviceToeplitz;

/// Which adapter to open. From text: `` or `best`, a number, or a part of its name in any case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Choice {
    /// A discrete GPU before an integrated before a virtual one, software last.
    #[default]
    Best,
    /// [`AdapterInfo::index`] in the list of [`Gpu::adapters`].
    Index(usize),
    /// The best one whose name or driver contains this text, in any case.
    Name(String),
}

impl FromStr for Choice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.trim() {
            "" | "best" => Choice::Best,
            text => text.parse().map(Choice::Index).unwrap_or_else(|_| Choice::Name(text.to_owned())),
        })
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Choice::Best => f.write_str("best"),
            Choice::Index(index) => write!(f, "{index}"),
            Choice::Name(name) => f.write_str(name),
        }
    }
}

/// What an adapter is, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // the names say it all
pub enum AdapterKind {
    Discrete,
    Integrated,
    Virtual,
    Other,
    /// A software implementation on the CPU, such as Mesa's lavapipe: right, not fast.
    Software,
}

/// One adapter, as [`Gpu::adapters`] lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterInfo {
    /// Its place in the list, for [`Choice::Index`].
    pub index: usize,
    /// As the driver spells it: `NVIDIA H200`, `llvmpipe (LLVM 15.0.6, 256 bits)`.
    pub name: String,
    /// `vulkan`, `metal` or `dx12`.
    pub api: String,
    /// What it is.
    pub kind: AdapterKind,
    /// The driver and its version.
    pub driver: String,
}

/// `NVIDIA H200, vulkan`.
impl fmt::Display for AdapterInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.name, self.api)
    }
}

/// What a device may be asked for at once, in bytes and workgroups; the kernels cut their batches to fit.
/// The default is WebGPU's, which every adapter has. Smaller ones serve tests and small devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one buffer.
    pub buffer: u64,
    /// Bytes of a buffer that a kernel can see at once.
    pub binding: u64,
    /// Workgroups in each dimension of one dispatch.
    pub workgroups: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { buffer: 256 << 20, binding: 128 << 20, workgroups: 65_535 }
    }
}

/// What a device has done so far; tests of reuse and of splitting read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Pipelines compiled.
    pub pipelines: u64,
    /// Buffers taken from the driver.
    pub buffers: u64,
    /// Buffers taken from the pool of returned ones instead.
    pub reused: u64,
    /// Dispatches recorded.
    pub dispatches: u64,
    /// Transfers to the device.
    pub uploads: u64,
    /// Transfers back.
    pub readbacks: u64,
}

/// A WGSL entry point with its bindings: 0 is the uniform `parameters`, 1 and up are storage buffers.
/// Pipelines are cached by everything in here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Program {
    source: &'static str,
    entry: &'static str,
    /// Pipeline-overridable constants.
    constants: Vec<(&'static str, u32)>,
    /// One for each storage binding: may the shader write to it?
    writes: &'static [bool],
}

/// All bindings start at a multiple of this: WebGPU's `minStorageBufferOffsetAlignment`.
const ALIGNMENT: u64 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_from_text() {
        for (text, choice) in [
            ("", Choice::Best),
            ("best", Choice::Best),
            (" 1 ", Choice::Index(1)),
            ("llvmpipe", Choice::Name("llvmpipe".into())),
            ("-1", Choice::Name("-1".into())),
        ] {
            assert_eq!(text.parse::<Choice>().unwrap(), choice, "{text}");
        }
    }

    #[cfg(not(feature = "gpu"))]
    #[test]
    fn without_the_feature_the_error_says_how_to_build_with_it() {
        let error = Gpu::open(&Choice::Best).err().unwrap().to_string();
        assert_eq!(
            error,
            "this build has no GPU support: build with `--features gpu`, or use backend `simd`"
        );
        assert!(Gpu::adapters().is_err());
    }

    /// Parses and validates each shader without an adapter, and holds it against what WebGPU promises:
    /// 16 KiB of workgroup memory, 256 threads, 8 storage buffers in a stage.
    #[test]
    fn shaders_are_valid_within_the_default_limits() {
        use naga::{AddressSpace, front::wgsl, valid};
        let sources = [convert::SOURCE, stft_power::SOURCE, stft_power::WELCH_SOURCE, toeplitz::SOURCE];
        for source in sources {
            let module = wgsl::parse_str(source).unwrap_or_else(|e| panic!("{}", e.emit_to_string(source)));
            let mut validator =
                valid::Validator::new(valid::ValidationFlags::all(), valid::Capabilities::empty());
            let info = validator.validate(&module).unwrap_or_else(|e| panic!("{}", e.emit_to_string(source)));
            let mut layouter = naga::proc::Layouter::default();
            layouter.update(module.to_ctx()).unwrap();
            for (index, entry) in module.entry_points.iter().enumerate() {
                assert!(entry.workgroup_size.iter().product::<u32>() <= 256, "{}", entry.name);
                let used = |space: fn(&AddressSpace) -> bool| {
                    let info = info.get_entry_point(index);
                    let variables = module.global_variables.iter();
                    variables.filter(move |(handle, v)| space(&v.space) && !info[*handle].is_empty())
                };
                let storage = used(|s| matches!(s, AddressSpace::Storage { .. })).count();
                assert!((1..=8).contains(&storage), "{}: {storage} storage buffers", entry.name);
                let memory: u32 =
                    used(|s| *s == AddressSpace::WorkGroup).map(|(_, v)| layouter[v.ty].size).sum();
                assert!(memory <= 16_384, "{}: {memory} bytes of workgroup memory", entry.name);
            }
        }
    }
}

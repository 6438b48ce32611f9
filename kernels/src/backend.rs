//! Where a kernel runs, as a value: pass it to `new`, match it in the kernel's own file.

use std::{fmt, sync::Arc};

use fearless_simd::Level;

use crate::gpu::Gpu;

/// Where a kernel runs. The GPU is asked for, never guessed: [`Backend::default`] is the best SIMD level.
#[derive(Clone)]
pub enum Backend {
    /// The definition: plain loops. Slow is allowed, wrong is not.
    Scalar,
    /// The instruction set that [`Level::new`] found, or a lower one that the caller chose.
    Simd(Level),
    /// A device opened with [`Gpu::open`]. Kernels without a GPU version say so and run as [`Backend::default`].
    Gpu(Arc<Gpu>),
}

impl Default for Backend {
    fn default() -> Self {
        Backend::Simd(Level::new())
    }
}

/// The name that every report carries: `scalar`, `simd (avx2)`, `gpu (NVIDIA H200, Vulkan)`.
impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Backend::Scalar => f.write_str("scalar"),
            Backend::Simd(level) => write!(f, "simd ({})", level_name(*level)),
            Backend::Gpu(gpu) => write!(f, "gpu ({gpu})"),
        }
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `Level` prints its token types; a report wants the instruction set's own name.
fn level_name(level: Level) -> String {
    let debug = format!("{level:?}");
    let name = debug.split('(').next().unwrap_or(&debug);
    name.to_lowercase()
}

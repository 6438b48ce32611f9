//! Inner loops of phy-sec: slices in, slices out.
//!
//! Each kernel's file opens with its scalar version, which is the definition; the SIMD and GPU versions
//! below it are tested against it and are there because a bench shows what they are worth.

pub mod backend;
pub mod bits;
pub mod convert;
pub mod correlate;
pub mod energy;
pub mod error;
pub mod fft;
pub mod fir;
pub mod gpu;
pub mod moments;
pub mod nco;
pub mod overlap_save;
pub mod stft_power;
pub mod toeplitz;
pub mod welch;
pub mod window;
pub mod xcorr;

pub use backend::Backend;
pub use error::{Error, Result};
pub use fearless_simd::Level;
pub use gpu::Gpu;

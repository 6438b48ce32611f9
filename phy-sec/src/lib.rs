//! Radio samples in, security decisions out.
#![forbid(unsafe_code)]

pub mod bits;
mod error;
pub mod event;
pub mod spectrum;

pub mod burst;

pub use error::{Error, Result};
pub use kernels::Backend;

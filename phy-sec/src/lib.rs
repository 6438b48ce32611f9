//! Radio samples in, security decisions out.
#![forbid(unsafe_code)]

pub mod bits;
pub mod burst;
pub mod channel;
mod error;
pub mod event;
pub mod fingerprint;
pub mod jamming;
pub mod keygen;
pub mod sim;
pub mod spectrum;
#[cfg(test)]
mod testdata;

pub use error::{Error, Result};
pub use kernels::Backend;

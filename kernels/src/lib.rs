//! Inner loops of phy-sec: slices in, slices out. This crate knows neither radios nor keys.
//!
//! Each kernel's file opens with its scalar version, which is the definition; the SIMD and GPU versions
//! below it are tested against it and are there because a bench shows what they are worth
//! (`benches/benches/kernels.rs`; figures in `docs/adr/0003-simd.md`).
//!
//! # Map
//!
//! | What | Where |
//! | --- | --- |
//! | where a kernel runs | [`backend`], [`gpu`] |
//! | bytes of a radio to samples and back | [`convert`] |
//! | power and higher moments | [`energy`], [`moments`] |
//! | inner products, autocorrelation | [`correlate`] |
//! | search for a known waveform | [`xcorr`] |
//! | spectra | [`window`], [`fft`], [`stft_power`], [`welch`] |
//! | filters, decimation, long filters | [`fir`], [`overlap_save`] |
//! | a band into channels | [`channelizer`] |
//! | frequency shift | [`nco`] |
//! | bits and their hash | [`bits`], [`toeplitz`] |
//! | belief propagation over parity checks | [`ldpc`] |
//!
//! Each takes a [`Backend`] and matches it in its own file; one without a GPU version says so. Samples are `Complex32`, full scale 1; frequencies and rates are in hertz.
//! Streaming kernels give the same bits wherever the stream is cut.
//!
//! # Examples
//!
//! Spectra straight from the bytes of an RTL-SDR, in power per hertz:
//!
//! ```
//! use kernels::{Backend, convert::Number, stft_power::{StftConfig, StftPower}, window::Window};
//!
//! let config = StftConfig { size: 256, hop: 128, window: Window::Hann, sample_rate: 2.4e6, ..Default::default() };
//! let mut stft = StftPower::new(config, Backend::default())?;
//! let bytes = vec![200u8; 2 * 1024]; // 1024 samples, nothing but an offset
//! let mut power = vec![0.0; stft.frames(1024) * 256];
//! stft.process_raw(Number::U8, &bytes, &mut power)?;
//! assert_eq!(stft.frames(1024), 7);
//! assert!(power[0] > 1e6 * power[10]); // frame 0: all of it at frequency 0
//! # Ok::<(), kernels::Error>(())
//! ```
//!
//! Where a preamble begins, and a carrier offset taken off:
//!
//! ```
//! use kernels::{Backend, nco, xcorr::Template};
//! use num_complex::Complex32;
//!
//! let backend = Backend::default();
//! let preamble: Vec<_> = (0..64).map(|n| Complex32::cis(0.05 * (n * n) as f32)).collect();
//! let mut x = vec![Complex32::ZERO; 1000];
//! x[300..364].copy_from_slice(&preamble);
//! nco::rotate(&backend, &mut x, 12e3, 1e6)?;
//! nco::rotate(&backend, &mut x, -12e3, 1e6)?; // as a receiver would, once it has measured it
//! let likeness = Template::new(&backend, &preamble)?.correlate(&x);
//! let place = (0..likeness.len()).max_by(|a, b| likeness[*a].total_cmp(&likeness[*b]));
//! assert_eq!(place, Some(300));
//! assert!((likeness[300] - 1.0).abs() < 1e-5);
//! # Ok::<(), kernels::Error>(())
//! ```
//!
//! Privacy amplification's hash, and its linearity over GF(2):
//!
//! ```
//! use kernels::{Backend, toeplitz::Toeplitz};
//!
//! let seed = [0x9E37_79B9_7F4A_7C15, 0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB]; // 128 + 32 - 1 bits
//! let hash = Toeplitz::new(&seed, 128, 32, Backend::default())?;
//! let of = |key: [u64; 2]| {
//!     let mut out = [0];
//!     hash.hash(&key, &mut out).map(|()| out[0])
//! };
//! let (a, b) = ([0x0123_4567, 0x89ab_cdef], [0xdead_beef, 0x0bad_cafe]);
//! assert_eq!(of(a)? ^ of(b)?, of([a[0] ^ b[0], a[1] ^ b[1]])?);
//! # Ok::<(), kernels::Error>(())
//! ```

pub mod backend;
pub mod bits;
pub mod channelizer;
pub mod convert;
pub mod correlate;
pub mod energy;
pub mod error;
pub mod fft;
pub mod fir;
pub mod gpu;
pub mod ldpc;
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

//! Memory that follows the frame, not the number of frames. Alone in its process, so that nothing else counts.
#![cfg(target_os = "linux")]

use kernels::stft_power::StftConfig;
use num_complex::Complex32;
use phy_sec::{Backend, spectrum};

#[path = "../../sdr-io/tests/files/peak.rs"]
mod peak;
use peak::peak;

/// A frame at every sample: a spectrogram of them would be 160 MB, and its mean in `f64` as much again twice over.
#[test]
fn welch_holds_no_spectrogram() {
    let x = vec![Complex32::new(0.6, -0.8); 40_000];
    let before = peak();
    let config = StftConfig { size: 1024, hop: 1, ..Default::default() };
    let mean = spectrum::welch(&x, config, Backend::default()).unwrap();
    let grown = peak() - before;
    assert!((mean.sum() / 1024.0 - 1.0).abs() < 1e-5, "{}", mean.sum());
    assert!(grown < 32 << 20, "{grown} bytes");
}

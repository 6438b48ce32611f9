//! Samples and recordings that the commands are given.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Noise of one standard deviation `level` in both parts, from a counter (Box and Muller), as `cf32_le`.
pub(crate) fn noise(n: usize, level: f64, seed: u64) -> Vec<[f32; 2]> {
    let mut state = seed;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    let mut pair = || {
        let (radius, angle) = (level * (-2.0 * uniform().ln()).sqrt(), std::f64::consts::TAU * uniform());
        [(radius * angle.cos()) as f32, (radius * angle.sin()) as f32]
    };
    (0..n).map(|_| pair()).collect()
}

pub(crate) fn cf32(samples: &[[f32; 2]]) -> Vec<u8> {
    samples.iter().flatten().flat_map(|part| part.to_le_bytes()).collect()
}

/// Adds a tone of amplitude 1.
pub(crate) fn add_tone(samples: &mut [[f32; 2]], cycles: f64) {
    for (n, [re, im]) in samples.iter_mut().enumerate() {
        let (sin, cos) = (std::f64::consts::TAU * cycles * n as f64).sin_cos();
        (*re, *im) = (*re + cos as f32, *im + sin as f32);
    }
}

/// 40,000 samples of noise, a tone, noise: three stretches at frequencies of their own if `retuned`.
pub(crate) fn jammed(folder: &Path, retuned: bool) -> PathBuf {
    let mut samples = noise(120_000, 0.05, 3);
    add_tone(&mut samples[60_000..80_000], 0.2);
    fs::write(folder.join("a.sigmf-data"), cf32(&samples)).unwrap();
    let captures = if retuned {
        r#"{"core:sample_start": 0, "core:frequency": 1e8},
           {"core:sample_start": 40000, "core:frequency": 2e8},
           {"core:sample_start": 119000, "core:frequency": 3e8}"#
    } else {
        r#"{"core:sample_start": 0, "core:frequency": 1e8}"#
    };
    let meta = format!(
        r#"{{"global": {{"core:datatype": "cf32_le", "core:version": "1.2.5", "core:sample_rate": 1e6}},
            "captures": [{captures}], "annotations": []}}"#
    );
    let file = folder.join("a.sigmf-meta");
    fs::write(&file, meta).unwrap();
    file
}

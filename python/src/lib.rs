//! The Python package `phy_sec`: the library's own names for NumPy arrays, and no logic beyond checking them.
//!
//! Every function borrows its arrays as they lie in memory, works without the interpreter lock, and returns new
//! arrays; what the library can be configured with, it can be configured with here, by keyword.
#![forbid(unsafe_code)]

mod array;
mod backend;
mod bits;
mod burst;
mod channel;
mod channelizer;
mod config;
mod detect;
mod entropy;
mod error;
mod estimate;
mod filter;
mod fingerprint;
mod io;
mod jamming;
mod keygen;
mod nco;
mod randomness;
mod reconcile;
mod samples;
mod sim;
mod sketch;
mod space;
mod spectrum;
mod waveform;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _native {
    use super::*;

    #[pymodule_export]
    use backend::backends;
    #[pymodule_export]
    use bits::{pack_bits, toeplitz_hash, unpack_bits};
    #[pymodule_export]
    use burst::{Burst, BurstDetector, find_bursts};
    #[pymodule_export]
    use channel::Csi;
    #[pymodule_export]
    use channelizer::{Channelizer, channelize};
    #[pymodule_export]
    use config::defaults;
    #[pymodule_export]
    use error::{
        BackendError, InputError, InternalError, MalformedError, NotFiniteError, OutOfRangeError, ShapeError,
        TooShortError,
    };
    #[pymodule_export]
    use estimate::estimate_channel;
    #[pymodule_export]
    use filter::{Decimator, Fir, Template, cross_correlate, decimate_with, fir_with};
    #[pymodule_export]
    use io::{Recording, Sink, Source, convert_bytes, create, open, read, write};
    #[pymodule_export]
    use nco::{Nco, rotate};
    #[pymodule_export]
    use samples::{autocorrelation, conjugate_dot, energy_of, moments_of};
    #[pymodule_export]
    use spectrum::{Spectrogram, Stft, spectrogram, stft_power, welch, window};

    /// Fingerprinting: which enrolled transmitter sent a burst, or that none of them did.
    #[pymodule]
    mod fingerprint {
        #[pymodule_export]
        use crate::fingerprint::{
            Gallery, Measurement, Stream, enroll, evaluate, features, impairments, measure, names, replies,
        };
    }

    /// Key generation: from two ends' measurements to one key, with the account of every bit, or to none.
    #[pymodule]
    mod keygen {
        #[pymodule_export]
        use crate::entropy::{
            AdaptiveProportion, RepetitionCount, bit_given_eve, entropy, mutual_information,
            quantized_information, secret_key_capacity,
        };
        #[pymodule_export]
        use crate::estimate::arrangement_of;
        #[pymodule_export]
        use crate::keygen::evaluate::{evaluate, sweep};
        #[pymodule_export]
        use crate::keygen::methods::{learn, methods, preprocess, quantize, quantizer_theory};
        #[pymodule_export]
        use crate::keygen::read::{read_csi, read_parties};
        #[pymodule_export]
        use crate::keygen::{Trace, agree, read_intel5300, read_magnitudes, read_pairs, read_series};
        #[pymodule_export]
        use crate::randomness::randomness;
        #[pymodule_export]
        use crate::reconcile::{
            amplify, choose_reconciler, derive, estimate_error_rate, reconcile, reconcile_strings,
        };
        #[pymodule_export]
        use crate::sketch::SecureSketch;
    }

    /// Jamming detection: from samples to timed events.
    #[pymodule]
    mod jamming {
        #[pymodule_export]
        use crate::detect::{
            WindowTest, average_run_length, cfar, cfar_multiplier, detectors, source_number,
            spectral_kurtosis_thresholds, statistic, threshold, tracy_widom_quantile,
        };
        #[pymodule_export]
        use crate::jamming::{Monitor, detect};
        #[pymodule_export]
        use crate::space::{
            artificial_noise, calibrate_array, delay, direction_spectrum, directions, locate, mitigate,
            same_sender, secrecy_outage, secrecy_rate, suggest,
        };
    }

    /// Seeded scenes: noise, fading, a reciprocal link, what radios do to signals, jammers.
    #[pymodule]
    mod sim {
        #[pymodule_export]
        use crate::sim::{Injected, Mixed, Probes, fade, impair, inject, link, mix, noise};
        #[pymodule_export]
        use crate::waveform::{gfsk, lora, nr_comb, ook, single_carrier, wifi};
    }
}

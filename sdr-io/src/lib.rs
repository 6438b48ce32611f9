//! Samples in and out: raw files, SigMF, WAV, replay. Knows files and devices, not algorithms.
#![forbid(unsafe_code)]

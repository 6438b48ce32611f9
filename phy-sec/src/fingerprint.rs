//! RF fingerprinting: which enrolled transmitter sent a burst, or that none of them did, with the evidence.
//!
//! ```text
//! iq ─► burst ranges ─► feature vector [feature] ─► Identification
//! ```
//!
//! - [`feature`]: what a burst shows of its transmitter, each number with its error or the reason why it is missing
//! - [`burst`]: bursts of known protocols, with the identity that they carry
//! - [`impairment`]: a burst of a known waveform against its model: every offset with its standard error
//! - [`classify`]: from numbers to emitters
//! - [`enroll`]: the gallery, identification with an *unknown* outcome
//! - [`evaluate`]: figures grouped by recording, with the noise-only control
//! - [`recording`]: bursts and stretches without bursts of one recording, as observations

pub mod burst;
pub mod classify;
pub mod enroll;
pub mod evaluate;
pub mod feature;
pub mod impairment;
pub mod recording;

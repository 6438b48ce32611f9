//! Radio samples in, security decisions out: physical-layer security on SIMD and GPU.
//!
//! | room | what is in it |
//! | --- | --- |
//! | [`keygen`] | two ends' measurements of one channel → the same secret key at both ends and its ledger, or no key |
//! | [`fingerprint`] | bursts → which enrolled transmitter sent them, or *unknown*, with the evidence |
//! | [`jamming`] | a stream → timed events: what kind of jammer, where in time and frequency, how sure, why |
//! | [`authenticate`], [`secrecy`] | is this frame from the same place as the last; what a channel keeps secret by itself |
//! | [`channel`], [`spectrum`], [`burst`] | measurements that the three share |
//! | [`event`], [`bits`] | words that they share: SigMF annotations with evidence, packed bit strings |
//! | [`hermitian`] | eigenvalues of small Hermitian matrices |
//! | [`sim`] | seeded scenes: fading, a reciprocal link, impairments, waveforms, jammers |
//!
//! Samples are `&[Complex32]`, full scale 1; rates and frequencies are Hz, times seconds. Nothing here reads a clock, a global
//! generator, the network or the environment: seeds and times are arguments. Streams have `push`, `finish` and `reset`, and
//! cutting one anywhere changes nothing. *No key*, *unknown emitter* and *no jammer* are values; an [`Error`] is what the
//! caller can fix.
//!
//! # A key from a channel, or the reason why not
//!
//! ```
//! use phy_sec::{Backend, keygen, sim};
//!
//! // A probe a second, while somebody walks about: every one of them sees another channel.
//! let link = sim::link::LinkConfig { rounds: 6000, interval: 1.0, subcarriers: 1, snr_db: 30.0, ..Default::default() };
//! let probes = link.run(&mut sim::rng(1))?;
//! let config = keygen::Config::default();
//! let (alice, bob) = (config.trace(&probes.alice)?, config.trace(&probes.bob)?);
//! let agreement = keygen::agree(&alice, &bob, None, &config, 1, Backend::default())?;
//! let (alice, bob) = agreement.keys.expect("this channel moves, and both ends see it");
//! assert!(alice.expose() == bob.expose() && agreement.report.released_bits >= 128);
//! # Ok::<(), phy_sec::Error>(())
//! ```
//!
//! # What a burst says about its transmitter
//!
//! ```
//! use phy_sec::{Backend, fingerprint, sim};
//!
//! // 20 ms of noise with one burst of a carrier, 12 kHz off, in it.
//! let mut x = sim::noise(&mut sim::rng(1), 20_000, 1e-4);
//! for (n, x) in x[8_000..12_000].iter_mut().enumerate() {
//!     *x += num_complex::Complex32::from_polar(0.5, std::f32::consts::TAU * 0.012 * n as f32);
//! }
//! let recording = fingerprint::recording::measure(&x, 1e6, &Default::default(), &Backend::default())?;
//! assert_eq!(recording.bursts.len(), 1);
//! # Ok::<(), phy_sec::Error>(())
//! ```
//!
//! # A jammer in a stream
//!
//! ```
//! use phy_sec::{Backend, jamming, sim};
//! use sim::jammer::{Jammer, Ratio};
//!
//! let mut rng = sim::rng(1);
//! let noise = sim::noise(&mut rng, 200_000, 1e-3);
//! let tone = Jammer::Window { start: 0.12, duration: 0.05, of: Box::new(Jammer::Tone { frequency: 137e3 }) };
//! let mixed = sim::jammer::mix(&noise, &tone, Ratio::Jnr { db: 10.0, noise_power: 1e-3 }, 1e6, &mut rng)?;
//!
//! let config = jamming::Config { sample_rate: 1e6, learn: 0.1, ..Default::default() };
//! let events = jamming::detect_jamming(&mixed.samples, config, Backend::default())?;
//! assert_eq!(events.len(), 1);
//! println!("{} at sample {}", events[0].class, events[0].sample_start);
//! # Ok::<(), phy_sec::Error>(())
//! ```
#![forbid(unsafe_code)]

pub mod authenticate;
pub mod bits;
pub mod burst;
pub mod channel;
mod error;
pub mod event;
pub mod fingerprint;
pub mod hermitian;
pub mod jamming;
pub mod keygen;
pub mod secrecy;
pub mod sim;
pub mod spectrum;
#[cfg(test)]
mod testdata;

pub use error::{Error, Result};
pub use kernels::Backend;

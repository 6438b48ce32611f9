//! Inputs and reporting shared by the benches.
//!
//! # Suites
//!
//! `cargo bench -p phy-sec-benches --bench NAME -- FILTER` runs the rows of a suite whose names hold `FILTER`; without it, all.
//!
//! | suite | rows |
//! | --- | --- |
//! | `kernels` | each kernel's definition beside its SIMD version, and a plain use of `rustfft` where there is one |
//! | `gpu` | the kernels that run on a GPU, beside the processor; `--features gpu` |
//! | `jamming` | the monitor on noise and on a jammed band, the sliding CFAR detectors |
//! | `fingerprint` | bursts found, measured, given to transmitters |
//! | `keygen` | the SP 800-22 tests; every quantizer and preprocessor of the tables |
//! | `entropy` | the estimators of SP 800-90B |
//! | `reconcile`, `ldpc` | Cascade, 64 frames a word; sweeps of belief propagation |
//!
//! Each checks its answer before it is timed. Only ratios of rows of one run mean anything on a machine that does other work.
//! `cargo run --release -p phy-sec-benches --bin peers` prints the JSON lines of the peers harness.
//!
//! The inputs are those of that harness (`../shared/peers` beside the repository): read from `$PEERS_HOME/inputs` where they
//! are, made here, to the same bits, where they are not.
//!
//! # The same input for everybody
//!
//! ```
//! use phy_sec_benches::inputs;
//!
//! let noise = inputs::noise(1 << 14);
//! let power = noise.iter().map(|x| f64::from(x.norm_sqr())).sum::<f64>() / noise.len() as f64;
//! assert!((power - 1.0).abs() < 0.05, "{power}");
//! ```
//!
//! # A search whose answer is known
//!
//! ```
//! use kernels::{Backend, xcorr::Template};
//! use phy_sec_benches::inputs;
//!
//! let place = inputs::planted_places()[0];
//! let start = place.saturating_sub(1000);
//! let x = &inputs::planted()[start..start + 4096];
//! let likeness = Template::new(&Backend::default(), &inputs::template())?.correlate(x);
//! let best = (0..likeness.len()).max_by(|a, b| likeness[*a].total_cmp(&likeness[*b]));
//! assert_eq!(best, Some(place - start));
//! # Ok::<(), kernels::Error>(())
//! ```
//!
//! # A row of the peers harness
//!
//! ```
//! use phy_sec_benches::measure::{Workload, time};
//!
//! let (mut sum, work) = (0.0, 1 << 20);
//! let times = time(|| sum = (0..work).map(f64::from).sum());
//! assert!(times.len() >= 5 && times.is_sorted());
//! let row = Workload { name: "W0.sum", peer: "phy-sec", threads: 1, work: f64::from(work), unit: "MS/s", n: 1 << 20 };
//! row.report(&times, None, sum);
//! ```

pub mod inputs;
pub mod measure;
pub mod randomness;

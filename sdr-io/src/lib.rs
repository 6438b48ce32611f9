//! Radio samples in and out. Knows files and devices, not algorithms.
//!
//! | you want | you call |
//! | --- | --- |
//! | samples from anything, by name | [`open`], with [`OpenOptions`] for what the file does not say |
//! | samples to a file, by name | [`create`], with [`CreateOptions`] |
//! | the blocks of a stream and their gaps | [`Source::read`], which returns [`Read`] with [`Lost`] |
//! | SigMF metadata, captures, annotations | [`sigmf::Metadata`] |
//! | a recording at the speed of the radio, or in a loop | [`Replay`] |
//! | the name of a sample format | [`Datatype`] |
//! | a recording that survives `kill -9`, with limits and rotation | [`record::Recorder`] |
//! | a stream that runs: several consumers, a watchdog, restarts | [`runtime`] |
//!
//! | extension | read | written | module |
//! | --- | --- | --- | --- |
//! | `.sigmf-meta`, `.sigmf-data` | yes | yes | [`sigmf`] |
//! | `.sigmf` (archive) | yes, without unpacking | yes | [`sigmf`] |
//! | `.wav` (RIFF, RF64, BW64) | yes | yes | [`wav`] |
//! | `.cu8 .cs8 .cs16 .cf32 .complex16s` ... | yes | yes | [`raw`] |
//! | any other, with a stated datatype | yes | yes | [`raw`] |
//! | `soapy:...`, a radio (feature `soapy`) | yes | yes, it transmits | `soapy` |
//!
//! Samples are [`Complex32`] with full scale 1, in arrays `[channel, sample]`; rates and frequencies are in Hz.
//! A recording of any size is read with less than 4 MiB of memory. Files are hostile until proven otherwise:
//! nothing is allocated by a number that a file claims, metadata names no file outside its own folder, and
//! every fault is an [`Error`] that says where it is.
//!
//! # A recording, block by block
//!
//! ```
//! use ndarray::Array2;
//! use num_complex::Complex32;
//! use sdr_io::{OpenOptions, open};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("remote.cu8");
//! # std::fs::write(&path, [255, 0].repeat(5000)).unwrap();
//! # let path = path.to_str().unwrap();
//! let mut source = open(&format!("file:{path}?rate=250k&freq=433.92M"), &OpenOptions::default())?;
//! let mut block = Array2::<Complex32>::zeros((source.info().channels, 4096));
//! let mut total = 0;
//! while let Some(read) = source.read(block.view_mut())? {
//!     if read.lost_before.is_gap() {
//!         println!("samples are missing before {}", read.sample_start);
//!     }
//!     total += read.samples; // block[[channel, 0..read.samples]] is what was read
//! }
//! assert_eq!(total, 5000);
//! # Ok::<(), sdr_io::Error>(())
//! ```
//!
//! # Samples into SigMF, with an annotation
//!
//! ```
//! use ndarray::Array2;
//! use num_complex::Complex32;
//! use sdr_io::{CreateOptions, Read, create, sigmf::Annotation};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("tone.sigmf");
//! # let path = path.to_str().unwrap();
//! let options = CreateOptions { sample_rate: Some(1e6), ..CreateOptions::default() };
//! let mut sink = create(path, &options)?;
//! let samples = Array2::from_elem((1, 1000), Complex32::new(0.5, -0.5));
//! sink.write(samples.view(), &Read { samples: 1000, center_frequency: Some(868e6), ..Read::default() })?;
//! sink.annotate(Annotation { label: Some("tone".into()), ..Annotation::new(100, 50) })?;
//! sink.finish()?; // the file appears now, whole, with its SHA-512
//! # Ok::<(), sdr_io::Error>(())
//! ```
//!
//! # As if it were live
//!
//! ```
//! use ndarray::Array2;
//! use num_complex::Complex32;
//! use sdr_io::{Lost, OpenOptions, open};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("remote.cu8");
//! # std::fs::write(&path, [255, 0].repeat(1000)).unwrap();
//! # let path = path.to_str().unwrap();
//! let mut source =
//!     open(&format!("file:{path}?rate=1M&realtime=true&loop=true"), &OpenOptions::default())?;
//! let mut block = Array2::<Complex32>::zeros((1, 1000));
//! let begun = std::time::Instant::now();
//! let first = source.read(block.view_mut())?.unwrap();
//! let again = source.read(block.view_mut())?.unwrap();
//! assert!(begun.elapsed().as_secs_f64() >= 0.002); // 2000 samples at 1 MHz, not sooner
//! assert_eq!((first.sample_start, again.sample_start), (0, 1000));
//! assert_eq!(again.lost_before, Lost::Unknown); // at the seam, from the end to the beginning
//! # Ok::<(), sdr_io::Error>(())
//! ```
#![deny(unsafe_code)] // but for `soapy::ffi`, which calls C

mod dataset;
mod encode;
mod error;
mod format;
mod open;
mod options;
mod partial;
mod radio;
pub mod raw;
pub mod record;
mod replay;
pub mod runtime;
pub mod sigmf;
#[cfg(feature = "soapy")]
pub mod soapy;
mod stream;
pub mod wav;

pub use error::{Error, Result};
pub use format::Datatype;
pub use kernels::convert::{Endian, Number};
use ndarray::{ArrayView2, ArrayViewMut2};
use num_complex::Complex32;
pub use open::{create, open, parse_hertz};
pub use options::{CreateOptions, NonFinite, OpenOptions};
pub use radio::RadioError;
pub use replay::{Clock, Replay, ReplayOptions, SystemClock};
use sigmf::{Annotation, Metadata};
pub use stream::{Lost, Read, StreamInfo, Time};

/// Most channels that a recording may have. Everything known has a few dozen.
pub const MAX_CHANNELS: usize = 4096;

/// Where samples come from.
pub trait Source: Send {
    /// What is known of the whole stream.
    fn info(&self) -> &StreamInfo;

    /// Fills the first columns of `out`, `[channel, sample]`, and says where they stand; `None` at the end.
    ///
    /// At most the width of `out`, less at the end of a capture: a block never straddles a gap or a retuning.
    ///
    /// # Errors
    /// [`Error::Shape`] if `out` has no columns or not the stream's number of channels; [`Error::NotFinite`] for
    /// a NaN or infinite sample, after everything before it has been handed over; [`Error::Io`].
    fn read(&mut self, out: ArrayViewMut2<'_, Complex32>) -> Result<Option<Read>>;

    /// Goes to a sample, by its [`Read::sample_start`]. The next block reports no loss before it.
    ///
    /// # Errors
    /// [`Error::NoSuchSample`] outside the stream; [`Error::NotSeekable`] for a radio.
    fn seek(&mut self, sample: u64) -> Result<()> {
        let _ = sample;
        Err(Error::NotSeekable)
    }

    /// What the recording says about stretches of itself, in order of their beginning.
    fn annotations(&self) -> &[Annotation] {
        &[]
    }

    /// What a radio did otherwise than it was asked: a gain out of its range, a rate that was accepted all the same.
    fn notes(&self) -> &[String] {
        &[]
    }

    /// All that a SigMF recording says about itself.
    fn metadata(&self) -> Option<&Metadata> {
        None
    }
}

/// Where samples go. Nothing appears under the final name before [`Sink::finish`]; a sink that is dropped
/// without it leaves nothing behind.
pub trait Sink: Send {
    /// Appends the first `read.samples` columns of `samples`, `[channel, sample]`. `read` is what the source said
    /// of them; it decides where a new capture begins.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NotFinite`], [`Error::Io`]; [`Error::Unsupported`] if the format cannot say what
    /// `read` says, such as a gap in a raw file.
    fn write(&mut self, samples: ArrayView2<'_, Complex32>, read: &Read) -> Result<()>;

    /// Adds an annotation, in any order. Its samples count as those of the blocks written.
    ///
    /// # Errors
    /// [`Error::Unsupported`] by formats other than SigMF.
    fn annotate(&mut self, annotation: Annotation) -> Result<()>;

    /// Real components so far that exceeded full scale and were saturated. Always 0 for floating point.
    fn clipped(&self) -> u64;

    /// Completes the file and gives it its name.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Metadata`] if an annotation does not fit the samples.
    fn finish(self: Box<Self>) -> Result<()>;
}

//! What can be wrong with a recording or with how it was asked for. Each message names the file, the
//! rule and what was found, so that the caller can mend it.

use std::{io, path::PathBuf};

use crate::{Datatype, RadioError, sigmf::ArchiveError, sigmf::MetadataError, wav::WavError};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message prints
pub enum Error {
    /// The operating system refused.
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },

    /// A folder, pipe, socket or device where a file is needed.
    #[error("{}: not a regular file", path.display())]
    NotAFile { path: PathBuf },

    /// The file would be overwritten. Remove it first, or ask for overwriting.
    #[error("{}: exists already", path.display())]
    Exists { path: PathBuf },

    /// The file resolves to a place outside the folder that it must lie in.
    #[error("{}: leads out of its folder to {}", path.display(), target.display())]
    OutsideFolder { path: PathBuf, target: PathBuf },

    /// The source or destination cannot be understood.
    #[error("`{uri}`: {problem}")]
    Uri { uri: String, problem: String },

    /// A radio was asked for by a name of its own.
    #[error(
        "`{scheme}:` names a radio: open it through SoapySDR, such as soapy:driver={scheme}?rate=1M&freq=433.92M"
    )]
    NoRadio { scheme: String },

    /// A radio was asked for, and this build has none.
    #[error(
        "this build opens no radios: install SoapySDR (apt-get install libsoapysdr-dev pkg-config) and build with \
         --features soapy"
    )]
    NoSoapy,

    /// A radio.
    #[error("{device}: {error}")]
    Radio { device: String, error: RadioError },

    /// The name of a sample format is not one.
    #[error("`{got}` is not a datatype: {rule}")]
    Datatype { got: String, rule: &'static str },

    /// A raw file does not say how its samples are stored, and neither did the caller.
    #[error(
        "{}: a raw file does not say how its samples are stored; state the datatype, such as cu8 or ci16_le",
        path.display()
    )]
    NoDatatype { path: PathBuf },

    /// An option is impossible, or contradicts what the file says of itself.
    #[error("{option} must be {rule}, got {got}")]
    Option { option: &'static str, rule: String, got: String },

    /// There is not a single sample.
    #[error("{}: holds no samples", path.display())]
    Empty { path: PathBuf },

    /// The file ends inside a sample. It was cut, or the datatype is wrong.
    #[error(
        "{}: {bytes} bytes are not a whole number of samples of {sample_bytes} bytes",
        path.display()
    )]
    PartialSample { path: PathBuf, bytes: u64, sample_bytes: usize },

    /// The values make sense only in the other byte order.
    #[error("{}: read as {declared} the values are absurd, read as {plausible} they are not", path.display())]
    ByteOrder { path: PathBuf, declared: Datatype, plausible: Datatype },

    /// A sample is NaN or infinite.
    #[error("sample {sample} of channel {channel} is not finite")]
    NotFinite { sample: u64, channel: usize },

    /// The caller's array does not fit the stream.
    #[error("{what} must be {need}, got {got}")]
    Shape { what: &'static str, need: String, got: usize },

    /// There is no such sample.
    #[error("sample {sample} is outside {start}..{end}")]
    NoSuchSample { sample: u64, start: u64, end: u64 },

    /// Only sources with a beginning can be rewound.
    #[error("this source cannot be rewound")]
    NotSeekable,

    /// The dataset is not the one that the metadata was written for.
    #[error("{}: SHA-512 is {got}, the metadata says {want}", path.display())]
    Checksum { path: PathBuf, want: String, got: String },

    /// A check was asked for, and there is nothing to check against.
    #[error("{}: there is no core:sha512 to check the samples against", path.display())]
    NoChecksum { path: PathBuf },

    /// A read did not return. The radio was unplugged, or its driver hangs.
    #[error("the source is silent: nothing came for {seconds:.1} s")]
    Silent { seconds: f64 },

    /// The operating system gives no more threads.
    #[error("cannot start a thread: {error}")]
    Thread { error: io::Error },

    /// The format has no place for it.
    #[error("{format} has no place for {what}")]
    Unsupported { format: &'static str, what: String },

    /// SigMF metadata.
    #[error("{}: {error}", path.display())]
    Metadata { path: PathBuf, error: MetadataError },

    /// A SigMF archive.
    #[error("{}: {error}", path.display())]
    Archive { path: PathBuf, error: ArchiveError },

    /// A WAV file.
    #[error("{}: {error}", path.display())]
    Wav { path: PathBuf, error: WavError },
}

impl Error {
    /// For `map_err`: attaches the path that the operating system left out.
    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(io::Error) -> Error + '_ {
        move |error| Error::Io { path: path.to_owned(), error }
    }
}

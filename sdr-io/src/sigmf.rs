//! SigMF 1.2: recordings that say what they are.
//!
//! | file | holds |
//! | --- | --- |
//! | `metadata.rs` | [`Metadata`], [`Global`], [`Capture`], [`Annotation`] |
//! | `rules.rs` | the rules of the specification that concern them alone |
//! | `maps.rs` | their fields from and to JSON objects |
//! | `json.rs`, `fields.rs` | reading JSON that an attacker wrote: limits, duplicate keys, exact places of faults |
//! | `segments.rs` | captures to byte ranges and gaps |
//! | `source.rs`, `sink.rs` | recordings read and written, as pairs of files or as an archive |
//! | `archive.rs` | the tar format, in place |
//!
//! What is decided where the specification leaves room, or `sigmf-python` is more lenient than it:
//!
//! - captures and annotations out of order, a byte order mark, a key that occurs twice: refused
//! - a capture or an annotation that reaches beyond the data: refused
//! - `core:metadata_only` beside a dataset: the dataset is read, as the specification allows; together with
//!   `core:dataset` it is refused, as the specification forbids it
//! - an extension that is required and not known: refused, unless the caller says that it knows it
//! - a retuning, or clocks that disagree with the sample count, without `core:global_index`: a gap of
//!   unknown length
//! - links: followed inside the recording's folder, refused where they lead out of it
//! - `core:sha512`: checked on request, because that reads the whole file
//! - archives: uncompressed tar only, one recording, read where they lie; nothing is unpacked
//!
//! # Source
//! The SigMF specification, version 1.2.5, and its JSON schema; POSIX.1-2001 pax for archives.

mod archive;
mod fields;
mod json;
mod maps;
mod metadata;
mod rules;
mod segments;
mod sink;
mod source;

pub use archive::ArchiveError;
pub use json::{MAX_BYTES, MAX_DEPTH, MAX_SEGMENTS, MAX_VALUES};
pub use metadata::{Annotation, Capture, Extension, Global, Metadata, MetadataError};
pub use serde_json::{Map, Value};
pub use sink::SigmfSink;
pub use source::SigmfSource;
pub(crate) use source::agree;

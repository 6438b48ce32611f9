//! Files that are written and read back, files that should never have been written, and files that are
//! half nonsense.

mod bad_archive;
mod bad_data;
mod bad_meta;
mod bad_wav;
mod fixtures;
mod fuzz;
mod metadata;
mod mutate;
mod recordings;
mod round_trip;

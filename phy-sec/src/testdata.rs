//! Where the tests find the real recordings. They are not part of the repository.

use std::path::PathBuf;

/// `../shared/data/NAME`, or below the environment variable `PHY_SEC_DATA`. Where it is absent a test says so and
/// passes; in CI its absence is a failure.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PHY_SEC_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")),
        PathBuf::from,
    );
    let path = root.join(name);
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing", path.display());
    eprintln!("SKIPPED: {} is not there (set PHY_SEC_DATA)", path.display());
    None
}

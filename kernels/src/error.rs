//! What a caller of a kernel can fix: a parameter outside its range, a slice of the wrong length.
//!
//! Plain functions over slices panic on unequal lengths and on nothing else; the configured kernels
//! (`StftPower`, `Toeplitz`, `Fir`, ...) return these, and so does everything that runs on a GPU.

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// What was wrong with a configuration or with a slice handed over.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter outside its range.
    #[error("{field} must be {rule}, got {got}")]
    OutOfRange {
        /// The parameter, as it is spelled in configuration.
        field: &'static str,
        /// The range, in words.
        rule: &'static str,
        /// The value, printed.
        got: String,
    },
    /// A slice whose length does not fit the configuration or the other slices.
    #[error("{what} must hold {need} {unit}, got {got}")]
    Length {
        /// Which slice.
        what: &'static str,
        /// How many elements it must hold.
        need: usize,
        /// What is counted: samples, values, bytes, words.
        unit: &'static str,
        /// How many it holds.
        got: usize,
    },
    /// The library was built without the feature `gpu`.
    #[error("this build has no GPU support: build with `--features gpu`, or use backend `simd`")]
    GpuNotBuilt,
    /// No GPU adapter at all, or none that fits the choice.
    #[error("no GPU adapter fits `{wanted}`; found: {found}")]
    NoAdapter {
        /// The choice as it was given.
        wanted: String,
        /// The adapters there are.
        found: String,
    },
    /// The adapter is there but would not open.
    #[error("the GPU adapter {adapter} did not open: {reason}")]
    AdapterRefused {
        /// The adapter's name.
        adapter: String,
        /// The driver's words.
        reason: String,
    },
    /// The device is gone: unplugged, reset by its driver, or closed. Open it again; buffers on it are lost.
    #[error("the GPU device is lost: {reason}")]
    DeviceLost {
        /// The driver's words.
        reason: String,
    },
    /// The device has no memory left. Use smaller batches, or drop buffers.
    #[error("the GPU is out of memory: {what}")]
    OutOfMemory {
        /// What the memory was for.
        what: String,
    },
    /// One piece needs more than the device's limit, and cannot be cut smaller.
    #[error("{what} needs {need} {unit}, over the GPU device's limit of {limit}")]
    OverLimit {
        /// What was asked for.
        what: &'static str,
        /// How much it needs.
        need: u64,
        /// What is counted: bytes, workgroups.
        unit: &'static str,
        /// How much there may be.
        limit: u64,
    },
    /// The driver or its validation refused a command: a bug, here or there.
    #[error("the GPU refused a command: {reason}")]
    DeviceFault {
        /// The validation's own text.
        reason: String,
    },
}

impl Error {
    pub(crate) fn out_of_range(field: &'static str, rule: &'static str, got: impl ToString) -> Self {
        Error::OutOfRange { field, rule, got: got.to_string() }
    }

    /// `Ok` when `got == need`.
    pub(crate) fn check_length(
        what: &'static str,
        need: usize,
        unit: &'static str,
        got: usize,
    ) -> Result<()> {
        if got == need { Ok(()) } else { Err(Error::Length { what, need, unit, got }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_field_rule_and_value() {
        let error = Error::out_of_range("hop", "at least 1", 0);
        assert_eq!(error.to_string(), "hop must be at least 1, got 0");
        let error = Error::check_length("out", 12, "values", 11).unwrap_err();
        assert_eq!(error.to_string(), "out must hold 12 values, got 11");
    }
}

//! What a caller can fix. *No key*, *unknown emitter* and *no jammer* are values, not errors.

/// The library's result.
pub type Result<T> = std::result::Result<T, Error>;

/// What was wrong with an argument or with a file's content: the field, the rule, and what was got.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input is too short to give an answer at all. Collect more.
    #[error("{what} needs at least {need} {unit}, got {got}")]
    TooShort {
        /// What was to be computed.
        what: &'static str,
        /// The least that it takes.
        need: usize,
        /// What is counted: samples, bits, bursts.
        unit: &'static str,
        /// How many there were.
        got: usize,
    },
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
    /// Two arrays that belong together do not fit together.
    #[error("{what} must have shape {need}, got {got}")]
    Shape {
        /// Which array.
        what: &'static str,
        /// The shape it must have, slowest axis first.
        need: String,
        /// The shape it has.
        got: String,
    },
    /// A NaN or an infinity where a number is needed.
    #[error("{what} holds a NaN or an infinity at index {index}")]
    NotFinite {
        /// Which input.
        what: &'static str,
        /// The first place.
        index: usize,
    },
    /// A file or message that is not what it claims to be.
    #[error("{what}, {place}: {reason}")]
    Malformed {
        /// What was being read: "Intel 5300 log", "CSV".
        what: &'static str,
        /// Where: "line 12", "byte 95".
        place: String,
        /// What was wrong there.
        reason: String,
    },
    /// A kernel's configuration that cannot be, or a device that failed.
    #[error(transparent)]
    Kernel(#[from] kernels::Error),
}

//! What can go wrong with a radio, whether or not this build can open one.

/// Why a radio does not do what was asked of it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message prints
pub enum RadioError {
    /// The driver refused a call. Its own text says why.
    #[error("cannot {call}: {text}")]
    Refused { call: &'static str, text: String },

    /// The radio has no such thing.
    #[error("there is no {what} {got}; there is {there}")]
    NotThere { what: &'static str, got: String, there: String },

    /// A rate or frequency that the radio set is more than 100 ppm off. Ask for one that it has, or for `mismatch=warn`.
    #[error(
        "asked for a {what} of {asked} Hz, and the radio set {got} Hz; mismatch=warn in the URI accepts that"
    )]
    Mismatch { what: &'static str, asked: f64, got: f64 },

    /// No sample came for that long: unplugged, stalled, or waiting for a clock that is not connected.
    #[error("no sample for {seconds:.1} s")]
    Silent { seconds: f64 },

    /// The stream is broken. It has to be opened again.
    #[error("the stream broke while it was to {call}: {text}")]
    Broken { call: &'static str, text: String },

    /// The moment at which it was to begin had passed.
    #[error("the time to begin had passed already")]
    Late,
}

impl RadioError {
    /// Whether opening the radio again may help, as for one that was unplugged; nothing else is the caller's to mend.
    pub fn reopen(&self) -> bool {
        matches!(self, RadioError::Silent { .. } | RadioError::Broken { .. })
    }
}

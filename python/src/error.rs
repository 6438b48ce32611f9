//! What Python sees when something is wrong: classes beneath `ValueError`, `RuntimeError` and `OSError`, with the
//! library's own texts. A panic in the library is caught here and becomes an exception too.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::{create_exception, exceptions, prelude::*};

create_exception!(
    phy_sec,
    InputError,
    exceptions::PyValueError,
    "An argument or a file that cannot be used. The text names it, says the rule and what was got."
);
create_exception!(phy_sec, TooShortError, InputError, "The input is too short to give an answer at all.");
create_exception!(phy_sec, OutOfRangeError, InputError, "A parameter outside its range.");
create_exception!(phy_sec, ShapeError, InputError, "An array of the wrong type, shape or layout.");
create_exception!(phy_sec, NotFiniteError, InputError, "A NaN or an infinity where a number is needed.");
create_exception!(phy_sec, MalformedError, InputError, "A file or message that is not what it claims to be.");
create_exception!(
    phy_sec,
    BackendError,
    exceptions::PyRuntimeError,
    "The backend cannot do it: no adapter, a lost device, too little memory."
);
create_exception!(
    phy_sec,
    InternalError,
    exceptions::PyRuntimeError,
    "A defect of phy_sec itself. Please report it; the object that raised it should not be used further."
);

/// A library error on its way to Python.
pub(crate) struct Failure(PyErr);

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> PyErr {
        failure.0
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Failure {
        Failure(error)
    }
}

impl From<kernels::Error> for Failure {
    fn from(error: kernels::Error) -> Failure {
        use kernels::Error;
        let text = error.to_string();
        Failure(match error {
            Error::OutOfRange { .. } => OutOfRangeError::new_err(text),
            Error::Length { .. } => ShapeError::new_err(text),
            // What is not the caller's argument is the device's; the enum may grow.
            _ => BackendError::new_err(text),
        })
    }
}

impl From<phy_sec::Error> for Failure {
    fn from(error: phy_sec::Error) -> Failure {
        use phy_sec::Error;
        let text = error.to_string();
        Failure(match error {
            Error::Kernel(error) => return error.into(),
            Error::TooShort { .. } => TooShortError::new_err(text),
            Error::OutOfRange { .. } => OutOfRangeError::new_err(text),
            Error::Shape { .. } => ShapeError::new_err(text),
            Error::NotFinite { .. } => NotFiniteError::new_err(text),
            Error::Malformed { .. } => MalformedError::new_err(text),
        })
    }
}

impl From<sdr_io::Error> for Failure {
    fn from(error: sdr_io::Error) -> Failure {
        use sdr_io::Error;
        let text = error.to_string();
        Failure(match error {
            // Python's own classes, `FileNotFoundError` and the like, by way of errno.
            Error::Io { path, error } => match error.raw_os_error() {
                Some(errno) => {
                    let reason = error.to_string();
                    exceptions::PyOSError::new_err((errno, without_code(&reason), path))
                }
                None => exceptions::PyOSError::new_err(text),
            },
            Error::Exists { path } => exceptions::PyFileExistsError::new_err((
                17, // EEXIST everywhere
                "exists already: remove it or pass overwrite=True",
                path,
            )),
            Error::Option { .. } | Error::Datatype { .. } | Error::NoSuchSample { .. } => {
                OutOfRangeError::new_err(text)
            }
            Error::Shape { .. } => ShapeError::new_err(text),
            Error::NotFinite { .. } => NotFiniteError::new_err(text),
            Error::PartialSample { .. }
            | Error::ByteOrder { .. }
            | Error::Checksum { .. }
            | Error::Empty { .. }
            | Error::Metadata { .. }
            | Error::Archive { .. }
            | Error::Wav { .. } => MalformedError::new_err(text),
            // Not a file, a path out of its folder, a URI, a missing datatype, what a format has no place for.
            _ => InputError::new_err(text),
        })
    }
}

/// Rust adds "(os error 2)" to the system's words, Python puts "[Errno 2]" before them.
fn without_code(reason: &str) -> String {
    reason.split(" (os error").next().unwrap_or(reason).to_owned()
}

/// Runs `work` without the interpreter lock, so that other Python threads go on meanwhile.
pub(crate) fn detached<T, E>(py: Python<'_>, work: impl FnOnce() -> Result<T, E> + Send) -> PyResult<T>
where
    T: Send,
    E: Into<Failure> + Send,
{
    match py.detach(|| catch_unwind(AssertUnwindSafe(work))) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.into().into()),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            Err(InternalError::new_err(format!("phy_sec has a defect, please report it: {text}")))
        }
    }
}

//! Code-offset secure sketches.

use numpy::PyArray1;
use phy_sec::keygen::reconcile::algebraic::{Bch, Code, ReedSolomon};
use pyo3::prelude::*;
use zeroize::Zeroizing;

use crate::{
    array,
    error::{Failure, OutOfRangeError, ShapeError},
};

/// A code-offset secure sketch: a word plus a random codeword, from which whoever has nearly the same word gets it back.
///
/// Parameters
/// ----------
/// m : int
///     Bits of the field, 2 to 14: words have at most ``2**m - 1`` symbols.
/// errors : int
///     Wrong symbols that are corrected, 1 and more.
/// code : str
///     ``"bch"`` (symbols are bits) or ``"reed_solomon"`` (symbols of ``m`` bits).
///
/// Raises
/// ------
/// OutOfRangeError
///     No such code.
///
/// Notes
/// -----
/// A sketch tells ``checks`` symbols of the word, which whoever makes a key of the word must count. Juels and Wattenberg, A fuzzy
/// commitment scheme, ACM CCS 1999; Dodis, Ostrovsky, Reyzin and Smith, Fuzzy extractors, SIAM J. Comput. 38(1), 2008, section 5.
#[pyclass(frozen, module = "phy_sec.keygen")]
pub(crate) struct SecureSketch(Box<dyn Code + Send + Sync>);

#[pymethods]
impl SecureSketch {
    #[new]
    #[pyo3(signature = (m, errors, *, code="bch"))]
    fn new(m: u32, errors: usize, code: &str) -> PyResult<Self> {
        Ok(Self(match code {
            "bch" => Box::new(Bch::new(m, errors).map_err(Failure::from)?),
            "reed_solomon" => Box::new(ReedSolomon::new(m, errors).map_err(Failure::from)?),
            _ => {
                return Err(OutOfRangeError::new_err(format!(
                    "code must be bch or reed_solomon, got {code:?}"
                )));
            }
        }))
    }

    /// Bits of a symbol.
    #[getter]
    fn symbol_bits(&self) -> u32 {
        self.0.symbol_bits()
    }

    /// Most symbols of a word.
    #[getter]
    fn length(&self) -> usize {
        self.0.length()
    }

    /// Symbols that a sketch tells of the word.
    #[getter]
    fn checks(&self) -> usize {
        self.0.checks()
    }

    /// Wrong symbols that are corrected for certain.
    #[getter]
    fn corrects(&self) -> usize {
        self.0.corrects()
    }

    /// The sketch of a word.
    ///
    /// Parameters
    /// ----------
    /// word : numpy.ndarray
    ///     uint16, ``[symbol]``, more than ``checks`` and at most ``length``.
    /// secret : numpy.ndarray
    ///     uint16, ``[symbol]``, ``len(word) - checks`` uniform symbols that nobody else knows and that are used once:
    ///     ``secrets.randbits`` has such.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray
    ///     uint16, as long as ``word``; it may be said in public.
    ///
    /// Raises
    /// ------
    /// ShapeError
    ///     An argument has another type or length.
    /// OutOfRangeError
    ///     A symbol has more bits than ``symbol_bits``.
    fn sketch<'py>(
        &self,
        py: Python<'py>,
        word: &Bound<'py, PyAny>,
        secret: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray1<u16>>> {
        let word = self.word("word", word)?;
        let secret = self.symbols("secret", secret)?;
        let need = word.len() - self.0.checks();
        if secret.len() != need {
            return Err(ShapeError::new_err(format!(
                "secret must have shape [{need}], got [{}]",
                secret.len()
            )));
        }
        Ok(array::row(py, self.0.offset(&word, &secret).to_vec()))
    }

    /// The word that a sketch was made of.
    ///
    /// Parameters
    /// ----------
    /// copy : numpy.ndarray
    ///     uint16, ``[symbol]``: the word, up to ``corrects`` symbols.
    /// sketch : numpy.ndarray
    ///     uint16, as long: what :meth:`sketch` gave.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray or None
    ///     uint16: the word. ``None`` where more symbols are wrong than can be corrected; that may go unnoticed, so compare a hash.
    ///
    /// Raises
    /// ------
    /// ShapeError
    ///     An argument has another type or length.
    /// OutOfRangeError
    ///     A symbol has more bits than ``symbol_bits``.
    fn recover<'py>(
        &self,
        py: Python<'py>,
        copy: &Bound<'py, PyAny>,
        sketch: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyArray1<u16>>>> {
        let (copy, sketch) = (self.word("copy", copy)?, self.symbols("sketch", sketch)?);
        if copy.len() != sketch.len() {
            return Err(ShapeError::new_err(format!(
                "sketch must have shape [{}], got [{}]",
                copy.len(),
                sketch.len()
            )));
        }
        Ok(self.0.recover(&copy, &sketch).map(|word| array::row(py, word.to_vec())))
    }
}

impl SecureSketch {
    fn symbols(&self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<Zeroizing<Vec<u16>>> {
        let symbols = Zeroizing::new(array::slice(&array::series::<u16>(name, value)?)?.to_vec());
        let bits = self.0.symbol_bits();
        match symbols.iter().find(|&&symbol| u32::from(symbol) >> bits > 0) {
            None => Ok(symbols),
            Some(symbol) => Err(OutOfRangeError::new_err(format!(
                "{name} must hold symbols of {bits} bits, got {symbol}"
            ))),
        }
    }

    fn word(&self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<Zeroizing<Vec<u16>>> {
        let word = self.symbols(name, value)?;
        let (least, most) = (self.0.checks() + 1, self.0.length());
        if (least..=most).contains(&word.len()) {
            return Ok(word);
        }
        Err(ShapeError::new_err(format!("{name} must have {least} to {most} symbols, got {}", word.len())))
    }
}

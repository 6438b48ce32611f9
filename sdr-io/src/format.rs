//! How a sample is stored: the datatypes of SigMF 1.2 and the names that other tools give them.

use std::{fmt, str::FromStr};

use kernels::convert::{Endian, Number};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The sample format of a recording, as SigMF names it: `cf32_le`, `ri16_be`, `cu8`.
///
/// [`FromStr`] takes SigMF's own names and nothing else; [`Datatype::parse`] takes the names of rtl_433,
/// HackRF, UHD, NumPy, GNU Radio and URH too.
///
/// ```
/// use sdr_io::Datatype;
/// let datatype: Datatype = "ci16_le".parse()?;
/// assert_eq!(datatype.bytes_per_sample(), 4);
/// assert_eq!(Datatype::parse("cs16")?, datatype);
/// # Ok::<(), sdr_io::Error>(())
/// ```
///
/// # Source
/// SigMF 1.2.5, section "SigMF Dataset Format".
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Datatype {
    complex: bool,
    number: Number,
    endian: Endian,
}

impl Datatype {
    /// `cf32_le`: what every tool reads.
    pub const CF32_LE: Datatype = Datatype::new(true, Number::F32, Endian::Little);
    /// `ci16_le`: what most radios deliver.
    pub const CI16_LE: Datatype = Datatype::new(true, Number::I16, Endian::Little);
    /// `cu8`: RTL-SDR.
    pub const CU8: Datatype = Datatype::new(true, Number::U8, Endian::Little);
    /// `ci8`: HackRF.
    pub const CI8: Datatype = Datatype::new(true, Number::I8, Endian::Little);

    /// `complex` samples (real part first) or real ones. Eight bits have no byte order: `endian` is then ignored.
    pub const fn new(complex: bool, number: Number, endian: Endian) -> Self {
        let endian = if number.bytes() == 1 { Endian::Little } else { endian };
        Self { complex, number, endian }
    }

    /// Whether a sample has a real and an imaginary part.
    pub const fn complex(self) -> bool {
        self.complex
    }

    /// How one component is stored.
    pub const fn number(self) -> Number {
        self.number
    }

    /// Byte order of a component.
    pub const fn endian(self) -> Endian {
        self.endian
    }

    /// Components of one sample: 2 or 1.
    pub const fn components(self) -> usize {
        if self.complex { 2 } else { 1 }
    }

    /// Bytes of one sample of one channel: 1 to 16.
    pub const fn bytes_per_sample(self) -> usize {
        self.components() * self.number.bytes()
    }

    /// Whether the stored values are floating point, and so can be NaN.
    pub const fn is_float(self) -> bool {
        matches!(self.number, Number::F32 | Number::F64)
    }

    /// The same numbers in the other byte order.
    pub(crate) const fn swapped(self) -> Self {
        let endian = match self.endian {
            Endian::Little => Endian::Big,
            Endian::Big => Endian::Little,
        };
        Self::new(self.complex, self.number, endian)
    }

    /// Every datatype that SigMF can name.
    pub fn all() -> impl Iterator<Item = Datatype> {
        Number::ALL.into_iter().flat_map(|number| {
            [true, false].into_iter().flat_map(move |complex| {
                let orders: &[Endian] =
                    if number.bytes() == 1 { &[Endian::Little] } else { &[Endian::Little, Endian::Big] };
                orders.iter().map(move |&endian| Datatype::new(complex, number, endian))
            })
        })
    }

    /// From a name as people write it: any case, with or without the leading dot of a file extension,
    /// little-endian unless it says otherwise.
    ///
    /// # Errors
    /// [`Error::Datatype`] if no tool known here uses that name.
    pub fn parse(name: &str) -> Result<Self> {
        let lower = name.trim().trim_start_matches('.').to_ascii_lowercase();
        let (stem, order) = match lower.rsplit_once('_') {
            Some((stem, order @ ("le" | "be"))) => (stem, Some(order)),
            _ => (lower.as_str(), None),
        };
        let stem = ALIASES.iter().find(|(alias, _)| *alias == stem).map_or(stem, |(_, sigmf)| sigmf);
        let order = order.unwrap_or("le");
        format!("{stem}_{order}").parse().or_else(|_| stem.parse()).map_err(|_| Error::Datatype {
            got: name.to_owned(),
            rule: "expected one such as cf32_le, ci16_le, ci8 or cu8",
        })
    }

    /// The datatype that a file extension stands for, where it stands for one: `cu8` does, `bin` does not.
    pub fn of_extension(extension: &str) -> Option<Self> {
        Self::parse(extension).ok()
    }
}

/// What other tools call the same thing, without the byte order.
#[rustfmt::skip]
const ALIASES: &[(&str, &str)] = &[
    ("cs8", "ci8"), ("cs16", "ci16"), ("cs32", "ci32"),                           // rtl_433, HackRF, SoapySDR
    ("sc8", "ci8"), ("sc16", "ci16"), ("sc32", "ci32"), ("fc32", "cf32"), ("fc64", "cf64"), // UHD
    ("complex64", "cf32"), ("complex128", "cf64"), ("cfile", "cf32"), ("fc", "cf32"), // NumPy, GNU Radio
    ("complex", "cf32"), ("complex16u", "cu8"), ("complex16s", "ci8"),             // Universal Radio Hacker
    ("complex32u", "cu16"), ("complex32s", "ci16"),
];

/// SigMF's own names, strictly: lower case, a byte order where there is more than one byte and none where
/// there is one, nothing before and nothing after.
impl FromStr for Datatype {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let error = |rule| Error::Datatype { got: name.to_owned(), rule };
        Datatype::all().find(|datatype| datatype.to_string() == name).ok_or_else(|| {
            let stem = name.strip_suffix("_le").or_else(|| name.strip_suffix("_be")).unwrap_or(name);
            if Datatype::all().any(|datatype| datatype.to_string() == format!("{name}_le")) {
                error("more than eight bits need a byte order, _le or _be")
            } else if stem != name && Datatype::all().any(|datatype| datatype.to_string() == stem) {
                error("eight bits have no byte order")
            } else {
                error("SigMF has c or r; f32, f64, i8, i16, i32, u8, u16 or u32; _le or _be")
            }
        })
    }
}

impl fmt::Display for Datatype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = match self.number {
            Number::U8 => "u8",
            Number::I8 => "i8",
            Number::U16 => "u16",
            Number::I16 => "i16",
            Number::U32 => "u32",
            Number::I32 => "i32",
            Number::F32 => "f32",
            Number::F64 => "f64",
        };
        let order = match (self.number.bytes(), self.endian) {
            (1, _) => "",
            (_, Endian::Little) => "_le",
            (_, Endian::Big) => "_be",
        };
        write!(f, "{}{number}{order}", if self.complex { 'c' } else { 'r' })
    }
}

impl fmt::Debug for Datatype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Datatype {
    type Error = Error;

    fn try_from(name: String) -> Result<Self> {
        name.parse()
    }
}

impl From<Datatype> for String {
    fn from(datatype: Datatype) -> String {
        datatype.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_comes_back() {
        // 2 of eight bits and 6 wider ones in two byte orders, each complex and real.
        assert_eq!(Datatype::all().count(), 2 * (2 + 6 * 2));
        for datatype in Datatype::all() {
            assert_eq!(datatype.to_string().parse::<Datatype>().unwrap(), datatype);
            assert_eq!(Datatype::parse(&datatype.to_string().to_uppercase()).unwrap(), datatype);
        }
    }

    #[test]
    fn strict_names_are_strict() {
        for (name, rule) in [
            ("zz99", "SigMF has c or r; f32, f64, i8, i16, i32, u8, u16 or u32; _le or _be"),
            ("CF32_LE", "SigMF has c or r; f32, f64, i8, i16, i32, u8, u16 or u32; _le or _be"),
            ("cf32", "more than eight bits need a byte order, _le or _be"),
            ("cf32_le\n", "SigMF has c or r; f32, f64, i8, i16, i32, u8, u16 or u32; _le or _be"),
            ("cu8_le", "eight bits have no byte order"),
            ("", "SigMF has c or r; f32, f64, i8, i16, i32, u8, u16 or u32; _le or _be"),
        ] {
            let error = name.parse::<Datatype>().unwrap_err();
            assert_eq!(error.to_string(), format!("`{name}` is not a datatype: {rule}"));
        }
    }

    #[test]
    fn names_of_other_tools() {
        for (name, datatype) in [
            ("cs8", "ci8"),
            (".cs16", "ci16_le"),
            ("CF32", "cf32_le"),
            ("complex", "cf32_le"),
            ("complex16u", "cu8"),
            ("complex16s", "ci8"),
            ("complex32s", "ci16_le"),
            ("complex128", "cf64_le"),
            ("sc16_be", "ci16_be"),
            ("fc32", "cf32_le"),
            ("cu8", "cu8"),
            ("ri16", "ri16_le"),
        ] {
            assert_eq!(Datatype::parse(name).unwrap().to_string(), datatype, "{name}");
        }
        for name in ["bin", "dat", "iq", "wav", "", "cs", "cu8_xe", "ci8_le_le"] {
            assert!(Datatype::parse(name).is_err(), "{name}");
        }
    }
}

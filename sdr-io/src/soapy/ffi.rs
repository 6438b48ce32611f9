//! The one room that calls C. A [`Device`] and a [`Stream`] free what they hold; every call's failure is read back.
//!
//! SoapySDR's C functions catch C++ exceptions and keep their text per thread until the next call on that thread. Drivers
//! are meant to be called from several threads, and a stream by one at a time: hence `Send`, and `&mut` for streams.
#![allow(unsafe_code)]

mod device;
mod stream;

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    ptr,
    sync::mpsc,
    time::Duration,
};

use soapysdr_sys::*;

pub(super) use device::Device;
pub(super) use stream::{Code, Received, Stream};

use super::options::SampleFormat;
use crate::RadioError;

type Result<T> = std::result::Result<T, RadioError>;

/// Longest that closing may take. A driver whose device is gone may never come back.
const CLOSING: Duration = Duration::from_secs(3);

/// Which way samples go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Transmit = SOAPY_SDR_TX as isize,
    Receive = SOAPY_SDR_RX as isize,
}

/// Text for C. A NUL inside has been refused when the URI was read; here it would end the text.
fn c(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).unwrap_or_default()
}

/// Copies a string of C.
///
/// # Safety
/// `text` is null or a string that ends with a NUL.
unsafe fn copied(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// Copies and frees a string that SoapySDR allocated.
///
/// # Safety
/// `text` is null or was returned by a function of SoapySDR that gives its result away.
unsafe fn taken(text: *mut c_char) -> String {
    // SAFETY: the caller's promise, and nobody uses the memory after this.
    unsafe {
        let copy = copied(text);
        SoapySDR_free(text.cast());
        copy
    }
}

/// Copies and frees a list of strings.
///
/// # Safety
/// `list` is null or `length` strings that SoapySDR gave away.
unsafe fn taken_list(mut list: *mut *mut c_char, length: usize) -> Vec<String> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: the caller's promise; cleared once.
    unsafe {
        let copy = (0..length).map(|at| copied(*list.add(at))).collect();
        SoapySDRStrings_clear(&mut list, length);
        copy
    }
}

/// Pairs of text that SoapySDR may change and that are freed at the end.
struct Kwargs(SoapySDRKwargs);

impl Kwargs {
    fn new(pairs: &[(String, String)]) -> Self {
        let mut kwargs = Self(SoapySDRKwargs { size: 0, keys: ptr::null_mut(), vals: ptr::null_mut() });
        for (key, value) in pairs {
            // SAFETY: the structure is valid and the strings outlive the call, which copies them.
            unsafe { SoapySDRKwargs_set(&mut kwargs.0, c(key).as_ptr(), c(value).as_ptr()) };
        }
        kwargs
    }

    fn pairs(&self) -> Vec<(String, String)> {
        // SAFETY: `size` keys and values, as every filled structure has.
        (0..self.0.size)
            .map(|at| unsafe { (copied(*self.0.keys.add(at)), copied(*self.0.vals.add(at))) })
            .collect()
    }
}

impl Drop for Kwargs {
    fn drop(&mut self) {
        // SAFETY: filled by SoapySDR's own functions only.
        unsafe { SoapySDRKwargs_clear(&mut self.0) }
    }
}

/// What the last call on this thread said, if it failed.
fn last(call: &'static str) -> Result<()> {
    // SAFETY: no arguments; the text is this thread's and is copied at once.
    let (status, text) = unsafe { (SoapySDRDevice_lastStatus(), copied(SoapySDRDevice_lastError())) };
    if status == 0 { Ok(()) } else { Err(RadioError::Refused { call, text }) }
}

/// The name of a code.
fn code_name(code: c_int) -> String {
    // SAFETY: returns a constant string for every number.
    unsafe { copied(SoapySDR_errToStr(code)) }
}

/// A code that a call returned.
fn check(call: &'static str, code: c_int) -> Result<()> {
    if code == 0 {
        return Ok(());
    }
    last(call)?;
    Err(RadioError::Refused { call, text: code_name(code) })
}

/// The devices that match, by the arguments that open them.
///
/// Without `driver=` in `filter` this runs the code of every installed module, some of which are known to crash.
pub(super) fn enumerate(filter: &[(String, String)]) -> Vec<Vec<(String, String)>> {
    let filter = Kwargs::new(filter);
    let mut length = 0;
    // SAFETY: the result is `length` structures that are copied and then cleared together.
    unsafe {
        let list = SoapySDRDevice_enumerate(&filter.0, &mut length);
        if list.is_null() {
            return Vec::new();
        }
        let devices =
            (0..length).map(|at| std::mem::ManuallyDrop::new(Kwargs(*list.add(at))).pairs()).collect();
        SoapySDRKwargsList_clear(list, length);
        devices
    }
}

/// Files of the modules that SoapySDR would load.
pub(super) fn modules() -> Vec<String> {
    let mut length = 0;
    // SAFETY: gives a list away.
    unsafe { taken_list(SoapySDR_listModules(&mut length), length) }
}

/// Loads a module, which registers its drivers.
pub(super) fn load(path: &str) -> Result<()> {
    // SAFETY: the path outlives the call; the text is given away, and empty where all is well.
    let text = unsafe { taken(SoapySDR_loadModule(c(path).as_ptr())) };
    if text.is_empty() { Ok(()) } else { Err(RadioError::Refused { call: "load the module", text }) }
}

//! The one place that calls C. A [`Device`] and a [`Stream`] free what they hold; every call's failure is read back.
//!
//! SoapySDR's C functions catch C++ exceptions and keep their text per thread until the next call on that thread. Drivers
//! are meant to be called from several threads, and a stream by one at a time: hence `Send`, and `&mut` for streams.
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    ptr,
    sync::mpsc,
    time::Duration,
};

use soapysdr_sys::*;

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

/// A radio that is open. SoapySDR counts: the same arguments give the same device, closed with the last handle.
#[derive(Debug)]
pub(super) struct Device(*mut SoapySDRDevice);

// SAFETY: the pointer is not bound to a thread, and SoapySDR's devices are made to be called from several.
unsafe impl Send for Device {}
// SAFETY: as above; what changes a stream takes `&mut Stream`.
unsafe impl Sync for Device {}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: made by `make` and not used again.
        unsafe { SoapySDRDevice_unmake(self.0) };
    }
}

impl Device {
    pub(super) fn open(args: &[(String, String)]) -> Result<Self> {
        let args = Kwargs::new(args);
        // SAFETY: the arguments outlive the call.
        let device = unsafe { SoapySDRDevice_make(&args.0) };
        if device.is_null() {
            // SAFETY: the text is this thread's and is copied at once.
            let text = unsafe { copied(SoapySDRDevice_lastError()) };
            return Err(RadioError::Refused { call: "open the radio", text });
        }
        Ok(Self(device))
    }

    pub(super) fn hardware(&self) -> (String, String, Vec<(String, String)>) {
        // SAFETY: the device is open; the results are given away.
        unsafe {
            (
                taken(SoapySDRDevice_getDriverKey(self.0)),
                taken(SoapySDRDevice_getHardwareKey(self.0)),
                Kwargs(SoapySDRDevice_getHardwareInfo(self.0)).pairs(),
            )
        }
    }

    pub(super) fn set_setting(&self, key: &str, value: &str) -> Result<()> {
        // SAFETY: the device is open; both strings outlive the call.
        let code = unsafe { SoapySDRDevice_writeSetting(self.0, c(key).as_ptr(), c(value).as_ptr()) };
        check("write a device setting", code)
    }

    pub(super) fn settings(&self) -> Vec<String> {
        let mut length = 0;
        // SAFETY: the list is `length` structures whose keys are copied before all of it is cleared.
        unsafe {
            let list = SoapySDRDevice_getSettingInfo(self.0, &mut length);
            if list.is_null() {
                return Vec::new();
            }
            let keys = (0..length).map(|at| copied((*list.add(at)).key)).collect();
            SoapySDRArgInfoList_clear(list, length);
            keys
        }
    }

    pub(super) fn native_format(&self, direction: Direction, channel: usize) -> (String, f64) {
        let mut full_scale = 0.0;
        // SAFETY: the device is open; the name is given away.
        let name = unsafe {
            taken(SoapySDRDevice_getNativeStreamFormat(self.0, direction as c_int, channel, &mut full_scale))
        };
        (name, full_scale)
    }

    pub(super) fn set_dc(&self, direction: Direction, channel: usize, value: (f64, f64)) -> Result<()> {
        // SAFETY: the device is open.
        let code =
            unsafe { SoapySDRDevice_setDCOffset(self.0, direction as c_int, channel, value.0, value.1) };
        check("set the DC offset", code)
    }

    pub(super) fn set_iq(&self, direction: Direction, channel: usize, value: (f64, f64)) -> Result<()> {
        // SAFETY: the device is open.
        let code =
            unsafe { SoapySDRDevice_setIQBalance(self.0, direction as c_int, channel, value.0, value.1) };
        check("set the IQ balance", code)
    }

    pub(super) fn has_time(&self) -> bool {
        // SAFETY: the device is open, and the empty string is the default clock.
        unsafe { SoapySDRDevice_hasHardwareTime(self.0, c"".as_ptr()) }
    }

    pub(super) fn time(&self) -> Result<i64> {
        // SAFETY: as above.
        let time = unsafe { SoapySDRDevice_getHardwareTime(self.0, c"".as_ptr()) };
        last("read the hardware time").map(|()| time)
    }

    pub(super) fn full_duplex(&self, direction: Direction, channel: usize) -> bool {
        // SAFETY: the device is open.
        unsafe { SoapySDRDevice_getFullDuplex(self.0, direction as c_int, channel) }
    }

    pub(super) fn channels(&self, direction: Direction) -> usize {
        // SAFETY: the device is open.
        unsafe { SoapySDRDevice_getNumChannels(self.0, direction as c_int) }
    }

    pub(super) fn gain_element_range(
        &self,
        direction: Direction,
        channel: usize,
        name: &str,
    ) -> SoapySDRRange {
        // SAFETY: the device is open; the string outlives the call.
        unsafe { SoapySDRDevice_getGainElementRange(self.0, direction as c_int, channel, c(name).as_ptr()) }
    }

    pub(super) fn gain_range(&self, direction: Direction, channel: usize) -> SoapySDRRange {
        // SAFETY: the device is open.
        unsafe { SoapySDRDevice_getGainRange(self.0, direction as c_int, channel) }
    }

    pub(super) fn set_gain_element(
        &self,
        direction: Direction,
        channel: usize,
        name: &str,
        db: f64,
    ) -> Result<()> {
        // SAFETY: the device is open; the string outlives the call.
        let code = unsafe {
            SoapySDRDevice_setGainElement(self.0, direction as c_int, channel, c(name).as_ptr(), db)
        };
        check("set a gain", code)
    }

    pub(super) fn gain_element(&self, direction: Direction, channel: usize, name: &str) -> f64 {
        // SAFETY: the device is open; the string outlives the call.
        unsafe { SoapySDRDevice_getGainElement(self.0, direction as c_int, channel, c(name).as_ptr()) }
    }

    pub(super) fn set_frequency(&self, direction: Direction, channel: usize, hertz: f64) -> Result<()> {
        let none = Kwargs::new(&[]);
        // SAFETY: the device is open; the arguments outlive the call.
        let code =
            unsafe { SoapySDRDevice_setFrequency(self.0, direction as c_int, channel, hertz, &none.0) };
        check("set the frequency", code)
    }

    pub(super) fn set_master_clock(&self, hertz: f64) -> Result<()> {
        // SAFETY: the device is open.
        check("set the master clock", unsafe { SoapySDRDevice_setMasterClockRate(self.0, hertz) })
    }

    pub(super) fn stream(
        self,
        direction: Direction,
        format: SampleFormat,
        channels: &[usize],
        args: &[(String, String)],
    ) -> Result<Stream> {
        let args = Kwargs::new(args);
        // SAFETY: the device is open; everything that is passed outlives the call.
        let stream = unsafe {
            SoapySDRDevice_setupStream(
                self.0,
                direction as c_int,
                c(format.soapy()).as_ptr(),
                channels.as_ptr(),
                channels.len(),
                &args.0,
            )
        };
        if stream.is_null() {
            last("open a stream")?;
            return Err(RadioError::Refused { call: "open a stream", text: "no reason given".into() });
        }
        let pointers = Vec::with_capacity(channels.len());
        let (channels, bytes) = (channels.len(), format.datatype().bytes_per_sample());
        Ok(Stream { parts: Some(Parts { device: self, stream, active: false }), channels, bytes, pointers })
    }
}

/// Getters and setters of one channel that differ in name only.
macro_rules! of_channel {
    ($($(#[$doc:meta])* $name:ident $set:ident: $type:ty = $get_call:ident $set_call:ident $what:literal;)*) => {
        impl Device {
            $(
                $(#[$doc])*
                pub(super) fn $name(&self, direction: Direction, channel: usize) -> $type {
                    // SAFETY: the device is open; a channel that does not exist is an error of the driver.
                    unsafe { $get_call(self.0, direction as c_int, channel) }
                }

                pub(super) fn $set(&self, direction: Direction, channel: usize, value: $type) -> Result<()> {
                    // SAFETY: as above.
                    let code = unsafe { $set_call(self.0, direction as c_int, channel, value) };
                    check($what, code)
                }
            )*
        }
    };
}

of_channel! {
    sample_rate set_sample_rate: f64 = SoapySDRDevice_getSampleRate SoapySDRDevice_setSampleRate "set the sample rate";
    gain set_gain: f64 = SoapySDRDevice_getGain SoapySDRDevice_setGain "set the gain";
    bandwidth set_bandwidth: f64 = SoapySDRDevice_getBandwidth SoapySDRDevice_setBandwidth "set the bandwidth";
    correction set_correction: f64 =
        SoapySDRDevice_getFrequencyCorrection SoapySDRDevice_setFrequencyCorrection "set the frequency correction";
    agc set_agc: bool = SoapySDRDevice_getGainMode SoapySDRDevice_setGainMode "set the gain control";
    dc_mode set_dc_mode: bool = SoapySDRDevice_getDCOffsetMode SoapySDRDevice_setDCOffsetMode "set the DC correction";
    iq_mode set_iq_mode: bool = SoapySDRDevice_getIQBalanceMode SoapySDRDevice_setIQBalanceMode "set the IQ correction";
}

/// What a channel can do, yes or no.
macro_rules! can {
    ($($name:ident = $call:ident;)*) => {
        impl Device {
            $(
                pub(super) fn $name(&self, direction: Direction, channel: usize) -> bool {
                    // SAFETY: the device is open.
                    unsafe { $call(self.0, direction as c_int, channel) }
                }
            )*
        }
    };
}

can! {
    has_agc = SoapySDRDevice_hasGainMode;
    has_dc_mode = SoapySDRDevice_hasDCOffsetMode;
    has_iq_mode = SoapySDRDevice_hasIQBalanceMode;
}

impl Device {
    pub(super) fn frequency(&self, direction: Direction, channel: usize) -> f64 {
        // SAFETY: the device is open.
        unsafe { SoapySDRDevice_getFrequency(self.0, direction as c_int, channel) }
    }
}

/// Lists of names of a channel.
macro_rules! names_of_channel {
    ($($name:ident = $call:ident;)*) => {
        impl Device {
            $(
                pub(super) fn $name(&self, direction: Direction, channel: usize) -> Vec<String> {
                    let mut length = 0;
                    // SAFETY: the device is open; the list is given away.
                    unsafe { taken_list($call(self.0, direction as c_int, channel, &mut length), length) }
                }
            )*
        }
    };
}

names_of_channel! {
    formats = SoapySDRDevice_getStreamFormats;
    antennas = SoapySDRDevice_listAntennas;
    gains = SoapySDRDevice_listGains;
}

/// Lists of ranges of a channel.
macro_rules! ranges_of_channel {
    ($($name:ident = $call:ident;)*) => {
        impl Device {
            $(
                pub(super) fn $name(&self, direction: Direction, channel: usize) -> Vec<SoapySDRRange> {
                    let mut length = 0;
                    // SAFETY: the device is open; the list is copied and freed once.
                    unsafe {
                        let list = $call(self.0, direction as c_int, channel, &mut length);
                        if list.is_null() {
                            return Vec::new();
                        }
                        let copy = std::slice::from_raw_parts(list, length).to_vec();
                        SoapySDR_free(list.cast());
                        copy
                    }
                }
            )*
        }
    };
}

ranges_of_channel! {
    sample_rates = SoapySDRDevice_getSampleRateRange;
    frequencies = SoapySDRDevice_getFrequencyRange;
    bandwidths = SoapySDRDevice_getBandwidthRange;
}

/// Names that the whole device has one of.
macro_rules! named {
    ($($list:ident $get:ident $set:ident = $list_call:ident $get_call:ident $set_call:ident $what:literal;)*) => {
        impl Device {
            $(
                pub(super) fn $list(&self) -> Vec<String> {
                    let mut length = 0;
                    // SAFETY: the device is open; the list is given away.
                    unsafe { taken_list($list_call(self.0, &mut length), length) }
                }

                pub(super) fn $get(&self) -> String {
                    // SAFETY: the device is open; the name is given away.
                    unsafe { taken($get_call(self.0)) }
                }

                pub(super) fn $set(&self, name: &str) -> Result<()> {
                    // SAFETY: the device is open; the string outlives the call.
                    check($what, unsafe { $set_call(self.0, c(name).as_ptr()) })
                }
            )*
        }
    };
}

named! {
    clock_sources clock_source set_clock_source =
        SoapySDRDevice_listClockSources SoapySDRDevice_getClockSource SoapySDRDevice_setClockSource "set the clock source";
    time_sources time_source set_time_source =
        SoapySDRDevice_listTimeSources SoapySDRDevice_getTimeSource SoapySDRDevice_setTimeSource "set the time source";
}

impl Device {
    pub(super) fn set_antenna(&self, direction: Direction, channel: usize, name: &str) -> Result<()> {
        // SAFETY: the device is open; the string outlives the call.
        let code =
            unsafe { SoapySDRDevice_setAntenna(self.0, direction as c_int, channel, c(name).as_ptr()) };
        check("set the antenna", code)
    }

    pub(super) fn antenna(&self, direction: Direction, channel: usize) -> String {
        // SAFETY: the device is open; the name is given away.
        unsafe { taken(SoapySDRDevice_getAntenna(self.0, direction as c_int, channel)) }
    }
}

/// What a read or a status call came back with, if not with samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Timeout,
    Overflow,
    Corruption,
    TimeError,
    Underflow,
    NotSupported,
    Other(c_int),
}

impl Code {
    fn of(code: c_int) -> Self {
        match code {
            SOAPY_SDR_TIMEOUT => Code::Timeout,
            SOAPY_SDR_OVERFLOW => Code::Overflow,
            SOAPY_SDR_CORRUPTION => Code::Corruption,
            SOAPY_SDR_TIME_ERROR => Code::TimeError,
            SOAPY_SDR_UNDERFLOW => Code::Underflow,
            SOAPY_SDR_NOT_SUPPORTED => Code::NotSupported,
            other => Code::Other(other),
        }
    }

    /// As an error that ends the stream, with the driver's own words where it threw.
    pub(super) fn broken(self, call: &'static str) -> RadioError {
        let name = match self {
            Code::Timeout => SOAPY_SDR_TIMEOUT,
            Code::Overflow => SOAPY_SDR_OVERFLOW,
            Code::Corruption => SOAPY_SDR_CORRUPTION,
            Code::TimeError => SOAPY_SDR_TIME_ERROR,
            Code::Underflow => SOAPY_SDR_UNDERFLOW,
            Code::NotSupported => SOAPY_SDR_NOT_SUPPORTED,
            Code::Other(code) => code,
        };
        let text = match last(call) {
            Err(RadioError::Refused { text, .. }) if !text.is_empty() => text,
            _ => code_name(name),
        };
        RadioError::Broken { call, text }
    }
}

/// Samples that came, and what the driver said with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) samples: usize,
    /// Nanoseconds, only where the driver vouches for it.
    pub(super) time: Option<i64>,
    pub(super) end_burst: bool,
    pub(super) end_abrupt: bool,
    pub(super) more_fragments: bool,
}

#[derive(Debug)]
struct Parts {
    device: Device,
    stream: *mut SoapySDRStream,
    active: bool,
}

// SAFETY: a stream is not bound to a thread either.
unsafe impl Send for Parts {}

impl Drop for Parts {
    fn drop(&mut self) {
        // SAFETY: the stream belongs to the device, is closed once and not used again; the device is dropped after it.
        unsafe {
            if self.active {
                SoapySDRDevice_deactivateStream(self.device.0, self.stream, 0, 0);
            }
            SoapySDRDevice_closeStream(self.device.0, self.stream);
        }
    }
}

/// A stream and the device it belongs to.
#[derive(Debug)]
pub(super) struct Stream {
    parts: Option<Parts>,
    channels: usize,
    bytes: usize,
    /// Kept for its allocation; empty between calls.
    pointers: Vec<*mut c_void>,
}

// SAFETY: `pointers` is empty between calls; the rest is `Send`.
unsafe impl Send for Stream {}

impl Drop for Stream {
    /// Closes on a thread of its own, which is left behind if the driver does not come back from it.
    fn drop(&mut self) {
        let Some(parts) = self.parts.take() else { return };
        let (done, wait) = mpsc::channel();
        let closing = std::thread::Builder::new().name("soapy close".into()).spawn(move || {
            drop(parts);
            let _ = done.send(());
        });
        if let Ok(closing) = closing
            && wait.recv_timeout(CLOSING).is_ok()
        {
            let _ = closing.join();
        }
    }
}

impl Stream {
    fn raw(&self) -> (*mut SoapySDRDevice, *mut SoapySDRStream) {
        // Taken by `drop` only.
        self.parts.as_ref().map_or((ptr::null_mut(), ptr::null_mut()), |parts| (parts.device.0, parts.stream))
    }

    pub(super) fn device(&self) -> Option<&Device> {
        self.parts.as_ref().map(|parts| &parts.device)
    }

    pub(super) fn mtu(&self) -> usize {
        let (device, stream) = self.raw();
        // SAFETY: both are open.
        unsafe { SoapySDRDevice_getStreamMTU(device, stream) }
    }

    /// Begins, now or at a time of the hardware in nanoseconds.
    pub(super) fn activate(&mut self, at: Option<i64>) -> Result<()> {
        let (device, stream) = self.raw();
        let flags = if at.is_some() { SOAPY_SDR_HAS_TIME as c_int } else { 0 };
        // SAFETY: both are open.
        let code = unsafe { SoapySDRDevice_activateStream(device, stream, flags, at.unwrap_or(0), 0) };
        check("begin the stream", code)?;
        if let Some(parts) = &mut self.parts {
            parts.active = true;
        }
        Ok(())
    }

    /// Fills the beginning of each row.
    ///
    /// # Panics
    /// Unless there is a row for each channel, each of whole words long enough for `samples`.
    pub(super) fn read<'a>(
        &mut self,
        rows: impl Iterator<Item = &'a mut [u8]>,
        samples: usize,
        timeout: Duration,
    ) -> std::result::Result<Received, Code> {
        let (device, stream) = self.raw();
        self.pointers.clear();
        for row in rows {
            assert!(row.len() / self.bytes >= samples, "a row is too short");
            self.pointers.push(row.as_mut_ptr().cast());
        }
        assert_eq!(self.pointers.len(), self.channels, "a row for each channel");
        let (mut flags, mut time) = (0, 0);
        let us = timeout.as_micros().try_into().unwrap_or(std::ffi::c_long::MAX);
        // SAFETY: both are open; each of the pointers, one per channel, is to `samples` samples that stay borrowed.
        let code = unsafe {
            SoapySDRDevice_readStream(
                device,
                stream,
                self.pointers.as_ptr(),
                samples,
                &mut flags,
                &mut time,
                us,
            )
        };
        self.pointers.clear();
        let Ok(got) = usize::try_from(code) else { return Err(Code::of(code)) };
        let has = |flag: u32| flags & flag as c_int != 0;
        Ok(Received {
            samples: got.min(samples),
            time: has(SOAPY_SDR_HAS_TIME).then_some(time),
            end_burst: has(SOAPY_SDR_END_BURST),
            end_abrupt: has(SOAPY_SDR_END_ABRUPT),
            more_fragments: has(SOAPY_SDR_MORE_FRAGMENTS),
        })
    }

    /// Hands the driver the beginning of each row; returns how many samples it took.
    ///
    /// # Panics
    /// As [`Stream::read`].
    pub(super) fn write<'a>(
        &mut self,
        rows: impl Iterator<Item = &'a [u8]>,
        samples: usize,
        at: Option<i64>,
        end_burst: bool,
        timeout: Duration,
    ) -> std::result::Result<usize, Code> {
        let (device, stream) = self.raw();
        self.pointers.clear();
        for row in rows {
            assert!(row.len() / self.bytes >= samples, "a row is too short");
            self.pointers.push(row.as_ptr().cast_mut().cast());
        }
        assert_eq!(self.pointers.len(), self.channels, "a row for each channel");
        let mut flags = if at.is_some() { SOAPY_SDR_HAS_TIME as c_int } else { 0 };
        if end_burst {
            flags |= SOAPY_SDR_END_BURST as c_int;
        }
        let us = timeout.as_micros().try_into().unwrap_or(std::ffi::c_long::MAX);
        // SAFETY: both are open; the driver reads `samples` samples at each of the pointers, one per channel.
        let code = unsafe {
            SoapySDRDevice_writeStream(
                device,
                stream,
                self.pointers.as_ptr().cast(),
                samples,
                &mut flags,
                at.unwrap_or(0),
                us,
            )
        };
        self.pointers.clear();
        usize::try_from(code).map(|took| took.min(samples)).map_err(|_| Code::of(code))
    }

    /// What the driver says beside the samples: `Ok(true)` for the end of a burst.
    pub(super) fn status(&mut self, timeout: Duration) -> std::result::Result<bool, Code> {
        let (device, stream) = self.raw();
        let (mut channels, mut flags, mut time) = (0, 0, 0);
        let us = timeout.as_micros().try_into().unwrap_or(std::ffi::c_long::MAX);
        // SAFETY: both are open.
        let code = unsafe {
            SoapySDRDevice_readStreamStatus(device, stream, &mut channels, &mut flags, &mut time, us)
        };
        if code < 0 { Err(Code::of(code)) } else { Ok(flags & SOAPY_SDR_END_BURST as c_int != 0) }
    }
}

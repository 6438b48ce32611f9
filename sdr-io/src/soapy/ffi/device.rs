//! A device: what can be set is set, and read back.

use super::*;

/// A radio that is open. SoapySDR counts: the same arguments give the same device, closed with the last handle.
#[derive(Debug)]
pub(in crate::soapy) struct Device(pub(super) *mut SoapySDRDevice);

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
    pub(in crate::soapy) fn open(args: &[(String, String)]) -> Result<Self> {
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

    pub(in crate::soapy) fn hardware(&self) -> (String, String, Vec<(String, String)>) {
        // SAFETY: the device is open; the results are given away.
        unsafe {
            (
                taken(SoapySDRDevice_getDriverKey(self.0)),
                taken(SoapySDRDevice_getHardwareKey(self.0)),
                Kwargs(SoapySDRDevice_getHardwareInfo(self.0)).pairs(),
            )
        }
    }

    pub(in crate::soapy) fn set_setting(&self, key: &str, value: &str) -> Result<()> {
        // SAFETY: the device is open; both strings outlive the call.
        let code = unsafe { SoapySDRDevice_writeSetting(self.0, c(key).as_ptr(), c(value).as_ptr()) };
        check("write a device setting", code)
    }

    pub(in crate::soapy) fn settings(&self) -> Vec<String> {
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

    pub(in crate::soapy) fn native_format(&self, direction: Direction, channel: usize) -> (String, f64) {
        let mut full_scale = 0.0;
        // SAFETY: the device is open; the name is given away.
        let name = unsafe {
            taken(SoapySDRDevice_getNativeStreamFormat(self.0, direction as c_int, channel, &mut full_scale))
        };
        (name, full_scale)
    }

    pub(in crate::soapy) fn set_dc(
        &self,
        direction: Direction,
        channel: usize,
        value: (f64, f64),
    ) -> Result<()> {
        // SAFETY: the device is open.
        let code =
            unsafe { SoapySDRDevice_setDCOffset(self.0, direction as c_int, channel, value.0, value.1) };
        check("set the DC offset", code)
    }

    pub(in crate::soapy) fn set_iq(
        &self,
        direction: Direction,
        channel: usize,
        value: (f64, f64),
    ) -> Result<()> {
        // SAFETY: the device is open.
        let code =
            unsafe { SoapySDRDevice_setIQBalance(self.0, direction as c_int, channel, value.0, value.1) };
        check("set the IQ balance", code)
    }

    pub(in crate::soapy) fn has_time(&self) -> bool {
        // SAFETY: the device is open, and the empty string is the default clock.
        unsafe { SoapySDRDevice_hasHardwareTime(self.0, c"".as_ptr()) }
    }

    pub(in crate::soapy) fn time(&self) -> Result<i64> {
        // SAFETY: as above.
        let time = unsafe { SoapySDRDevice_getHardwareTime(self.0, c"".as_ptr()) };
        last("read the hardware time").map(|()| time)
    }

    pub(in crate::soapy) fn full_duplex(&self, direction: Direction, channel: usize) -> bool {
        // SAFETY: the device is open.
        unsafe { SoapySDRDevice_getFullDuplex(self.0, direction as c_int, channel) }
    }

    pub(in crate::soapy) fn channels(&self, direction: Direction) -> usize {
        // SAFETY: the device is open.
        unsafe { SoapySDRDevice_getNumChannels(self.0, direction as c_int) }
    }

    pub(in crate::soapy) fn gain_element_range(
        &self,
        direction: Direction,
        channel: usize,
        name: &str,
    ) -> SoapySDRRange {
        // SAFETY: the device is open; the string outlives the call.
        unsafe { SoapySDRDevice_getGainElementRange(self.0, direction as c_int, channel, c(name).as_ptr()) }
    }

    pub(in crate::soapy) fn gain_range(&self, direction: Direction, channel: usize) -> SoapySDRRange {
        // SAFETY: the device is open.
        unsafe { SoapySDRDevice_getGainRange(self.0, direction as c_int, channel) }
    }

    pub(in crate::soapy) fn set_gain_element(
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

    pub(in crate::soapy) fn gain_element(&self, direction: Direction, channel: usize, name: &str) -> f64 {
        // SAFETY: the device is open; the string outlives the call.
        unsafe { SoapySDRDevice_getGainElement(self.0, direction as c_int, channel, c(name).as_ptr()) }
    }

    pub(in crate::soapy) fn set_frequency(
        &self,
        direction: Direction,
        channel: usize,
        hertz: f64,
    ) -> Result<()> {
        let none = Kwargs::new(&[]);
        // SAFETY: the device is open; the arguments outlive the call.
        let code =
            unsafe { SoapySDRDevice_setFrequency(self.0, direction as c_int, channel, hertz, &none.0) };
        check("set the frequency", code)
    }

    pub(in crate::soapy) fn set_master_clock(&self, hertz: f64) -> Result<()> {
        // SAFETY: the device is open.
        check("set the master clock", unsafe { SoapySDRDevice_setMasterClockRate(self.0, hertz) })
    }
}

/// Getters and setters of one channel that differ in name only.
macro_rules! of_channel {
    ($($(#[$doc:meta])* $name:ident $set:ident: $type:ty = $get_call:ident $set_call:ident $what:literal;)*) => {
        impl Device {
            $(
                $(#[$doc])*
                pub(in crate::soapy) fn $name(&self, direction: Direction, channel: usize) -> $type {
                    // SAFETY: the device is open; a channel that does not exist is an error of the driver.
                    unsafe { $get_call(self.0, direction as c_int, channel) }
                }

                pub(in crate::soapy) fn $set(&self, direction: Direction, channel: usize, value: $type) -> Result<()> {
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
                pub(in crate::soapy) fn $name(&self, direction: Direction, channel: usize) -> bool {
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
    pub(in crate::soapy) fn frequency(&self, direction: Direction, channel: usize) -> f64 {
        // SAFETY: the device is open.
        unsafe { SoapySDRDevice_getFrequency(self.0, direction as c_int, channel) }
    }
}

/// Lists of names of a channel.
macro_rules! names_of_channel {
    ($($name:ident = $call:ident;)*) => {
        impl Device {
            $(
                pub(in crate::soapy) fn $name(&self, direction: Direction, channel: usize) -> Vec<String> {
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
                pub(in crate::soapy) fn $name(&self, direction: Direction, channel: usize) -> Vec<SoapySDRRange> {
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
                pub(in crate::soapy) fn $list(&self) -> Vec<String> {
                    let mut length = 0;
                    // SAFETY: the device is open; the list is given away.
                    unsafe { taken_list($list_call(self.0, &mut length), length) }
                }

                pub(in crate::soapy) fn $get(&self) -> String {
                    // SAFETY: the device is open; the name is given away.
                    unsafe { taken($get_call(self.0)) }
                }

                pub(in crate::soapy) fn $set(&self, name: &str) -> Result<()> {
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
    pub(in crate::soapy) fn set_antenna(
        &self,
        direction: Direction,
        channel: usize,
        name: &str,
    ) -> Result<()> {
        // SAFETY: the device is open; the string outlives the call.
        let code =
            unsafe { SoapySDRDevice_setAntenna(self.0, direction as c_int, channel, c(name).as_ptr()) };
        check("set the antenna", code)
    }

    pub(in crate::soapy) fn antenna(&self, direction: Direction, channel: usize) -> String {
        // SAFETY: the device is open; the name is given away.
        unsafe { taken(SoapySDRDevice_getAntenna(self.0, direction as c_int, channel)) }
    }
}

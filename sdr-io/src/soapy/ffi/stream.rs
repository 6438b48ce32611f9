//! A stream of samples, and what it says of itself.

use super::*;

/// What a read or a status call came back with, if not with samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::soapy) enum Code {
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
    pub(in crate::soapy) fn broken(self, call: &'static str) -> RadioError {
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
pub(in crate::soapy) struct Received {
    pub(in crate::soapy) samples: usize,
    /// Nanoseconds, only where the driver vouches for it.
    pub(in crate::soapy) time: Option<i64>,
    pub(in crate::soapy) end_burst: bool,
    pub(in crate::soapy) end_abrupt: bool,
    pub(in crate::soapy) more_fragments: bool,
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
pub(in crate::soapy) struct Stream {
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

impl Device {
    /// Makes a stream of it, which keeps it open.
    pub(in crate::soapy) fn stream(
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

impl Stream {
    fn raw(&self) -> (*mut SoapySDRDevice, *mut SoapySDRStream) {
        // Taken by `drop` only.
        self.parts.as_ref().map_or((ptr::null_mut(), ptr::null_mut()), |parts| (parts.device.0, parts.stream))
    }

    pub(in crate::soapy) fn device(&self) -> Option<&Device> {
        self.parts.as_ref().map(|parts| &parts.device)
    }

    pub(in crate::soapy) fn mtu(&self) -> usize {
        let (device, stream) = self.raw();
        // SAFETY: both are open.
        unsafe { SoapySDRDevice_getStreamMTU(device, stream) }
    }

    /// Begins, now or at a time of the hardware in nanoseconds.
    pub(in crate::soapy) fn activate(&mut self, at: Option<i64>) -> Result<()> {
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
    pub(in crate::soapy) fn read<'a>(
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
    pub(in crate::soapy) fn write<'a>(
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
    pub(in crate::soapy) fn status(&mut self, timeout: Duration) -> std::result::Result<bool, Code> {
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

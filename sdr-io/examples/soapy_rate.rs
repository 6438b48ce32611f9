//! Highest rate from a driver to the consumer, beside the driver's own `readStream` in a loop of C++ on the same device.
//!
//! ```sh
//! cargo run --release -p phy-sec-sdr-io --features phyreplay --example soapy_rate
//! ```
//! Both ask for the same number of samples in blocks of the same size, in turns; the best of five counts. The samples are
//! silence, so that what the device does for them is small beside the way to the reader.

use std::{error::Error, time::Instant};

use ndarray::Array2;
use num_complex::Complex32;
use sdr_io::{OpenOptions, open};

const BLOCK: usize = 65_536;
const SAMPLES: u64 = 100_000_000;

#[allow(unsafe_code)]
unsafe extern "C" {
    /// `phyreplay/reader.cpp`: seconds that a bare loop needs, negative if it failed.
    fn phyreplay_bare_reader(format: *const std::ffi::c_char, block: usize, samples: u64) -> f64;
}

fn main() -> Result<(), Box<dyn Error>> {
    for (format, name) in [("CF32", c"CF32"), ("CS16", c"CS16"), ("CS8", c"CS8")] {
        let (mut ours, mut bare) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..5 {
            ours = ours.min(read(format)?);
            // SAFETY: the name ends with a NUL; the function opens and closes what it uses.
            #[allow(unsafe_code)]
            let seconds = unsafe { phyreplay_bare_reader(name.as_ptr(), BLOCK, SAMPLES) };
            if seconds < 0.0 {
                return Err("the bare reader failed".into());
            }
            bare = bare.min(seconds);
        }
        let rate = |seconds: f64| SAMPLES as f64 / seconds / 1e6;
        let ratio = bare / ours;
        println!(
            "{format}: {:.0} MS/s as Complex32, bare C++ reader {:.0} MS/s, ratio {ratio:.2}",
            rate(ours),
            rate(bare)
        );
    }
    Ok(())
}

fn read(format: &str) -> Result<f64, Box<dyn Error>> {
    let uri = format!("soapy:driver=phyreplay,pace=false,signal=zero?rate=60M&format={format}");
    let mut source = open(&uri, &OpenOptions::default())?;
    let mut block = Array2::<Complex32>::zeros((1, BLOCK));
    let begun = Instant::now();
    let mut total = 0;
    while total < SAMPLES {
        let read = source.read(block.view_mut())?.ok_or("a radio has no end")?;
        if read.lost_before.is_gap() {
            return Err("samples were lost".into());
        }
        total += read.samples as u64;
    }
    Ok(begun.elapsed().as_secs_f64())
}

//! Through the true libSoapySDR, with the replay device in the place of a radio.

mod awkward;
mod exact;
mod settings;
mod transmit;
mod unplug;

use ndarray::Array2;
use num_complex::Complex32;
use sdr_io::{OpenOptions, Read, Source, open};

/// `arguments` after the driver, without pacing unless they say so; `serial` tells the devices of parallel tests apart.
fn uri(serial: &str, arguments: &str, query: &str) -> String {
    let pace = if arguments.contains("pace=") { "" } else { ",pace=false" };
    let comma = if arguments.is_empty() { "" } else { "," };
    format!("soapy:driver=phyreplay,serial={serial}{pace}{comma}{arguments}?{query}")
}

fn radio(serial: &str, arguments: &str, query: &str) -> Box<dyn Source> {
    open(&uri(serial, arguments, query), &OpenOptions::default()).unwrap()
}

/// The number that a sample of the ramp names; 32 bits of it.
fn number(x: Complex32) -> u32 {
    let code = |x: f32| u32::from((x * 32_768.0) as i16 as u16);
    code(x.re) | code(x.im) << 16
}

/// Whether the samples count on from `first`.
fn counts(samples: &[Complex32], first: u32) -> bool {
    samples.iter().zip(0..).fold(true, |all, (x, at)| all & (number(*x) == first.wrapping_add(at)))
}

/// Blocks of one channel until `most` samples.
fn read(source: &mut dyn Source, width: usize, most: u64, mut each: impl FnMut(&Read, &[Complex32])) {
    let mut block = Array2::zeros((source.info().channels, width));
    let mut total = 0;
    while total < most {
        let read = source.read(block.view_mut()).unwrap().expect("a radio has no end");
        total += read.samples as u64;
        each(&read, &block.row(0).as_slice().unwrap()[..read.samples]);
    }
}

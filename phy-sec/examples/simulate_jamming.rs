//! A jammed 802.11 channel as a raw file: complex `f32`, little endian, 20 MS/s.
//!
//! `cargo run --example simulate_jamming -- OUT.cf32 [SEED]` writes 100 ms: one station's frames with its
//! impairments, 25 dB above the noise, through a moving multipath channel, and three jammers one after the
//! other. The truth goes to the standard output.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};

use phy_sec::sim::fading::{FadingConfig, TappedDelayLine};
use phy_sec::sim::impairment::{Amplifier, Impairments, IqImbalance};
use phy_sec::sim::jammer::{self, Jammer, Ratio, SweepShape};
use phy_sec::sim::waveform::wifi::{Rate, SAMPLE_RATE};
use phy_sec::sim::waveform::{Wifi, random_symbols};
use phy_sec::sim::{from_db, noise, rng};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: simulate_jamming OUT.cf32 [SEED]")?;
    let seed = arguments.next().map_or(Ok(1), |seed| seed.parse())?;
    let mut rng = rng(seed);
    let n = (0.1 * SAMPLE_RATE) as usize;

    // Frames of 500 octets every 500 µs, by one transmitter.
    let radio = Impairments {
        cfo: 21.3e3,
        tx_iq: IqImbalance { gain_db: 0.2, phase: 0.01 },
        phase_noise_linewidth: 50.0,
        amplifier: Amplifier::Rapp { saturation: 2.0, smoothness: 2.0 },
        ..Default::default()
    };
    let mut air = Vec::with_capacity(n);
    while air.len() < n {
        let psdu: Vec<u8> = random_symbols(&mut rng, 500, 256).into_iter().map(|octet| octet as u8).collect();
        let mut frame = Wifi { rate: Rate::Mbps24, ..Default::default() }.modulate(&psdu)?.samples;
        radio.transmit(&mut frame, SAMPLE_RATE, &mut rng)?;
        frame.resize(10_000, Default::default());
        air.extend(frame);
    }
    air.truncate(n);
    let channel = TappedDelayLine::new(&FadingConfig::default(), 0.1, &mut rng)?;
    let mut signal = channel.apply(&air, SAMPLE_RATE, 0.0)?;

    let noise_power = from_db(-25.0);
    let scene = [
        (0.01, 0.02, 10.0, Jammer::Tone { frequency: 3.1e6 }),
        (0.04, 0.02, 20.0, Jammer::Sweep { shape: SweepShape::Sawtooth, from: -8e6, to: 8e6, period: 1e-4 }),
        (0.07, 0.02, 15.0, Jammer::Pulsed { period: 1e-3, duty: 0.2, of: Box::new(Jammer::Barrage) }),
    ];
    for (start, duration, db, kind) in scene {
        let name = kind.name();
        let bands = kind.bands(SAMPLE_RATE);
        let switched = Jammer::Window { start, duration, of: Box::new(kind) };
        let mixed = jammer::mix(&signal, &switched, Ratio::Jnr { db, noise_power }, SAMPLE_RATE, &mut rng)?;
        println!("{name}: {start} s to {} s, {db} dB above the noise, bands {bands:?} Hz", start + duration);
        signal = mixed.samples;
    }
    let mut out = BufWriter::new(File::create(&path)?);
    for (x, w) in signal.iter().zip(noise(&mut rng, n, noise_power)) {
        // Full scale 1 with room for the jammers.
        let x = (x + w) / 8.0;
        out.write_all(&x.re.to_le_bytes())?;
        out.write_all(&x.im.to_le_bytes())?;
    }
    out.flush()?;
    println!("{path}: {n} samples, cf32_le, {} MS/s, seed {seed}", SAMPLE_RATE / 1e6);
    Ok(())
}

//! Long run over a radio that counts: every sample names its own number, and all of them must come in order.
//!
//! ```sh
//! cargo run --release -p phy-sec-sdr-io --features phyreplay --example soak -- 600 10M
//! ```
//! reads ten minutes at 10 MS/s in real time and prints what was lost, doubled or out of order, and the memory held. A third
//! argument, `free`, reads the same number of samples as fast as it can.

use std::{env, error::Error, time::Instant};

use ndarray::Array2;
use num_complex::Complex32;
use sdr_io::{Lost, OpenOptions, open, parse_hertz};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let seconds: f64 = args.next().unwrap_or("60".into()).parse()?;
    let rate = args.next().unwrap_or("5M".into());
    let pace = args.next().as_deref() != Some("free");
    let mut source = open(
        &format!("soapy:driver=phyreplay,pace={pace}?rate={rate}&format=cf32"),
        &OpenOptions::default(),
    )?;
    let samples = (seconds * parse_hertz(&rate).ok_or("the rate is no number")?) as u64;
    let mut block = Array2::<Complex32>::zeros((1, 65_536));
    let (mut total, mut lost, mut unknown, mut wrong) = (0_u64, 0, 0_u64, 0_u64);
    let mut first = None;
    let begun = Instant::now();
    let early = resident();
    while total < samples {
        let Some(read) = source.read(block.view_mut())? else { break };
        match read.lost_before {
            Lost::None => {}
            Lost::Count(count) => lost += count,
            Lost::Unknown => unknown += 1,
        }
        let row = block.row(0);
        let start = *first.get_or_insert_with(|| number(row[0]));
        let due = start.wrapping_add(read.global_index as u32);
        let counted = row.iter().take(read.samples).zip(0_u32..);
        wrong += counted.filter(|(x, at)| number(**x) != due.wrapping_add(*at)).count() as u64;
        total += read.samples as u64;
    }
    let elapsed = begun.elapsed().as_secs_f64();
    println!("{total} samples in {elapsed:.1} s: {:.1} MS/s", total as f64 / elapsed / 1e6);
    println!("lost {lost}, gaps of unknown length {unknown}, samples that are not the ones counted {wrong}");
    println!("memory {early} kB at the beginning, {} kB at the end", resident());
    if wrong > 0 { Err("the account is wrong".into()) } else { Ok(()) }
}

fn number(x: Complex32) -> u32 {
    let code = |x: f32| u32::from((x * 32_768.0) as i16 as u16);
    code(x.re) | code(x.im) << 16
}

/// Memory that this process holds, in kB, where Linux tells.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches("kB").trim().parse().unwrap_or(0)
}

//! Any recording as plain data: its blocks as JSON lines, its samples as raw `cf32_le`, channel after channel.
//!
//!     cargo run -p phy-sec-sdr-io --example dump -- RECORDING [SAMPLES.cf32]

use ndarray::Array2;
use num_complex::Complex32;
use sdr_io::{Lost, OpenOptions, Read, Time, open};
use serde_json::json;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let uri = arguments.next().ok_or("which recording?")?;
    let mut source = open(&uri, &OpenOptions::default())?;
    let info = source.info().clone();
    println!(
        "{}",
        json!({
            "format": info.format, "datatype": info.datatype, "channels": info.channels,
            "sample_rate": info.sample_rate, "center_frequency": info.center_frequency,
            "sample_start": info.sample_start, "samples": info.samples, "description": info.description,
            "annotations": source.annotations(),
        })
    );
    // So many samples of all channels together, however many channels a file claims.
    let mut block = Array2::<Complex32>::zeros((info.channels, (65_536 / info.channels).max(1)));
    let mut all = vec![Vec::new(); info.channels];
    let output = arguments.next();
    while let Some(read) = source.read(block.view_mut())? {
        println!("{}", line(&read));
        if output.is_some() {
            for (all, row) in all.iter_mut().zip(block.rows()) {
                all.extend(row.iter().take(read.samples).copied());
            }
        }
    }
    if let Some(output) = output {
        let bytes: Vec<u8> =
            all.iter().flatten().flat_map(|x| [x.re.to_le_bytes(), x.im.to_le_bytes()]).flatten().collect();
        std::fs::write(output, bytes)?;
    }
    Ok(())
}

fn line(read: &Read) -> serde_json::Value {
    json!({
        "sample_start": read.sample_start,
        "samples": read.samples,
        "global_index": read.global_index,
        "lost_before": match read.lost_before {
            Lost::None => json!(0),
            Lost::Count(count) => json!(count),
            Lost::Unknown => json!(null),
        },
        "datetime": match read.time {
            Some(Time::Utc(time)) => Some(time.to_string()),
            Some(Time::Hardware(_)) | None => None,
        },
        "center_frequency": read.center_frequency,
    })
}

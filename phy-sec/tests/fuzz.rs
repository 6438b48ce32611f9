//! Half-valid tables and logs against the readers of channel measurements.
//!
//! A reader may refuse, or read what is there; it may not panic, hang, or hand over more than the file holds. The
//! ordinary run tries a few thousand files; `FUZZ_SECONDS=60 cargo test -p phy-sec --test fuzz` tries for a minute
//! per reader.

use phy_sec::{
    channel::intel5300,
    keygen::probe::{Trace, table},
};

#[path = "../../sdr-io/tests/files/mutate.rs"]
mod mutate;
use mutate::fuzz;

/// What was read is finite and not more than `bytes` can say: a number takes a digit and a separator.
fn sound(trace: &Trace, bytes: &[u8]) {
    assert!(trace.lanes() * trace.len() <= bytes.len().div_ceil(2));
    assert!(trace.values().iter().all(|value| value.is_finite()));
}

#[test]
fn fuzz_rssi_tables() {
    let seeds = [
        b"index,rssi\n0,-23\n2,-25.5\n3,-1e1\n".to_vec(),
        b"\xEF\xBB\xBF-40\r\n-41\r\n-39.5\r\n".to_vec(),
        b"rssi_bob,rssi_alice\n-40,-41\n-42,-40\n".to_vec(),
    ];
    fuzz("RSSI", &seeds, |bytes| {
        let (one, two) = (table::series(bytes), table::pairs(bytes));
        one.iter().for_each(|trace| sound(trace, bytes));
        if let Ok((alice, bob)) = &two {
            sound(alice, bytes);
            sound(bob, bytes);
            assert_eq!(alice.len(), bob.len());
        }
        one.is_ok() || two.is_ok()
    });
}

#[test]
fn fuzz_csi_tables() {
    let rows = |n: u32| -> Vec<String> {
        let row = |k: u32| {
            let gains: Vec<String> = (0..8).map(|lane| format!("{}.{}", k + lane, lane)).collect();
            format!("12,{},{},{},{}", k / 60 % 60, k % 60, k * 1000 % 1_000_000, gains.join(","))
        };
        (0..n).map(row).collect()
    };
    let upright = rows(12).join("\n");
    let cells: Vec<Vec<String>> =
        rows(12).iter().map(|row| row.split(',').map(str::to_owned).collect()).collect();
    let turned: Vec<String> = (0..cells[0].len())
        .map(|column| cells.iter().map(|row| row[column].clone()).collect::<Vec<_>>().join(","))
        .collect();
    fuzz("CSI table", &[upright.into_bytes(), turned.join("\n").into_bytes()], |bytes| {
        let _ = table::is_wide(bytes);
        let read = table::magnitudes(bytes);
        read.iter().for_each(|trace| sound(trace, bytes));
        read.is_ok()
    });
}

/// A log's record of `receivers` x `transmitters` antennas.
fn record(receivers: u8, transmitters: u8, sequence: u16) -> Vec<u8> {
    let bytes = (30 * (3 + 16 * usize::from(receivers) * usize::from(transmitters))).div_ceil(8) as u16;
    let mut record = (bytes + 21).to_be_bytes().to_vec();
    record.push(0xBB);
    record.extend((u32::from(sequence) * 1000).to_le_bytes());
    record.extend([0, 0]);
    record.extend(sequence.to_le_bytes());
    record.extend([receivers, transmitters, 0, 0, 0, 0, 0, 0]);
    record.extend(bytes.to_le_bytes());
    record.extend([0, 0]);
    record.extend((0..bytes).map(|k| (k * 37) as u8));
    record
}

#[test]
fn fuzz_intel5300() {
    let log = |shapes: &[(u8, u8)]| -> Vec<u8> {
        let records = shapes.iter().enumerate();
        let mut log: Vec<u8> = records.flat_map(|(k, &(rx, tx))| record(rx, tx, k as u16)).collect();
        log.extend([0, 3, 0xC1, 9, 9]); // a packet's content, skipped
        log
    };
    let seeds = [log(&[(1, 1); 6]), log(&[(3, 1), (3, 2), (3, 1)]), log(&[(2, 3); 2])];
    fuzz("Intel 5300", &seeds, |bytes| {
        let Ok(csi) = intel5300::parse(bytes) else { return false };
        let (rows, subcarriers, antennas) = csi.gains.dim();
        assert_eq!((subcarriers, csi.time.len()), (30, rows));
        assert!(rows > 0 && 2 * rows * subcarriers * antennas <= bytes.len());
        assert!(csi.sequence.is_none_or(|sequence| sequence.len() == rows));
        true
    });
}

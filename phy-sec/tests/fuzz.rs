//! Half-valid tables and logs against the readers of channel measurements.
//!
//! A reader may refuse, or read what is there; it may not panic, hang, or hand over more than the file holds. The
//! ordinary run tries a few thousand files; `FUZZ_SECONDS=60 cargo test -p phy-sec --test fuzz` tries for a minute
//! per reader.

use phy_sec::{
    channel::{Csi, dw1000, esp32, intel5300, nexmon, npy, picoscenes},
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

/// As many gains as the file can hold, each of at least `size` bytes, and parts that fit.
fn measured(csi: phy_sec::Result<Csi>, bytes: &[u8], size: usize) -> bool {
    let Ok(csi) = csi else { return false };
    assert!(!csi.gains.is_empty() && size * csi.gains.len() <= bytes.len());
    assert_eq!(csi.time.len(), csi.gains.dim().0);
    assert!(csi.sequence.is_none_or(|sequence| sequence.len() == csi.time.len()));
    assert!(csi.gains.iter().all(|gain| gain.is_finite()) && csi.time.iter().all(|time| time.is_finite()));
    true
}

#[test]
fn fuzz_esp32() {
    let line = |id: u32, numbers: &str| {
        format!(
            "CSI_DATA,{id},1a:00:00:00:00:00,-30,11,1,0,0,1,1,1,0,0,0,-93,0,11,2,{id}000,0,47,0,6,0,\"[{numbers}]\"\n"
        )
    };
    let seeds = [
        (line(1, "1,2,3,4") + &line(2, "-5,6,7,255") + "boot\n" + &line(3, "1,2")).into_bytes(),
        b"type,role,mac,real_time_set,real_timestamp,len,CSI_DATA\nCSI_DATA,AP,x,1,16.5,4,[1 2 3 4 ]\n"
            .to_vec(),
    ];
    // Two digits and what separates them.
    fuzz("ESP32", &seeds, |bytes| measured(esp32::parse(bytes), bytes, 3));
}

#[test]
fn fuzz_dw1000() {
    let taps: String = (0..140).map(|tap| format!("{tap}, -{tap}\n")).collect();
    let frame = |number: u32| {
        format!(
            "21 {number:02X} Rx time = 9.5e+000 9\nRX OK WInd(0735), HLP(0010.4000)\nAccum Len 140\n{taps}\n"
        )
    };
    let seeds = [("Mode: 2,\n".to_owned() + &frame(7) + &frame(8)).into_bytes()];
    fuzz("DW1000", &seeds, |bytes| measured(dw1000::parse(bytes), bytes, 3));
}

#[test]
fn fuzz_npy() {
    let file = |descr: &str, shape: &str, data: usize| {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((header.len() as u16).to_le_bytes());
        file.extend(header.as_bytes());
        file.extend(vec![0x3F; data]);
        file
    };
    let seeds = [file("<f4", "(10,)", 40), file("<c8", "(3, 2)", 48), file(">i2", "(2, 2, 2)", 16)];
    fuzz("NumPy", &seeds, |bytes| measured(npy::parse(bytes), bytes, 1));
}

#[test]
fn fuzz_nexmon() {
    let mut file = vec![0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0];
    file.extend([0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 101, 0, 0, 0]);
    for sequence in 0..3u8 {
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 10, 10, 10, 255, 255, 255, 255];
        packet.extend([0x15, 0x7C, 0x15, 0x7C, 1, 26, 0, 0]);
        packet.extend([0x11, 0x11, 200, 0x88, 1, 2, 3, 4, 5, 6, sequence, 0, 0, 0, 0, 0, 0x65, 0]);
        packet.extend((0..256u32).map(|k| (k * 37) as u8));
        file.extend([9, 0, 0, 0, sequence, 0, 0, 0]);
        file.extend([(packet.len() as u32).to_le_bytes(); 2].concat());
        file.extend(packet);
    }
    fuzz("Nexmon", &[file], |bytes| measured(nexmon::parse(bytes), bytes, 4));
}

#[test]
fn fuzz_picoscenes() {
    let segment = |name: &[u8], version: u8, content: &[u8]| {
        let body = [&[name.len() as u8], name, &[version, 0], content].concat();
        [&(body.len() as u32).to_le_bytes()[..], &body].concat()
    };
    let frame = |sequence: u8| {
        // 3 subcarriers, 1 stream, 2 receive chains of an AX210.
        let head = [&[0x00, 0x21][..], &[0; 24], &[3, 0, 1, 2, 0, 1, 0, 0, 0, 0, 24, 0, 0, 0]].concat();
        let csi = segment(b"CSI", 4, &[&head[..], &[7; 24]].concat());
        let basic = segment(b"RxSBasic", 3, &[&[0x00, 0x21][..], &[sequence, 0, 0, 0, 0, 0, 0, 0]].concat());
        let body = [&[0x15, 0x03, 0x15, 0x20, 1, 0, 2][..], &basic, &csi, &[0; 22], &[0, sequence]].concat();
        [&(body.len() as u32).to_le_bytes()[..], &body].concat()
    };
    fuzz("PicoScenes", &[[frame(1), frame(2)].concat()], |bytes| {
        measured(picoscenes::parse(bytes), bytes, 4)
    });
}

use proptest::prelude::*;

use super::*;

fn segment(name: &str, version: u16, content: &[u8]) -> Vec<u8> {
    let mut segment = vec![name.len() as u8 + 1];
    segment.extend(name.as_bytes());
    segment.push(0);
    segment.extend(version.to_le_bytes());
    segment.extend(content);
    [&(segment.len() as u32).to_le_bytes()[..], &segment].concat()
}

/// The header of a measurement, and its gains.
fn measured(device: u16, version: u16, shape: (u16, u8, u8), gains: &[u8]) -> Vec<u8> {
    let mut content = device.to_le_bytes().to_vec();
    content.extend(vec![7; usize::from(version == 4) + 23]);
    content.extend(shape.0.to_le_bytes());
    content.extend([shape.1, shape.2, 0]);
    if version >= 3 {
        content.extend(1u16.to_le_bytes());
    }
    content.push(9);
    if version >= 2 {
        content.extend([0, 0]);
    }
    content.extend((gains.len() as u32).to_le_bytes());
    content.extend(gains);
    segment("CSI", version, &content)
}

fn frame_of(device: u16, time: u64, sequence: u16, csi: &[u8]) -> Vec<u8> {
    let basic = [&device.to_le_bytes()[..], &time.to_le_bytes(), &[0; 20]].concat();
    let mut frame = MARK.to_vec();
    frame.extend([1, 0, 3]);
    frame.extend(segment("ExtraInfo", 1, &[1, 2, 3]));
    frame.extend(segment("RxSBasic", 3, &basic));
    frame.extend(csi);
    frame.extend([0; 22]);
    frame.extend((sequence << 4 | 3).to_le_bytes());
    frame.extend([0; 8]);
    [&(frame.len() as u32).to_le_bytes()[..], &frame].concat()
}

fn integers(count: i16, start: i16) -> Vec<u8> {
    (0..count).flat_map(|k| [(start + k).to_le_bytes(), (-k).to_le_bytes()].concat()).collect()
}

#[test]
fn intel_ax210() {
    // 5 subcarriers, 1 stream, 2 receive chains.
    let one = |time, sequence, start| {
        frame_of(0x2100, time, sequence, &measured(0x2100, 4, (5, 1, 2), &integers(10, start)))
    };
    let file = [one(1_000_000, 4095, 0), one(1_500_000, 0, 100)].concat();
    let csi = parse(&file).unwrap();
    assert_eq!((csi.gains.dim(), csi.sequence), ((2, 5, 2), Some(vec![4095, 4096])));
    assert_eq!(csi.time, [1.0, 1.5]);
    assert_eq!(csi.gains[[0, 3, 0]], Complex32::new(3.0, -3.0));
    // The second chain's subcarriers come after all of the first's.
    assert_eq!(csi.gains[[1, 3, 1]], Complex32::new(108.0, -8.0));
    assert!(is(&file) && !is(b"12345678"));
}

#[test]
fn intel_5300_as_its_own_logs() {
    let payload: Vec<u8> = (0..72u8).map(|k| k.wrapping_mul(37)).collect();
    let file = frame_of(0x5300, 7, 1, &measured(0x5300, 1, (30, 1, 1), &payload));
    let csi = parse(&file).unwrap();
    assert_eq!(csi.gains.as_slice().unwrap(), intel5300::unpack(&payload, 1));
    assert_eq!((csi.gains.dim(), csi.time[0]), ((1, 30, 1), 7e-6));
}

#[test]
fn software_radios() {
    for (version, order) in [(1u8, b'C'), (2, b'C'), (2, b'R')] {
        let mut gains = vec![0; 2 * 4];
        gains.extend([b'B', b'B', b'v', b'0' + version, 2]);
        for axis in [4u64, 2] {
            gains.extend(&axis.to_le_bytes()[..if version == 1 { 4 } else { 8 }]);
        }
        gains.extend([b'C', b'D', 64, order]);
        gains.extend(
            (0..8).flat_map(|k| [f64::from(k).to_le_bytes(), (-f64::from(k)).to_le_bytes()].concat()),
        );
        let file = frame_of(0x1234, 2_000_000_000, 5, &measured(0x1234, 3, (4, 1, 2), &gains));
        let csi = parse(&file).unwrap();
        assert_eq!((csi.gains.dim(), csi.time[0]), ((1, 4, 2), 2.0));
        let want = if order == b'C' { 4.0 + 1.0 } else { 2.0 + 1.0 };
        assert_eq!(csi.gains[[0, 1, 1]], Complex32::new(want, -want));
    }
}

#[test]
fn what_is_wrong_is_said() {
    let of = |bytes: &[u8]| parse(bytes).unwrap_err().to_string();
    let good = frame_of(0x2100, 1, 1, &measured(0x2100, 4, (5, 1, 2), &integers(10, 0)));
    assert_eq!(of(b""), "PicoScenes file needs at least 1 measurements, got 0");
    assert!(of(&good[..good.len() - 1]).contains("are left"));
    assert!(of(&[&good[..], &[1, 2]].concat()).starts_with(&format!("PicoScenes file, byte {}", good.len())));
    let with = |at: usize, value: u8| {
        let mut file = good.clone();
        file[at] = value;
        of(&file)
    };
    assert!(with(4, 0).contains("without the mark"));
    assert!(with(8, 9).contains("version 9"));
    let unknown = frame_of(0x2100, 1, 1, &measured(0x9300, 4, (5, 1, 2), &integers(10, 0)));
    assert!(of(&unknown).contains("device 0x9300, which is not read"));
    let few = frame_of(0x2100, 1, 1, &measured(0x2100, 4, (50_000, 255, 255), &integers(10, 0)));
    assert!(of(&few).contains("40 bytes of gains for 50000 subcarriers of 65025 antennas"), "{}", of(&few));
    let new = frame_of(0x2100, 1, 1, &measured(0x2100, 5, (5, 1, 2), &integers(10, 0)));
    assert!(of(&new).contains("CSI segment of version 5"));
}

proptest! {
    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100), at in 0usize..400, value: u8, cut in 0usize..400, usrp: bool) {
        let _ = (parse(&bytes), is(&bytes));
        let mut gains = vec![0; 2 * 4];
        gains.extend(b"BBv1\x02\x04\0\0\0\x02\0\0\0CD\x20C");
        gains.extend([0x3F; 64]);
        let (device, gains) = if usrp { (0x1234, gains) } else { (0x2100, integers(8, 0)) };
        let mut file = frame_of(device, 1, 1, &measured(device, 3, (4, 1, 2), &gains));
        assert!(parse(&file).is_ok());
        let at = at % file.len();
        file[at] = value;
        let _ = parse(&file);
        file.truncate(cut);
        let _ = parse(&file);
    }
}

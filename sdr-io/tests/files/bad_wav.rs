//! Every item of the list of bad WAV files: some are refused, some only look bad and are read right.

use num_complex::Complex32;
use sdr_io::OpenOptions;

use crate::fixtures::{Folder, fault, open_path, read_all, wav, wav_format};

fn read(bytes: &[u8]) -> (f64, Option<f64>, Vec<Complex32>) {
    let folder = Folder::new();
    let mut source = open_path(&folder.write("a.wav", bytes), &OpenOptions::default()).unwrap();
    let (all, _) = read_all(&mut *source, 3).unwrap();
    (source.info().sample_rate.unwrap(), source.info().center_frequency, all.into_iter().collect())
}

fn shorts(values: &[i16]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn iq(values: &[(f32, f32)]) -> Vec<Complex32> {
    values.iter().map(|(re, im)| Complex32::new(*re, *im)).collect()
}

/// Half, minus a quarter; minus one, zero.
const CODES: [i16; 4] = [16_384, -8_192, -32_768, 0];
const VALUES: [(f32, f32); 2] = [(0.5, -0.25), (-1.0, 0.0)];

#[test]
fn wav_files_that_are_refused() {
    let good = |format: Vec<u8>| wav(&[(b"fmt ", format), (b"data", shorts(&CODES))]);
    let mut frame = wav_format(1, 2, 1000, 16);
    frame[12] = 3;
    let mut beyond = good(wav_format(1, 2, 1000, 16));
    let size_at = beyond.len() - 12;
    beyond[size_at..size_at + 4].copy_from_slice(&100u32.to_le_bytes());
    let mut rf64 = good(wav_format(1, 2, 1000, 16));
    rf64[..4].copy_from_slice(b"RF64");
    rf64[size_at..size_at + 4].fill(0xFF);
    let mut long64 = wav(&[
        (b"ds64", [[0xFF; 24].as_slice(), &[0; 4]].concat()),
        (b"fmt ", wav_format(1, 2, 1000, 16)),
        (b"data", shorts(&CODES)),
    ]);
    long64[..4].copy_from_slice(b"RF64");
    let size64_at = long64.len() - 12;
    long64[size64_at..size64_at + 4].fill(0xFF);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", vec![], "not a WAV file: it does not begin with RIFF, RF64 or BW64 and WAVE"),
        (
            "AVI",
            b"RIFF\x04\0\0\0AVI ".to_vec(),
            "not a WAV file: it does not begin with RIFF, RF64 or BW64 and WAVE",
        ),
        (
            "0 channels",
            good(wav_format(1, 0, 1000, 16)),
            "0 channels; IQ has two (I, Q) and a real signal one",
        ),
        (
            "3 channels",
            good(wav_format(1, 3, 1000, 16)),
            "3 channels; IQ has two (I, Q) and a real signal one",
        ),
        ("rate 0", good(wav_format(1, 2, 0, 16)), "the sample rate is 0"),
        (
            "12 bits",
            good(wav_format(1, 2, 1000, 12)),
            "format 0x0001 with 12 bits; integers of 8, 16, 24, 32 and floats of 32, 64 bits are read",
        ),
        (
            "0 bits",
            good(wav_format(1, 2, 1000, 0)),
            "format 0x0001 with 0 bits; integers of 8, 16, 24, 32 and floats of 32, 64 bits are read",
        ),
        (
            "A-law",
            good(wav_format(6, 2, 1000, 8)),
            "format 0x0006 with 8 bits; integers of 8, 16, 24, 32 and floats of 32, 64 bits are read",
        ),
        (
            "half floats",
            good(wav_format(3, 2, 1000, 16)),
            "format 0x0003 with 16 bits; integers of 8, 16, 24, 32 and floats of 32, 64 bits are read",
        ),
        ("frame size", good(frame), "frames of 3 bytes; 2 channels of 16 bits need 4"),
        ("no fmt", wav(&[(b"data", shorts(&CODES))]), "there is no fmt chunk"),
        ("no data", wav(&[(b"fmt ", wav_format(1, 2, 1000, 16))]), "there is no data chunk"),
        (
            "short fmt",
            wav(&[(b"fmt ", vec![0; 14]), (b"data", vec![0; 4])]),
            "the fmt chunk is 14 bytes, less than the 16 that it needs",
        ),
        (
            "two data",
            wav(&[(b"fmt ", wav_format(1, 2, 1000, 16)), (b"data", vec![0; 4]), (b"data", vec![0; 4])]),
            "there are two data chunks",
        ),
        (
            "two fmt",
            wav(&[
                (b"fmt ", wav_format(1, 2, 1000, 16)),
                (b"fmt ", wav_format(1, 1, 1000, 8)),
                (b"data", vec![0; 4]),
            ]),
            "there are two fmt chunks",
        ),
        ("data beyond the file", beyond, "the data chunk is 100 bytes, but only 8 bytes are left"),
        ("RF64 without ds64", rf64, "there is no ds64 chunk"),
        (
            "RF64 of 2^64 bytes",
            long64,
            "the data chunk is 18446744073709551615 bytes, but only 8 bytes are left",
        ),
        ("no samples", wav(&[(b"fmt ", wav_format(1, 2, 1000, 16)), (b"data", vec![])]), "holds no samples"),
        (
            "half a sample",
            wav(&[(b"fmt ", wav_format(1, 2, 1000, 16)), (b"data", vec![0; 6])]),
            "6 bytes are not a whole number of samples of 4 bytes",
        ),
        ("many chunks", wav(&vec![(b"JUNK", vec![]); 10_001]), "more than 10000 chunks"),
        (
            "NaN",
            wav(&[
                (b"fmt ", wav_format(3, 2, 1000, 32)),
                (b"data", [0f32, f32::NAN].iter().flat_map(|x| x.to_le_bytes()).collect()),
            ]),
            "sample 0 of channel 0 is not finite",
        ),
    ];
    let mut wrong = String::new();
    for (name, bytes, message) in cases {
        let folder = Folder::new();
        let path = folder.write("a.wav", bytes);
        let got = fault(&path, &OpenOptions::default());
        let bare =
            got.as_deref().map(|got| got.strip_prefix(&format!("{}: ", path.display())).unwrap_or(got));
        if bare != Some(message) {
            wrong += &format!("{name}:\n  want {message}\n  got  {got:?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A name, the size of the rest, the form: a file that ends among them is none, even where the ends meet.
#[test]
fn a_header_that_is_cut_off() {
    let folder = Folder::new();
    let header = b"RIFF\x04\0\0\0WAVE";
    for length in 0..=header.len() {
        // From the front, and with the form moved up to the end.
        let mut short = header[..length].to_vec();
        let form = length.saturating_sub(4);
        short[form..].copy_from_slice(&header[header.len() - (length - form)..]);
        for bytes in [&header[..length], &short] {
            let error = fault(&folder.write("a.wav", bytes), &OpenOptions::default()).unwrap();
            let want = if length < header.len() { "not a WAV file" } else { "there is no fmt chunk" };
            assert!(error.contains(want), "{bytes:?}: {error}");
        }
    }
}

#[test]
fn plain() {
    let (rate, frequency, samples) =
        read(&wav(&[(b"fmt ", wav_format(1, 2, 48_000, 16)), (b"data", shorts(&CODES))]));
    assert_eq!((rate, frequency), (48_000.0, None));
    assert_eq!(samples, iq(&VALUES));
}

#[test]
fn fmt_after_data() {
    let (_, _, samples) = read(&wav(&[(b"data", shorts(&CODES)), (b"fmt ", wav_format(1, 2, 48_000, 16))]));
    assert_eq!(samples, iq(&VALUES));
}

#[test]
fn rf64_and_bw64() {
    for id in [b"RF64", b"BW64"] {
        let mut ds64 = vec![0; 28];
        ds64[8] = 8; // the size of data
        let mut bytes = wav(&[
            (b"ds64", ds64),
            (b"fmt ", wav_format(1, 2, 1000, 16)),
            (b"data", shorts(&CODES)),
            (b"LIST", vec![0; 4]),
        ]);
        bytes[..4].copy_from_slice(id);
        let data = bytes.windows(4).position(|four| four == b"data").unwrap();
        bytes[data + 4..data + 8].fill(0xFF);
        assert_eq!(read(&bytes).2, iq(&VALUES));
    }
}

#[test]
fn data_until_the_end() {
    let mut bytes = wav(&[(b"fmt ", wav_format(1, 2, 1000, 16)), (b"data", shorts(&CODES))]);
    let data = bytes.len() - 12;
    bytes[data..data + 4].fill(0xFF);
    assert_eq!(read(&bytes).2, iq(&VALUES));
}

#[test]
fn twenty_four_bits() {
    // Three bytes, little-endian: 0.5, -0.25, the most negative, the smallest positive.
    let data = [[0, 0, 0x40], [0, 0, 0xE0], [0, 0, 0x80], [1, 0, 0]].concat();
    let (_, _, samples) = read(&wav(&[(b"fmt ", wav_format(1, 2, 1000, 24)), (b"data", data)]));
    assert_eq!(samples, iq(&[(0.5, -0.25), (-1.0, 2f32.powi(-23))]));
}

#[test]
fn other_widths() {
    let codes = [0.5f64, -0.25, -1.0, 0.0];
    let bytes = |write: fn(f64) -> Vec<u8>| codes.into_iter().flat_map(write).collect::<Vec<_>>();
    for (tag, bits, data) in [
        (3, 64, bytes(|x| x.to_le_bytes().to_vec())),
        (3, 32, bytes(|x| (x as f32).to_le_bytes().to_vec())),
        (1, 32, bytes(|x| ((x * 2f64.powi(31)) as i32).to_le_bytes().to_vec())),
    ] {
        let (_, _, samples) = read(&wav(&[(b"fmt ", wav_format(tag, 2, 1000, bits)), (b"data", data)]));
        assert_eq!(samples, iq(&VALUES), "{bits} bits");
    }
    // Eight bits are offset binary: the two middle codes lie half a step from zero.
    let (_, _, samples) =
        read(&wav(&[(b"fmt ", wav_format(1, 2, 1000, 8)), (b"data", vec![127, 128, 0, 255])]));
    assert_eq!(samples, iq(&[(-0.5 / 128.0, 0.5 / 128.0), (-127.5 / 128.0, 127.5 / 128.0)]));
}

#[test]
fn extensible() {
    let mut format = wav_format(0xFFFE, 2, 1000, 16);
    format.extend([22, 0, 16, 0, 3, 0, 0, 0]);
    format.extend([1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]);
    let file = |format: Vec<u8>| wav(&[(b"fmt ", format), (b"data", shorts(&CODES))]);
    assert_eq!(read(&file(format.clone())).2, iq(&VALUES));
    format[39] = 0; // another GUID is another format
    let folder = Folder::new();
    let error = fault(&folder.write("a.wav", file(format)), &OpenOptions::default()).unwrap();
    assert!(error.contains("format 0xfffe with 16 bits"), "{error}");
}

#[test]
fn the_pad_byte_after_an_odd_chunk() {
    for pad in [true, false] {
        let mut bytes = wav(&[(b"fmt ", wav_format(1, 2, 1000, 16))]);
        bytes.extend(b"LIST\x03\0\0\0abc");
        bytes.extend(pad.then_some(0));
        bytes.extend(b"data\x08\0\0\0");
        bytes.extend(shorts(&CODES));
        assert_eq!(read(&bytes).2, iq(&VALUES), "pad byte: {pad}");
    }
}

#[test]
fn one_channel_is_a_real_signal() {
    let (_, _, samples) = read(&wav(&[(b"fmt ", wav_format(1, 1, 1000, 16)), (b"data", shorts(&CODES))]));
    assert_eq!(samples, iq(&[(0.5, 0.0), (-0.25, 0.0), (-1.0, 0.0), (0.0, 0.0)]));
}

#[test]
fn the_frequency_of_auxi() {
    let mut auxi = vec![0; 164];
    auxi[32..36].copy_from_slice(&433_920_000_u32.to_le_bytes());
    let (_, frequency, _) =
        read(&wav(&[(b"fmt ", wav_format(1, 2, 1000, 16)), (b"auxi", auxi), (b"data", shorts(&CODES))]));
    assert_eq!(frequency, Some(433.92e6));
}

//! What the radio was asked for, and what it made of it.

use sdr_io::{
    Error, OpenOptions, RadioError, open,
    soapy::{describe, find},
};

use super::*;

fn refused(serial: &str, arguments: &str, query: &str) -> String {
    open(&uri(serial, arguments, query), &OpenOptions::default()).err().expect("must be refused").to_string()
}

#[test]
fn everything_is_set_and_read_back() {
    let query = "rate=20M&freq=2.437G&gain=30&antenna=TX/RX&bandwidth=18M&channels=0,1&agc=false&clock=external\
                 &time=external&dc=auto&ppm=1.5&setting.note=hello";
    let source = radio("settings", "", query);
    let info = source.info();
    assert_eq!((info.sample_rate, info.center_frequency, info.channels), (Some(20e6), Some(2.437e9), 2));
    assert_eq!(
        (info.format, info.hardware.as_deref(), info.samples),
        ("soapy", Some("phyreplay replay"), None)
    );
    assert!(source.notes().is_empty(), "{:?}", source.notes());
}

#[test]
fn a_wrong_rate_or_frequency_is_an_error() {
    for (arguments, query, what, asked) in [
        ("rate.ppm=150", "rate=2M&freq=1G", "sample rate", 2e6),
        ("rate.ppm=-40000", "rate=2M&freq=1G", "sample rate", 2e6),
        ("freq.ppm=150", "rate=2M&freq=1G", "frequency", 1e9),
        ("", "rate=2M&freq=7G", "frequency", 7e9),
    ] {
        let address = uri("off", arguments, query);
        let error = open(&address, &OpenOptions::default()).err().unwrap();
        let Error::Radio { error: RadioError::Mismatch { what: found, asked: found_asked, .. }, .. } = error
        else {
            panic!("{error}")
        };
        assert_eq!((found, found_asked), (what, asked));
        // By the caller's leave it is a note, and the true value counts.
        let source = open(&format!("{address}&mismatch=warn"), &OpenOptions::default()).unwrap();
        assert!(source.notes()[0].contains(what), "{:?}", source.notes());
    }
    let source = radio("off", "rate.ppm=150", "rate=2M&mismatch=warn");
    assert!((source.info().sample_rate.unwrap() - 2_000_300.0).abs() < 1e-6);
    // 100 ppm is the limit.
    drop(source);
    radio("off", "rate.ppm=90", "rate=2M");
}

#[test]
fn what_was_clamped_is_noted() {
    let source = radio("clamped", "", "rate=2M&gain=100&gain.PGA=55&bandwidth=1k");
    let notes = source.notes();
    assert_eq!(
        notes,
        [
            "asked for a bandwidth of 1000 Hz, the radio set 100000 Hz",
            "asked for a gain of 100 dB, the radio set 60 dB",
            "asked for a gain of PGA of 55 dB, the radio set 20 dB",
        ]
    );
}

#[test]
fn what_is_not_there_is_named() {
    for (query, want) in [
        ("rate=2M&antenna=RX9", "there is no antenna RX9; there is RX, TX/RX"),
        ("rate=2M&gain.VGA=1", "there is no gain element VGA; there is LNA, PGA"),
        ("rate=2M&channels=2", "there is no receive channel 2; there is 0 to 1"),
        ("rate=2M&clock=gps", "there is no clock source gps; there is internal, external"),
        ("rate=2M&setting.biastee=1", "there is no device setting biastee; there is note"),
    ] {
        let said = refused("absent", "", query);
        assert!(said.ends_with(want), "{said}");
    }
    let said = refused("absent", "colour=red", "rate=1M");
    assert!(said.ends_with("cannot open the radio: phyreplay: the argument colour is not known"), "{said}");
    let said = open("soapy:driver=nosuchradio?rate=1M", &OpenOptions::default()).err().unwrap().to_string();
    assert!(said.starts_with("soapy:driver=nosuchradio: cannot open the radio: "), "{said}");
    for options in [OpenOptions { header_bytes: 4, ..OpenOptions::default() }, {
        let mut options = OpenOptions::default();
        options.replay.realtime = true;
        options
    }] {
        let error = open(&uri("files", "", "rate=1M"), &options).err().unwrap();
        assert!(error.to_string().contains("left out for a radio"), "{error}");
    }
}

#[test]
fn a_timed_start() {
    let mut source = radio("timed", "pace=true", "rate=1M&start=0.3&timeout=0.2");
    let begun = std::time::Instant::now();
    let mut block = ndarray::Array2::zeros((1, 1000));
    let read = source.read(block.view_mut()).unwrap().unwrap();
    assert!((0.25..2.0).contains(&begun.elapsed().as_secs_f64()));
    assert_eq!(read.lost_before, sdr_io::Lost::None);
}

#[test]
fn a_radio_says_what_it_can_do() {
    let args = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    assert!(find(&args(&[("serial", "1")])).is_err(), "every module would be run");
    let found = find(&args(&[("driver", "phyreplay")])).unwrap();
    assert_eq!(found.len(), 1);
    assert!(found[0].contains(&("driver".into(), "phyreplay".into())));
    let said = describe(&args(&[("driver", "phyreplay"), ("serial", "said"), ("tx", "loop")])).unwrap();
    assert_eq!((said.receive.len(), said.transmit.len(), said.hardware_time), (2, 1, true));
    assert_eq!(said.receive[0].antennas, ["RX", "TX/RX"]);
    assert_eq!(said.receive[0].gains[1].0, "PGA");
    assert_eq!(said.receive[0].frequencies[0].maximum, 6e9);
}

/// The blemishes of real front ends, for the tests of those who look for them.
#[test]
fn blemishes() {
    let mean = |arguments: &str| {
        let mut source = radio(arguments, &format!("signal=zero,{arguments}"), "rate=1M");
        let (mut sum, mut power) = (num_complex::Complex32::default(), 0.0);
        read(source.as_mut(), 10_000, 10_000, |_, samples| {
            sum += samples.iter().sum::<num_complex::Complex32>() / 10_000.0;
            power += samples.iter().map(|x| x.norm_sqr()).sum::<f32>() / 10_000.0;
        });
        (sum, power)
    };
    let (sum, _) = mean("dc=0.25");
    assert!((sum.re - 0.25).abs() < 1e-4 && (sum.im - 0.25).abs() < 1e-4, "{sum}");
    let (_, power) = mean("noise=-20");
    assert!((10.0 * power.log10() + 20.0).abs() < 0.5, "{power}");
    // A tone of one half, 12 dB up, hits both rails.
    let mut source = radio("rails", "signal=tone,level=12", "rate=1M");
    read(source.as_mut(), 800, 800, |_, samples| {
        assert!(samples.iter().all(|x| x.re.abs() <= 1.0 && x.norm() > 0.99));
    });
    let mut source = radio("steps", "signal=tone,agc.every=400,agc.step=-6.0206", "rate=1M");
    read(source.as_mut(), 800, 800, |_, samples| {
        assert!((samples[399].norm() - 0.5).abs() < 1e-3 && (samples[400].norm() - 0.25).abs() < 1e-3);
    });
}

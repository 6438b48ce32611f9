//! Samples to a radio: into a file, and around through a channel that is the same in both directions.

use ndarray::Array2;
use num_complex::Complex32;
use sdr_io::{
    CreateOptions, Datatype, OpenOptions, create, open,
    soapy::{RadioOptions, SoapySink, SoapySource},
};

use super::*;

#[test]
fn what_is_written_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    for (format, tolerance) in [("cf32", 0.0), ("cs16", 1e-4), ("cs8", 0.01)] {
        let path = folder.path().join(format);
        let path = path.to_str().unwrap();
        let mut sink = create(
            uri(format, &format!("tx={path}"), &format!("rate=1M&format={format}")),
            &CreateOptions::default(),
        )
        .unwrap();
        let samples =
            Array2::from_shape_fn((1, 50_000), |(_, k)| Complex32::from_polar(0.9, k as f32 * 0.01));
        for start in (0..50_000).step_by(20_000) {
            let count = (50_000 - start).min(20_000);
            let read = sdr_io::Read { samples: count, sample_start: start as u64, ..sdr_io::Read::default() };
            sink.write(samples.slice(ndarray::s![.., start..start + count]), &read).unwrap();
        }
        assert_eq!(sink.clipped(), 0);
        sink.finish().unwrap();
        let options = OpenOptions { datatype: Some(Datatype::CF32_LE), ..OpenOptions::default() };
        let mut sent = Array2::zeros((1, 60_000));
        let read = open(path, &options).unwrap().read(sent.view_mut()).unwrap().unwrap();
        assert_eq!(read.samples, 50_001); // and a zero that ends the burst
        for k in 0..50_000 {
            assert!((sent[[0, k]] - samples[[0, k]]).norm() <= tolerance, "{format} {k}");
        }
    }
}

#[test]
fn a_burst_comes_back_at_its_time() {
    let address = uri("echo", "tx=loop,channel.taps=3", "rate=1M");
    let options = RadioOptions::parse(&address).unwrap();
    let mut source = SoapySource::new(&options).unwrap();
    let mut sink = SoapySink::new(&options).unwrap();
    let mut block = Array2::zeros((1, 1000));
    source.read(block.view_mut()).unwrap().unwrap();
    assert!(block.iter().all(|x| *x == Complex32::default()));
    // An impulse half a block further on shows the three taps.
    let impulse = Array2::from_shape_fn((1, 10), |(_, k)| Complex32::from(f32::from(u8::from(k == 0))));
    sink.burst(impulse.view(), Some(1_500_000)).unwrap();
    source.read(block.view_mut()).unwrap().unwrap();
    let loud: Vec<_> = (0..1000).filter(|k| block[[0, *k]].norm() > 1e-3).collect();
    assert!(loud.iter().all(|k| (500..503).contains(k)) && loud.contains(&500), "{loud:?}");
    // One for the past is not sent, and counted.
    sink.burst(impulse.view(), Some(0)).unwrap();
    let counters = sink.counters();
    assert_eq!((counters.late, counters.bursts), (1, 1));
    source.read(block.view_mut()).unwrap().unwrap();
    assert!(block.iter().all(|x| *x == Complex32::default()));
}

/// Two radios on the same air: each hears the other through the same taps at the same time, and a third hears others.
#[test]
fn the_channel_is_reciprocal() {
    let folder = tempfile::tempdir().unwrap();
    let air = folder.path().to_str().unwrap();
    let end = |id: &str| {
        let arguments = format!("air={air},id={id},channel.taps=4,channel.doppler=10");
        let options = RadioOptions::parse(&uri(&format!("air-{id}"), &arguments, "rate=1M")).unwrap();
        (SoapySource::new(&options).unwrap(), SoapySink::new(&options).unwrap())
    };
    let (mut alice, mut to_bob) = end("alice");
    let (mut bob, mut to_alice) = end("bob");
    let (mut eve, _) = end("eve");
    let impulse = Array2::from_elem((1, 1), Complex32::from(1.0));
    let heard = |source: &mut SoapySource| {
        let mut block = Array2::zeros((1, 1000));
        assert_eq!(source.read(block.view_mut()).unwrap().unwrap().samples, 1000);
        block.row(0).slice(ndarray::s![500..504]).to_vec()
    };
    to_bob.burst(impulse.view(), Some(500_000)).unwrap();
    to_alice.burst(impulse.view(), Some(500_000)).unwrap();
    let (at_bob, at_alice, at_eve) = (heard(&mut bob), heard(&mut alice), heard(&mut eve));
    let norm = |x: &[Complex32]| x.iter().map(|x| x.norm_sqr()).sum::<f32>().sqrt();
    let apart =
        |a: &[Complex32], b: &[Complex32]| norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>());
    assert!(norm(&at_bob) > 0.1);
    assert!(apart(&at_bob, &at_alice) < 1e-6);
    assert!(apart(&at_bob, &at_eve) > 0.1);
}

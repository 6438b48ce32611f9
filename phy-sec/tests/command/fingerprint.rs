//! `fingerprint`.

use std::fs;

use crate::{
    documented, json, path, phy_sec, recordings, refusal,
    signal::{add_tone, cf32, noise},
    text,
};

/// Two transmitters of tones at frequencies of their own, enrolled and identified.
#[test]
fn enrolment_and_identification_answer_as_documented() {
    let folder = tempfile::tempdir().unwrap();
    let mut labels = String::from("file,emitter,role,recording,samples,datatype,sample_rate\n");
    for (emitter, cycles) in [("alpha", 0.02), ("bravo", -0.05)] {
        for recording in 0..4u32 {
            let file = format!("{emitter}{recording}.cf32");
            let mut samples = noise(30_000, 0.02, u64::from(recording) + 100 * emitter.len() as u64);
            for burst in 0..4 {
                let start = 4000 + 6500 * burst;
                add_tone(&mut samples[start..start + 3000], cycles + 1e-4 * f64::from(recording));
            }
            fs::write(folder.path().join(&file), cf32(&samples)).unwrap();
            labels += &format!("{file},{emitter},enrolled,{emitter}{recording},30000,cf32_le,1e6\n");
        }
    }
    fs::write(folder.path().join("labels.csv"), &labels).unwrap();
    let gallery = folder.path().join("gallery.json");
    let enrolled =
        &json(&["fingerprint", "enroll", path(folder.path()), "--gallery", path(&gallery), "--json"])[0];
    // An earlier gallery is replaced.
    json(&["fingerprint", "enroll", path(folder.path()), "--gallery", path(&gallery), "--json"]);
    assert_eq!((&enrolled["schema"], &enrolled["emitters"]), (&"phy-sec.enrollment/1".into(), &2.into()));
    documented(enrolled);
    let recording = folder.path().join("alpha1.cf32");
    let args = ["fingerprint", "identify", path(&recording), "--gallery", path(&gallery)];
    let found = json(&[&args[..], &["--rate", "1e6", "--json"]].concat());
    assert_eq!(found.len(), 4);
    for burst in &found {
        assert_eq!(burst["nearest"], "alpha", "{burst}");
        documented(burst);
    }
    assert!(refusal(&args, 1).contains("--rate"), "a rate is needed before samples are read");

    // What lies beside recordings is no recording, and is skipped with a word.
    let mixed = tempfile::tempdir().unwrap();
    let identify =
        ["fingerprint", "identify", path(mixed.path()), "--gallery", path(&gallery), "--rate", "1e6"];
    assert!(refusal(&identify, 1).contains("no recording in"));
    fs::write(mixed.path().join("notes.txt"), "see a.cf32").unwrap();
    assert!(refusal(&identify, 1).contains("skipped"));
    fs::copy(&recording, mixed.path().join("a.cf32")).unwrap();
    let output = phy_sec(&[&identify[..], &["--json"]].concat());
    assert_eq!(text(&output.stdout).lines().count(), 4);
    assert!(text(&output.stderr).contains("skipped: ") && text(&output.stderr).contains("notes.txt"));

    // What does not say its rate, and was named by nobody, is passed over; what does is identified.
    fs::copy(&recording, mixed.path().join("b.sigmf-data")).unwrap();
    let meta = r#"{"global": {"core:datatype": "cf32_le", "core:version": "1.2.5", "core:sample_rate": 1e6},
        "captures": [{"core:sample_start": 0}], "annotations": []}"#;
    fs::write(mixed.path().join("b.sigmf-meta"), meta).unwrap();
    let output =
        phy_sec(&["fingerprint", "identify", path(mixed.path()), "--gallery", path(&gallery), "--json"]);
    assert_eq!(text(&output.stdout).lines().count(), 4, "{output:?}");
    assert!(text(&output.stderr).contains("a.cf32 does not say its sample rate"), "{output:?}");

    // At another rate the features are others; a clock's error is no other rate.
    assert_eq!(enrolled["sample_rate"], 1e6);
    let said = refusal(&[&args[..], &["--rate", "250e3"]].concat(), 1);
    assert!(said.contains("got 250000 Hz for 1000000 Hz"), "{said}");
    assert!(phy_sec(&[&args[..], &["--rate", "1.001e6"]].concat()).status.success());
    let evaluate = ["fingerprint", "evaluate", path(folder.path())];
    let enroll = ["fingerprint", "enroll", path(folder.path()), "--gallery", path(&gallery)];
    let listed = |table: &str| fs::write(folder.path().join("labels.csv"), table).unwrap();
    let first = "alpha0.cf32,alpha,enrolled,alpha0,30000,cf32_le,1e6\n";
    listed(&labels.replace("alpha0,30000", "alpha0,99999999"));
    assert!(refusal(&evaluate, 1).contains("says 99999999 samples, and it holds 30000"));
    // One file as two recordings, even of two emitters, stands on both sides of a split by recording.
    listed(&format!("{labels}{}", first.replace(",alpha,", ",charlie,").replace(",alpha0,", ",x,")));
    assert!(refusal(&evaluate, 1).contains("listed twice"));
    listed(&labels.replace(first, &first.replace("1e6", "2e6")));
    assert!(refusal(&enroll, 1).contains("different rates, 1000000 to 2000000 Hz"));
    let evaluation = &json(&[&evaluate[..], &["--json"]].concat())[0];
    assert!(evaluation["warnings"].to_string().contains("different rates"), "{evaluation}");
    listed(&labels);
    let config = folder.path().join("c.toml");
    fs::write(&config, "[fingerprint]\nfeatures = []\n").unwrap();
    assert!(
        refusal(&[&evaluate[..], &["--config", path(&config)]].concat(), 1)
            .contains("features must be at least one")
    );
}

/// Frames of one radio are fitted by their preambles; the same with the preamble given as a file.
#[test]
fn features_of_a_known_waveform() {
    use phy_sec::sim::{self, impairment::*, waveform};
    let folder = tempfile::tempdir().unwrap();
    let (file, known) = (folder.path().join("frames.cf32"), folder.path().join("known.cf32"));
    let radio = Impairments {
        cfo: 42e3,
        tx_iq: IqImbalance { gain_db: 0.6, phase: 0.03 },
        iq_offset: num_complex::Complex32::new(0.04, 0.0),
        ..Impairments::default()
    };
    let bytes = |x: &[num_complex::Complex32]| -> Vec<u8> {
        x.iter().flat_map(|x| [x.re.to_le_bytes(), x.im.to_le_bytes()].concat()).collect()
    };
    let mut rng = sim::rng(1);
    let mut x = Vec::new();
    for _ in 0..3 {
        x.resize(x.len() + 700, num_complex::Complex32::ZERO);
        let mut frame = waveform::Wifi::default().modulate(&[1; 30]).unwrap().samples;
        radio.transmit(&mut frame, 20e6, &mut rng).unwrap();
        x.extend(frame);
    }
    let noise = sim::noise(&mut rng, x.len(), 1e-3);
    x.iter_mut().zip(noise).for_each(|(x, n)| *x += n);
    fs::write(&file, bytes(&x)).unwrap();
    fs::write(&known, bytes(&waveform::wifi::training())).unwrap();

    let base = ["fingerprint", "features", path(&file), "--rate", "20M"];
    let given = [&base[..], &["--json", "--reference", path(&known), "--part", "16..304"]].concat();
    for args in [&[&base[..], &["--json"]].concat(), &given] {
        let bursts = json(args);
        let starts: Vec<u64> = bursts.iter().map(|burst| burst["sample_start"].as_u64().unwrap()).collect();
        let length = (x.len() as u64 - 2100) / 3;
        assert_eq!(starts, [0, 1, 2].map(|i| i * (length + 700) + 716), "{args:?}");
        for burst in &bursts {
            documented(burst);
            for (name, truth) in
                [("cfo", 42e3), ("iq_gain_db", 0.6), ("iq_phase", 0.03), ("iq_offset_i", 0.04)]
            {
                let number = |key: &str| burst["values"][name][key].as_f64().unwrap();
                let off = (number("value") - truth).abs();
                assert!(off < 4.0 * number("standard_error") + 0.002 * truth, "{name}: {burst}");
            }
            assert!(burst["values"]["dc_i"]["missing"].as_str().unwrap().contains("not identifiable"));
        }
    }
    let shown = phy_sec(&base);
    assert!(
        text(&shown.stdout).contains("burst at sample 716") && text(&shown.stdout).contains("iq_gain_db")
    );
    assert!(refusal(&["fingerprint", "features", path(&file), "--rate", "1M"], 1).contains("20e6"));
    assert!(
        refusal(&[&base[..], &["--reference", path(&known), "--part", "5..4"]].concat(), 2)
            .contains("1000..3000")
    );
    let beyond = [&base[..], &["--reference", path(&known), "--part", "0..400"]].concat();
    assert!(refusal(&beyond, 1).contains("320 samples"));
}

/// dump1090's recording of one aircraft: at least 312 replies, at least 269 of them with an exact CRC, and all of it.
#[test]
fn bursts_of_one_aircraft() {
    let Some(folder) = recordings() else { return };
    let file = folder.join("fingerprint/mode_s/modes1.bin");
    let args =
        ["fingerprint", "bursts", path(&file), "--datatype", "cu8", "--rate", "2M", "--protocol", "mode_s"];
    let replies = json(&[&args[..], &["--json"]].concat());
    assert!(replies.len() >= 312, "{}", replies.len());
    assert!(replies.iter().filter(|reply| reply["exact"] == true).count() >= 269);
    assert!(replies.iter().all(|reply| reply["identity"] == "4d2023"));
    documented(&replies[0]);
    assert!(text(&phy_sec(&args).stdout).contains("with an exact CRC"));
    let slow =
        ["fingerprint", "bursts", path(&file), "--datatype", "cu8", "--rate", "1M", "--protocol", "mode_s"];
    assert!(refusal(&slow, 1).contains("2e6"));
}

//! The monitor on noise, on lines in awkward places, on jammers from the first sample on, and cut anywhere.

use proptest::prelude::*;

use super::*;
use crate::sim::{from_db, noise, rng};

fn config() -> Config {
    Config { sample_rate: 1e6, ..Config::default() }
}

fn tone(n: usize, cycles: f64, power: f64) -> impl Iterator<Item = Complex32> {
    (0..n).map(move |n| {
        let (sin, cos) = (std::f64::consts::TAU * cycles * n as f64).sin_cos();
        Complex32::new(cos as f32, sin as f32) * power.sqrt() as f32
    })
}

/// Unit noise with a tone of `power` from sample `start` on.
fn with_tone(n: usize, start: usize, cycles: f64, power: f64) -> Vec<Complex32> {
    let mut x = noise(&mut rng(8), n, 1.0);
    x.iter_mut().zip(tone(n, cycles, power)).skip(start).for_each(|(x, tone)| *x += tone);
    x
}

fn detect(x: &[Complex32]) -> Vec<Event> {
    detect_jamming(x, config(), Backend::default()).unwrap()
}

/// The probability asked for is an upper bound (half of it goes to a union bound, half to a discrete count),
/// whether eight blocks were learned or thousands. The streams are independent, so the interval is binomial.
#[test]
fn conspicuous_blocks_of_noise_are_as_rare_as_asked() {
    let mut rng = rng(30);
    for pfa in [1e-1, 1e-2, 1e-3] {
        let (mut examined, mut conspicuous, mut events) = (0, 0, 0);
        for _ in 0..100 {
            let mut monitor = Monitor::new(Config { pfa, ..config() }, Backend::default()).unwrap();
            let x = noise(&mut rng, 512 * 40, 1e-4);
            events += monitor.push(&x).unwrap().len() + monitor.finish().unwrap().len();
            examined += monitor.counts().examined;
            conspicuous += monitor.counts().conspicuous;
        }
        let rate = conspicuous as f64 / examined as f64;
        let half = 1.96 * (pfa * (1.0 - pfa) / examined as f64).sqrt();
        println!(
            "noise, blocks: asked {pfa:.0e}, measured {rate:.2e}; bound + 95 % {:.2e}; {events} events",
            pfa + half
        );
        assert!(rate <= pfa + half, "{rate} for {pfa}");
        assert!(
            pfa > 0.05 || rate > pfa / 20.0 || examined as f64 * pfa < 10.0,
            "{rate} for {pfa}: needlessly deaf"
        );
    }
}

/// CFAR along frequency on real spectra of noise: under the window neighbouring bins are correlated, training
/// cells three bins apart are not. The cells under test are so far apart that their windows do not meet.
#[test]
fn cells_of_windowed_noise_have_the_false_alarm_rate_asked_for() {
    let mut stft = crate::spectrum::Stft::new(
        kernels::stft_power::StftConfig { size: 256, hop: 256, ..Default::default() },
        Backend::default(),
    )
    .unwrap();
    let frames = stft.push(&noise(&mut rng(35), 256 * 20_000, 1.0)).unwrap();
    for &cfar in detect::Cfar::ALL {
        for pfa in [1e-2, 1e-3] {
            let window = detect::Sliding { cfar, pfa, ..detect::Sliding::default() };
            let (mut cells, mut alarms) = (0, 0);
            for frame in frames.chunks_exact(256) {
                cells += 5;
                alarms +=
                    window.detect(frame).unwrap().iter().filter(|d| d.cell % 51 == 0 && d.cell < 255).count();
            }
            let (got, half) =
                (alarms as f64 / f64::from(cells), 1.96 * (pfa * (1.0 - pfa) / f64::from(cells)).sqrt());
            println!("{cfar:?} along frequency, Hann: asked {pfa:.0e}, measured {got:.3e} ± {half:.1e}");
            assert!((got - pfa).abs() <= half, "{cfar:?}: {got} for {pfa} ± {half}");
        }
    }
}

/// Six million samples at the default operating point.
#[test]
fn noise_alone_makes_no_event() {
    let mut rng = rng(31);
    let mut monitor = Monitor::new(config(), Backend::default()).unwrap();
    let mut events = 0;
    for _ in 0..60 {
        events += monitor.push(&noise(&mut rng, 100_000, 1e-2)).unwrap().len();
    }
    events += monitor.finish().unwrap().len();
    println!("6e6 samples of noise (6 s at 1 MS/s): {events} events, {:?}", monitor.counts());
    assert_eq!(events, 0);
    assert!(monitor.counts().conspicuous <= 8);
}

#[test]
fn a_tone_is_found_at_its_place_and_time_wherever_it_is() {
    // 0 Hz, between bins, the last bin, and the end of the band, where the two sides meet.
    for cycles in [0.0, 0.1, 0.1 + 0.5 / 256.0, -0.37, 127.4 / 256.0, 0.5, -0.4985] {
        let events = detect(&with_tone(60_000, 20_000, cycles, 1.0));
        assert_eq!(events.len(), 1, "{cycles}: {events:?}");
        let event = &events[0];
        assert_eq!(event.class, "tone", "{cycles}: {event:?}");
        let off = (event.parameter("center_frequency").unwrap() / 1e6 - cycles).abs();
        assert!(off.min(1.0 - off) < 0.1 / 256.0, "{cycles}: {event:?}");
        assert!(event.freq_lower_edge >= -5e5 && event.freq_upper_edge <= 5e5, "{event:?}");
        assert!(event.freq_lower_edge < event.freq_upper_edge, "{event:?}");
        assert!(event.sample_start.abs_diff(20_000) <= 512 && event.sample_end().abs_diff(60_000) <= 512);
        assert!(event.parameter("jnr_db").unwrap().abs() < 0.5, "{event:?}");
        assert!(event.parameter("jsr_db").unwrap().abs() < 0.5, "{event:?}");
        assert!(event.statistic >= event.threshold && event.confidence > 0.999);
    }
}

/// Several lines at once have no class yet, but their band holds all of them, by the shorter way round.
#[test]
fn the_band_of_two_lines_holds_both() {
    // 0.3 of the band between them, and what five smoothed bins of 256 add.
    for (a, b) in [(0.1, -0.2), (0.45, -0.4)] {
        let first = with_tone(60_000, 20_000, a, 1.0);
        let second = with_tone(60_000, 20_000, b, 1.0);
        let quiet = with_tone(60_000, 20_000, b, 0.0);
        let both: Vec<_> = (0..60_000).map(|n| first[n] + (second[n] - quiet[n])).collect();
        let events = detect(&both);
        assert_eq!(events.len(), 1, "{events:?}");
        let (low, high) = (events[0].freq_lower_edge / 1e6, events[0].freq_upper_edge / 1e6);
        let holds = |f: f64| low <= f && f <= high;
        // A band over the end of the spectrum is told as its larger part.
        let held = if a - b > 0.5 { holds(a) || holds(b) } else { holds(a) && holds(b) };
        assert!(held && high - low < 0.33, "{a}, {b}: {:?}", events[0]);
        assert!((events[0].parameter("jnr_db").unwrap() - 3.0).abs() < 1.0, "{:?}", events[0]);
    }
}

#[test]
fn frequencies_are_absolute_when_the_centre_is_known() {
    let config = Config { center_frequency: 2.4e9, ..config() };
    let events = detect_jamming(&with_tone(60_000, 20_000, 0.25, 1.0), config, Backend::default()).unwrap();
    assert!((events[0].parameter("center_frequency").unwrap() - 2.40025e9).abs() < 500.0);
    assert!(events[0].freq_lower_edge < 2.40025e9 && events[0].freq_upper_edge > 2.40025e9);
}

/// From the first sample on: a line is seen against its neighbours, but whose it is can not be said.
#[test]
fn a_line_from_the_first_sample_is_reported_with_its_doubt() {
    let events = detect(&with_tone(40_000, 0, 0.2, 0.1));
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((events[0].class.as_str(), events[0].sample_start), ("tone", 0));
    assert_eq!(events[0].parameters["from_first_block"], true);
    assert!(events[0].comment.contains("spur"));
    assert!((events[0].parameter("jnr_db").unwrap() + 10.0).abs() < 0.7, "{events:?}");
    assert!(detect(&with_tone(40_000, 0, 0.0, 0.1)).is_empty(), "0 Hz is the receiver's own");
}

/// Noise over the whole band from the first sample on is the reference, unless the true noise is known.
#[test]
fn barrage_from_the_first_sample_is_seen_only_over_known_noise() {
    let x = noise(&mut rng(33), 60_000, from_db(6.0));
    assert!(detect(&x).is_empty());
    let known = Config { noise_power: Some(1.0), ..config() };
    let events = detect_jamming(&x, known, Backend::default()).unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((events[0].class.as_str(), events[0].sample_start), ("wideband", 0));
    // 6 dB over the noise in all: the jammer is 3 times the noise.
    assert!((events[0].parameter("jnr_db").unwrap() - 10.0 * (from_db(6.0) - 1.0).log10()).abs() < 0.1);
}

/// A barrage that rises slowly must not become the reference: here by 1 dB in 20,000 samples, learning 0.1 s.
#[test]
fn a_slow_ramp_does_not_poison_the_reference() {
    let n = 400_000;
    let mut x = noise(&mut rng(34), n, 1.0);
    for (n, x) in x.iter_mut().enumerate() {
        *x *= from_db(n as f64 / 20_000.0 / 2.0) as f32;
    }
    let events = detect_jamming(&x, Config { learn: 0.1, ..config() }, Backend::default()).unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].sample_start < 300_000 && events[0].sample_end() > n as u64 - 1024, "{events:?}");
}

/// Long jamming is told in parts, each with its place.
#[test]
fn a_long_event_is_told_in_parts() {
    let config = Config { max_duration: 0.05, ..config() };
    let events = detect_jamming(&with_tone(200_000, 20_000, 0.2, 1.0), config, Backend::default()).unwrap();
    assert!(events.len() >= 3, "{}", events.len());
    for pair in events.windows(2) {
        assert_eq!(pair[0].sample_end(), pair[1].sample_start);
        assert_eq!(pair[1].parameters["continued"], true);
        assert_eq!(pair[1].class, "tone");
    }
}

#[test]
fn a_gap_ends_the_event_and_keeps_what_was_learned() {
    let x = with_tone(60_000, 20_000, 0.2, 1.0);
    let mut monitor = Monitor::new(config(), Backend::default()).unwrap();
    assert!(monitor.push(&x[..40_000]).unwrap().is_empty());
    let first = monitor.gap(1_000_000).unwrap();
    assert_eq!(first.len(), 1);
    assert!(first[0].sample_end() <= 40_000);
    assert!(monitor.push(&x[40_000..]).unwrap().is_empty());
    let second = monitor.finish().unwrap();
    assert_eq!((second.len(), second[0].sample_start), (1, 1_000_000));
    monitor.reset();
    assert_eq!(monitor.counts(), Counts { examined: 0, silent: 0, conspicuous: 0, learned: 0, dismissed: 0 });
}

/// What a finish leaves out of a block is not judged, and is counted: the next event stands where it was.
#[test]
fn samples_after_a_finish_stand_where_they_came() {
    let x = with_tone(60_000, 20_100, 0.2, 1.0);
    let mut monitor = Monitor::new(config(), Backend::default()).unwrap();
    for part in x[..20_000].chunks(10_100) {
        assert!(monitor.push(part).unwrap().is_empty());
        assert!(monitor.finish().unwrap().is_empty());
    }
    let mut events = monitor.push(&x[20_000..]).unwrap();
    events.extend(monitor.finish().unwrap());
    let block = monitor.config().block() as u64;
    assert_eq!(events.len(), 1);
    // Blocks begin at 20,000 now, and the tone 100 samples later.
    assert!(events[0].sample_start == 20_000 || events[0].sample_start == 20_000 + block, "{:?}", events[0]);
    assert!(events[0].sample_end().abs_diff(60_000) <= block, "{:?}", events[0]);
}

#[test]
fn bad_input_is_an_error() {
    let mut monitor = Monitor::new(config(), Backend::default()).unwrap();
    let bad = [Complex32::ZERO, Complex32::new(f32::NAN, 0.0)];
    assert_eq!(monitor.push(&bad).unwrap_err().to_string(), "samples holds a NaN or an infinity at index 1");
    for config in [
        Config { size: 3, ..config() },
        Config { looks: 0, ..config() },
        Config { pfa: 0.0, ..config() },
        Config { sample_rate: f64::NAN, ..config() },
        Config { noise_power: Some(-1.0), ..config() },
    ] {
        assert!(Monitor::new(config, Backend::default()).is_err());
    }
    let error = Monitor::new(Config { hold_blocks: 0, ..config() }, Backend::default()).err().unwrap();
    assert_eq!(error.to_string(), "hold_blocks must be within 1..=65536, got 0");
    assert!(serde_json::from_str::<Config>(r#"{"holdblocks": 3}"#).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Two jammers with a pause, cut at up to six places, empty pieces too.
    #[test]
    fn cutting_the_stream_anywhere_changes_nothing(mut cuts in prop::collection::vec(0usize..60_000, 0..6)) {
        let mut x = with_tone(60_000, 15_000, 0.2, 1.0);
        x[25_000..40_000].copy_from_slice(&noise(&mut rng(9), 15_000, 1.0));
        x[50_000..55_000].iter_mut().for_each(|x| *x *= 10.0);
        let whole = detect(&x);
        prop_assert_eq!(whole.len(), 2);
        cuts.sort_unstable();
        cuts.push(x.len());
        let mut monitor = Monitor::new(config(), Backend::default()).unwrap();
        let (mut from, mut events) = (0, Vec::new());
        for cut in cuts {
            events.extend(monitor.push(&x[from..cut]).unwrap());
            from = cut;
        }
        events.extend(monitor.finish().unwrap());
        prop_assert_eq!(whole, events);
    }
}

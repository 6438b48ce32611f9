use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};

use super::*;
use crate::keygen::probe::Kind;
use crate::sim;

/// Three jointly Gaussian series of `n` independent samples: correlation `rho` of the ends, `eve` of Eve with either.
fn recording(name: &str, n: usize, rho: f64, eve: f64, seed: u64) -> Recording {
    let mut rng = sim::rng(seed);
    let mut series = [(); 3].map(|()| Vec::with_capacity(n));
    for _ in 0..n {
        let [common, a, b, e]: [f64; 4] = std::array::from_fn(|_| StandardNormal.sample(&mut rng));
        let share = rho.sqrt();
        series[0].push(share * common + (1.0 - rho).sqrt() * a);
        series[1].push(share * common + (1.0 - rho).sqrt() * b);
        series[2].push(eve / share * common + (1.0 - eve * eve / rho).sqrt() * e);
    }
    let trace = |values: Vec<f64>| {
        let values = Array2::from_shape_vec((1, n), values).unwrap();
        Trace::new(values, Some((0..n as u64).collect()), None, Kind::Csi).unwrap()
    };
    let [alice, bob, eve] = series.map(trace);
    Recording { name: name.into(), source: vec![name.into()], alice, bob, eve: Some(eve.into()) }
}

fn methods(quantize: &[&str], reconcile: &[&str]) -> Methods {
    Methods {
        preprocess: vec![],
        quantize: quantize.iter().flat_map(|text| name::parse("quantize", text).unwrap()).collect(),
        reconcile: reconcile.iter().flat_map(|text| name::parse("reconcile", text).unwrap()).collect(),
    }
}

#[test]
fn every_combination_in_order() {
    let methods =
        methods(&["threshold", "guard_band:alpha=0.2|0.5"], &["cascade", "cascade:variant=yanetal"]);
    let chains = methods.chains(&Config::default()).unwrap();
    let recordings = [recording("first", 4000, 0.98, 0.1, 1), recording("second", 4000, 0.98, 0.1, 2)];
    let rows = evaluate(&recordings, &chains, 1, &Backend::default());
    // Two recordings, three quantizers, two reconcilers, with the model of Eve and with her trace.
    assert_eq!(rows.len(), 2 * 3 * 2 * 2);
    let word = |row: &Row| format!("{} {} {} {:?}", row.recording, row.quantize, row.reconcile, row.eve);
    assert_eq!(word(&rows[0]), "first threshold cascade Model");
    assert_eq!(word(&rows[1]), "first threshold cascade Trace");
    assert_eq!(word(&rows[2]), "first threshold cascade:variant=yanetal Model");
    assert_eq!(word(&rows[23]), "second guard_band:alpha=0.5 cascade:variant=yanetal Trace");
    for row in &rows {
        let report = row.report.as_ref().unwrap();
        assert_eq!(
            (row.preprocess.as_str(), report.pairs, &report.source),
            ("remove_trend", 4000, &vec![row.recording.clone()])
        );
        // An Eve at 0.1 is granted 0.5 by the model and less than 0.2 by her trace, and so leaves more.
        let granted = report.eve_rho;
        assert!(if row.eve == Granted::Model { granted == 0.5 } else { granted < 0.2 }, "{granted}");
    }
    for pair in rows.chunks(2) {
        let key = |row: &Row| row.report.as_ref().unwrap().released_bits;
        assert!(key(&pair[1]) > key(&pair[0]), "{} {}", key(&pair[0]), key(&pair[1]));
    }
}

#[test]
fn the_same_as_agreeing_by_hand_and_on_any_number_of_threads() {
    let recordings = [recording("one", 1200, 0.97, 0.2, 3)];
    let chains =
        methods(&["threshold", "guard_band"], &["cascade", "ldpc"]).chains(&Config::default()).unwrap();
    let rows = evaluate(&recordings, &chains, 5, &Backend::default());
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one.install(|| evaluate(&recordings, &chains, 5, &Backend::default())), rows);
    let Recording { alice, bob, .. } = &recordings[0];
    let mut by_hand = agree_against(alice, bob, None, &chains[0], 5, Backend::default()).unwrap().report;
    by_hand.source = vec!["one".into()];
    assert_eq!(rows[0].report.as_ref(), Some(&by_hand));
    let per_bit = by_hand.min_entropy.unwrap() / by_hand.raw_bits as f64;
    assert_eq!(rows[0].entropy_per_bit, Some(per_bit));
}

/// What does not fit is a row that says so, and the others are there.
#[test]
fn a_chain_that_does_not_fit_is_a_row() {
    let recordings = [recording("one lane", 1000, 0.9, 0.1, 4)];
    // Sectors of a phase take two lanes.
    let chains = methods(&["vector", "threshold"], &[]).chains(&Config::default()).unwrap();
    let rows = evaluate(&recordings, &chains, 1, &Backend::default());
    assert!(rows[0].error.is_some() && rows[0].report.is_none(), "{:?}", rows[0]);
    assert!(rows[2].error.is_none() && rows[2].report.is_some());
    let bad = Methods {
        quantize: vec![Quantizer::GuardBand(crate::keygen::quantize::GuardBand {
            alpha: -1.0,
            ..Default::default()
        })],
        ..Methods::default()
    };
    assert!(bad.chains(&Config::default()).unwrap_err().to_string().contains("alpha"));
    assert!(few_enough("methods", [1000, 1000]).unwrap_err().to_string().contains("100000"));
    assert!(few_enough("methods", [usize::MAX, 2]).is_err());
}

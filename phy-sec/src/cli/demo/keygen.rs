//! Key generation in the demo: two ends and an eavesdropper over a fading link, a link that stands still, an
//! eavesdropper too close; or the recordings.

use std::path::Path;

use phy_sec::keygen::probe::variation::pearson;
use phy_sec::keygen::probe::{Component, Trace};
use phy_sec::keygen::quantize::{Quantizer, Role, Threshold};
use phy_sec::keygen::{Agreement, Config, Report, agree};
use phy_sec::sim::{
    self,
    fading::FadingConfig,
    link::{Eve, LinkConfig},
};

use super::{Figure, Row, Section, relative};
use crate::cli::{Context, keygen::recording, plot};

const TITLE: &str = "Key generation";

/// Three links whose truth is known.
pub(crate) fn simulated(context: &Context) -> anyhow::Result<Section> {
    let config: Config = context.config("keygen")?;
    // One subcarrier, probed once a second at walking pace: each round sees a channel of its own.
    let mobile =
        LinkConfig { rounds: 6000, interval: 1.0, subcarriers: 1, snr_db: 30.0, ..LinkConfig::default() };
    let stands = FadingConfig { doppler: 0.0, ..FadingConfig::default() };
    let scenes = [
        ("mobile link, Eve 10 wavelengths away", true, mobile.clone()),
        (
            "link that stands still",
            false,
            LinkConfig { fading: stands, subcarriers: 16, rounds: 1000, ..mobile.clone() },
        ),
        (
            "mobile link, Eve beside Bob (correlation 0.99)",
            false,
            LinkConfig { eve: Eve::Correlation(0.99), eve_snr_db: 30.0, ..mobile.clone() },
        ),
    ];
    let mut section = Section { title: TITLE, ..Section::default() };
    let bar = context.progress(scenes.len() as u64, "links");
    for (scene, key_expected, link) in scenes {
        let probes = link.run(&mut sim::rng(context.seed))?;
        let traces = [&probes.alice, &probes.bob, &probes.eve].map(|csi| config.trace(csi));
        let [alice, bob, eve] = traces;
        let mut got = agree(&alice?, &bob?, Some(&eve?), &config, context.seed, context.backend.clone())?;
        got.report.source = vec![format!("simulated: {scene}")];
        if key_expected {
            section.figures.push(waterfall(scene, &got.report)?);
        }
        let truth = if key_expected { "a secret is there" } else { "no secret is there" };
        let released = got.report.released_bits > 0;
        push(&mut section, scene, truth, &got, Some(released == key_expected))?;
        bar.inc(1);
    }
    section.figures.insert(0, disagreement(context, &mobile)?);
    Ok(section)
}

/// The recordings that the guide quotes.
pub(crate) fn recorded(context: &Context, data: &Path) -> anyhow::Result<Section> {
    let config: Config = context.config("keygen")?;
    let folder = data.join("keygen");
    let mut section = Section { title: TITLE, ..Section::default() };
    let near = |x: Option<f64>, want: f64, error: f64| x.is_some_and(|x| (x - want).abs() <= error);
    type Check<'a> = &'a dyn Fn(&Report) -> bool;
    let scenes: [(&str, [&str; 2], &str, Check<'_>); 3] = [
        (
            "Wi-Fi CSI, tmp_521_12",
            ["csi_intel5300/tmp_521_12__alice.dat", "csi_intel5300/tmp_521_12__bob.dat"],
            "299 pairs, r 0.893, 0.950 after normalising, KDR 0.0044",
            &|report| {
                report.pairs == 299
                    && near(report.correlation, 0.893, 0.0005)
                    && near(report.correlation_processed, 0.950, 0.0005)
                    && near(report.kdr, 0.0044, 0.000_05)
            },
        ),
        (
            "LoRa RSSI, indoor",
            ["lora_rssi_indoor_outdoor/alice_rssi.csv", "lora_rssi_indoor_outdoor/bob_rssi.csv"],
            "r 0.8459, KDR 66/1029, no secret is left",
            &|report| {
                near(report.correlation, 0.845_930_886_862_395_5, 1e-12)
                    && (report.errors, report.raw_bits, report.released_bits) == (66, 1029, 0)
            },
        ),
        (
            "Wi-Fi CSI of a static link",
            ["static_negative/512alice_abs.csv", "static_negative/512bob_abs.txt"],
            "static, not paired: no secret is there",
            &|report| report.released_bits == 0,
        ),
    ];
    for (scene, [alice, bob], truth, right) in scenes {
        let (alice, bob) = (folder.join(alice), folder.join(bob));
        let mut got = recording(&alice, Some(&bob), None, &config, context)?;
        got.report.source = vec![relative(&alice, data), relative(&bob, data)];
        if !got.report.ledger.is_empty() {
            section.figures.push(waterfall(scene, &got.report)?);
        }
        let right = right(&got.report);
        push(&mut section, scene, truth, &got, Some(right))?;
    }
    Ok(section)
}

fn push(
    section: &mut Section,
    scene: &str,
    truth: &str,
    got: &Agreement,
    right: Option<bool>,
) -> anyhow::Result<()> {
    let report = &got.report;
    let figure = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.4}"));
    let decision = if report.released_bits > 0 {
        format!("key of {} bits, equal at both ends", report.released_bits)
    } else {
        "no key".to_owned()
    };
    let mut detail = format!(
        "{} pairs, r {} (processed {}), KDR {} ({}/{})",
        report.pairs,
        figure(report.correlation),
        figure(report.correlation_processed),
        figure(report.kdr),
        report.errors,
        report.raw_bits
    );
    if let Some(kdr) = report.eve_kdr {
        detail += &format!(", Eve's KDR {kdr:.4}");
    }
    detail += &format!("; {}", report.reason);
    section.objects.push(serde_json::to_value(report)?);
    section.rows.push(Row { scene: scene.into(), truth: truth.into(), decision, right, detail });
    Ok(())
}

fn waterfall(scene: &str, report: &Report) -> anyhow::Result<Figure> {
    let mut steps: Vec<_> = report
        .ledger
        .iter()
        .filter(|line| line.bits != 0.0)
        .map(|line| (line.name.to_owned(), line.bits, line.name == "raw_bits"))
        .collect();
    steps.push(("released".to_owned(), report.released_bits as f64, true));
    Ok(Figure {
        title: format!("Ledger: {scene}"),
        caption: report.reason.clone(),
        png: plot::waterfall("bits", &steps)?,
    })
}

/// Measured key disagreement rate over the measured correlation, beside theory, as the noise grows.
fn disagreement(context: &Context, link: &LinkConfig) -> anyhow::Result<Figure> {
    let quantizers = [
        ("threshold", Quantizer::Threshold(Threshold::default())),
        ("guard band 0.3", Quantizer::GuardBand(Default::default())),
    ];
    let mut measured = vec![Vec::new(); quantizers.len()];
    for snr_db in [0.0, 3.0, 6.0, 9.0, 12.0, 16.0, 20.0, 25.0] {
        let probes = LinkConfig { snr_db, rounds: 4000, ..link.clone() }.run(&mut sim::rng(context.seed))?;
        // The real part of a Rayleigh gain is Gaussian, which the theory is about.
        let series = |csi| Trace::from_csi(csi, Component::Real).map(|trace| trace.values().to_owned());
        let (a, b) = (series(&probes.alice)?, series(&probes.bob)?);
        let Some(rho) = pearson(a.row(0), b.row(0)) else { continue };
        for ((_, quantizer), points) in quantizers.iter().zip(&mut measured) {
            let a = quantizer.quantize(Role::Alice, &a, &[])?;
            let b = quantizer.quantize(Role::Bob, &b, &a.announced)?;
            let (count, errors) = a.differences(&b, &b);
            points.push((rho, errors as f64 / count.max(1) as f64));
        }
    }
    let mut series = Vec::new();
    for ((name, quantizer), points) in quantizers.into_iter().zip(measured) {
        let theory = (0..=60).map(|k| {
            let rho = 0.4 + 0.01 * f64::from(k);
            (rho, quantizer.theory(rho).kdr)
        });
        series.push(plot::Series { name: format!("{name}, theory"), points: theory.collect() });
        series.push(plot::Series { name: format!("{name}, measured"), points });
    }
    Ok(Figure {
        title: "Key disagreement rate".into(),
        caption: "Share of raw bits that differ over the correlation of the two ends' measurements, as the noise grows. The \
                  threshold follows acos(rho)/pi; a guard band trades samples for agreement."
            .into(),
        png: plot::lines("", "correlation of Alice and Bob", "key disagreement rate", &series)?,
    })
}

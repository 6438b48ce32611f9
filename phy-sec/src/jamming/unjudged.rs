//! When an empty answer is no answer: a list without events must not be taken for a clean band that nobody looked at.

use num_complex::Complex32;

use super::{Config, Counts, config::LEAST_REFERENCE};
use crate::Error;

/// Why nothing was said of the samples `x` after which a [`super::Monitor`] with `config` has counted `counts`; `None` where
/// something was judged.
///
/// - [`Error::TooShort`]: fewer samples than it takes to learn and to judge one block
/// - [`Error::OutOfRange`]: digital silence, or one value throughout, which no receiver delivers
pub fn unjudged(counts: Counts, x: &[Complex32], config: &Config) -> Option<Error> {
    let learned = if config.noise_power.is_some() { 0 } else { LEAST_REFERENCE };
    let (block, got) = (config.block(), x.len());
    let need = (learned + 1) * block;
    if got < need {
        return Some(Error::TooShort { what: "jamming detection", need, unit: "samples", got });
    }
    if counts.examined == 0 {
        let got = format!("{} of {} blocks", counts.learned, got / block);
        return Some(Error::OutOfRange {
            field: "samples",
            rule: "louder than digital silence in at least 8 blocks to learn from and one to judge",
            got,
        });
    }
    let first = x[0];
    x.iter().all(|x| *x == first).then(|| Error::OutOfRange {
        field: "samples",
        rule: "other than the same value throughout, which is a radio that recorded nothing",
        got: first.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Backend,
        jamming::detect_jamming,
        sim::{noise, rng},
    };

    #[test]
    fn what_could_not_be_judged_is_not_called_clean() {
        let config = Config::default(); // blocks of 512 samples
        let known = Config { noise_power: Some(1e-3), ..config.clone() };
        let answer = |x: &[Complex32], config: &Config| detect_jamming(x, config.clone(), Backend::default());
        let x = noise(&mut rng(1), 20_000, 1e-3);
        let scaled = |by: f32| x.iter().map(|x| x * by).collect::<Vec<_>>();
        let constant = vec![Complex32::new(0.25, 0.0); 20_000];
        let silent = "samples must be louder than digital silence in at least 8 blocks to learn from and one to judge, got 0 \
                      of 39 blocks";
        let same = "samples must be other than the same value throughout, which is a radio that recorded nothing, got";
        for (x, config, message) in [
            (&[][..], &config, "jamming detection needs at least 4608 samples, got 0".to_owned()),
            (&x[..4607], &config, "jamming detection needs at least 4608 samples, got 4607".to_owned()),
            (&x[..511], &known, "jamming detection needs at least 512 samples, got 511".to_owned()),
            (&[Complex32::ZERO; 20_000], &config, silent.to_owned()),
            (&scaled(1e-30), &config, silent.to_owned()),
            (&[Complex32::ZERO; 20_000], &known, format!("{same} 0+0i")),
            (&constant, &config, format!("{same} 0.25+0i")),
        ] {
            let error = answer(x, config).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        // As little as can be judged is; so is what is weak.
        assert!(answer(&x[..4608], &config).unwrap().is_empty());
        assert!(answer(&x[..512], &known).unwrap().is_empty());
        assert!(answer(&scaled(1e-12), &config).unwrap().is_empty());
        assert_eq!(LEAST_REFERENCE, 8, "the message says so");
    }
}

//! One bit a sample: its side of a level, with or without a band around the level where samples are dropped.

use ndarray::{Array2, ArrayView1};

use super::{LevelFrom, Quantized, Role, Theory, level_of};
use crate::keygen::gaussian;
use crate::{Error, Result};

/// A lane's decision level, and the scale that the guard band is measured in.
pub(super) struct Rule {
    pub(super) level: f64,
    pub(super) scale: f64,
}

/// Half the guard band in standard deviations at Alice and at Bob, and whose level counts.
pub(super) struct Shape {
    pub(super) alice: f64,
    pub(super) bob: f64,
    pub(super) level: LevelFrom,
}

impl Shape {
    pub(super) fn decide(
        &self,
        role: Role,
        series: &Array2<f64>,
        announced: &[u64],
        rule: impl Fn(ArrayView1<'_, f64>) -> Rule,
    ) -> Result<Quantized> {
        let hears = self.level == LevelFrom::Alice && role == Role::Bob;
        let need = if hears { series.nrows() } else { 0 };
        if announced.len() != need {
            let (need, got) = (format!("[{need}]"), format!("[{}]", announced.len()));
            return Err(Error::Shape { what: "levels", need, got });
        }
        let alpha = if role == Role::Alice { self.alice } else { self.bob };
        let mut out = Quantized::with_capacity(series.len());
        for (index, lane) in series.rows().into_iter().enumerate() {
            let mut rule = rule(lane);
            if hears {
                rule.level = level_of(announced, index)?;
            } else if self.level == LevelFrom::Alice {
                out.announced.push(rule.level.to_bits());
            }
            for &x in lane {
                let clear = rule.scale > 0.0 && (x - rule.level).abs() >= alpha * rule.scale;
                out.push(clear.then_some(u8::from(x > rule.level)), 1, 0);
            }
        }
        if self.level == LevelFrom::Alice {
            out.announced_bits = 64 * series.nrows();
        }
        Ok(out)
    }

    pub(super) fn theory(&self, rho: f64) -> Theory {
        let (kdr, kept) = gaussian::disagreement(rho, self.alice, self.bob);
        Theory::of_signs(kdr, kept)
    }

    pub(super) fn min_entropy(&self, rho: f64) -> f64 {
        -gaussian::guess(rho, self.alice, self.bob).log2()
    }
}

//! From the syndromes of errors to the errors: Berlekamp and Massey for the locator, Chien for its roots, Forney for the values.
//!
//! Berlekamp, Algebraic Coding Theory, 1968; Massey, IEEE Trans. Inf. Theory 15(1), 1969; Chien, ibid. 10(4), 1964;
//! Forney, ibid. 11(4), 1965.

use super::field::Field;

/// The shortest recurrence that generates `syndromes`: `1 + Λ1 x + …`, lowest term first. `None` if it is longer than
/// half of them, as no correctable errors give.
pub(super) fn locator(field: &Field, syndromes: &[u16]) -> Option<Vec<u16>> {
    let (mut current, mut before) = (vec![1u16], vec![1u16]);
    let (mut length, mut gap, mut last) = (0, 1, 1u16);
    for (step, _) in syndromes.iter().enumerate() {
        let terms = current.iter().enumerate().take(step + 1).take(length + 1);
        let discrepancy = terms.fold(0, |sum, (i, &c)| sum ^ field.mul(c, syndromes[step - i]));
        if discrepancy == 0 {
            gap += 1;
            continue;
        }
        let scale = field.div(discrepancy, last);
        let saved = current.clone();
        current.resize(current.len().max(before.len() + gap), 0);
        before.iter().enumerate().for_each(|(i, &c)| current[i + gap] ^= field.mul(scale, c));
        if 2 * length <= step {
            (length, before, last, gap) = (step + 1 - length, saved, discrepancy, 1);
        } else {
            gap += 1;
        }
    }
    current.truncate(length + 1);
    (2 * length <= syndromes.len() && current.len() == length + 1 && current[length] != 0).then_some(current)
}

/// The powers `i < length` for which `α^-i` is a root of `locator`, if there are as many as its degree.
pub(super) fn roots(field: &Field, locator: &[u16], length: usize) -> Option<Vec<usize>> {
    let degree = locator.len() - 1;
    // Each term is stepped on by its own power of α.
    let order = field.order();
    let mut terms = locator.to_vec();
    let steps: Vec<u16> = (0..=degree).map(|k| field.power(order - k % order)).collect();
    let mut found = Vec::with_capacity(degree);
    for i in 0..length {
        if terms.iter().fold(0, |sum, term| sum ^ term) == 0 {
            found.push(i);
        }
        terms.iter_mut().zip(&steps).for_each(|(term, &step)| *term = field.mul(*term, step));
    }
    (found.len() == degree).then_some(found)
}

/// The values of the errors at the powers `places`, where `syndromes` are those of `α^1, α^2, …`.
pub(super) fn values(field: &Field, syndromes: &[u16], locator: &[u16], places: &[usize]) -> Vec<u16> {
    let count = syndromes.len();
    let mut evaluator = vec![0u16; count];
    for (i, &s) in syndromes.iter().enumerate() {
        for (j, &l) in locator.iter().enumerate().take(count - i) {
            evaluator[i + j] ^= field.mul(s, l);
        }
    }
    // In characteristic 2 the derivative keeps the odd terms.
    let derivative: Vec<u16> =
        locator.iter().enumerate().skip(1).map(|(k, &c)| if k % 2 == 1 { c } else { 0 }).collect();
    let order = field.order();
    let value = |&place: &usize| {
        let inverse = field.power(order - place % order);
        field.div(field.at(&evaluator, inverse), field.at(&derivative, inverse))
    };
    places.iter().map(value).collect()
}

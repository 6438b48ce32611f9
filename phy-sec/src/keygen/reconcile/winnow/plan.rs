//! Which blocks in which order: the passes that say the least until hardly an error is left.
//!
//! What a pass does to the error rate is exact for errors that are independent, as the shuffle before it makes them: a block of odd
//! parity is corrected to a codeword of the Hamming code next to its errors, whose weights follow from the code's weight
//! distribution (MacWilliams and Sloane, The Theory of Error-Correcting Codes, 1977, chapter 1, section 8).

/// Smallest and largest block, as powers of two.
const EXPONENTS: std::ops::RangeInclusive<u32> = 3..=8;
/// Most passes with blocks of one length.
const REPEATS: usize = 6;

/// What comes of a pass with blocks of `2^m` bits, per bit that goes in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effect {
    /// Bits said, which is as many as are dropped.
    pub(super) said: f64,
    /// The error rate of the others.
    pub(super) rate: f64,
}

pub(super) fn effect(m: u32, rate: f64) -> Effect {
    let block = (1usize << m) as f64;
    let n = block - 1.0;
    // Share of the words of weight w that are codewords: 1, 0, 0, …
    let mut share = vec![1.0, 0.0];
    for w in 1..=(n as usize) {
        let weight = w as f64;
        let next = if n > weight { (1.0 - share[w] - weight * share[w - 1]) / (n - weight) } else { 0.0 };
        share.push(next.max(0.0));
    }
    // Errors of a block's n kept places after its correction, from j before.
    let corrected = |j: usize| {
        let weight = j as f64;
        if j == 0 { 0.0 } else { weight - weight * share[j - 1] + (n - weight) * share[j + 1] }
    };
    let odds = libm::log(rate) - libm::log1p(-rate);
    let mut chance = block * libm::log1p(-rate);
    let (mut odd, mut errors) = (0.0, 0.0);
    for k in 0..=(block as usize) {
        let (weight, probability) = (k as f64, libm::exp(chance));
        if k % 2 == 0 {
            errors += probability * weight * n / block;
        } else {
            // The place that the parity costs may be one of them.
            let left = weight / block * corrected(k - 1)
                + if weight < block { (1.0 - weight / block) * corrected(k) } else { 0.0 };
            odd += probability;
            errors += probability * left * (n - f64::from(m)) / n;
        }
        if k as f64 > block * rate + 12.0 * libm::sqrt(block * rate + 1.0) {
            break;
        }
        chance += odds + libm::log((block - weight) / (weight + 1.0));
    }
    let said = 1.0 + f64::from(m) * odd;
    Effect { said: said / block, rate: errors / (block - said) }
}

/// The passes' exponents, ascending, for a string of `bits` bits that leave fewer than `failure` errors on average.
pub(super) fn passes(bits: usize, rate: f64, failure: f64) -> Vec<u32> {
    let mut best = (f64::INFINITY, Vec::new());
    let mut path = Vec::new();
    let start = State { bits: bits as f64, rate: rate.clamp(1e-6, 0.4), said: 0.0 };
    search(&start, *EXPONENTS.start(), failure, &mut path, &mut best);
    // Where no plan leaves so few, the shortest blocks as often as is allowed; verification will tell.
    if best.1.is_empty() { [3, 4].into_iter().flat_map(|m| [m; REPEATS]).collect() } else { best.1 }
}

#[derive(Clone, Copy)]
struct State {
    bits: f64,
    rate: f64,
    said: f64,
}

fn search(state: &State, least: u32, failure: f64, path: &mut Vec<u32>, best: &mut (f64, Vec<u32>)) {
    if state.said >= best.0 {
        return;
    }
    if state.rate * state.bits <= failure && !path.is_empty() {
        *best = (state.said, path.clone());
        return;
    }
    let least_of_all = *EXPONENTS.start();
    for m in least..=*EXPONENTS.end() {
        let repeats = path.iter().rev().take_while(|&&last| last == m).count();
        // Pairs part in many blocks only.
        if repeats >= REPEATS || m > least_of_all && state.bits < 12.0 * f64::from(1 << m) {
            continue;
        }
        let Effect { said, mut rate } = effect(m, state.rate);
        // What a pass leaves comes in pairs and fours, and a pair meets again in one block of the next with the chance of
        // one in its blocks: in a short string that is what is left in the end. Twice that is what simulation shows.
        if !path.is_empty() {
            rate += 2.0 * state.rate * f64::from(1 << m) / state.bits;
        }
        // A pass that adds errors helps nobody.
        if rate >= state.rate {
            continue;
        }
        path.push(m);
        let next = State { bits: state.bits * (1.0 - said), rate, said: state.said + state.bits * said };
        search(&next, m, failure, path, best);
        path.pop();
    }
}

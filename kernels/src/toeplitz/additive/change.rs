//! The change between powers of `x` and the transform's own basis, both ways.

/// Powers of `x` to products of the `s_i`, or back, on rows of `stride` elements: additions alone.
///
/// With `k` a power of two `s_k = x^(2^k) + x`. Writing the polynomial in powers of `y = s_k` leaves two
/// smaller changes: of the polynomials in `y`, because `s_(k+i)(x) = s_i(y)`, and of those in `x` below 2^k.
#[target_feature(enable = "avx2")]
pub(super) fn change_basis(data: &mut [u64], stride: usize, inverse: bool) {
    let levels = (data.len() / stride).ilog2();
    if levels < 2 {
        return;
    }
    if levels == 4 && stride == 1 {
        for x in data.as_chunks_mut::<16>().0 {
            if inverse { change_sixteen::<true>(x) } else { change_sixteen::<false>(x) }
        }
        return;
    }
    let k = 1 << (levels - 1).ilog2();
    let inner = stride << k;
    if !inverse {
        expand(data, stride, k, false);
    }
    change_basis(data, inner, inverse);
    for part in data.chunks_exact_mut(inner) {
        change_basis(part, stride, inverse);
    }
    if inverse {
        expand(data, stride, k, true);
    }
}

/// [`change_basis`] of sixteen elements, spelled out: the innermost step of almost every size. `(to, from)`:
/// `x[to] += x[from]`, in this order; the way back is the same from the last to the first.
#[rustfmt::skip]
const SIXTEEN: [(usize, usize); 32] = [
    // In powers of x^4 + x: sixteen.
    (9, 15), (8, 14), (7, 13), (6, 12), (5, 11), (4, 10), (3, 9), (2, 8),
    // then each eight.
    (4, 7), (3, 6), (2, 5), (1, 4), (12, 15), (11, 14), (10, 13), (9, 12),
    // The coefficients of those, in powers of y^2 + y.
    (11, 15), (10, 14), (9, 13), (8, 12), (7, 11), (6, 10), (5, 9), (4, 8),
    // Each below x^4, in powers of x^2 + x.
    (2, 3), (1, 2), (6, 7), (5, 6), (10, 11), (9, 10), (14, 15), (13, 14),
];

#[inline(always)]
fn change_sixteen<const INVERSE: bool>(x: &mut [u64; 16]) {
    let mut y = *x;
    for i in 0..SIXTEEN.len() {
        let (to, from) = SIXTEEN[if INVERSE { SIXTEEN.len() - 1 - i } else { i }];
        y[to] ^= y[from];
    }
    *x = y;
}

/// Into powers of `x^(2^k) + x`, or back. At half the size 2^h: `(x^(2^k) + x)^(2^(h-k)) = x^(2^h) + x^(2^(h-k))`.
#[target_feature(enable = "avx2")]
fn expand(data: &mut [u64], stride: usize, k: u32, inverse: bool) {
    let h = (data.len() / stride).ilog2() - 1;
    if h < k {
        return;
    }
    let half = data.len() / 2;
    let shift = stride << (h - k);
    if inverse {
        let (low, high) = data.split_at_mut(half);
        expand(low, stride, k, true);
        expand(high, stride, k, true);
    }
    let divide = |data: &mut [u64]| {
        let (low, high) = data.split_at_mut(half);
        add(&mut low[shift..], &high[..half - shift]);
    };
    let carry = |data: &mut [u64]| {
        let (bottom, top) = data[half..].split_at_mut(half - shift);
        add(&mut bottom[..shift], top);
    };
    if inverse {
        divide(data);
        carry(data);
    } else {
        carry(data);
        divide(data);
        let (low, high) = data.split_at_mut(half);
        expand(low, stride, k, false);
        expand(high, stride, k, false);
    }
}

#[inline(always)]
fn add(out: &mut [u64], x: &[u64]) {
    out.iter_mut().zip(x).for_each(|(out, x)| *out ^= x);
}

//! The bits of an 802.11a/g frame, from octets to interleaved code bits (IEEE 802.11-2020, 17.3.4 and 17.3.5).

/// The scrambler `x^7 + x^4 + 1`; `state` holds x1 in its lowest bit to x7 in its highest.
fn scrambler(mut state: u8) -> impl Iterator<Item = bool> {
    std::iter::repeat_with(move || {
        let out = (state >> 6 ^ state >> 3) & 1;
        state = (state << 1 | out) & 0x7f;
        out == 1
    })
}

/// The sign of the pilots in symbol `n`, SIGNAL being 0: the scrambler started with all ones, 1 giving -1.
pub(super) fn polarity(n: usize) -> f32 {
    let bit = scrambler(0x7f).nth(n % 127);
    if bit == Some(true) { -1.0 } else { 1.0 }
}

/// SIGNAL: RATE, a reserved bit, LENGTH from its lowest bit, even parity, six tail bits.
pub(super) fn signal(rate: [u8; 4], octets: usize) -> Vec<bool> {
    let mut bits: Vec<bool> = rate.iter().map(|b| *b == 1).collect();
    bits.push(false);
    bits.extend((0..12).map(|i| octets >> i & 1 == 1));
    let odd = bits.iter().filter(|b| **b).count() % 2 == 1;
    bits.push(odd);
    bits.resize(24, false);
    bits
}

/// DATA before coding: 16 SERVICE bits, the octets from their lowest bit, tail, pad to whole symbols; all
/// scrambled, then the tail zeroed again.
pub(super) fn data(psdu: &[u8], seed: u8, data_bits: usize) -> Vec<bool> {
    let mut bits = vec![false; 16];
    bits.extend(psdu.iter().flat_map(|octet| (0..8).map(move |i| octet >> i & 1 == 1)));
    let tail = bits.len();
    bits.resize((tail + 6).div_ceil(data_bits) * data_bits, false);
    for (bit, scramble) in bits.iter_mut().zip(scrambler(seed)) {
        *bit ^= scramble;
    }
    bits[tail..tail + 6].fill(false);
    bits
}

/// The convolutional code of constraint length 7 with generators 133 and 171 (octal), punctured to `rate`.
pub(super) fn encode(bits: &[bool], rate: (usize, usize)) -> Vec<bool> {
    let mut out = Vec::with_capacity(2 * bits.len());
    let mut state = 0u8; // the newest bit is the highest of seven
    for (i, &bit) in bits.iter().enumerate() {
        state = state >> 1 | u8::from(bit) << 6;
        let parity = |generator: u8| (state & generator).count_ones() % 2 == 1;
        let (a, b) = (parity(0o133), parity(0o171));
        // Figure 17-9: which of the two outputs are sent.
        let (send_a, send_b) = match rate {
            (3, 4) => (i % 3 != 2, i % 3 != 1),
            (2, 3) => (true, i % 2 == 0),
            _ => (true, true),
        };
        if send_a {
            out.push(a);
        }
        if send_b {
            out.push(b);
        }
    }
    out
}

/// The interleaver of one OFDM symbol of 48 subcarriers with `bits` bits each (equations 17-18 and 17-19).
pub(super) fn interleave(block: &[bool], bits: usize) -> Vec<bool> {
    let (n, s) = (48 * bits, (bits / 2).max(1));
    let mut out = vec![false; n];
    for (k, &bit) in block.iter().enumerate().take(n) {
        let i = n / 16 * (k % 16) + k / 16;
        let j = s * (i / s) + (i + n - 16 * i / n) % s;
        out[j] = bit;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bits: &[bool]) -> String {
        bits.iter().map(|b| if *b { '1' } else { '0' }).collect()
    }

    /// 17.3.5.5: all ones give 00001110 11110010 11001001 00000010 00100110 00101110 10110110 00001100 ...
    #[test]
    fn scrambler_of_the_standard() {
        let bits: Vec<_> = scrambler(0x7f).take(64).collect();
        assert_eq!(text(&bits), "0000111011110010110010010000001000100110001011101011011000001100");
        assert!(scrambler(0x7f).take(127).eq(scrambler(0x7f).skip(127).take(127)));
        // 17.3.5.10: the pilots' polarity starts 1, 1, 1, 1, -1, -1, -1, 1, -1, -1, -1, -1, 1, 1, -1, 1.
        let signs: Vec<_> = (0..16).map(polarity).collect();
        let want = [1., 1., 1., 1., -1., -1., -1., 1., -1., -1., -1., -1., 1., 1., -1., 1.];
        assert_eq!(signs, want);
    }

    /// The worked SIGNAL field of Annex I.1.4 (36 Mbit/s, 100 octets): bits, coded, interleaved.
    #[test]
    fn signal_of_annex_i() {
        let bits = signal([1, 0, 1, 1], 100);
        assert_eq!(text(&bits), "101100010011000000000000");
        let coded = encode(&bits, (1, 2));
        assert_eq!(text(&coded), "110100011010000100000010001111100111000000000000");
        assert_eq!(text(&interleave(&coded, 1)), "100101001101000000010100100000110010010010010100");
    }

    #[test]
    fn blocks_have_their_sizes_and_interleaving_is_a_permutation() {
        for (bits, rate, data_bits) in [
            (1, (1, 2), 24),
            (1, (3, 4), 36),
            (2, (3, 4), 72),
            (4, (3, 4), 144),
            (6, (2, 3), 192),
            (6, (3, 4), 216),
        ] {
            let padded = data(&[0xa5; 100], 0x5d, data_bits);
            assert!(padded.len().is_multiple_of(data_bits) && padded.len() >= 16 + 800 + 6);
            assert_eq!(encode(&padded[..data_bits], rate).len(), 48 * bits);
            let mut seen = vec![false; 48 * bits];
            for k in 0..48 * bits {
                let mut one = vec![false; 48 * bits];
                one[k] = true;
                let place = interleave(&one, bits).iter().position(|b| *b).unwrap();
                assert!(!seen[place]);
                seen[place] = true;
            }
        }
    }
}

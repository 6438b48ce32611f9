// Toeplitz hashing over GF(2), y[i] = xor_j t[i + n - 1 - j] k[j]: the definition is toeplitz.rs.
//
// With the key reversed, r[j] = k[n - 1 - j], it is a correlation, y[i] = xor_j t[i + j] r[j]: for outputs
// i = s mod 32 one shift of the seed by s serves word by word. A workgroup makes 8 words of the output from
// 512 words of the key: thread (s, c) takes residue s of each word and an eighth c of the key, and parities
// of 32 products at once are folded only at its end. Partial sums meet in atomic xor: exact in any order.
// Bits beyond the key are 0, so what a clamped read finds beyond the seed does not matter.

struct Block {
    // Bit of `key` that stands at bit 0 of the first word of r, and 31 below the key's end; may be negative in
    // the key's last words, where r runs out of key.
    origin: i32,
    key_words: u32, // words of r in this block
    output_bits: u32, // bits of y in this block
}

@group(0) @binding(0) var<uniform> block: Block;
@group(0) @binding(1) var<storage, read> seed: array<u32>; // bit 0: t at the block's first output and key bit
@group(0) @binding(2) var<storage, read> key: array<u32>;
@group(0) @binding(3) var<storage, read_write> output: array<atomic<u32>>;

const TILE = 8u; // words of the output
const SPAN = 512u; // words of the key

var<workgroup> key_tile: array<u32, 512>;
var<workgroup> seed_tile: array<u32, 528>; // SPAN + TILE, and one that the last shift looks at
var<workgroup> output_tile: array<atomic<u32>, 8>;

// Word `w` of r.
fn reversed_key(w: u32) -> u32 {
    if w >= block.key_words {
        return 0u;
    }
    let bit = block.origin - 32 * i32(w);
    if bit <= -32 {
        return 0u;
    }
    if bit < 0 {
        return reverseBits(key[0] << u32(-bit));
    }
    let at = u32(bit) >> 5u;
    let shift = u32(bit) & 31u;
    return reverseBits((key[at] >> shift) | ((key[at + 1u] << (31u - shift)) << 1u)); // shift may be 0
}

@compute @workgroup_size(256)
fn hash(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let first_output = group.x * TILE;
    let first_key = group.y * SPAN;
    if thread < TILE {
        atomicStore(&output_tile[thread], 0u);
    }
    for (var w = thread; w < SPAN; w += 256u) {
        key_tile[w] = reversed_key(first_key + w);
    }
    for (var w = thread; w < SPAN + TILE + 1u; w += 256u) {
        seed_tile[w] = seed[first_output + first_key + w];
    }
    workgroupBarrier();

    let shift = thread % 32u;
    let eighth = thread / 32u * (SPAN / 8u);
    var sums: array<u32, 8>;
    for (var w = eighth; w < eighth + SPAN / 8u; w += 8u) {
        // Words w..w + 15 of the seed, shifted; 8 x 8 pairs use them.
        var shifted: array<u32, 15>;
        for (var i = 0u; i < 15u; i++) {
            shifted[i] = (seed_tile[w + i] >> shift) | ((seed_tile[w + i + 1u] << (31u - shift)) << 1u);
        }
        for (var j = 0u; j < 8u; j++) {
            let k = key_tile[w + j];
            for (var o = 0u; o < TILE; o++) {
                sums[o] ^= shifted[o + j] & k;
            }
        }
    }
    for (var o = 0u; o < TILE; o++) {
        atomicXor(&output_tile[o], (countOneBits(sums[o]) & 1u) << shift);
    }
    workgroupBarrier();

    let word = first_output + thread;
    if thread < TILE && 32u * word < block.output_bits {
        let bits = min(32u, block.output_bits - 32u * word);
        atomicXor(&output[word], atomicLoad(&output_tile[thread]) & (0xffffffffu >> (32u - bits)));
    }
}

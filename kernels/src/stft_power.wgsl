// Windowed power spectra, P[m, k] = |sum_n w[n] x[mH + n] exp(-2 pi i k n / N)|^2: the definition is
// stft_power.rs. The text of convert.wgsl stands before this one: `sample` reads radio formats.
//
// A workgroup holds 2048 points: 256 threads with 8 in registers each, exchanged through 16 KiB of
// workgroup memory, all that WebGPU promises. For N <= 2048 these are 2048 / N frames. For N = 2048 R,
// R = 2 or 4, they are one residue of one frame: the bins k = r mod R of N points are the spectrum of
//     y[m] = W_N^(m r) sum_q W_R^(q r) x[m + 2048 q],    W_N = exp(-2 pi i / N),
// so R workgroups read the frame each, and nothing goes through global memory in between.
//
// The transform is Stockham's in radix 8, with one step of radix 2 or 4 last (Govindaraju et al., SC 2008).
// Between the steps thread l of a frame's POINTS / 8 always holds the points l + p POINTS / 8, p < 8, so
// that first loads and last stores are contiguous. Twiddle factors come from the host, rounded once from f64.

override SIZE: u32 = 64u; // N
override RESIDUES: u32 = 1u; // R
override POINTS: u32 = 64u; // N / R
override DETREND: u32 = 0u; // 1: the frame's mean is taken off first

struct Frames {
    count: u32, // frames in this batch
    first: u32, // sample of `raw` at which the first one starts
    hop: u32,
}

@group(0) @binding(0) var<uniform> frames: Frames;
@group(0) @binding(2) var<storage, read> weights: array<f32>; // [SIZE], with the root of the scaling in it
@group(0) @binding(3) var<storage, read> twiddles: array<vec2<f32>>; // [SIZE], W_N^k
@group(0) @binding(4) var<storage, read> means: array<vec2<f32>>; // [frame], read if DETREND
@group(0) @binding(5) var<storage, read_write> power: array<f32>; // [frame, bin]

var<workgroup> re: array<f32, 2048>;
var<workgroup> im: array<f32, 2048>;

fn mul(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
    return vec2<f32>(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}

// -i a
fn turn(a: vec2<f32>) -> vec2<f32> {
    return vec2<f32>(a.y, -a.x);
}

fn butterfly2(v: ptr<function, array<vec2<f32>, 8>>, a: u32, b: u32) {
    let difference = (*v)[a] - (*v)[b];
    (*v)[a] += (*v)[b];
    (*v)[b] = difference;
}

fn butterfly4(v: ptr<function, array<vec2<f32>, 8>>, a: u32, b: u32, c: u32, d: u32) {
    let s0 = (*v)[a] + (*v)[c];
    let d0 = (*v)[a] - (*v)[c];
    let s1 = (*v)[b] + (*v)[d];
    let d1 = turn((*v)[b] - (*v)[d]);
    (*v)[a] = s0 + s1;
    (*v)[b] = d0 + d1;
    (*v)[c] = s0 - s1;
    (*v)[d] = d0 - d1;
}

fn butterfly8(v: ptr<function, array<vec2<f32>, 8>>) {
    const HALF_ROOT = 0.70710678118654752;
    butterfly4(v, 0u, 2u, 4u, 6u);
    butterfly4(v, 1u, 3u, 5u, 7u);
    let e0 = (*v)[0];
    let e1 = (*v)[2];
    let e2 = (*v)[4];
    let e3 = (*v)[6];
    let o0 = (*v)[1];
    let o1 = ((*v)[3] + turn((*v)[3])) * HALF_ROOT;
    let o2 = turn((*v)[5]);
    let o3 = (turn((*v)[7]) - (*v)[7]) * HALF_ROOT;
    (*v)[0] = e0 + o0;
    (*v)[1] = e1 + o1;
    (*v)[2] = e2 + o2;
    (*v)[3] = e3 + o3;
    (*v)[4] = e0 - o0;
    (*v)[5] = e1 - o1;
    (*v)[6] = e2 - o2;
    (*v)[7] = e3 - o3;
}

@compute @workgroup_size(256)
fn spectra(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let lanes = POINTS / 8u; // threads of one frame
    let lane = thread % lanes;
    let item = group.x * (2048u / POINTS) + thread / lanes;
    let frame = item / RESIDUES;
    let residue = item % RESIDUES;
    let room = thread / lanes * POINTS; // this frame's place in workgroup memory

    var v: array<vec2<f32>, 8>;
    if frame < frames.count {
        let start = frames.first + frame * frames.hop;
        var mean = vec2<f32>(0.0);
        if DETREND == 1u {
            mean = means[frame];
        }
        for (var p = 0u; p < 8u; p++) {
            let m = lane + p * lanes;
            var y = (sample(start + m) - mean) * weights[m];
            for (var q = 1u; q < RESIDUES; q++) {
                let n = m + q * POINTS;
                let x = (sample(start + n) - mean) * weights[n];
                y += mul(x, twiddles[(q * residue) % RESIDUES * POINTS]);
            }
            if RESIDUES > 1u {
                y = mul(y, twiddles[m * residue]);
            }
            v[p] = y;
        }
    }

    // `done`: product of the radices so far, the length of the sub-transforms that are complete.
    butterfly8(&v);
    var done = 1u;
    loop {
        if done * 8u == POINTS {
            break;
        }
        let within = lane % done;
        let base = room + (lane - within) * 8u + within;
        workgroupBarrier(); // everyone has read what stood here
        for (var q = 0u; q < 8u; q++) {
            re[base + q * done] = v[q].x;
            im[base + q * done] = v[q].y;
        }
        workgroupBarrier();
        for (var p = 0u; p < 8u; p++) {
            let at = room + lane + p * lanes;
            v[p] = vec2<f32>(re[at], im[at]);
        }
        done *= 8u;
        if done * 8u > POINTS {
            break;
        }
        let step = lane % done * (SIZE / (done * 8u));
        for (var q = 1u; q < 8u; q++) {
            v[q] = mul(v[q], twiddles[q * step]);
        }
        butterfly8(&v);
    }
    // In the last step a butterfly is as far apart as the lanes: its outputs stay in their registers.
    if done * 2u == POINTS {
        for (var b = 0u; b < 4u; b++) {
            v[b + 4u] = mul(v[b + 4u], twiddles[(lane + b * lanes) * RESIDUES]);
            butterfly2(&v, b, b + 4u);
        }
    }
    if done * 4u == POINTS {
        for (var b = 0u; b < 2u; b++) {
            let step = (lane + b * lanes) * RESIDUES;
            for (var q = 1u; q < 4u; q++) {
                v[b + 2u * q] = mul(v[b + 2u * q], twiddles[q * step]);
            }
            butterfly4(&v, b, b + 2u, b + 4u, b + 6u);
        }
    }

    if frame < frames.count {
        for (var p = 0u; p < 8u; p++) {
            power[frame * SIZE + (lane + p * lanes) * RESIDUES + residue] = dot(v[p], v[p]);
        }
    }
}

@group(0) @binding(2) var<storage, read_write> mean_of: array<vec2<f32>>; // [frame]

// The mean of each frame, one workgroup each.
@compute @workgroup_size(256)
fn frame_means(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let start = frames.first + group.x * frames.hop;
    var sum = vec2<f32>(0.0);
    for (var n = thread; n < SIZE; n += 256u) {
        sum += sample(start + n);
    }
    re[thread] = sum.x;
    im[thread] = sum.y;
    for (var width = 128u; width > 0u; width /= 2u) {
        workgroupBarrier();
        if thread < width {
            re[thread] += re[thread + width];
            im[thread] += im[thread + width];
        }
    }
    if thread == 0u {
        mean_of[group.x] = vec2<f32>(re[0], im[0]) / f32(SIZE);
    }
}

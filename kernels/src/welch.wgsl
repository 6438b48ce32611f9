// One level of the mean over frames: each thread adds up to 64 rows of one bin. Levels of 64 keep the
// rounding error of a million frames as small as that of a few hundred.

struct Rows {
    count: u32,
    size: u32, // bins in a row
    scale: f32, // of the sums; 1 but in the last level
}

@group(0) @binding(0) var<uniform> rows: Rows;
@group(0) @binding(1) var<storage, read> spectra: array<f32>; // [row, bin]
@group(0) @binding(2) var<storage, read_write> sums: array<f32>; // [row / 64, bin]

@compute @workgroup_size(256)
fn sum_rows(@builtin(global_invocation_id) id: vec3<u32>) {
    let first = id.x / rows.size * 64u;
    if first >= rows.count {
        return;
    }
    let bin = id.x % rows.size;
    var sum = 0.0;
    for (var row = first; row < min(first + 64u, rows.count); row++) {
        sum += spectra[row * rows.size + bin];
    }
    sums[id.x] = sum * rows.scale;
}

// Raw samples to f32, full scale 1: the definition is convert.rs. Other shaders are appended to this
// text and call `sample`. Each product below is exact: the scales are powers of two, and the distance
// from the middle code fits 24 bits.

// How a component is stored: the rows of `code` in gpu/convert.rs.
override NUMBER: u32 = 4u;
const U8 = 0u;
const I8 = 1u;
const U16 = 2u;
const I16 = 3u;

// Little-endian bytes, packed in words whatever the format.
@group(0) @binding(1) var<storage, read> raw: array<u32>;

fn component(i: u32) -> f32 {
    if NUMBER == U8 {
        return (f32(extractBits(raw[i >> 2u], 8u * (i & 3u), 8u)) - 127.5) * (1.0 / 128.0);
    }
    if NUMBER == I8 {
        return f32(extractBits(bitcast<i32>(raw[i >> 2u]), 8u * (i & 3u), 8u)) * (1.0 / 128.0);
    }
    if NUMBER == U16 {
        return (f32(extractBits(raw[i >> 1u], 16u * (i & 1u), 16u)) - 32767.5) * (1.0 / 32768.0);
    }
    if NUMBER == I16 {
        return f32(extractBits(bitcast<i32>(raw[i >> 1u]), 16u * (i & 1u), 16u)) * (1.0 / 32768.0);
    }
    return bitcast<f32>(raw[i]);
}

fn sample(i: u32) -> vec2<f32> {
    return vec2<f32>(component(2u * i), component(2u * i + 1u));
}

struct Conversion {
    components: u32,
}

@group(0) @binding(0) var<uniform> conversion: Conversion;
@group(0) @binding(2) var<storage, read_write> converted: array<f32>;

@compute @workgroup_size(256)
fn to_f32(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x < conversion.components {
        converted[id.x] = component(id.x);
    }
}

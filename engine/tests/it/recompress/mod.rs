//! Decoding and re-encoding of layer blobs.

mod decode;
mod detect;
mod golden;
mod zstd;

/// Bytes that compress as text does, with repetitions up to `reach` bytes back; the same for the same seed.
fn text(len: usize, mut seed: u32, reach: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + 40);
    while out.len() < len {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (kind, n) = (seed >> 28, (seed >> 8) as usize);
        if kind < 5 && out.len() > 100 {
            let from = out.len() - 1 - n % out.len().min(reach);
            let len = (3 + n % 60).min(out.len() - from);
            out.extend_from_within(from..from + len);
        } else {
            out.extend(n.to_le_bytes().into_iter().take(2));
        }
    }
    out.truncate(len);
    out
}

//! Bits to bytes, least significant bit first.

use crate::recompress::place::Bits;

/// Bits not yet written; fewer than 8 after every `flush`.
#[derive(Debug, Default)]
pub(in crate::recompress) struct BitWriter {
    buffer: u64,
    count: u32,
}

impl BitWriter {
    /// With bits that came before; there are fewer than 8 of them.
    pub(in crate::recompress) fn starting_with(lead: Bits) -> Self {
        let count = u32::from(lead.count) % 8;
        Self { buffer: u64::from(lead.value) & ((1 << count) - 1), count }
    }

    /// What is not written yet.
    #[expect(clippy::cast_possible_truncation, reason = "fewer than 8 bits")]
    pub(in crate::recompress) fn rest(&self) -> Bits {
        Bits { value: self.buffer as u8, count: self.count as u8 }
    }

    /// Appends the `count` low bits of `bits`, whose other bits are zero; at most 56 between two calls of `flush`.
    #[inline(always)]
    pub(in crate::recompress) fn put(&mut self, bits: u64, count: u32) {
        self.buffer |= bits << (self.count & 63);
        self.count += count;
    }

    /// Writes the whole bytes at `at` of `room` and returns the position behind them. `room` needs 8 bytes at `at`.
    #[inline(always)]
    pub(in crate::recompress) fn flush_into(&mut self, room: &mut [u8], at: usize) -> usize {
        if let Some(to) = room.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *to = self.buffer.to_le_bytes();
        }
        let whole = self.count / 8;
        self.buffer >>= (8 * whole) & 63;
        self.count %= 8;
        at + whole as usize
    }

    /// Appends the whole bytes to `out`.
    pub(in crate::recompress) fn flush(&mut self, out: &mut Vec<u8>) {
        let bytes = self.buffer.to_le_bytes();
        let whole = self.count / 8;
        out.extend_from_slice(bytes.get(..whole as usize).unwrap_or_default());
        self.buffer >>= (8 * whole) & 63;
        self.count %= 8;
    }

    /// Bits that wait for the rest of their byte, when the whole bytes have been flushed.
    pub(in crate::recompress) fn waiting(&self) -> u32 {
        self.count
    }

    /// Appends everything to `out`, filling the last byte with zeros.
    pub(in crate::recompress) fn align(&mut self, out: &mut Vec<u8>) {
        self.count = self.count.next_multiple_of(8);
        self.flush(out);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_flushing_write_the_same() {
        let (mut a, mut b) = (BitWriter::default(), BitWriter::default());
        let (mut out, mut room, mut at) = (Vec::new(), vec![0; 400], 0);
        for i in 0..100u32 {
            let count = i % 20;
            let bits = u64::from(i.wrapping_mul(0x9e37_79b9)) & ((1 << count) - 1);
            a.put(bits, count);
            b.put(bits, count);
            a.flush(&mut out);
            at = b.flush_into(&mut room, at);
        }
        assert_eq!(out, room.get(..at).unwrap());
        a.put(1, 1);
        a.align(&mut out);
        assert!(out.len() > at);
    }
}

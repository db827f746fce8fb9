//! XXH64 with seed 0, by its specification.

const PRIMES: [u64; 5] =
    [0x9e37_79b1_85eb_ca87, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9, 0x85eb_ca77_c2b2_ae63, 0x27d4_eb2f_1656_67c5];
const STRIPE: usize = 32;

/// The hash of the bytes so far.
pub(super) struct Checksum {
    lanes: [u64; 4],
    pending: [u8; STRIPE],
    len: u64,
}

impl Checksum {
    pub(super) fn new() -> Self {
        let [one, two, ..] = PRIMES;
        let lanes = [one.wrapping_add(two), two, 0, one.wrapping_neg()];
        Self { lanes, pending: [0; STRIPE], len: 0 }
    }

    #[expect(clippy::cast_possible_truncation, reason = "below 32")]
    pub(super) fn update(&mut self, mut data: &[u8]) {
        let held = (self.len % STRIPE as u64) as usize;
        self.len = self.len.wrapping_add(data.len() as u64);
        if held > 0 {
            let (taken, rest) = data.split_at(data.len().min(STRIPE - held));
            if let Some(room) = self.pending.get_mut(held..held + taken.len()) {
                room.copy_from_slice(taken);
            }
            data = rest;
            if held + taken.len() < STRIPE {
                return;
            }
            let full = self.pending;
            stripe(&mut self.lanes, &full);
        }
        let (stripes, rest) = data.as_chunks::<STRIPE>();
        let mut lanes = self.lanes;
        stripes.iter().for_each(|bytes| stripe(&mut lanes, bytes));
        self.lanes = lanes;
        if let Some(room) = self.pending.get_mut(..rest.len()) {
            room.copy_from_slice(rest);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "below 32")]
    pub(super) fn finish(&self) -> u64 {
        let [one, two, three, four, five] = PRIMES;
        let mut hash = if self.len < STRIPE as u64 {
            five
        } else {
            let [a, b, c, d] = self.lanes;
            let turned = a.rotate_left(1).wrapping_add(b.rotate_left(7));
            let turned = turned.wrapping_add(c.rotate_left(12)).wrapping_add(d.rotate_left(18));
            self.lanes.iter().fold(turned, |hash, lane| (hash ^ round(0, *lane)).wrapping_mul(one).wrapping_add(four))
        };
        hash = hash.wrapping_add(self.len);
        let rest = self.pending.get(..(self.len % STRIPE as u64) as usize).unwrap_or_default();
        let (eights, rest) = rest.as_chunks::<8>();
        for bytes in eights {
            hash = (hash ^ round(0, u64::from_le_bytes(*bytes))).rotate_left(27).wrapping_mul(one).wrapping_add(four);
        }
        let (fours, rest) = rest.as_chunks::<4>();
        for bytes in fours {
            let word = u64::from(u32::from_le_bytes(*bytes)).wrapping_mul(one);
            hash = (hash ^ word).rotate_left(23).wrapping_mul(two).wrapping_add(three);
        }
        for byte in rest {
            hash = (hash ^ u64::from(*byte).wrapping_mul(five)).rotate_left(11).wrapping_mul(one);
        }
        hash = (hash ^ hash >> 33).wrapping_mul(two);
        hash = (hash ^ hash >> 29).wrapping_mul(three);
        hash ^ hash >> 32
    }
}

#[inline(always)]
fn round(lane: u64, word: u64) -> u64 {
    let [one, two, ..] = PRIMES;
    lane.wrapping_add(word.wrapping_mul(two)).rotate_left(31).wrapping_mul(one)
}

#[inline(always)]
fn stripe(lanes: &mut [u64; 4], bytes: &[u8; STRIPE]) {
    let (words, _) = bytes.as_chunks::<8>();
    for (lane, word) in lanes.iter_mut().zip(words) {
        *lane = round(*lane, u64::from_le_bytes(*word));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(data: &[u8], step: usize) -> u64 {
        let mut checksum = Checksum::new();
        data.chunks(step).for_each(|piece| checksum.update(piece));
        checksum.finish()
    }

    #[test]
    fn values_of_the_reference() {
        assert_eq!(hash(b"", 1), 0xef46_db37_51d8_e999);
        assert_eq!(hash(b"a", 1), 0xd24e_c4f1_a98c_6e5b);
        assert_eq!(hash(b"abc", 2), 0x44bc_2cf5_ad77_0999);
        let long = b"Nobody inspects the spammish repetition";
        (1..=long.len()).for_each(|step| assert_eq!(hash(long, step), 0xfbce_a83c_8a37_8bf1, "{step}"));
    }
}

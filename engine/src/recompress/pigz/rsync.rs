//! Where `--rsyncable` ends pieces.

/// The hash covers as many bytes as it has bits, as each byte moves those before it one bit up.
const MASK: u16 = (1 << 12) - 1;
const HIT: u16 = MASK >> 1;

/// The hash of the bytes up to here; it goes on over the ends of pieces.
#[derive(Debug)]
pub(super) struct Hits(u16);

impl Default for Hits {
    fn default() -> Self {
        Self(HIT)
    }
}

impl Hits {
    /// Number of bytes up to and with the first hit in `input`, and true; or all of them and false.
    pub(super) fn next(&mut self, input: &[u8]) -> (usize, bool) {
        let mut hash = self.0;
        let hit = input.iter().position(|&byte| {
            hash = (hash << 1 ^ u16::from(byte)) & MASK;
            hash == HIT
        });
        self.0 = hash;
        hit.map_or((input.len(), false), |at| (at + 1, true))
    }
}

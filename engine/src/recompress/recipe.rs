use std::sync::Arc;

use super::{Amendments, DeflateEncoder, ZstdRecipe};

/// Longest encoded recipe of a gzip blob in bytes; what would need more is not worth more than keeping the blob.
pub const MAX_RECIPE: usize = 64 << 10;
/// Most gzip members.
pub const MAX_MEMBERS: usize = 4096;
/// Most bytes after the last member that are kept as they are, not counting zeros at the end.
pub const MAX_TRAILING: usize = 16 << 10;

/// Most zeros at a blob's end.
pub const MAX_PADDING: u64 = 1 << 30;

/// How to make a blob's original bytes from what it decodes to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recipe {
    /// The blob is not compressed.
    Identity,
    /// gzip members, each from a known deflate encoder.
    Gzip(GzipRecipe),
    /// gzip members, some of them from a known deflate encoder except in places, or with places where it can be resumed.
    Amended(AmendedRecipe),
    /// zstd frames, each from a known encoder.
    Zstd(ZstdRecipe),
}

/// A gzip blob: members one after another, then trailing bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GzipRecipe {
    /// 1 to [`MAX_MEMBERS`].
    pub members: Vec<Member>,
    /// What follows them.
    pub trailing: Trailing,
}

/// A gzip blob that encoders write except in places, or of which it is known where they can be resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmendedRecipe {
    /// What it would be without amendments.
    pub gzip: GzipRecipe,
    /// By number of the member, from 0 and ascending; never empty.
    pub amendments: Vec<(u32, Arc<Amendments>)>,
}

impl AmendedRecipe {
    /// Whether the encoders write the blob, and the amendments only tell where they can be resumed.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.amendments.iter().all(|(_, amendments)| amendments.are_places())
    }
}

/// One gzip member. Its trailer is not kept: it follows from the contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The header's bytes as they were, 10 or more; shared by members that have the same.
    pub header: Arc<[u8]>,
    /// What wrote the deflate stream.
    pub encoder: DeflateEncoder,
    /// Decoded bytes.
    pub len: u64,
}

/// Bytes after the last member: `literal`, then `zeros` zero bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trailing {
    /// At most [`MAX_TRAILING`] bytes, not ending in zero.
    pub literal: Vec<u8>,
    /// At most [`MAX_PADDING`].
    pub zeros: u64,
}

impl Trailing {
    /// Appends bytes; false when they no longer fit a recipe.
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        let ends = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
        let (literal, zeros) = bytes.split_at(ends);
        if !literal.is_empty() {
            let room = (MAX_TRAILING - self.literal.len().min(MAX_TRAILING)) as u64;
            if self.zeros.saturating_add(literal.len() as u64) > room {
                return false;
            }
            let padded = self.literal.len() + usize::try_from(self.zeros).unwrap_or(0);
            self.literal.resize(padded, 0);
            self.literal.extend_from_slice(literal);
            self.zeros = 0;
        }
        self.zeros += zeros.len() as u64;
        self.zeros <= MAX_PADDING
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailing_bytes_keep_their_order_in_any_slicing() {
        let bytes = [0, 0, 7, 0, 8, 0, 0, 0];
        for step in 1..=bytes.len() {
            let mut trailing = Trailing::default();
            assert!(bytes.chunks(step).all(|piece| trailing.push(piece)));
            assert_eq!(trailing, Trailing { literal: vec![0, 0, 7, 0, 8], zeros: 3 });
        }
    }

    #[test]
    fn trailing_bytes_are_bounded_and_zeros_are_not() {
        let mut trailing = Trailing::default();
        assert!((0..100).all(|_| trailing.push(&[0; 4096])));
        assert_eq!(trailing.zeros, 409_600);
        assert!(!trailing.push(&[1]), "those zeros would have to become literal");
        let mut full = Trailing::default();
        assert!(full.push(&[1; MAX_TRAILING]));
        assert!(!full.push(&[1]));
        assert!(full.push(&[0]));
    }
}

//! Sets of extended attributes, each distinct one kept once.

use std::collections::HashMap;

/// Distinct attribute sets in their stored form; set 0 is the empty one and has no bytes.
#[derive(Debug, Default)]
pub(super) struct XattrSets {
    by_bytes: HashMap<Box<[u8]>, u32>,
    bytes: usize,
}

impl XattrSets {
    /// The number of a set, whatever order its attributes came in; 0 for the empty one. Of several attributes with the same
    /// name the last counts. Names and values are within the limits of `limits.rs`. `None` when 2^32 - 1 sets are known.
    pub fn intern(&mut self, xattrs: &[(Vec<u8>, Vec<u8>)]) -> Option<u32> {
        if xattrs.is_empty() {
            return Some(0);
        }
        let bytes = encode(xattrs)?;
        if let Some(&known) = self.by_bytes.get(&bytes[..]) {
            return Some(known);
        }
        let number = u32::try_from(self.by_bytes.len()).ok()?.checked_add(1)?;
        self.bytes += bytes.len();
        self.by_bytes.insert(bytes.into(), number);
        Some(number)
    }

    /// Stored bytes of all sets.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// All sets by number; number 0, the empty set, is first.
    pub fn into_sets(self) -> Vec<Box<[u8]>> {
        let mut sets: Vec<(u32, Box<[u8]>)> =
            self.by_bytes.into_iter().map(|(bytes, number)| (number, bytes)).collect();
        sets.push((0, Box::default()));
        sets.sort_unstable_by_key(|&(number, _)| number);
        sets.into_iter().map(|(_, bytes)| bytes).collect()
    }
}

/// Attributes sorted by name; each as name length (u16), value length (u32), name, value.
fn encode(xattrs: &[(Vec<u8>, Vec<u8>)]) -> Option<Vec<u8>> {
    let mut sorted: Vec<&(Vec<u8>, Vec<u8>)> = xattrs.iter().rev().collect();
    // Stable over the reversed list, so that the last of equal names comes first and survives.
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    sorted.dedup_by(|later, kept| later.0 == kept.0);
    let mut bytes = Vec::new();
    for (name, value) in sorted {
        bytes.extend_from_slice(&u16::try_from(name.len()).ok()?.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(value.len()).ok()?.to_le_bytes());
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(value);
    }
    Some(bytes)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (Vec<u8>, Vec<u8>) {
        (name.into(), value.into())
    }

    #[test]
    fn equal_sets_share_a_number_and_the_last_of_a_name_wins() {
        let mut sets = XattrSets::default();
        assert_eq!(sets.intern(&[]), Some(0));
        let set = sets.intern(&[pair("user.a", "1"), pair("user.b", "2")]);
        assert_eq!(set, Some(1));
        assert_eq!(sets.intern(&[pair("user.b", "2"), pair("user.a", "1")]), set);
        assert_eq!(sets.intern(&[pair("user.b", "x"), pair("user.a", "1"), pair("user.b", "2")]), set);
        assert_eq!(sets.intern(&[pair("user.a", "1")]), Some(2));
        let stored = sets.bytes();
        let listed = sets.into_sets();
        assert_eq!(listed.len(), 3);
        assert_eq!(listed.iter().map(|set| set.len()).sum::<usize>(), stored);
        assert_eq!(&listed[2][..], b"\x06\0\x01\0\0\0user.a1");
    }
}

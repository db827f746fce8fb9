//! What must be in the database, written beside it: sled can open fine and be empty, or older than it was.
//!
//! `"firnidx1" | salt 16 | states u32 | states × (generation u64, packs u64, chunks u64, set 32) | sealed u8 | seal 32 |
//! BLAKE3 of all before`, little-endian.
//!
//! Before a flush the file names the state on disk and the one to come, after it the new one alone. A crash between leaves
//! one of two known states. The seal is there only while the database is closed.

use super::key::Salt;
use crate::id::PackId;

const MAGIC: &[u8; 8] = b"firnidx1";
const STATE_LEN: usize = 56;
/// Longest file accepted, in bytes.
pub(super) const MAX_LEN: usize = 4096;

/// What a database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    /// Counts flushes.
    pub generation: u64,
    pub packs: u64,
    /// Distinct chunks of each pack, summed.
    pub chunks: u64,
    /// BLAKE3 of the packs in order.
    pub set: [u8; 32],
}

impl State {
    /// The state of a database with these packs: ordinal, id and number of chunks, in ascending order.
    pub fn of<'a>(generation: u64, packs: impl Iterator<Item = (u32, &'a PackId, u32)>) -> State {
        let mut hasher = blake3::Hasher::new();
        let (mut count, mut chunks) = (0, 0);
        for (ordinal, pack, entries) in packs {
            hasher.update(&ordinal.to_le_bytes()).update(pack.as_bytes()).update(&entries.to_le_bytes());
            count += 1;
            chunks += u64::from(entries);
        }
        State { generation, packs: count, chunks, set: *hasher.finalize().as_bytes() }
    }

    /// The stored form.
    pub fn to_bytes(self) -> [u8; STATE_LEN] {
        let mut out = [0; STATE_LEN];
        let fields = [self.generation, self.packs, self.chunks].map(u64::to_le_bytes);
        let bytes = fields.as_flattened().iter().chain(&self.set);
        out.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = *byte);
        out
    }

    fn from_bytes(bytes: &[u8; STATE_LEN]) -> Option<State> {
        let (words, _) = bytes.as_chunks::<8>();
        let &[generation, packs, chunks] = words.first_chunk()?;
        let [generation, packs, chunks] = [generation, packs, chunks].map(u64::from_le_bytes);
        Some(State { generation, packs, chunks, set: *bytes.last_chunk()? })
    }
}

/// The file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub salt: Salt,
    /// One state, or two around a flush; the database must be in one of them.
    pub states: Vec<State>,
    /// Hash of the database's files as they were when it was closed; nothing while it is open.
    pub seal: Option<[u8; 32]>,
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(head)
}

impl Checkpoint {
    /// The file.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(self.salt.to_bytes());
        out.extend(u32::try_from(self.states.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.states.iter().for_each(|state| out.extend(state.to_bytes()));
        out.push(u8::from(self.seal.is_some()));
        out.extend(self.seal.unwrap_or_default());
        out.extend(blake3::hash(&out).as_bytes());
        out
    }

    /// Reads a file; nothing unless it is whole.
    pub fn decode(file: &[u8]) -> Option<Checkpoint> {
        let (body, hash) = file.split_last_chunk::<32>()?;
        if blake3::hash(body) != blake3::Hash::from_bytes(*hash) {
            return None;
        }
        let mut rest = body.strip_prefix(MAGIC)?;
        let salt = Salt::from_bytes(*take(&mut rest)?);
        let states = u32::from_le_bytes(*take(&mut rest)?);
        let states = (0..states).map(|_| State::from_bytes(take(&mut rest)?)).collect::<Option<_>>()?;
        let [sealed] = *take(&mut rest)?;
        let seal = *take(&mut rest)?;
        let seal = (sealed == 1).then_some(seal);
        rest.is_empty().then_some(Checkpoint { salt, states, seal })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let packs = [(0, PackId::from_bytes([1; 32]), 7), (3, PackId::from_bytes([2; 32]), 0)];
        let state = |generation| State::of(generation, packs.iter().map(|(ordinal, pack, n)| (*ordinal, pack, *n)));
        Checkpoint { salt: Salt::draw(), states: vec![state(4), state(5)], seal: Some([8; 32]) }
    }

    #[test]
    fn what_is_written_is_read() {
        let checkpoint = checkpoint();
        assert_eq!(checkpoint.states[0].packs, 2);
        assert_eq!(checkpoint.states[1].chunks, 7);
        assert_eq!(Checkpoint::decode(&checkpoint.encode()), Some(checkpoint.clone()));
        let open = Checkpoint { seal: None, ..checkpoint };
        assert_eq!(Checkpoint::decode(&open.encode()), Some(open));
    }

    #[test]
    fn any_damage_is_noticed() {
        let whole = checkpoint().encode();
        assert!(whole.len() < MAX_LEN);
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert_eq!(Checkpoint::decode(&damaged), None, "byte {at}");
            assert_eq!(Checkpoint::decode(&whole[..at]), None, "cut at {at}");
        }
    }

    #[test]
    fn the_set_depends_on_every_field() {
        let pack = PackId::from_bytes([1; 32]);
        let set = |ordinal, pack, chunks| State::of(0, [(ordinal, &pack, chunks)].into_iter()).set;
        let sets = [set(0, pack, 1), set(1, pack, 1), set(0, pack, 2), set(0, PackId::from_bytes([2; 32]), 1)];
        assert!(sets.iter().enumerate().all(|(at, set)| !sets[..at].contains(set)));
    }
}

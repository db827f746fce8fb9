//! Code lengths as zlib assigns them.
//!
//! Many sets of lengths are equally short. Which one comes out depends on how ties fall in the heap, so the heap's moves, its
//! tie-break by depth and the repair of over-long codes all follow zlib step for step.

use crate::recompress::coding::alphabet::LITERAL_SYMBOLS;
use crate::recompress::coding::codes::MAX_BITS;

/// Nodes of the largest tree, and one unused place as heaps count from 1.
const NODES: usize = 2 * LITERAL_SYMBOLS + 1;

/// The lengths of one alphabet's codes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lengths<const N: usize> {
    /// By symbol; 0 if it has no code.
    pub(super) of: [u8; N],
    /// Number of symbols up to the last that has a code; at least 2.
    pub(super) used: usize,
}

struct Heap {
    nodes: [u16; NODES],
    len: usize,
    weight: [u32; NODES],
    depth: [u8; NODES],
}

#[expect(clippy::indexing_slicing, reason = "nodes are below NODES, heap places at most len, which is below NODES")]
impl Heap {
    fn new() -> Self {
        Self { nodes: [0; NODES], len: 0, weight: [0; NODES], depth: [0; NODES] }
    }

    fn append_leaf(&mut self, symbol: u16, weight: u32) {
        self.len += 1;
        self.nodes[self.len] = symbol;
        self.weight[usize::from(symbol)] = weight;
    }

    /// Ties go to the shallower tree, and to `a` if that ties too.
    fn before(&self, a: u16, b: u16) -> bool {
        let (a, b) = (usize::from(a), usize::from(b));
        (self.weight[a], self.depth[a]) <= (self.weight[b], self.depth[b])
    }

    fn sift_down(&mut self, mut place: usize) {
        let node = self.nodes[place];
        loop {
            let mut child = 2 * place;
            if child > self.len {
                break;
            }
            if child < self.len && self.before(self.nodes[child + 1], self.nodes[child]) {
                child += 1;
            }
            if self.before(node, self.nodes[child]) {
                break;
            }
            self.nodes[place] = self.nodes[child];
            place = child;
        }
        self.nodes[place] = node;
    }

    fn order(&mut self) {
        for place in (1..=self.len / 2).rev() {
            self.sift_down(place);
        }
    }

    fn pop(&mut self) -> u16 {
        let least = self.nodes[1];
        self.nodes[1] = self.nodes[self.len];
        self.len -= 1;
        self.sift_down(1);
        least
    }

    /// Puts the parent of `a` and the least node in the latter's place.
    fn join(&mut self, a: u16, parent: u16) {
        let (a, b, new) = (usize::from(a), usize::from(self.nodes[1]), usize::from(parent));
        self.weight[new] = self.weight[a] + self.weight[b];
        self.depth[new] = self.depth[a].max(self.depth[b]) + 1;
        self.nodes[1] = parent;
        self.sift_down(1);
    }
}

/// Code lengths of at most `limit` bits for symbols with these frequencies.
///
/// The sum of frequencies is below 2^16 and `limit` at most 15; at least two symbols get a code.
#[expect(clippy::indexing_slicing, reason = "symbols and nodes come from ranges within the arrays")]
#[expect(clippy::cast_possible_truncation, reason = "node numbers are below NODES")]
pub(super) fn code_lengths<const N: usize>(frequencies: &[u16; N], limit: usize) -> Lengths<N> {
    const { assert!(2 * N < NODES && N >= 2) };
    let mut heap = Heap::new();
    let mut used = 0;
    for (symbol, &frequency) in frequencies.iter().enumerate() {
        if frequency != 0 {
            heap.append_leaf(symbol as u16, u32::from(frequency));
            used = symbol + 1;
        }
    }
    // Decoders want two codes at least; the ones made up are the first symbols without one.
    while heap.len < 2 {
        let symbol = if used < 3 { used } else { 0 };
        heap.append_leaf(symbol as u16, 1);
        used = used.max(symbol + 1);
    }
    heap.order();

    // Nodes as they leave the heap, that is from the rarest up; parents come behind their children.
    let mut sorted = [0u16; NODES];
    let mut count = 0;
    let mut parent = [0u16; NODES];
    let mut next = N as u16;
    while heap.len >= 2 {
        let a = heap.pop();
        let b = heap.nodes[1];
        for node in [a, b] {
            sorted[count] = node;
            count += 1;
            parent[usize::from(node)] = next;
        }
        heap.join(a, next);
        next += 1;
    }

    // From the root down. Whatever would lie deeper than the limit is put at the limit and counted as overflow.
    let mut depth = [0u8; NODES];
    let mut population = [0u16; MAX_BITS + 1];
    let mut overflow = 0i32;
    for &node in sorted[..count].iter().rev() {
        let mut bits = usize::from(depth[usize::from(parent[usize::from(node)])]) + 1;
        if bits > limit {
            bits = limit;
            overflow += 1;
        }
        depth[usize::from(node)] = bits as u8;
        if usize::from(node) < N {
            population[bits] += 1;
        }
    }
    if overflow > 0 {
        shorten(&mut population, limit, overflow);
        let mut leaves = sorted[..count].iter().map(|&node| usize::from(node)).filter(|&node| node < N);
        for bits in (1..=limit).rev() {
            for leaf in leaves.by_ref().take(usize::from(population[bits])) {
                depth[leaf] = bits as u8;
            }
        }
    }
    let mut of = [0; N];
    of.copy_from_slice(&depth[..N]);
    Lengths { of, used }
}

/// Makes `overflow` codes at the limit fit: a leaf higher up becomes an inner node with itself and one of them below.
#[expect(clippy::indexing_slicing, reason = "bits stays between 1 and limit, which is at most MAX_BITS")]
fn shorten(population: &mut [u16; MAX_BITS + 1], limit: usize, mut overflow: i32) {
    while overflow > 0 {
        let mut bits = limit - 1;
        while bits > 1 && population[bits] == 0 {
            bits -= 1;
        }
        population[bits] = population[bits].saturating_sub(1);
        population[bits + 1] += 2;
        population[limit] = population[limit].saturating_sub(1);
        overflow -= 2;
    }
}

impl<const N: usize> Lengths<N> {
    /// The lengths that a header lists.
    pub(super) fn up_to_last(&self) -> &[u8] {
        self.of.get(..self.used).unwrap_or_default()
    }
}

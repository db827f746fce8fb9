//! What several targets do.

use std::io::Write;

use firn_engine::recompress::{Encoder, Recipe};

/// Carries a recipe out on data that comes in slices: of each of these numbers of `step` bytes, and one, over and over.
pub fn blob(recipe: &Recipe, data: &[u8], slices: &[u8], step: usize) -> Vec<u8> {
    let mut encoder = Encoder::new(recipe, Vec::new());
    let mut rest = data;
    for len in slices.iter().cycle().map(|len| usize::from(*len) * step + 1) {
        if rest.is_empty() {
            break;
        }
        let (head, tail) = rest.split_at(len.min(rest.len()));
        encoder.write_all(head).expect("as much as the recipe says");
        rest = tail;
    }
    encoder.finish().expect("as much as the recipe says")
}

//! A recipe that decodes is canonical: it encodes to the same bytes. Carried out on data it was not made for, one with
//! amendments gives something or is refused, and how the data is cut does not matter.
#![no_main]

use firn_engine::recompress::{Encoder, Recipe};
use libfuzzer_sys::fuzz_target;

/// Longest data that a recipe is tried on: several windows of every encoder.
const LONGEST: u64 = 300_000;

fn carry_out(recipe: &Recipe, data: &[u8], cut: usize) -> Option<Vec<u8>> {
    let mut encoder = Encoder::new(recipe, Vec::new());
    data.chunks(cut).try_for_each(|piece| encoder.push(piece)).ok()?;
    encoder.finish().ok()
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(recipe) = Recipe::decode(bytes) else { return };
    assert_eq!(recipe.encode(), bytes);
    let Recipe::Amended(amended) = &recipe else { return };
    let len = amended.gzip.members.iter().fold(0u64, |sum, member| sum.saturating_add(member.len));
    if len > LONGEST || amended.gzip.trailing.zeros > LONGEST || amended.gzip.members.len() > 3 {
        return;
    }
    let data: Vec<u8> =
        bytes.iter().copied().cycle().enumerate().map(|(i, byte)| byte ^ (i >> 12) as u8).take(len as usize).collect();
    assert!(carry_out(&recipe, &data, 1 << 20) == carry_out(&recipe, &data, 4099), "slices matter");
});

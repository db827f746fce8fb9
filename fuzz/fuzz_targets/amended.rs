//! Streams that were flushed or slid early anywhere are found again, exactly, whatever the data.
#![no_main]

use std::io::{Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use firn_engine::recompress::{
    AmendedRecipe, Amendment, Amendments, DeflateEncoder, DetectLimits, Encoder, Flush, GoLevel, GzipRecipe, Member,
    Recipe, Strategy, Trailing, ZlibParams, detect,
};
use libfuzzer_sys::fuzz_target;

const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

fn carry_out(recipe: &Recipe, data: &[u8], cut: usize) -> Vec<u8> {
    let mut encoder = Encoder::new(recipe, Vec::new());
    data.chunks(cut).for_each(|piece| encoder.push(piece).expect("as much as the recipe says"));
    encoder.finish().expect("as much as the recipe says")
}

/// The bytes, repeated with a change in each round, so that short inputs reach past windows and blocks.
fn stretched(bytes: &[u8], rounds: u8) -> Vec<u8> {
    let mut data = Vec::new();
    for round in 0..=rounds {
        data.extend(bytes.iter().map(|byte| byte.wrapping_add(round & 7)));
        if data.len() > 400_000 {
            break;
        }
    }
    data
}

fuzz_target!(|input: (u8, u8, Vec<(u16, u8)>, Vec<u8>, &[u8])| {
    let (choice, rounds, flushes, slides, bytes) = input;
    let level = 1 + choice % 9;
    let is_go = choice & 0x80 > 0;
    let encoder = if is_go {
        GoLevel::new(level.cast_signed()).map(DeflateEncoder::Go)
    } else {
        ZlibParams::new(level, 15, 8, Strategy::Default).map(DeflateEncoder::Zlib)
    };
    let Some(encoder) = encoder else { return };
    let data = stretched(bytes, rounds);
    let len = data.len() as u64;
    let mut at = 0;
    let list = flushes.iter().map(|&(distance, kind)| {
        at = (at + u64::from(distance)).min(len);
        let kind = match kind % 3 {
            1 if !is_go => Flush::Full,
            2 if !is_go => Flush::Partial,
            _ => Flush::Sync,
        };
        Amendment::Flush { at, kind }
    });
    let list: Vec<_> = list.collect();
    let mut slides: Vec<u32> = slides.iter().map(|slide| u32::from(slide % 16)).collect();
    slides.sort_unstable();
    slides.dedup();
    if !is_go || level < 2 {
        slides.clear();
    }
    let amendments = Amendments { slides, list };
    if amendments.is_empty() {
        return;
    }
    let members = vec![Member { header: HEADER.as_slice().into(), encoder, len }];
    let gzip = GzipRecipe { members, trailing: Trailing::default() };
    let made = Recipe::Amended(AmendedRecipe { gzip, amendments: vec![(0, Arc::new(amendments))] });
    let blob = carry_out(&made, &data, 1 << 20);
    assert!(carry_out(&made, &data, 777) == blob, "slices matter to {made}");
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(blob.as_slice()).read_to_end(&mut plain).expect("gzip");
    assert!(plain == data, "{made} does not inflate back");
    let copy = blob.clone();
    let open = move || Ok(Box::new(Cursor::new(copy.clone())) as Box<dyn Read + Send>);
    let found = detect(&open, blob.len() as u64, DetectLimits::default(), &AtomicBool::new(false)).expect("gzip");
    if let Some(recipe) = found.recipe {
        let stored = Recipe::decode(&recipe.encode()).expect("what was found can be stored");
        assert!(carry_out(&stored, &data, 5000) == blob, "{stored} gives something else");
    }
});

//! A layer blob of any bytes decodes within its limits or fails; a recipe found for it gives exactly its bytes.
#![no_main]

use std::io::{Cursor, Read, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use firn_engine::codec::{DecodeLimits, decoder};
use firn_engine::recompress::{DetectLimits, Encoder, detect};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|blob: Vec<u8>| {
    let limits = DecodeLimits { max_decoded: 4 << 20, max_ratio: 200, ratio_allowance: 1 << 20, zstd_window_log: 20 };
    let mut plain = Vec::new();
    let decoded = decoder(blob.as_slice(), limits).map(|mut decoder| decoder.read_to_end(&mut plain).is_ok());
    assert!(plain.len() <= 4 << 20);
    if !decoded.unwrap_or(false) {
        return;
    }
    let shared = Arc::new(blob.clone());
    let open = || Ok(Box::new(Cursor::new(shared.as_ref().clone())) as Box<dyn Read + Send>);
    let limits = DetectLimits { decode: limits, ..DetectLimits::default() };
    let Ok(detection) = detect(&open, blob.len() as u64, limits, &AtomicBool::new(false)) else { return };
    if let Some(recipe) = detection.recipe {
        let mut encoder = Encoder::new(&recipe, Vec::new());
        encoder.write_all(&plain).expect("the recipe takes what the blob decodes to");
        assert_eq!(encoder.finish().expect("and ends there"), blob);
    }
});

//! A recipe that decodes is canonical: it encodes to the same bytes.
#![no_main]

use firn_engine::recompress::Recipe;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(recipe) = Recipe::decode(bytes) {
        assert_eq!(recipe.encode(), bytes);
    }
});

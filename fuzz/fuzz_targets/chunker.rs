//! Chunks are within their bounds and add up to the data, whatever follows a chunk decides nothing about it.
#![no_main]

use firn_engine::chunker::{Chunker, Params};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, u16, u16)| {
    let (data, min, span) = input;
    let Ok(params) = Params::new(u32::from(min), u32::from(min) + u32::from(span)) else { return };
    let chunker = Chunker::new(params);
    let mut rest = data.as_slice();
    while !rest.is_empty() {
        let len = chunker.next_len(rest);
        assert!(len >= 1 && len <= params.max() as usize && len <= rest.len());
        assert!(len >= params.min() as usize || len == rest.len());
        if rest.len() > params.max() as usize {
            assert_eq!(chunker.next_len(&rest[..params.max() as usize]), len);
        }
        rest = &rest[len..];
    }
});

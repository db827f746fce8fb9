//! A footer that decodes encodes to the same bytes; a pack scanned without its footer gives only frames that check out.
#![no_main]

use firn_engine::format::Footer;
use firn_engine::pack::rebuild_footer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(footer) = Footer::decode(&Footer::pack_id(bytes), bytes) {
        assert_eq!(footer.raw_len(), footer.chunks.iter().map(|chunk| u64::from(chunk.len)).sum::<u64>());
    }
    if let Ok(footer) = rebuild_footer(bytes) {
        let encoded = footer.encode();
        assert_eq!(Footer::decode(&Footer::pack_id(&encoded), &encoded), Ok(footer));
    }
});

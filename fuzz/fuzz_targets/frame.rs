//! A frame header that decodes encodes to the bytes it came from.
#![no_main]

use firn_engine::format::{FrameHeader, PackHeader, PackTrailer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = PackHeader::decode(bytes);
    let _ = PackTrailer::decode(bytes);
    if let Ok(header) = FrameHeader::decode(bytes) {
        let encoded = header.encode().expect("what was read can be written");
        // Reserved bytes are covered by the checksum, so a writer of zeros is the only one there is.
        assert_eq!(FrameHeader::decode(&encoded), Ok(header));
    }
});

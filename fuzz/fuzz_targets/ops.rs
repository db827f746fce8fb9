//! Layer operations: any bytes end in an end or an error.
#![no_main]

use firn_engine::format::OpsDecoder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut decoder = OpsDecoder::new(bytes);
    while let Ok(Some(_)) = decoder.next_op() {}
});

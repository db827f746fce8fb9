//! OCI documents of any bytes parse or fail.
#![no_main]

use firn_engine::oci::{Document, media};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Document::parse("", bytes);
    let _ = Document::parse(media::OCI_MANIFEST, bytes);
});

//! Sealed objects: any body under a right checksum, and any bytes at all, give an object or an error; what decodes survives a round trip.
#![no_main]

use firn_engine::bucket::Seen;
use firn_engine::format::{Config, ImageName, ImageRecord, NameRecord, PinRecord};
use firn_engine::oci::Reference;
use libfuzzer_sys::fuzz_target;

/// The envelope that FORMAT.md describes, so that what is inside is reached.
fn sealed(magic: &[u8; 8], body: &[u8]) -> Vec<u8> {
    let mut bytes = [&magic[..], &[1, 0, 0, 0], &(body.len() as u32).to_le_bytes(), body].concat();
    let sum = blake3::hash(&bytes);
    bytes.extend_from_slice(sum.as_bytes());
    bytes
}

fn check(bytes: &[u8]) {
    if let Ok(config) = Config::decode(bytes) {
        assert_eq!(config.encode().as_deref(), Ok(bytes));
    }
    if let Ok(name) = NameRecord::decode(bytes) {
        assert_eq!(name.encode().as_deref(), Ok(bytes));
    }
    if let Ok(record) = ImageRecord::decode(bytes) {
        assert_eq!(record.encode().as_deref(), Ok(bytes));
    }
    if let Ok(pin) = PinRecord::decode(bytes) {
        assert_eq!(pin.encode().as_deref(), Ok(bytes));
    }
    // Derived, and read only by whoever wrote it: what it is made of may come in another order.
    let _ = Seen::decode(bytes);
}

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    for magic in [b"firnconf", b"firnname", b"firnimag", b"firnpins", b"firnseen"] {
        check(&sealed(magic, bytes));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(name) = text.parse::<ImageName>() {
            assert_eq!(ImageName::from_escaped(&name.escaped()), Ok(name));
        }
        let _ = ImageName::from_escaped(text);
        let _ = text.parse::<Reference>();
    }
});

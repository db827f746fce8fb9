//! Sealed objects: any bytes give an object or an error, and an object that decodes survives a round trip.
#![no_main]

use firn_engine::format::{Config, ImageName, ImageRecord, NameRecord};
use firn_engine::oci::Reference;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(config) = Config::decode(bytes) {
        assert_eq!(config.encode().as_deref(), Ok(bytes));
    }
    if let Ok(name) = NameRecord::decode(bytes) {
        assert_eq!(name.encode().as_deref(), Ok(bytes));
    }
    if let Ok(record) = ImageRecord::decode(bytes) {
        assert_eq!(record.encode().as_deref(), Ok(bytes));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(name) = text.parse::<ImageName>() {
            assert_eq!(ImageName::from_escaped(&name.escaped()), Ok(name));
        }
        let _ = ImageName::from_escaped(text);
        let _ = text.parse::<Reference>();
    }
});

//! What the real programs wrote comes out again, however the data is cut on its way in.
#![no_main]

use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use firn_engine::codec::{DecodeLimits, decoder};
use firn_engine::recompress::{DetectLimits, Encoder, Recipe, detect};
use libfuzzer_sys::fuzz_target;

struct Recorded {
    name: String,
    blob: Vec<u8>,
    data: Vec<u8>,
    recipe: Recipe,
}

fuzz_target!(|input: (u16, Vec<u16>)| {
    static RECORDED: OnceLock<Vec<Recorded>> = OnceLock::new();
    let recorded = RECORDED.get_or_init(|| {
        let mut recorded = Vec::new();
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../engine/testdata/recompress");
        collect(Path::new(root), &mut recorded);
        assert!(recorded.len() > 20, "the recorded streams are not there");
        recorded
    });
    let (choice, mut slices) = input;
    let Recorded { name, blob, data, recipe } = &recorded[usize::from(choice) % recorded.len()];
    slices.push(u16::MAX);
    let mut encoder = Encoder::new(recipe, Vec::new());
    let mut rest = data.as_slice();
    for len in slices.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (head, tail) = rest.split_at((usize::from(*len) + 1).min(rest.len()));
        encoder.write_all(head).expect("as much as the recipe says");
        rest = tail;
    }
    assert!(&encoder.finish().expect("as much as the recipe says") == blob, "{name} differs");
});

fn collect(dir: &Path, into: &mut Vec<Recorded>) {
    for entry in std::fs::read_dir(dir).expect("recorded streams") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "gz") {
            let blob = std::fs::read(&path).expect("a recorded stream");
            let copy = blob.clone();
            let open = move || Ok(Box::new(Cursor::new(copy.clone())) as Box<dyn Read + Send>);
            let found = detect(&open, blob.len() as u64, DetectLimits::default(), &AtomicBool::new(false));
            // What no encoder writes is the detection's business.
            let Ok(Some(recipe)) = found.map(|detection| detection.recipe) else { continue };
            let mut data = Vec::new();
            decoder(blob.as_slice(), DecodeLimits::default()).expect("gzip").read_to_end(&mut data).expect("gzip");
            into.push(Recorded { name: path.display().to_string(), blob, data, recipe });
        }
    }
}

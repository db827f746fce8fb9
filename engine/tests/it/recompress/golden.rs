//! Streams of the real programs: what decodes, what is reproduced, and what is honestly not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::{Cursor, Read, Write};
use std::sync::atomic::AtomicBool;

use firn_engine::codec::layer::{Compression, DecodeLimits, decoder};
use firn_engine::recompress::{DetectLimits, Detection, Encoder, Recipe, detect};

fn read(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/testdata/recompress/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn plain(blob: &[u8]) -> (Compression, Vec<u8>) {
    let mut out = Vec::new();
    let mut decoder = decoder(blob, DecodeLimits::default()).unwrap();
    decoder.read_to_end(&mut out).unwrap();
    (decoder.compression(), out)
}

fn detected(blob: &[u8]) -> Detection {
    let owned = blob.to_vec();
    let open = move || Ok(Box::new(Cursor::new(owned.clone())) as Box<dyn Read + Send>);
    detect(&open, blob.len() as u64, DetectLimits::default(), &AtomicBool::new(false)).unwrap()
}

fn assert_reproduced(name: &str, blob: &[u8]) -> Detection {
    let detection = detected(blob);
    let recipe = detection.recipe.clone().unwrap_or_else(|| panic!("{name} is not reproduced"));
    assert_eq!(detection.verified_bytes, blob.len() as u64, "{name}");
    let stored = Recipe::decode(&recipe.encode()).unwrap();
    let mut encoder = Encoder::new(&stored, Vec::new());
    encoder.write_all(&plain(blob).1).unwrap();
    assert!(encoder.finish().unwrap() == blob, "{name} differs");
    detection
}

#[test]
fn zlib_streams_are_reproduced() {
    let levels = (1..=9).map(|level| format!("python-{level}.gz"));
    let others = ["zlib-huffman.gz", "zlib-rle.gz", "zlib-blocks-mem8.gz", "zlib-blocks-mem9.gz"].map(String::from);
    for name in levels.chain(others) {
        let detection = assert_reproduced(&name, &read(&name));
        assert!(detection.recipe.unwrap().encode().len() < 64, "{name}");
    }
}

/// GNU gzip and pigz write what zlib does as long as one block is enough, GNU gzip also in longer streams that its own
/// block-splitting rule leaves alone: its blocks are those of zlib's memory level 9.
#[test]
fn simple_streams_of_zlibs_relatives_are_reproduced() {
    for name in ["gnu-1.gz", "gnu-6.gz", "gnu-9.gz", "gnu-blocks.gz", "pigz-6.gz"] {
        assert_reproduced(name, &read(name));
    }
}

#[test]
fn what_skopeo_and_umoci_wrote_is_reproduced() {
    for name in ["umoci.gz", "skopeo.gz"] {
        let blob = read(name);
        let detection = detected(&blob);
        let recipe = detection.recipe.unwrap_or_else(|| panic!("{name} was not recognised"));
        assert!(recipe.to_string().starts_with("pgzip -5"), "{name}: {recipe}");
        let mut encoder = Encoder::new(&recipe, Vec::new());
        encoder.push(&plain(&blob).1).unwrap();
        assert!(encoder.finish().unwrap() == blob, "{name}");
    }
}

#[test]
fn what_no_encoder_writes_is_known_to_have_no_recipe() {
    let zstd = detected(&read("zstd-3.zst"));
    assert_eq!(zstd.recipe, None);
    assert!((10..200).contains(&zstd.tried), "{}", zstd.tried);
}

/// What the zstd program wrote, and what a recipe for it says; 1.5.7 but for those that begin with `old`.
#[test]
fn frames_of_the_zstd_program_are_reproduced() {
    let levels = (1..=19).map(|level| (format!("level{level}"), format!("zstd -{level}")));
    let others = [
        ("fast1", "zstd --fast=1"),
        ("fast5", "zstd --fast=5"),
        ("pipe-level1", "zstd -1"),
        ("pipe-level2", "zstd -2"),
        ("pipe-level3", "zstd -3"),
        ("pipe-single-level1", "zstd -1 --single-thread"),
        ("pipe-single-level2", "zstd -2 --single-thread"),
        ("pipe-single-level3", "zstd -3 --single-thread"),
        ("file-level1", "zstd -1"),
        ("nocheck-level1", "zstd -1"),
        ("pipe-jobs", "zstd -1"),
        ("file-jobs", "zstd -1"),
        ("pipe-block", "zstd -3 --single-thread"),
        ("file-block", "zstd -3"),
        ("pipe-none", "zstd -3"),
        ("file-none", "zstd -3"),
        ("long-level2", "zstd -2 --long=21"),
        ("old-level1", "zstd -1"),
        ("old-level13", "zstd -13"),
        ("old-pipe-level1", "zstd -1 (before 1.5.7)"),
        ("old-pzstd", "zstd -1 (before 1.5.7), 2 frames"),
    ];
    for (name, recipe) in levels.chain(others.map(|(name, recipe)| (name.to_owned(), recipe.to_owned()))) {
        let detection = assert_reproduced(&name, &read(&format!("zstd/{name}.zst")));
        let found = detection.recipe.unwrap();
        assert_eq!(found.to_string(), recipe, "{name}");
        assert!(found.encode().len() < 64, "{name}");
    }
}

/// What the Go package wrote at its levels: where releases write the same, a recipe names the first.
#[test]
fn frames_of_klausposts_package_are_reproduced() {
    for name in ["1-1.15", "2-1.15", "2-1.20", "3-1.15", "3-1.18", "3-1.20", "4-1.15", "4-1.18"] {
        let detection = assert_reproduced(name, &read(&format!("klauspost-zstd/level{name}.zst")));
        let (level, release) = name.split_once('-').unwrap();
        let found = detection.recipe.unwrap();
        assert_eq!(found.to_string(), format!("klauspost zstd {release} level {level}"));
        assert!(found.encode().len() < 20, "{name}");
    }
}

/// What skopeo 1.9.3 wrote of one layer: one frame, and with `zstd:chunked` one for each file and skippable ones behind them.
#[test]
fn zstd_layers_of_skopeo_are_reproduced() {
    let found = assert_reproduced("skopeo", &read("klauspost-zstd/skopeo.zst")).recipe.unwrap();
    assert_eq!(found.to_string(), "klauspost zstd 1.15 level 2");
    let found = assert_reproduced("skopeo-tar", &read("klauspost-zstd/skopeo-tar.zst")).recipe.unwrap();
    assert_eq!(found.to_string(), "klauspost zstd 1.15 level 2");
    let found = assert_reproduced("chunked", &read("klauspost-zstd/chunked.zst")).recipe.unwrap();
    assert_eq!(found.to_string(), "klauspost zstd 1.15 level 4, 6 frames");
}

#[test]
fn all_programs_decode_to_the_same() {
    let (format, expected) = plain(&read("python-6.gz"));
    assert_eq!(format, Compression::Gzip);
    assert!(expected.len() > 10_000);
    for name in ["python-1.gz", "gnu-9.gz", "pigz-6.gz", "zstd-3.zst"] {
        assert!(plain(&read(name)).1 == expected, "{name}");
    }
    assert_eq!(plain(&read("zstd-3.zst")).0, Compression::Zstd);
    let go = plain(&read("umoci.gz")).1;
    assert!(go == plain(&read("skopeo.gz")).1 && go.windows(expected.len()).any(|w| w == expected));
}

#[test]
fn members_padding_and_garbage_are_part_of_the_recipe() {
    let parts = ["python-1.gz", "python-9.gz", "python-9.gz", "zlib-rle.gz"].map(read);
    for trailing in [vec![], vec![0; 700], b"\0\0garbage\0".to_vec(), vec![0x1f], vec![0x1f, 0x8b]] {
        let mut blob = parts.concat();
        blob.extend_from_slice(&trailing);
        assert_reproduced("members", &blob);
    }
}

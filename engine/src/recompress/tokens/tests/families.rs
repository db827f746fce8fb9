//! Surveys and what they rule out.

use flate2::FlushCompress;

use super::{Bits, Kind, check, deflate, mixture, read};
use crate::recompress::tokens::{Families, Fault, Survey, SurveyedKind};

/// Recorded streams of one and the same content, who can have written them, and who did.
const GOLDEN: [(&str, Families, Families); 6] = [
    ("zlib-6", Families::ZLIB_8.or(Families::PIGZ), Families::ZLIB_8),
    // Above level 2, GNU gzip and zlib at memory level 9 write the same unless a block compresses well.
    ("gzip-6", Families::ZLIB_9.or(Families::GNU_GZIP).or(Families::MINIZ), Families::GNU_GZIP),
    ("pigz-6-b32", Families::PIGZ, Families::PIGZ),
    ("go-6", Families::GO.or(Families::KLAUSPOST), Families::GO),
    ("go-1", Families::GO.or(Families::KLAUSPOST), Families::GO),
    ("pgzip-40000", Families::KLAUSPOST.or(Families::MINIZ), Families::KLAUSPOST),
];

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/testdata/tokens/{name}.deflate", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn golden_streams() {
    let mut content = None;
    for (name, possible, _) in GOLDEN {
        let stream = golden(name);
        let (record, end) = check(&stream, &[1, 100, 5000]);
        assert_eq!(end, Ok((stream.len(), 0)));
        assert!(*content.get_or_insert(record.decoded.clone()) == record.decoded);
        assert_eq!(Families::possible(&Survey::of(&stream, 64).unwrap()), possible, "{name}");
    }
}

#[test]
fn no_prefix_rules_the_writer_out() {
    for (name, _, writer) in GOLDEN {
        let stream = golden(name);
        for len in (0..300).chain((300..stream.len()).step_by(97)) {
            for blocks in [1, 2, 3, 64] {
                let families = Families::possible(&Survey::of(&stream[..len], blocks).unwrap());
                assert!(families.contains(writer), "{name}, {len} bytes, {blocks} blocks: {families}");
            }
        }
    }
}

#[test]
fn nothing_seen_leaves_every_family() {
    let families = Families::possible(&Survey::default());
    assert_eq!(families.iter().count(), 8);
    assert!(!families.contains(Families::UNKNOWN));
    assert_eq!(Families::NONE.to_string(), "none");
    assert_eq!((Families::GO.or(Families::PIGZ)).to_string(), "Go 1.8 to 1.26, pigz");
}

#[test]
fn what_no_encoder_does_is_unknown() {
    let padded = Bits::default().put(0b011, 3).code(0, 7).put(1, 1);
    let in_full = Bits::default().put(0b011, 3).code(0x30, 8).code(0b1100_0100, 8).put(31, 5).code(0, 5).code(0, 7);
    let far_and_short = {
        // A match of 3 from 32768 back: neither zlib nor Go. And miniz_oxide does not end a block after it.
        let mut bits = Bits::default().put(0, 8).put(32_768, 16).put(0x7fff, 16);
        bits.0.extend(mixture(32_768, 3));
        bits.1 += 32_768 * 8;
        let bits = bits.put(0b010, 3).code(1, 7).code(29, 5).put(0x1fff, 13).code(0, 7);
        bits.put(0b011, 3).code(0x30, 8).code(0, 7)
    };
    for bits in [padded, in_full, far_and_short] {
        let survey = Survey::of(&bits.0, 9).unwrap();
        assert_eq!(Families::possible(&survey), Families::UNKNOWN, "{survey:?}");
    }
}

#[test]
fn a_survey_says_what_the_blocks_are() {
    let data = mixture(100_000, 5);
    let stream = deflate(&data, 6, 20_000, FlushCompress::Sync);
    let (record, _) = read(&stream, &[usize::MAX]);
    let survey = Survey::of(&stream, 64).unwrap();
    assert_eq!(survey.blocks.len(), record.blocks.len());
    assert_eq!(survey.flush_spacing(), Some(20_000));
    assert_eq!(survey.flushes().collect::<Vec<_>>(), [20_000, 40_000, 60_000, 80_000, 100_000]);
    for ((block, seen), end) in survey.blocks.iter().zip(&record.blocks).zip(&record.ends) {
        assert_eq!((block.start.bit, block.start.decoded, block.last), (seen.bit, seen.decoded, seen.last));
        assert_eq!(block.end.map(|e| (e.bit, e.decoded)), Some((end.bit, end.decoded)));
        assert_eq!((block.tokens, block.bytes), (end.tokens, end.decoded - seen.decoded));
        assert_eq!(block.kind == SurveyedKind::Stored, matches!(seen.kind, Kind::Stored(..)));
    }
    let matches = || record.tokens.iter().filter(|token| token.1 > 0);
    assert_eq!(survey.least_len(), matches().map(|m| m.0).min());
    assert_eq!(Some(survey.greatest_distance()), matches().map(|m| m.1).max());
    let few = Survey::of(&stream, 3).unwrap();
    assert_eq!(few.blocks, survey.blocks[..3]);
    assert_eq!(Survey::of(&stream, usize::MAX).unwrap(), survey);
    // Hostile numbers of blocks are not kept.
    let many = deflate(&data, 6, 100, FlushCompress::Sync);
    assert_eq!(Survey::of(&many, usize::MAX).unwrap().blocks.len(), 64);
    assert_eq!(Survey::of(&[7, 0], 1).unwrap_err().fault, Fault::BlockType);
}

/// Every flush of zlib leaves zlib possible, whatever else it allows; zlib-rs ends its blocks where zlib does.
#[test]
fn flushes_do_not_rule_zlib_out() {
    let data = mixture(400_000, 8);
    for level in 0..=9 {
        for flush in [FlushCompress::Sync, FlushCompress::Partial, FlushCompress::Full] {
            for every in [100, 30_000] {
                let stream = deflate(&data, level, every, flush);
                let survey = Survey::of(&stream, 64).unwrap();
                assert!(Families::possible(&survey).contains(Families::ZLIB_8), "{level} {flush:?} {every}");
            }
        }
    }
}

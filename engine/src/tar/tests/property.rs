//! For any stream, sound or not, in any slices.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::build::{Build, padded, pax};
use super::run::{feed, feed_whole};

/// A stream's part: mostly sound, so that what follows it is reached.
fn part() -> impl Strategy<Value = Vec<u8>> {
    let key = select(vec![
        "path",
        "linkpath",
        "size",
        "uid",
        "mtime",
        "SCHILY.xattr.user.a",
        "LIBARCHIVE.xattr.b",
        "GNU.sparse.name",
        "GNU.sparse.major",
        "GNU.sparse.minor",
        "GNU.sparse.map",
        "GNU.sparse.numblocks",
        "GNU.sparse.size",
        "GNU.sparse.offset",
        "GNU.sparse.numbytes",
    ]);
    let value =
        select(vec!["", "0", "1", "7", "600", "-1.5", "0,5", "0,2,9,3", "name/", "a\0b", "9223372036854775807"]);
    let records = vec((key, value), 0..5).prop_map(|records| {
        let records: Vec<(&[u8], &[u8])> =
            records.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes())).collect();
        pax(&records)
    });
    let data = select(vec![
        vec![],
        vec![b'd'; 5],
        vec![b'd'; 512],
        vec![b'd'; 1300],
        [&padded(b"2\n0\n2\n9\n3\n".to_vec())[..], b"12345"].concat(),
    ]);
    let sparse = pax(&[(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.realsize", b"20")]);
    let old_gnu = Build::gnu("s", b'S').bytes(386, b"00000000000\x0000000000005\0").octal(483, 12, 600);
    prop_oneof![
        8 => (select(b"0\x007VA".to_vec()), data.clone())
            .prop_map(|(kind, data)| Build::ustar("dir/name", kind).with(&data)),
        4 => select(b"123456".to_vec())
            .prop_map(|kind| Build::ustar("dir/name", kind).link("target").with(b"")),
        2 => select(b"LK".to_vec()).prop_map(|kind| Build::gnu("long", kind).with(b"long/name\0")),
        1 => Just(Build::ustar("global", b'g').with(b"10 path=g\n")),
        // Types and data that may not belong together: what follows is often no header.
        1 => (select(b"0123456SxgLK".to_vec()), data)
            .prop_map(|(kind, data)| Build::gnu("odd", kind).link("target").with(&data)),
        6 => records.prop_map(|text| Build::ustar("x", b'x').with(&text)),
        2 => Just(Build::ustar("x", b'x').with(&sparse)),
        3 => vec(any::<u8>(), 0..3).prop_map(move |flags| {
            let extensions = flags.len().min(2);
            let header = old_gnu.clone().bytes(482, &[u8::from(extensions > 0)]).size(5).block();
            let blocks = (0..extensions).flat_map(|i| [vec![0; 504], vec![u8::from(i + 1 < extensions); 8]].concat());
            padded([&header[..], &blocks.collect::<Vec<u8>>(), b"12345"].concat())
        }),
        1 => Just(vec![0; 512]),
        1 => vec(any::<u8>(), 0..600),
    ]
}

/// Parts, then damage: bytes changed and the end cut off.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let damage = prop_oneof![
        3 => Just(vec![]),
        1 => vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
    ];
    let cut = prop_oneof![3 => Just(None), 1 => any::<prop::sample::Index>().prop_map(Some)];
    (vec(part(), 0..6), damage, cut).prop_map(|(parts, damage, cut)| {
        let mut stream = parts.concat();
        if !stream.is_empty() {
            for (at, byte) in damage {
                let at = at.index(stream.len());
                stream[at] = byte;
            }
            stream.truncate(cut.map_or(stream.len(), |cut| cut.index(stream.len())));
        }
        stream
    })
}

fn slices<'a>(stream: &'a [u8], lens: &[usize]) -> Vec<&'a [u8]> {
    let (mut rest, mut slices) = (stream, Vec::new());
    for &len in lens.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (slice, after) = rest.split_at(len.min(rest.len()));
        slices.push(slice);
        rest = after;
    }
    slices
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    // What holds for every run (all bytes there, in order, events nested, entries sound) is checked in `feed`.
    #[test]
    fn slicing_leaves_no_trace(stream in stream(), lens in vec(prop_oneof![0..3usize, 1..700usize, Just(512)], 1..8)) {
        let lens = if lens.iter().all(|&len| len == 0) { vec![1] } else { lens };
        let whole = feed_whole(&stream);
        let sliced = feed(slices(&stream, &lens).into_iter());
        prop_assert_eq!(sliced, whole);
    }

    #[test]
    fn any_bytes_are_survived(stream in vec(any::<u8>(), 0..2000), len in 1..600usize) {
        prop_assert_eq!(feed(stream.chunks(len)), feed_whole(&stream));
    }
}

/// The generator above must reach the interesting places, or the properties say little.
#[test]
fn the_generator_makes_sound_streams_too() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let (mut sound, mut sparse, mut unsound) = (0, 0, 0);
    for _ in 0..500 {
        let run = feed_whole(&stream().new_tree(&mut runner).unwrap().current());
        match run.result {
            Ok(summary) if summary.entries > 0 => sound += 1,
            Ok(_) => {}
            Err(_) => unsound += 1,
        }
        sparse += run.entries().filter(|(entry, _)| entry.sparse.is_some()).count();
    }
    assert!(sound > 50 && sparse > 10 && unsound > 50, "{sound} {sparse} {unsound}");
}

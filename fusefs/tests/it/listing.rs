//! Names: odd ones, many of them, and directories listed in pieces.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirEntryExt, MetadataExt};

use firn_engine::tar::{Entry, EntryKind};

use crate::sample::Sample;
use crate::semantics::quote;
use crate::world::{World, errno, ok};

#[test]
fn names_are_bytes() {
    quote(
        "N1",
        "Names are bytes: any name of up to 255 bytes without `/` and NUL is found exactly as the image holds \
         it, whatever its encoding.",
    );
    let names = [
        vec![b'x'; 255],
        b"\xff\xfe not utf-8 \x80".to_vec(),
        b" spaces \t and\nnewlines".to_vec(),
        "e\u{301}".into(),
        "\u{e9}".into(),
        b"...".to_vec(),
        b"-rf".to_vec(),
        (1..=255).filter(|byte| *byte != b'/').collect(),
    ];
    let mut sample = Sample::new();
    for name in &names {
        let mut file = Entry::bare("", EntryKind::File);
        (file.path, file.size, file.stored) = (name.clone(), name.len() as u64, name.len() as u64);
        sample.push(file, name);
    }
    let world = World::of(sample);
    for name in &names {
        assert_eq!(fs::read(world.path(OsStr::from_bytes(name))).unwrap(), *name);
    }
    let listed: HashSet<_> =
        fs::read_dir(world.root()).unwrap().map(|entry| entry.unwrap().file_name().into_vec()).collect();
    assert_eq!(listed, names.into_iter().collect());
    for absent in [vec![b'x'; 254], b"E\xcc\x81".to_vec()] {
        assert_eq!(errno(fs::metadata(world.path(OsStr::from_bytes(&absent)))), libc::ENOENT);
    }
    let long = world.path(OsString::from_vec(vec![b'x'; 256]));
    assert_eq!(errno(fs::metadata(long)), libc::ENAMETOOLONG);
}

const MANY: usize = 100_000;

#[test]
fn a_large_directory_is_listed_completely_and_once() {
    quote(
        "N2",
        "A directory lists `.`, `..` and each of its names exactly once, in byte order, with the type and \
         inode number that `stat` gives.",
    );
    let mut sample = Sample::new();
    sample.dir("many");
    for i in 0..MANY {
        // Three kinds, lengths from 7 to 46 bytes.
        let name = format!("many/{i:07}{}", "n".repeat(i % 40));
        match i % 3 {
            0 => sample.file(&name, b""),
            1 => sample.symlink(&name, b"x"),
            _ => sample.device(&name, EntryKind::Fifo, 0, 0),
        };
    }
    let world = World::of(sample);
    let many = world.path("many");
    // The second listing may come from the kernel's cache, the third runs beside another.
    for round in 0..3 {
        let beside = (round == 2).then(|| {
            std::thread::spawn({
                let many = many.clone();
                move || fs::read_dir(many).unwrap().count()
            })
        });
        let mut last = OsString::new();
        let mut count = 0;
        for entry in fs::read_dir(&many).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name();
            assert!(last < name, "{last:?} before {name:?}");
            if count % 1000 == 0 {
                let meta = entry.metadata().unwrap();
                assert_eq!(meta.file_type(), entry.file_type().unwrap());
                assert_eq!(meta.ino(), entry.ino());
            }
            last = name;
            count += 1;
        }
        assert_eq!(count, MANY);
        assert_eq!(beside.map_or(MANY, |beside| beside.join().unwrap()), MANY);
    }
    // `ls -f` keeps the order of the file system and shows the two dots.
    let listing = ok("ls", &[&"-f", &many]);
    assert_eq!(listing.lines().take(2).collect::<Vec<_>>(), [".", ".."]);
    assert_eq!(listing.lines().count(), MANY + 2);
    let found = ok("find", &[&many, &"-type", &"l", &"-printf", &"%i\n"]);
    assert_eq!(found.lines().collect::<HashSet<_>>().len(), MANY / 3);
}

//! What every [`Remote`] must do, as checks that each implementation's tests run. They panic where one does not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::Write as _;

use super::{Class, Remote, RemoteError, RemoteObject, Restore, RestoreAnswer, Tier, When};
use crate::id::{Digest, PackId};
use crate::store::{Body, Family, HashedFile, Key, PackArea};

fn pack(byte: u8) -> Key {
    Key::Pack(PackArea::Data, PackId::from_bytes([byte; 32]))
}

fn listed(remote: &dyn Remote, family: Family) -> Vec<RemoteObject> {
    let mut all = Vec::new();
    remote.list(family, &mut |page| all.extend(page)).unwrap();
    all.sort_by(|a, b| a.key.cmp(&b.key));
    all
}

/// Objects, listings and conditional writes, in an empty bucket.
pub fn objects(remote: &dyn Remote) {
    let keys = [
        Key::Config,
        pack(1),
        Key::Pack(PackArea::Meta, PackId::from_bytes([2; 32])),
        Key::Footer(PackId::from_bytes([1; 32])),
        Key::Image(Digest::from_bytes([3; 32])),
        Key::Name("team/app:1.0+x".parse().unwrap()),
        Key::Pack(PackArea::Pinned, PackId::from_bytes([4; 32])),
        Key::Pin(Digest::from_bytes([3; 32])),
    ];
    for key in &keys {
        assert!(remote.head(key).unwrap().is_none());
        assert!(matches!(remote.get(key, 100), Err(RemoteError::NotFound { .. })));
        assert!(matches!(remote.read_at(key, 0, &mut [0; 4]), Err(RemoteError::NotFound { .. })));
        remote.delete(key).unwrap();
    }
    for (at, key) in keys.iter().enumerate() {
        let bytes = vec![b'a' + u8::try_from(at).unwrap(); 10 + at];
        let version = remote.put(key, Body::Bytes(&bytes), Class::Standard, &When::Absent).unwrap();
        assert_eq!(remote.get(key, 100).unwrap(), (bytes.clone(), version.clone()));
        let head = remote.head(key).unwrap().unwrap();
        assert_eq!(
            (&head.key, head.len, head.class, head.restore),
            (key, bytes.len() as u64, Class::Standard, Restore::None)
        );
        assert_eq!(head.version, version);
        assert!(head.modified > 0);
    }
    for family in [
        Family::Packs(PackArea::Data),
        Family::Packs(PackArea::Meta),
        Family::Packs(PackArea::Pinned),
        Family::Footers,
        Family::Images,
        Family::Names,
        Family::Pins,
    ] {
        let there = listed(remote, family);
        assert_eq!(there.len(), 1, "{family:?}");
        let key = keys.iter().find(|key| **key == there[0].key).unwrap();
        assert_eq!(there[0].len, remote.head(key).unwrap().unwrap().len);
    }
    ranges(remote);
    conditions(remote, &keys[5]);
    files(remote);
    for key in &keys {
        remote.delete(key).unwrap();
        remote.delete(key).unwrap();
        assert!(remote.head(key).unwrap().is_none());
    }
    assert!(listed(remote, Family::Packs(PackArea::Data)).is_empty());
}

fn ranges(remote: &dyn Remote) {
    let bytes: Vec<u8> = (0..200_000u32).flat_map(u32::to_le_bytes).collect();
    remote.put(&pack(1), Body::Bytes(&bytes), Class::Standard, &When::Always).unwrap();
    for (offset, len) in [(0, 1), (0, 800_000), (799_999, 1), (4096, 65_536), (12, 0)] {
        let mut buf = vec![0; len];
        remote.read_at(&pack(1), offset as u64, &mut buf).unwrap();
        assert_eq!(buf, bytes[offset..offset + len]);
    }
    for (offset, len) in [(799_999, 2), (800_000, 1), (1 << 40, 5)] {
        let outcome = remote.read_at(&pack(1), offset, &mut vec![0; len]);
        assert!(matches!(outcome, Err(RemoteError::Damaged { .. })), "{outcome:?}");
    }
    let outcome = remote.get(&pack(1), 799_999);
    assert!(matches!(outcome, Err(RemoteError::TooLarge { len: 800_000, limit: 799_999, .. })), "{outcome:?}");
}

fn conditions(remote: &dyn Remote, key: &Key) {
    let first = remote.put(key, Body::Bytes(b"first"), Class::Standard, &When::Always).unwrap();
    // The same bytes again are what one's own write whose answer was lost looks like.
    assert_eq!(remote.put(key, Body::Bytes(b"first"), Class::Standard, &When::Absent).unwrap(), first);
    let outcome = remote.put(key, Body::Bytes(b"other"), Class::Standard, &When::Absent);
    assert!(matches!(outcome, Err(RemoteError::Changed { .. })), "{outcome:?}");
    let second = remote.put(key, Body::Bytes(b"second"), Class::Standard, &When::Unchanged(first.clone())).unwrap();
    assert_ne!(first, second);
    let outcome = remote.put(key, Body::Bytes(b"third"), Class::Standard, &When::Unchanged(first.clone()));
    assert!(matches!(outcome, Err(RemoteError::Changed { .. })), "{outcome:?}");
    assert_eq!(remote.get(key, 100).unwrap(), (b"second".to_vec(), second.clone()));
    remote.delete(key).unwrap();
    let outcome = remote.put(key, Body::Bytes(b"third"), Class::Standard, &When::Unchanged(second));
    assert!(matches!(outcome, Err(RemoteError::Changed { .. })), "{outcome:?}");
}

fn files(remote: &dyn Remote) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let bytes: Vec<u8> = (0..700_000u32).flat_map(u32::to_be_bytes).collect();
    file.write_all(&bytes).unwrap();
    remote.put(&pack(1), Body::File(file.path()), Class::GlacierInstant, &When::Always).unwrap();
    let hashed = HashedFile::read(file.path()).unwrap();
    remote.put(&pack(1), Body::Hashed(&hashed), Class::GlacierInstant, &When::Always).unwrap();
    assert!(file.path().exists());
    let head = remote.head(&pack(1)).unwrap().unwrap();
    assert_eq!((head.len, head.class), (bytes.len() as u64, Class::GlacierInstant));
    assert_eq!(listed(remote, Family::Packs(PackArea::Data))[0].class, Class::GlacierInstant);
    assert_eq!(remote.get(&pack(1), 1 << 30).unwrap().0, bytes);
    remote.reclass(&pack(1), Class::Standard).unwrap();
    assert_eq!(remote.head(&pack(1)).unwrap().unwrap().class, Class::Standard);
    assert_eq!(remote.get(&pack(1), 1 << 30).unwrap().0, bytes);
}

/// Archive classes, in an empty bucket whose clock `advance` moves by seconds.
pub fn archives(remote: &dyn Remote, advance: &dyn Fn(u64)) {
    const HOUR: u64 = 3600;
    let (deep, flexible, warm) = (pack(1), pack(2), pack(3));
    remote.put(&deep, Body::Bytes(b"deep"), Class::DeepArchive, &When::Absent).unwrap();
    remote.put(&flexible, Body::Bytes(b"flexible"), Class::GlacierFlexible, &When::Absent).unwrap();
    remote.put(&warm, Body::Bytes(b"warm"), Class::StandardIa, &When::Absent).unwrap();
    for (key, class) in [(&deep, Class::DeepArchive), (&flexible, Class::GlacierFlexible)] {
        assert_eq!(remote.head(key).unwrap().unwrap().class, class);
        for outcome in [remote.get(key, 100).map(drop), remote.read_at(key, 0, &mut [0; 2])] {
            assert!(matches!(outcome, Err(RemoteError::Frozen { class: told, .. }) if told == class), "{outcome:?}");
        }
        assert!(matches!(remote.reclass(key, Class::Standard), Err(RemoteError::Frozen { .. })));
    }
    assert_eq!(remote.restore(&warm, 1, Tier::Standard).unwrap(), RestoreAnswer::NotFrozen);
    let restore_of = |key: &Key| {
        let head = remote.head(key).unwrap().unwrap().restore;
        let in_listing = listed(remote, Family::Packs(PackArea::Data)).into_iter().find(|item| &item.key == key);
        assert_eq!(in_listing.unwrap().restore, head);
        head
    };
    assert_eq!(restore_of(&deep), Restore::None);
    assert_eq!(remote.restore(&deep, 2, Tier::Bulk).unwrap(), RestoreAnswer::Accepted);
    assert_eq!(restore_of(&deep), Restore::Ongoing);
    assert_eq!(remote.restore(&deep, 2, Tier::Bulk).unwrap(), RestoreAnswer::Ongoing);
    // Faster, for the same days: another request that costs.
    assert_eq!(remote.restore(&deep, 2, Tier::Standard).unwrap(), RestoreAnswer::Accepted);
    assert!(matches!(remote.get(&deep, 100), Err(RemoteError::Frozen { .. })));
    advance(13 * HOUR);
    let Restore::Until(first) = restore_of(&deep) else { panic!("restored within its time") };
    assert_eq!(first % 86_400, 0, "copies end at midnight");
    assert_eq!(remote.get(&deep, 100).unwrap().0, b"deep");
    advance(26 * HOUR);
    assert_eq!(remote.restore(&deep, 5, Tier::Bulk).unwrap(), RestoreAnswer::Extended);
    assert!(matches!(restore_of(&deep), Restore::Until(later) if later > first));
    advance(7 * 24 * HOUR);
    assert_eq!(restore_of(&deep), Restore::None);
    assert!(matches!(remote.get(&deep, 100), Err(RemoteError::Frozen { .. })));
    assert_eq!(remote.restore(&flexible, 1, Tier::Expedited).unwrap(), RestoreAnswer::Accepted);
    advance(600);
    assert_eq!(remote.get(&flexible, 100).unwrap().0, b"flexible");
    remote.reclass(&flexible, Class::Standard).unwrap();
    advance(72 * HOUR);
    assert_eq!(remote.get(&flexible, 100).unwrap().0, b"flexible");
    for key in [deep, flexible, warm] {
        remote.delete(&key).unwrap();
    }
}

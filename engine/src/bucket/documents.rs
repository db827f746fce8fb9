//! Records, names and what is pinned, which may change on either side: which of two states counts.

use crate::archive::decode_image;
use crate::format::{ImageRecord, NameRecord, PinRecord, Wrapper};
use crate::store::Key;

pub(super) fn hash(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

/// Whether the bytes are those of the record or name that the key says, and if not, why not.
pub(super) fn check(key: &Key, bytes: &[u8]) -> Result<(), String> {
    match key {
        Key::Image(digest) => decode_image(digest, bytes).map(drop).map_err(|error| error.to_string()),
        Key::Name(name) => {
            let record = NameRecord::decode(bytes).map_err(|error| error.to_string())?;
            if &record.name == name { Ok(()) } else { Err(format!("it is the name {}", record.name)) }
        }
        Key::Pin(image) => crate::pin::decode(image, bytes).map(drop).map_err(|error| error.to_string()),
        _ => Err("it is no record and no name".to_owned()),
    }
}

/// Of two states that both came about since they were last the same: whether the far one counts. Both sides decide alike,
/// whatever order they meet in. Neither loses anything: a name that gives way leaves its image where it was, and all states
/// of a record give the same image back.
pub(super) fn far_counts(key: &Key, here: &[u8], far: &[u8]) -> bool {
    match key {
        Key::Name(_) => match (NameRecord::decode(here), NameRecord::decode(far)) {
            (Ok(here), Ok(far)) => (far.updated_at, far.image) > (here.updated_at, here.image),
            (here, _) => here.is_err(),
        },
        Key::Pin(_) => match (PinRecord::decode(here), PinRecord::decode(far)) {
            (Ok(here), Ok(far)) => (far.pinned_at, &far.packs) > (here.pinned_at, &here.packs),
            (here, _) => here.is_err(),
        },
        _ => match (ImageRecord::decode(here), ImageRecord::decode(far)) {
            // Fewer layers that wait for an encoder, then the one that was there first.
            (Ok(here), Ok(far)) => (unsettled(&far), far.archived_at) <= (unsettled(&here), here.archived_at),
            (here, _) => here.is_err(),
        },
    }
}

fn unsettled(record: &ImageRecord) -> usize {
    record.layers().filter(|(_, layer)| matches!(layer.wrapper, Wrapper::Deferred(_))).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Digest;

    fn name(image: u8, updated_at: i64) -> Vec<u8> {
        let image = Digest::from_bytes([image; 32]);
        NameRecord { name: "app:1".parse().unwrap(), image, updated_at }.encode().unwrap()
    }

    #[test]
    fn the_later_name_counts_whoever_asks() {
        let key = Key::Name("app:1".parse().unwrap());
        for (one, other) in [(name(1, 100), name(2, 200)), (name(1, 200), name(2, 200))] {
            assert!(far_counts(&key, &one, &other));
            assert!(!far_counts(&key, &other, &one));
        }
        assert!(far_counts(&key, b"damaged", &name(1, 1)));
    }

    #[test]
    fn what_lies_under_a_wrong_key_is_refused() {
        assert_eq!(check(&Key::Name("app:1".parse().unwrap()), &name(1, 1)), Ok(()));
        let wrong = check(&Key::Name("app:2".parse().unwrap()), &name(1, 1));
        assert_eq!(wrong, Err("it is the name app:1".to_owned()));
        assert!(check(&Key::Image(Digest::from_bytes([1; 32])), b"").is_err());
    }
}

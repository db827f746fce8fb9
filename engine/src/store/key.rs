//! The keyspace: every object of an archive and where it lives, the same on disk and in a bucket.

use std::fmt;

use crate::format::{ImageName, PackClass};
use crate::id::{Digest, PackId};

/// The key of one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// `config`.
    Config,
    /// `packs/<2 hex>/<id>`, `meta/<2 hex>/<id>` or `pinned/<2 hex>/<id>`.
    Pack(PackArea, PackId),
    /// `footers/<2 hex>/<id>`.
    Footer(PackId),
    /// `images/<64 hex>`.
    Image(Digest),
    /// `names/<escaped name>`.
    Name(ImageName),
    /// `pins/<64 hex>`.
    Pin(Digest),
}

/// The areas that packs are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PackArea {
    /// May go cold.
    Data,
    /// Always hot.
    Meta,
    /// Copies of what is in the first, always hot.
    Pinned,
}

impl PackArea {
    /// Where packs of a class live.
    pub fn of(class: PackClass) -> Self {
        match class {
            PackClass::Content | PackClass::Original => PackArea::Data,
            PackClass::Meta => PackArea::Meta,
            PackClass::Pinned => PackArea::Pinned,
        }
    }
}

/// A family of keys that can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Packs of one area.
    Packs(PackArea),
    /// Copies of footers.
    Footers,
    /// Image records.
    Images,
    /// Names.
    Names,
    /// What is pinned, by image.
    Pins,
}

impl Family {
    /// The first component of its keys.
    pub fn prefix(self) -> &'static str {
        match self {
            Family::Packs(PackArea::Data) => "packs",
            Family::Packs(PackArea::Meta) => "meta",
            Family::Packs(PackArea::Pinned) => "pinned",
            Family::Footers => "footers",
            Family::Images => "images",
            Family::Names => "names",
            Family::Pins => "pins",
        }
    }

    /// Whether keys carry a directory of two hexadecimal digits, so that no directory grows large.
    pub(crate) fn is_fanned_out(self) -> bool {
        matches!(self, Family::Packs(_) | Family::Footers)
    }

    /// The key whose last component is `name`, or `None` for a foreign object.
    pub fn key(self, name: &str) -> Option<Key> {
        match self {
            Family::Packs(area) => name.parse().ok().map(|id| Key::Pack(area, id)),
            Family::Footers => name.parse().ok().map(Key::Footer),
            Family::Images => format!("sha256:{name}").parse().ok().map(Key::Image),
            Family::Pins => format!("sha256:{name}").parse().ok().map(Key::Pin),
            Family::Names => ImageName::from_escaped(name).ok().map(Key::Name),
        }
    }
}

impl Key {
    /// The key of a pack of this class.
    pub fn pack(class: PackClass, id: PackId) -> Self {
        Key::Pack(PackArea::of(class), id)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fanned = |f: &mut fmt::Formatter<'_>, family: Family, id: &PackId| {
            let [first, ..] = id.as_bytes();
            write!(f, "{}/{first:02x}/{id}", family.prefix())
        };
        match self {
            Key::Config => f.write_str("config"),
            Key::Pack(area, id) => fanned(f, Family::Packs(*area), id),
            Key::Footer(id) => fanned(f, Family::Footers, id),
            Key::Image(digest) => write!(f, "images/{}", digest.hex()),
            Key::Name(name) => write!(f, "names/{}", name.escaped()),
            Key::Pin(digest) => write!(f, "pins/{}", digest.hex()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_as_documented_and_come_back_from_listings() {
        let pack = PackId::from_bytes([0xab; 32]);
        let hex = "ab".repeat(32);
        let name: ImageName = "team/app:1".parse().unwrap();
        let cases = [
            (Key::pack(PackClass::Content, pack), format!("packs/ab/{hex}"), Family::Packs(PackArea::Data)),
            (Key::pack(PackClass::Original, pack), format!("packs/ab/{hex}"), Family::Packs(PackArea::Data)),
            (Key::pack(PackClass::Meta, pack), format!("meta/ab/{hex}"), Family::Packs(PackArea::Meta)),
            (Key::pack(PackClass::Pinned, pack), format!("pinned/ab/{hex}"), Family::Packs(PackArea::Pinned)),
            (Key::Pin(Digest::from_bytes([0xab; 32])), format!("pins/{hex}"), Family::Pins),
            (Key::Footer(pack), format!("footers/ab/{hex}"), Family::Footers),
            (Key::Image(Digest::from_bytes([0xab; 32])), format!("images/{hex}"), Family::Images),
            (Key::Name(name), "names/team%2Fapp%3A1".to_owned(), Family::Names),
        ];
        for (key, text, family) in cases {
            assert_eq!(key.to_string(), text);
            let last = text.rsplit('/').next().unwrap();
            assert_eq!(family.key(last), Some(key));
            assert_eq!(family.key("README"), None.or(family.key("README").filter(|_| family == Family::Names)));
        }
    }
}

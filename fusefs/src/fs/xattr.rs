//! Extended attributes: which of the image's are shown under which name, and firn's own.

use std::borrow::Cow;

use super::touched::{TOUCHED, touched_text};
use super::{Fs, FsError};
use crate::engine::{Ino, NodeKind, escaped_xattr, unescaped_xattr};

/// Names that firn keeps for itself; an image's own attributes of such names are not shown.
pub const RESERVED_PREFIX: &[u8] = b"user.firn.";

/// Answer to a request that names the size of its buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Xattr<'a> {
    /// The buffer had size 0: the size it needs.
    Size(u32),
    /// The bytes, which fit the buffer.
    Data(Cow<'a, [u8]>),
}

impl Fs {
    /// Value of one attribute, or its size when `size` is 0.
    ///
    /// # Errors
    /// [`FsError::NoXattr`], [`FsError::BufferTooSmall`], [`FsError::NoSuchInode`], a damaged tree.
    pub fn getxattr(&self, ino: Ino, name: &[u8], size: u32) -> Result<Xattr<'_>, FsError> {
        self.watched(ino, || {
            if name.starts_with(RESERVED_PREFIX) {
                let value = self.reserved(ino, name)?.ok_or(FsError::NoXattr)?;
                return sized(value, size, ino);
            }
            // Overlayfs asks for its own marks once per inode: that must not cost a search.
            let Some(stored) = unescaped_xattr(name) else {
                return Err(FsError::NoXattr);
            };
            if !self.tree.node(ino)?.has_xattrs {
                return Err(FsError::NoXattr);
            }
            for xattr in self.tree.xattrs(ino)? {
                let (key, value) = xattr?;
                if key == &*stored {
                    return sized(Cow::Borrowed(value), size, ino);
                }
            }
            Err(FsError::NoXattr)
        })
    }

    /// Names of all attributes, each ended by a NUL, or the size of that list when `size` is 0.
    ///
    /// # Errors
    /// [`FsError::BufferTooSmall`], [`FsError::NoSuchInode`], a damaged tree.
    pub fn listxattr(&self, ino: Ino, size: u32) -> Result<Xattr<'_>, FsError> {
        self.watched(ino, || {
            let mut names = Vec::new();
            if self.tree.node(ino)?.has_xattrs {
                for xattr in self.tree.xattrs(ino)? {
                    if let Some(name) = shown_name(xattr?.0) {
                        names.extend_from_slice(&name);
                        names.push(0);
                    }
                }
            }
            sized(Cow::Owned(names), size, ino)
        })
    }

    fn reserved(&self, ino: Ino, name: &[u8]) -> Result<Option<Cow<'_, [u8]>>, FsError> {
        let node = self.tree.node(ino)?;
        if let (Some(what), NodeKind::File, Some(cold)) = (About::named(name), node.kind, &self.cold) {
            let file = cold.whereabouts(node.content)?;
            let value = match what {
                About::State => Some(file.state.name().to_owned()),
                About::Tier => Some(file.tier),
                About::ThawEta => file.thaw_eta,
            };
            return Ok(value.map(|value| Cow::Owned(value.into_bytes())));
        }
        if let (b"user.firn.traffic", Ino::ROOT, Some(cold)) = (name, ino, &self.cold) {
            return Ok(cold.traffic().map(|text| Cow::Owned(text.into_bytes())));
        }
        if name == TOUCHED {
            let ranges = node.content.map(|content| self.content.touched(content)).unwrap_or_default();
            return Ok(touched_text(&ranges).map(|text| Cow::Owned(text.into_bytes())));
        }
        let mut of_root = self.root_xattrs.iter().filter(|_| ino == Ino::ROOT);
        Ok(of_root.find(|(key, _)| key == name).map(|(_, value)| Cow::Borrowed(value.as_slice())))
    }

    /// Whether an attribute may have to be asked for over the network.
    pub fn is_far_xattr(&self, name: &[u8]) -> bool {
        self.cold.is_some() && About::named(name).is_some()
    }
}

/// What can be asked about where a file is.
enum About {
    State,
    Tier,
    ThawEta,
}

impl About {
    fn named(name: &[u8]) -> Option<About> {
        match name {
            b"user.firn.state" => Some(About::State),
            b"user.firn.tier" => Some(About::Tier),
            b"user.firn.thaw_eta" => Some(About::ThawEta),
            _ => None,
        }
    }
}

fn sized(data: Cow<'_, [u8]>, size: u32, ino: Ino) -> Result<Xattr<'_>, FsError> {
    let too_big = FsError::Corrupt { ino: ino.0, what: "its extended attributes are too large" };
    let len = u32::try_from(data.len()).map_err(|_| too_big)?;
    match size {
        0 => Ok(Xattr::Size(len)),
        size if size < len => Err(FsError::BufferTooSmall),
        _ => Ok(Xattr::Data(data)),
    }
}

/// The name under which a stored attribute is listed; `None` when it is not shown at all.
pub(crate) fn shown_name(stored: &[u8]) -> Option<Cow<'_, [u8]>> {
    if stored.is_empty() || stored.contains(&0) || stored.starts_with(RESERVED_PREFIX) {
        return None;
    }
    Some(escaped_xattr(stored))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cold::{ColdReads, State, Whereabouts};
    use crate::content::ContentError;
    use crate::engine::{ContentRef, PackId};
    use crate::sample::{Damage, PACK, Sample};
    use proptest::prelude::*;
    use std::sync::{Arc, Mutex};

    const OVERLAY_PREFIXES: [&[u8]; 2] = [b"trusted.overlay.", b"user.overlay."];
    const ESCAPE: &[u8] = b"overlay.";

    fn sample() -> (Fs, Ino) {
        let mut sample = Sample::new();
        sample.file("f", b"");
        sample.file("bare", b"");
        let long = [b'v'; 300];
        for (name, value) in [
            (&b"user.mime"[..], &b"text/plain"[..]),
            (b"user.empty", b""),
            (b"security.capability", &[1, 0, 0, 2]),
            (b"user.long", &long),
            (b"trusted.overlay.opaque", b"y"),
            (b"trusted.overlay.overlay.redirect", b"/twice"),
            (b"user.overlay.whiteout", b""),
            (b"user.firn.image", b"forged"),
        ] {
            sample.xattr("f", name, value);
        }
        sample.xattr(".", b"user.firn.image", b"forged");
        let fs = sample.fs().with_root_xattr("image", b"sha256:abc");
        let f = fs.lookup(Ino::ROOT, b"f").unwrap().unwrap().ino;
        (fs, f)
    }

    fn names(fs: &Fs, ino: Ino) -> Vec<String> {
        let Xattr::Data(list) = fs.listxattr(ino, u32::MAX).unwrap() else { panic!("not data") };
        let text = String::from_utf8(list.into_owned()).unwrap();
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    fn value(fs: &Fs, ino: Ino, name: &str) -> Result<Vec<u8>, i32> {
        match fs.getxattr(ino, name.as_bytes(), u32::MAX) {
            Ok(Xattr::Data(data)) => Ok(data.into_owned()),
            Ok(Xattr::Size(size)) => panic!("size {size} not asked for"),
            Err(error) => Err(error.errno()),
        }
    }

    #[test]
    fn overlay_marks_are_escaped_and_reserved_names_hidden() {
        let (fs, f) = sample();
        let want = [
            "user.mime",
            "user.empty",
            "security.capability",
            "user.long",
            "trusted.overlay.overlay.opaque",
            "trusted.overlay.overlay.overlay.redirect",
            "user.overlay.overlay.whiteout",
        ];
        let mut listed = names(&fs, f);
        listed.sort();
        let mut sorted = want.to_vec();
        sorted.sort_unstable();
        assert_eq!(listed, sorted);
        for name in want {
            assert!(value(&fs, f, name).is_ok(), "{name} is listed and must be readable");
        }
        assert_eq!(value(&fs, f, "trusted.overlay.overlay.opaque").unwrap(), b"y");
        for raw in [
            "trusted.overlay.opaque",
            "trusted.overlay.metacopy",
            "user.overlay.whiteout",
            "trusted.overlay.overlay.redirect",
            "user.firn.image",
            "user.none",
        ] {
            assert_eq!(value(&fs, f, raw), Err(libc::ENODATA), "{raw}");
        }
    }

    #[test]
    fn sizes_follow_the_protocol() {
        let (fs, f) = sample();
        assert_eq!(fs.getxattr(f, b"user.long", 0).unwrap(), Xattr::Size(300));
        assert!(matches!(fs.getxattr(f, b"user.long", 299), Err(FsError::BufferTooSmall)));
        assert!(matches!(fs.getxattr(f, b"user.long", 300), Ok(Xattr::Data(v)) if v.len() == 300));
        assert_eq!(value(&fs, f, "user.empty").unwrap(), b"");
        let Xattr::Size(need) = fs.listxattr(f, 0).unwrap() else { panic!("not a size") };
        assert!(matches!(fs.listxattr(f, need - 1), Err(FsError::BufferTooSmall)));
        assert!(matches!(fs.listxattr(f, need), Ok(Xattr::Data(v)) if v.len() == need as usize));
        let bare = fs.lookup(Ino::ROOT, b"bare").unwrap().unwrap().ino;
        assert_eq!(fs.listxattr(bare, 0).unwrap(), Xattr::Size(0));
        assert_eq!(value(&fs, bare, "user.mime"), Err(libc::ENODATA));
        assert!(matches!(fs.listxattr(Ino(99), 0), Err(FsError::NoSuchInode(99))));
        assert!(matches!(fs.getxattr(Ino(99), b"user.firn.image", 0), Err(FsError::NoSuchInode(99))));
    }

    #[test]
    fn own_attributes_are_on_the_root_and_never_listed() {
        let (fs, f) = sample();
        assert_eq!(value(&fs, Ino::ROOT, "user.firn.image").unwrap(), b"sha256:abc");
        assert_eq!(value(&fs, Ino::ROOT, "user.firn.other"), Err(libc::ENODATA));
        assert_eq!(value(&fs, f, "user.firn.image"), Err(libc::ENODATA));
        assert_eq!(names(&fs, Ino::ROOT), Vec::<String>::new());
    }

    /// Tells of two files, one of them asleep, and remembers what was read of it.
    struct Asleep(Mutex<Vec<PackId>>);

    impl ColdReads for Asleep {
        fn asleep(&self, pack: PackId) {
            self.0.lock().unwrap().push(pack);
        }

        fn is_awake(&self, _: PackId) -> bool {
            false
        }

        fn whereabouts(&self, content: Option<ContentRef>) -> Result<Whereabouts, ContentError> {
            Ok(match content {
                None => Whereabouts { state: State::Hot, tier: "local".into(), thaw_eta: None },
                Some(_) => Whereabouts {
                    state: State::Thawing,
                    tier: "deep-archive".into(),
                    thaw_eta: Some("2026-01-03T00:00:00Z".into()),
                },
            })
        }
    }

    #[test]
    fn files_say_where_they_are_and_copies_of_them_do_not() {
        let mut sample = Sample::new();
        sample.file("cold", b"12345");
        sample.damage("cold", Damage::Frozen);
        sample.file("empty", b"");
        sample.symlink("link", b"cold");
        sample.xattr("empty", b"user.firn.state", b"forged");
        let cold = Arc::new(Asleep(Mutex::default()));
        let fs = sample.fs().with_cold_reads(cold.clone());
        let ino = |name: &str| fs.lookup(Ino::ROOT, name.as_bytes()).unwrap().unwrap().ino;
        let of =
            |name: &str| ["state", "tier", "thaw_eta"].map(|what| value(&fs, ino(name), &format!("user.firn.{what}")));
        let text = |text: &str| Ok(text.as_bytes().to_vec());
        assert_eq!(of("cold"), [text("thawing"), text("deep-archive"), text("2026-01-03T00:00:00Z")]);
        assert_eq!(of("empty"), [text("hot"), text("local"), Err(libc::ENODATA)]);
        assert_eq!(of("link"), [(); 3].map(|()| Err(libc::ENODATA)));
        assert_eq!(fs.getxattr(ino("cold"), b"user.firn.state", 0).unwrap(), Xattr::Size(7));
        for name in ["cold", "empty"] {
            assert_eq!(names(&fs, ino(name)), Vec::<String>::new(), "{name}");
        }
        assert!(fs.is_far_xattr(b"user.firn.tier") && !fs.is_far_xattr(b"user.firn.image"));
        // Who looks after cold reads hears of them, and of nothing else.
        assert!(cold.0.lock().unwrap().is_empty());
        assert_eq!(fs.read(ino("cold"), 0, &mut [0; 4]).unwrap_err().errno(), libc::EREMOTEIO);
        assert_eq!(fs.read(ino("empty"), 0, &mut [0; 4]).unwrap(), 0);
        assert_eq!(*cold.0.lock().unwrap(), [PACK]);
        // Without anybody who knows, nothing is said.
        let (fs, f) = self::sample();
        assert!(!fs.is_far_xattr(b"user.firn.state"));
        assert_eq!(value(&fs, f, "user.firn.state"), Err(libc::ENODATA));
    }

    #[test]
    fn names_that_would_break_the_list_are_left_out() {
        for bad in [&b""[..], b"user.a\0b", b"\0", b"user.firn.", b"user.firn.image"] {
            assert_eq!(shown_name(bad), None);
        }
        assert_eq!(shown_name(b"user.firn").as_deref(), Some(&b"user.firn"[..]));
    }

    proptest! {
        #[test]
        fn every_shown_name_leads_back_to_its_attribute(
            prefix in prop::sample::select(vec!["", "user.", "trusted.overlay.", "user.overlay.",
                                                "trusted.overlay.overlay.", "user.firn."]),
            rest in "[a-z.]{0,12}",
        ) {
            let name = format!("{prefix}{rest}");
            if let Some(shown) = shown_name(name.as_bytes()) {
                let back = unescaped_xattr(&shown).map(Cow::into_owned);
                prop_assert_eq!(back.as_deref(), Some(name.as_bytes()));
                for raw in OVERLAY_PREFIXES {
                    if let Some(rest) = shown.strip_prefix(raw) {
                        prop_assert!(rest.starts_with(ESCAPE), "{} would reach overlayfs raw", name);
                    }
                }
            }
        }
    }
}

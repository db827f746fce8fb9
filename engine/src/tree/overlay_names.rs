//! Names of extended attributes that would mean something to an overlay mounted over a tree.
//!
//! Handed out as they are, an image could plant whiteouts, redirects and metadata-only files into that overlay. They are shown the
//! way overlayfs itself shows them for a layer inside a layer: `trusted.overlay.x` as `trusted.overlay.overlay.x`.

use std::borrow::Cow;

/// Names with which overlayfs marks its layers.
const PREFIXES: [&[u8]; 2] = [b"trusted.overlay.", b"user.overlay."];
const ESCAPE: &[u8] = b"overlay.";

/// The name under which an image's attribute is handed out.
pub fn escaped_xattr(stored: &[u8]) -> Cow<'_, [u8]> {
    for prefix in PREFIXES {
        if let Some(rest) = stored.strip_prefix(prefix) {
            return Cow::Owned([prefix, ESCAPE, rest].concat());
        }
    }
    Cow::Borrowed(stored)
}

/// The inverse of [`escaped_xattr`]: the stored name that a caller means, if there can be one.
pub fn unescaped_xattr(shown: &[u8]) -> Option<Cow<'_, [u8]>> {
    for prefix in PREFIXES {
        if let Some(rest) = shown.strip_prefix(prefix) {
            return rest.strip_prefix(ESCAPE).map(|rest| Cow::Owned([prefix, rest].concat()));
        }
    }
    Some(Cow::Borrowed(shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_overlayfs_raw() {
        assert_eq!(*escaped_xattr(b"user.note"), *b"user.note");
        assert_eq!(*escaped_xattr(b"trusted.overlay.opaque"), *b"trusted.overlay.overlay.opaque");
        assert_eq!(*escaped_xattr(b"user.overlay.overlay.redirect"), *b"user.overlay.overlay.overlay.redirect");
    }
}

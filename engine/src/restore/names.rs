//! Names of extended attributes, safe to hand out.

use std::borrow::Cow;

/// Names with which overlayfs marks its layers. As they are, an image could plant whiteouts and redirects into an overlay that
/// somebody mounts over the restored tree, so they are written the way overlayfs itself stores them for a layer inside a
/// layer: `trusted.overlay.x` as `trusted.overlay.overlay.x`. Mounts show them so, too.
const OVERLAY: [&[u8]; 2] = [b"trusted.overlay.", b"user.overlay."];

/// The name under which an attribute of an image is restored.
pub(super) fn restored(stored: &[u8]) -> Cow<'_, [u8]> {
    for prefix in OVERLAY {
        if let Some(rest) = stored.strip_prefix(prefix) {
            return Cow::Owned([prefix, b"overlay.", rest].concat());
        }
    }
    Cow::Borrowed(stored)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_overlayfs_raw() {
        assert_eq!(*restored(b"user.note"), *b"user.note");
        assert_eq!(*restored(b"trusted.overlay.opaque"), *b"trusted.overlay.overlay.opaque");
        assert_eq!(*restored(b"user.overlay.overlay.redirect"), *b"user.overlay.overlay.overlay.redirect");
    }
}

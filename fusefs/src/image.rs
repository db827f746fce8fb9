//! An opened image as the content behind a mount.

use std::ops::Range;

use firn_engine::read::OpenImage;
use firn_engine::{Error, ErrorKind, with_causes};

use crate::content::{Content, ContentError};
use crate::engine::ContentRef;

impl Content for OpenImage {
    fn read_stored(&self, content: ContentRef, offset: u64, buf: &mut [u8]) -> Result<(), ContentError> {
        OpenImage::read_stored(self, content, offset, buf).map_err(|error| {
            let what = with_causes(&error);
            if let Some(pack) = error.frozen_pack() {
                return ContentError::Frozen { what, pack };
            }
            match (&error, error.kind()) {
                (Error::MissingChunk { .. }, _) => ContentError::Missing { what },
                (_, ErrorKind::Damaged) => ContentError::Corrupt { what },
                _ => ContentError::Io { what, source: std::io::Error::other(error) },
            }
        })
    }

    fn is_hot(&self, content: ContentRef, offset: u64, len: u64) -> bool {
        self.is_in_memory(content, offset, len)
    }

    fn touched(&self, content: ContentRef) -> Vec<Range<u64>> {
        OpenImage::touched(self, content)
    }
}

//! What is known of one object, one upload and one part: plain data, as the journal holds it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::digest::Checksum;
use crate::restore::{Restore, Standing, standing};
use crate::time::Time;

/// Names one file of body bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BodyId(pub u64);

/// A run of bytes inside one body file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// The file.
    pub body: BodyId,
    /// Where the run starts in it.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u64,
}

/// The run `from..to` of a body made of `extents`.
pub fn slice(extents: &[Extent], from: u64, to: u64) -> Vec<Extent> {
    let mut at = 0u64;
    let mut run = Vec::new();
    for extent in extents {
        let (start, end) = (from.max(at), to.min(at + extent.len));
        if start < end {
            run.push(Extent { body: extent.body, offset: extent.offset + (start - at), len: end - start });
        }
        at += extent.len;
    }
    run
}

/// What a client says about an object besides its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Meta {
    /// `Content-Type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `Content-Encoding`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// `Content-Disposition`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    /// `Content-Language`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// `Cache-Control`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// `x-amz-meta-…`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub user: BTreeMap<String, String>,
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Its ETag without quotes: MD5, or MD5 of MD5s with the number of parts.
    pub etag: String,
    /// Bytes.
    pub size: u64,
    /// Its storage class.
    pub class: Class,
    /// Since when it is in that class: the minimum duration counts from here.
    pub since: Time,
    /// `Last-Modified`.
    pub modified: Time,
    /// Its bytes.
    pub extents: Vec<Extent>,
    /// What the client said about it.
    pub meta: Meta,
    /// Its checksum.
    pub checksum: Option<Checksum>,
    /// Its last restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<Restore>,
}

impl Object {
    /// Where its restore stands.
    pub fn standing(&self, now: Time) -> Standing {
        if self.class.is_archive() { standing(self.restore.as_ref(), now) } else { Standing::None }
    }
}

/// One part of an unfinished upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// MD5 in hex.
    pub etag: String,
    /// Bytes.
    pub size: u64,
    /// When it was uploaded.
    pub stored: Time,
    /// Its bytes.
    pub extents: Vec<Extent>,
    /// Its checksum.
    pub checksum: Option<Checksum>,
}

/// An unfinished multipart upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Where the object will be.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Its class.
    pub class: Class,
    /// What the client said about it.
    pub meta: Meta,
    /// The checksum asked for: algorithm, and whether over the whole object.
    pub checksum: Option<(crate::digest::Algorithm, bool)>,
    /// When it was begun.
    pub begun: Time,
    /// Its parts by number.
    pub parts: BTreeMap<u16, Part>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_of_extents() {
        let extents = [
            Extent { body: BodyId(1), offset: 10, len: 5 },
            Extent { body: BodyId(2), offset: 0, len: 3 },
            Extent { body: BodyId(3), offset: 7, len: 4 },
        ];
        assert_eq!(slice(&extents, 0, 12), extents);
        assert_eq!(
            slice(&extents, 4, 9),
            [
                Extent { body: BodyId(1), offset: 14, len: 1 },
                Extent { body: BodyId(2), offset: 0, len: 3 },
                Extent { body: BodyId(3), offset: 7, len: 1 },
            ]
        );
        assert_eq!(slice(&extents, 5, 5), []);
        assert_eq!(slice(&extents, 8, 100), [extents[2]]);
    }
}

//! The S3 operations this server answers, and the price group each request falls into.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! ops {
    ($($name:ident => $group:ident),* $(,)?) => {
        /// An S3 operation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "the names are the S3 API's own")]
        pub enum Op { $($name),* }

        impl Op {
            /// All of them.
            pub const ALL: &'static [Op] = &[$(Op::$name),*];

            /// Its name in the S3 API.
            pub fn name(self) -> &'static str {
                match self { $(Op::$name => stringify!($name)),* }
            }

            /// The price group its requests fall into.
            pub fn group(self) -> Group {
                match self { $(Op::$name => Group::$group),* }
            }
        }
    };
}

ops! {
    ListBuckets => Put, CreateBucket => Put, HeadBucket => Get, GetBucketLocation => Get, DeleteBucket => Free,
    PutObject => Put, GetObject => Get, HeadObject => Get, DeleteObject => Free, DeleteObjects => Free,
    CopyObject => Put, RestoreObject => Restore, ListObjects => Put, ListObjectsV2 => Put,
    CreateMultipartUpload => Put, UploadPart => Put, UploadPartCopy => Put, CompleteMultipartUpload => Put,
    AbortMultipartUpload => Free, ListParts => Put, ListMultipartUploads => Put,
}

/// A price group of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Group {
    /// "PUT, COPY, POST, LIST".
    Put,
    /// "GET, SELECT and all other requests".
    Get,
    /// DELETE, aborts: not billed.
    Free,
    /// RestoreObject: billed by class and tier, and only when accepted.
    Restore,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No operation of this server has that name.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no operation of this server (GetObject, RestoreObject, …)")]
pub struct UnknownOp(String);

impl FromStr for Op {
    type Err = UnknownOp;

    fn from_str(text: &str) -> Result<Op, UnknownOp> {
        Op::ALL.iter().copied().find(|op| op.name() == text).ok_or_else(|| UnknownOp(text.to_owned()))
    }
}

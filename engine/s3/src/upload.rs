//! What is sent: bytes or a file, with its SHA-256, which the server checks on arrival and keeps.

use std::io;
use std::path::Path;

use aws_sdk_s3::primitives::{ByteStream, ByteStreamError};
use firn_engine::store::{Body, HashedFile};
use sha2::{Digest as _, Sha256};

/// A body on its way to the server; can be sent any number of times.
pub(crate) struct Upload<'b> {
    source: Source<'b>,
    len: u64,
    sha256: [u8; 32],
}

enum Source<'b> {
    Bytes(&'b [u8]),
    File(&'b Path),
}

impl<'b> Upload<'b> {
    pub(crate) fn of(body: Body<'b>) -> io::Result<Self> {
        match body {
            Body::Bytes(bytes) => Ok(Upload {
                source: Source::Bytes(bytes),
                len: bytes.len() as u64,
                sha256: Sha256::digest(bytes).into(),
            }),
            Body::File(path) => Ok(Self::of_file(HashedFile::read(path)?)),
            Body::Hashed(file) => Ok(Self::of_file(*file)),
        }
    }

    fn of_file(HashedFile { path, len, sha256 }: HashedFile<'b>) -> Self {
        Upload { source: Source::File(path), len, sha256: *sha256.as_bytes() }
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// Whether these are the bytes that are to be sent.
    pub(crate) fn is_of(&self, bytes: &[u8]) -> bool {
        <[u8; 32]>::from(Sha256::digest(bytes)) == self.sha256
    }

    pub(crate) async fn stream(&self) -> Result<ByteStream, ByteStreamError> {
        match self.source {
            Source::Bytes(bytes) => Ok(ByteStream::from(bytes.to_vec())),
            // Without a length, somebody else's appending to the file would change what is sent.
            Source::File(path) => {
                ByteStream::read_from()
                    .path(path)
                    .buffer_size(256 << 10)
                    .length(aws_sdk_s3::primitives::Length::Exact(self.len))
                    .build()
                    .await
            }
        }
    }
}

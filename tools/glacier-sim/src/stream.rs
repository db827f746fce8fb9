//! A body that another task feeds through a short channel: memory stays bounded by what is in it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use s3s::StdError;
use s3s::stream::{ByteStream, RemainingLength};
use tokio::sync::mpsc;

/// Pieces in flight between the feeding task and the reader.
const DEPTH: usize = 2;

/// The reading end.
pub struct Fed {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    left: u64,
}

/// A channel for a body of `len` bytes.
pub fn fed(len: u64) -> (mpsc::Sender<io::Result<Bytes>>, Fed) {
    let (sender, pieces) = mpsc::channel(DEPTH);
    (sender, Fed { pieces, left: len })
}

impl Stream for Fed {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pieces.poll_recv(cx).map(|piece| {
            let piece = piece?;
            if let Ok(bytes) = &piece {
                self.left = self.left.saturating_sub(bytes.len() as u64);
            }
            Some(piece.map_err(Into::into))
        })
    }
}

impl ByteStream for Fed {
    fn remaining_length(&self) -> RemainingLength {
        usize::try_from(self.left).map_or_else(|_| RemainingLength::unknown(), RemainingLength::new_exact)
    }
}

/// The next item of a stream.
pub async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    std::future::poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)).await
}

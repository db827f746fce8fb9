//! The `aws-chunked` transfer form, for servers that check no signatures: chunk signatures are skipped, trailers kept.
//! (With a key, `s3s` decodes and verifies it.)

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf as _, Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::mpsc::Sender;

use crate::stream::{Fed, fed};

/// The longest chunk header or trailer line.
const MAX_LINE: usize = 4096;
/// The most trailer lines.
const MAX_TRAILERS: usize = 32;
/// The longest chunk; S3 has no such bound, clients send up to 1 MiB.
const MAX_CHUNK: u64 = 1 << 30;

/// Trailers of a body; complete once the body has ended.
#[derive(Clone, Debug, Default)]
pub struct Trailers(Arc<Mutex<HeaderMap>>);

impl Trailers {
    /// The value of a trailer.
    pub fn get(&self, name: &str) -> Option<String> {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        map.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    }
}

/// Decodes `body`, which says it holds `len` bytes.
pub fn decode<B>(body: B, len: u64) -> (Fed, Trailers)
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let (sender, stream) = fed(len);
    let trailers = Trailers::default();
    let map = trailers.clone();
    tokio::spawn(async move {
        let mut source = Source { body, buffer: BytesMut::new() };
        if let Err(error) = source.pump(&sender, &map).await {
            let _ = sender.send(Err(error)).await;
        }
    });
    (stream, trailers)
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("aws-chunked body: {what}"))
}

struct Source<B> {
    body: B,
    buffer: BytesMut,
}

impl<B> Source<B>
where
    B: Body<Data = Bytes> + Send + Unpin,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    async fn pump(&mut self, sender: &Sender<io::Result<Bytes>>, trailers: &Trailers) -> io::Result<()> {
        loop {
            let mut left = chunk_len(&self.line().await?)?;
            if left == 0 {
                return self.trailers(trailers).await;
            }
            while left > 0 {
                if self.buffer.is_empty() {
                    self.more().await?;
                }
                let take = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
                left -= take as u64;
                let piece = self.buffer.split_to(take).freeze();
                sender.send(Ok(piece)).await.map_err(|_| io::Error::other("nobody reads on"))?;
            }
            if !self.line().await?.is_empty() {
                return Err(malformed("no line end after a chunk"));
            }
        }
    }

    async fn trailers(&mut self, trailers: &Trailers) -> io::Result<()> {
        for _ in 0..MAX_TRAILERS {
            let line = match self.line().await {
                // Some clients leave out the last empty line.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                line => line?,
            };
            if line.is_empty() {
                return Ok(());
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed("a trailer without a colon"))?;
            let name = HeaderName::try_from(name.trim()).map_err(|_| malformed("a trailer's name"))?;
            let value = HeaderValue::try_from(value.trim()).map_err(|_| malformed("a trailer's value"))?;
            trailers.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, value);
        }
        Err(malformed("too many trailers"))
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let mut line = self.buffer.split_to(end);
                self.buffer.advance(1);
                if line.ends_with(b"\r") {
                    line.truncate(line.len() - 1);
                }
                return String::from_utf8(line.to_vec()).map_err(|_| malformed("a line is not text"));
            }
            if self.buffer.len() > MAX_LINE {
                return Err(malformed("a line is too long"));
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> io::Result<()> {
        loop {
            let frame = self.body.frame().await.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
            if let Ok(data) = frame.map_err(io::Error::other)?.into_data()
                && !data.is_empty()
            {
                self.buffer.extend_from_slice(&data);
                return Ok(());
            }
        }
    }
}

fn chunk_len(line: &str) -> io::Result<u64> {
    let digits = line.split(';').next().unwrap_or_default().trim();
    let len = u64::from_str_radix(digits, 16).map_err(|_| malformed("a chunk's length"))?;
    if len > MAX_CHUNK { Err(malformed("a chunk is too long")) } else { Ok(len) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::next;

    async fn decoded(text: &'static [u8], piece: usize) -> Result<(Vec<u8>, Option<String>), String> {
        let (sender, source) = fed(text.len() as u64);
        tokio::spawn(async move {
            for part in text.chunks(piece) {
                sender.send(Ok(Bytes::from_static(part))).await.unwrap();
            }
        });
        let body = s3s::Body::from(Box::pin(source) as s3s::stream::DynByteStream);
        let body = http_body_util::BodyExt::map_err(body, io::Error::other);
        let (mut stream, trailers) = decode(body, 0);
        let mut all = Vec::new();
        while let Some(bytes) = next(&mut stream).await {
            all.extend_from_slice(&bytes.map_err(|e| e.to_string())?);
        }
        Ok((all, trailers.get("x-amz-checksum-crc32")))
    }

    #[tokio::test]
    async fn bodies_in_pieces_of_any_size() {
        let text = b"4;chunk-signature=ab\r\nabcd\r\n10\r\n0123456789abcdef\r\n0\r\nx-amz-checksum-crc32:AA==\r\n\r\n";
        for piece in [1, 2, 7, 1000] {
            let (body, trailer) = decoded(text, piece).await.unwrap();
            assert_eq!(body, b"abcd0123456789abcdef");
            assert_eq!(trailer.as_deref(), Some("AA=="));
        }
    }

    #[tokio::test]
    async fn nonsense_is_an_error() {
        for text in [
            &b"zz\r\nabcd"[..],
            b"4\r\nabcdXX\r\n0\r\n\r\n",
            b"4\r\nab",
            b"ffffffffffffffffff\r\n",
            b"7fffffffffffffff\r\na",
            b"0\r\nno colon\r\n\r\n",
        ] {
            assert!(decoded(text, 3).await.is_err(), "{}", String::from_utf8_lossy(text));
        }
    }
}

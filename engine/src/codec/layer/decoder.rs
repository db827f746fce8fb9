use std::io::{self, Read};

use super::gzip::{GzipStream, Part};
use super::sniff::SNIFF_LEN;
use super::zstd::ZstdStream;
use super::{Compression, DecodeLimits, Input, LayerError};

/// What a decoder has seen so far; final once it has returned zero bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DecodeStats {
    /// Bytes of the blob consumed.
    pub compressed: u64,
    /// Bytes decoded.
    pub decoded: u64,
    /// gzip members or zstd frames (skippable ones too) that were complete.
    pub members: u64,
    /// Bytes after the last gzip member, padding or garbage.
    pub trailing: u64,
}

/// A layer blob read as what it decodes to.
///
/// Memory is constant: 256 KiB of input, the inflater's 32 KiB window or zstd's up to the limit; output goes straight
/// into the caller's buffer, which should be 64 KiB or more.
pub struct LayerDecoder<R> {
    input: Input<R>,
    codec: Codec,
    limits: DecodeLimits,
    stats: DecodeStats,
    failed: bool,
}

enum Codec {
    Plain,
    Gzip(Box<GzipStream>),
    Zstd(Box<ZstdStream>),
}

/// Starts decoding a layer blob, whatever it is compressed with.
///
/// Reads a first buffer from `input` to tell the format.
///
/// # Errors
/// When `input` fails or there is no memory for a decoder.
pub fn decoder<R: Read>(input: R, limits: DecodeLimits) -> Result<LayerDecoder<R>, LayerError> {
    let mut input = Input::new(input);
    input.fill_to(SNIFF_LEN)?;
    let codec = match Compression::sniff(input.unread()) {
        Compression::None => Codec::Plain,
        Compression::Gzip => Codec::Gzip(Box::new(GzipStream::new())),
        Compression::Zstd => Codec::Zstd(Box::new(ZstdStream::new(limits.zstd_window_log)?)),
    };
    Ok(LayerDecoder { input, codec, limits, stats: DecodeStats::default(), failed: false })
}

impl<R: Read> LayerDecoder<R> {
    /// What the blob is compressed with.
    #[must_use]
    pub fn compression(&self) -> Compression {
        match self.codec {
            Codec::Plain => Compression::None,
            Codec::Gzip(_) => Compression::Gzip,
            Codec::Zstd(_) => Compression::Zstd,
        }
    }

    /// Counts so far.
    #[must_use]
    pub fn stats(&self) -> DecodeStats {
        self.stats
    }

    /// Decodes into `out`; returns how many bytes, zero only at the end of the blob (or for an empty `out`).
    ///
    /// # Errors
    /// Damage, truncation and limits, named by [`LayerError`]. After an error the decoder only repeats that it failed.
    pub fn decode(&mut self, out: &mut [u8]) -> Result<usize, LayerError> {
        if self.failed {
            let (format, offset) = (self.compression(), self.stats.compressed);
            return Err(LayerError::Damaged { format, offset, detail: "decoding had already failed" });
        }
        let decoded = self.decode_some(out);
        self.failed = decoded.is_err();
        decoded
    }

    fn decode_some(&mut self, out: &mut [u8]) -> Result<usize, LayerError> {
        if out.is_empty() {
            return Ok(0);
        }
        let produced = match &mut self.codec {
            Codec::Plain => {
                let n = self.input.pass_through(out)?;
                self.stats.compressed += n as u64;
                n
            }
            Codec::Gzip(gzip) => inflate(gzip, &mut self.input, out, &mut self.stats)?,
            Codec::Zstd(zstd) => decompress(zstd, &mut self.input, out, &mut self.stats)?,
        };
        self.stats.decoded += produced as u64;
        match self.codec {
            // What is not compressed has no ratio to be held to.
            Codec::Plain if self.stats.decoded <= self.limits.max_decoded => {}
            _ => self.limits.check(self.stats.decoded, self.stats.compressed)?,
        }
        Ok(produced)
    }
}

fn inflate<R: Read>(
    gzip: &mut GzipStream,
    input: &mut Input<R>,
    out: &mut [u8],
    stats: &mut DecodeStats,
) -> Result<usize, LayerError> {
    loop {
        let step = gzip.step(input.unread(), out, input.eof())?;
        input.consume(step.consumed);
        (stats.compressed, stats.members) = (gzip.offset(), gzip.members());
        if step.part == Part::Trailing {
            stats.trailing += step.consumed as u64;
        }
        if step.produced > 0 || step.part == Part::End {
            return Ok(step.produced);
        }
        if !step.complete && !input.eof() {
            input.fill()?;
        }
    }
}

fn decompress<R: Read>(
    zstd: &mut ZstdStream,
    input: &mut Input<R>,
    out: &mut [u8],
    stats: &mut DecodeStats,
) -> Result<usize, LayerError> {
    loop {
        let (consumed, produced, end) = zstd.step(input.unread(), out, input.eof())?;
        input.consume(consumed);
        (stats.compressed, stats.members) = (zstd.offset(), zstd.frames());
        if produced > 0 || end {
            return Ok(produced);
        }
        if input.unread().is_empty() && !input.eof() {
            input.fill()?;
        }
    }
}

impl<R: Read> Read for LayerDecoder<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        Ok(self.decode(out)?)
    }
}

use std::io::Write;

use super::recipe::{ZstdPart, ZstdRecipe};
use super::running::RunningEncoder;
use crate::recompress::EncodeError;

/// A recipe being carried out.
pub(in super::super) struct Plan {
    parts: std::vec::IntoIter<ZstdPart>,
    encoder: Option<RunningEncoder>,
    open: Option<OpenFrame>,
    expected: u64,
}

struct OpenFrame {
    left: u64,
    ends_alone: bool,
}

impl Plan {
    pub(in super::super) fn new(recipe: ZstdRecipe) -> Self {
        let expected = recipe.parts.iter().map(decoded_len).fold(0, u64::saturating_add);
        Self { parts: recipe.parts.into_iter(), encoder: None, open: None, expected }
    }

    pub(in super::super) fn push(&mut self, mut data: &[u8], out: &mut impl Write) -> Result<(), EncodeError> {
        while !data.is_empty() {
            self.advance(out)?;
            let (Some(open), Some(encoder)) = (&mut self.open, &mut self.encoder) else {
                return Err(EncodeError::TooLong { expected: self.expected });
            };
            let n = usize::try_from(open.left).map_or(data.len(), |left| left.min(data.len()));
            let (now, later) = data.split_at(n);
            open.left -= n as u64;
            encoder.push(now, &mut |bytes| write(out, bytes))?;
            data = later;
        }
        Ok(())
    }

    /// Gets to the frame that the next byte belongs to; those that are complete are ended, those without content written whole.
    fn advance(&mut self, out: &mut impl Write) -> Result<(), EncodeError> {
        while self.open.as_ref().is_none_or(|open| open.left == 0) {
            if let (Some(open), Some(encoder)) = (self.open.take(), &mut self.encoder) {
                encoder.finish(open.ends_alone, &mut |bytes| write(out, bytes))?;
            }
            match self.parts.next() {
                None => return Ok(()),
                Some(ZstdPart::Literal(bytes)) => out.write_all(&bytes)?,
                Some(ZstdPart::Frame { encoder, len }) => {
                    RunningEncoder::start(&mut self.encoder, encoder, Some(len))?;
                    self.open = Some(OpenFrame { left: len, ends_alone: encoder.ends_alone() });
                }
            }
        }
        Ok(())
    }

    pub(in super::super) fn finish(&mut self, out: &mut impl Write) -> Result<(), EncodeError> {
        self.advance(out)?;
        let Some(open) = &self.open else { return Ok(()) };
        let missing = self.parts.as_slice().iter().map(decoded_len).fold(open.left, u64::saturating_add);
        Err(EncodeError::TooShort { missing })
    }
}

fn decoded_len(part: &ZstdPart) -> u64 {
    match part {
        ZstdPart::Frame { len, .. } => *len,
        ZstdPart::Literal(_) => 0,
    }
}

fn write(out: &mut impl Write, bytes: &[u8]) -> Result<(), EncodeError> {
    out.write_all(bytes).map_err(EncodeError::Write)
}

//! The deflate of `klauspost/compress` and the parts of `klauspost/pgzip`, bit for bit.

mod alphabet;
mod block;
mod estimate;
mod fast;
mod header;
mod history;
mod huffman;
mod lazy;
mod params;
mod part;
#[cfg(test)]
mod samples;
mod sort;
mod symbols;
mod table;
mod tokens;

pub use params::{Framing, Params, Revision};

use part::Part;

/// Writes the raw deflate stream that `klauspost/compress/flate` or `klauspost/pgzip` writes.
pub struct Encoder {
    part: Part,
    part_size: Option<usize>,
    /// Bytes of the current part.
    len: usize,
}

impl Encoder {
    /// `None` if the parameters make no encoder.
    #[must_use]
    pub fn new(params: Params) -> Option<Self> {
        let part_size = match params.framing() {
            Framing::Plain => None,
            Framing::Parallel(size) => Some(size as usize),
        };
        Some(Self { part: Part::new(params)?, part_size, len: 0 })
    }

    /// Takes `input` and appends to `out` what is ready. How the input is cut makes no difference to the stream.
    pub fn write(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        let Some(size) = self.part_size else {
            return self.part.write(input, out);
        };
        while !input.is_empty() {
            let (now, later) = input.split_at(input.len().min(size - self.len));
            self.part.write(now, out);
            self.len += now.len();
            input = later;
            if self.len == size {
                self.part.end(out);
                self.part.mark(out);
                self.part.restart();
                self.len = 0;
            }
        }
    }

    /// Appends the rest of the stream to `out`.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.part.end(out);
        if self.part_size.is_some() {
            self.part.mark(out);
        }
        self.part.last(out);
    }
}

#[cfg(test)]
mod tests;

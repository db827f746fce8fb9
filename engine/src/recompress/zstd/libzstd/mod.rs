//! libzstd, run as the `zstd` program runs it.
//!
//! What decides about its output and is easy to overlook: whether workers compress (the program's default: jobs that see only a
//! part of the window before them, and blocks that are cut in 512 KiB at a time), whether the content's length was known from
//! the start (smaller windows and tables for short contents), and whether anything was left to compress at the end (else an
//! empty block follows). How the input is cut does not matter, but for the slice that comes with the end: it goes around the
//! internal buffer when that has just wrapped, so input is handed over in the program's slices.
//!
//! Output as of 1.5.7. Without splitting (`LibzstdFlag::Unsplit`) it is also that of 1.5.4 at the fast levels, 1, 2 and 13 to 15.

mod ffi;
mod params;

pub use params::{LibzstdFlag, LibzstdParams};

use ffi::{Aim, Context};

use super::super::EncoderFault;

/// Bytes the program reads at once: libzstd's block.
const SLICE: usize = 128 << 10;
/// What libzstd advises for output: a block that did not shrink, its header and a checksum, and the slack it asks for.
const OUTPUT: usize = SLICE + (SLICE >> 8) + 7;

/// A context that writes frames, one after another.
pub(super) struct Encoder {
    context: Context,
    /// The slice that is held back: whether it comes with the end is not known yet.
    slice: Vec<u8>,
    output: Box<[u8]>,
    /// A first call that ends the frame would tell the length.
    may_end: bool,
}

impl Encoder {
    pub(super) fn new(params: &LibzstdParams) -> Result<Self, EncoderFault> {
        let output = vec![0; OUTPUT].into_boxed_slice();
        Ok(Self { context: Context::new(params)?, slice: Vec::with_capacity(SLICE), output, may_end: false })
    }

    /// Starts a frame, of this length if that is known.
    pub(super) fn begin(&mut self, len: Option<u64>) -> Result<(), EncoderFault> {
        self.slice.clear();
        self.may_end = len.is_some();
        self.context.restart(len)
    }

    /// Takes all of `data`; what is emitted goes to `sink`.
    pub(super) fn push<E: From<EncoderFault>>(
        &mut self,
        mut data: &[u8],
        sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        while !data.is_empty() {
            if self.slice.len() == SLICE {
                self.run(Aim::Continue, sink)?;
            }
            let (now, later) = data.split_at(data.len().min(SLICE - self.slice.len()));
            self.slice.extend_from_slice(now);
            data = later;
        }
        Ok(())
    }

    /// Emits everything that was taken. The frame goes on as it would have only if that is a multiple of 512 KiB.
    pub(super) fn flush<E: From<EncoderFault>>(
        &mut self,
        sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.run(Aim::Continue, sink)?;
        self.run(Aim::Flush, sink)
    }

    /// Ends the frame; `alone` if the end is told after the last bytes were compressed.
    pub(super) fn finish<E: From<EncoderFault>>(
        &mut self,
        alone: bool,
        sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if (alone || !self.may_end) && !self.slice.is_empty() {
            self.run(Aim::Continue, sink)?;
        }
        self.run(Aim::End, sink)
    }

    /// Hands the slice over.
    fn run<E: From<EncoderFault>>(&mut self, aim: Aim, sink: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let Self { context, slice, output, may_end } = self;
        *may_end = true;
        let mut rest = slice.as_slice();
        loop {
            let progress = context.step(rest, output, aim)?;
            rest = rest.get(progress.consumed..).unwrap_or_default();
            sink(output.get(..progress.produced).unwrap_or_default())?;
            if rest.is_empty() && (aim == Aim::Continue || progress.done) {
                break;
            }
        }
        slice.clear();
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::cast_possible_truncation)]
mod tests {
    use super::super::frame::{Head, head};
    use super::*;

    fn encode(params: LibzstdParams, data: &[u8], step: usize, len: Option<u64>, alone: bool) -> Vec<u8> {
        let mut encoder = Encoder::new(&params).unwrap();
        let mut out = Vec::new();
        // A frame before, so that what is left of it would show.
        for data in [&b"another frame"[..], data] {
            out.clear();
            encoder.begin(len.map(|_| data.len() as u64)).unwrap();
            let mut sink = |bytes: &[u8]| -> Result<(), EncoderFault> {
                out.extend_from_slice(bytes);
                Ok(())
            };
            data.chunks(step).for_each(|piece| encoder.push(piece, &mut sink).unwrap());
            encoder.finish(alone, &mut sink).unwrap();
        }
        out
    }

    fn data() -> Vec<u8> {
        (0..1_500_000u32).map(|n| (n.wrapping_mul(n >> 6) >> 13) as u8).collect()
    }

    #[test]
    fn every_level_states_the_window_it_is_known_by() {
        let data = data();
        for level in [-7, -1].into_iter().chain(1..=19) {
            let params = LibzstdParams::new(level).unwrap();
            let frame = encode(params, data.get(..300).unwrap(), 300, None, false);
            let Some(Head::Frame(header)) = head(&frame) else { panic!("level {level}") };
            assert_eq!((header.window_log(), header.content_size), (Some(params.window_log()), None), "level {level}");
        }
        let long = LibzstdParams::new(3).unwrap().long(25).unwrap();
        let Some(Head::Frame(header)) = head(&encode(long, &data, 1 << 20, None, true)) else { panic!("long") };
        assert_eq!(header.window_log(), Some(25));
    }

    #[test]
    fn how_input_is_cut_does_not_show() {
        let data = data();
        for (level, workers, len) in [(1, true, None), (1, false, None), (-3, true, Some(0)), (6, false, Some(0))] {
            let params = LibzstdParams::new(level).unwrap().with(LibzstdFlag::Workers, workers);
            let params = params.with(LibzstdFlag::ContentSize, len.is_some());
            let whole = encode(params, &data, data.len(), len, false);
            for step in [1 << 17, (1 << 17) + 1, 70_001] {
                assert!(encode(params, &data, step, len, false) == whole, "level {level} cut at {step}");
            }
            assert!(zstd::decode_all(whole.as_slice()).unwrap() == data, "level {level}");
        }
    }

    #[test]
    fn an_end_that_comes_alone_shows_where_a_block_was_full() {
        let data = data();
        let (params, block) = (LibzstdParams::new(3).unwrap(), data.get(..1 << 18).unwrap());
        let (alone, with) = (encode(params, block, 1 << 18, None, true), encode(params, block, 1 << 18, None, false));
        assert_eq!(alone.len(), with.len() + 3);
        assert!(alone.ends_with(&[1, 0, 0]));
    }
}

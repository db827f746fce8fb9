//! miniz_oxide itself, compiled in: what Rust programs compress with unless told otherwise.
//!
//! 0.7.4, 0.8.9 and 0.9.1 write the same, however the input is cut. At level 1 the room that is given for output shows in the stream:
//! here it is as much as `flate2` gives.

use miniz_oxide::deflate::core::CompressorOxide;
use miniz_oxide::deflate::stream::deflate;
use miniz_oxide::{DataFormat, MZFlush, MZStatus};

use super::EncoderFault;

/// Bytes of output taken at once, as `flate2`'s writers do.
const OUTPUT: usize = 32 << 10;
const STUCK: EncoderFault = EncoderFault::Miniz("no progress");

/// Writes the raw deflate stream that `miniz_oxide` writes without flushes. Memory: about 400 KiB.
pub(super) struct Encoder {
    state: Box<CompressorOxide>,
    output: Box<[u8]>,
}

impl Encoder {
    /// `None` unless `level` is 1 to 10.
    pub(super) fn new(level: u8) -> Option<Self> {
        if !(1..=10).contains(&level) {
            return None;
        }
        let mut state = Box::<CompressorOxide>::default();
        state.set_format_and_level(DataFormat::Raw, level);
        Some(Self { state, output: vec![0; OUTPUT].into_boxed_slice() })
    }

    /// Takes `input` and appends to `out` what is ready.
    pub(super) fn write(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), EncoderFault> {
        while !input.is_empty() {
            let step = deflate(&mut self.state, input, &mut self.output, MZFlush::None);
            if step.bytes_consumed == 0 && step.bytes_written == 0 {
                return Err(STUCK);
            }
            input = input.get(step.bytes_consumed..).unwrap_or_default();
            out.extend_from_slice(self.output.get(..step.bytes_written).unwrap_or_default());
        }
        Ok(())
    }

    /// Appends the rest of the stream to `out`.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) -> Result<(), EncoderFault> {
        loop {
            let step = deflate(&mut self.state, &[], &mut self.output, MZFlush::Finish);
            out.extend_from_slice(self.output.get(..step.bytes_written).unwrap_or_default());
            match step.status {
                Ok(MZStatus::StreamEnd) => return Ok(()),
                Ok(_) if step.bytes_written > 0 => {}
                Ok(_) | Err(_) => return Err(STUCK),
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::recompress::coding::samples::{Piece, assert_same, build, in_pieces, inflate, recorded_gzip};

    fn encode(level: u8, data: &[u8], cuts: &[usize]) -> Vec<u8> {
        let (mut encoder, mut out) = (Encoder::new(level).unwrap(), Vec::new());
        in_pieces(data, cuts).into_iter().for_each(|piece| encoder.write(piece, &mut out).unwrap());
        encoder.finish(&mut out).unwrap();
        out
    }

    /// What flate2 1.1 wrote with miniz_oxide 0.9.1, in writes of 8 KiB.
    #[test]
    fn streams_of_flate2_as_recorded() {
        for level in [1, 6, 9] {
            let stream = recorded_gzip(&format!("flate2-{level}"));
            assert_same(&encode(level, &inflate(&stream), &[1000]), &stream, &level);
        }
    }

    /// A release that writes something else must not take the place of this one: recipes tell nothing but its name.
    #[test]
    fn it_writes_what_it_always_wrote() {
        let data =
            build(&[Piece::Tar(300_000), Piece::Random(50_000), Piece::Words(200_000), Piece::Run(7, 90_000)], 1);
        let mut all = Sha256::new();
        for level in 1..=10 {
            let whole = encode(level, &data, &[]);
            assert!(inflate(&whole) == data, "level {level}");
            assert!(encode(level, &data, &[1, 700, 65_536, 99_999]) == whole, "level {level}");
            all.update(&whole);
        }
        let hash: String = all.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, "fe7b2bb7d90dd62d356315a77bce637f845cd48a9de0fb11ff4b42608870af80");
        assert!(Encoder::new(0).is_none() && Encoder::new(11).is_none());
    }
}

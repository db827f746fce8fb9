//! The archive's parameters, fixed when it is created.

use super::FormatError;
use super::frame::{MAX_CHUNK_LEN, MAX_FRAME_RAW};
use super::pack::MAX_PACK_LEN;
use super::sealed::Kind;
use super::wire::{Put, Reader};
use crate::chunker::Params;
use crate::id::ArchiveId;

const KIND: Kind = Kind { name: "archive config", magic: b"firnconf", version: 1, limit: 4096 };

/// Everything that decides which bytes an archive holds for given images.
///
/// Body: `archive id 16 | created at, seconds 8 | content chunker 12 | metadata chunker 12 | frame raw length 4 |
/// metadata frame raw length 4 | window raw length 4 | pack length 8 | zstd level 1`, a chunker being
/// `algorithm 4 | minimum 4 | maximum 4`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The archive's identity.
    pub archive: ArchiveId,
    /// When it was created, in seconds since the epoch.
    pub created_at: i64,
    /// How file contents are cut.
    pub content_chunker: Params,
    /// How metadata streams are cut.
    pub meta_chunker: Params,
    /// Raw bytes in a frame of content packs.
    pub frame_raw: u32,
    /// Raw bytes in a frame of metadata packs.
    pub meta_frame_raw: u32,
    /// Raw bytes of new content that are arranged by similarity before they are cut into frames.
    pub window_raw: u32,
    /// Length at which a pack is sealed, in bytes.
    pub pack_len: u64,
    /// zstd level of new frames, 1..=19.
    pub level: u8,
}

impl Config {
    /// The object's bytes; parameters out of range are refused here as they are when reading.
    pub fn encode(&self) -> Result<Vec<u8>, FormatError> {
        let mut body = Vec::new();
        body.extend_from_slice(self.archive.as_bytes());
        body.put_i64(self.created_at);
        for chunker in [&self.content_chunker, &self.meta_chunker] {
            body.put_u32(chunker.algorithm());
            body.put_u32(chunker.min());
            body.put_u32(chunker.max());
        }
        body.put_u32(self.frame_raw);
        body.put_u32(self.meta_frame_raw);
        body.put_u32(self.window_raw);
        body.put_u64(self.pack_len);
        body.put_u8(self.level);
        Config::read(Reader::new(KIND.name, &body))?;
        KIND.seal(&body)
    }

    /// Reads the object.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        Config::read(KIND.open(bytes)?)
    }

    fn read(mut reader: Reader<'_>) -> Result<Self, FormatError> {
        let config = Config {
            archive: ArchiveId::from_bytes(reader.array()?),
            created_at: reader.i64()?,
            content_chunker: read_chunker(&mut reader)?,
            meta_chunker: read_chunker(&mut reader)?,
            frame_raw: reader.u32()?,
            meta_frame_raw: reader.u32()?,
            window_raw: reader.u32()?,
            pack_len: reader.u64()?,
            level: reader.u8()?,
        };
        let frames = [config.frame_raw, config.meta_frame_raw];
        let chunk_max = config.content_chunker.max().max(config.meta_chunker.max());
        if frames.iter().any(|raw| *raw < chunk_max || *raw > MAX_FRAME_RAW) {
            return Err(reader.invalid(format!("frames must hold {chunk_max} to {MAX_FRAME_RAW} raw bytes")));
        }
        if config.window_raw < config.frame_raw || config.window_raw > 1 << 30 {
            return Err(reader.invalid("the window must hold at least one frame and at most 1 GiB"));
        }
        if config.pack_len < 1 << 20 || config.pack_len > MAX_PACK_LEN {
            return Err(reader.invalid(format!("packs must be 1 MiB to {MAX_PACK_LEN} bytes long")));
        }
        if !(1..=19).contains(&config.level) {
            return Err(reader.invalid("the zstd level must be 1 to 19"));
        }
        reader.finish()?;
        Ok(config)
    }
}

fn read_chunker(reader: &mut Reader<'_>) -> Result<Params, FormatError> {
    let (algorithm, min, max) = (reader.u32()?, reader.u32()?, reader.u32()?);
    if max > MAX_CHUNK_LEN {
        return Err(reader.invalid(format!("chunks of up to {max} bytes, more than {MAX_CHUNK_LEN}")));
    }
    Params::from_config(algorithm, min, max).map_err(|error| reader.invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Config {
        Config {
            archive: ArchiveId::from_bytes([1; 16]),
            created_at: 1_790_000_000,
            content_chunker: Params::default(),
            meta_chunker: Params::metadata(),
            frame_raw: 1 << 20,
            meta_frame_raw: 1 << 20,
            window_raw: 64 << 20,
            pack_len: 64 << 20,
            level: 3,
        }
    }

    #[test]
    fn a_config_comes_back_as_the_golden_bytes() {
        let bytes = sample().encode().unwrap();
        assert_eq!(super::super::golden("config", &bytes), bytes);
        assert_eq!(Config::decode(&bytes), Ok(sample()));
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        let spoil: [fn(&mut Config); 7] = [
            |config| config.frame_raw = 20_000,
            |config| config.meta_frame_raw = MAX_FRAME_RAW + 1,
            |config| config.window_raw = 1000,
            |config| config.pack_len = MAX_PACK_LEN + 1,
            |config| config.pack_len = 0,
            |config| config.level = 0,
            |config| config.level = 20,
        ];
        for (number, spoil) in spoil.iter().enumerate() {
            let mut config = sample();
            spoil(&mut config);
            assert!(config.encode().is_err(), "case {number}");
        }
    }
}
